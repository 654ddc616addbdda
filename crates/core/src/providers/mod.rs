//! The rules for providers of language models and the keys that they are linked to. All need *Manage Credentials*.

mod address;
mod models;

pub use models::{create_model, delete_model, edit_model};

use std::collections::HashMap;

use super::{Core, actor::Actor, audit::Event};
use latchkey_store::{
    self as store, Tx,
    models::ModelRecord,
    providers::{CredentialLink, ProviderRecord, ProviderValues},
};
use latchkey_types::{
    error::Error,
    id::{CredentialId, ProviderId},
    key_kind::CredentialKind,
    permission::Permission,
    provider::{GeneralKey, KeyLinkState, ModelRow, ProviderList, ProviderRequest, ProviderRow, UpdatedProvider},
    validate,
};

/// All providers with their models, and the general keys that can be linked to them.
pub async fn list(core: &Core, actor: &Actor) -> Result<ProviderList, Error> {
    actor.require(Permission::ManageCredentials)?;
    let mut models: HashMap<String, Vec<ModelRecord>> = HashMap::new();
    for model in store::models::all(&core.store, actor.organization).await? {
        models.entry(model.provider_id.clone()).or_default().push(model);
    }
    let providers = store::providers::all(&core.store, actor.organization).await?;
    let providers = providers.into_iter().map(|provider| {
        let models = models.remove(&provider.id).unwrap_or_default();
        row(provider, models)
    });
    let keys = store::credentials::of_kind(&core.store, actor.organization, CredentialKind::General).await?;
    let keys = keys.into_iter().map(|key| Ok(GeneralKey { id: parse_stored(&key.id)?, name: key.name, mask: key.mask }));
    Ok(ProviderList { providers: providers.collect::<Result<_, Error>>()?, keys: keys.collect::<Result<_, Error>>()? })
}

pub async fn create(core: &Core, actor: &Actor, request: ProviderRequest) -> Result<ProviderRow, Error> {
    actor.require(Permission::ManageCredentials)?;
    let values = values(request)?;
    let (actor, auditor, id) = (actor.clone(), core.auditor.clone(), ProviderId::new());
    let record = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                require_general_key(tx, &actor, values.key).await?;
                store::providers::insert(tx, actor.organization, id, actor.user, &values).await.map_err(name_taken)?;
                let event = Event::new(&actor, "provider.created", "provider", id, &values.name).with("base_url", values.base_url.as_str());
                auditor.record(tx, with_key(event, values.key)).await?;
                find(tx, &actor, id).await
            })
        })
        .await?;
    row(record, Vec::new())
}

/// Updates a provider. A new base URL unlinks the keys of the provider and its models, so that no key is sent to a URL that it was not linked
/// to. A different key in the same request is linked to the new URL.
pub async fn edit(core: &Core, actor: &Actor, id: ProviderId, request: ProviderRequest) -> Result<UpdatedProvider, Error> {
    actor.require(Permission::ManageCredentials)?;
    let mut values = values(request)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    let (record, models, unlinked) = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                let before = find(tx, &actor, id).await?;
                require_general_key(tx, &actor, values.key).await?;
                let unlinked = if before.base_url == values.base_url { Vec::new() } else { unlink(tx, &actor, &before, &mut values, id).await? };
                let reason = if values.key.is_some() || before.link.credential_id.is_some() { None } else { before.link.unlink_reason.as_deref() };
                let has_moved = before.base_url != values.base_url && before.link.credential_id.is_some() && values.key.is_none();
                let reason = if has_moved { Some("address_changed") } else { reason };
                store::providers::update(tx, id, &values, reason).await.map_err(name_taken)?;
                let event = Event::new(&actor, "provider.edited", "provider", id, &values.name).with("base_url", values.base_url.as_str());
                auditor.record(tx, with_key(event, values.key).with("unlinked", unlinked.clone())).await?;
                let models = store::models::of_provider(tx, actor.organization, id).await?;
                Ok((find(tx, &actor, id).await?, models, unlinked))
            })
        })
        .await?;
    Ok(UpdatedProvider { provider: row(record, models)?, unlinked })
}

