//! Notification hub: delivers new notifications, from this and other instances on the same database, to open event streams.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{broadcast, watch},
    time::{MissedTickBehavior, interval, timeout},
};

use crate::auth::session;
use latchkey_store::{self as store, Store};
use latchkey_types::{
    id::{SessionId, UserId},
    notification::Notification,
};

/// Polling interval.
const READ_EVERY: Duration = Duration::from_millis(250);
/// Timeout of one poll; the next one reads the same notifications.
const READ_LIMIT: Duration = Duration::from_secs(2);
/// Buffered notifications per stream. A stream that lags further is closed, and the client reconnects.
const BUFFER_MAX: usize = 1024;
/// Open streams per session.
const PER_SESSION_MAX: usize = 6;
/// Open streams per user.
const PER_USER_MAX: usize = 24;
/// Interval of checks whether the sessions of open streams are still valid. Streams of ended sessions close within a second.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// A notification and its recipient.
#[derive(Debug)]
pub struct Delivery {
    pub user: UserId,
    pub notice: Notification,
}

pub struct NotificationHub {
    sender: broadcast::Sender<Arc<Delivery>>,
    shutdown: watch::Sender<bool>,
    streams: Arc<Mutex<OpenStreams>>,
}

/// The open streams of each session that has any.
type OpenStreams = HashMap<SessionId, SessionStreams>;

struct SessionStreams {
    user: UserId,
    open: usize,
    ended: watch::Sender<bool>,
}

fn lock(streams: &Mutex<OpenStreams>) -> MutexGuard<'_, OpenStreams> {
    streams.lock().unwrap_or_else(PoisonError::into_inner)
}

impl NotificationHub {
    pub fn new() -> Self {
        Self { sender: broadcast::Sender::new(BUFFER_MAX), shutdown: watch::Sender::new(false), streams: Arc::default() }
    }

    /// Closes all streams, including later ones; called at shutdown.
    pub fn shut_down(&self) {
        self.shutdown.send_replace(true);
    }

    pub fn shutdown_signal(&self) -> watch::Receiver<bool> {
        self.shutdown.subscribe()
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Delivery>> {
        self.sender.subscribe()
    }

    /// A permit for one more stream of this session; `None` if the session or its user has too many.
    pub fn try_acquire(&self, session: SessionId, user: UserId) -> Option<StreamPermit> {
        let mut streams = lock(&self.streams);
        let of_session = streams.get(&session).map_or(0, |streams| streams.open);
        let of_user: usize = streams.values().filter(|streams| streams.user == user).map(|streams| streams.open).sum();
        if of_session >= PER_SESSION_MAX || of_user >= PER_USER_MAX {
            return None;
        }
        let entry = streams.entry(session).or_insert_with(|| SessionStreams { user, open: 0, ended: watch::Sender::new(false) });
        entry.open += 1;
        Some(StreamPermit { session, ended: entry.ended.subscribe(), streams: Arc::clone(&self.streams) })
    }

    /// The sessions with open streams.
    fn sessions(&self) -> Vec<SessionId> {
        lock(&self.streams).keys().copied().collect()
    }

    /// Closes the streams of those of `checked` that are not in `valid`.
    fn close_ended(&self, checked: &[SessionId], valid: &HashSet<SessionId>) {
        let streams = lock(&self.streams);
        for of_session in checked.iter().filter(|session| !valid.contains(*session)).filter_map(|session| streams.get(session)) {
            of_session.ended.send_replace(true);
        }
    }
}

impl Default for NotificationHub {
    fn default() -> Self {
        Self::new()
    }
}

/// Counts as an open stream until dropped.
pub struct StreamPermit {
    session: SessionId,
    ended: watch::Receiver<bool>,
    streams: Arc<Mutex<OpenStreams>>,
}

impl StreamPermit {
    /// Resolves when the session has ended.
    pub async fn session_ended(&mut self) {
        // Fails only without a sender, which exists as long as the permit.
        drop(self.ended.wait_for(|ended| *ended).await);
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut streams = lock(&self.streams);
        if let Some(of_session) = streams.get_mut(&self.session) {
            of_session.open -= 1;
            if of_session.open == 0 {
                streams.remove(&self.session);
            }
        }
    }
}

/// Polls for new notifications, endlessly. It uses the shared connection pool; the change watcher has its own connection and must not wait.
pub async fn poll_notifications(store: Store, hub: Arc<NotificationHub>) {
    let mut timer = interval(READ_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = None;
    loop {
        timer.tick().await;
        // After a failed read `seen` is unchanged, so nothing is skipped.
        if let Ok(Ok(newest)) = timeout(READ_LIMIT, deliver(&store, &hub, seen)).await {
            seen = Some(newest);
        }
    }
}

/// Closes the event streams of sessions that have ended, endlessly. One query checks all sessions with open streams, and does not extend them.
pub async fn close_streams_of_ended_sessions(store: Store, hub: Arc<NotificationHub>) {
    let mut timer = interval(CHECK_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        let sessions = hub.sessions();
        if sessions.is_empty() {
            continue;
        }
        // After a failed read all streams stay open: while the database is unreachable they deliver nothing.
        if let Ok(Ok(valid)) = timeout(READ_LIMIT, session::still_valid(&store, &sessions)).await {
            hub.close_ended(&sessions, &valid);
        }
    }
}

/// Delivers the notifications after sequence number `seen`; returns the newest sequence number.
async fn deliver(store: &Store, hub: &NotificationHub, seen: Option<i64>) -> Result<i64, store::StoreError> {
    let Some(seen) = seen else { return store::notifications::newest(store).await };
    let mut newest = seen;
    for record in store::notifications::after(store, seen).await? {
        newest = record.seq;
        let user = record.user_id;
        if let Some(notice) = record.to_notification() {
            // Fails only without open streams.
            drop(hub.sender.send(Arc::new(Delivery { user, notice })));
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_limited_per_session_and_per_user() {
        let (hub, user) = (NotificationHub::new(), UserId::new());
        let sessions: Vec<_> = (0..5).map(|_| SessionId::new()).collect();
        let mut permits = Vec::new();
        for n in 0..PER_USER_MAX {
            permits.push(hub.try_acquire(sessions[n / PER_SESSION_MAX], user).unwrap());
        }
        assert!(hub.try_acquire(sessions[4], user).is_none(), "the user has too many");
        assert!(hub.try_acquire(SessionId::new(), UserId::new()).is_some());
        drop(permits.pop());
        permits.push(hub.try_acquire(sessions[4], user).unwrap());
        drop(permits);
        assert!(hub.sessions().is_empty(), "nothing is kept of closed streams");
        let permits: Vec<_> = std::iter::from_fn(|| hub.try_acquire(sessions[0], user)).collect();
        assert_eq!(permits.len(), PER_SESSION_MAX);
    }

    #[tokio::test]
    async fn only_streams_of_checked_and_invalid_sessions_close() {
        let (hub, user) = (NotificationHub::new(), UserId::new());
        let [ended, valid, later] = [(); 3].map(|()| SessionId::new());
        let [mut to_ended, mut to_valid, mut to_later] = [ended, valid, later].map(|session| hub.try_acquire(session, user).unwrap());
        hub.close_ended(&[ended, valid], &HashSet::from([valid]));
        timeout(READ_LIMIT, to_ended.session_ended()).await.unwrap();
        for permit in [&mut to_valid, &mut to_later] {
            assert!(timeout(Duration::from_millis(10), permit.session_ended()).await.is_err());
        }
    }
}
