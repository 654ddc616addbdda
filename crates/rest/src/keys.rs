//! `/api/v1/keys`.

use axum::{
    Json as JsonResponse,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{
    caller::Authorized,
    conditional::{Located, Precondition, Tagged},
    listing::{self, KindParameter},
    path_id::PathId,
};
use latchkey_core::{
    key_lists::KindSelection,
    keys::{self, KeyImport},
};
use latchkey_http::{
    AppState,
    body::{self, Json},
    problem::Problem,
};
use latchkey_types::{
    error::Error,
    id::ApiKey,
    key::CreatedKey,
    key_kind::{KeyKind, Kind},
    rest::{
        keys::{
            CreateKey, EditKey, ImportKey, ImportKeys, ImportKeysRequest, ImportKeysResponse, ImportedKey, ImportedKeys, Key, KeyWithSecret,
            RotateKey,
        },
        page::{ListQuery, Page},
    },
};

/// Create a key
///
/// The secret is returned only in this response. The kind determines which fields are accepted.
#[utoipa::path(
    post,
    path = "/api/v1/keys",
    operation_id = "createKey",
    tag = "keys",
    request_body(content = CreateKey, examples(
        ("agent" = (summary = "An agent key", value = json!({ "kind": "agent", "name": "nightly build" }))),
        ("client" = (summary = "A client key with limits", value = json!({
            "kind": "client", "name": "Acme's importer", "duration_days": 90, "scopes": ["reports:read"], "external_id": "customer-4711",
            "metadata": { "plan": "pro" }, "rate_limits": [{ "name": "per-minute", "limit": 100, "duration_ms": 60_000 }],
            "credits": { "refill": "monthly", "amount": 1000 }, "allowed_ips": ["192.0.2.0/24"],
        }))),
        ("internal" = (summary = "An internal key for a program that calls Latchkey", value = json!({
            "kind": "internal", "name": "gateway", "duration_days": 365, "scopes": ["verify"],
        }))),
        ("corpus" = (summary = "A corpus key with limits", value = json!({
            "kind": "corpus", "name": "search box", "corpora": [1], "scopes": ["query"],
            "rate_limits": [{ "name": "all", "limit": 1000, "duration_ms": 60_000 }],
            "address_rate_limits": [{ "name": "each", "limit": 20, "duration_ms": 60_000 }],
            "allowed_origins": ["https://www.example.com"],
        }))),
    )),
    responses(
        Located<201, KeyWithSecret>,
        (status = 409, description = "`conflict`: a key with this name already exists."),
    ),
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Json(request): Json<CreateKey>,
) -> Result<Located<201, KeyWithSecret>, Problem> {
    Ok(with_secret(keys::create(&state, &actor, request.try_into()?).await?))
}

/// List keys
#[utoipa::path(
    get,
    path = "/api/v1/keys",
    operation_id = "listKeys",
    tag = "keys",
    params(KindParameter<KeyKind>, ListQuery),
    responses((status = 200, description = "A page of keys.", body = Page<Key>)),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<JsonResponse<Page<Key>>, Problem> {
    let query = listing::parse_query(query)?;
    let kind = listing::kind_of(&query)?;
    if matches!(kind, Some(Kind::Credential(_))) {
        return Err(Error::invalid("kind", "This is a credential kind. List credentials at /api/v1/credentials.").into());
    }
    Ok(JsonResponse(listing::page(&state, &actor, &query, KindSelection::or(kind, KindSelection::Inbound)).await?))
}

/// Get a key
#[utoipa::path(
    get,
    path = "/api/v1/keys/{id}",
    operation_id = "getKey",
    tag = "keys",
    params(PathId<ApiKey>),
    responses(Tagged<Key>),
)]
pub(crate) async fn get(State(state): State<AppState>, Authorized(actor): Authorized, PathId(id): PathId<ApiKey>) -> Result<Tagged<Key>, Problem> {
    Ok(keys::get(&state, &actor, id).await?.into())
}

/// Update a key
///
/// The kind determines which fields can be changed. Null clears a field; fields that are left out keep their value.
#[utoipa::path(
    patch,
    path = "/api/v1/keys/{id}",
    operation_id = "editKey",
    tag = "keys",
    params(PathId<ApiKey>, Precondition),
    request_body(content = EditKey, examples(
        ("name" = (summary = "A new name", value = json!({ "name": "weekly build" }))),
        ("limits" = (summary = "New limits for a client key", value = json!({
            "rate_limits": [{ "name": "per-minute", "limit": 50, "duration_ms": 60_000 }], "credits": null, "metadata": null,
        }))),
        ("models" = (summary = "Which language models the key may call, and how much of them", value = json!({
            "models": ["gpt-*"], "budget": { "limit": "12.50", "unit": "usd", "period": "month" }, "tokens_per_minute": 100_000, "max_parallel": 4,
        }))),
    )),
    responses(
        Tagged<Key>,
        (status = 409, description = "`conflict`: a key with this name already exists."),
    ),
)]
pub(crate) async fn edit(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<ApiKey>,
    Precondition(if_match): Precondition,
    Json(request): Json<EditKey>,
) -> Result<Tagged<Key>, Problem> {
    Ok(keys::edit(&state, &actor, id, request.try_into()?, if_match).await?.into())
}

