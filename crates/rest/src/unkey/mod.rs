//! `POST /v2/keys.verifyKey`: compatible with Unkey, so that its clients can switch by changing the base URL. Features that Latchkey cannot
//! reproduce are rejected.

mod permissions;
mod rejection;
mod response;

use std::{borrow::Cow, time::Instant};

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, de::IgnoredAny};

use super::verify::{receive, set_verdict_headers};
use latchkey_http::{
    AppState,
    body::{self, BODY_MAX},
    problem::Problem,
    request_log,
};
use latchkey_types::{
    id::{OrganizationId, RequestId},
    time::Timestamp,
};
use latchkey_verify::{Verdict, VerifyRequest, has_scope};
use rejection::{PERMISSIONS_QUERY, Rejection};
use response::VerifyKeyResponse;

/// Unkey's request body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct VerifyKeyRequest<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    permissions: Option<String>,
    credits: Option<Credits>,
    // Accepted, so that the error can be more specific than an unknown field.
    tags: Option<Vec<IgnoredAny>>,
    ratelimits: Option<Vec<IgnoredAny>>,
    migration_id: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credits {
    cost: u32,
}

pub(super) const PATH: &str = "/v2/keys.verifyKey";

/// Verifies a key. The response is 200 for every verdict.
pub(crate) async fn verify_key(State(state): State<AppState>, request: Request) -> Response {
    let started = Instant::now();
    let (response, id) = match evaluate(&state, request).await {
        Ok(verdict) => {
            let response = Json(VerifyKeyResponse::new(&verdict, Timestamp::now())).into_response();
            state.metrics.record_verdict(verdict.code, started.elapsed());
            (response, verdict.request_id)
        }
        Err(rejection) => {
            request_log::log_rejection(&state, ("POST", PATH), rejection.problem(), started.elapsed());
            let id = rejection.problem().request_id();
            (rejection.into_response(), id)
        }
    };
    with_headers(response, id)
}

fn with_headers(mut response: Response, id: RequestId) -> Response {
    set_verdict_headers(response.headers_mut(), id);
    response
}

/// Rejects every other endpoint of Unkey's API.
pub(crate) async fn unsupported() -> Response {
    let detail = "Of Unkey's API, Latchkey supports only “POST /v2/keys.verifyKey”. Manage keys under “/api/v1”.";
    Rejection::from(Problem::new(StatusCode::NOT_FOUND, "not_found", detail)).into_response()
}

pub(crate) async fn wrong_method() -> Response {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Use POST.");
    let id = problem.request_id();
    with_headers(Rejection::from(problem).into_response(), id)
}

async fn evaluate(state: &AppState, request: Request) -> Result<Verdict, Rejection> {
    let (organization, body) = receive(state, request, BODY_MAX).await?;
    let request = body::parse(&body)?;
    reject_unsupported(&request)?;
    verify(state, organization, request).await
}

fn reject_unsupported(request: &VerifyKeyRequest) -> Result<(), Rejection> {
    let has_items = |list: &Option<Vec<IgnoredAny>>| list.as_ref().is_some_and(|list| !list.is_empty());
    if request.key.is_empty() {
        return Err(Rejection::invalid("key", "The key is empty."));
    }
    if has_items(&request.tags) {
        return Err(Rejection::invalid("tags", "Tags are not supported. Remove this field."));
    }
    if has_items(&request.ratelimits) {
        return Err(Rejection::invalid("ratelimits", "Rate limits cannot be set per request. The rate limits of the key always apply."));
    }
    if request.migration_id.is_some() {
        return Err(Rejection::invalid("migrationId", "Keys are not migrated on demand. Import them by their SHA-256."));
    }
    Ok(())
}

async fn verify(state: &AppState, organization: OrganizationId, request: VerifyKeyRequest<'_>) -> Result<Verdict, Rejection> {
    let scopes = request
        .permissions
        .as_deref()
        .map(permissions::all_of)
        .transpose()
        .map_err(|error| Rejection::from(Problem::new(StatusCode::BAD_REQUEST, PERMISSIONS_QUERY, error.0).with_field("permissions")))?;
    let scopes = scopes.unwrap_or_default();
    // Evaluation takes one scope. Of several, pass the first that the key lacks, so that a rejected request does not count against its limits.
    let scope = match scopes[..] {
        [] | [_] => scopes.first().copied(),
        [first, ..] => {
            let cached = state.verifier.find(&request.key).await?;
            let missing = cached.and_then(|key| scopes.iter().copied().find(|scope| !has_scope(&key, Some(scope))));
            Some(missing.unwrap_or(first))
        }
    };
    let cost = request.credits.map(|credits| credits.cost);
    let request = VerifyRequest { key: request.key, kind: None, scope: scope.map(Cow::Borrowed), corpus: None, project: None, cost, ip: None };
    Ok(state.verifier.evaluate(organization, &request).await?)
}
