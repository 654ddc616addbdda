//! Request log of the general router: request id, caller, and one log line per request.

use super::request_context::{CURRENT, CurrentRequest, REQUEST_ID};
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;

use super::{
    AppState,
    problem::{Problem, ProblemCode},
};
use latchkey_types::{error::Error, id::RequestId, time::Timestamp};

/// Logged for requests without a route: static files and unknown paths.
const NO_ROUTE: &str = "-";

/// Middleware that assigns each request an id, shared by the response, the problem body and the log, and counts and logs the request. An id
/// sent by the client is neither used nor logged: it could contain a secret.
pub async fn log_request(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let method = method_name(request.method());
    // Never the path or the query, which may contain secrets: only the route's pattern.
    let route = request.extensions().get::<MatchedPath>().cloned();
    run(&state, method, route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str), next.run(request)).await
}

/// Like [`log_request`], for the handling of a request that bypasses the router. The response to a panic is 500.
pub async fn log_handling(state: &AppState, method: Method, route: &'static str, handling: impl Future<Output = Response>) -> Response {
    let guarded = async { AssertUnwindSafe(handling).catch_unwind().await.unwrap_or_else(|_| Problem::from(Error::Internal).into_response()) };
    run(state, method_name(&method), route, guarded).await
}

/// Handles a request under a new id.
async fn run(state: &AppState, method: &'static str, route: &str, handling: impl Future<Output = Response>) -> Response {
    let started = Instant::now();
    let current = Arc::new(CurrentRequest { id: RequestId::new(), caller: OnceLock::new() });
    let mut response = CURRENT.scope(Arc::clone(&current), handling).await;
    if let Ok(id) = HeaderValue::from_str(&current.id.text()) {
        response.headers_mut().entry(REQUEST_ID).or_insert(id);
    }
    state.metrics.record_response(method, route, response.status());
    log(&current, method, route, &response, started.elapsed());
    response
}

fn log(request: &CurrentRequest, method: &str, route: &str, response: &Response, took: Duration) {
    let caller = request.caller.get();
    tracing::info!(
        request_id = %request.id,
        method,
        route,
        status = response.status().as_u16(),
        code = response.extensions().get::<ProblemCode>().map(|code| code.0),
        ms = milliseconds(took),
        organization = caller.map(|caller| display(caller.organization)),
        user = caller.map(|caller| display(caller.user)),
        key = caller.and_then(|caller| caller.key).map(display),
        "call"
    );
}

/// Largest number of logged rejections of the hot routes per second.
const REJECTIONS_PER_SECOND: u64 = 10;

/// Counts and logs a rejection of a hot route, which has no logging layer. At most [`REJECTIONS_PER_SECOND`] are logged, so that a flood of
/// requests cannot fill the disk; all are counted.
pub fn log_rejection(state: &AppState, (method, route): (&'static str, &'static str), problem: &Problem, took: Duration) {
    /// Upper half: the Unix second of the last log line. Lower half: rejections in that second.
    static WINDOW: AtomicU64 = AtomicU64::new(0);
    let second = u64::try_from(Timestamp::now().0 / 1000).unwrap_or_default() << 32;
    state.metrics.record_rejection(method, route, problem.status());
    let next = |window: u64| if window < second { second + 1 } else { window + 1 };
    let previous = WINDOW.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |window| Some(next(window))).unwrap_or_default();
    if next(previous) - second <= REJECTIONS_PER_SECOND {
        tracing::info!(
            request_id = %problem.request_id(), method, route, status = problem.status(), code = problem.code(), ms = milliseconds(took), "call"
        );
    }
}

/// Rounded to a tenth of a millisecond.
fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 10_000.0).round() / 10.0
}

/// `OTHER` for methods that Latchkey does not use: clients can send arbitrary ones.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
