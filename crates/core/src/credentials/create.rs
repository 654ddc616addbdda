//! Creates credentials.

use secrecy::SecretString;

use super::{external_unique_name, view::load_row};
use crate::{
    Core,
    actor::Actor,
    expiry,
    vault::{NamedSecret, SecretOwner},
};
use latchkey_store::{self as store, StoreError, credentials::NewCredential};
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
    let (secrets, region) = external_secrets(request.provider, &request.key, &request.secret, &request.region)?;
    let now = Timestamp::now();
    let provider = request.provider;
    let new = NewCredential {
        id: CredentialId::new(),
        organization: actor.organization,
        kind: CredentialKind::External,
        name: label,
        unique_name: external_unique_name(provider, actor.user),
        provider: Some(provider),
        region,
        mask: spec.mask.apply(request.key.expose()),
        created_by: actor.user,
        created_at: now,
        expires_at: expiry::resolve(spec, request.expiry, now)?,
    };
    let taken = format!("You already have a key for {}. Replace it, or delete it before you add another.", provider.label());
    store_new(core, actor, &new, &secrets, |error| error.or_conflict("provider", &taken)).await
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
    store_new(core, actor, &new, &[("value", SecretString::from(value))], name_taken).await
}

pub(super) fn name_taken(error: StoreError) -> Error {
    error.or_conflict("name", "A general key with this name already exists.")
}

/// The secrets to store for the provider, and the region. Values that the provider does not use are rejected instead of stored.
pub(super) fn external_secrets(
    provider: StorageProvider,
    key: &TypedSecret,
    secret_key: &TypedSecret,
    typed_region: &str,
) -> Result<(Vec<NamedSecret>, Option<String>), Error> {
    let key = storage_key("key", key.expose(), provider)?;
    let mut secrets = vec![("key", SecretString::from(key))];
    let region = match provider {
        StorageProvider::Aws => {
            secrets.push(("secret", secret("secret", secret_key.expose(), STORAGE_SECRET_MAX)?.into()));
            Some(region("region", typed_region)?.to_owned())
        }
        StorageProvider::Dnanexus => {
            if !secret_key.expose().trim().is_empty() {
                return Err(Error::invalid("secret", "DNAnexus uses only a token. Leave the secret empty."));
            }
            if !typed_region.trim().is_empty() {
                return Err(Error::invalid("region", "DNAnexus has no regions. Leave the region empty."));
            }
            None
        }
    };
    Ok((secrets, region))
}

async fn store_new(
    core: &Core,
    actor: &Actor,
    new: &NewCredential,
    secrets: &[NamedSecret],
    taken: impl FnOnce(StoreError) -> Error,
) -> Result<KeyRow, Error> {
    let mut change = core.begin(actor, &[new.kind.spec().manage]).await?;
    let owner = SecretOwner::credential(new.organization, new.id, new.kind, new.provider);
    let sealed = core.vault.seal(&mut change.tx, owner, secrets).await?;
    store::credentials::insert(&mut change.tx, new).await.map_err(taken)?;
    store::sealed_secrets::insert(&mut change.tx, &sealed).await?;
    let record = store::credentials::find(&mut change.tx, new.organization, new.id).await?.ok_or(Error::Internal)?;
    let event = change.event("credential.created", "credential", new.id, &new.name).with("kind", new.kind.as_str());
    let event = new.provider.iter().fold(event, |event, provider| event.with("provider", provider.as_str()));
    change.commit([event]).await?;
    load_row(core, record).await
}
