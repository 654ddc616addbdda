//! The models and aliases of an organization, and what all its calls have in common.

use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
    ptr,
    sync::{Arc, OnceLock},
};

use http::HeaderName;
use url::Url;

use crate::services::call::CallCredential;
use latchkey_store::fold;
use latchkey_types::{
    budget::{Budget, ModelPrice},
    id::{ModelId, OrganizationId, ProviderId, UserId},
    provider::ApiStyle,
    time::Timestamp,
    validate::NAME_MAX,
};

/// Maximum number of names that an unknown one is compared with, and of pairs of their bytes. The rate limits of the caller do not apply yet.
const COMPARED_MAX: usize = 2_000;
const COMPARED_BYTES_MAX: usize = 1_000_000;
/// Maximum number of similar names.
const SIMILAR_MAX: usize = 3;

/// The models of an organization, and its budgets.
pub struct Catalog {
    /// The budget of all calls.
    pub organization_budget: Option<Budget>,
    pub member_budgets: HashMap<UserId, Budget>,
    /// For how many days calls are logged; 0 if they are not.
    pub call_log_days: i64,
    /// By folded name.
    pub(super) routes: BTreeMap<String, Arc<Route>>,
    pub(super) targets: HashMap<ModelId, Arc<Target>>,
}

/// What a name of a model or alias leads to.
pub struct Route {
    pub name: String,
    pub created_at: Timestamp,
    /// Not empty. The targets of a group are called only if all of the groups before it failed. Within one, each has its weight.
    pub groups: Vec<Vec<(Arc<Target>, u16)>>,
}

/// A model with the address and the credential with which it is called.
pub struct Target {
    pub model: ModelId,
    pub name: String,
    /// The provider's name for it.
    pub upstream_name: String,
    pub provider: ProviderId,
    pub provider_name: String,
    pub organization: OrganizationId,
    pub style: ApiStyle,
    /// Without a trailing slash, unless the URL has no path.
    pub base_url: Url,
    /// `None` for the header of the style.
    pub credential_header: Option<HeaderName>,
    pub credential: CallCredential,
    /// What the gateway derives from the credential, and until when it skips the target. Here, so that it is dropped with the credential.
    pub prepared: OnceLock<Arc<dyn Any + Send + Sync>>,
    pub price: Option<ModelPrice>,
    /// Whether it may be called without a price.
    pub allow_unpriced: bool,
    /// Maximum number of tokens of a call, input and output together; `None` if unknown.
    pub context_tokens: Option<i64>,
    /// Maximum number of output tokens; `None` if unknown.
    pub output_tokens: Option<i64>,
}

impl Target {
    /// Whether calls of both are the same in every respect.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let values = |target: &Self| {
            let Self { model, provider, organization, style, price, allow_unpriced, context_tokens, output_tokens, .. } = *target;
            (model, provider, organization, style, price, allow_unpriced, context_tokens, output_tokens)
        };
        values(self) == values(other)
            && (&self.name, &self.upstream_name, &self.provider_name) == (&other.name, &other.upstream_name, &other.provider_name)
            && (&self.base_url, &self.credential_header) == (&other.base_url, &other.credential_header)
            && self.credential.is_same(&other.credential)
    }
}

impl Catalog {
    /// The route of a model or alias, ignoring the case of its name.
    pub fn route(&self, name: &str) -> Option<&Arc<Route>> {
        self.routes.get(name).or_else(|| self.routes.get(&fold(name)))
    }

    /// All routes, sorted by name.
    pub fn routes(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.routes.values()
    }

    /// Up to three allowed names that resemble an unknown one, the most similar first.
    pub fn similar(&self, name: &str, allowed: impl Fn(&str) -> bool) -> Vec<String> {
        let name = fold(&name.chars().take(NAME_MAX).collect::<String>());
        let mut left = COMPARED_BYTES_MAX;
        let routes = self.routes.iter().filter(|(_, route)| allowed(&route.name)).take(COMPARED_MAX).take_while(|(folded, _)| {
            let pairs = name.len() * folded.len();
            left = left.saturating_sub(pairs);
            left > 0
        });
        let mut similar: Vec<(usize, &str)> = routes.filter_map(|(folded, route)| Some((difference(&name, folded)?, route.name.as_str()))).collect();
        similar.sort_unstable();
        similar.into_iter().take(SIMILAR_MAX).map(|(_, name)| name.to_owned()).collect()
    }

    /// Whether this is the target of its model still, and not one that was read before a change.
    pub(super) fn contains(&self, target: &Target) -> bool {
        self.targets.get(&target.model).is_some_and(|current| ptr::eq(Arc::as_ptr(current), target))
    }
}

/// The number of edits between two names; `None` if they differ in more than half of their characters and neither is a part of the other.
fn difference(one: &str, other: &str) -> Option<usize> {
    let edits = strsim::osa_distance(one, other);
    let is_part = !one.is_empty() && (one.contains(other) || other.contains(one));
    (is_part || edits * 2 <= one.len().max(other.len())).then_some(edits)
}
