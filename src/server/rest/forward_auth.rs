//! `/api/v1/forward-auth`: a proxy asks whether a request that came to it may go on.

mod answer;
mod headers;
pub mod original;
pub mod wanted;

use std::{borrow::Cow, time::Instant};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};

use self::{
    answer::Refusal,
    original::Original,
    wanted::{Wanted, is_for_nginx},
};
use super::{caller::judges_for, problem::Problem};
use crate::server::{
    calls,
    state::AppState,
    verify::{Ask, Judgement},
};

/// Ask as a proxy
///
/// Judges the key of a request that a proxy has got, by whatever method. The proxy proves itself by a platform key of its own with the
/// scope `verify`, in `X-Latchkey-Caller`. Answers 204 for a key that is good, and tells of it in headers; `X-Latchkey-Code` says in a word
/// how it was judged, always. Needs the scope `verify` and *View Keys*.
#[utoipa::path(
    get,
    path = "/api/v1/forward-auth",
    operation_id = "forwardAuth",
    tag = "verify",
    params(
        ("scope" = Option<String>, Query, description = "The key must have this scope."),
        ("write_scope" = Option<String>, Query, description = "This scope instead, for all methods but GET, HEAD and OPTIONS."),
        ("corpus" = Option<i64>, Query, description = "The key must have access to this corpus."),
        ("project" = Option<String>, Query, description = "It must be a key of this project."),
        ("cost" = Option<u32>, Query, description = "How many credits the request takes; 1 if it is not said."),
        ("key_param" = Option<String>, Query, description = "The parameter of the original query that may hold the key."),
        ("mode" = Option<String>, Query, description = "`nginx`: everything that is neither 2xx nor 401 is 403."),
        ("X-Forwarded-Method" = Option<String>, Header, description = "The request's method; also `X-Original-Method`."),
        ("X-Forwarded-Uri" = Option<String>, Header, description = "The request's URI; also `X-Original-URI`."),
        ("X-Forwarded-For" = Option<String>, Header, description = "From where the request comes; also `X-Real-IP`."),
    ),
    responses(
        (status = 204, description = "The key is good; `X-Latchkey-*` headers tell of it.", headers(
            ("X-Latchkey-Code" = String, description = "`VALID`."),
            ("X-Latchkey-Key-Id" = String, description = "The key, and so on: name, kind, scopes and all else that a verdict has."),
        )),
        (status = 400, description = "`malformed`, `two_api_keys`: the request contradicts itself."),
        (status = 401, description = "The key is not good, or the proxy's own is not."),
        (status = 403, description = "The key does not allow this, or the proxy's own does not."),
        (status = 422, description = "`invalid`: a parameter of the proxy's call can't be taken."),
        (status = 429, description = "`rate_limited`, `usage_exceeded`."),
        (status = 500, description = "`internal`."),
        (status = 503, description = "`unavailable`: the database does not answer."),
    ),
    security(("proxy" = [])),
)]
pub async fn forward_auth(State(state): State<AppState>, request: Request) -> Response {
    let begun = Instant::now();
    let (parts, _) = request.into_parts();
    let for_nginx = is_for_nginx(parts.uri.query());
    match judge(&state, &parts).await {
        Ok(judgement) => {
            let response = answer::judged(&judgement, for_nginx);
            state.metrics.judged(judgement.code, begun.elapsed());
            response
        }
        Err(refusal) => {
            let refusal = if for_nginx { refusal.for_nginx() } else { refusal };
            calls::refused(&state, ("ANY", "/api/v1/forward-auth"), refusal.problem(), begun.elapsed());
            refusal.into_response()
        }
    }
}

/// The caller first: whoever is not let in learns nothing of what else is wrong.
async fn judge(state: &AppState, parts: &Parts) -> Result<Judgement, Refusal> {
    let presented = callers_key(&parts.headers).map_err(Refusal::of_caller)?;
    let organization = judges_for(presented, state).await.map_err(Refusal::of_caller)?;
    let wanted = Wanted::read(parts.uri.query()).map_err(Refusal::of_setting)?;
    let Original { key, method, ip } = original::read(&parts.headers, &wanted, &state.trusted_proxies).map_err(Refusal::of_request)?;
    let scope = wanted.scope_for(method).map_err(Refusal::of_setting)?;
    let ask = Ask {
        key: key.ok_or_else(Refusal::no_key)?,
        scope: scope.map(Cow::Borrowed),
        corpus: wanted.corpus,
        project: wanted.project.as_deref().map(Cow::Borrowed),
        cost: wanted.cost,
        ip,
    };
    Ok(state.verifier.judge(organization, &ask).await?)
}

/// The proxy's own key.
fn callers_key(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut lines = headers.get_all("x-latchkey-caller").iter();
    let missing = || Problem::new(StatusCode::UNAUTHORIZED, "missing_api_key", "Send the proxy's own API key in “X-Latchkey-Caller”.");
    let first = lines.next().ok_or_else(missing)?;
    if lines.any(|other| other != first) {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "two_api_keys", "Two different API keys stand in “X-Latchkey-Caller”."));
    }
    let text = first.to_str().map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "malformed", "“X-Latchkey-Caller” can't be read."))?;
    if text.is_empty() { Err(missing()) } else { Ok(text) }
}
