//! Making keys.

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

/// Makes a key. Its secret is in this answer and nowhere else. Needs the kind's `manage` permission.
///
/// # Errors
/// `Invalid` at `kind`, `name`, `duration_days`, `scopes`, `corpora`, `external_id`, `metadata`, `rate_limits`, `credits` or
/// `allowed_ips`; `Conflict` at `name`; `Forbidden`,
/// `ScopeNotHeld`, `Unavailable`.
pub async fn create(state: &AppState, actor: &Actor, wanted: WantedKey) -> Result<CreatedKey, Fault> {
    let made_elsewhere = || Fault::invalid("kind", "Keys of this kind can't be made here.");
    let Kind::Key(kind) = wanted.kind else { return Err(made_elsewhere()) };
    let policy = kind.policy();
    actor.require(policy.manage)?;
    let secret = PlainKey::generate(kind).ok_or_else(made_elsewhere)?;
    let now = Timestamp::now();
    let key = store::keys::NewKey {
        id: KeyId::new(),
        organization: actor.organization,
        kind,
        traits: traits::of_new(actor, kind, &wanted, now)?,
        credits: limits::credits(policy, wanted.credits)?,
        corpora: traits::corpora(policy, &wanted.corpora)?,
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

/// Stores a key whose corpora must all be there.
pub(super) async fn insert(tx: &mut Tx, key: &store::keys::NewKey) -> Result<KeyRecord, Fault> {
    let known = store::corpora::known(tx, key.organization, &key.corpora).await?;
    if let Some(unknown) = key.corpora.iter().find(|id| !known.contains(id)) {
        return Err(Fault::invalid("corpora", format!("There is no corpus {unknown}.")));
    }
    store::keys::insert(tx, key).await.map_err(name_taken)?;
    store::changes::note(tx, Some(&key.digest)).await?;
    store::keys::find(tx, key.organization, key.id).await?.ok_or(Fault::Internal)
}
