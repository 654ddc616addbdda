//! `/api/v1/services`.

use axum::{Json as JsonResponse, extract::State, http::StatusCode};

use super::{
    caller::Authorized,
    conditional::{Attempts, Located, Precondition, Tagged},
    path_id::PathId,
};
use latchkey_core::{actor::Actor, etag::IfMatch, services};
use latchkey_http::{AppState, body::Json, problem::Problem};
use latchkey_types::{
    error::Error,
    id::{self, ServiceId},
    rest::services::{CreateService, EditService, Service, Services},
    service::ServiceRow,
};

/// List services
#[utoipa::path(
    get,
    path = "/api/v1/services",
    operation_id = "listServices",
    tag = "services",
    responses((status = 200, description = "All services, by name.", body = Services)),
)]
pub(crate) async fn list(State(state): State<AppState>, Authorized(actor): Authorized) -> Result<JsonResponse<Services>, Problem> {
    let list = services::list(&state, &actor).await?;
    Ok(JsonResponse(Services { items: list.services.into_iter().map(Into::into).collect() }))
}

/// Create a service
///
/// Linking a general key also needs *Manage Credentials*; an external key can be linked only by its holder. A service without allow rules, or
/// without callers, refuses every request.
#[utoipa::path(
    post,
    path = "/api/v1/services",
    operation_id = "createService",
    tag = "services",
    request_body(content = CreateService, examples(
        ("bearer" = (summary = "A bearer token, for client keys with a scope", value = json!({
            "name": "github", "base_url": "https://api.github.com", "injection": { "type": "bearer" },
            "allow": [{ "method": "GET", "path": "/repos/**" }], "callers": [{ "kind": "client", "scope": "github:read" }],
        }))),
        ("header" = (summary = "A header, for all agent keys", value = json!({
            "name": "search", "base_url": "https://search.example.com/v2", "injection": { "type": "header", "name": "X-Subscription-Token" },
            "allow": [{ "method": "*", "path": "/**" }], "callers": [{ "kind": "agent" }], "timeout_seconds": 30, "body_max": 65_536,
        }))),
        ("basic" = (summary = "Basic authentication", value = json!({
            "name": "tickets", "base_url": "https://tickets.example.com", "injection": { "type": "basic", "username": "api" },
        }))),
        ("query" = (summary = "A query parameter", value = json!({
            "name": "weather", "base_url": "https://weather.example.com", "injection": { "type": "query", "name": "appid" },
        }))),
    )),
    responses(
        Located<201, Service>,
        (status = 409, description = "`conflict`: a service with this name already exists."),
    ),
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    Json(request): Json<CreateService>,
) -> Result<Located<201, Service>, Problem> {
    let row = services::create(&state, &actor, request.into()).await?;
    Ok(Located::new(row, |service: Service| service))
}

/// Get a service
#[utoipa::path(
    get,
    path = "/api/v1/services/{id}",
    operation_id = "getService",
    tag = "services",
    params(PathId<id::Service>),
    responses(Tagged<Service>),
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Service>,
) -> Result<Tagged<Service>, Problem> {
    Ok(services::get(&state, &actor, id).await?.into())
}

/// Update a service
///
/// Omitted fields keep their value. A new base URL unlinks the credential, unless the request contains another one.
#[utoipa::path(
    patch,
    path = "/api/v1/services/{id}",
    operation_id = "editService",
    tag = "services",
    params(PathId<id::Service>, Precondition),
    request_body(content = EditService, examples(
        ("allow" = (summary = "Other allow rules", value = json!({
            "allow": [{ "method": "GET", "path": "/v1/models" }, { "method": "POST", "path": "/v1/*/search" }],
        }))),
        ("unlink" = (summary = "No credential", value = json!({ "credential": null }))),
    )),
    responses(
        Tagged<Service>,
        (status = 409, description = "`conflict`: a service with this name already exists."),
    ),
)]
pub(crate) async fn edit(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Service>,
    Precondition(if_match): Precondition,
    Json(request): Json<EditService>,
) -> Result<Tagged<Service>, Problem> {
    Ok(apply(&state, &actor, id, &request, &if_match).await?.into())
}

/// Changes the given fields of a service. A concurrent change of other fields is not overwritten.
async fn apply(state: &AppState, actor: &Actor, id: ServiceId, request: &EditService, if_match: &IfMatch) -> Result<ServiceRow, Error> {
    let mut attempts = Attempts::new(if_match);
    loop {
        let before = services::get(state, actor, id).await?;
        let only_if = attempts.next(&before)?;
        match services::edit(state, actor, id, request.clone().apply(&before), only_if).await {
            Err(Error::Outdated) => {}
            result => return result.map(|updated| updated.service),
        }
    }
}

/// Delete a service
///
/// Calls of the service fail immediately. The linked credential is kept. This cannot be undone.
#[utoipa::path(
    delete,
    path = "/api/v1/services/{id}",
    operation_id = "deleteService",
    tag = "services",
    params(PathId<id::Service>, Precondition),
    responses((status = 204, description = "Service deleted.")),
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Authorized(actor): Authorized,
    PathId(id): PathId<id::Service>,
    Precondition(if_match): Precondition,
) -> Result<StatusCode, Problem> {
    services::delete(&state, &actor, id, if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}
