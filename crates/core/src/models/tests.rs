use std::{collections::HashMap, sync::Arc};

use latchkey_test_db::TestData;
use secrecy::ExposeSecret;

use super::*;
use crate::{
    Core,
    actor::Actor,
    credentials::{self, NewGeneralKey, Secrets},
    etag::IfMatch,
    providers,
    services::call::CallCredential,
    testing::{new_core, new_owner},
};
use latchkey_store::{self as store, organizations::BudgetSettings};
use latchkey_types::{
    budget::{Budget, BudgetPeriod, BudgetUnit, ModelPrice},
    error::Error,
    id::{CredentialId, ModelId, ProviderId},
    key::{ItemId, TestOutcome},
    permission::{Scope, Scopes},
    provider::{AliasRequest, AliasTarget, ApiStyle, ModelRequest, ProviderError, ProviderRequest},
    secret::TypedSecret,
    service::UnlinkReason,
    time::Timestamp,
};
use latchkey_verify::{BudgetLimit, BudgetOwner, ModelCall, WorstCase};

/// An organization with an owner, and a provider that is linked to a key.
struct Fixture {
    core: Core,
    owner: Actor,
    key: CredentialId,
    provider: ProviderId,
    _data: TestData,
}

impl Fixture {
    async fn new() -> Self {
        let (core, data) = new_core().await;
        let owner = new_owner(&core).await;
        let key = general_key(&core, &owner, "team").await;
        let provider = providers::create(&core, &owner, provider_request(Some(key))).await.unwrap().id;
        Self { core, owner, key, provider, _data: data }
    }

    async fn model(&self, request: ModelRequest) -> ModelId {
        providers::create_model(&self.core, &self.owner, self.provider, request).await.unwrap().id
    }

    async fn alias(&self, name: &str, targets: &[(ModelId, u8, u16)]) -> Result<(), Error> {
        let targets = targets.iter().map(|&(model, priority, weight)| AliasTarget { model, priority, weight }).collect();
        let request = AliasRequest { name: name.to_owned(), targets };
        providers::create_alias(&self.core, &self.owner, request).await.map(drop)
    }

    async fn catalog(&self) -> Arc<Catalog> {
        self.core.catalogs.get(&self.core, self.owner.organization).await.unwrap()
    }

    async fn target(&self, name: &str) -> Arc<Target> {
        Arc::clone(&self.catalog().await.route(name).unwrap().groups[0][0].0)
    }

    /// The message of the provider's last error.
    async fn last_error(&self) -> Option<String> {
        providers::get(&self.core, &self.owner, self.provider).await.unwrap().last_error.map(|error| error.message)
    }
}

async fn general_key(core: &Core, actor: &Actor, name: &str) -> CredentialId {
    let request = NewGeneralKey { name: name.to_owned(), value: TypedSecret::new(format!("sk-{name}")) };
    let ItemId::Credential(id) = credentials::create_general(core, actor, request).await.unwrap().id else { panic!("not a credential") };
    id
}

fn provider_request(key: Option<CredentialId>) -> ProviderRequest {
    ProviderRequest {
        name: "Local".to_owned(),
        style: ApiStyle::Openai,
        base_url: "https://models.example.com/v1".to_owned(),
        credential_header: Some("Api-Key".to_owned()),
        key,
    }
}

fn named(name: &str) -> ModelRequest {
    ModelRequest { name: name.to_owned(), ..ModelRequest::default() }
}

/// The names of the targets of each group.
fn groups(route: &Route) -> Vec<Vec<(&str, u16)>> {
    route.groups.iter().map(|group| group.iter().map(|(target, weight)| (target.name.as_str(), *weight)).collect()).collect()
}

