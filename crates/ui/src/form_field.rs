//! The label, hint and error around one form control.

use leptos::prelude::*;

use super::{
    form::Form,
    icon::{Glyph, Icon},
};

/// The texts around a control, besides its label and its error.
#[derive(Clone, Default)]
pub struct FieldTexts {
    /// The expected value.
    pub hint: Option<String>,
    /// The consequence of the current value.
    pub note: Option<Signal<String>>,
    /// Whether it can be left empty.
    pub is_optional: bool,
}

impl From<Option<String>> for FieldTexts {
    fn from(hint: Option<String>) -> Self {
        Self { hint, ..Self::default() }
    }
}

/// The attributes that link a control to its label, its texts and its error.
#[derive(Clone)]
pub struct FieldAria {
    /// The id that the label's `for` refers to.
    pub id: String,
    /// `aria-describedby`: the ids of the error and the texts.
    pub described_by: Signal<Option<String>>,
    /// `aria-invalid`: `true` or absent.
    pub invalid: Signal<Option<&'static str>>,
}

impl FieldAria {
    pub fn new(form: Form, name: &'static str, texts: &FieldTexts) -> Self {
        // The error of a field of this name that this one replaces.
        form.clear_error(name);
        let error = form.field_error(name);
        let (has_hint, has_note, is_optional) = (texts.hint.is_some(), texts.note.is_some(), texts.is_optional);
        let described_by = move || {
            let parts = [("wrong", error.get().is_some()), ("hint", has_hint), ("note", has_note), ("optional", is_optional)];
            let ids: Vec<_> = parts.into_iter().filter(|(_, is_shown)| *is_shown).map(|(part, _)| format!("{part}-{name}")).collect();
            (!ids.is_empty()).then(|| ids.join(" "))
        };
        Self { id: format!("field-{name}"), described_by: Signal::derive(described_by), invalid: Signal::derive(move || error.get().map(|_| "true")) }
    }
}

/// A control below its label and above its texts and its error.
pub fn form_field(form: Form, name: &'static str, label: &'static str, texts: FieldTexts, control: impl FnOnce(FieldAria) -> AnyView) -> AnyView {
    let attached = FieldAria::new(form, name, &texts);
    // Outside of the label, whose text is the accessible name.
    let optional =
        texts.is_optional.then(|| view! { <span class="field-optional" id=format!("optional-{name}") aria-hidden="true">"Optional"</span> });
    view! {
        <div class="field">
            <div class="field-head">
                <label for=attached.id.clone()>{label}</label>
                {optional}
            </div>
            {control(attached)}
            {field_messages(form, name, texts)}
        </div>
    }
    .into_any()
}

/// Checkboxes or radio buttons between their common label and their texts and error.
pub fn field_group(form: Form, name: &'static str, label: &'static str, texts: FieldTexts, controls: impl FnOnce(FieldAria) -> AnyView) -> AnyView {
    let attached = FieldAria::new(form, name, &texts);
    let described_by = attached.described_by;
    view! {
        <fieldset class="field check-group" aria-describedby=described_by>
            <legend>{label}</legend>
            {controls(attached)}
            {field_messages(form, name, texts)}
        </fieldset>
    }
    .into_any()
}

/// The texts and the error of a field.
fn field_messages(form: Form, name: &'static str, texts: FieldTexts) -> AnyView {
    view! {
        {texts.hint.map(|hint| view! { <p class="field-hint" id=format!("hint-{name}")>{hint}</p> })}
        {texts.note.map(|note| view! { <p class="field-note" id=format!("note-{name}")>{move || note.get()}</p> })}
        <FieldError id=format!("wrong-{name}") error=form.field_error(name)/>
    }
    .into_any()
}

/// The error of a field, announced when it appears.
#[component]
pub fn FieldError(#[prop(into)] id: Signal<String>, error: Signal<Option<String>>) -> impl IntoView {
    view! {
        <p class="field-error" id=move || id.get() aria-live="polite">
            {move || error.get().map(|message| view! { <Icon glyph=Glyph::Error/> <span>{message}</span> })}
        </p>
    }
}
