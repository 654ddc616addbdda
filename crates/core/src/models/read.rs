//! Reads the catalog of an organization from the store.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use http::HeaderName;
use secrecy::SecretString;
use url::Url;

use super::{
    catalog::{Catalog, Route, Target},
    price_table,
};
use crate::{
    Core,
    credentials::{self, Secrets},
    services::call::{CallCredential, UsableCredential},
};
use latchkey_store::{
    self as store,
    model_aliases::AliasRecord,
    models::ModelRecord,
    providers::{CredentialLink, ProviderRecord},
};
use latchkey_types::{
    error::Error,
    id::{CredentialId, ModelId, OrganizationId, ProviderId},
    provider::AliasTarget,
    service::UnlinkReason,
    time::Timestamp,
};

pub(super) struct ReadResult {
    pub(super) catalog: Catalog,
    /// Whether a credential cannot be decrypted.
    pub(super) is_unreadable: bool,
    /// The providers whose last call or test failed.
    pub(super) failing: Vec<ProviderId>,
}

/// A general key.
enum OpenedKey {
    Usable { value: SecretString, expires_at: Option<Timestamp> },
    Deleted,
    Unreadable,
}

type OpenedKeys = HashMap<CredentialId, OpenedKey>;

/// Targets that have not changed are those of the previous catalog.
pub(super) async fn read(core: &Core, organization: OrganizationId, previous: Option<&Catalog>) -> Result<ReadResult, Error> {
    let providers = store::providers::all(&core.store, organization).await?;
    let models = store::models::all(&core.store, organization).await?;
    let aliases = store::model_aliases::all(&core.store, organization).await?;
    let (settings, member_budgets) = {
        let mut db = core.store.connection().await?;
        (store::organizations::budgets(&mut db, organization).await?, store::members::budgets(&mut db, organization).await?)
    };
    let keys = open_keys(core, organization, &providers, &models).await?;
    let mut targets = targets(organization, &providers, &models, &keys);
    for (id, target) in &mut targets {
        if let Some(unchanged) = previous.and_then(|previous| previous.targets.get(id)).filter(|earlier| earlier.is_same(target)) {
            *target = Arc::clone(unchanged);
        }
    }
    let catalog = Catalog {
        organization_budget: settings.budget,
        member_budgets: member_budgets.into_iter().collect(),
        call_log_days: settings.call_log_days,
        routes: routes(&models, &aliases, &targets),
        targets,
    };
    let failing = providers.iter().filter(|provider| provider.last_error().is_some()).map(|provider| provider.id).collect();
    Ok(ReadResult { catalog, is_unreadable: keys.values().any(|key| matches!(key, OpenedKey::Unreadable)), failing })
}

/// Decrypts each linked key once.
async fn open_keys(core: &Core, organization: OrganizationId, providers: &[ProviderRecord], models: &[ModelRecord]) -> Result<OpenedKeys, Error> {
    let links = providers.iter().map(|provider| &provider.link).chain(models.iter().map(|model| &model.link));
    let ids: HashSet<CredentialId> = links.filter_map(|link| link.credential_id).collect();
    let mut keys = OpenedKeys::new();
    for id in ids {
        keys.insert(id, open_key(core, organization, id).await?);
    }
    Ok(keys)
}

async fn open_key(core: &Core, organization: OrganizationId, id: CredentialId) -> Result<OpenedKey, Error> {
    let Some(record) = store::credentials::find(core.store.read()?, organization, id).await? else {
        // Deleted since the link was read.
        return Ok(OpenedKey::Deleted);
    };
    Ok(match credentials::open_record(&core.store, &core.vault, &record).await? {
        Some(Secrets::General { value }) => OpenedKey::Usable { value, expires_at: record.expires_at },
        // Only general keys can be linked.
        Some(Secrets::Aws { .. } | Secrets::Dnanexus { .. }) | None => OpenedKey::Unreadable,
    })
}

