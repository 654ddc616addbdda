//! The rules for aliases: names that stand for one of several models. All need *Manage Credentials*.

use super::{
    models::{name_taken, require_models},
    rows::alias_row,
};
use crate::{
    Core,
    actor::Actor,
    audit::Event,
    etag::{self, IfMatch},
};
use latchkey_store::{self as store, Connection, model_aliases::AliasRecord};
use latchkey_types::{
    error::Error,
    id::{AliasId, ModelId},
    permission::Permission,
    provider::{AliasRequest, AliasRow, AliasTarget},
};

/// One alias.
pub async fn get_alias(core: &Core, actor: &Actor, id: AliasId) -> Result<AliasRow, Error> {
    actor.require(Permission::ManageCredentials)?;
    Ok(alias_row(find(&mut *core.store.connection().await?, actor, id).await?))
}

/// Creates an alias.
///
/// # Errors
/// `Invalid` at `name` or `targets`; `Conflict` at `name`; `Forbidden`, `Unavailable`.
pub async fn create_alias(core: &Core, actor: &Actor, request: AliasRequest) -> Result<AliasRow, Error> {
    actor.require(Permission::ManageCredentials)?;
    let (id, AliasRequest { name, targets }) = (AliasId::new(), request.checked()?);
    let mut change = core.begin(actor, &[Permission::ManageCredentials]).await?;
    let organization = change.actor.organization;
    super::require_free_name(&mut change.tx, organization).await?;
    require_models(&mut change.tx, &change.actor, "targets", &models_of(&targets)).await?;
    store::model_aliases::insert(&mut change.tx, organization, id, change.actor.user, (&name, &targets)).await.map_err(name_taken)?;
    let event = with_targets(change.event("alias.created", "alias", id, &name), &targets);
    change.commit([event]).await?;
    Ok(AliasRow { id, name, targets })
}

/// Changes an alias.
///
/// # Errors
/// As [`create_alias`]; `NotFound`, `Outdated`.
pub async fn edit_alias(core: &Core, actor: &Actor, id: AliasId, request: AliasRequest, only_if: IfMatch) -> Result<AliasRow, Error> {
    actor.require(Permission::ManageCredentials)?;
    let AliasRequest { name, targets } = request.checked()?;
    let mut change = core.begin(actor, &[Permission::ManageCredentials]).await?;
    let before = alias_row(find(&mut change.tx, &change.actor, id).await?);
    only_if.check_tag(|| Ok(etag::of_alias(&before)))?;
    require_models(&mut change.tx, &change.actor, "targets", &models_of(&targets)).await?;
    store::model_aliases::update(&mut change.tx, change.actor.organization, id, (&name, &targets)).await.map_err(name_taken)?;
    let event = with_targets(change.event("alias.edited", "alias", id, &name).with("from", before.name), &targets);
    change.commit([event]).await?;
    Ok(AliasRow { id, name, targets })
}

/// Deletes an alias. Its models remain.
///
/// # Errors
/// `NotFound`, `Outdated`, `Forbidden`, `Unavailable`.
pub async fn delete_alias(core: &Core, actor: &Actor, id: AliasId, only_if: IfMatch) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageCredentials]).await?;
    let alias = alias_row(find(&mut change.tx, &change.actor, id).await?);
    only_if.check_tag(|| Ok(etag::of_alias(&alias)))?;
    store::model_aliases::delete(&mut change.tx, change.actor.organization, id).await?;
    let event = change.event("alias.deleted", "alias", id, &alias.name);
    change.commit([event]).await
}

async fn find(db: &mut Connection, actor: &Actor, id: AliasId) -> Result<AliasRecord, Error> {
    store::model_aliases::find(db, actor.organization, id).await?.ok_or(Error::NotFound)
}

fn models_of(targets: &[AliasTarget]) -> Vec<ModelId> {
    targets.iter().map(|target| target.model).collect()
}

fn with_targets(event: Event, targets: &[AliasTarget]) -> Event {
    let ids: Vec<String> = targets.iter().map(|target| target.model.to_string()).collect();
    event.with("models", ids)
}
