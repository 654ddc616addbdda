//! Opening a credential's secrets, to use them.

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

/// A credential that can be used, open.
pub struct Opened {
    /// What is known of it.
    pub record: CredentialRecord,
    /// Its secrets.
    pub secrets: Secrets,
}

/// The secrets of a credential.
pub enum Secrets {
    /// Of Amazon Web Services.
    Aws {
        /// The access key's id.
        key: SecretString,
        /// The access key's secret.
        secret: SecretString,
        /// Where.
        region: String,
    },
    /// Of `DNAnexus`.
    Dnanexus {
        /// The token.
        token: SecretString,
    },
    /// Of a provider of language models.
    General {
        /// The key.
        value: SecretString,
    },
}

/// Why a credential can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It is not there, or no longer.
    #[error("the credential was deleted")]
    Gone,
    /// It is past its end.
    #[error("the credential has expired")]
    Expired,
    /// Its secrets do not open.
    #[error("the credential's secret can't be opened")]
    Unreadable,
    /// Something else went wrong.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<store::Error> for Unusable {
    fn from(error: store::Error) -> Self {
        Self::Fault(error.into())
    }
}

/// Opens a credential for those who use it: by the organization alone, the caller has judged who asks.
///
/// # Errors
/// [`Unusable`], an expired one too.
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

/// What these sealed secrets hold, if they are whole and open.
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
