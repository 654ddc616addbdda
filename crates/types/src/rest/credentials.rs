//! `/api/v1/credentials`.

use serde::{Deserialize, Serialize};

use super::{
    is_default,
    values::{DurationDays, Name, NewValue, Rfc3339},
};
use crate::{
    credential,
    id::UserId,
    key::{ItemId, KeyRow, StorageProvider, TestOutcome, TestResult},
    key_kind::{Kind, Status},
    secret::TypedSecret,
};
#[cfg(feature = "openapi")]
use crate::{id::CredentialId, key_kind::CredentialKind};

/// A credential, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Credential {
    #[cfg_attr(feature = "openapi", schema(value_type = CredentialId))]
    pub id: ItemId,
    #[cfg_attr(feature = "openapi", schema(value_type = CredentialKind))]
    pub kind: Kind,
    pub name: String,
    /// The secret with all but a few characters hidden.
    pub mask: String,
    pub status: Status,
    pub provider: Option<StorageProvider>,
    #[cfg_attr(feature = "openapi", schema(required))]
    pub region: Option<String>,
    pub created_at: Rfc3339,
    /// The id of the user who created the credential.
    pub created_by: UserId,
    pub last_used_at: Option<Rfc3339>,
    pub expires_at: Option<Rfc3339>,
    /// The names of the providers, models, services and corpora that use this credential.
    pub linked_to: Vec<String>,
    /// The result of the last test; null if it was never tested.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub tested: Option<Tested>,
    /// Whether the stored secret can be decrypted.
    pub readable: bool,
}

impl From<KeyRow> for Credential {
    fn from(credential: KeyRow) -> Self {
        Self {
            id: credential.id,
            kind: credential.kind,
            name: credential.name,
            mask: credential.mask,
            status: credential.status,
            provider: credential.provider,
            region: credential.region,
            created_at: credential.created_at.into(),
            created_by: credential.creator,
            last_used_at: credential.last_used_at.map(Into::into),
            expires_at: credential.expires_at.map(Into::into),
            linked_to: credential.linked_to,
            tested: credential.tested.map(Into::into),
            readable: !credential.is_unreadable,
        }
    }
}

/// The result of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tested {
    pub outcome: TestOutcome,
    pub tested_at: Rfc3339,
}

impl From<TestResult> for Tested {
    fn from(tested: TestResult) -> Self {
        Self { outcome: tested.outcome, tested_at: tested.at.into() }
    }
}

/// The result of a test, with an explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestReport {
    #[serde(flatten)]
    pub tested: Tested,
    pub detail: String,
}

impl From<credential::TestReport> for TestReport {
    fn from(report: credential::TestReport) -> Self {
        Self { tested: report.tested.into(), detail: report.detail }
    }
}

/// A credential to create. The kind determines which fields are required and which are rejected.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateCredential {
    pub kind: String,
    #[serde(alias = "label")]
    pub name: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<TypedSecret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<TypedSecret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_days: Option<DurationDays>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<TypedSecret>,
}

/// The created credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedCredential {
    pub credential: Credential,
}

/// Changes to a general key. Fields that are left out keep their value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EditCredential {
    /// Null keeps the current name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// An empty string keeps the stored value.
    #[serde(default, skip_serializing_if = "is_default")]
    pub value: NewValue,
}
