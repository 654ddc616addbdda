//! Keys and credentials: rows, create and update requests, bulk actions.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    budget::{BudgetState, ModelAccess, ModelAccessPatch},
    id::{CredentialId, InvalidId, KeyId, UserId},
    key_kind::{Kind, Status},
    limits::{CreditsPatch, CreditsRequest, Limits, RateLimit},
    names::parse_by_name,
    secret::RevealedSecret,
    time::Timestamp,
};

/// Id of an entry in a list of keys: an API key or a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ItemId {
    Key(KeyId),
    Credential(CredentialId),
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => id.fmt(f),
            Self::Credential(id) => id.fmt(f),
        }
    }
}

impl FromStr for ItemId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse().map(Self::Key).or_else(|_| text.parse().map(Self::Credential))
    }
}

impl TryFrom<String> for ItemId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ItemId> for String {
    fn from(id: ItemId) -> Self {
        id.to_string()
    }
}

/// One row of a list of keys or credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    pub id: ItemId,
    pub kind: Kind,
    pub name: String,
    /// Masked secret.
    pub mask: String,
    /// Status at the time of the read.
    pub status: Status,
    pub created_at: Timestamp,
    /// Name of the creator.
    pub created_by: String,
    /// User id of the creator.
    pub creator: UserId,
    /// Accurate to a few seconds.
    pub last_used_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Corpora that a corpus key gives access to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corpora: Vec<CorpusRow>,
    /// The customer's own id of the key's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The customer's own data: a flat JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// What the key may do with language models.
    #[serde(default, skip_serializing_if = "ModelAccess::is_empty")]
    pub model_access: ModelAccess,
    /// The key's budget in the current period; `None` without a budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetState>,
    /// The previous secret, during its grace period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retiring: Option<Retiring>,
    /// When a credential's secret was last set. Only on the server, where it is part of the ETag.
    #[serde(skip)]
    pub secret_since: Option<Timestamp>,
    /// Storage provider of an external key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<StorageProvider>,
    /// Region of an external key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Names of the providers and models that use a general key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked_to: Vec<String>,
    /// Result of the last test of a credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tested: Option<TestResult>,
    /// Whether a credential's secret cannot be decrypted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unreadable: bool,
}

impl KeyRow {
    /// An active row without optional attributes; set the others with struct update syntax.
    pub const fn new(id: ItemId, kind: Kind, name: String, mask: String, creator: UserId, created_at: Timestamp) -> Self {
        Self {
            id,
            kind,
            name,
            mask,
            status: Status::Active,
            created_at,
            created_by: String::new(),
            creator,
            last_used_at: None,
            expires_at: None,
            scopes: Vec::new(),
            corpora: Vec::new(),
            external_id: None,
            metadata: None,
            limits: Limits {
                rate_limits: Vec::new(),
                address_rate_limits: Vec::new(),
                credits: None,
                allowed_ips: Vec::new(),
                allowed_origins: Vec::new(),
            },
            model_access: ModelAccess { models: None, budget: None, tokens_per_minute: None, max_parallel: None, log_bodies: false },
            budget: None,
            retiring: None,
            secret_since: None,
            provider: None,
            region: None,
            linked_to: Vec::new(),
            tested: None,
            is_unreadable: false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusRow {
    /// Number, unique in the organization.
    pub id: i64,
    pub name: String,
}

/// A rotated secret in its grace period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retiring {
    /// End of the grace period.
    pub until: Timestamp,
    /// Number of uses since the rotation.
    pub uses: i64,
    /// Last use since the rotation.
    pub last_used_at: Option<Timestamp>,
}

/// Storage provider of an external key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageProvider {
    /// Amazon Web Services: access key ID, secret access key and region.
    Aws,
    /// `DNAnexus`: API token.
    Dnanexus,
}

impl StorageProvider {
    pub const ALL: [Self; 2] = [Self::Aws, Self::Dnanexus];

    /// Name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Dnanexus => "dnanexus",
        }
    }

    /// Label on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Aws => "Amazon Web Services",
            Self::Dnanexus => "DNAnexus",
        }
    }
}

parse_by_name!(StorageProvider, StorageProvider::ALL);

/// Result and time of a credential test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    pub at: Timestamp,
    pub outcome: TestOutcome,
}

/// Result of a credential test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestOutcome {
    /// The provider accepts the credential.
    Works,
    /// The provider rejects the credential.
    Refused,
    /// The provider did not respond, or its response is inconclusive.
    Unchecked,
}

