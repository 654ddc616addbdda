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
use super::{caller::Caller, problem::Problem};
use crate::{
    model::permission::Scope,
    server::{
        calls,
        state::AppState,
        verify::{Ask, Judgement},
    },
};

/// Judges the key of a request that a proxy has got. The proxy proves itself by a platform key of its own with the scope `verify`, in
/// `X-Latchkey-Caller`. Answers 204 for a key that is good, and tells of it in headers.
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
    let caller = Caller::with_key(presented, parts, state).await.map_err(Refusal::of_caller)?;
    let organization = caller.organization_for(Scope::Verify).map_err(Refusal::of_caller)?;
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
