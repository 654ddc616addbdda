//! The charge of one call.

use std::mem;

use smallvec::SmallVec;

use super::share::Hold;
use crate::call_limiters::CallSlot;
use latchkey_types::{budget::BudgetUnit, dollars::Dollars};

/// What a call has reserved. Dropping it without [`Self::settle`] charges the worst case: a call whose task ends unexpectedly is not free.
pub struct ModelCharge {
    holds: SmallVec<[Hold; 3]>,
    slot: Option<CallSlot>,
}

impl ModelCharge {
    pub(super) fn new(holds: SmallVec<[Hold; 3]>, slot: Option<CallSlot>) -> Self {
        Self { holds, slot }
    }

    /// Charges what the call used, up to its worst case, and gives the rest back. Without a cost, budgets in dollars are charged the worst case.
    pub fn settle(mut self, cost: Option<Dollars>, tokens: i64) {
        for hold in mem::take(&mut self.holds) {
            match (hold.unit(), cost) {
                (BudgetUnit::Usd, Some(cost)) => hold.charge(cost.0),
                (BudgetUnit::Usd, None) => hold.charge_all(),
                (BudgetUnit::Tokens, _) => hold.charge(tokens),
            }
        }
        if let Some(slot) = self.slot.take() {
            slot.settle(tokens);
        }
    }

    /// Whether a limit was lowered so that nothing is left of it: the call must end.
    pub fn is_exhausted(&self) -> bool {
        self.holds.iter().any(Hold::is_exhausted)
    }
}

impl Drop for ModelCharge {
    fn drop(&mut self) {
        for hold in mem::take(&mut self.holds) {
            hold.charge_all();
        }
        if let Some(slot) = self.slot.take() {
            slot.settle_estimate();
        }
    }
}
