//! The rules for providers of language models, their models, aliases, and the keys that they are linked to. All need *Manage Credentials*.

mod aliases;
mod models;
mod offered;
mod rows;

pub use aliases::{create_alias, delete_alias, edit_alias, get_alias};
pub use models::{create_model, delete_model, edit_model, get_model};
pub use offered::offered_models;

use std::collections::HashMap;

use super::{
    Core,
    actor::Actor,
    audit::Event,
    base_url::base_url,
    credentials::require_general,
    etag::{self, IfMatch},
    models::price_table,
};
use latchkey_store::{
    self as store, Connection, Tx,
    models::ModelRecord,
    providers::{ProviderRecord, ProviderValues},
};
use latchkey_types::{
    error::Error,
    id::{CredentialId, OrganizationId, ProviderId},
    key_kind::CredentialKind,
    permission::{Permission, Scope},
    provider::{GeneralKey, NAMES_MAX, PROVIDERS_MAX, ProviderList, ProviderRequest, ProviderRow, UpdatedProvider},
    provider_rules::credential_header,
    service::UnlinkReason,
    validate,
};
use rows::{Recent, alias_row, provider_row};

/// All providers with their models, the aliases, and the general keys that can be linked to them.
pub async fn list(core: &Core, actor: &Actor) -> Result<ProviderList, Error> {
    actor.require(Permission::ManageCredentials)?;
    let mut models: HashMap<ProviderId, Vec<ModelRecord>> = HashMap::new();
    for model in store::models::all(&core.store, actor.organization).await? {
        models.entry(model.provider_id).or_default().push(model);
    }
    let recent = Recent::read(core, actor.organization).await?;
    let providers = store::providers::all(&core.store, actor.organization).await?;
    let providers = providers.into_iter().map(|provider| {
        let models = models.remove(&provider.id).unwrap_or_default();
        provider_row(provider, models, &recent)
    });
    let aliases = store::model_aliases::all(&core.store, actor.organization).await?;
    let keys = store::credentials::of_kind(&core.store, actor.organization, CredentialKind::General).await?;
    let keys = keys.into_iter().map(|key| GeneralKey { id: key.id, name: key.name, mask: key.mask });
    Ok(ProviderList {
        providers: providers.collect(),
        aliases: aliases.into_iter().map(alias_row).collect(),
        keys: keys.collect(),
        price_date: price_table::date(),
    })
}

/// One provider with its models.
pub async fn get(core: &Core, actor: &Actor, id: ProviderId) -> Result<ProviderRow, Error> {
    actor.require(Permission::ManageCredentials)?;
    let (provider, models) = {
        let mut db = core.store.connection().await?;
        (find(&mut db, actor, id).await?, store::models::of_provider(&mut db, actor.organization, id).await?)
    };
    Ok(provider_row(provider, models, &Recent::read(core, actor.organization).await?))
}

/// Creates a provider. A key that acts as the actor needs the scope `credentials:write` to link a credential.
///
/// # Errors
/// `Invalid` at the first invalid field; `Conflict` at `name`; `Forbidden`, `ScopeNotHeld`, `Unavailable`.
pub async fn create(core: &Core, actor: &Actor, request: ProviderRequest) -> Result<ProviderRow, Error> {
    actor.require(Permission::ManageCredentials)?;
    let (id, values) = (ProviderId::new(), values(core, request)?);
    let mut change = core.begin(actor, &[Permission::ManageCredentials]).await?;
    require_room(store::providers::count(&mut change.tx, change.actor.organization).await?, PROVIDERS_MAX, "providers")?;
    require_linkable(&mut change.tx, &change.actor, values.key, None).await?;
    store::providers::insert(&mut change.tx, change.actor.organization, id, change.actor.user, &values).await.map_err(name_taken)?;
    let record = find(&mut change.tx, &change.actor, id).await?;
    let event = change.event("provider.created", "provider", id, &values.name).with("base_url", values.base_url.as_str());
    change.commit([with_key(event, values.key)]).await?;
    Ok(provider_row(record, Vec::new(), &Recent::default()))
}

/// Requires that there are fewer than `max`, because all of them are in memory for calls.
///
/// # Errors
/// `Invalid` at `name`.
fn require_room(count: i64, max: i64, noun: &str) -> Result<(), Error> {
    if count < max { Ok(()) } else { Err(Error::invalid("name", format!("An organization can have at most {max} {noun}. Delete one first."))) }
}

/// Requires that another model or alias can be created.
async fn require_free_name(tx: &mut Connection, organization: OrganizationId) -> Result<(), Error> {
    require_room(store::model_aliases::count_names(tx, organization).await?, NAMES_MAX, "models and aliases")
}

