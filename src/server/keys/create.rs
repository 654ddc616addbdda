//! Creates keys.

use super::{limits, name_taken, traits};
use crate::{
    model::{
        fault::Fault,
        id::KeyId,
        key::{CreatedKey, WantedKey},
        policy::Kind,
        secret::RevealedSecret,
        time::Timestamp,
    },
    server::{
        actor::Actor,
        audit::Event,
        state::AppState,
        store::{self, Tx, keys::KeyRecord},
        token::PlainKey,
    },
};

/// Creates a key. Only this result contains the secret. Needs the kind's `manage` permission.
///
/// # Errors
/// `ScopeNotHeld` for a scope that the actor does not hold.
pub async fn create(state: &AppState, actor: &Actor, request: WantedKey) -> Result<CreatedKey, Fault> {
    let unsupported_kind = || Fault::invalid("kind", "Keys of this kind can't be created here.");
    let Kind::Key(kind) = request.kind else { return Err(unsupported_kind()) };
    let policy = kind.policy();
    actor.require(policy.manage)?;
    let secret = PlainKey::generate(kind).ok_or_else(unsupported_kind)?;
    let now = Timestamp::now();
    let key = store::keys::NewKey {
        id: KeyId::new(),
        organization: actor.organization,
        kind,
        traits: traits::of_new(actor, kind, &request, now)?,
        credits: limits::credits(policy, request.credits)?,
        corpora: traits::corpora(policy, &request.corpora)?,
        digest: state.pepper.digest(secret.reveal()).as_bytes().to_vec(),
        mask: policy.mask.apply(secret.reveal()),
        created_by: actor.user,
        created_at: now,
    };
    let digest = key.digest.clone();
    let event = Event::new(actor, "key.created", "key", key.id, &key.traits.name).with("kind", policy.word);
    let auditor = state.auditor.clone();
    let record = state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let record = insert(tx, &key).await?;
                auditor.record(tx, event).await?;
                Ok(record)
            })
        })
        .await?;
    state.verifier.forget(Some(&digest));
    Ok(CreatedKey { key: record.row()?, secret: RevealedSecret::new(secret.reveal().to_owned()) })
}

/// Inserts a key and records the change of its verdict.
///
/// # Errors
/// `Invalid` at `corpora` if one of them does not exist.
pub(super) async fn insert(tx: &mut Tx, key: &store::keys::NewKey) -> Result<KeyRecord, Fault> {
    let existing = store::corpora::known(tx, key.organization, &key.corpora).await?;
    if let Some(unknown) = key.corpora.iter().find(|id| !existing.contains(id)) {
        return Err(Fault::invalid("corpora", format!("Corpus {unknown} does not exist.")));
    }
    store::keys::insert(tx, key).await.map_err(name_taken)?;
    store::changes::note(tx, Some(&key.digest)).await?;
    store::keys::find(tx, key.organization, key.id).await?.ok_or(Fault::Internal)
}
