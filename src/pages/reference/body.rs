//! The body of a request: its fields, and an input for it.

use leptos::prelude::*;

use super::{
    fields::{BodyField, BodyForm},
    markdown::inline_markdown,
    operation::RequestForm,
};
use latchkey_ui::{
    browser,
    icon::{Glyph, Icon},
    table::Table,
};

/// A table for each form of the body. The first one is open.
#[component]
pub(super) fn FieldTables(forms: Vec<BodyForm>) -> impl IntoView {
    let has_titles = forms.len() > 1;
    let table = |(index, form): (usize, BodyForm)| {
        let title = has_titles.then(|| view! { " of " <code>{form.title}</code> });
        view! {
            <details class="operation-fields" open={index == 0}>
                <summary>"Fields" {title}</summary>
                <Table label="Fields" columns=vec!["Name", "Type", "Required", "Description"]>
                    {form.fields.into_iter().map(row).collect_view()}
                </Table>
            </details>
        }
    };
    forms.into_iter().enumerate().map(table).collect_view()
}

fn row(field: BodyField) -> impl IntoView {
    let required = if field.required { "Required".into_any() } else { view! { <span class="no-value">"Optional"</span> }.into_any() };
    view! {
        <tr>
            <td class="cell-name"><code class="cell-text">{field.name}</code></td>
            <td class="cell-soft" data-label="Type"><span>{field.kind}</span></td>
            <td data-label="Required"><span>{required}</span></td>
            <td class="cell-soft" data-label="Description"><span class="cell-text">{inline_markdown(&field.description)}</span></td>
        </tr>
    }
}

/// The text of the body, with a choice of examples if there is more than one.
#[component]
pub(super) fn BodyInput(
    request: RequestForm,
    /// Id of the operation.
    id: String,
    /// Example bodies as (name, JSON).
    bodies: Vec<(String, String)>,
) -> impl IntoView {
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

/// Height of the text area in lines, so that most bodies need no scrolling.
fn lines_of(body: RwSignal<Option<String>>) -> String {
    const RANGE: (usize, usize) = (4, 16);
    body.with(|body| body.as_deref().map_or(0, |body| body.lines().count() + 1)).clamp(RANGE.0, RANGE.1).to_string()
}