#[tokio::test]
async fn a_model_is_called_before_its_fallbacks() {
    let fixture = Fixture::new().await;
    let small = fixture.model(named("small")).await;
    let medium = fixture.model(ModelRequest { fallbacks: vec![small], ..named("medium") }).await;
    let price = ModelPrice { input: 7, output: 9, ..ModelPrice::default() };
    let request =
        ModelRequest { upstream_name: "big-2".to_owned(), price: Some(price), output_tokens: Some(4096), fallbacks: vec![medium], ..named("Large") };
    fixture.model(request).await;
    let catalog = fixture.catalog().await;
    let route = catalog.route("lArGe").unwrap();
    assert_eq!(groups(route), [[("Large", 1)], [("medium", 1)]], "fallbacks of a fallback are not followed");
    let target = &route.groups[0][0].0;
    assert_eq!((target.upstream_name.as_str(), target.price, target.output_tokens), ("big-2", Some(price), Some(4096)));
    assert_eq!(
        (target.provider, target.provider_name.as_str(), target.base_url.as_str()),
        (fixture.provider, "Local", "https://models.example.com/v1")
    );
    assert_eq!(target.credential_header.as_ref().unwrap().as_str(), "api-key");
    let CallCredential::Usable(usable) = &target.credential else { panic!("the credential is not usable") };
    let Secrets::General { value } = &usable.secrets else { panic!("not a general key") };
    assert_eq!((usable.id, value.expose_secret()), (fixture.key, "sk-team"));
    assert_eq!(catalog.routes().map(|route| route.name.as_str()).collect::<Vec<_>>(), ["Large", "medium", "small"]);
}

#[tokio::test]
async fn an_alias_has_groups_by_priority() {
    let fixture = Fixture::new().await;
    let (one, two) = (fixture.model(named("one")).await, fixture.model(named("two")).await);
    let three = fixture.model(ModelRequest { fallbacks: vec![one], ..named("three") }).await;
    fixture.alias("fast", &[(three, 2, 1), (one, 1, 3), (two, 1, 1)]).await.unwrap();
    let catalog = fixture.catalog().await;
    assert_eq!(groups(catalog.route("FAST").unwrap()), [vec![("one", 3), ("two", 1)], vec![("three", 1)]]);
    let conflict = fixture.alias("ONE", &[(one, 1, 1)]).await.unwrap_err();
    assert_eq!((conflict.code(), conflict.field_error().unwrap().0), ("conflict", "name"));
    let unknown = fixture.alias("other", &[(ModelId::new(), 1, 1)]).await.unwrap_err();
    assert_eq!(unknown.field_error().unwrap().0, "targets");
    let used = providers::delete_model(&fixture.core, &fixture.owner, one, IfMatch::Unconditional).await.unwrap_err();
    assert_eq!(used.field_error().unwrap(), ("models", "“one” is used by alias fast, model three. Remove it there first."));
    // The models of the provider are deleted with it.
    let used = providers::delete(&fixture.core, &fixture.owner, fixture.provider, IfMatch::Unconditional).await.unwrap_err();
    assert_eq!(used.field_error().unwrap(), ("models", "“one” is used by alias fast. Remove it there first."));
    let second = ProviderRequest { name: "Second".to_owned(), ..provider_request(None) };
    let second = providers::create(&fixture.core, &fixture.owner, second).await.unwrap().id;
    let request = ModelRequest { fallbacks: vec![two, one], ..named("four") };
    providers::create_model(&fixture.core, &fixture.owner, second, request).await.unwrap();
    let used = providers::delete(&fixture.core, &fixture.owner, fixture.provider, IfMatch::Unconditional).await.unwrap_err();
    assert_eq!(used.field_error().unwrap(), ("models", "“one” is used by alias fast, model four. Remove it there first."));
}

