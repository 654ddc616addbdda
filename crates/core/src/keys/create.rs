//! Creates keys.

use std::slice;

use super::{attributes, limits, models, name_taken, rows};
use crate::{Core, actor::Actor};
use latchkey_crypto::key_format::PlainKey;
use latchkey_store::{self as store, StoreError, Tx, keys::KeyRecord};
use latchkey_types::{
    error::Error,
    id::KeyId,
    key::{CreateKeyRequest, CreatedKey},
    key_kind::Kind,
    secret::RevealedSecret,
    time::Timestamp,
};

/// Creates a key. Only this result contains the secret. A kind that may call all models gets the organization's default budget, unless the request
/// says otherwise. Needs the kind's `manage` permission.
///
/// # Errors
/// `ScopeNotHeld` for a scope that the actor does not hold.
pub async fn create(core: &Core, actor: &Actor, mut request: CreateKeyRequest) -> Result<CreatedKey, Error> {
    let unsupported_kind = || Error::invalid("kind", "Keys of this kind can't be created here.");
    let Kind::Key(kind) = request.kind else { return Err(unsupported_kind()) };
    let spec = kind.spec();
    actor.require(spec.manage)?;
    let corpora = attributes::corpora(spec, &request.corpora)?;
    let mut change = core.begin_for_keys(actor, &[spec.manage], &[]).await?;
    let secret = PlainKey::generate(kind).ok_or_else(unsupported_kind)?;
    if spec.calls_all_models && request.model_access.budget.is_none() {
        let budgets = store::organizations::budgets(&mut change.tx, change.actor.organization).await?;
        request.model_access.budget = Some(budgets.agent_budget);
    }
    let now = Timestamp::now();
    let key = store::keys::NewKey {
        id: KeyId::new(),
        organization: change.actor.organization,
        kind,
        attributes: attributes::from_request(&change.actor, kind, &request, now)?,
        credits: limits::credits(spec, request.credits)?,
        corpora,
        digest: core.pepper.digest(secret.reveal()).as_bytes().to_vec(),
        mask: spec.mask.apply(secret.reveal()),
        created_by: change.actor.user,
        created_at: now,
    };
    let record = insert(&mut change.tx, slice::from_ref(&key), |_, error| name_taken(error)).await?.pop().ok_or(Error::Internal)?;
    // Before the commit: the secret must not be lost because a read fails.
    let row = rows::row(core, &record).await?;
    let event = change.event("key.created", "key", key.id, &key.attributes.name).with("kind", spec.name);
    let event = if models::logs_bodies(key.attributes.model_access.as_deref()) { event.with("log_bodies", true) } else { event };
    change.commit([event]).await?;
    Ok(CreatedKey { key: row, secret: RevealedSecret::new(secret.reveal().to_owned()) })
}

/// Inserts keys. Returns them as stored, in the same order. `map_error` maps the failure to store the key with this index.
///
/// # Errors
/// `Invalid` at `corpora` if one of them does not exist.
pub(super) async fn insert(tx: &mut Tx, keys: &[store::keys::NewKey], map_error: fn(usize, StoreError) -> Error) -> Result<Vec<KeyRecord>, Error> {
    for (index, key) in keys.iter().enumerate() {
        require_corpora(tx, key).await?;
        store::keys::insert(tx, key).await.map_err(|error| map_error(index, error))?;
    }
    let ids: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
    Ok(store::keys::find_new(tx, &ids).await?)
}

async fn require_corpora(tx: &mut Tx, key: &store::keys::NewKey) -> Result<(), Error> {
    let existing = store::corpora::existing(tx, key.organization, &key.corpora).await?;
    match key.corpora.iter().find(|id| !existing.contains(id)) {
        Some(unknown) => Err(Error::invalid("corpora", format!("Corpus {unknown} does not exist."))),
        None => Ok(()),
    }
}
