//! Storing a credential.

use std::sync::Arc;

use secrecy::SecretString;

use super::view::row_of;
use crate::{
    model::{
        credential::{GENERAL_VALUE_MAX, STORAGE_SECRET_MAX, WantedStorage, region, secret, storage_key},
        fault::Fault,
        id::CredentialId,
        key::{KeyRow, StorageProvider},
        policy::CredentialKind,
        secret::TypedSecret,
        text,
        time::Timestamp,
    },
    server::{
        actor::Actor,
        audit::Event,
        expiry,
        state::AppState,
        store::{self, credentials::NewCredential},
        vault::{Holder, NamedSecret, Owner},
    },
};

/// A general key that somebody wants kept.
pub struct NewGeneral {
    /// Its name.
    pub name: String,
    /// What their provider gave them.
    pub value: TypedSecret,
}

/// Stores a storage credential. Needs *Manage API Keys*.
///
/// # Errors
/// `Invalid` at `label`, `key`, `secret`, `region` or `duration_days`; `Conflict` at `provider` for a second one of the actor's;
/// `Forbidden`, `Unavailable`.
pub async fn create_storage(state: &AppState, actor: &Actor, wanted: WantedStorage) -> Result<KeyRow, Fault> {
    let policy = CredentialKind::Storage.policy();
    actor.require(policy.manage)?;
    let label = text::name("label", &wanted.label)?;
    let (secrets, region) = storage_secrets(&wanted)?;
    let now = Timestamp::now();
    let provider = wanted.provider;
    let new = NewCredential {
        id: CredentialId::new(),
        organization: actor.organization,
        kind: CredentialKind::Storage,
        name: label,
        unique_name: format!("{} {}", provider.word(), actor.user),
        provider: Some(provider.word()),
        region,
        mask: policy.mask.apply(wanted.key.expose()),
        created_by: actor.user,
        created_at: now,
        expires_at: expiry::chosen(policy, wanted.ends, now)?,
    };
    let taken = format!("You have stored a key for {} already. Delete it before you store another.", provider.label());
    store_new(state, actor, new, secrets, Fault::conflict("provider", taken)).await
}

/// Stores a general key. Needs *Manage Credentials*.
///
/// # Errors
/// `Invalid` at `name` or `value`; `Conflict` at `name`; `Forbidden`, `Unavailable`.
pub async fn create_general(state: &AppState, actor: &Actor, wanted: NewGeneral) -> Result<KeyRow, Fault> {
    let policy = CredentialKind::Llm.policy();
    actor.require(policy.manage)?;
    let name = text::name("name", &wanted.name)?;
    let value = secret("value", wanted.value.expose(), GENERAL_VALUE_MAX)?;
    let new = NewCredential {
        id: CredentialId::new(),
        organization: actor.organization,
        kind: CredentialKind::Llm,
        unique_name: store::fold(&name),
        name,
        provider: None,
        region: None,
        mask: policy.mask.apply(value),
        created_by: actor.user,
        created_at: Timestamp::now(),
        expires_at: None,
    };
    let secrets = vec![("value", SecretString::from(value))];
    store_new(state, actor, new, secrets, name_taken()).await
}

/// The refusal of a general key's name that stands already.
pub(super) fn name_taken() -> Fault {
    Fault::conflict("name", "A general key has this name already.")
}

/// What has to be kept for the provider, and the region. What the provider has no use for is refused: it would be kept for nothing.
fn storage_secrets(wanted: &WantedStorage) -> Result<(Vec<NamedSecret>, Option<String>), Fault> {
    let key = storage_key("key", wanted.key.expose(), wanted.provider)?;
    let mut secrets = vec![("key", SecretString::from(key))];
    let region = match wanted.provider {
        StorageProvider::Aws => {
            secrets.push(("secret", secret("secret", wanted.secret.expose(), STORAGE_SECRET_MAX)?.into()));
            Some(region("region", &wanted.region)?.to_owned())
        }
        StorageProvider::Dnanexus => {
            if !wanted.secret.expose().trim().is_empty() {
                return Err(Fault::invalid("secret", "DNAnexus has a token alone. Leave the secret out."));
            }
            if !wanted.region.trim().is_empty() {
                return Err(Fault::invalid("region", "DNAnexus has no regions. Leave it out."));
            }
            None
        }
    };
    Ok((secrets, region))
}

async fn store_new(state: &AppState, actor: &Actor, new: NewCredential, secrets: Vec<NamedSecret>, taken: Fault) -> Result<KeyRow, Fault> {
    let (vault, auditor) = (Arc::clone(&state.vault), state.auditor.clone());
    let event = Event::new(actor, "credential.created", "credential", new.id, &new.name).with("kind", new.kind.word());
    let event = new.provider.iter().fold(event, |event, provider| event.with("provider", *provider));
    let record = state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let purpose = new.provider.unwrap_or_else(|| new.kind.word());
                let owner = Owner { organization: new.organization, holder: Holder::Credential(new.id), purpose };
                let sealed = vault.seal(tx, owner, &secrets).await?;
                store::credentials::insert(tx, &new).await.map_err(|error| match error {
                    store::Error::Duplicate => taken,
                    other => other.into(),
                })?;
                store::sealed::insert(tx, &sealed).await?;
                auditor.record(tx, event).await?;
                store::credentials::find(tx, new.organization, new.id).await?.ok_or(Fault::Internal)
            })
        })
        .await?;
    row_of(state, record).await
}