#[tokio::test]
async fn the_catalog_follows_every_change() {
    let fixture = Fixture::new().await;
    let model = fixture.model(named("gpt")).await;
    let first = fixture.catalog().await;
    assert!(Arc::ptr_eq(&first, &fixture.catalog().await), "it is in memory");
    let own = general_key(&fixture.core, &fixture.owner, "own").await;
    let edit = async |key| {
        let request = ModelRequest { key, allow_unpriced: true, ..named("gpt-2") };
        providers::edit_model(&fixture.core, &fixture.owner, model, request, IfMatch::Unconditional).await.unwrap();
    };
    edit(Some(own)).await;
    assert!(fixture.catalog().await.route("gpt").is_none(), "its name is free again");
    let target = fixture.target("gpt-2").await;
    assert!(target.allow_unpriced && matches!(&target.credential, CallCredential::Usable(usable) if usable.id == own));
    credentials::delete(&fixture.core, &fixture.owner, own, IfMatch::Unconditional).await.unwrap();
    let target = fixture.target("gpt-2").await;
    assert!(matches!(target.credential, CallCredential::Unlinked(UnlinkReason::CredentialDeleted)), "the provider's key is not used instead");
    edit(None).await;
    assert!(matches!(&fixture.target("gpt-2").await.credential, CallCredential::Usable(usable) if usable.id == fixture.key));
    let moved = ProviderRequest { base_url: "https://other.example.com".to_owned(), ..provider_request(Some(fixture.key)) };
    providers::edit(&fixture.core, &fixture.owner, fixture.provider, moved, IfMatch::Unconditional).await.unwrap();
    assert!(matches!(fixture.target("gpt-2").await.credential, CallCredential::Unlinked(UnlinkReason::AddressChanged)));
    providers::delete(&fixture.core, &fixture.owner, fixture.provider, IfMatch::Unconditional).await.unwrap();
    assert_eq!(fixture.catalog().await.routes().count(), 0);
    fixture.core.store.set_unavailable(true);
    assert_eq!(fixture.core.catalogs.get(&fixture.core, fixture.owner.organization).await.err(), Some(Error::Unavailable));
}

#[tokio::test]
async fn a_budget_that_another_instance_lowered_applies_to_open_calls() {
    let fixture = Fixture::new().await;
    let organization = fixture.owner.organization;
    let set = async |limit| {
        let budget = Some(Budget { limit, unit: BudgetUnit::Tokens, period: BudgetPeriod::None });
        let mut tx = fixture.core.store.begin().await.unwrap();
        let settings = BudgetSettings { budget, agent_budget: None, call_log_days: 0 };
        store::organizations::set_budgets(&mut tx, organization, &settings).await.unwrap();
        tx.commit().await.unwrap();
        fixture.catalog().await.organization_budget.unwrap()
    };
    let limit = BudgetLimit { owner: BudgetOwner::Organization(organization), budget: set(100).await };
    let worst_case = WorstCase { cost: None, tokens: Some(10) };
    let call = ModelCall { key: None, organization, budgets: &[limit], worst_case };
    let charge = fixture.core.verifier.begin_model_call(call).await.ok().unwrap();
    set(50).await;
    assert!(!charge.is_exhausted());
    set(0).await;
    assert!(charge.is_exhausted());
}

#[tokio::test]
async fn similar_names_are_offered_if_they_are_allowed() {
    let fixture = Fixture::new().await;
    for name in ["gpt-4o", "gpt-4o-mini", "claude-sonnet-4"] {
        fixture.model(named(name)).await;
    }
    let catalog = fixture.catalog().await;
    assert_eq!(catalog.similar("GTP-4o", |_| true), ["gpt-4o"]);
    assert_eq!(catalog.similar("gpt-4o-mini-2024", |_| true), ["gpt-4o-mini", "gpt-4o"]);
    assert_eq!(catalog.similar("gpt-4", |name| name != "gpt-4o"), ["gpt-4o-mini"]);
    assert!(catalog.similar("", |_| true).is_empty() && catalog.similar(&"x".repeat(100_000), |_| true).is_empty());
}

#[test]
fn similar_names_are_searched_for_within_a_limit() {
    let catalog = |count: usize| {
        let names = (0..count).map(|number| format!("{number:0100}")).chain(["z".repeat(100)]);
        let route = |name: String| (name.clone(), Arc::new(Route { name, created_at: Timestamp(0), groups: Vec::new() }));
        let routes = names.map(route).collect();
        Catalog { organization_budget: None, member_budgets: HashMap::new(), call_log_days: 0, routes, targets: HashMap::new() }
    };
    let name = format!("{}y", "z".repeat(99));
    assert_eq!([50, 200].map(|count| catalog(count).similar(&name, |_| true).len()), [1, 0]);
}