impl TestOutcome {
    /// Name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Refused => "refused",
            Self::Unchecked => "unchecked",
        }
    }
}

parse_by_name!(TestOutcome, [TestOutcome::Works, TestOutcome::Refused, TestOutcome::Unchecked]);

/// Requested expiry of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RequestedExpiry {
    /// The default of the kind: after a fixed time, or never.
    #[default]
    KindDefault,
    /// This number of days from now.
    Days(i64),
    /// At this time.
    At(Timestamp),
}

/// Request to create a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateKeyRequest {
    pub kind: Kind,
    pub name: String,
    #[serde(default)]
    pub expiry: RequestedExpiry,
    /// `None` selects the default scopes of the kind.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Ids of the corpora that a corpus key gives access to.
    #[serde(default)]
    pub corpora: Vec<i64>,
    /// The customer's own id of the key's owner.
    #[serde(default)]
    pub external_id: Option<String>,
    /// A flat JSON object.
    #[serde(default)]
    pub metadata: Option<String>,
    #[serde(default)]
    pub rate_limits: Vec<RateLimit>,
    /// Like `rate_limits`, counted separately for each client address.
    #[serde(default)]
    pub address_rate_limits: Vec<RateLimit>,
    /// `None` for unlimited use.
    #[serde(default)]
    pub credits: Option<CreditsRequest>,
    /// Networks in CIDR notation from which the key is accepted; empty accepts all addresses.
    #[serde(default)]
    pub allowed_ips: Vec<String>,
    /// Origins of web pages that may use the key; empty allows any.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// What is left out has the default of the kind; an agent key gets the organization's default budget.
    #[serde(default)]
    pub model_access: ModelAccessPatch,
}

impl CreateKeyRequest {
    /// A request with defaults for everything but kind and name.
    pub const fn with_name(kind: Kind, name: String) -> Self {
        Self {
            kind,
            name,
            expiry: RequestedExpiry::KindDefault,
            scopes: None,
            corpora: Vec::new(),
            external_id: None,
            metadata: None,
            rate_limits: Vec::new(),
            address_rate_limits: Vec::new(),
            credits: None,
            allowed_ips: Vec::new(),
            allowed_origins: Vec::new(),
            model_access: ModelAccessPatch { models: None, budget: None, tokens_per_minute: None, max_parallel: None, log_bodies: None },
        }
    }
}

/// Changes to a key; `None` leaves a field unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KeyPatch {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub expiry: Option<RequestedExpiry>,
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Empty removes it.
    #[serde(default)]
    pub external_id: Option<String>,
    /// A flat JSON object; empty removes it.
    #[serde(default)]
    pub metadata: Option<String>,
    #[serde(default)]
    pub rate_limits: Option<Vec<RateLimit>>,
    #[serde(default)]
    pub address_rate_limits: Option<Vec<RateLimit>>,
    #[serde(default)]
    pub credits: Option<CreditsPatch>,
    /// Networks in CIDR notation; empty accepts all addresses.
    #[serde(default)]
    pub allowed_ips: Option<Vec<String>>,
    /// Origins of web pages; empty allows any.
    #[serde(default)]
    pub allowed_origins: Option<Vec<String>>,
    #[serde(default)]
    pub model_access: ModelAccessPatch,
}

/// Action on several keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BulkAction {
    Delete,
    Disable,
    Enable,
}

/// Maximum number of items in one bulk request.
pub const BULK_MAX: usize = 200;

/// Result of a bulk action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BulkResult {
    /// Number of items in the requested state, including those that were in it before.
    pub done: usize,
    /// Number of items that do not exist or that the actor cannot change.
    pub left: usize,
}

/// Maximum grace period after a rotation, in seconds.
pub const GRACE_MAX_SECONDS: i64 = 604_800;

/// Grace periods to choose from, in seconds, with their labels. The one that ends the old secret comes last.
pub const GRACE_PERIODS: [(i64, &str); 4] =
    [(3600, "1 hour"), (GRACE_DEFAULT_SECONDS, "24 hours"), (GRACE_MAX_SECONDS, "7 days"), (0, "None (revoke the old secret now)")];

/// The grace period that is selected at first, in seconds: callers that use the old secret do not fail.
pub const GRACE_DEFAULT_SECONDS: i64 = 86_400;

/// A created or rotated key. The only response that contains the secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct CreatedKey {
    pub key: KeyRow,
    pub secret: RevealedSecret,
}
