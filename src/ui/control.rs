//! What surrounds one control of a form: its label, a hint, and what is wrong with it.

use leptos::prelude::*;

use super::form::Form;

/// What a control itself has to say of its surroundings.
#[derive(Clone)]
pub struct Attached {
    /// The id by which its label finds it.
    pub id: String,
    /// The id of what describes it.
    pub described_by: Signal<Option<String>>,
    /// `aria-invalid`: `true` or nothing.
    pub invalid: Signal<Option<&'static str>>,
}

impl Attached {
    /// The ids of a field's parts, and its complaint.
    pub fn new(form: Form, name: &'static str, has_hint: bool) -> Self {
        let wrong = form.wrong(name);
        let described_by = move || match (wrong.get().is_some(), has_hint) {
            (true, _) => Some(format!("wrong-{name}")),
            (false, true) => Some(format!("hint-{name}")),
            (false, false) => None,
        };
        Self { id: format!("field-{name}"), described_by: Signal::derive(described_by), invalid: Signal::derive(move || wrong.get().map(|_| "true")) }
    }
}

/// A control below its label, above its hint and its complaint.
pub fn labelled(form: Form, name: &'static str, label: &'static str, hint: Option<String>, control: impl FnOnce(Attached) -> AnyView) -> AnyView {
    let attached = Attached::new(form, name, hint.is_some());
    view! {
        <div class="field">
            <label for=attached.id.clone()>{label}</label>
            {control(attached)}
            {below(form, name, hint)}
        </div>
    }
    .into_any()
}

/// The hint and the complaint of a field.
pub fn below(form: Form, name: &'static str, hint: Option<String>) -> AnyView {
    let wrong = form.wrong(name);
    view! {
        {hint.map(|hint| view! { <p class="field-hint" id=format!("hint-{name}")>{hint}</p> })}
        <p class="field-wrong" id=format!("wrong-{name}") aria-live="polite">{move || wrong.get()}</p>
    }
    .into_any()
}
