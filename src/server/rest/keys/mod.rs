//! `/api/v1/keys`.

mod calls;
mod told;

use axum::{
    Json as Answer,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::Value;

use self::{
    calls::{CreateKey, EditKey, RotateKey},
    told::{KeyView, WithSecret, imported, with_secret},
};
pub use self::{
    calls::{ImportKey, ImportKeys},
    told::{Imported, ImportedOne},
};
use super::{
    body::{self, Json, LargeJson},
    caller::Caller,
    listing::{self, ListQuery, Page},
    problem::Problem,
    tags::Tagged,
};
use crate::{
    model::{fault::Fault, id::KeyId, permission::Scope, policy::Kind},
    server::{keys, lists::Kinds, state::AppState, tag::IfMatch},
};

/// Make a key
///
/// Its secret is in this answer and nowhere else. What can be said of a key depends on its kind. Needs the scope `keys:write` and
/// *Manage API Keys*.
#[utoipa::path(
    post,
    path = "/api/v1/keys",
    operation_id = "createKey",
    tag = "keys",
    request_body(content = ref("#/components/schemas/CreateKey"), content_type = "application/json", examples(
        ("agent" = (summary = "An agent's", value = json!({ "kind": "agent", "name": "nightly build" }))),
        ("client" = (summary = "A client's, with limits", value = json!({
            "kind": "client", "name": "Acme's importer", "duration_days": 90, "scopes": ["reports:read"], "external_id": "customer-4711",
            "metadata": { "plan": "pro" }, "rate_limits": [{ "name": "per-minute", "limit": 100, "duration_ms": 60_000 }],
            "credits": { "refill": "monthly", "amount": 1000 }, "allowed_ips": ["192.0.2.0/24"],
        }))),
        ("platform" = (summary = "For a program that calls Latchkey", value = json!({
            "kind": "platform", "name": "gateway", "duration_days": 365, "scopes": ["verify"],
        }))),
        ("corpus" = (summary = "For a corpus", value = json!({ "kind": "corpus", "name": "search box", "corpora": [1], "scopes": ["query"] }))),
    )),
    responses(
        (status = 201, description = "The key, and its secret this once.", body = WithSecret,
            headers(("ETag" = String, description = "For `If-Match`."), ("Location" = String, description = "Where the key is."))),
        (status = 409, description = "`conflict`: the name is taken."),
    ),
)]
pub async fn create(State(state): State<AppState>, caller: Caller, Json(call): Json<CreateKey>) -> Result<Response, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    with_secret(StatusCode::CREATED, keys::create(&state, &actor, call.wanted()?).await?)
}

/// List keys
///
/// Needs the scope `keys:read` and *View Keys*.
#[utoipa::path(
    get,
    path = "/api/v1/keys",
    operation_id = "listKeys",
    tag = "keys",
    params(ListQuery),
    responses((status = 200, description = "A page of the list.", body = Page<KeyView>)),
)]
pub async fn list(
    State(state): State<AppState>,
    caller: Caller,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Answer<Page<KeyView>>, Problem> {
    let actor = caller.with_scope(Scope::KeysRead)?;
    let query = listing::readable(query)?;
    let kind = query.kind()?;
    if matches!(kind, Some(Kind::Credential(_))) {
        return Err(Fault::invalid("kind", "These are credentials: list them at /api/v1/credentials.").into());
    }
    Ok(Answer(listing::page(&state, &actor, &query, Kinds::or(kind, Kinds::Inbound)).await?))
}

/// Read a key
///
/// Needs the scope `keys:read` and *View Keys*.
#[utoipa::path(
    get,
    path = "/api/v1/keys/{id}",
    operation_id = "getKey",
    tag = "keys",
    params(("id" = String, Path, description = "The key's id.", pattern = "^key_[0-9a-f]{32}$")),
    responses((status = 200, description = "The key.", body = KeyView, headers(("ETag" = String, description = "For `If-Match`.")))),
)]
pub async fn get(State(state): State<AppState>, caller: Caller, Path(id): Path<String>) -> Result<Tagged<KeyView>, Problem> {
    let actor = caller.with_scope(Scope::KeysRead)?;
    Ok(keys::get(&state, &actor, key_id(&id)?).await?.into())
}

/// Change a key
///
/// As far as its kind lets one: a field that is null is emptied, one that is not there stays. Needs the scope `keys:write` and
/// *Manage API Keys*.
#[utoipa::path(
    patch,
    path = "/api/v1/keys/{id}",
    operation_id = "editKey",
    tag = "keys",
    params(("id" = String, Path, description = "The key's id.", pattern = "^key_[0-9a-f]{32}$"), ("If-Match" = Option<String>, Header)),
    request_body(content = EditKey, examples(
        ("name" = (summary = "Another name", value = json!({ "name": "weekly build" }))),
        ("limits" = (summary = "A client key's limits", value = json!({
            "rate_limits": [{ "name": "per-minute", "limit": 50, "duration_ms": 60_000 }], "credits": null, "metadata": null,
        }))),
    )),
    responses(
        (status = 200, description = "The key as it is now.", body = KeyView, headers(("ETag" = String, description = "For `If-Match`."))),
        (status = 409, description = "`conflict`: the name is taken."),
    ),
)]
pub async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    only_if: IfMatch,
    Json(call): Json<EditKey>,
) -> Result<Tagged<KeyView>, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    Ok(keys::edit(&state, &actor, key_id(&id)?, call.into(), only_if).await?.into())
}

