//! News: notices as they come, from this process and from others on the same database, for whoever looks on.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{broadcast, watch},
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    model::{
        id::{SessionId, UserId},
        notice::Notice,
    },
    server::{
        state::AppState,
        store::{self, Store},
    },
};

/// How often the database is asked for new ones.
const READ_EVERY: Duration = Duration::from_millis(250);
/// The next turn asks again.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// How many may wait for a stream that is slow; one that is slower ends, and begins anew.
const WAITING_MAX: usize = 1024;
/// How many streams one session may have.
const STREAMS_MAX: usize = 6;

/// A notice, and who is told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) user: UserId,
    pub(super) notice: Notice,
}

/// Hands notices to the streams that are open.
pub struct News {
    told: broadcast::Sender<Arc<Told>>,
    ended: watch::Sender<bool>,
    streams: Arc<Mutex<HashMap<SessionId, usize>>>,
}

impl News {
    /// Nobody looks on yet.
    pub fn new() -> Self {
        Self { told: broadcast::Sender::new(WAITING_MAX), ended: watch::Sender::new(false), streams: Arc::default() }
    }

    /// Ends every stream, also those that are still to come: the server is about to end.
    pub fn end(&self) {
        self.ended.send_replace(true);
    }

    /// Whether the server is about to end.
    pub fn ending(&self) -> watch::Receiver<bool> {
        self.ended.subscribe()
    }

    /// What is told from now on.
    pub(super) fn listen(&self) -> broadcast::Receiver<Arc<Told>> {
        self.told.subscribe()
    }

    /// A place for one more stream of this session, unless it has too many.
    pub(super) fn place(&self, session: SessionId) -> Option<Place> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let open = streams.entry(session).or_default();
        if *open >= STREAMS_MAX {
            return None;
        }
        *open += 1;
        Some(Place { session, streams: Arc::clone(&self.streams) })
    }
}

impl Default for News {
    fn default() -> Self {
        Self::new()
    }
}

/// The place of a stream, free again once it is dropped.
pub(super) struct Place {
    session: SessionId,
    streams: Arc<Mutex<HashMap<SessionId, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = streams.get_mut(&self.session) {
            *open -= 1;
            if *open == 0 {
                streams.remove(&self.session);
            }
        }
    }
}

/// Reads new notices, for ever. It asks on a connection of the common pool: the watch over the database has its own and waits for nobody.
pub async fn gather(state: AppState) {
    let mut turns = interval(READ_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = None;
    loop {
        turns.tick().await;
        // What could not be read now is read then: nothing is passed over.
        if let Ok(Ok(newest)) = timeout(ANSWER_LIMIT, hand_out(&state.store, &state.news, seen)).await {
            seen = Some(newest);
        }
    }
}

/// Hands out what came after the last one seen. Answers the place of the newest.
async fn hand_out(store: &Store, news: &News, seen: Option<i64>) -> Result<i64, store::Error> {
    let Some(seen) = seen else { return store::notices::newest(store).await };
    let mut newest = seen;
    for record in store::notices::after(store, seen).await? {
        newest = record.seq;
        let (user, seq) = (record.user_id.parse(), record.seq);
        if let (Ok(user), Ok(notice)) = (user, record.notice()) {
            // Fails only where nobody looks on.
            drop(news.told.send(Arc::new(Told { user, notice })));
        } else {
            tracing::error!(seq, "a stored notice can't be read");
        }
    }
    Ok(newest)
}
