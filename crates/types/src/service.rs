//! Services: any HTTP API that is called through the gateway with a stored credential.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{
    id::{CredentialId, ServiceId},
    key_kind::{CredentialKind, KeyKind},
    names::parse_by_name,
    time::Timestamp,
};

/// Maximum length of a service's name, in bytes.
pub const SERVICE_NAME_MAX: usize = 50;
/// Maximum number of allow rules of a service.
pub const ALLOW_RULES_MAX: usize = 50;
/// Maximum length of the path pattern of an allow rule, in bytes.
pub const PATTERN_MAX: usize = 500;
/// Time limit until the headers of a response, in seconds.
pub const TIMEOUT_SECONDS: std::ops::RangeInclusive<i64> = 1..=600;
pub const TIMEOUT_DEFAULT_SECONDS: i64 = 60;
/// Largest request body of a service, in bytes.
pub const SERVICE_BODY_MAX: i64 = 1024 * 1024 * 1024;
pub const SERVICE_BODY_DEFAULT: i64 = 10 * 1024 * 1024;
/// Largest request body that is signed, in bytes: it is held in memory.
pub const SIGNED_BODY_MAX: i64 = 8 * 1024 * 1024;

/// How the credential is added to a forwarded request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Injection {
    /// `Authorization: Bearer <value>`.
    Bearer,
    /// The value in a header of this name.
    Header { name: String },
    /// `Authorization: Basic`, with the value as the password.
    Basic { username: String },
    /// The value in a query parameter of this name.
    Query { name: String },
    /// AWS Signature Version 4 with an external key of Amazon Web Services, for a service and region such as `s3` and `us-east-1`.
    SigV4 { service: String, region: String },
}

/// The kinds of [`Injection`], without their parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InjectionKind {
    Bearer,
    Header,
    Basic,
    Query,
    SigV4,
}

impl InjectionKind {
    pub const ALL: [Self; 5] = [Self::Bearer, Self::Header, Self::Basic, Self::Query, Self::SigV4];

    /// Name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Header => "header",
            Self::Basic => "basic",
            Self::Query => "query",
            Self::SigV4 => "sigv4",
        }
    }

    /// Label on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer token",
            Self::Header => "Header",
            Self::Basic => "Basic authentication",
            Self::Query => "Query parameter",
            Self::SigV4 => "AWS Signature Version 4",
        }
    }
}

parse_by_name!(InjectionKind, InjectionKind::ALL);

impl Injection {
    pub const fn kind(&self) -> InjectionKind {
        match self {
            Self::Bearer => InjectionKind::Bearer,
            Self::Header { .. } => InjectionKind::Header,
            Self::Basic { .. } => InjectionKind::Basic,
            Self::Query { .. } => InjectionKind::Query,
            Self::SigV4 { .. } => InjectionKind::SigV4,
        }
    }
}

/// Requests that are forwarded; all others are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AllowRule {
    /// An HTTP method in upper case, or `*` for every method.
    #[cfg_attr(feature = "openapi", schema(example = "GET"))]
    pub method: String,
    /// A pattern for the path after the service's name, which begins with `/`: `*` matches a part of one segment, `**` any number of segments.
    #[cfg_attr(feature = "openapi", schema(example = "/v1/**"))]
    pub path: String,
}

/// A kind of key that may call a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceCaller {
    /// The kind of the keys. Corpus keys are public and can't call services.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::rest::services::CallerKind))]
    pub kind: KeyKind,
    /// The scope that the key must have; null for any key of the kind. Agent keys have no scopes.
    #[serde(default)]
    pub scope: Option<String>,
}

/// Kinds of keys that may call services. Corpus keys are excluded, because they are public.
pub const CALLER_KINDS: [KeyKind; 4] = [KeyKind::Client, KeyKind::Agent, KeyKind::Internal, KeyKind::Project];
/// Kinds of keys that have scopes. The scopes of project keys are the permissions of their role, such as `view_project`.
pub const SCOPED_CALLER_KINDS: [KeyKind; 3] = [KeyKind::Client, KeyKind::Internal, KeyKind::Project];

