//! `POST /api/v1/verify` and `/verify-batch`: is this key good?

use std::time::Instant;

use axum::{
    extract::{FromRequest, FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{
    body::{self, LargeRaw, Raw},
    caller::Caller,
    problem::Problem,
    rate_headers,
};
use crate::{
    model::{
        fault::Fault,
        id::{OrganizationId, RequestId},
        permission::Scope,
    },
    server::{
        calls::{self, REQUEST_ID},
        state::AppState,
        verify::{Ask, Code, Judgement, Verdict},
    },
};

/// The most keys of one call.
const BATCH_MAX: usize = 1000;
/// How many of them are judged at once: those that are not in memory wait for the store.
const AT_ONCE: usize = 32;

/// Judges a key. Needs the scope `verify`. Answers 200 for every judgement, whatever it is; what is left of the key's limits is in headers.
pub async fn verify(State(state): State<AppState>, request: Request) -> Response {
    let begun = Instant::now();
    match judged(&state, request).await {
        Ok((response, code)) => {
            state.metrics.judged(code, begun.elapsed());
            response
        }
        Err(problem) => refused(&state, "/api/v1/verify", problem, begun),
    }
}

async fn judged(state: &AppState, request: Request) -> Result<(Response, Code), Problem> {
    let (organization, request) = caller_of(state, request).await?;
    let Raw(body) = Raw::from_request(request, state).await?;
    let judgement = state.verifier.judge(organization, &body::parse::<Ask>(&body)?).await?;
    let mut response = axum::Json(judgement.verdict()).into_response();
    let headers = response.headers_mut();
    as_verdict(headers, judgement.request_id);
    rate_headers::write(headers, &judgement);
    Ok((response, judgement.code))
}

/// For whom the caller asks, and the call itself. The body is left for those who may ask.
async fn caller_of(state: &AppState, request: Request) -> Result<(OrganizationId, Request), Problem> {
    let (mut parts, body) = request.into_parts();
    let organization = Caller::from_request_parts(&mut parts, state).await?.organization_for(Scope::Verify)?;
    Ok((organization, Request::from_parts(parts, body)))
}

/// A refusal of a hot route: counted and logged here, since no layer does.
fn refused(state: &AppState, route: &'static str, problem: Problem, begun: Instant) -> Response {
    state.metrics.refused(route, problem.status());
    calls::refused(route, &problem, begun.elapsed());
    problem.into_response()
}

/// Many keys, each with what is asked of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<'a> {
    #[serde(borrow)]
    keys: Vec<Ask<'a>>,
}

#[derive(Serialize)]
struct Verdicts<'a> {
    items: Vec<Verdict<'a>>,
}

/// Judges up to 1,000 keys, each as [`verify()`] does: those in `keys`, one verdict each in `items`, in the same order. Needs the scope
/// `verify`.
pub async fn batch(State(state): State<AppState>, request: Request) -> Response {
    let begun = Instant::now();
    match all_judged(&state, request).await {
        Ok(response) => response,
        Err(problem) => refused(&state, "/api/v1/verify-batch", problem, begun),
    }
}

async fn all_judged(state: &AppState, request: Request) -> Result<Response, Problem> {
    let (organization, request) = caller_of(state, request).await?;
    let LargeRaw(body) = LargeRaw::from_request(request, state).await?;
    let Batch { keys } = body::parse(&body)?;
    if !(1..=BATCH_MAX).contains(&keys.len()) {
        return Err(Fault::invalid("keys", format!("Send 1 to {BATCH_MAX} keys.")).into());
    }
    let mut judgements = Vec::with_capacity(keys.len());
    for some in keys.chunks(AT_ONCE) {
        judgements.extend(try_join_all(some.iter().map(|ask| state.verifier.judge(organization, ask))).await?);
    }
    for judgement in &judgements {
        state.metrics.judged_in_batch(judgement.code);
    }
    let mut response = axum::Json(Verdicts { items: judgements.iter().map(Judgement::verdict).collect() }).into_response();
    as_verdict(response.headers_mut(), RequestId::new());
    Ok(response)
}

/// What stands on every verdict, as the layers that it does not go through would have it.
fn as_verdict(headers: &mut HeaderMap, id: RequestId) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.extend(HeaderValue::try_from(id.to_string()).ok().map(|id| (REQUEST_ID, id)));
}
