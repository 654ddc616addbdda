//! Decrypts the secrets of a credential for use.

use secrecy::SecretString;

use crate::{
    model::{
        fault::Fault,
        id::{CredentialId, OrganizationId},
        key::StorageProvider,
        policy::{CredentialKind, Status},
        time::Timestamp,
    },
    server::{
        state::AppState,
        store::{self, credentials::CredentialRecord, sealed::SealedSecret},
        vault::Vault,
    },
};

/// A usable credential with its decrypted secrets.
pub struct Opened {
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

/// The reason a credential cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Unknown or deleted.
    #[error("the credential was deleted")]
    Gone,
    #[error("the credential has expired")]
    Expired,
    /// The secrets cannot be decrypted.
    #[error("the credential's secret can't be decrypted")]
    Unreadable,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<store::Error> for Unusable {
    fn from(error: store::Error) -> Self {
        Self::Fault(error.into())
    }
}

/// Decrypts a credential of the organization. Does not check permissions: the caller must authorize first.
pub async fn open(state: &AppState, organization: OrganizationId, id: CredentialId) -> Result<Opened, Unusable> {
    let record = store::credentials::find(state.store.read()?, organization, id).await?.ok_or(Unusable::Gone)?;
    if record.lifecycle().status(Timestamp::now()) == Status::Expired {
        return Err(Unusable::Expired);
    }
    if let Some(secrets) = read(state, &record).await? {
        return Ok(Opened { record, secrets });
    }
    let renewed = state.vault.renew(&state.store).await?;
    match if renewed { read(state, &record).await? } else { None } {
        Some(secrets) => Ok(Opened { record, secrets }),
        None => Err(Unusable::Unreadable),
    }
}

async fn read(state: &AppState, record: &CredentialRecord) -> Result<Option<Secrets>, Fault> {
    let sealed = store::sealed::of_many(state.store.read()?, &[&record.id]).await?;
    secrets(&state.vault, record, &sealed.iter().collect::<Vec<_>>())
}

/// The decrypted secrets; `None` if one is missing or cannot be decrypted.
pub(super) fn secrets(vault: &Vault, record: &CredentialRecord, sealed: &[&SealedSecret]) -> Result<Option<Secrets>, Fault> {
    let owner = record.owner()?;
    let open = |field: &str| sealed.iter().find(|secret| secret.field == field).and_then(|secret| vault.open(owner, secret).ok());
    Ok(match (record.kind()?, record.provider.as_deref().map(str::parse)) {
        (CredentialKind::Llm, None) => open("value").map(|value| Secrets::General { value }),
        (CredentialKind::Storage, Some(Ok(StorageProvider::Dnanexus))) => open("key").map(|token| Secrets::Dnanexus { token }),
        (CredentialKind::Storage, Some(Ok(StorageProvider::Aws))) => match (open("key"), open("secret"), record.region.clone()) {
            (Some(key), Some(secret), Some(region)) => Some(Secrets::Aws { key, secret, region }),
            _ => None,
        },
        _ => None,
    })
}
