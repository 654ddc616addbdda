//! Creates keys.

use super::{attributes, limits, name_taken};
use crate::{Core, actor::Actor};
use latchkey_crypto::key_format::PlainKey;
use latchkey_store::{self as store, Tx, keys::KeyRecord};
use latchkey_types::{
    error::Error,
    id::KeyId,
    key::{CreateKeyRequest, CreatedKey},
    key_kind::Kind,
    secret::RevealedSecret,
    time::Timestamp,
};

/// Creates a key. Only this result contains the secret. Needs the kind's `manage` permission.
///
/// # Errors
/// `ScopeNotHeld` for a scope that the actor does not hold.
pub async fn create(core: &Core, actor: &Actor, request: CreateKeyRequest) -> Result<CreatedKey, Error> {
    let unsupported_kind = || Error::invalid("kind", "Keys of this kind can't be created here.");
    let Kind::Key(kind) = request.kind else { return Err(unsupported_kind()) };
    let spec = kind.spec();
    let mut change = core.begin(actor, &[spec.manage]).await?;
    let secret = PlainKey::generate(kind).ok_or_else(unsupported_kind)?;
    let now = Timestamp::now();
    let key = store::keys::NewKey {
        id: KeyId::new(),
        organization: change.actor.organization,
        kind,
        attributes: attributes::from_request(&change.actor, kind, &request, now)?,
        credits: limits::credits(spec, request.credits)?,
        corpora: attributes::corpora(spec, &request.corpora)?,
        digest: core.pepper.digest(secret.reveal()).as_bytes().to_vec(),
        mask: spec.mask.apply(secret.reveal()),
        created_by: change.actor.user,
        created_at: now,
    };
    let record = insert(&mut change.tx, &key).await?;
    let event = change.event("key.created", "key", key.id, &key.attributes.name).with("kind", spec.name);
    change.commit([event]).await?;
    Ok(CreatedKey { key: record.row()?, secret: RevealedSecret::new(secret.reveal().to_owned()) })
}

/// Inserts a key. Returns it as stored.
///
/// # Errors
/// `Invalid` at `corpora` if one of them does not exist.
pub(super) async fn insert(tx: &mut Tx, key: &store::keys::NewKey) -> Result<KeyRecord, Error> {
    let existing = store::corpora::known(tx, key.organization, &key.corpora).await?;
    if let Some(unknown) = key.corpora.iter().find(|id| !existing.contains(id)) {
        return Err(Error::invalid("corpora", format!("Corpus {unknown} does not exist.")));
    }
    store::keys::insert(tx, key).await.map_err(name_taken)?;
    store::keys::find(tx, key.organization, key.id).await?.ok_or(Error::Internal)
}
