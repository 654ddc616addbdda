//! Responses of `/api/v1/keys`.

use axum::{
    Json as JsonResponse,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{conditional::Tagged, openapi::schemas};
use latchkey_http::problem::Problem;
use latchkey_types::{
    error::Error,
    id::UserId,
    key::{CreatedKey, ItemId, KeyRow},
    key_kind::{Kind, Status},
    limits::{Credits, RateLimit},
    secret::RevealedSecret,
    time::Timestamp,
};

/// A key.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct KeyView {
    #[schema(schema_with = schemas::key_id)]
    id: ItemId,
    #[schema(schema_with = schemas::key_kind)]
    kind: Kind,
    name: String,
    /// The secret with all but a few characters hidden.
    #[schema(example = "lka_…9xYz")]
    mask: String,
    #[schema(schema_with = schemas::status)]
    status: Status,
    #[schema(schema_with = schemas::timestamp)]
    created_at: String,
    /// The id of the user who created the key.
    #[schema(schema_with = schemas::user_id)]
    created_by: UserId,
    /// Updated within a second of a use; null if the key was never used.
    #[schema(schema_with = schemas::timestamp_or_null)]
    last_used_at: Option<String>,
    #[schema(schema_with = schemas::timestamp_or_null)]
    expires_at: Option<String>,
    scopes: Vec<String>,
    corpora: Vec<i64>,
    #[schema(required)]
    external_id: Option<String>,
    /// A flat JSON object.
    #[schema(schema_with = schemas::object_or_null)]
    metadata: Option<Value>,
    /// Rate limits. Every one of them applies.
    #[schema(schema_with = schemas::rate_limits)]
    rate_limits: Vec<RateLimit>,
    /// The remaining credits; null for unlimited.
    #[schema(schema_with = schemas::credits_or_null)]
    credits: Option<Credits>,
    /// The networks from which the key may be used; empty for all.
    #[schema(schema_with = schemas::allowed_ips)]
    allowed_ips: Vec<String>,
    /// The old secret, while it is still valid after a rotation.
    #[schema(required)]
    retiring: Option<RetiringView>,
}

/// A replaced secret that is still valid.
#[derive(Serialize, ToSchema)]
#[schema(as = RetiringSecret)]
pub(super) struct RetiringView {
    #[schema(schema_with = schemas::timestamp)]
    until: String,
    /// The number of uses since the rotation.
    uses: i64,
    #[schema(schema_with = schemas::timestamp_or_null)]
    last_used_at: Option<String>,
}

impl From<KeyRow> for KeyView {
    fn from(key: KeyRow) -> Self {
        Self {
            id: key.id,
            kind: key.kind,
            name: key.name,
            mask: key.mask,
            status: key.status,
            created_at: key.created_at.rfc3339(),
            created_by: key.creator,
            last_used_at: key.last_used_at.map(Timestamp::rfc3339),
            expires_at: key.expires_at.map(Timestamp::rfc3339),
            scopes: key.scopes,
            corpora: key.corpora.iter().map(|corpus| corpus.id).collect(),
            external_id: key.external_id,
            metadata: key.metadata.and_then(|json| serde_json::from_str(&json).ok()),
            rate_limits: key.limits.rate_limits,
            credits: key.limits.credits,
            allowed_ips: key.limits.allowed_ips,
            retiring: key.retiring.map(|old| RetiringView {
                until: old.until.rfc3339(),
                uses: old.uses,
                last_used_at: old.last_used_at.map(Timestamp::rfc3339),
            }),
        }
    }
}

/// A key with its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyWithSecret)]
pub(super) struct KeyWithSecret {
    key: KeyView,
    /// The secret, which is shown only once; null in a response that is replayed for an `Idempotency-Key`.
    #[schema(schema_with = schemas::text_or_null)]
    secret: RevealedSecret,
}

/// The only response that contains the secret.
pub(super) fn secret_response(status: StatusCode, created: CreatedKey) -> Result<Response, Problem> {
    let (location, key) = (location_of(&created.key)?, Tagged::<KeyView>::from(created.key));
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((status, location, no_store, key.header(), JsonResponse(KeyWithSecret { key: key.view, secret: created.secret })).into_response())
}

/// The response to the import of a single key.
pub(super) fn import_response(key: KeyRow) -> Result<Response, Problem> {
    let (location, key) = (location_of(&key)?, Tagged::<KeyView>::from(key));
    Ok((StatusCode::CREATED, location, key.header(), JsonResponse(ImportedKey { key: key.view })).into_response())
}

/// The `Location` header of a new key.
fn location_of(key: &KeyRow) -> Result<[(HeaderName, HeaderValue); 1], Problem> {
    let location = HeaderValue::from_str(&format!("/api/v1/keys/{}", key.id)).map_err(|_| Error::Internal)?;
    Ok([(header::LOCATION, location)])
}

/// The imported keys.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportedKeys)]
pub(crate) struct ImportedKeys {
    /// In the order of the request.
    pub items: Vec<KeyView>,
}

/// An imported key.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportedKey)]
pub(crate) struct ImportedKey {
    key: KeyView,
}
