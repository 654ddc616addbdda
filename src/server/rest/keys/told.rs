//! A key, as the API tells it.

use axum::{
    Json as Answer,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    model::{
        fault::Fault,
        id::UserId,
        key::{CreatedKey, ItemId, KeyRow},
        limits::{Credits, RateLimit},
        policy::{Kind, Status},
        secret::RevealedSecret,
        time::Timestamp,
    },
    server::rest::{openapi::schemas, problem::Problem, tags::Tagged},
};

/// A key.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub struct KeyView {
    #[schema(schema_with = schemas::key_id)]
    id: ItemId,
    #[schema(schema_with = schemas::key_kind)]
    kind: Kind,
    name: String,
    /// What may be shown of its secret.
    #[schema(example = "lka_…9xYz")]
    mask: String,
    #[schema(schema_with = schemas::status)]
    status: Status,
    #[schema(schema_with = schemas::moment)]
    created_at: String,
    /// The id of who made it.
    #[schema(schema_with = schemas::user_id)]
    created_by: UserId,
    /// Up to a second behind.
    #[schema(schema_with = schemas::moment_or_null)]
    last_used_at: Option<String>,
    #[schema(schema_with = schemas::moment_or_null)]
    expires_at: Option<String>,
    scopes: Vec<String>,
    corpora: Vec<i64>,
    #[schema(required)]
    external_id: Option<String>,
    /// A flat JSON object.
    #[schema(schema_with = schemas::object_or_null)]
    metadata: Option<Value>,
    /// How often it may be used: each of them holds.
    #[schema(schema_with = schemas::rate_limits)]
    rate_limits: Vec<RateLimit>,
    /// What it may still spend; null for without end.
    #[schema(schema_with = schemas::credits_or_null)]
    credits: Option<Credits>,
    /// From which networks it may be presented; from everywhere where there is none.
    #[schema(schema_with = schemas::allowed_ips)]
    allowed_ips: Vec<String>,
    /// The secret that it had before, while that is still good.
    #[schema(required)]
    retiring: Option<RetiringView>,
}

/// A secret that was replaced and is still good.
#[derive(Serialize, ToSchema)]
#[schema(as = RetiringSecret)]
pub struct RetiringView {
    #[schema(schema_with = schemas::moment)]
    until: String,
    /// How often it was used since it was replaced.
    uses: i64,
    #[schema(schema_with = schemas::moment_or_null)]
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

/// A key and its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyWithSecret)]
pub struct WithSecret {
    key: KeyView,
    /// The secret, this once; null where the answer is repeated for an `Idempotency-Key`.
    #[schema(schema_with = schemas::text_or_null)]
    secret: RevealedSecret,
}

/// The answer that shows a secret, this once.
pub fn with_secret(status: StatusCode, created: CreatedKey) -> Result<Response, Problem> {
    let (place, key) = (place_of(&created.key)?, Tagged::<KeyView>::from(created.key));
    let not_kept = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((status, place, not_kept, key.header(), Answer(WithSecret { key: key.view, secret: created.secret })).into_response())
}

/// The answer to who brought one key.
pub fn imported(key: KeyRow) -> Result<Response, Problem> {
    let (place, key) = (place_of(&key)?, Tagged::<KeyView>::from(key));
    Ok((StatusCode::CREATED, place, key.header(), Answer(ImportedOne { key: key.view })).into_response())
}

/// Where a new key is, as a header.
fn place_of(key: &KeyRow) -> Result<[(HeaderName, HeaderValue); 1], Problem> {
    let place = HeaderValue::from_str(&format!("/api/v1/keys/{}", key.id)).map_err(|_| Fault::Internal)?;
    Ok([(header::LOCATION, place)])
}

/// Keys that were taken over.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportedKeys)]
pub struct Imported {
    /// In the order of the call.
    pub items: Vec<KeyView>,
}

/// A key that was taken over.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportedKey)]
pub struct ImportedOne {
    /// The key.
    key: KeyView,
}
