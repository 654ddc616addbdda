//! `GET /events`: what its reader is told, as server-sent events, for as long as their session goes on.

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
use tokio::{
    sync::{broadcast, watch},
    time::{Instant, Interval, interval_at},
};

use super::news::{Place, Told};
use crate::{
    model::fault::Fault,
    server::{
        auth::session::{self, Session},
        calls,
        rest::problem::Problem,
        state::AppState,
    },
};

/// A stream on which nothing comes says so, for proxies that would take it for dead.
const ALIVE_EVERY: Duration = Duration::from_secs(15);
/// How often it is asked whether the session goes on.
const CHECK_EVERY: Duration = Duration::from_secs(15);
/// nginx would gather what is streamed.
const UNBUFFERED: (HeaderName, HeaderValue) = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// The route. It stands outside the layer that ends calls which take long.
pub fn routes() -> Router<AppState> {
    Router::new().route("/events", get(events))
}

async fn events(State(state): State<AppState>, headers: HeaderMap) -> Response {
    match open(&state, &headers).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn open(state: &AppState, headers: &HeaderMap) -> Result<Response, Problem> {
    // The browser comes back by itself, for as long as the page stands open.
    let session = session::find_unused(&state.store, headers, state.public_url.is_https()).await?.ok_or(Fault::SignedOut)?;
    calls::made_by(session.organization, session.user, None);
    let too_many = || Problem::new(StatusCode::TOO_MANY_REQUESTS, "throttled", "This session listens in too many places. Close a few.");
    let place = state.news.place(session.id).ok_or_else(too_many)?;
    let listener = Listener {
        told: state.news.listen(),
        ending: state.news.ending(),
        checks: interval_at(Instant::now() + CHECK_EVERY, CHECK_EVERY),
        state: state.clone(),
        session,
        is_over: false,
        _place: place,
    };
    let events = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE_EVERY));
    Ok(([UNBUFFERED], events).into_response())
}

/// One who looks on.
struct Listener {
    told: broadcast::Receiver<Arc<Told>>,
    ending: watch::Receiver<bool>,
    checks: Interval,
    state: AppState,
    session: Session,
    is_over: bool,
    _place: Place,
}

impl Listener {
    /// What comes next; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        while !self.is_over {
            let told = tokio::select! {
                told = self.told.recv() => Some(told),
                _ = self.ending.wait_for(|ending| *ending) => return None,
                _ = self.checks.tick() => None,
            };
            match told {
                Some(Ok(told)) if told.user != self.session.user => {}
                // Some were missed: who begins anew reads the list.
                Some(Err(_)) => return None,
                _ if !self.goes_on().await => return Some(self.farewell()),
                Some(Ok(told)) => return Event::default().event("notice").json_data(&told.notice).ok(),
                None => {}
            }
        }
        None
    }

    /// Whether the session goes on, as far as can be known. Looking on does not lengthen it.
    async fn goes_on(&self) -> bool {
        session::goes_on(&self.state.store, &self.session).await.unwrap_or(true)
    }

    /// The last event: the page need not come back with this session.
    fn farewell(&mut self) -> Event {
        self.is_over = true;
        Event::default().event("signed-out").data("")
    }
}
