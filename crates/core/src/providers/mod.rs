//! The rules for providers of language models and the keys that they are linked to. All need *Manage Credentials*.

mod models;

pub use models::{create_model, delete_model, edit_model};

use std::collections::HashMap;

use super::{Core, actor::Actor, audit::Event, base_url::base_url, credentials::require_general};
use latchkey_store::{
    self as store, Connection, Tx,
    models::ModelRecord,
    providers::{CredentialLink, ProviderRecord, ProviderValues},
};
use latchkey_types::{
    error::Error,
    id::{CredentialId, ProviderId},
    key_kind::CredentialKind,
    permission::Permission,
    provider::{GeneralKey, KeyLinkState, ModelRow, ProviderList, ProviderRequest, ProviderRow, UpdatedProvider},
    service::UnlinkReason,
    validate,
};

/// All providers with their models, and the general keys that can be linked to them.
pub async fn list(core: &Core, actor: &Actor) -> Result<ProviderList, Error> {
    actor.require(Permission::ManageCredentials)?;
    let mut models: HashMap<ProviderId, Vec<ModelRecord>> = HashMap::new();
    for model in store::models::all(&core.store, actor.organization).await? {
        models.entry(model.provider_id).or_default().push(model);
    }
    let providers = store::providers::all(&core.store, actor.organization).await?;
    let providers = providers.into_iter().map(|provider| {
        let models = models.remove(&provider.id).unwrap_or_default();
        row(provider, models)
    });
    let keys = store::credentials::of_kind(&core.store, actor.organization, CredentialKind::General).await?;
    let keys = keys.into_iter().map(|key| GeneralKey { id: key.id, name: key.name, mask: key.mask });
    Ok(ProviderList { providers: providers.collect(), keys: keys.collect() })
}

pub async fn create(core: &Core, actor: &Actor, request: ProviderRequest) -> Result<ProviderRow, Error> {
    actor.require(Permission::ManageCredentials)?;
    let (id, values) = (ProviderId::new(), values(core, request)?);
    let mut change = core.begin(actor, &[Permission::ManageCredentials]).await?;
    require_general(&mut change.tx, &change.actor, "key", values.key).await?;
    store::providers::insert(&mut change.tx, change.actor.organization, id, change.actor.user, &values).await.map_err(name_taken)?;
    let record = find(&mut change.tx, &change.actor, id).await?;
    let event = change.event("provider.created", "provider", id, &values.name).with("base_url", values.base_url.as_str());
    change.commit([with_key(event, values.key)]).await?;
    Ok(row(record, Vec::new()))
}

/// Updates a provider. A new base URL unlinks the keys of the provider and its models, so that no key is sent to a URL that it was not linked
/// to. A different key in the same request is linked to the new URL.
pub async fn edit(core: &Core, actor: &Actor, id: ProviderId, request: ProviderRequest) -> Result<UpdatedProvider, Error> {
    actor.require(Permission::ManageCredentials)?;
    let mut values = values(core, request)?;
    let mut change = core.begin(actor, &[Permission::ManageCredentials]).await?;
    let before = find(&mut change.tx, &change.actor, id).await?;
    require_general(&mut change.tx, &change.actor, "key", values.key).await?;
    let unlinked = if before.base_url == values.base_url { Vec::new() } else { unlink(&mut change.tx, &change.actor, &before, &mut values).await? };
    let reason = if values.key.is_some() || before.link.credential_id.is_some() { None } else { before.link.unlink_reason };
    let has_moved = before.base_url != values.base_url && before.link.credential_id.is_some() && values.key.is_none();
    let reason = if has_moved { Some(UnlinkReason::AddressChanged) } else { reason };
    store::providers::update(&mut change.tx, id, &values, reason).await.map_err(name_taken)?;
    let models = store::models::of_provider(&mut change.tx, change.actor.organization, id).await?;
    let record = find(&mut change.tx, &change.actor, id).await?;
    let event = change.event("provider.edited", "provider", id, &values.name).with("base_url", values.base_url.as_str());
    change.commit([with_key(event, values.key).with("unlinked", unlinked.clone())]).await?;
    Ok(UpdatedProvider { provider: row(record, models), unlinked })
}

/// Unlinks the keys of a provider whose base URL changes, and of its models. Returns the names of those that had one.
async fn unlink(tx: &mut Tx, actor: &Actor, before: &ProviderRecord, values: &mut ProviderValues) -> Result<Vec<String>, Error> {
    let models = store::models::of_provider(tx, actor.organization, before.id).await?;
    store::models::unlink(tx, before.id).await?;
    // A different key was chosen for the new URL and is kept.
    if values.key == before.link.credential_id {
        values.key = None;
    }
    let provider = before.link.credential_id.is_some().then(|| values.name.clone());
    Ok(provider.into_iter().chain(models.into_iter().filter(|model| model.link.credential_id.is_some()).map(|model| model.name)).collect())
}

/// Deletes a provider and its models. Linked keys remain.
pub async fn delete(core: &Core, actor: &Actor, id: ProviderId) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageCredentials]).await?;
    let provider = find(&mut change.tx, &change.actor, id).await?;
    let models = store::models::of_provider(&mut change.tx, change.actor.organization, id).await?;
    store::providers::delete(&mut change.tx, id).await?;
    let models: Vec<String> = models.into_iter().map(|model| model.name).collect();
    let event = change.event("provider.deleted", "provider", id, &provider.name).with("models", models);
    change.commit([event]).await
}

async fn find(db: &mut Connection, actor: &Actor, id: ProviderId) -> Result<ProviderRecord, Error> {
    store::providers::find(db, actor.organization, id).await?.ok_or(Error::NotFound)
}

fn values(core: &Core, request: ProviderRequest) -> Result<ProviderValues, Error> {
    let (name, base_url) = (validate::name("name", &request.name)?, base_url(&core.http_client, "base_url", &request.base_url)?);
    Ok(ProviderValues { name, api_style: request.style, base_url, key: request.key })
}

fn with_key(event: Event, key: Option<CredentialId>) -> Event {
    key.iter().fold(event, |event, key| event.with("key", key.to_string()))
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "A provider with this name already exists.")
}

fn row(provider: ProviderRecord, models: Vec<ModelRecord>) -> ProviderRow {
    ProviderRow {
        id: provider.id,
        name: provider.name,
        style: provider.api_style,
        base_url: provider.base_url,
        link: link(provider.link),
        models: models.into_iter().map(model_row).collect(),
    }
}

fn model_row(model: ModelRecord) -> ModelRow {
    ModelRow { id: model.id, name: model.name, link: link(model.link) }
}

fn link(link: CredentialLink) -> KeyLinkState {
    match (link.credential_id, link.credential_name, link.credential_mask, link.unlink_reason) {
        (Some(id), Some(name), Some(mask), _) => KeyLinkState::Key(GeneralKey { id, name, mask }),
        (_, _, _, Some(UnlinkReason::CredentialDeleted)) => KeyLinkState::Deleted,
        (_, _, _, Some(_)) => KeyLinkState::AddressChanged,
        _ => KeyLinkState::Nothing,
    }
}