/// Delete a key
///
/// The key stops working immediately. This cannot be undone.
#[utoipa::path(
    delete,
    path = "/api/v1/keys/{id}",
    operation_id = "deleteKey",
    tag = "keys",
    params(PathId<ApiKey>, Precondition),
    responses((status = 204, description = "Key deleted.")),
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<ApiKey>,
    Precondition(if_match): Precondition,
) -> Result<StatusCode, Problem> {
    keys::delete(&state, &actor, id, if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Disable a key
///
/// The key is rejected until it is enabled again.
#[utoipa::path(
    post,
    path = "/api/v1/keys/{id}/disable",
    operation_id = "disableKey",
    tag = "keys",
    params(PathId<ApiKey>, Precondition),
    responses(Tagged<Key>),
)]
pub(crate) async fn disable(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<ApiKey>,
    Precondition(if_match): Precondition,
) -> Result<Tagged<Key>, Problem> {
    Ok(keys::set_disabled(&state, &actor, id, true, if_match).await?.into())
}

/// Enable a key
#[utoipa::path(
    post,
    path = "/api/v1/keys/{id}/enable",
    operation_id = "enableKey",
    tag = "keys",
    params(PathId<ApiKey>, Precondition),
    responses(
        Tagged<Key>,
        (status = 409, description = "`conflict`: the key's creator is disabled."),
    ),
)]
pub(crate) async fn enable(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<ApiKey>,
    Precondition(if_match): Precondition,
) -> Result<Tagged<Key>, Problem> {
    Ok(keys::set_disabled(&state, &actor, id, false, if_match).await?.into())
}

/// Rotate a key
///
/// Replaces the secret. The old secret stays valid for the grace period. The new secret is returned only in this response.
#[utoipa::path(
    post,
    path = "/api/v1/keys/{id}/rotate",
    operation_id = "rotateKey",
    tag = "keys",
    params(PathId<ApiKey>, Precondition),
    request_body(content = RotateKey, examples(
        ("grace" = (summary = "With a grace period of one hour", value = json!({ "grace_seconds": 3600 }))),
    )),
    responses(
        Located<200, KeyWithSecret>,
        (status = 409, description = "`conflict`: the key has expired or was revoked."),
    ),
)]
pub(crate) async fn rotate(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<ApiKey>,
    Precondition(if_match): Precondition,
    Json(request): Json<RotateKey>,
) -> Result<Located<200, KeyWithSecret>, Problem> {
    Ok(with_secret(keys::rotate(&state, &actor, id, request.grace_seconds.0, if_match).await?))
}

/// The only response that contains the secret.
fn with_secret<const STATUS: u16>(created: CreatedKey) -> Located<STATUS, KeyWithSecret> {
    let CreatedKey { key, secret } = created;
    Located::new(key, |key| KeyWithSecret { key, secret: Some(secret) })
}

/// Import client keys by SHA-256
///
/// Imports one key, or the keys in `keys`: all of them or none. The keys keep their secrets.
#[utoipa::path(
    post,
    path = "/api/v1/keys/import",
    operation_id = "importKeys",
    tag = "keys",
    request_body(content = ImportKeysRequest, examples(
        ("one" = (summary = "One key", value = json!({
            "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "name": "legacy key",
        }))),
        ("many" = (summary = "Several keys", value = json!({
            "keys": [{ "sha256": "2vQbxiv2mICXJrLy4RMXxf2X0TBY8xLrKdQdWrP0EGU=", "name": "another legacy key", "duration_days": 30 }],
        }))),
    )),
    responses(
        (status = 201, description = "`{key}` with `ETag` and `Location`, or `{items}` in the order of the request.",
            body = ImportKeysResponse),
        (status = 409, description = "`conflict`: one of the keys was already imported or created here."),
    ),
)]
pub(crate) async fn import(State(state): State<AppState>, Authorized(actor): Authorized, Json(request): Json<Value>) -> Result<Response, Problem> {
    let to_import = |key: ImportKey| key.into_request().map(|(sha256, request)| KeyImport { sha256, request });
    // Not parsed as `ImportKeysRequest`: errors name the field of the one form that the request has.
    if request.get("keys").is_none() {
        let import = to_import(body::from_value(request)?)?;
        let imported_keys = keys::import(&state, &actor, vec![import]).await.map_err(Error::without_index)?;
        let imported_key = imported_keys.into_iter().next().ok_or(Error::Internal)?;
        return Ok(Located::<201, _>::new(imported_key, |key| ImportedKey { key }).into_response());
    }
    let keys_to_import = body::from_value::<ImportKeys>(request)?.keys;
    let imports = keys_to_import.into_iter().enumerate().map(|(index, key)| to_import(key).map_err(|error| error.with_index("keys", index)));
    let imported_keys = keys::import(&state, &actor, imports.collect::<Result<_, _>>()?).await?;
    Ok((StatusCode::CREATED, JsonResponse(ImportedKeys { items: imported_keys.into_iter().map(Into::into).collect() })).into_response())
}
