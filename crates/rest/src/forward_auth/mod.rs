//! `/api/v1/forward-auth`: authorizes a request that a reverse proxy has received.

mod headers;
pub mod original;
pub mod requirements;
mod response;

use std::{borrow::Cow, time::Instant};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};

use super::caller::authorize_verify;
use latchkey_http::{AppState, problem::Problem, request_log};
use latchkey_verify::{Verdict, VerifyRequest};
use original::Original;
use requirements::{Requirements, is_for_nginx};
use response::Rejection;

pub(super) const PATH: &str = "/api/v1/forward-auth";

/// Forward auth
///
/// Verifies the key of a request that a reverse proxy has received. The proxy may use any method and authenticates with its own internal key
/// in `X-Latchkey-Caller`. The response for a valid key is 204, with its attributes in headers. Every response has a code in `X-Latchkey-Code`.
#[utoipa::path(
    get,
    path = "/api/v1/forward-auth",
    operation_id = "forwardAuth",
    tag = "verify",
    params(
        ("kind" = Option<String>, Query, description = "The key must be of this kind: `internal`, `client`, `corpus`, `agent` or `project`."),
        ("scope" = Option<String>, Query, description = "The key must have this scope."),
        ("write_scope" = Option<String>, Query, description = "Required instead of `scope` for every method except GET, HEAD and OPTIONS."),
        ("corpus" = Option<i64>, Query, description = "The key must have access to this corpus."),
        ("project" = Option<String>, Query, description = "The key must belong to this project."),
        ("cost" = Option<u32>, Query, description = "The credits that the request costs; 1 by default."),
        ("key_param" = Option<String>, Query, description = "The query parameter of the original request that may contain the key."),
        ("mode" = Option<String>, Query, description = "With `nginx`, every error except 401 is 403."),
        ("X-Forwarded-Method" = Option<String>, Header, description = "The method of the original request; also `X-Original-Method`."),
        ("X-Forwarded-Uri" = Option<String>, Header, description = "The URI of the original request; also `X-Original-URI`."),
        ("X-Forwarded-For" = Option<String>, Header, description = "The client address of the original request; also `X-Real-IP`."),
    ),
    responses(
        (status = 204, description = "The key is valid. `X-Latchkey-*` headers have its attributes.", headers(
            ("X-Latchkey-Code" = String, description = "`VALID`."),
            ("X-Latchkey-Key-Id" = String, description = "The key's id. Further headers have the other fields of the verdict."),
        )),
        (status = 400, description = "`malformed`, `two_api_keys`: the original request is malformed or ambiguous."),
        (status = 401, description = "The key, or the proxy's own key, is missing or not valid."),
        (status = 403, description = "The key does not allow this request, or the proxy's own key does not allow verification."),
        (status = 422, description = "`invalid`: a parameter of the proxy's request is not valid."),
        (status = 429, description = "`rate_limited`, `usage_exceeded`."),
        (status = 500, description = "`internal`."),
        (status = 503, description = "`unavailable`: the database is unreachable."),
    ),
    security(("proxy" = [])),
)]
pub async fn forward_auth(State(state): State<AppState>, request: Request) -> Response {
    let started = Instant::now();
    let (parts, _) = request.into_parts();
    let for_nginx = is_for_nginx(parts.uri.query());
    match evaluate(&state, &parts).await {
        Ok(verdict) => {
            let response = response::verdict_response(&verdict, for_nginx);
            state.metrics.record_verdict(verdict.code, started.elapsed());
            response
        }
        Err(rejection) => {
            let rejection = if for_nginx { rejection.for_nginx() } else { rejection };
            request_log::log_rejection(&state, ("ANY", PATH), rejection.problem(), started.elapsed());
            rejection.into_response()
        }
    }
}

/// The proxy is authenticated first, so that an unauthenticated caller learns nothing else.
async fn evaluate(state: &AppState, parts: &Parts) -> Result<Verdict, Rejection> {
    let presented = proxy_key(&parts.headers).map_err(Rejection::unauthorized_proxy)?;
    let organization = authorize_verify(presented, state).await.map_err(Rejection::unauthorized_proxy)?;
    let requirements = Requirements::read(parts.uri.query()).map_err(Rejection::misconfigured)?;
    let Original { key, method, ip } = original::read(&parts.headers, &requirements, &state.trusted_proxies).map_err(Rejection::invalid_request)?;
    let scope = requirements.scope_for(method).map_err(Rejection::misconfigured)?;
    let request = VerifyRequest {
        key: key.ok_or_else(Rejection::missing_key)?,
        kind: requirements.kind,
        scope: scope.map(Cow::Borrowed),
        corpus: requirements.corpus,
        project: requirements.project.as_deref().map(Cow::Borrowed),
        cost: requirements.cost,
        ip,
    };
    Ok(state.verifier.evaluate(organization, &request).await?)
}

fn proxy_key(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all("x-latchkey-caller").iter();
    let missing = || Problem::new(StatusCode::UNAUTHORIZED, "missing_api_key", "Send the proxy's own API key in “X-Latchkey-Caller”.");
    let first = values.next().ok_or_else(missing)?;
    if values.any(|other| other != first) {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "two_api_keys", "“X-Latchkey-Caller” contains two different API keys. Send only one."));
    }
    let text = first.to_str().map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "malformed", "“X-Latchkey-Caller” is not visible ASCII."))?;
    if text.is_empty() { Err(missing()) } else { Ok(text) }
}
