//! The rules for language models. All need *Manage Credentials*.

use super::{model_row, require_general_key, with_key};
use crate::{
    model::{
        fault::Fault,
        id::{ModelId, ProviderId},
        permission::Permission,
        provider::{ModelRow, WantedModel},
        text,
    },
    server::{
        actor::Actor,
        audit::Event,
        state::AppState,
        store::{self, Tx, models::ModelRecord},
    },
};

/// Makes a model of a provider.
///
/// # Errors
/// `Invalid` at `name` or `key`; `Conflict` at `name`; `NotFound` for the provider; `Forbidden`, `Unavailable`.
pub async fn create_model(state: &AppState, actor: &Actor, provider: ProviderId, wanted: WantedModel) -> Result<ModelRow, Fault> {
    actor.require(Permission::ManageCredentials)?;
    let name = text::name("name", &wanted.name)?;
    let (actor, auditor, id) = (actor.clone(), state.auditor.clone(), ModelId::new());
    let record = state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let of = super::find(tx, &actor, provider).await?;
                require_general_key(tx, &actor, wanted.key).await?;
                let place = (actor.organization, provider);
                store::models::insert(tx, place, id, actor.user, (&name, wanted.key)).await.map_err(name_taken)?;
                let event = Event::new(&actor, "model.created", "model", id, &name).with("provider", of.name);
                auditor.record(tx, with_key(event, wanted.key)).await?;
                find(tx, &actor, id).await
            })
        })
        .await?;
    model_row(record)
}

/// Changes a model.
///
/// # Errors
/// `Invalid` at `name` or `key`; `Conflict` at `name`; `NotFound`, `Forbidden`, `Unavailable`.
pub async fn edit_model(state: &AppState, actor: &Actor, id: ModelId, wanted: WantedModel) -> Result<ModelRow, Fault> {
    actor.require(Permission::ManageCredentials)?;
    let name = text::name("name", &wanted.name)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    let record = state
        .store
        .write(move |tx| {
            Box::pin(async move {
                find(tx, &actor, id).await?;
                require_general_key(tx, &actor, wanted.key).await?;
                store::models::update(tx, id, (&name, wanted.key)).await.map_err(name_taken)?;
                auditor.record(tx, with_key(Event::new(&actor, "model.edited", "model", id, &name), wanted.key)).await?;
                find(tx, &actor, id).await
            })
        })
        .await?;
    model_row(record)
}

/// Deletes a model. Its key stays.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Unavailable`.
pub async fn delete_model(state: &AppState, actor: &Actor, id: ModelId) -> Result<(), Fault> {
    actor.require(Permission::ManageCredentials)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let model = find(tx, &actor, id).await?;
                store::models::delete(tx, id).await?;
                Ok(auditor.record(tx, Event::new(&actor, "model.deleted", "model", id, &model.name)).await?)
            })
        })
        .await
}

async fn find(tx: &mut Tx, actor: &Actor, id: ModelId) -> Result<ModelRecord, Fault> {
    store::models::find(tx, actor.organization, id).await?.ok_or(Fault::NotFound)
}

fn name_taken(error: store::Error) -> Fault {
    error.or_conflict("name", "This provider has a model of this name already.")
}
