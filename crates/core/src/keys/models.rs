//! What a key may do with language models: validated against the specification of its kind.

use crate::{Core, actor::Actor};
use latchkey_store as store;
use latchkey_types::{
    budget::{ModelAccess, ModelAccessPatch},
    error::Error,
    key_kind::KindSpec,
    limits,
    permission::Permission,
    provider::CallableModel,
};

/// The stored form after a patch: JSON, or `None` for the defaults of the kind. `before` is the stored form before.
///
/// # Errors
/// `Invalid` at the first value that is invalid or that keys of this kind do not have.
pub(super) fn model_access(spec: &KindSpec, before: Option<&str>, patch: &ModelAccessPatch) -> Result<Option<String>, Error> {
    if !spec.can_call_models {
        require_nothing(patch)?;
    }
    let before = store::keys::parse_model_access(before).ok_or(Error::Internal)?;
    let after = limits::model_access(patch.clone().apply(before))?;
    (!after.is_empty()).then(|| serde_json::to_string(&after)).transpose().map_err(|_| Error::Internal)
}

/// Whether a key with this stored form logs the bodies of its calls.
pub(super) fn logs_bodies(stored: Option<&str>) -> bool {
    store::keys::parse_model_access(stored).is_some_and(|access| access.log_bodies)
}

/// As for other attributes, an empty value is accepted.
fn require_nothing(patch: &ModelAccessPatch) -> Result<(), Error> {
    let ModelAccess { models, budget, tokens_per_minute, max_parallel, log_bodies } = patch.clone().apply(ModelAccess::default());
    let values = [
        ("models", models.is_some()),
        ("budget", budget.is_some()),
        ("tokens_per_minute", tokens_per_minute.is_some()),
        ("max_parallel", max_parallel.is_some()),
        ("log_bodies", log_bodies),
    ];
    match values.into_iter().find(|(_, is_set)| *is_set) {
        Some((field, _)) => Err(Error::invalid(field, "Keys of this kind can't call language models.")),
        None => Ok(()),
    }
}

/// The organization's models and aliases, sorted by name: what keys can be limited to. Needs *Manage API Keys*.
pub async fn callable_models(core: &Core, actor: &Actor) -> Result<Vec<CallableModel>, Error> {
    actor.require(Permission::ManageApiKeys)?;
    let catalog = core.catalogs.get(core, actor.organization).await?;
    let models = catalog.routes().filter_map(|route| {
        let (target, _) = route.groups.iter().flatten().next()?;
        Some(CallableModel { name: route.name.clone(), style: target.style })
    });
    Ok(models.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::{
        budget::{Budget, BudgetPeriod, BudgetUnit},
        key_kind::KeyKind,
    };

    fn patch(models: Option<&[&str]>, limit: Option<i64>) -> ModelAccessPatch {
        let models = models.map(|models| models.iter().map(|model| (*model).to_owned()).collect());
        let budget = limit.map(|limit| Budget { limit, unit: BudgetUnit::Tokens, period: BudgetPeriod::Day });
        ModelAccessPatch { models: Some(models), budget: Some(budget), ..ModelAccessPatch::default() }
    }

    #[test]
    fn a_patch_keeps_what_it_does_not_name() {
        let agent = KeyKind::Agent.spec();
        let stored = model_access(agent, None, &patch(Some(&[" gpt-* "]), Some(7))).unwrap();
        assert_eq!(stored.as_deref(), Some(r#"{"models":["gpt-*"],"budget":{"limit":7,"unit":"tokens","period":"day"}}"#));
        assert_eq!(model_access(agent, stored.as_deref(), &ModelAccessPatch::default()), Ok(stored.clone()));
        let without_budget = model_access(agent, stored.as_deref(), &ModelAccessPatch { budget: Some(None), ..ModelAccessPatch::default() });
        assert_eq!(without_budget.unwrap().as_deref(), Some(r#"{"models":["gpt-*"]}"#));
        assert_eq!(model_access(agent, stored.as_deref(), &patch(None, None)), Ok(None));
        assert_eq!(model_access(agent, Some("{"), &ModelAccessPatch::default()), Err(Error::Internal));
    }

    #[test]
    fn only_kinds_that_call_models_have_these_values() {
        for kind in [KeyKind::Agent, KeyKind::Client] {
            assert!(model_access(kind.spec(), None, &patch(Some(&[]), Some(1))).is_ok());
            assert_eq!(model_access(kind.spec(), None, &patch(Some(&["a b"]), None)).unwrap_err().field_error().unwrap().0, "models[0]");
        }
        let logging = |on| ModelAccessPatch { log_bodies: Some(on), ..ModelAccessPatch::default() };
        let stored = model_access(KeyKind::Agent.spec(), None, &logging(true)).unwrap();
        assert!(logs_bodies(stored.as_deref()) && !logs_bodies(None));
        for kind in [KeyKind::Internal, KeyKind::Corpus] {
            assert_eq!(model_access(kind.spec(), None, &logging(false)), Ok(None));
            assert_eq!(model_access(kind.spec(), None, &logging(true)).unwrap_err().field_error().unwrap().0, "log_bodies");
            assert_eq!(model_access(kind.spec(), None, &patch(None, None)), Ok(None));
            assert_eq!(model_access(kind.spec(), None, &patch(Some(&[]), None)).unwrap_err().field_error().unwrap().0, "models");
            assert_eq!(model_access(kind.spec(), None, &patch(None, Some(1))).unwrap_err().field_error().unwrap().0, "budget");
        }
    }
}
