//! Creates credentials.

use std::sync::Arc;

use secrecy::SecretString;

use super::view::load_row;
use crate::{
    Core,
    actor::Actor,
    audit::Event,
    expiry,
    vault::{NamedSecret, OwnerId, SecretOwner},
};
use latchkey_store::{self as store, credentials::NewCredential};
use latchkey_types::{
    credential::{CreateExternalKeyRequest, GENERAL_VALUE_MAX, STORAGE_SECRET_MAX, region, secret, storage_key},
    error::Error,
    id::CredentialId,
    key::{KeyRow, StorageProvider},
    key_kind::CredentialKind,
    secret::TypedSecret,
    time::Timestamp,
    validate,
};

/// A general key to be stored.
pub struct NewGeneralKey {
    pub name: String,
    /// The key issued by the provider.
    pub value: TypedSecret,
}

/// Stores an external key. Needs *Manage API Keys*.
///
/// # Errors
/// `Conflict` at `provider` if the actor already has an external key for it.
pub async fn create_external(core: &Core, actor: &Actor, request: CreateExternalKeyRequest) -> Result<KeyRow, Error> {
    let spec = CredentialKind::External.spec();
    actor.require(spec.manage)?;
    let label = validate::name("label", &request.label)?;
    let (secrets, region) = external_secrets(&request)?;
    let now = Timestamp::now();
    let provider = request.provider;
    let new = NewCredential {
        id: CredentialId::new(),
        organization: actor.organization,
        kind: CredentialKind::External,
        name: label,
        unique_name: format!("{} {}", provider.as_str(), actor.user),
        provider: Some(provider.as_str()),
        region,
        mask: spec.mask.apply(request.key.expose()),
        created_by: actor.user,
        created_at: now,
        expires_at: expiry::resolve(spec, request.expiry, now)?,
    };
    let taken = format!("You already have a key for {}. Delete it before adding another.", provider.label());
    store_new(core, actor, new, secrets, Error::conflict("provider", taken)).await
}

/// Stores a general key. Needs *Manage Credentials*.
pub async fn create_general(core: &Core, actor: &Actor, request: NewGeneralKey) -> Result<KeyRow, Error> {
    let spec = CredentialKind::General.spec();
    actor.require(spec.manage)?;
    let name = validate::name("name", &request.name)?;
    let value = secret("value", request.value.expose(), GENERAL_VALUE_MAX)?;
    let new = NewCredential {
        id: CredentialId::new(),
        organization: actor.organization,
        kind: CredentialKind::General,
        unique_name: store::fold(&name),
        name,
        provider: None,
        region: None,
        mask: spec.mask.apply(value),
        created_by: actor.user,
        created_at: Timestamp::now(),
        expires_at: None,
    };
    let secrets = vec![("value", SecretString::from(value))];
    store_new(core, actor, new, secrets, name_taken()).await
}

pub(super) fn name_taken() -> Error {
    Error::conflict("name", "A general key with this name already exists.")
}

/// The secrets to store for the provider, and the region. Values that the provider does not use are rejected instead of stored.
fn external_secrets(request: &CreateExternalKeyRequest) -> Result<(Vec<NamedSecret>, Option<String>), Error> {
    let key = storage_key("key", request.key.expose(), request.provider)?;
    let mut secrets = vec![("key", SecretString::from(key))];
    let region = match request.provider {
        StorageProvider::Aws => {
            secrets.push(("secret", secret("secret", request.secret.expose(), STORAGE_SECRET_MAX)?.into()));
            Some(region("region", &request.region)?.to_owned())
        }
        StorageProvider::Dnanexus => {
            if !request.secret.expose().trim().is_empty() {
                return Err(Error::invalid("secret", "DNAnexus uses only a token. Leave the secret empty."));
            }
            if !request.region.trim().is_empty() {
                return Err(Error::invalid("region", "DNAnexus has no regions. Leave the region empty."));
            }
            None
        }
    };
    Ok((secrets, region))
}

async fn store_new(core: &Core, actor: &Actor, new: NewCredential, secrets: Vec<NamedSecret>, taken: Error) -> Result<KeyRow, Error> {
    let (vault, auditor) = (Arc::clone(&core.vault), core.auditor.clone());
    let event = Event::new(actor, "credential.created", "credential", new.id, &new.name).with("kind", new.kind.as_str());
    let event = new.provider.iter().fold(event, |event, provider| event.with("provider", *provider));
    let record = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                let purpose = new.provider.unwrap_or_else(|| new.kind.as_str());
                let owner = SecretOwner { organization: new.organization, holder: OwnerId::Credential(new.id), purpose };
                let sealed = vault.seal(tx, owner, &secrets).await?;
                store::credentials::insert(tx, &new).await.map_err(|error| match error {
                    store::StoreError::Duplicate => taken,
                    other => other.into(),
                })?;
                store::sealed_secrets::insert(tx, &sealed).await?;
                auditor.record(tx, event).await?;
                store::credentials::find(tx, new.organization, new.id).await?.ok_or(Error::Internal)
            })
        })
        .await?;
    load_row(core, record).await
}
