//! The fields of a budget for language models: of a key, a member or the organization.

pub(crate) mod format;

use leptos::prelude::*;

use latchkey_types::{
    budget::{Budget, BudgetPeriod, BudgetState, BudgetUnit, amount_text},
    dollars::Dollars,
    error::Error,
    limits as rules,
};
use latchkey_ui::{
    field::{Field, InputKind},
    form::Form,
    number::check_integer,
    select::{SelectField, choices},
    time::day_in_words,
};

const DEFAULT: &str = "default";
const UNLIMITED: &str = "unlimited";
const LIMITED: &str = "limited";

/// The selected budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BudgetChoice {
    /// What the organization has set for new agent keys.
    Default,
    Unlimited,
    Limited(Budget),
}

impl BudgetChoice {
    /// The value of its option.
    const fn value(self) -> &'static str {
        match self {
            Self::Default => DEFAULT,
            Self::Unlimited => UNLIMITED,
            Self::Limited(_) => LIMITED,
        }
    }

    /// The budget, if there is an own one.
    pub(crate) const fn budget(self) -> Option<Budget> {
        if let Self::Limited(budget) = self { Some(budget) } else { None }
    }
}

impl From<Option<Budget>> for BudgetChoice {
    fn from(budget: Option<Budget>) -> Self {
        budget.map_or(Self::Unlimited, Self::Limited)
    }
}

/// Reads and validates the fields of [`BudgetFields`].
pub(crate) fn check(form: Form) -> Option<BudgetChoice> {
    form.record(read(form))
}

/// Like [`check`], without showing the error.
pub(super) fn read(form: Form) -> Result<BudgetChoice, Error> {
    match form.value("budget").as_str() {
        DEFAULT => Ok(BudgetChoice::Default),
        LIMITED => read_budget(form).map(BudgetChoice::Limited),
        _ => Ok(BudgetChoice::Unlimited),
    }
}

fn read_budget(form: Form) -> Result<Budget, Error> {
    let unit = form.value("budget.unit").parse().unwrap_or_default();
    let period = form.value("budget.period").parse().unwrap_or_default();
    let limit = parse_limit("budget.limit", &form.value("budget.limit"), unit)?;
    rules::budget(Budget { limit, unit, period })
}

/// Parses the limit of a budget, in its unit. Its range is not validated.
fn parse_limit(field: &str, typed: &str, unit: BudgetUnit) -> Result<i64, Error> {
    let typed = typed.trim();
    match unit {
        BudgetUnit::Usd => {
            let amount = typed.strip_prefix('$').unwrap_or(typed).trim_start();
            amount.parse::<Dollars>().map(|amount| amount.0).map_err(|error| Error::invalid(field, error.to_string()))
        }
        BudgetUnit::Tokens => check_integer(field, typed),
    }
}

/// What is spent and when the budget starts again, in one line. Only in the browser.
pub(crate) fn used(state: &BudgetState) -> String {
    let spent = format!("Spent {}", format::state(state));
    let reserved = (state.reserved > 0).then(|| format!("{} reserved for open calls", format::amount(state.budget.unit, state.reserved)));
    let resets = state.resets_at.map(|at| format!("resets {}", day_in_words(at)));
    [Some(spent), reserved, resets].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Selects a budget: none, a limit, or the organization's default.
#[component]
pub(crate) fn BudgetFields(
    form: Form,
    /// The current budget. `Default` makes it an option.
    before: BudgetChoice,
    /// What the current budget means, and what is spent of it.
    #[prop(optional, into)]
    note: Signal<String>,
) -> impl IntoView {
    let mut options = vec![(UNLIMITED, "No budget"), (LIMITED, "Limited")];
    if before == BudgetChoice::Default {
        options.insert(0, (DEFAULT, "Organization’s default"));
    }
    let chosen = RwSignal::new(before.value().to_owned());
    let is_limited = Memo::new(move |_| chosen.with(|value| value == LIMITED));
    // The note is about the current budget only.
    let note = Signal::derive(move || if chosen.with(|value| value == before.value()) { note.get() } else { String::new() });
    let budget = before.budget().unwrap_or(Budget { limit: 0, unit: BudgetUnit::Usd, period: BudgetPeriod::Month });
    let limit = before.budget().map(|budget| amount_text(budget.unit, budget.limit)).unwrap_or_default();
    let units = BudgetUnit::ALL.map(|(unit, label)| (unit.as_str(), label));
    let periods = BudgetPeriod::ALL.map(|(period, label)| (period.as_str(), label));
    view! {
        <SelectField form name="budget" label="Budget" options=choices(&options) value=before.value() note
            on_change=move |value: String| chosen.set(value)/>
        <Show when=move || is_limited.get()>
            <div class="budget-limit">
                <Field form name="budget.limit" label="At most" kind=InputKind::Decimal value=limit.clone()/>
                <SelectField form name="budget.unit" label="Unit" options=choices(&units) value=budget.unit.as_str()
                    on_change=move |_: String| form.clear_error("budget.limit")/>
                <SelectField form name="budget.period" label="Resets" options=choices(&periods) value=budget.period.as_str()
                    hint="At midnight UTC"/>
            </div>
            <p class="field-hint">"Each call first reserves the most that it can cost, so the budget can’t be overspent."</p>
        </Show>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_parsed_in_their_unit() {
        let parse = |typed, unit| parse_limit("budget.limit", typed, unit);
        for (typed, nanos) in [("12.50", 12_500_000_000), (" $ 1 ", 1_000_000_000), ("0", 0), (".000000001", 1)] {
            assert_eq!(parse(typed, BudgetUnit::Usd), Ok(nanos), "{typed}");
        }
        assert_eq!(parse("1,000,000", BudgetUnit::Tokens), Ok(1_000_000));
        for typed in ["", "-1", "1,5", "1.5e3", "10000000000"] {
            assert!(parse(typed, BudgetUnit::Usd).is_err(), "{typed}");
        }
        for typed in ["", "1.5", "1,5", "many"] {
            assert!(parse(typed, BudgetUnit::Tokens).is_err(), "{typed}");
        }
    }
}
