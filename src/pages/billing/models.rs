//! The cost of language models in a month, by model.

use leptos::prelude::*;

use crate::{
    pages::dollars::{exact_dollars, rounded_dollars},
    routes,
};
use latchkey_types::{budget::TokenCounts, dollars::Dollars, model_call::ModelUsageRow};
use latchkey_ui::{
    number::format_integer,
    table::{Column, Table},
};

/// All calls together, and a table with a row per model.
#[component]
pub(super) fn ModelUsage(
    /// The highest cost first.
    models: Vec<ModelUsageRow>,
) -> impl IntoView {
    let calls: i64 = models.iter().map(|model| model.calls).sum();
    let mut tokens = TokenCounts::default();
    for model in &models {
        tokens.add(model.tokens);
    }
    let cost: Dollars = models.iter().map(|model| model.cost).sum();
    let columns = vec![
        "Model".into(),
        Column::Number("Calls"),
        Column::Number("Failed"),
        Column::Number("Input tokens"),
        Column::Number("Output tokens"),
        Column::Number("Cost"),
    ];
    view! {
        <section class="billing-models" aria-labelledby="billing-models">
            <h3 id="billing-models">"Language models"</h3>
            <dl class="billing-figures">
                <div><dt>"Calls"</dt><dd>{format_integer(calls)}</dd></div>
                <div><dt>"Tokens"</dt><dd>{format_integer(tokens.total())}</dd></div>
                <div><dt>"Cost of models"</dt><dd><span title=exact_dollars(cost)>{rounded_dollars(cost)}</span></dd></div>
            </dl>
            <Table label="Cost by model" columns>
                {models.into_iter().map(|model| view! { <ModelUsageTableRow model/> }).collect_view()}
            </Table>
            <p class="billing-hidden">
                "Billed by your providers, in US dollars. Each call is listed in the " <a href=routes::CALLS.path>"call log"</a> "."
            </p>
        </section>
    }
}

#[component]
fn ModelUsageTableRow(model: ModelUsageRow) -> impl IntoView {
    let ModelUsageRow { id: _, name, calls, failures, tokens, cost, estimated, unpriced } = model;
    let row_name = name.clone();
    let notes = notes(estimated, unpriced);
    view! {
        <tr aria-label=row_name>
            <td class="cell-name"><span dir="auto">{name}</span></td>
            <td class="cell-number" data-label="Calls">{format_integer(calls)}</td>
            <td class="cell-number" data-label="Failed">{format_integer(failures)}</td>
            <td class="cell-number" data-label="Input tokens">{format_integer(tokens.input)}</td>
            <td class="cell-number" data-label="Output tokens">{format_integer(tokens.output)}</td>
            <td class="cell-number" data-label="Cost">
                <span>
                    <span title=exact_dollars(cost)>{rounded_dollars(cost)}</span>
                    {(!notes.is_empty()).then(|| view! { " " <span class="tag">{notes}</span> })}
                </span>
            </td>
        </tr>
    }
}

/// What the cost does not say: `2 estimated, 1 without a price`. Empty if it is exact.
fn notes(estimated: i64, unpriced: i64) -> String {
    let parts = [(estimated, "estimated"), (unpriced, "without a price")].into_iter().filter(|(count, _)| *count > 0);
    parts.map(|(count, name)| format!("{} {name}", format_integer(count))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::notes;

    #[test]
    fn an_exact_cost_has_no_notes() {
        assert_eq!(notes(0, 0), "");
        assert_eq!(notes(2, 0), "2 estimated");
        assert_eq!(notes(1200, 1), "1,200 estimated, 1 without a price");
    }
}
