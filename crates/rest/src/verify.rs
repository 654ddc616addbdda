//! `POST /api/v1/verify` and `/verify-batch`.

use std::{borrow::Cow, time::Instant};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::future::try_join_all;
use serde::Deserialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use super::{
    caller::{Check, authorize_verify, check_verify},
    verdict_body,
};
use latchkey_http::{
    AppState,
    body::{self, BODY_MAX, LARGE_BODY_MAX, Received},
    presented_key::presented_key,
    problem::Problem,
    rate_headers,
    request_context::REQUEST_ID,
    request_log,
};
use latchkey_types::{
    error::Error,
    id::{OrganizationId, RequestId},
    rest::{self, verify::BATCH_MAX},
};
use latchkey_verify::{VerdictCode, VerifyRequest};

pub(crate) const PATH: &str = "/api/v1/verify";
pub(super) const BATCH_PATH: &str = "/api/v1/verify-batch";
/// How many keys of a batch are evaluated concurrently. Keys that are not cached wait for the store.
const BATCH_CONCURRENCY: usize = 32;

/// The schema of [`VerdictCode`]: the type's own crate does not know the OpenAPI document.
pub(crate) enum CodeSchema {}

impl PartialSchema for CodeSchema {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(VerdictCode::ALL.map(VerdictCode::as_str))).into()
    }
}

impl ToSchema for CodeSchema {
    fn name() -> Cow<'static, str> {
        "VerdictCode".into()
    }
}

/// Verify a key
///
/// The response is 200 for every verdict, also for a key that is not valid. The key's remaining limits are in headers.
#[utoipa::path(
    post,
    path = "/api/v1/verify",
    operation_id = "verify",
    tag = "verify",
    request_body(content = rest::verify::VerifyRequest, examples(
        ("key" = (summary = "Verify a key", value = json!({ "key": "lkc_unknown" }))),
        ("more" = (summary = "Verify a key with kind, scope, cost and client address", value = json!({
            "key": "lkc_unknown", "kind": "client", "scope": "reports:read", "cost": 5, "ip": "192.0.2.7",
        }))),
    )),
    responses((status = 200, description = "The verdict.", body = rest::verify::Verdict, headers(
        ("RateLimit" = String, description = "The remaining requests and seconds until reset of each rate limit of the key: `\"name\";r=12;t=34`."),
        ("RateLimit-Policy" = String, description = "The quota and window in seconds of each rate limit of the key: `\"name\";q=100;w=60`."),
        ("X-Latchkey-Credits-Remaining" = i64, description = "The remaining credits of the key, if it has credits."),
        ("X-Request-Id" = String, description = "The `request_id` of the verdict."),
    ))),
)]
pub(crate) async fn verify(State(state): State<AppState>, request: Request) -> Response {
    handle(&state, request).await
}

/// [`verify`] without the extractors, for the path that bypasses the router.
pub(super) async fn handle(state: &AppState, request: Request) -> Response {
    let started = Instant::now();
    match evaluate(state, request).await {
        Ok((response, code)) => {
            state.metrics.record_verdict(code, started.elapsed());
            response
        }
        Err(problem) => error_response(state, PATH, problem, started),
    }
}

/// Authorizes the caller before the body is read, and again after a body that arrived late. Returns the organization whose keys the caller may
/// verify, and the body.
pub(super) async fn receive(state: &AppState, request: Request, max: usize) -> Result<(OrganizationId, Bytes), Problem> {
    let (parts, body) = request.into_parts();
    let presented = presented_key(&parts.headers)?;
    let organization = authorize_verify(presented, state).await?;
    let Received { bytes, is_late } = body::read(&parts.headers, body, max).await?;
    let organization = if is_late { check_verify(presented, state, Check::AfterBody).await? } else { organization };
    Ok((organization, bytes))
}

async fn evaluate(state: &AppState, request: Request) -> Result<(Response, VerdictCode), Problem> {
    let (organization, body) = receive(state, request, BODY_MAX).await?;
    let verdict = state.verifier.evaluate(organization, &body::parse::<VerifyRequest>(&body)?).await?;
    let mut response = json_response(verdict_body::render(&verdict), verdict.request_id);
    rate_headers::write(response.headers_mut(), &verdict);
    Ok((response, verdict.code))
}

fn error_response(state: &AppState, route: &'static str, problem: Problem, started: Instant) -> Response {
    request_log::log_rejection(state, ("POST", route), &problem, started.elapsed());
    problem.into_response()
}

/// The request body of a batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<'a> {
    #[serde(borrow)]
    keys: Vec<VerifyRequest<'a>>,
}

/// Verify up to 1,000 keys
///
/// `items` contains one verdict per key in `keys`, in the same order.
#[utoipa::path(
    post,
    path = "/api/v1/verify-batch",
    operation_id = "verifyBatch",
    tag = "verify",
    request_body(content = rest::verify::VerifyBatchRequest, examples(
        ("two" = (summary = "Two keys", value = json!({ "keys": [{ "key": "lkc_unknown" }, { "key": "lka_unknown", "scope": "reports:read" }] }))),
    )),
    responses((status = 200, description = "The verdicts.", body = rest::verify::VerifyBatchResponse, headers(
        ("X-Request-Id" = String, description = "The id of the request. Each verdict has an id of its own."),
    ))),
)]
pub(crate) async fn batch(State(state): State<AppState>, request: Request) -> Response {
    let started = Instant::now();
    match evaluate_batch(&state, request).await {
        Ok(response) => response,
        Err(problem) => error_response(&state, BATCH_PATH, problem, started),
    }
}

async fn evaluate_batch(state: &AppState, request: Request) -> Result<Response, Problem> {
    let (organization, body) = receive(state, request, LARGE_BODY_MAX).await?;
    let Batch { keys } = body::parse(&body)?;
    if !(1..=BATCH_MAX).contains(&keys.len()) {
        return Err(Error::invalid("keys", format!("Send 1 to {BATCH_MAX} keys.")).into());
    }
    let mut verdicts = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(BATCH_CONCURRENCY) {
        verdicts.extend(try_join_all(chunk.iter().map(|request| state.verifier.evaluate(organization, request))).await?);
    }
    for verdict in &verdicts {
        state.metrics.record_batch_verdict(verdict.code);
    }
    let items: Vec<_> = verdicts.iter().map(verdict_body::render).collect();
    Ok(json_response(format!("{{\"items\":[{}]}}", items.join(",")), RequestId::new()))
}

fn json_response(json: String, id: RequestId) -> Response {
    let mut response = Response::new(Body::from(json));
    let headers = response.headers_mut();
    headers.reserve(8);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    set_verdict_headers(headers, id);
    response
}

/// Sets the headers that middleware sets on other responses, because these routes bypass it.
pub(super) fn set_verdict_headers(headers: &mut HeaderMap, id: RequestId) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.extend(HeaderValue::from_str(&id.text()).ok().map(|id| (REQUEST_ID, id)));
}
