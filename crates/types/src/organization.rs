//! Settings of an organization.

use serde::{Deserialize, Serialize};

use super::budget::{Budget, BudgetState};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationSettings {
    pub name: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Selectable currencies as pairs of code and name, sorted by code.
    pub currencies: Vec<(String, String)>,
}

/// Maximum number of days for which the log of model calls is kept.
pub const CALL_LOG_DAYS_MAX: i64 = 3650;

/// What the organization spends on language models at most, and for how long their calls are logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationBudgets {
    /// The budget of all calls. `None` also for those who may not manage the organization.
    pub budget: Option<BudgetState>,
    /// The budget that new agent keys receive.
    pub agent_budget: Option<Budget>,
    /// 0 if calls are not logged.
    pub call_log_days: i64,
}
