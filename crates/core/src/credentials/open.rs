//! Decrypts the secrets of a credential for use.

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::owner_of;
use crate::{Core, vault::Vault};
use latchkey_store::{self as store, Store, credentials::CredentialRecord, sealed_secrets::SealedSecret};
use latchkey_types::{
    error::Error,
    id::{CredentialId, OrganizationId},
    key::StorageProvider,
    key_kind::{CredentialKind, Status},
    time::Timestamp,
};

/// A usable credential with its decrypted secrets.
pub struct OpenCredential {
    pub record: CredentialRecord,
    pub secrets: Secrets,
}

/// The decrypted secrets of a credential.
pub enum Secrets {
    /// Amazon Web Services.
    Aws {
        /// The access key ID.
        key: SecretString,
        /// The secret access key.
        secret: SecretString,
        region: String,
    },
    Dnanexus {
        token: SecretString,
    },
    /// A provider of language models.
    General {
        value: SecretString,
    },
}

impl Secrets {
    /// Whether both are the same value of a general key; `false` for other secrets.
    pub(crate) fn is_same_general(&self, other: &Self) -> bool {
        let (Self::General { value }, Self::General { value: other }) = (self, other) else { return false };
        value.expose_secret().as_bytes().ct_eq(other.expose_secret().as_bytes()).into()
    }
}

/// The reason a credential cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Unknown or deleted.
    #[error("the credential was deleted")]
    Deleted,
    #[error("the credential has expired")]
    Expired,
    /// The secrets cannot be decrypted.
    #[error("the credential's secret can't be decrypted")]
    Unreadable,
    #[error(transparent)]
    Internal(#[from] Error),
}

impl From<store::StoreError> for OpenError {
    fn from(error: store::StoreError) -> Self {
        Self::Internal(error.into())
    }
}

/// Decrypts a credential of the organization. Does not check permissions: the caller must authorize first.
pub async fn open(core: &Core, organization: OrganizationId, id: CredentialId) -> Result<OpenCredential, OpenError> {
    open_in(&core.store, &core.vault, organization, id).await
}

/// Same as [`open`], for background tasks, which do not have the whole [`Core`].
pub(crate) async fn open_in(store: &Store, vault: &Vault, organization: OrganizationId, id: CredentialId) -> Result<OpenCredential, OpenError> {
    let record = store::credentials::find(store.read()?, organization, id).await?.ok_or(OpenError::Deleted)?;
    if record.lifecycle().status(Timestamp::now()) == Status::Expired {
        return Err(OpenError::Expired);
    }
    match open_record(store, vault, &record).await? {
        Some(secrets) => Ok(OpenCredential { record, secrets }),
        None => Err(OpenError::Unreadable),
    }
}

/// The decrypted secrets of a credential, which may have expired; `None` if one is missing or cannot be decrypted.
pub(crate) async fn open_record(store: &Store, vault: &Vault, record: &CredentialRecord) -> Result<Option<Secrets>, store::StoreError> {
    let secrets = read(store, vault, record).await?;
    if secrets.is_none() && vault.reload_master_key(store).await? { read(store, vault, record).await } else { Ok(secrets) }
}

async fn read(store: &Store, vault: &Vault, record: &CredentialRecord) -> Result<Option<Secrets>, store::StoreError> {
    let sealed = store::sealed_secrets::of_many(store.read()?, &[record.id]).await?;
    Ok(secrets(vault, record, &sealed.iter().collect::<Vec<_>>()))
}

/// The decrypted secrets; `None` if one is missing or cannot be decrypted.
pub(super) fn secrets(vault: &Vault, record: &CredentialRecord, sealed: &[&SealedSecret]) -> Option<Secrets> {
    let owner = owner_of(record);
    let open = |field: &str| sealed.iter().find(|secret| secret.field == field).and_then(|secret| vault.open(owner, secret).ok());
    match (record.kind, record.provider) {
        (CredentialKind::General, None) => Some(Secrets::General { value: open("value")? }),
        (CredentialKind::External, Some(StorageProvider::Dnanexus)) => Some(Secrets::Dnanexus { token: open("key")? }),
        (CredentialKind::External, Some(StorageProvider::Aws)) => {
            Some(Secrets::Aws { key: open("key")?, secret: open("secret")?, region: record.region.clone()? })
        }
        _ => None,
    }
}
