//! The rules for language models. All need *Manage Credentials*.

use super::{model_row, require_general_key, with_key};
use crate::{Core, actor::Actor, audit::Event};
use latchkey_store::{self as store, Tx, models::ModelRecord};
use latchkey_types::{
    error::Error,
    id::{ModelId, ProviderId},
    permission::Permission,
    provider::{ModelRequest, ModelRow},
    validate,
};

pub async fn create_model(core: &Core, actor: &Actor, provider: ProviderId, request: ModelRequest) -> Result<ModelRow, Error> {
    actor.require(Permission::ManageCredentials)?;
    let name = validate::name("name", &request.name)?;
    let (actor, auditor, id) = (actor.clone(), core.auditor.clone(), ModelId::new());
    let record = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                let provider_record = super::find(tx, &actor, provider).await?;
                require_general_key(tx, &actor, request.key).await?;
                let parent = (actor.organization, provider);
                store::models::insert(tx, parent, id, actor.user, (&name, request.key)).await.map_err(name_taken)?;
                let event = Event::new(&actor, "model.created", "model", id, &name).with("provider", provider_record.name);
                auditor.record(tx, with_key(event, request.key)).await?;
                find(tx, &actor, id).await
            })
        })
        .await?;
    model_row(record)
}

pub async fn edit_model(core: &Core, actor: &Actor, id: ModelId, request: ModelRequest) -> Result<ModelRow, Error> {
    actor.require(Permission::ManageCredentials)?;
    let name = validate::name("name", &request.name)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    let record = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                find(tx, &actor, id).await?;
                require_general_key(tx, &actor, request.key).await?;
                store::models::update(tx, id, (&name, request.key)).await.map_err(name_taken)?;
                auditor.record(tx, with_key(Event::new(&actor, "model.edited", "model", id, &name), request.key)).await?;
                find(tx, &actor, id).await
            })
        })
        .await?;
    model_row(record)
}

/// Deletes a model. Its linked key remains.
pub async fn delete_model(core: &Core, actor: &Actor, id: ModelId) -> Result<(), Error> {
    actor.require(Permission::ManageCredentials)?;
    let (actor, auditor) = (actor.clone(), core.auditor.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let model = find(tx, &actor, id).await?;
                store::models::delete(tx, id).await?;
                Ok(auditor.record(tx, Event::new(&actor, "model.deleted", "model", id, &model.name)).await?)
            })
        })
        .await
}

async fn find(tx: &mut Tx, actor: &Actor, id: ModelId) -> Result<ModelRecord, Error> {
    store::models::find(tx, actor.organization, id).await?.ok_or(Error::NotFound)
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "This provider already has a model with this name.")
}
