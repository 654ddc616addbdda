//! One operation: what it does, what it takes, and a way to try it.

use leptos::{html, prelude::*, task::spawn_local};

use super::{
    Key,
    answer::{AnswerView, Outcome},
    call::{self, Call},
    document::{Operation, Parameter},
    prose::{Prose, line},
};
use crate::ui::{
    browser,
    button::{Button, Weight},
    copy::CopyButton,
    fetch::fetch,
    form::Form,
    form_dialog::FormDialog,
    icon::{Glyph, Icon},
};

/// What was filled in, and what came of it.
#[derive(Clone, Copy)]
struct Trial {
    operation: StoredValue<Operation>,
    key: Key,
    values: RwSignal<Vec<String>>,
    body: RwSignal<Option<String>>,
    /// The parameter that is missing.
    missing: RwSignal<Option<usize>>,
    /// Whether it waits for a second yes.
    asking: RwSignal<bool>,
    outcome: RwSignal<Option<Outcome>>,
}

impl Trial {
    fn new(operation: Operation, key: Key) -> Self {
        Self {
            values: RwSignal::new(vec![String::new(); operation.parameters.len()]),
            body: RwSignal::new(operation.bodies.first().map(|(_, body)| browser::pretty(body))),
            operation: StoredValue::new(operation),
            key,
            missing: RwSignal::new(None),
            asking: RwSignal::new(false),
            outcome: RwSignal::new(None),
        }
    }

    fn needs_key(self) -> bool {
        self.operation.with_value(|operation| operation.scopes.is_some())
    }

    /// The call as it is filled in now.
    fn call(self) -> Call {
        let body = self.body.get().filter(|body| !body.trim().is_empty());
        self.operation.with_value(|operation| self.values.with(|values| call::call(operation, values, body, browser::encode)))
    }

    fn curl(self) -> String {
        self.key.typed.with(|key| call::curl(&self.call(), &browser::origin(), self.needs_key(), key.trim()))
    }

    /// Sends it, if nothing is missing; what takes something away asks first.
    fn press(self) {
        let missing = self.operation.with_value(|operation| self.values.with_untracked(|values| call::missing(operation, values)));
        self.missing.set(missing);
        if let Some(at) = missing {
            let id = self.operation.with_value(|operation| field_id(operation, &operation.parameters[at]));
            browser::focus_id(&id);
        } else if self.needs_key() && !self.key.is_there() {
            self.key.ask_for();
        } else if self.operation.with_value(Operation::is_destructive) {
            self.asking.set(true);
        } else {
            self.send();
        }
    }

    fn send(self) {
        if self.outcome.with_untracked(|outcome| *outcome == Some(Outcome::Pending)) {
            return;
        }
        let Call { method, path, mut headers, body } = untrack(|| self.call());
        if self.needs_key() {
            headers.push(("Authorization".to_owned(), format!("Bearer {}", self.key.typed.get_untracked().trim())));
        }
        self.outcome.set(Some(Outcome::Pending));
        spawn_local(async move {
            let began = browser::now_ms();
            let fetched = fetch(&method, &path, &headers, body.as_deref()).await;
            let outcome = fetched.map_or(Outcome::Unreached, |answer| Outcome::Answered(answer, browser::now_ms() - began));
            // The page may have been left meanwhile.
            let _ = self.outcome.try_set(Some(outcome));
        });
    }
}

/// The id of the input of a parameter.
fn field_id(operation: &Operation, parameter: &Parameter) -> String {
    format!("{}.{}", operation.id, parameter.name)
}

/// What an operation does, takes and answers.
#[component]
pub fn OperationBody(
    /// The operation.
    operation: Operation,
    /// The key to try it with.
    key: Key,
) -> impl IntoView {
    let trial = Trial::new(operation.clone(), key);
    let fields = operation.parameters.iter().enumerate().map(|(at, parameter)| parameter_field(trial, &operation, at, parameter)).collect_view();
    let answers = operation.answers.iter().map(|(status, told)| view! { <div><dt>{status.clone()}</dt><dd>{line(told)}</dd></div> }).collect_view();
    // Where the description says it in words, it is not said twice.
    let needs = match operation.scopes.as_deref() {
        None => Some(view! { <p class="operation-needs">"No key is needed."</p> }.into_any()),
        Some([]) => None,
        Some(scopes) => {
            let scopes = scopes.join(", ");
            Some(view! { <p class="operation-needs">"Needs a platform key with the scope " <code>{scopes}</code> "."</p> }.into_any())
        }
    };
    let body = (!operation.bodies.is_empty()).then(|| view! { <BodyField trial id=operation.id.clone() bodies=operation.bodies.clone()/> });
    view! {
        <div class="operation-body">
            <Prose text=operation.description/>
            {needs}
            {fields}
            {body}
            <CurlLine trial/>
            <div class="operation-foot">
                <Button label="Send" weight=Weight::Primary on_click=move |()| trial.press()
                    pending=Signal::derive(move || trial.outcome.with(|outcome| *outcome == Some(Outcome::Pending)))/>
            </div>
            <AnswerView outcome=trial.outcome/>
            <details class="operation-answers">
                <summary>"Answers"</summary>
                <dl class="call-headers">{answers}</dl>
            </details>
            {move || trial.asking.get().then(|| view! { <Question trial/> })}
        </div>
    }
}

