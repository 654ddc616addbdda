//! Drop-down lists.

use leptos::{html, prelude::*};

use super::{
    form::Form,
    form_field::{FieldAria, FieldTexts, form_field},
    icon::{Glyph, Icon},
};

/// An option: its value in the request and its label.
pub type Choice = (String, String);

/// Options from constants.
pub fn choices(fixed: &[(&str, &str)]) -> Vec<Choice> {
    fixed.iter().map(|(value, label_text)| ((*value).to_owned(), (*label_text).to_owned())).collect()
}

/// A drop-down in a form. See [`Form::check`].
#[component]
pub fn SelectField(
    form: Form,
    /// Field name in the request.
    name: &'static str,
    label: &'static str,
    options: Vec<Choice>,
    /// Initial value; the first option by default.
    #[prop(optional, into)]
    value: String,
    #[prop(optional, into)] hint: Option<String>,
    /// The consequence of the current value.
    #[prop(optional)]
    note: Option<Signal<String>>,
    #[prop(optional)] autofocus: bool,
    /// The value that the owner selects after rendering.
    #[prop(optional)]
    selected: Option<Signal<String>>,
    /// Called with the value that the user selects.
    #[prop(optional, into)]
    on_change: Option<Callback<String>>,
) -> impl IntoView {
    let select = NodeRef::<html::Select>::new();
    if let Some(selected) = selected {
        Effect::new(move || {
            if let Some(select) = select.get() {
                select.set_value(&selected.get());
            }
        });
    }
    let texts = FieldTexts { hint, note, is_optional: false };
    form_field(form, name, label, texts, move |FieldAria { id, described_by, invalid }| {
        view! {
            <div class="select">
                <select node_ref=select id=id name=name autofocus=autofocus aria-invalid=invalid aria-describedby=described_by
                    on:change:target=move |event| if let Some(on_change) = on_change { on_change.run(event.target().value()) }>
                    {option_views(options, value)}
                </select>
                <Icon glyph=Glyph::Down/>
            </div>
        }
        .into_any()
    })
}

/// A drop-down outside of a form, such as a filter.
#[component]
pub fn Select(
    label: &'static str,
    options: Vec<Choice>,
    #[prop(into)] value: Signal<String>,
    /// Called with the new value.
    #[prop(into)]
    on_change: Callback<String>,
) -> impl IntoView {
    view! {
        <div class="filter-select">
            <span aria-hidden="true">{label}</span>
            <div class="select">
                <select aria-label=label prop:value=move || value.get() on:change:target=move |event| on_change.run(event.target().value())>
                    {option_views(options, value.get_untracked())}
                </select>
                <Icon glyph=Glyph::Down/>
            </div>
        </div>
    }
}

pub(super) fn option_views(options: Vec<Choice>, chosen: String) -> AnyView {
    let option = |(value, label_text): Choice| {
        let selected = value == chosen;
        view! { <option value=value selected=selected>{label_text}</option> }
    };
    options.into_iter().map(option).collect_view().into_any()
}
