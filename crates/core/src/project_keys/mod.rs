//! Project keys: JWTs that are signed once, when revealed to their holder, and verified like all other keys.

mod public_keys;
mod reveal;
pub mod signing;

use serde::Serialize;

pub use public_keys::{PublicKeyCache, public_keys};
pub use reveal::reveal;

use super::{Core, actor::Actor, projects};
use latchkey_store::{self as store, project_keys::InvalidatedToken, signing_keys::PublicKeyRow};
use latchkey_types::{
    error::Error,
    id::{KeyId, ProjectId},
    time::Timestamp,
};

/// A public signing key as JSON Web Key (RFC 7517, RFC 8037).
#[derive(Debug, Clone, Serialize)]
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
        Self { kty: "OKP", crv: "Ed25519", x: latchkey_crypto::signing_key::jwk_x(&key.public_key), kid: key.kid, alg: "EdDSA", r#use: "sig" }
    }
}

/// The project's unexpired keys that are no longer valid, and since when: the key was revoked, deleted or disabled, its holder was disabled, or
/// the project was deleted. Needs *View Project*, in the organization and in the project.
///
/// # Errors
/// `NotFound` also for a project that the actor cannot see.
pub async fn invalidated_tokens(core: &Core, actor: &Actor, project: ProjectId) -> Result<Vec<(KeyId, Timestamp)>, Error> {
    projects::require_visible_or_deleted(&mut *core.store.connection().await?, actor, project).await?;
    let keys = store::project_keys::invalidated_tokens(&core.store, project, Timestamp::now()).await?;
    let since = |key: &InvalidatedToken| [key.revoked_at, key.deleted_at, key.disabled_at, key.holder_disabled_at].into_iter().flatten().min();
    keys.into_iter().map(|key| Ok((key.id, since(&key).ok_or(Error::Internal)?))).collect()
}