/// The body, and examples of it to choose from where there are more than one.
#[component]
fn BodyField(trial: Trial, id: String, bodies: Vec<(String, String)>) -> impl IntoView {
    let (body_id, choice_id) = (format!("{id}-body"), format!("{id}-example"));
    let bodies = StoredValue::new(bodies);
    let choose = move |chosen: String| {
        let chosen = chosen.parse::<usize>().ok().and_then(|at| bodies.with_value(|bodies| bodies.get(at).map(|(_, body)| browser::pretty(body))));
        trial.body.set(chosen);
    };
    let option = |(at, (name, _)): (usize, &(String, String))| view! { <option value=at.to_string()>{name.clone()}</option> };
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
            <textarea id=body_id.clone() rows=move || lines_of(trial.body) spellcheck="false" autocapitalize="none" autocomplete="off"
                prop:value=move || trial.body.get().unwrap_or_default()
                on:input:target=move |event| trial.body.set(Some(event.target().value()))></textarea>
        </div>
    }
}

/// How many lines a body is shown at, so that most need no scrolling.
fn lines_of(body: RwSignal<Option<String>>) -> String {
    const RANGE: (usize, usize) = (4, 16);
    body.with(|body| body.as_deref().map_or(0, |body| body.lines().count() + 1)).clamp(RANGE.0, RANGE.1).to_string()
}

fn parameter_field(trial: Trial, operation: &Operation, at: usize, parameter: &Parameter) -> AnyView {
    let id = field_id(operation, parameter);
    let Parameter { name, place, required, description, kind } = parameter.clone();
    let (hint_id, wrong_id) = (format!("{id}-hint"), format!("{id}-wrong"));
    let described_by = format!("{wrong_id} {hint_id}");
    let is_missing = move || trial.missing.get() == Some(at);
    let type_in = move |text: String| {
        trial.values.update(|values| values[at] = text);
        trial.missing.set(None);
    };
    let need = if required { ", required" } else { "" };
    view! {
        <div class="field">
            <label for=id.clone()><code>{name}</code></label>
            <div class="field-input">
                <input id=id type="text" autocomplete="off" spellcheck="false" autocapitalize="none" aria-required=required.then_some("true")
                    aria-invalid=move || is_missing().then_some("true") aria-describedby=described_by
                    on:input:target=move |event| type_in(event.target().value())/>
            </div>
            <p class="field-wrong" id=wrong_id aria-live="polite">{move || is_missing().then_some("Enter a value.")}</p>
            <p class="field-hint" id=hint_id>{place.word()} {need} " · " {kind} {(!description.is_empty()).then_some(" · ")} {line(&description)}</p>
        </div>
    }
    .into_any()
}

/// The call for the shell.
#[component]
fn CurlLine(trial: Trial) -> impl IntoView {
    let shown_in = NodeRef::<html::Code>::new();
    let line = Memo::new(move |_| trial.curl());
    view! {
        <div class="operation-curl">
            <pre class="code" tabindex="0" role="region" aria-label="curl"><code node_ref=shown_in>{line}</code></pre>
            <CopyButton text=line shown_in/>
        </div>
    }
}

/// Asks before something is taken away.
#[component]
fn Question(trial: Trial) -> impl IntoView {
    let form = Form::new();
    let Call { method, path, .. } = untrack(|| trial.call());
    let go = move |()| {
        trial.asking.set(false);
        trial.send();
    };
    view! {
        <FormDialog title="Send this call?" form submit="Send" weight=Weight::Danger on_submit=go on_dismiss=Callback::new(move |()| trial.asking.set(false))>
            <p><code class="operation-called">{method} " " {path}</code></p>
            <p>"It is no rehearsal: what it deletes in your organization is gone, and nothing brings it back."</p>
        </FormDialog>
    }
}
