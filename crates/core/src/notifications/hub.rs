//! Notification hub: delivers new notifications, from this and other instances on the same database, to open event streams.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{broadcast, watch},
    time::{MissedTickBehavior, interval, timeout},
};

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
const STREAMS_MAX: usize = 6;

/// A notification and its recipient.
#[derive(Debug)]
pub struct Delivery {
    pub user: UserId,
    pub notice: Notification,
}

pub struct NotificationHub {
    sender: broadcast::Sender<Arc<Delivery>>,
    shutdown: watch::Sender<bool>,
    streams: Arc<Mutex<HashMap<SessionId, usize>>>,
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

    /// A permit for one more stream of this session; `None` if it has too many.
    pub fn try_acquire(&self, session: SessionId) -> Option<StreamPermit> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let open = streams.entry(session).or_default();
        if *open >= STREAMS_MAX {
            return None;
        }
        *open += 1;
        Some(StreamPermit { session, streams: Arc::clone(&self.streams) })
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
    streams: Arc<Mutex<HashMap<SessionId, usize>>>,
}

impl Drop for StreamPermit {
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

/// Polls for new notifications, endlessly. It uses the shared connection pool; the change watcher has its own connection and must not wait.
pub async fn poll_notifications(store: Store, news: Arc<NotificationHub>) {
    let mut timer = interval(READ_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = None;
    loop {
        timer.tick().await;
        // After a failed read `seen` is unchanged, so nothing is skipped.
        if let Ok(Ok(newest)) = timeout(READ_LIMIT, deliver(&store, &news, seen)).await {
            seen = Some(newest);
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
