//! The rules for language models. All need *Manage Credentials*.

use super::{model_row, with_key};
use crate::{Core, actor::Actor, credentials::require_general};
use latchkey_store::{self as store, Connection, models::ModelRecord};
use latchkey_types::{
    error::Error,
    id::{ModelId, ProviderId},
    permission::Permission,
    provider::{ModelRequest, ModelRow},
    validate,
};

pub async fn create_model(core: &Core, actor: &Actor, provider: ProviderId, request: ModelRequest) -> Result<ModelRow, Error> {
    actor.require(Permission::ManageCredentials)?;
    let (id, name) = (ModelId::new(), validate::name("name", &request.name)?);
    let mut change = core.begin(actor, &[Permission::ManageCredentials]).await?;
    let provider_record = super::find(&mut change.tx, &change.actor, provider).await?;
    require_general(&mut change.tx, &change.actor, "key", request.key).await?;
    let parent = (change.actor.organization, provider);
    store::models::insert(&mut change.tx, parent, id, change.actor.user, (&name, request.key)).await.map_err(name_taken)?;
    let record = find(&mut change.tx, &change.actor, id).await?;
    let event = change.event("model.created", "model", id, &name).with("provider", provider_record.name);
    change.commit([with_key(event, request.key)]).await?;
    Ok(model_row(record))
}

pub async fn edit_model(core: &Core, actor: &Actor, id: ModelId, request: ModelRequest) -> Result<ModelRow, Error> {
    actor.require(Permission::ManageCredentials)?;
    let name = validate::name("name", &request.name)?;
    let mut change = core.begin(actor, &[Permission::ManageCredentials]).await?;
    find(&mut change.tx, &change.actor, id).await?;
    require_general(&mut change.tx, &change.actor, "key", request.key).await?;
    store::models::update(&mut change.tx, id, (&name, request.key)).await.map_err(name_taken)?;
    let record = find(&mut change.tx, &change.actor, id).await?;
    let event = change.event("model.edited", "model", id, &name);
    change.commit([with_key(event, request.key)]).await?;
    Ok(model_row(record))
}

/// Deletes a model. Its linked key remains.
pub async fn delete_model(core: &Core, actor: &Actor, id: ModelId) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageCredentials]).await?;
    let model = find(&mut change.tx, &change.actor, id).await?;
    store::models::delete(&mut change.tx, id).await?;
    let event = change.event("model.deleted", "model", id, &model.name);
    change.commit([event]).await
}

async fn find(db: &mut Connection, actor: &Actor, id: ModelId) -> Result<ModelRecord, Error> {
    store::models::find(db, actor.organization, id).await?.ok_or(Error::NotFound)
}

fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "This provider already has a model with this name.")
}
