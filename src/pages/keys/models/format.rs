//! What a key may do with language models, in words.

use crate::pages::keys::budget::format as budget;
use latchkey_types::budget::{BudgetState, ModelAccess};
use latchkey_ui::number::{format_integer, pluralize_count};

/// A pattern that matches every model.
pub(super) const ALL: &str = "*";

/// A short summary of what is set: `2 models · $3.20 of $10.00 every month · 100,000 tokens/min · 5 in parallel`.
pub(crate) fn summary(access: &ModelAccess, state: Option<&BudgetState>) -> String {
    let mut parts = Vec::new();
    parts.extend(access.models.as_deref().map(count));
    parts.extend(budget_text(access, state));
    parts.extend(access.tokens_per_minute.map(|tokens| format!("{} tokens/min", format_integer(tokens))));
    parts.extend(access.max_parallel.map(|calls| format!("{} in parallel", format_integer(calls))));
    parts.extend(access.log_bodies.then(|| "bodies logged".to_owned()));
    parts.join(" · ")
}

/// A detailed description, one line per attribute.
pub(crate) fn details(access: &ModelAccess, state: Option<&BudgetState>) -> String {
    let mut lines = Vec::new();
    lines.extend(access.models.as_deref().map(|models| match models {
        [] => "No models".to_owned(),
        models => format!("Models: {}", models.join(", ")),
    }));
    lines.extend(budget_text(access, state).map(|text| format!("Budget: {text}")));
    lines.extend(access.tokens_per_minute.map(|tokens| format!("At most {} tokens in any minute", format_integer(tokens))));
    lines.extend(access.max_parallel.map(|calls| format!("At most {} calls at the same time", format_integer(calls))));
    lines.extend(access.log_bodies.then(|| "Request and response bodies are logged".to_owned()));
    lines.join("\n")
}

/// The budget with what is spent of it, if that is known.
fn budget_text(access: &ModelAccess, state: Option<&BudgetState>) -> Option<String> {
    state.map(budget::state).or_else(|| access.budget.as_ref().map(budget::budget))
}

fn count(models: &[String]) -> String {
    match models {
        [] => "No models".to_owned(),
        models if models.iter().any(|model| model == ALL) => "All models".to_owned(),
        models => pluralize_count(models.len(), "model", "models"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::budget::{Budget, BudgetPeriod, BudgetUnit};

    #[test]
    fn formats_summary_and_details() {
        let budget = Budget { limit: 10_000_000_000, unit: BudgetUnit::Usd, period: BudgetPeriod::Month };
        let access = ModelAccess {
            models: Some(vec!["gpt-4o".to_owned(), "claude-*".to_owned()]),
            budget: Some(budget),
            tokens_per_minute: Some(100_000),
            max_parallel: Some(5),
            log_bodies: false,
        };
        assert_eq!(summary(&access, None), "2 models · $10.00 every month · 100,000 tokens/min · 5 in parallel");
        let state = BudgetState { budget, spent: 3_200_000_000, reserved: 0, resets_at: None };
        let expected =
            "Models: gpt-4o, claude-*\nBudget: $3.20 of $10.00 every month\nAt most 100,000 tokens in any minute\nAt most 5 calls at the same time";
        assert_eq!(details(&access, Some(&state)), expected);
        let logging = ModelAccess { log_bodies: true, ..ModelAccess::default() };
        assert_eq!(
            (summary(&logging, None), details(&logging, None)),
            ("bodies logged".to_owned(), "Request and response bodies are logged".to_owned())
        );
        let only = |models: &[&str]| ModelAccess { models: Some(models.iter().map(|&name| name.to_owned()).collect()), ..ModelAccess::default() };
        assert_eq!((summary(&only(&[]), None), summary(&only(&["*"]), None)), ("No models".to_owned(), "All models".to_owned()));
        assert_eq!((summary(&ModelAccess::default(), None), details(&ModelAccess::default(), None)), (String::new(), String::new()));
    }
}
