//! One operation: description, parameters, and a form to send a request.

use leptos::{html, prelude::*, task::spawn_local};

use super::{
    api_key_input::ApiKeyInput,
    document::{Operation, Parameter},
    markdown::{Markdown, inline_markdown},
    request::{self, Request},
    response::{RequestState, ResponseView},
};
use latchkey_ui::{
    browser,
    button::{Button, ButtonVariant},
    copy::CopyButton,
    fetch::fetch,
    form::Form,
    form_dialog::FormDialog,
    icon::{Glyph, Icon},
};

/// The values of the form, and the state of its request.
#[derive(Clone, Copy)]
struct RequestForm {
    operation: StoredValue<Operation>,
    key: ApiKeyInput,
    values: RwSignal<Vec<String>>,
    body: RwSignal<Option<String>>,
    /// Index of the required parameter without a value.
    missing: RwSignal<Option<usize>>,
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

    fn curl(self) -> String {
        self.key.typed.with(|key| request::curl(&self.request(), &browser::origin(), self.needs_key(), key.trim()))
    }

    /// Validates and sends the request. A destructive operation opens the confirmation first.
    fn submit(self) {
        let missing = self.operation.with_value(|operation| self.values.with_untracked(|values| request::missing(operation, values)));
        self.missing.set(missing);
        if let Some(index) = missing {
            let id = self.operation.with_value(|operation| field_id(operation, &operation.parameters[index]));
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

/// The element id of a parameter's input.
fn field_id(operation: &Operation, parameter: &Parameter) -> String {
    format!("{}.{}", operation.id, parameter.name)
}

#[component]
pub(super) fn OperationBody(operation: Operation, key: ApiKeyInput) -> impl IntoView {
    let request = RequestForm::new(operation.clone(), key);
    let fields =
        operation.parameters.iter().enumerate().map(|(index, parameter)| parameter_field(request, &operation, index, parameter)).collect_view();
    let responses = operation
        .responses
        .iter()
        .map(|(status, description)| view! { <div><dt>{status.clone()}</dt><dd>{inline_markdown(description)}</dd></div> })
        .collect_view();
    // Without scopes the description names the requirement.
    let requirement = match operation.scopes.as_deref() {
        None => Some(view! { <p class="operation-requirement">"No key required."</p> }.into_any()),
        Some([]) => None,
        Some(scopes) => {
            let scopes = scopes.join(", ");
            Some(view! { <p class="operation-requirement">"Requires an internal key with scope " <code>{scopes}</code> "."</p> }.into_any())
        }
    };
    let body = (!operation.bodies.is_empty()).then(|| view! { <BodyField request id=operation.id.clone() bodies=operation.bodies.clone()/> });
    view! {
        <div class="operation-body">
            <Markdown text=operation.description/>
            {requirement}
            {fields}
            {body}
            <CurlCommand request/>
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

/// The body, with a choice of examples if there is more than one.
#[component]
fn BodyField(request: RequestForm, id: String, bodies: Vec<(String, String)>) -> impl IntoView {
    let (body_id, choice_id) = (format!("{id}-body"), format!("{id}-example"));
    let bodies = StoredValue::new(bodies);
    let choose = move |chosen: String| {
        let chosen =
            chosen.parse::<usize>().ok().and_then(|index| bodies.with_value(|bodies| bodies.get(index).map(|(_, body)| browser::pretty_json(body))));
        request.body.set(chosen);
    };
    let option = |(index, (name, _)): (usize, &(String, String))| view! { <option value=index.to_string()>{name.clone()}</option> };
    let options = bodies.with_value(|bodies| bodies.iter().enumerate().map(option).collect_view());
    let choice = bodies.with_value(|bodies| bodies.len() > 1).then(|| {
        view! {
            <div class="field">
                <label for=choice_id.clone()>"Example"</label>
                <div class="select field-input">
                    <select id=choice_id.clone() on:change:target=move |event| choose(event.target().value())>{options}</select>
                    <Icon glyph=Glyph::Down/>
                </div>
            </div>
        }
    });
    view! {
        {choice}
        <div class="field">
            <label for=body_id.clone()>"Body"</label>
            <textarea id=body_id.clone() rows=move || lines_of(request.body) spellcheck="false" autocapitalize="none" autocomplete="off"
                prop:value=move || request.body.get().unwrap_or_default()
                on:input:target=move |event| request.body.set(Some(event.target().value()))></textarea>
        </div>
    }
}

/// Height of the body field in lines, so that most bodies need no scrolling.
fn lines_of(body: RwSignal<Option<String>>) -> String {
    const RANGE: (usize, usize) = (4, 16);
    body.with(|body| body.as_deref().map_or(0, |body| body.lines().count() + 1)).clamp(RANGE.0, RANGE.1).to_string()
}

fn parameter_field(request: RequestForm, operation: &Operation, index: usize, parameter: &Parameter) -> AnyView {
    let id = field_id(operation, parameter);
    let Parameter { name, location, required, description, kind } = parameter.clone();
    let (hint_id, wrong_id) = (format!("{id}-hint"), format!("{id}-wrong"));
    let described_by = format!("{wrong_id} {hint_id}");
    let is_missing = move || request.missing.get() == Some(index);
    let type_in = move |text: String| {
        request.values.update(|values| values[index] = text);
        request.missing.set(None);
    };
    let required_text = if required { ", required" } else { "" };
    view! {
        <div class="field">
            <label for=id.clone()><code>{name}</code></label>
            <div class="field-input">
                <input id=id type="text" autocomplete="off" spellcheck="false" autocapitalize="none" aria-required=required.then_some("true")
                    aria-invalid=move || is_missing().then_some("true") aria-describedby=described_by
                    on:input:target=move |event| type_in(event.target().value())/>
            </div>
            <p class="field-error" id=wrong_id aria-live="polite">{move || is_missing().then_some("Enter a value.")}</p>
            <p class="field-hint" id=hint_id>{location.as_str()} {required_text} " · " {kind} {(!description.is_empty()).then_some(" · ")} {inline_markdown(&description)}</p>
        </div>
    }
    .into_any()
}

#[component]
fn CurlCommand(request: RequestForm) -> impl IntoView {
    let shown_in = NodeRef::<html::Code>::new();
    let line = Memo::new(move |_| request.curl());
    view! {
        <div class="operation-curl">
            <pre class="code" tabindex="0" role="region" aria-label="curl"><code node_ref=shown_in>{line}</code></pre>
            <CopyButton text=line shown_in/>
        </div>
    }
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
        <FormDialog title="Send this request?" form submit="Send" variant=ButtonVariant::Danger on_submit=confirm on_dismiss=Callback::new(move |()| request.is_confirming.set(false))>
            <p><code class="operation-request">{method} " " {path}</code></p>
            <p>"This runs on live data. Anything it deletes can’t be restored."</p>
        </FormDialog>
    }
}
