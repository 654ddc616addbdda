//! The label, hint and error around one form control.

use leptos::prelude::*;

use super::form::Form;

/// The attributes that link a control to its label, hint and error.
#[derive(Clone)]
pub struct FieldAria {
    /// The id that the label's `for` refers to.
    pub id: String,
    /// `aria-describedby`: the id of the error or the hint.
    pub described_by: Signal<Option<String>>,
    /// `aria-invalid`: `true` or absent.
    pub invalid: Signal<Option<&'static str>>,
}

impl FieldAria {
    pub fn new(form: Form, name: &'static str, has_hint: bool) -> Self {
        let error = form.field_error(name);
        let described_by = move || match (error.get().is_some(), has_hint) {
            (true, _) => Some(format!("wrong-{name}")),
            (false, true) => Some(format!("hint-{name}")),
            (false, false) => None,
        };
        Self { id: format!("field-{name}"), described_by: Signal::derive(described_by), invalid: Signal::derive(move || error.get().map(|_| "true")) }
    }
}

/// A control below its label and above its hint and error.
pub fn form_field(form: Form, name: &'static str, label: &'static str, hint: Option<String>, control: impl FnOnce(FieldAria) -> AnyView) -> AnyView {
    let attached = FieldAria::new(form, name, hint.is_some());
    view! {
        <div class="field">
            <label for=attached.id.clone()>{label}</label>
            {control(attached)}
            {field_messages(form, name, hint)}
        </div>
    }
    .into_any()
}

/// The hint and error of a field.
pub fn field_messages(form: Form, name: &'static str, hint: Option<String>) -> AnyView {
    let error = form.field_error(name);
    view! {
        {hint.map(|hint| view! { <p class="field-hint" id=format!("hint-{name}")>{hint}</p> })}
        <p class="field-error" id=format!("wrong-{name}") aria-live="polite">{move || error.get()}</p>
    }
    .into_any()
}
