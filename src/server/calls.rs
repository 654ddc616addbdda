//! One call of the general router: its id, who makes it, and the line of the log that tells of it.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method},
    middleware::Next,
    response::Response,
};
use tracing::{Instrument, info_span};

use super::{
    rest::problem::{Problem, ProblemCode},
    state::AppState,
};
use crate::model::{
    id::{KeyId, OrganizationId, RequestId, UserId},
    time::Timestamp,
};

/// Under which name an answer tells the id of its call.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The route of what has none: the site's files, and addresses that are not there.
const NO_ROUTE: &str = "-";

tokio::task_local! {
    static CALL: Arc<Call>;
}

/// What is known of a call while it goes on.
struct Call {
    id: RequestId,
    maker: OnceLock<Maker>,
}

/// Who makes a call.
struct Maker {
    organization: OrganizationId,
    user: UserId,
    key: Option<KeyId>,
}

/// The id of the call that goes on; a new one outside of the general router.
pub fn request_id() -> RequestId {
    CALL.try_with(|call| call.id).unwrap_or_default()
}

/// Notes who makes the call that goes on, for its line in the log: a person, or a key that they made.
pub fn made_by(organization: OrganizationId, user: UserId, key: Option<KeyId>) {
    // Outside of the general router there is no line to note it for.
    let _ = CALL.try_with(|call| call.maker.set(Maker { organization, user, key }));
}

/// Gives each call an id, which its answer, its problem and its lines in the log share; counts it and logs it. What a caller sends as an
/// id is not taken, and not logged either: it may be anything, a key too.
pub async fn note(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = word_of(request.method());
    // Never the path itself, nor its query: only what our own routes call it.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let call = Arc::new(Call { id: RequestId::new(), maker: OnceLock::new() });
    let span = info_span!("call", request_id = %call.id);
    let mut response = CALL.scope(Arc::clone(&call), next.run(request)).instrument(span).await;
    if let Ok(id) = HeaderValue::from_str(&call.id.to_string()) {
        response.headers_mut().entry(REQUEST_ID).or_insert(id);
    }
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    state.metrics.answered(method, route, response.status());
    log(&call, method, route, &response, begun.elapsed());
    response
}

fn log(call: &Call, method: &str, route: &str, response: &Response, took: Duration) {
    let maker = call.maker.get();
    tracing::info!(
        request_id = %call.id,
        method,
        route,
        status = response.status().as_u16(),
        code = response.extensions().get::<ProblemCode>().map(|code| code.0),
        ms = milliseconds(took),
        organization = maker.map(|maker| display(maker.organization)),
        user = maker.map(|maker| display(maker.user)),
        key = maker.and_then(|maker| maker.key).map(display),
        "call"
    );
}

/// How many refusals of the hot routes are logged in a second.
const REFUSALS_A_SECOND: u64 = 10;

/// Logs a refusal of a hot route, which no other line tells of. Whoever calls without end fills no disk: those beyond a few a second are
/// counted at `/metrics` alone.
pub fn refused(route: &'static str, problem: &Problem, took: Duration) {
    /// The second since 1970 in which lines were last written, and how many were: in the upper and the lower half.
    static SAID: AtomicU64 = AtomicU64::new(0);
    let second = u64::try_from(Timestamp::now().0 / 1000).unwrap_or_default() << 32;
    let counted = |said: u64| if said < second { second + 1 } else { said + 1 };
    let before = SAID.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |said| Some(counted(said))).unwrap_or_default();
    if counted(before) - second <= REFUSALS_A_SECOND {
        tracing::info!(
            request_id = %problem.request_id(), method = "POST", route, status = problem.status(), code = problem.code(), ms = milliseconds(took), "call"
        );
    }
}

/// To a tenth of a millisecond.
fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 10_000.0).round() / 10.0
}

/// A method of ours, or `OTHER`: callers may make up their own.
fn word_of(method: &Method) -> &'static str {
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