/// A credential that can be linked to a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkableCredential {
    pub id: CredentialId,
    #[serde(deserialize_with = "credential_kind")]
    pub kind: CredentialKind,
    pub name: String,
    /// Masked secret.
    pub mask: String,
    /// Whether it belongs to Amazon Web Services: the only credentials for [`Injection::SigV4`], and only for it.
    pub is_aws: bool,
}

fn credential_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CredentialKind, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// The link of a service to its credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceLink {
    Credential(LinkableCredential),
    /// No credential was ever linked.
    Nothing,
    Unlinked(UnlinkReason),
}

impl ServiceLink {
    /// The id of the linked credential.
    pub fn credential(&self) -> Option<CredentialId> {
        if let Self::Credential(credential) = self { Some(credential.id) } else { None }
    }

    /// Why the service lost its credential.
    pub const fn unlink_reason(&self) -> Option<UnlinkReason> {
        if let Self::Unlinked(reason) = self { Some(*reason) } else { None }
    }
}

/// Why a service lost its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum UnlinkReason {
    CredentialDeleted,
    /// The base URL of the service was changed.
    AddressChanged,
    /// The holder of the external key was disabled.
    HolderDisabled,
    /// A user other than the holder of the external key changed the service.
    ChangedByAnother,
}

impl UnlinkReason {
    pub const ALL: [Self; 4] = [Self::CredentialDeleted, Self::AddressChanged, Self::HolderDisabled, Self::ChangedByAnother];

    /// Name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CredentialDeleted => "credential_deleted",
            Self::AddressChanged => "address_changed",
            Self::HolderDisabled => "holder_disabled",
            Self::ChangedByAnother => "changed_by_another",
        }
    }

    /// A sentence for the page and the API.
    pub const fn text(self) -> &'static str {
        match self {
            Self::CredentialDeleted => "The linked key was deleted.",
            Self::AddressChanged => "The key was unlinked because the base URL changed.",
            Self::HolderDisabled => "The key was unlinked because its holder was disabled.",
            Self::ChangedByAnother => "The key was unlinked because a user other than its holder changed the service.",
        }
    }
}

parse_by_name!(UnlinkReason, UnlinkReason::ALL);

/// A service, as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRow {
    pub id: ServiceId,
    /// Unique in the organization; part of the gateway's URL.
    pub name: String,
    pub base_url: String,
    pub injection: Injection,
    pub link: ServiceLink,
    pub allow: Vec<AllowRule>,
    pub callers: Vec<ServiceCaller>,
    pub timeout_seconds: i64,
    pub body_max: i64,
    pub created_at: Timestamp,
    /// Name of the creator.
    pub created_by: String,
}

/// Data of the services page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceList {
    /// Sorted by name.
    pub services: Vec<ServiceRow>,
    /// General keys, and the viewer's own external keys, sorted by name.
    pub credentials: Vec<LinkableCredential>,
}

/// Request to create or change a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRequest {
    pub name: String,
    pub base_url: String,
    pub injection: Injection,
    /// `None` for no credential.
    #[serde(default)]
    pub credential: Option<CredentialId>,
    pub allow: Vec<AllowRule>,
    pub callers: Vec<ServiceCaller>,
    pub timeout_seconds: i64,
    pub body_max: i64,
}

impl From<&ServiceRow> for ServiceRequest {
    /// The current values of a service, as a request that changes nothing.
    fn from(service: &ServiceRow) -> Self {
        Self {
            name: service.name.clone(),
            base_url: service.base_url.clone(),
            injection: service.injection.clone(),
            credential: service.link.credential(),
            allow: service.allow.clone(),
            callers: service.callers.clone(),
            timeout_seconds: service.timeout_seconds,
            body_max: service.body_max,
        }
    }
}

/// Result of changing a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdatedService {
    pub service: ServiceRow,
    /// Why the change unlinked its credential, if it did.
    pub unlinked: Option<UnlinkReason>,
}
