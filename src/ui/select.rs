//! Choosing one of a few.

use leptos::prelude::*;

use super::{
    control::{Attached, labelled},
    form::Form,
    icon::{Glyph, Icon},
};

/// Something to choose: its value in the call, and its words.
pub type Choice = (String, String);

/// Choices whose words stand in the program.
pub fn choices(fixed: &[(&str, &str)]) -> Vec<Choice> {
    fixed.iter().map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect()
}

/// A field of a form to choose in. See [`Form::check`].
#[component]
pub fn SelectField(
    /// The form it belongs to.
    form: Form,
    /// The value's name in the call.
    name: &'static str,
    /// The label.
    label: &'static str,
    /// What can be chosen.
    options: Vec<Choice>,
    /// The value that is chosen at first; else it is the first one.
    #[prop(optional, into)]
    value: String,
    /// What one should know before choosing.
    #[prop(optional, into)]
    hint: Option<String>,
    /// Called with the value that was chosen, where something else follows from it.
    #[prop(optional, into)]
    on_change: Option<Callback<String>>,
) -> impl IntoView {
    labelled(form, name, label, hint, move |Attached { id, described_by, invalid }| {
        view! {
            <div class="select">
                <select id=id name=name aria-invalid=invalid aria-describedby=described_by
                    on:change:target=move |event| if let Some(on_change) = on_change { on_change.run(event.target().value()) }>
                    {option_views(options, value)}
                </select>
                <Icon glyph=Glyph::Down/>
            </div>
        }
        .into_any()
    })
}

/// A select that acts at once and belongs to no form, such as a filter.
#[component]
pub fn Select(
    /// What it is called.
    label: &'static str,
    /// What can be chosen.
    options: Vec<Choice>,
    /// The value that is chosen.
    #[prop(into)]
    value: Signal<String>,
    /// Called with the value that was chosen.
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

fn option_views(options: Vec<Choice>, chosen: String) -> AnyView {
    let line = |(value, words): Choice| {
        let selected = value == chosen;
        view! { <option value=value selected=selected>{words}</option> }
    };
    options.into_iter().map(line).collect_view().into_any()
}
