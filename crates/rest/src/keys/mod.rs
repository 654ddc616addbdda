//! `/api/v1/keys`.

mod requests;
mod responses;

use axum::{
    Json as JsonResponse,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{
    caller::Authorized,
    conditional::{Precondition, Tagged},
    listing::{self, ListQuery, Page},
};
use latchkey_core::{key_lists::KindSelection, keys};
use latchkey_http::{
    AppState,
    body::{self, Json, LargeJson},
    problem::Problem,
};
use latchkey_types::{error::Error, id::KeyId, key_kind::Kind};
use requests::{CreateKey, EditKey, RotateKey};
pub(crate) use requests::{ImportKey, ImportKeys};
pub(crate) use responses::{ImportedKey, ImportedKeys};
use responses::{KeyView, KeyWithSecret, import_response, secret_response};

/// Create a key
///
/// The secret is returned only in this response. The kind determines which fields are accepted.
#[utoipa::path(
    post,
    path = "/api/v1/keys",
    operation_id = "createKey",
    tag = "keys",
    request_body(content = ref("#/components/schemas/CreateKey"), content_type = "application/json", examples(
        ("agent" = (summary = "An agent key", value = json!({ "kind": "agent", "name": "nightly build" }))),
        ("client" = (summary = "A client key with limits", value = json!({
            "kind": "client", "name": "Acme's importer", "duration_days": 90, "scopes": ["reports:read"], "external_id": "customer-4711",
            "metadata": { "plan": "pro" }, "rate_limits": [{ "name": "per-minute", "limit": 100, "duration_ms": 60_000 }],
            "credits": { "refill": "monthly", "amount": 1000 }, "allowed_ips": ["192.0.2.0/24"],
        }))),
        ("internal" = (summary = "An internal key for a program that calls Latchkey", value = json!({
            "kind": "internal", "name": "gateway", "duration_days": 365, "scopes": ["verify"],
        }))),
        ("corpus" = (summary = "A corpus key", value = json!({ "kind": "corpus", "name": "search box", "corpora": [1], "scopes": ["query"] }))),
    )),
    responses(
        (status = 201, description = "The created key and its secret, which is shown only once.", body = KeyWithSecret,
            headers(("ETag" = String, description = "For `If-Match`."), ("Location" = String, description = "The URL of the key."))),
        (status = 409, description = "`conflict`: a key with this name already exists."),
    ),
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Json(request): Json<CreateKey>,
) -> Result<Response, Problem> {
    secret_response(StatusCode::CREATED, keys::create(&state, &actor, request.into_new_key()?).await?)
}

/// List keys
#[utoipa::path(
    get,
    path = "/api/v1/keys",
    operation_id = "listKeys",
    tag = "keys",
    params(ListQuery),
    responses((status = 200, description = "A page of keys.", body = Page<KeyView>)),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<JsonResponse<Page<KeyView>>, Problem> {
    let query = listing::parse_query(query)?;
    let kind = query.kind()?;
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
    params(("id" = String, Path, description = "The key's id.", pattern = "^key_[0-9a-f]{32}$")),
    responses((status = 200, description = "The key.", body = KeyView, headers(("ETag" = String, description = "For `If-Match`.")))),
)]
pub(crate) async fn get(State(state): State<AppState>, Authorized(actor): Authorized, Path(id): Path<String>) -> Result<Tagged<KeyView>, Problem> {
    Ok(keys::get(&state, &actor, key_id(&id)?).await?.into())
}

/// Update a key
///
/// The kind determines which fields can be changed. Null clears a field; fields that are left out keep their value.
#[utoipa::path(
    patch,
    path = "/api/v1/keys/{id}",
    operation_id = "editKey",
    tag = "keys",
    params(("id" = String, Path, description = "The key's id.", pattern = "^key_[0-9a-f]{32}$"), ("If-Match" = Option<String>, Header)),
    request_body(content = EditKey, examples(
        ("name" = (summary = "A new name", value = json!({ "name": "weekly build" }))),
        ("limits" = (summary = "New limits for a client key", value = json!({
            "rate_limits": [{ "name": "per-minute", "limit": 50, "duration_ms": 60_000 }], "credits": null, "metadata": null,
        }))),
    )),
    responses(
        (status = 200, description = "The updated key.", body = KeyView, headers(("ETag" = String, description = "For `If-Match`."))),
        (status = 409, description = "`conflict`: a key with this name already exists."),
    ),
)]
pub(crate) async fn edit(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
    Precondition(if_match): Precondition,
    Json(request): Json<EditKey>,
) -> Result<Tagged<KeyView>, Problem> {
    Ok(keys::edit(&state, &actor, key_id(&id)?, request.into(), if_match).await?.into())
}

