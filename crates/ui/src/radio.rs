//! Radio buttons.

use leptos::prelude::*;

use super::{
    form::Form,
    form_field::{FieldTexts, field_group},
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
    /// What the options mean, in their order.
    #[prop(optional)]
    details: Vec<String>,
    chosen: RwSignal<String>,
) -> impl IntoView {
    let radio = |(index, (value, label_text)): (usize, Choice)| {
        let detail = details.get(index).cloned();
        let detail_id = detail.is_some().then(|| format!("detail-{name}-{index}"));
        let is_chosen = value == chosen.get_untracked();
        let on_change = {
            let value = value.clone();
            move |_| chosen.set(value.clone())
        };
        view! {
            <label class="check">
                <input type="radio" class="checkbox" name=name value=value checked=is_chosen aria-describedby=detail_id.clone() on:change=on_change/>
                <span>{label_text}</span>
            </label>
            {detail.map(|detail| view! { <p class="check-detail" id=detail_id>{detail}</p> })}
        }
    };
    field_group(form, name, label, FieldTexts::default(), |_| {
        view! { <div class="checks">{options.into_iter().enumerate().map(radio).collect_view()}</div> }.into_any()
    })
}