#[tokio::test]
async fn a_refused_key_is_marked_and_reported_once() {
    let fixture = Fixture::new().await;
    fixture.model(named("gpt")).await;
    let target = fixture.target("gpt").await;
    let sent = async || store::notifications::of_user(&fixture.core.store, fixture.owner.user, i64::MAX, 10).await.unwrap().len();
    record_failure(&fixture.core, &target, CallFailure::Status(503)).await;
    assert_eq!((fixture.last_error().await.as_deref(), sent().await), (Some("Local responded with status 503."), 0));
    record_failure(&fixture.core, &target, CallFailure::Timeout).await;
    assert_eq!(fixture.last_error().await.as_deref(), Some("Local responded with status 503."), "at most one is stored in a minute");
    for _ in 0..2 {
        record_failure(&fixture.core, &target, CallFailure::Refused(401)).await;
    }
    assert!(fixture.last_error().await.unwrap().contains("refused the key") && sent().await == 1);
    let key = credentials::get(&fixture.core, &fixture.owner, fixture.key).await.unwrap();
    assert_eq!(key.tested.unwrap().outcome, TestOutcome::Refused);
    assert!(Arc::ptr_eq(&target, &fixture.target("gpt").await), "a failure does not make the catalog outdated");
    record_success(&fixture.core, &target).await;
    assert_eq!(fixture.last_error().await, None);
}

#[tokio::test]
async fn a_failure_that_was_stored_after_the_catalog_was_read_is_cleared() {
    let fixture = Fixture::new().await;
    fixture.model(named("gpt")).await;
    let target = fixture.target("gpt").await;
    let error = ProviderError { at: Timestamp(1), status: None, message: "Local did not respond in time.".to_owned() };
    let mut tx = fixture.core.store.begin().await.unwrap();
    store::providers::set_last_error(&mut tx, fixture.provider, Some(&error)).await.unwrap();
    tx.commit().await.unwrap();
    record_success(&fixture.core, &target).await;
    assert_eq!(fixture.last_error().await, Some(error.message));
    remember_failure(&fixture.core, fixture.provider);
    record_success(&fixture.core, &target).await;
    assert_eq!(fixture.last_error().await, None);
}

#[tokio::test]
async fn an_echoed_key_is_audited_once_a_minute() {
    let fixture = Fixture::new().await;
    fixture.model(named("gpt")).await;
    let target = fixture.target("gpt").await;
    for _ in 0..2 {
        record_echo(&fixture.core, &target, fixture.owner.clone(), 3).await;
    }
    let rows = store::audit::after(fixture.core.store.read().unwrap(), 0, 100).await.unwrap();
    assert_eq!(rows.iter().filter(|row| row.action == "provider.secret_echoed").count(), 1);
}

#[tokio::test]
async fn a_replaced_key_is_not_marked_for_its_predecessor() {
    let fixture = Fixture::new().await;
    fixture.model(named("gpt")).await;
    let outdated = fixture.target("gpt").await;
    let patch = credentials::GeneralKeyPatch { name: None, value: TypedSecret::new("sk-new".to_owned()) };
    credentials::edit_general(&fixture.core, &fixture.owner, fixture.key, patch, IfMatch::Unconditional).await.unwrap();
    record_failure(&fixture.core, &outdated, CallFailure::Refused(401)).await;
    let key = credentials::get(&fixture.core, &fixture.owner, fixture.key).await.unwrap();
    assert!(fixture.last_error().await.is_some() && key.tested.is_none());
}

#[tokio::test]
async fn linking_a_key_needs_the_scope_to_change_credentials() {
    let fixture = Fixture::new().await;
    let api = Actor { scopes: Some(Scopes::of([Scope::GatewayWrite])), ..fixture.owner.clone() };
    let other = general_key(&fixture.core, &fixture.owner, "other").await;
    let create = providers::create_model(&fixture.core, &api, fixture.provider, ModelRequest { key: Some(other), ..named("gpt") }).await;
    assert_eq!(create.unwrap_err().code(), "insufficient_scope");
    let edit = async |key| {
        providers::edit(&fixture.core, &api, fixture.provider, provider_request(Some(key)), IfMatch::Unconditional)
            .await
            .map(|updated| updated.unlinked)
    };
    assert_eq!(edit(fixture.key).await, Ok(Vec::new()), "it is linked already");
    assert_eq!(edit(other).await.unwrap_err().code(), "insufficient_scope");
}
