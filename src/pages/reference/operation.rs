//! One operation: description, inputs, and a form to send a request.

use leptos::{prelude::*, task::spawn_local};

use super::{
    api_key_input::ApiKeyInput,
    body::{BodyInput, FieldTables},
    document::Operation,
    markdown::{Markdown, inline_markdown},
    parameters::{Parameters, field_id},
    request::{self, Request},
    response::{RequestState, ResponseView},
    samples::{Key, samples},
};
use latchkey_ui::{
    browser,
    button::{Button, ButtonVariant},
    code_tabs::CodeTabs,
    confirm_dialog::{ConfirmDialog, ConfirmObject},
    fetch::fetch,
    form::Form,
};

/// The values of the form, and the state of its request.
#[derive(Clone, Copy)]
pub(super) struct RequestForm {
    operation: StoredValue<Operation>,
    key: ApiKeyInput,
    /// One for each parameter.
    pub(super) values: RwSignal<Vec<String>>,
    pub(super) body: RwSignal<Option<String>>,
    /// Index of the required parameter without a value.
    pub(super) missing: RwSignal<Option<usize>>,
    /// Whether the confirmation dialog is open.
    is_confirming: RwSignal<bool>,
    state: RwSignal<Option<RequestState>>,
}

impl RequestForm {
    fn new(operation: Operation, key: ApiKeyInput) -> Self {
        Self {
            values: RwSignal::new(vec![String::new(); operation.parameters.len()]),
            body: RwSignal::new(operation.bodies.first().map(|(_, body)| browser::pretty_json(body))),
            operation: StoredValue::new(operation),
            key,
            missing: RwSignal::new(None),
            is_confirming: RwSignal::new(false),
            state: RwSignal::new(None),
        }
    }

    fn needs_key(self) -> bool {
        self.operation.with_value(|operation| operation.scopes.is_some())
    }

    /// The request with the current values.
    fn request(self) -> Request {
        let body = self.body.get().filter(|body| !body.trim().is_empty());
        self.operation.with_value(|operation| self.values.with(|values| request::build(operation, values, body, browser::encode)))
    }

    /// Validates and sends the request. A destructive operation opens the confirmation first.
    fn submit(self) {
        let missing = self.operation.with_value(|operation| self.values.with_untracked(|values| request::missing(operation, values)));
        self.missing.set(missing);
        if let Some(index) = missing {
            let id = self.operation.with_value(|operation| field_id(&operation.id, &operation.parameters[index]));
            browser::focus_id(&id);
        } else if self.needs_key() && !self.key.is_present() {
            self.key.require();
        } else if self.operation.with_value(Operation::is_destructive) {
            self.is_confirming.set(true);
        } else {
            self.send();
        }
    }

    fn send(self) {
        if self.state.with_untracked(|state| *state == Some(RequestState::Pending)) {
            return;
        }
        let Request { method, path, mut headers, body } = untrack(|| self.request());
        if self.needs_key() {
            headers.push(("Authorization".to_owned(), format!("Bearer {}", self.key.typed.get_untracked().trim())));
        }
        self.state.set(Some(RequestState::Pending));
        spawn_local(async move {
            let started_at = browser::now_ms();
            let response = fetch(&method, &path, &headers, body.as_deref()).await;
            let state = response.map_or(RequestState::Unreachable, |response| RequestState::Received(response, browser::now_ms() - started_at));
            // The page may be closed by now.
            let _ = self.state.try_set(Some(state));
        });
    }
}

#[component]
pub(super) fn OperationBody(operation: Operation, key: ApiKeyInput) -> impl IntoView {
    let request = RequestForm::new(operation.clone(), key);
    let Operation { id, description, scopes, parameters, bodies, forms, responses, .. } = operation;
    let body = (!bodies.is_empty()).then(|| view! { <BodyInput request id=id.clone() bodies/> });
    let responses = responses
        .into_iter()
        .map(|(status, description)| view! { <div><dt>{status}</dt><dd>{inline_markdown(&description)}</dd></div> })
        .collect_view();
    view! {
        <div class="operation-body">
            <Markdown text=description/>
            {requirement(scopes.as_deref())}
            <Parameters request operation=id parameters/>
            <FieldTables forms/>
            {body}
            <Samples request/>
            <div class="operation-foot">
                <Button label="Send" variant=ButtonVariant::Primary on_click=move |()| request.submit()
                    pending=Signal::derive(move || request.state.with(|state| *state == Some(RequestState::Pending)))/>
            </div>
            <ResponseView state=request.state/>
            <details class="operation-responses">
                <summary>"Responses"</summary>
                <dl class="call-headers">{responses}</dl>
            </details>
            {move || request.is_confirming.get().then(|| view! { <ConfirmSend request/> })}
        </div>
    }
}

/// The key that an operation requires. Without scopes the description names the requirement.
fn requirement(scopes: Option<&[String]>) -> Option<AnyView> {
    match scopes {
        None => Some(view! { <p class="operation-requirement">"No key required."</p> }.into_any()),
        Some([]) => None,
        Some(scopes) => {
            let scopes = scopes.join(", ");
            Some(view! { <p class="operation-requirement">"Requires an internal key with scope " <code>{scopes}</code> "."</p> }.into_any())
        }
    }
}

/// The request as code, which follows the form.
#[component]
fn Samples(request: RequestForm) -> impl IntoView {
    let origin = browser::origin();
    let code = Memo::new(move |_| {
        let values = request.request();
        request.key.typed.with(|typed| samples(&values, &origin, Key { typed: typed.trim(), is_needed: request.needs_key() }))
    });
    view! { <CodeTabs samples=code label="Code samples"/> }
}

#[component]
fn ConfirmSend(request: RequestForm) -> impl IntoView {
    let form = Form::new();
    let Request { method, path, .. } = untrack(|| request.request());
    let confirm = move |()| {
        request.is_confirming.set(false);
        request.send();
    };
    view! {
        <ConfirmDialog title="Send this request?" objects=ConfirmObject::only(format!("{method} {path}"))
            effect="This runs on live data. Anything it deletes can’t be restored."
            verb="Send" form on_confirm=confirm on_dismiss=move |()| request.is_confirming.set(false)/>
    }
}