/// Updates a provider. A new base URL unlinks the keys of the provider and its models, so that no key is sent to a URL that it was not linked
/// to. A different key in the same request is linked to the new URL.
///
/// # Errors
/// As [`create`]; `NotFound`, `Outdated`.
pub async fn edit(core: &Core, actor: &Actor, id: ProviderId, request: ProviderRequest, only_if: IfMatch) -> Result<UpdatedProvider, Error> {
    actor.require(Permission::ManageCredentials)?;
    let mut values = values(core, request)?;
    let mut change = core.begin(actor, &[Permission::ManageCredentials]).await?;
    let before = find(&mut change.tx, &change.actor, id).await?;
    only_if.check_tag(|| Ok(tag(&before)))?;
    require_linkable(&mut change.tx, &change.actor, values.key, before.link.credential_id).await?;
    let unlinked = if before.base_url == values.base_url { Vec::new() } else { unlink(&mut change.tx, &change.actor, &before, &mut values).await? };
    let reason = if values.key.is_some() || before.link.credential_id.is_some() { None } else { before.link.unlink_reason };
    let has_moved = before.base_url != values.base_url && before.link.credential_id.is_some() && values.key.is_none();
    let reason = if has_moved { Some(UnlinkReason::AddressChanged) } else { reason };
    store::providers::update(&mut change.tx, change.actor.organization, id, &values, reason).await.map_err(name_taken)?;
    let models = store::models::of_provider(&mut change.tx, change.actor.organization, id).await?;
    let record = find(&mut change.tx, &change.actor, id).await?;
    let event = change.event("provider.edited", "provider", id, &values.name).with("base_url", values.base_url.as_str());
    change.commit([with_key(event, values.key).with("unlinked", unlinked.clone())]).await?;
    Ok(UpdatedProvider { provider: provider_row(record, models, &Recent::after_change(core, actor).await), unlinked })
}

/// Unlinks the keys of a provider whose base URL changes, and of its models. Returns the names of those that had one.
async fn unlink(tx: &mut Tx, actor: &Actor, before: &ProviderRecord, values: &mut ProviderValues) -> Result<Vec<String>, Error> {
    let models = store::models::of_provider(tx, actor.organization, before.id).await?;
    store::models::unlink(tx, actor.organization, before.id).await?;
    // A different key was chosen for the new URL and is kept.
    if values.key == before.link.credential_id {
        values.key = None;
    }
    let provider = before.link.credential_id.is_some().then(|| values.name.clone());
    Ok(provider.into_iter().chain(models.into_iter().filter(|model| model.link.credential_id.is_some()).map(|model| model.name)).collect())
}

/// Deletes a provider and its models. Linked keys remain.
///
/// # Errors
/// `Conflict` at `models` while aliases or models of other providers refer to its models; `NotFound`, `Outdated`, `Forbidden`.
pub async fn delete(core: &Core, actor: &Actor, id: ProviderId, only_if: IfMatch) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageCredentials]).await?;
    let provider = find(&mut change.tx, &change.actor, id).await?;
    only_if.check_tag(|| Ok(tag(&provider)))?;
    let models = store::models::of_provider(&mut change.tx, change.actor.organization, id).await?;
    models::require_unreferenced(&mut change.tx, &change.actor, &models, Some(id)).await?;
    store::providers::delete(&mut change.tx, change.actor.organization, id).await?;
    let models: Vec<String> = models.into_iter().map(|model| model.name).collect();
    let event = change.event("provider.deleted", "provider", id, &provider.name).with("models", models);
    change.commit([event]).await
}

async fn find(db: &mut Connection, actor: &Actor, id: ProviderId) -> Result<ProviderRecord, Error> {
    store::providers::find(db, actor.organization, id).await?.ok_or(Error::NotFound)
}

fn values(core: &Core, request: ProviderRequest) -> Result<ProviderValues, Error> {
    let (name, base_url) = (validate::name("name", &request.name)?, base_url(&core.http_client, "base_url", &request.base_url)?);
    let credential_header = credential_header(request.style, request.credential_header.as_deref())?;
    Ok(ProviderValues { name, api_style: request.style, base_url, credential_header, key: request.key })
}

/// Requires a general key of the organization that the actor may link. A key needs the scope to change credentials, because linking one
/// determines the URL that it is sent to; the credential that is linked already can stay.
async fn require_linkable(db: &mut Connection, actor: &Actor, key: Option<CredentialId>, before: Option<CredentialId>) -> Result<(), Error> {
    if key.is_some() && key != before {
        actor.require_grant(Scope::CredentialsWrite)?;
    }
    require_general(db, actor, "key", key).await
}

/// The tag of a provider, which does not cover its models.
fn tag(provider: &ProviderRecord) -> String {
    etag::of_provider(&provider_row(provider.clone(), Vec::new(), &Recent::default()))
}

fn with_key(event: Event, key: Option<CredentialId>) -> Event {
    key.iter().fold(event, |event, key| event.with("key", key.to_string()))
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "A provider with this name already exists.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_models_is_limited() {
        assert_eq!(require_room(NAMES_MAX - 1, NAMES_MAX, "models"), Ok(()));
        let error = require_room(NAMES_MAX, NAMES_MAX, "models").unwrap_err();
        assert_eq!(error, Error::invalid("name", "An organization can have at most 1000 models. Delete one first."));
    }
}
