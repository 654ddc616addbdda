//! The rules for language models. All need *Manage Credentials*.

use super::{
    require_linkable,
    rows::{Recent, model_row},
    with_key,
};
use crate::{
    Core,
    actor::Actor,
    etag::{self, IfMatch},
};
use latchkey_store::{
    self as store, Connection,
    models::{ModelRecord, ModelValues},
    providers::ProviderRecord,
};
use latchkey_types::{
    error::Error,
    id::{ModelId, ProviderId},
    permission::Permission,
    provider::{ModelRequest, ModelRow},
};

/// One model and its provider.
pub async fn get_model(core: &Core, actor: &Actor, id: ModelId) -> Result<(ProviderId, ModelRow), Error> {
    actor.require(Permission::ManageCredentials)?;
    let (model, provider) = {
        let mut db = core.store.connection().await?;
        let model = find(&mut db, actor, id).await?;
        let provider = super::find(&mut db, actor, model.provider_id).await?;
        (model, provider)
    };
    let recent = Recent::read(core, actor.organization).await?;
    Ok((provider.id, row(model, &provider, &recent)))
}

/// Creates a model. A key that acts as the actor needs the scope `credentials:write` to link a credential.
///
/// # Errors
/// `Invalid` at the first invalid field; `Conflict` at `name`; `NotFound` without the provider; `Forbidden`, `ScopeNotHeld`, `Unavailable`.
pub async fn create_model(core: &Core, actor: &Actor, provider: ProviderId, request: ModelRequest) -> Result<ModelRow, Error> {
    actor.require(Permission::ManageCredentials)?;
    let (id, values) = (ModelId::new(), values(request)?);
    let mut change = core.begin(actor, &[Permission::ManageCredentials]).await?;
    let provider = super::find(&mut change.tx, &change.actor, provider).await?;
    super::require_free_name(&mut change.tx, change.actor.organization).await?;
    require_linkable(&mut change.tx, &change.actor, values.key, None).await?;
    require_fallbacks(&mut change.tx, &change.actor, id, &values.fallbacks).await?;
    let parent = (change.actor.organization, provider.id);
    store::models::insert(&mut change.tx, parent, id, change.actor.user, &values).await.map_err(name_taken)?;
    let record = find(&mut change.tx, &change.actor, id).await?;
    let event = change.event("model.created", "model", id, &values.name).with("provider", provider.name.as_str());
    change.commit([with_key(event, values.key)]).await?;
    Ok(row(record, &provider, &Recent::default()))
}

/// Changes a model and its own key.
///
/// # Errors
/// As [`create_model`]; `Outdated`.
pub async fn edit_model(core: &Core, actor: &Actor, id: ModelId, request: ModelRequest, only_if: IfMatch) -> Result<ModelRow, Error> {
    actor.require(Permission::ManageCredentials)?;
    let keeps_unlinked = request.keeps_unlinked;
    let values = values(request)?;
    let mut change = core.begin(actor, &[Permission::ManageCredentials]).await?;
    let before = find(&mut change.tx, &change.actor, id).await?;
    let provider = super::find(&mut change.tx, &change.actor, before.provider_id).await?;
    let (linked, unlink_reason) = (before.link.credential_id, before.link.unlink_reason);
    only_if.check_tag(|| Ok(etag::of_model(&row(before, &provider, &Recent::default()))))?;
    require_linkable(&mut change.tx, &change.actor, values.key, linked).await?;
    require_fallbacks(&mut change.tx, &change.actor, id, &values.fallbacks).await?;
    let unlink_reason = unlink_reason.filter(|_| keeps_unlinked && values.key.is_none() && linked.is_none());
    store::models::update(&mut change.tx, change.actor.organization, id, &values, unlink_reason).await.map_err(name_taken)?;
    let record = find(&mut change.tx, &change.actor, id).await?;
    let event = change.event("model.edited", "model", id, &values.name);
    change.commit([with_key(event, values.key)]).await?;
    Ok(row(record, &provider, &Recent::after_change(core, actor).await))
}

/// Deletes a model. Its linked key remains.
///
/// # Errors
/// `Conflict` at `models` while aliases or other models refer to it; `NotFound`, `Outdated`, `Forbidden`.
pub async fn delete_model(core: &Core, actor: &Actor, id: ModelId, only_if: IfMatch) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageCredentials]).await?;
    let model = find(&mut change.tx, &change.actor, id).await?;
    let provider = super::find(&mut change.tx, &change.actor, model.provider_id).await?;
    only_if.check_tag(|| Ok(etag::of_model(&row(model.clone(), &provider, &Recent::default()))))?;
    require_unreferenced(&mut change.tx, &change.actor, std::slice::from_ref(&model), None).await?;
    store::models::delete(&mut change.tx, change.actor.organization, id).await?;
    let event = change.event("model.deleted", "model", id, &model.name);
    change.commit([event]).await
}

pub(super) async fn find(db: &mut Connection, actor: &Actor, id: ModelId) -> Result<ModelRecord, Error> {
    store::models::find(db, actor.organization, id).await?.ok_or(Error::NotFound)
}

fn row(model: ModelRecord, provider: &ProviderRecord, recent: &Recent) -> ModelRow {
    model_row(model, (provider.api_style, &provider.base_url), recent)
}

fn values(request: ModelRequest) -> Result<ModelValues, Error> {
    let ModelRequest { name, upstream_name, key, price, context_tokens, output_tokens, allow_unpriced, fallbacks, .. } = request.checked()?;
    Ok(ModelValues { name, upstream_name, key, price, context_tokens, output_tokens, allow_unpriced, fallbacks })
}

/// Requires that the fallbacks of a model are other models of the organization.
async fn require_fallbacks(db: &mut Connection, actor: &Actor, model: ModelId, fallbacks: &[ModelId]) -> Result<(), Error> {
    if fallbacks.contains(&model) {
        return Err(Error::invalid("fallbacks", "Choose other models: a model cannot be its own fallback."));
    }
    require_models(db, actor, "fallbacks", fallbacks).await
}

/// Requires models of the organization.
///
/// # Errors
/// `Invalid` at the field.
pub(super) async fn require_models(db: &mut Connection, actor: &Actor, field: &str, models: &[ModelId]) -> Result<(), Error> {
    for id in models {
        if store::models::find(&mut *db, actor.organization, *id).await?.is_none() {
            return Err(Error::invalid(field, "Choose existing models. One of these was deleted."));
        }
    }
    Ok(())
}

/// Requires that no alias refers to these models, and no other model than those of the provider `except`.
///
/// # Errors
/// `Conflict` at `models`, with the names.
pub(super) async fn require_unreferenced(
    db: &mut Connection,
    actor: &Actor,
    models: &[ModelRecord],
    except: Option<ProviderId>,
) -> Result<(), Error> {
    let references = store::models::references(db, actor.organization, except).await?;
    for model in models {
        if let Some(names) = references.get(&model.id) {
            let message = format!("“{}” is used by {}. Remove it there first.", model.name, names.join(", "));
            return Err(Error::conflict("models", message));
        }
    }
    Ok(())
}

/// Also of aliases, which have the same names.
pub(super) fn name_taken(error: store::StoreError) -> Error {
    error.or_conflict("name", "A model or alias with this name already exists.")
}
