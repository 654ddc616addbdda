//! Rows of keys, with what is in memory: reserved credits, and what is used of budgets.

use std::slice;

use crate::Core;
use latchkey_store::keys::KeyRecord;
use latchkey_types::{error::Error, key::KeyRow, time::Timestamp};
use latchkey_verify::{BudgetLimit, BudgetOwner};

/// The rows of keys, in the order of the records.
pub async fn rows(core: &Core, records: &[KeyRecord]) -> Result<Vec<KeyRow>, Error> {
    let mut rows = records.iter().map(|record| without_budget(core, record)).collect::<Result<Vec<_>, _>>()?;
    let limit = |(record, row): (&KeyRecord, &KeyRow)| {
        let budget = row.model_access.budget?;
        Some(BudgetLimit { owner: BudgetOwner::Key(record.id), budget })
    };
    let limits: Vec<BudgetLimit> = records.iter().zip(&rows).filter_map(limit).collect();
    let states = core.verifier.budget_states(&limits).await?;
    let with_budget = rows.iter_mut().filter(|row| row.model_access.budget.is_some());
    for (row, state) in with_budget.zip(states) {
        row.budget = Some(state);
    }
    Ok(rows)
}

/// The row of one key.
pub(super) async fn row(core: &Core, record: &KeyRecord) -> Result<KeyRow, Error> {
    rows(core, slice::from_ref(record)).await?.pop().ok_or(Error::Internal)
}

/// Credits that this instance has reserved but not spent count as remaining.
fn without_budget(core: &Core, record: &KeyRecord) -> Result<KeyRow, Error> {
    let mut row = record.row()?;
    if let (Some(credits), Some(account)) = (&mut row.limits.credits, record.limits.credit_balance()) {
        credits.remaining += core.verifier.reserved_credits(record.id, &account.at(Timestamp::now()));
    }
    Ok(row)
}