/// Unlinks the keys of a provider whose base URL changes, and of its models. Returns the names of those that had one.
async fn unlink(tx: &mut Tx, actor: &Actor, before: &ProviderRecord, values: &mut ProviderValues, id: ProviderId) -> Result<Vec<String>, Error> {
    let models = store::models::of_provider(tx, actor.organization, id).await?;
    store::models::unlink(tx, id).await?;
    // A different key was chosen for the new URL and is kept.
    if values.key.map(|key| key.to_string()) == before.link.credential_id {
        values.key = None;
    }
    let provider = before.link.credential_id.is_some().then(|| values.name.clone());
    Ok(provider.into_iter().chain(models.into_iter().filter(|model| model.link.credential_id.is_some()).map(|model| model.name)).collect())
}

/// Deletes a provider and its models. Linked keys remain.
pub async fn delete(core: &Core, actor: &Actor, id: ProviderId) -> Result<(), Error> {
    actor.require(Permission::ManageCredentials)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let provider = find(tx, &actor, id).await?;
                let models = store::models::of_provider(tx, actor.organization, id).await?;
                store::providers::delete(tx, id).await?;
                let models: Vec<String> = models.into_iter().map(|model| model.name).collect();
                Ok(auditor.record(tx, Event::new(&actor, "provider.deleted", "provider", id, &provider.name).with("models", models)).await?)
            })
        })
        .await
}

async fn find(tx: &mut Tx, actor: &Actor, id: ProviderId) -> Result<ProviderRecord, Error> {
    store::providers::find(tx, actor.organization, id).await?.ok_or(Error::NotFound)
}

fn values(request: ProviderRequest) -> Result<ProviderValues, Error> {
    let (name, base_url) = (validate::name("name", &request.name)?, address::base_url("base_url", &request.base_url)?);
    Ok(ProviderValues { name, api_style: request.style, base_url, key: request.key })
}

/// Requires a general key of the organization. Keys of other organizations are treated like deleted ones.
async fn require_general_key(tx: &mut Tx, actor: &Actor, key: Option<CredentialId>) -> Result<(), Error> {
    let Some(key) = key else { return Ok(()) };
    let found = store::credentials::find(tx, actor.organization, key).await?;
    match found.map(|record| record.kind()).transpose()? {
        Some(CredentialKind::General) => Ok(()),
        _ => Err(Error::invalid("key", "Choose a general key. This key is of another kind or was deleted.")),
    }
}

fn with_key(event: Event, key: Option<CredentialId>) -> Event {
    key.iter().fold(event, |event, key| event.with("key", key.to_string()))
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "A provider with this name already exists.")
}

fn row(provider: ProviderRecord, models: Vec<ModelRecord>) -> Result<ProviderRow, Error> {
    Ok(ProviderRow {
        id: parse_stored(&provider.id)?,
        name: provider.name,
        style: parse_stored(&provider.api_style)?,
        base_url: provider.base_url,
        link: link(provider.link)?,
        models: models.into_iter().map(model_row).collect::<Result<_, Error>>()?,
    })
}

fn model_row(model: ModelRecord) -> Result<ModelRow, Error> {
    Ok(ModelRow { id: parse_stored(&model.id)?, name: model.name, link: link(model.link)? })
}

fn link(link: CredentialLink) -> Result<KeyLinkState, Error> {
    Ok(match (link.credential_id, link.credential_name, link.credential_mask, link.unlink_reason.as_deref()) {
        (Some(id), Some(name), Some(mask), _) => KeyLinkState::Key(GeneralKey { id: parse_stored(&id)?, name, mask }),
        (_, _, _, Some("credential_deleted")) => KeyLinkState::Deleted,
        (_, _, _, Some(_)) => KeyLinkState::AddressChanged,
        _ => KeyLinkState::Nothing,
    })
}

fn parse_stored<T: std::str::FromStr>(stored: &str) -> Result<T, Error> {
    stored.parse().map_err(|_| {
        tracing::error!("stored provider has an invalid value");
        Error::Internal
    })
}
