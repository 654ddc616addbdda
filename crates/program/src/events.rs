//! `GET /events`: the user's notifications as server-sent events, while the session is valid.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::get,
};
use futures_util::stream;
use tokio::sync::{broadcast, watch};

use latchkey_core::{
    auth::session::{self, Session},
    notifications::hub::{Delivery, StreamPermit},
};
use latchkey_http::{AppState, problem::Problem};
use latchkey_types::error::Error;

/// Interval of keep-alive comments, so that proxies do not close idle streams.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);
/// Disables response buffering in nginx.
const UNBUFFERED: (HeaderName, HeaderValue) = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// Must not be inside the request timeout layer.
pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/events", get(events))
}

async fn events(State(state): State<AppState>, headers: HeaderMap) -> Response {
    match open(&state, &headers).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn open(state: &AppState, headers: &HeaderMap) -> Result<Response, Problem> {
    // Browsers reconnect automatically, which must not extend the session.
    let session = session::find_without_touch(state, headers).await?.ok_or(Error::SignedOut)?;
    latchkey_http::request_context::set_caller(session.organization, session.user, None);
    let too_many = || Problem::new(StatusCode::TOO_MANY_REQUESTS, "throttled", "You have too many open event streams. Close some tabs of Latchkey.");
    let permit = state.notification_hub.try_acquire(session.id, session.user).ok_or_else(too_many)?;
    let listener = Listener {
        deliveries: state.notification_hub.subscribe(),
        shutdown: state.notification_hub.shutdown_signal(),
        state: state.clone(),
        session,
        is_closed: false,
        permit,
    };
    let events = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE_EVERY));
    Ok(([UNBUFFERED], events).into_response())
}

/// One open event stream.
struct Listener {
    deliveries: broadcast::Receiver<Arc<Delivery>>,
    shutdown: watch::Receiver<bool>,
    state: AppState,
    session: Session,
    is_closed: bool,
    permit: StreamPermit,
}

impl Listener {
    /// The next event; `None` if the stream is closed.
    async fn next(&mut self) -> Option<Event> {
        while !self.is_closed {
            let received = tokio::select! {
                delivery = self.deliveries.recv() => Some(delivery),
                _ = self.shutdown.wait_for(|shutdown| *shutdown) => return None,
                () = self.permit.session_ended() => None,
            };
            match received {
                Some(Ok(delivery)) if delivery.user != self.session.user => {}
                // The stream lagged and missed some: after reconnecting, the client reads the list.
                Some(Err(_)) => return None,
                // The session may have ended since the last check.
                Some(Ok(delivery)) if self.is_session_valid().await => return Event::default().event("notice").json_data(&delivery.notice).ok(),
                Some(Ok(_)) | None => return Some(self.signed_out()),
            }
        }
        None
    }

    /// Assumes a valid session if the database is unreachable. The check does not extend the session.
    async fn is_session_valid(&self) -> bool {
        session::is_valid(&self.state.store, &self.session).await.unwrap_or(true)
    }

    /// The last event: the client must not reconnect with this session.
    fn signed_out(&mut self) -> Event {
        self.is_closed = true;
        Event::default().event("signed-out").data("")
    }
}
