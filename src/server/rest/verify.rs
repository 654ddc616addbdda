//! `POST /api/v1/verify` and `/verify-batch`: is this key good?

use std::time::Instant;

use axum::{
    body::Body,
    extract::{FromRequest, Request, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::future::try_join_all;
use serde::Deserialize;

use super::{
    body::{self, LargeRaw, Raw},
    caller::{judges_for, presented_key},
    problem::Problem,
    rate_headers,
};
use crate::{
    model::{fault::Fault, id::RequestId},
    server::{
        calls::{self, REQUEST_ID},
        state::AppState,
        verify::{Ask, Code, Judgement},
    },
};

/// Where a key is judged.
pub const PATH: &str = "/api/v1/verify";
/// The most keys of one call.
const BATCH_MAX: usize = 1000;
/// How many of them are judged at once: those that are not in memory wait for the store.
const AT_ONCE: usize = 32;

/// Judge a key
///
/// Needs the scope `verify`. Answers 200 for every judgement, whatever it is; what is left of the key's limits is in headers.
#[utoipa::path(
    post,
    path = "/api/v1/verify",
    operation_id = "verify",
    tag = "verify",
    request_body(content = ref("#/components/schemas/Ask"), content_type = "application/json", examples(
        ("key" = (summary = "Is it good?", value = json!({ "key": "lkc_unknown" }))),
        ("more" = (summary = "Is it good for that, from there?", value = json!({
            "key": "lkc_unknown", "scope": "reports:read", "cost": 5, "ip": "192.0.2.7",
        }))),
    )),
    responses((status = 200, description = "The verdict.", body = ref("#/components/schemas/Verdict"), headers(
        ("RateLimit" = String, description = "What is left of each rate limit of the key: `\"name\";r=12;t=34`."),
        ("RateLimit-Policy" = String, description = "Each rate limit of the key: `\"name\";q=100;w=60`."),
        ("X-Latchkey-Credits-Remaining" = i64, description = "What is left of the key's credits, where it has some."),
        ("X-Request-Id" = String, description = "As in the body."),
    ))),
)]
pub async fn verify(State(state): State<AppState>, request: Request) -> Response {
    answer(&state, request).await
}

/// What [`verify`] answers.
pub(super) async fn answer(state: &AppState, request: Request) -> Response {
    let begun = Instant::now();
    match judged(state, request).await {
        Ok((response, code)) => {
            state.metrics.judged(code, begun.elapsed());
            response
        }
        Err(problem) => refused(state, PATH, problem, begun),
    }
}

async fn judged(state: &AppState, request: Request) -> Result<(Response, Code), Problem> {
    // The body is read for those alone who may ask.
    let organization = judges_for(presented_key(request.headers())?, state).await?;
    let Raw(body) = Raw::from_request(request, state).await?;
    let judgement = state.verifier.judge(organization, &body::parse::<Ask>(&body)?).await?;
    let mut response = told(judgement.json(), judgement.request_id);
    rate_headers::write(response.headers_mut(), &judgement);
    Ok((response, judgement.code))
}

fn refused(state: &AppState, route: &'static str, problem: Problem, begun: Instant) -> Response {
    calls::refused(state, ("POST", route), &problem, begun.elapsed());
    problem.into_response()
}

/// Many keys, each with what is asked of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<'a> {
    #[serde(borrow)]
    keys: Vec<Ask<'a>>,
}

/// Judge up to 1,000 keys
///
/// Those in `keys`, one verdict each in `items`, in the same order. Needs the scope `verify`.
#[utoipa::path(
    post,
    path = "/api/v1/verify-batch",
    operation_id = "verifyBatch",
    tag = "verify",
    request_body(content = ref("#/components/schemas/Asks"), content_type = "application/json", examples(
        ("two" = (summary = "Two keys", value = json!({ "keys": [{ "key": "lkc_unknown" }, { "key": "lka_unknown", "scope": "reports:read" }] }))),
    )),
    responses((status = 200, description = "The verdicts.", body = ref("#/components/schemas/Verdicts"), headers(
        ("X-Request-Id" = String, description = "The name of the call; each verdict has its own."),
    ))),
)]
pub async fn batch(State(state): State<AppState>, request: Request) -> Response {
    let begun = Instant::now();
    match all_judged(&state, request).await {
        Ok(response) => response,
        Err(problem) => refused(&state, "/api/v1/verify-batch", problem, begun),
    }
}

async fn all_judged(state: &AppState, request: Request) -> Result<Response, Problem> {
    let organization = judges_for(presented_key(request.headers())?, state).await?;
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
    let verdicts: Vec<_> = judgements.iter().map(Judgement::json).collect();
    Ok(told(format!("{{\"items\":[{}]}}", verdicts.join(",")), RequestId::new()))
}

fn told(json: String, id: RequestId) -> Response {
    let mut response = Response::new(Body::from(json));
    let headers = response.headers_mut();
    headers.reserve(8);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    as_verdict(headers, id);
    response
}

/// What stands on every verdict, as the layers that it does not go through would have it.
pub(super) fn as_verdict(headers: &mut HeaderMap, id: RequestId) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.extend(HeaderValue::from_str(&id.text()).ok().map(|id| (REQUEST_ID, id)));
}
