//! `POST /api/v1/verify` and `/verify-batch`.
//!
//! The server does not use these types: on this hot path it parses requests without copying and caches a part of each verdict.

use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use super::schema::{VerifiedKind, verdict_code};
use super::values::{CorpusNumber, Cost, IpAddress, Metadata, Rfc3339};
use crate::{
    id::{KeyId, ProjectId, RequestId},
    key_kind::{KeyKind, Kind},
    secret::TypedSecret,
};

/// The maximum number of keys per batch.
pub const BATCH_MAX: usize = 1000;
const _: () = assert!(BATCH_MAX == 1000, "the schema of VerifyBatchRequest contains this number");

/// A key to verify.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerifyRequest {
    /// The key as it was presented.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub key: TypedSecret,
    /// The kind that the key must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<VerifiedKind>))]
    pub kind: Option<KeyKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corpus: Option<CorpusNumber>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The credits that the request costs; 1 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// The client address from which the key was presented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddress>,
}

/// Several keys to verify.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerifyBatchRequest {
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 1000))]
    pub keys: Vec<VerifyRequest>,
}

/// The result of a verification. If the code is `NOT_FOUND`, every field of the key is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Verdict {
    pub valid: bool,
    #[cfg_attr(feature = "openapi", schema(schema_with = verdict_code))]
    pub code: String,
    #[cfg_attr(feature = "openapi", schema(required))]
    pub key_id: Option<KeyId>,
    #[cfg_attr(feature = "openapi", schema(required))]
    pub name: Option<String>,
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<VerifiedKind>))]
    pub kind: Option<Kind>,
    #[cfg_attr(feature = "openapi", schema(required))]
    pub customer_id: Option<i64>,
    #[cfg_attr(feature = "openapi", schema(required))]
    pub external_id: Option<String>,
    #[cfg_attr(feature = "openapi", schema(required))]
    pub metadata: Option<Metadata>,
    #[cfg_attr(feature = "openapi", schema(required))]
    pub scopes: Option<Vec<String>>,
    #[cfg_attr(feature = "openapi", schema(required))]
    pub corpora: Option<Vec<i64>>,
    #[cfg_attr(feature = "openapi", schema(required))]
    pub project_id: Option<ProjectId>,
    #[cfg_attr(feature = "openapi", schema(required))]
    pub role: Option<String>,
    #[cfg_attr(feature = "openapi", schema(required))]
    pub expires_at: Option<Rfc3339>,
    pub request_id: RequestId,
}

/// One verdict per key, in the order of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerifyBatchResponse {
    pub items: Vec<Verdict>,
}