fn targets(organization: OrganizationId, providers: &[ProviderRecord], models: &[ModelRecord], keys: &OpenedKeys) -> HashMap<ModelId, Arc<Target>> {
    let providers: HashMap<ProviderId, &ProviderRecord> = providers.iter().map(|provider| (provider.id, provider)).collect();
    let entry = |model: &ModelRecord| {
        // Without a provider, both were deleted while they were read.
        let provider = providers.get(&model.provider_id)?;
        Some((model.id, Arc::new(target(organization, provider, model, keys)?)))
    };
    models.iter().filter_map(entry).collect()
}

/// `None` if a stored value is invalid: such a model must not be called.
fn target(organization: OrganizationId, provider: &ProviderRecord, model: &ModelRecord, keys: &OpenedKeys) -> Option<Target> {
    let base_url = Url::parse(&provider.base_url).ok();
    let credential_header = provider.credential_header.as_ref().map(|name| HeaderName::from_bytes(name.as_bytes())).transpose().ok();
    let (Some(base_url), Some(credential_header)) = (base_url, credential_header) else {
        tracing::error!(provider = %provider.id, "stored provider has an invalid value");
        return None;
    };
    let table = price_table::find(provider.api_style, &provider.base_url, &model.upstream_name);
    Some(Target {
        model: model.id,
        name: model.name.clone(),
        upstream_name: model.upstream_name.clone(),
        provider: provider.id,
        provider_name: provider.name.clone(),
        organization,
        style: provider.api_style,
        base_url,
        credential_header,
        credential: credential(own_or_provider_link(model, provider), keys),
        prepared: OnceLock::new(),
        price: model.price.or(table.price),
        allow_unpriced: model.allow_unpriced,
        context_tokens: model.context_tokens.or(table.context_tokens),
        output_tokens: model.output_tokens,
    })
}

/// A model that lost its own key is not called with that of the provider until this is chosen: it may be billed to somebody else.
fn own_or_provider_link<'a>(model: &'a ModelRecord, provider: &'a ProviderRecord) -> &'a CredentialLink {
    let has_own = model.link.credential_id.is_some() || model.link.unlink_reason.is_some();
    if has_own { &model.link } else { &provider.link }
}

fn credential(link: &CredentialLink, keys: &OpenedKeys) -> CallCredential {
    let Some(id) = link.credential_id else { return link.unlink_reason.map_or(CallCredential::None, CallCredential::Unlinked) };
    match keys.get(&id) {
        Some(OpenedKey::Usable { value, expires_at }) => {
            CallCredential::Usable(UsableCredential { id, secrets: Secrets::General { value: value.clone() }, expires_at: *expires_at })
        }
        Some(OpenedKey::Unreadable) => CallCredential::Unreadable,
        Some(OpenedKey::Deleted) | None => CallCredential::Unlinked(UnlinkReason::CredentialDeleted),
    }
}

fn routes(models: &[ModelRecord], aliases: &[AliasRecord], targets: &HashMap<ModelId, Arc<Target>>) -> BTreeMap<String, Arc<Route>> {
    let of_models = models.iter().map(|model| model_route(model, targets));
    let of_aliases = aliases.iter().map(|alias| alias_route(alias, targets));
    let routes = of_models.chain(of_aliases).filter(|route| !route.groups.is_empty());
    routes.map(|route| (store::fold(&route.name), Arc::new(route))).collect()
}

/// The model, then its fallbacks. Without the model there is no route.
fn model_route(model: &ModelRecord, targets: &HashMap<ModelId, Arc<Target>>) -> Route {
    let order = [model.id].into_iter().chain(model.fallbacks.iter().copied()).filter(|_| targets.contains_key(&model.id));
    let groups = order.filter_map(|id| Some(vec![(Arc::clone(targets.get(&id)?), 1)])).collect();
    Route { name: model.name.clone(), created_at: model.created_at, groups }
}

/// Without the fallbacks of the models.
fn alias_route(alias: &AliasRecord, targets: &HashMap<ModelId, Arc<Target>>) -> Route {
    let groups = alias.targets.chunk_by(|one, next| one.priority == next.priority);
    let target = |listed: &AliasTarget| Some((Arc::clone(targets.get(&listed.model)?), listed.weight));
    let groups = groups.map(|group| group.iter().filter_map(target).collect::<Vec<_>>()).filter(|group| !group.is_empty());
    Route { name: alias.name.clone(), created_at: alias.created_at, groups: groups.collect() }
}
