//! Rate limits as keys have them. Thousands of keys have the same: they are known once, and are at hand whichever of the keys is judged.

use std::sync::Arc;

use moka::sync::Cache;

use crate::{model::limits::RateLimit, server::store::keys::LimitColumns};

/// How many are remembered, by the text that is stored.
const PLANS_MAX: u64 = 10_000;

/// The rate limits of a key.
pub(super) type Plan = Arc<[RateLimit]>;

/// Those that were read.
pub(super) struct Plans(Cache<String, Plan>);

impl Plans {
    pub(super) fn new() -> Self {
        Self(Cache::new(PLANS_MAX))
    }

    /// The rate limits of this key; `None` when what is stored can't be read.
    pub(super) fn of(&self, stored: &LimitColumns) -> Option<Plan> {
        let text = stored.rate_limits.as_deref().unwrap_or_default();
        if let Some(plan) = self.0.get(text) {
            return Some(plan);
        }
        let plan: Plan = stored.rate_limits()?.into();
        self.0.insert(text.to_owned(), Arc::clone(&plan));
        Some(plan)
    }
}
