//! Settings of organizations.

use super::{
    Connection, StoreError, Tx,
    budgets::{read_budget, stored_budget},
    fold,
    verdict_changes::VerdictChange,
};
use latchkey_types::{budget::Budget, id::OrganizationId};

/// An organization's name and currency (ISO 4217).
pub async fn settings(db: &mut Connection, id: OrganizationId) -> Result<(String, String), StoreError> {
    Ok(sqlx::query_as("select name, currency from organizations where id = $1").bind(id).fetch_one(db).await?)
}

/// The organization's number.
pub async fn customer_id(db: &mut Connection, id: OrganizationId) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("select customer_id from organizations where id = $1").bind(id).fetch_one(db).await?)
}

/// [`StoreError::Duplicate`] if the name is taken.
pub async fn update(tx: &mut Tx, id: OrganizationId, name: &str, currency: &str) -> Result<(), StoreError> {
    sqlx::query("update organizations set name = $1, name_folded = $2, currency = $3 where id = $4")
        .bind(name)
        .bind(fold(name))
        .bind(currency)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

/// What the organization spends on language models at most, and for how long their calls are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetSettings {
    /// The budget of all calls.
    pub budget: Option<Budget>,
    /// The budget that new agent keys receive.
    pub agent_budget: Option<Budget>,
    /// 0 if calls are not logged.
    pub call_log_days: i64,
}

/// The organization's budgets.
pub async fn budgets(db: &mut Connection, id: OrganizationId) -> Result<BudgetSettings, StoreError> {
    let sql = "select model_budget, agent_budget, call_log_days from organizations where id = $1";
    let (budget, agent_budget, call_log_days): (Option<String>, Option<String>, i64) = sqlx::query_as(sql).bind(id).fetch_one(db).await?;
    Ok(BudgetSettings { budget: read_budget(budget.as_deref())?, agent_budget: read_budget(agent_budget.as_deref())?, call_log_days })
}

/// Sets the budgets of an organization.
pub async fn set_budgets(tx: &mut Tx, id: OrganizationId, settings: &BudgetSettings) -> Result<(), StoreError> {
    sqlx::query("update organizations set model_budget = $1, agent_budget = $2, call_log_days = $3 where id = $4")
        .bind(stored_budget(settings.budget))
        .bind(stored_budget(settings.agent_budget))
        .bind(settings.call_log_days)
        .bind(id)
        .execute(&mut *tx)
        .await?;
    tx.touch(VerdictChange::Gateway(id));
    Ok(())
}
