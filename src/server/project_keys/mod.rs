//! Project keys: tokens that are signed once, for their holder, and judged like every other key.

mod reveal;
pub mod signing;
pub mod token;

use serde::Serialize;

pub use reveal::reveal;

use super::{
    actor::Actor,
    projects,
    state::AppState,
    store::{self, project_keys::Ended, signing_keys::PublicKeyRow},
};
use crate::model::{
    fault::Fault,
    id::{KeyId, ProjectId},
    time::Timestamp,
};

/// A public key, as RFC 7517 and RFC 8037 have it.
#[derive(Debug, Serialize)]
pub struct PublicKey {
    kty: &'static str,
    crv: &'static str,
    x: String,
    kid: String,
    alg: &'static str,
    r#use: &'static str,
}

impl From<PublicKeyRow> for PublicKey {
    fn from(key: PublicKeyRow) -> Self {
        Self { kty: "OKP", crv: "Ed25519", x: signing::coordinate(&key.public_key), kid: key.kid, alg: "EdDSA", r#use: "sig" }
    }
}

/// The public keys under which a token can be good: the one that signs now, and each before it until its last token ends. For everybody.
///
/// # Errors
/// `Unavailable`.
pub async fn public_keys(state: &AppState) -> Result<Vec<PublicKey>, Fault> {
    Ok(store::signing_keys::in_use(&state.store, Timestamp::now()).await?.into_iter().map(Into::into).collect())
}

/// Which of a project's tokens are good no longer though they have not ended, and since when: the key was revoked, deleted or disabled, or
/// its holder was; of a deleted project all. Needs *View Project*, in the organization and in the project.
///
/// # Errors
/// `NotFound` also for a project that the actor does not see; `Forbidden`, `Unavailable`.
pub async fn ended(state: &AppState, actor: &Actor, project: ProjectId) -> Result<Vec<(KeyId, Timestamp)>, Fault> {
    projects::require_seen_ever(&mut *state.store.read()?.acquire().await?, actor, project).await?;
    let ended = store::project_keys::ended(&state.store, project, Timestamp::now()).await?;
    let since = |key: &Ended| [key.revoked_at, key.deleted_at, key.disabled_at, key.holder_disabled_at].into_iter().flatten().min().map(Timestamp);
    let ended = ended.into_iter().map(|key| Ok((key.id.parse().map_err(|_| Fault::Internal)?, since(&key).ok_or(Fault::Internal)?)));
    ended.collect()
}