/// Delete a key
///
/// For good: it is refused from now on. Needs the scope `keys:write` and *Manage API Keys*.
#[utoipa::path(
    delete,
    path = "/api/v1/keys/{id}",
    operation_id = "deleteKey",
    tag = "keys",
    params(("id" = String, Path, description = "The key's id.", pattern = "^key_[0-9a-f]{32}$"), ("If-Match" = Option<String>, Header)),
    responses((status = 204, description = "It is gone.")),
)]
pub async fn delete(State(state): State<AppState>, caller: Caller, Path(id): Path<String>, only_if: IfMatch) -> Result<StatusCode, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    keys::delete(&state, &actor, key_id(&id)?, only_if).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Put a key to rest
///
/// It is refused until it is enabled. Needs the scope `keys:write` and *Manage API Keys*.
#[utoipa::path(
    post,
    path = "/api/v1/keys/{id}/disable",
    operation_id = "disableKey",
    tag = "keys",
    params(("id" = String, Path, description = "The key's id.", pattern = "^key_[0-9a-f]{32}$"), ("If-Match" = Option<String>, Header)),
    responses((status = 200, description = "The key as it is now.", body = KeyView, headers(("ETag" = String, description = "For `If-Match`.")))),
)]
pub async fn disable(State(state): State<AppState>, caller: Caller, Path(id): Path<String>, only_if: IfMatch) -> Result<Tagged<KeyView>, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    Ok(keys::set_disabled(&state, &actor, key_id(&id)?, true, only_if).await?.into())
}

/// Wake a key
///
/// Needs the scope `keys:write` and *Manage API Keys*.
#[utoipa::path(
    post,
    path = "/api/v1/keys/{id}/enable",
    operation_id = "enableKey",
    tag = "keys",
    params(("id" = String, Path, description = "The key's id.", pattern = "^key_[0-9a-f]{32}$"), ("If-Match" = Option<String>, Header)),
    responses(
        (status = 200, description = "The key as it is now.", body = KeyView, headers(("ETag" = String, description = "For `If-Match`."))),
        (status = 409, description = "`conflict`: its maker is disabled."),
    ),
)]
pub async fn enable(State(state): State<AppState>, caller: Caller, Path(id): Path<String>, only_if: IfMatch) -> Result<Tagged<KeyView>, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    Ok(keys::set_disabled(&state, &actor, key_id(&id)?, false, only_if).await?.into())
}

/// Give a key another secret
///
/// The one before stays good for the grace. The new one is in this answer and nowhere else. Needs the scope `keys:write` and
/// *Manage API Keys*.
#[utoipa::path(
    post,
    path = "/api/v1/keys/{id}/rotate",
    operation_id = "rotateKey",
    tag = "keys",
    params(("id" = String, Path, description = "The key's id.", pattern = "^key_[0-9a-f]{32}$"), ("If-Match" = Option<String>, Header)),
    request_body(content = RotateKey, examples(
        ("grace" = (summary = "With an hour to change over", value = json!({ "grace_seconds": 3600 }))),
    )),
    responses(
        (status = 200, description = "The key, and its new secret this once.", body = WithSecret,
            headers(("ETag" = String, description = "For `If-Match`."), ("Location" = String, description = "Where the key is."))),
        (status = 409, description = "`conflict`: the key has ended."),
    ),
)]
pub async fn rotate(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    only_if: IfMatch,
    Json(call): Json<RotateKey>,
) -> Result<Response, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    with_secret(StatusCode::OK, keys::rotate(&state, &actor, key_id(&id)?, call.grace_seconds, only_if).await?)
}

/// Take over client keys by their SHA-256
///
/// One, or all in `keys` or none of them. They verify as they are. Needs the scope `keys:write` and *Manage API Keys*.
#[utoipa::path(
    post,
    path = "/api/v1/keys/import",
    operation_id = "importKeys",
    tag = "keys",
    request_body(content = ref("#/components/schemas/ImportCall"), content_type = "application/json", examples(
        ("one" = (summary = "One", value = json!({
            "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "name": "from before",
        }))),
        ("many" = (summary = "Many", value = json!({
            "keys": [{ "sha256": "2vQbxiv2mICXJrLy4RMXxf2X0TBY8xLrKdQdWrP0EGU=", "name": "from before, too", "duration_days": 30 }],
        }))),
    )),
    responses(
        (status = 201, description = "`{key}`, with `ETag` and `Location`, or `{items}` in the order of the call.", body = ref("#/components/schemas/ImportAnswer")),
        (status = 409, description = "`conflict`: one of them is, or was, here already."),
    ),
)]
pub async fn import(State(state): State<AppState>, caller: Caller, LargeJson(call): LargeJson<Value>) -> Result<Response, Problem> {
    let actor = caller.with_scope(Scope::KeysWrite)?;
    if call.get("keys").is_none() {
        let import = body::from_value::<ImportKey>(call)?.import()?;
        let all = keys::import(&state, &actor, vec![import]).await.map_err(Fault::outside)?;
        return imported(all.into_iter().next().ok_or(Fault::Internal)?);
    }
    let calls = body::from_value::<ImportKeys>(call)?.keys;
    let imports = calls.into_iter().enumerate().map(|(at, call)| call.import().map_err(|fault| fault.inside("keys", at)));
    let all = keys::import(&state, &actor, imports.collect::<Result<_, _>>()?).await?;
    Ok((StatusCode::CREATED, Answer(Imported { items: all.into_iter().map(Into::into).collect() })).into_response())
}

/// What is no id is unknown like any other.
fn key_id(text: &str) -> Result<KeyId, Fault> {
    text.parse().map_err(|_| Fault::NotFound)
}
