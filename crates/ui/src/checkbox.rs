//! Checkboxes.

use leptos::{ev, html, prelude::*};

use super::{
    form::Form,
    form_field::{FieldAria, field_messages},
};

/// A checkbox outside of a form, such as one that selects a row. Its owner controls whether it is checked.
#[component]
pub fn Checkbox(
    /// Accessible name; not shown.
    #[prop(into)]
    label: String,
    /// Whether it is checked; `None` is indeterminate.
    #[prop(into)]
    checked: Signal<Option<bool>>,
    /// Called on click and on the space bar.
    #[prop(into)]
    on_click: Callback<ev::MouseEvent>,
) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    // A click toggles the native state, so it is reset to the controlled state after each click even if that did not change.
    let clicks = RwSignal::new(0_u32);
    Effect::new(move || {
        clicks.track();
        if let (Some(input), checked) = (input.get(), checked.get()) {
            input.set_checked(checked == Some(true));
            input.set_indeterminate(checked.is_none());
        }
    });
    let on_click = move |event: ev::MouseEvent| {
        on_click.run(event);
        set_timeout(
            move || {
                let _ = clicks.try_update(|clicks| *clicks += 1);
            },
            std::time::Duration::ZERO,
        );
    };
    view! { <input type="checkbox" class="checkbox" node_ref=input aria-label=label on:click=on_click/> }
}

/// One checkbox of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckboxOption {
    /// Its value in the request.
    pub value: String,
    pub label: String,
    /// Whether it is checked initially.
    pub checked: bool,
}

/// A group of checkboxes in a form. See [`Form::check_group`].
#[component]
pub fn CheckboxGroup(
    form: Form,
    /// Field name in the request.
    name: &'static str,
    label: &'static str,
    options: Vec<CheckboxOption>,
    #[prop(optional, into)] hint: Option<String>,
) -> impl IntoView {
    let FieldAria { described_by, invalid, .. } = FieldAria::new(form, name, hint.is_some());
    let checkbox = |CheckboxOption { value, label, checked }: CheckboxOption| {
        view! {
            <label class="check">
                <input type="checkbox" class="checkbox" name=name value=value checked=checked aria-invalid=invalid/>
                <span>{label}</span>
            </label>
        }
    };
    view! {
        <fieldset class="field check-group" aria-describedby=described_by>
            <legend>{label}</legend>
            <div class="checks">{options.into_iter().map(checkbox).collect_view()}</div>
            {field_messages(form, name, hint)}
        </fieldset>
    }
}
