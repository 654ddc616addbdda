//! Calls of language models under `/v1`: a client of `OpenAI`'s or Anthropic's API changes its base URL and key, and nothing else.
//!
//! The checks run in this order: loop, key, kind of the key, body, model, API, price, credential, limits of the key, budgets. The limits of the key
//! are charged for calls that pass all checks before; a call that a budget refuses gets its credit back. The request body is complete before it is
//! forwarded; the response is a stream.

mod admit;
mod answer;
mod attempt;
mod call;
mod caller;
mod errors;
mod list;
mod member;
mod record;
mod relay;
mod request;
mod request_body;
mod scan;
mod splice;
mod sse;
mod targets;
mod usage;

use std::time::Instant;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{ALLOW, CONTENT_ENCODING},
        request::Parts,
    },
    response::Response,
    routing::{any, get, post},
};
use bytes::Bytes;

pub use member::{PROMPT_MAX, try_model};

use call::Call;
use caller::{Caller, PresentedKey};
use errors::{ModelProblem, Retry};
use latchkey_http::{AppState, body, client_address};
use record::CallRecord;
use request::Api;

pub(crate) fn routes() -> Router<AppState> {
    let lists = Router::new().route("/v1/models", get(list::list)).route("/v1/models/{*name}", get(list::find));
    // Of the APIs that SDKs know, only some are served. Without this route, the page would answer.
    let others = lists.route("/v1/{*path}", any(unknown_api));
    Api::ALL.into_iter().fold(others, |router, api| router.route(api.path(), post(receive).fallback(wrong_method)))
}

/// The pattern of [`routes`] that a call of a model matches.
pub(crate) fn pattern(method: &Method, path: &str) -> Option<&'static str> {
    Api::from_path(path).filter(|_| *method == Method::POST).map(Api::path)
}

async fn receive(State(state): State<AppState>, request: Request) -> Response {
    handle(state, request).await
}

pub(crate) async fn handle(state: AppState, request: Request) -> Response {
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    let Some(api) = Api::from_path(parts.uri.path()) else { return unknown_path().response(None) };
    match PresentedKey::of_request(&state, &parts).await {
        Ok(key) => receive_body(state, Caller::Key(key), api, parts, body, began).await,
        Err(problem) => problem.response(Some(api)),
    }
}

async fn receive_body(state: AppState, mut caller: Caller, api: Api, parts: Parts, body: Body, began: Instant) -> Response {
    let record = CallRecord::begin(&state, &caller, api, began);
    match read(&state, &mut caller, &parts.headers, body).await {
        Ok(bytes) => {
            let query = parts.uri.query().map(ToOwned::to_owned);
            let address = client_address::of_request(&parts, &state.trusted_proxies);
            Call::new(state, caller, api, record).with_request(parts.headers, query, address).run(bytes).await
        }
        Err(problem) => record.refuse(problem),
    }
}

/// Reads the body. What was true of the key when the request began may have changed while the body arrived.
async fn read(state: &AppState, caller: &mut Caller, headers: &HeaderMap, body: Body) -> Result<Bytes, ModelProblem> {
    let is_encoded = |coding: &[u8]| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().any(|value| is_encoded(value.as_bytes().trim_ascii())) {
        return Err(encoded_request());
    }
    let received = body::read_within(headers, body, &state.model_limits.body())
        .await
        .map_err(|problem| if problem.code() == "unavailable" { busy() } else { ModelProblem::from_problem(problem) })?;
    if received.is_late {
        caller.refetch(state).await?;
    }
    Ok(received.bytes)
}

async fn wrong_method(request: Request) -> Response {
    let problem = ModelProblem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Use POST.");
    let mut response = problem.response(Api::from_path(request.uri().path()));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

async fn unknown_api() -> Response {
    unknown_path().response(None)
}

fn unknown_path() -> ModelProblem {
    ModelProblem::new(StatusCode::NOT_FOUND, "not_found", "There is no API at this path.")
}

fn encoded_request() -> ModelProblem {
    let message = "The request body is compressed. Send it without “Content-Encoding”.";
    ModelProblem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoded_request", message)
}

fn busy() -> ModelProblem {
    let message = "Too many large requests are in progress. Try again.";
    ModelProblem { retry: Retry::After(1), ..ModelProblem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message) }
}