/// Delete a key
///
/// The key stops working immediately. This cannot be undone.
#[utoipa::path(
    delete,
    path = "/api/v1/keys/{id}",
    operation_id = "deleteKey",
    tag = "keys",
    params(("id" = String, Path, description = "The key's id.", pattern = "^key_[0-9a-f]{32}$"), ("If-Match" = Option<String>, Header)),
    responses((status = 204, description = "Key deleted.")),
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
    Precondition(if_match): Precondition,
) -> Result<StatusCode, Problem> {
    keys::delete(&state, &actor, key_id(&id)?, if_match).await?;
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
    params(("id" = String, Path, description = "The key's id.", pattern = "^key_[0-9a-f]{32}$"), ("If-Match" = Option<String>, Header)),
    responses((status = 200, description = "The updated key.", body = KeyView, headers(("ETag" = String, description = "For `If-Match`.")))),
)]
pub(crate) async fn disable(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
    Precondition(if_match): Precondition,
) -> Result<Tagged<KeyView>, Problem> {
    Ok(keys::set_disabled(&state, &actor, key_id(&id)?, true, if_match).await?.into())
}

/// Enable a key
#[utoipa::path(
    post,
    path = "/api/v1/keys/{id}/enable",
    operation_id = "enableKey",
    tag = "keys",
    params(("id" = String, Path, description = "The key's id.", pattern = "^key_[0-9a-f]{32}$"), ("If-Match" = Option<String>, Header)),
    responses(
        (status = 200, description = "The updated key.", body = KeyView, headers(("ETag" = String, description = "For `If-Match`."))),
        (status = 409, description = "`conflict`: the key's creator is disabled."),
    ),
)]
pub(crate) async fn enable(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
    Precondition(if_match): Precondition,
) -> Result<Tagged<KeyView>, Problem> {
    Ok(keys::set_disabled(&state, &actor, key_id(&id)?, false, if_match).await?.into())
}

/// Rotate a key
///
/// Replaces the secret. The old secret stays valid for the grace period. The new secret is returned only in this response.
#[utoipa::path(
    post,
    path = "/api/v1/keys/{id}/rotate",
    operation_id = "rotateKey",
    tag = "keys",
    params(("id" = String, Path, description = "The key's id.", pattern = "^key_[0-9a-f]{32}$"), ("If-Match" = Option<String>, Header)),
    request_body(content = RotateKey, examples(
        ("grace" = (summary = "With a grace period of one hour", value = json!({ "grace_seconds": 3600 }))),
    )),
    responses(
        (status = 200, description = "The key and its new secret, which is shown only once.", body = KeyWithSecret,
            headers(("ETag" = String, description = "For `If-Match`."), ("Location" = String, description = "The URL of the key."))),
        (status = 409, description = "`conflict`: the key has expired or was revoked."),
    ),
)]
pub(crate) async fn rotate(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Path(id): Path<String>,
    Precondition(if_match): Precondition,
    Json(request): Json<RotateKey>,
) -> Result<Response, Problem> {
    secret_response(StatusCode::OK, keys::rotate(&state, &actor, key_id(&id)?, request.grace_seconds, if_match).await?)
}

/// Import client keys by SHA-256
///
/// Imports one key, or the keys in `keys`: all of them or none. The keys keep their secrets.
#[utoipa::path(
    post,
    path = "/api/v1/keys/import",
    operation_id = "importKeys",
    tag = "keys",
    request_body(content = ref("#/components/schemas/ImportKeysRequest"), content_type = "application/json", examples(
        ("one" = (summary = "One key", value = json!({
            "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "name": "legacy key",
        }))),
        ("many" = (summary = "Several keys", value = json!({
            "keys": [{ "sha256": "2vQbxiv2mICXJrLy4RMXxf2X0TBY8xLrKdQdWrP0EGU=", "name": "another legacy key", "duration_days": 30 }],
        }))),
    )),
    responses(
        (status = 201, description = "`{key}` with `ETag` and `Location`, or `{items}` in the order of the request.",
            body = ref("#/components/schemas/ImportKeysResponse")),
        (status = 409, description = "`conflict`: one of the keys was already imported or created here."),
    ),
)]
pub(crate) async fn import(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    LargeJson(request): LargeJson<Value>,
) -> Result<Response, Problem> {
    if request.get("keys").is_none() {
        let import = body::from_value::<ImportKey>(request)?.import()?;
        let imported_keys = keys::import(&state, &actor, vec![import]).await.map_err(Error::without_index)?;
        return import_response(imported_keys.into_iter().next().ok_or(Error::Internal)?);
    }
    let keys_to_import = body::from_value::<ImportKeys>(request)?.keys;
    let imports = keys_to_import.into_iter().enumerate().map(|(index, key)| key.import().map_err(|error| error.with_index("keys", index)));
    let imported_keys = keys::import(&state, &actor, imports.collect::<Result<_, _>>()?).await?;
    Ok((StatusCode::CREATED, JsonResponse(ImportedKeys { items: imported_keys.into_iter().map(Into::into).collect() })).into_response())
}

/// A malformed id is reported as not found.
fn key_id(text: &str) -> Result<KeyId, Error> {
    text.parse().map_err(|_| Error::NotFound)
}
