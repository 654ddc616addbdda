//! Budgets in words, without a browser.

use crate::pages::dollars::{exact_dollars, rounded_dollars};
use latchkey_types::{
    budget::{Budget, BudgetPeriod, BudgetState, BudgetUnit},
    dollars::Dollars,
};
use latchkey_ui::number::{format_integer, pluralize};

/// A budget: `$10.00 every month`, `1,000,000 tokens in all`.
pub(crate) fn budget(budget: &Budget) -> String {
    format!("{} {}", amount(budget.unit, budget.limit), period(budget.period))
}

/// What is spent of a budget: `$3.20 of $10.00 every month`.
pub(crate) fn state(state: &BudgetState) -> String {
    let spent = match state.budget.unit {
        BudgetUnit::Usd => rounded_dollars(Dollars(state.spent)),
        BudgetUnit::Tokens => format_integer(state.spent),
    };
    format!("{spent} of {}", budget(&state.budget))
}

/// An exact amount: `$12.50`, `1,000,000 tokens`.
pub(super) fn amount(unit: BudgetUnit, amount: i64) -> String {
    match unit {
        BudgetUnit::Usd => exact_dollars(Dollars(amount)),
        BudgetUnit::Tokens => pluralize(amount, "token", "tokens"),
    }
}

const fn period(period: BudgetPeriod) -> &'static str {
    match period {
        BudgetPeriod::Day => "every day",
        BudgetPeriod::Week => "every week",
        BudgetPeriod::Month => "every month",
        BudgetPeriod::None => "in all",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_budgets_and_what_is_spent() {
        let dollars = Budget { limit: 10_000_000_000, unit: BudgetUnit::Usd, period: BudgetPeriod::Month };
        assert_eq!(budget(&dollars), "$10.00 every month");
        let spent = BudgetState { budget: dollars, spent: 3_200_000_000, reserved: 1, resets_at: None };
        assert_eq!(state(&spent), "$3.20 of $10.00 every month");
        let tokens = Budget { limit: 1_000_000, unit: BudgetUnit::Tokens, period: BudgetPeriod::None };
        assert_eq!(budget(&tokens), "1,000,000 tokens in all");
        assert_eq!(state(&BudgetState { budget: tokens, spent: 1_500, reserved: 0, resets_at: None }), "1,500 of 1,000,000 tokens in all");
    }
}
