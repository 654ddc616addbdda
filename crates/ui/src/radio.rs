//! Radio buttons.

use leptos::prelude::*;

use super::{
    form::Form,
    form_field::{FieldAria, field_messages},
    select::Choice,
};

/// A group of radio buttons in a form. See [`Form::check_group`].
#[component]
pub fn RadioGroup(
    form: Form,
    /// Field name in the request.
    name: &'static str,
    label: &'static str,
    options: Vec<Choice>,
    chosen: RwSignal<String>,
) -> impl IntoView {
    let FieldAria { described_by, .. } = FieldAria::new(form, name, false);
    let radio = |(value, label_text): Choice| {
        let is_chosen = value == chosen.get_untracked();
        let on_change = {
            let value = value.clone();
            move |_| chosen.set(value.clone())
        };
        view! {
            <label class="check">
                <input type="radio" class="checkbox" name=name value=value checked=is_chosen on:change=on_change/>
                <span>{label_text}</span>
            </label>
        }
    };
    view! {
        <fieldset class="field check-group" aria-describedby=described_by>
            <legend>{label}</legend>
            <div class="checks">{options.into_iter().map(radio).collect_view()}</div>
            {field_messages(form, name, None)}
        </fieldset>
    }
}
