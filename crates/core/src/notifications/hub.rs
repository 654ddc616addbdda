//! Notification hub: delivers new notifications, from this and other instances on the same database, to open event streams.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{
        broadcast::{
            self,
            error::{RecvError, TryRecvError},
        },
        watch,
    },
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use crate::auth::session;
use latchkey_store::{self as store, Store, notifications::NotificationRecord};
use latchkey_types::{
    id::{SessionId, UserId},
    notification::Notification,
};
use latchkey_verify::NotificationReport;

/// Timeout of one read.
const READ_LIMIT: Duration = Duration::from_secs(2);
/// Pause after a failed read; the next one reads the same notifications.
const RETRY_AFTER: Duration = Duration::from_millis(250);
/// Sequence numbers that are kept of delivered notifications. Those of this instance are reported twice within a second.
const DELIVERED_MAX: usize = 10_000;
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

    /// Sends a notification to the open streams, unless a newer version stored it.
    fn send(&self, record: NotificationRecord) {
        let user = record.user_id;
        if let Some(notice) = record.to_notification() {
            // Fails only without open streams.
            drop(self.sender.send(Arc::new(Delivery { user, notice })));
        }
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

/// Delivers the notifications that any instance stores, endlessly. It uses the shared connection pool; the change watcher has its own connection
/// and must not wait.
pub async fn deliver_notifications(store: Store, mut reports: broadcast::Receiver<NotificationReport>, hub: Arc<NotificationHub>) {
    let mut queue = Queue::new();
    loop {
        if matches!(timeout(READ_LIMIT, queue.deliver(&store, &hub)).await, Ok(Ok(()))) {
            match reports.recv().await {
                Ok(report) => queue.add(report),
                Err(RecvError::Lagged(_)) => queue.add(NotificationReport::Missed),
                // Only at shutdown.
                Err(RecvError::Closed) => return,
            }
        } else {
            // The queue is unchanged, so nothing is skipped.
            sleep(RETRY_AFTER).await;
        }
        // One read for all that were reported in the meantime.
        loop {
            match reports.try_recv() {
                Ok(report) => queue.add(report),
                Err(TryRecvError::Lagged(_)) => queue.add(NotificationReport::Missed),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
    }
}

/// Notifications that are not delivered yet.
struct Queue {
    /// Their sequence numbers.
    reported: BTreeSet<i64>,
    /// Whether there may be more than were reported, after the newest one.
    has_missed: bool,
    /// The newest sequence number so far; `None` before the first read.
    newest: Option<i64>,
    /// The largest sequence numbers of delivered ones.
    delivered: BTreeSet<i64>,
}

impl Queue {
    const fn new() -> Self {
        Self { reported: BTreeSet::new(), has_missed: true, newest: None, delivered: BTreeSet::new() }
    }

    fn add(&mut self, report: NotificationReport) {
        match report {
            NotificationReport::Stored(seq) if self.delivered.contains(&seq) => {}
            NotificationReport::Stored(seq) => {
                self.reported.insert(seq);
            }
            NotificationReport::Missed => self.has_missed = true,
        }
    }

    /// Reads and delivers all. If it fails or is dropped, the queue is unchanged.
    async fn deliver(&mut self, store: &Store, hub: &NotificationHub) -> Result<(), store::StoreError> {
        let mut records = Vec::new();
        if !self.reported.is_empty() {
            records = store::notifications::with_numbers(store, &self.reported).await?;
        }
        let mut newest = self.newest;
        if self.has_missed {
            match newest {
                // Those from before the start are only in the list.
                None => newest = Some(store::notifications::newest(store).await?),
                Some(mut seen) => {
                    while let Some((last, missed)) = read_after(store, seen).await? {
                        seen = last;
                        records.extend(missed);
                    }
                }
            }
        }
        self.reported.clear();
        self.has_missed = false;
        self.newest = newest.max(records.iter().map(|record| record.seq).max());
        records.sort_by_key(|record| record.seq);
        for record in records {
            if self.delivered.insert(record.seq) {
                hub.send(record);
            }
        }
        while self.delivered.len() > DELIVERED_MAX {
            self.delivered.pop_first();
        }
        Ok(())
    }
}

/// Notifications after a sequence number, and the last of their sequence numbers; `None` if there are none.
async fn read_after(store: &Store, seq: i64) -> Result<Option<(i64, Vec<NotificationRecord>)>, store::StoreError> {
    let records = store::notifications::after(store, seq).await?;
    Ok(records.last().map(|record| record.seq).map(|last| (last, records)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        notifications::notify,
        testing::{new_core, new_owner},
    };
    use latchkey_store::notifications::NewNotification;
    use latchkey_types::notification::NotificationEvent;

    #[tokio::test]
    async fn each_notification_is_delivered_once() {
        let (core, _folder) = new_core().await;
        let user = new_owner(&core).await.user;
        let store_one = async || {
            let mut tx = core.store.begin().await.unwrap();
            let notification = NewNotification::without_project(NotificationEvent::Approved, "key", String::new(), "/keys");
            notify(&mut tx, &[user], &notification).await.unwrap();
            tx.commit().await.unwrap();
        };
        let (hub, mut queue, mut reports) = (NotificationHub::new(), Queue::new(), core.verifier.notification_reports());
        let mut deliveries = hub.subscribe();
        let mut delivered = || std::iter::from_fn(|| deliveries.try_recv().ok()).map(|delivery| delivery.notice.seq).collect::<Vec<_>>();
        store_one().await;
        queue.deliver(&core.store, &hub).await.unwrap();
        assert!(delivered().is_empty(), "it was stored before the start");
        store_one().await;
        store_one().await;
        assert_eq!(reports.recv().await, Ok(NotificationReport::Stored(1)));
        for report in [2, 3, 2].map(NotificationReport::Stored) {
            queue.add(report);
        }
        core.store.set_unavailable(true);
        assert!(queue.deliver(&core.store, &hub).await.is_err());
        core.store.set_unavailable(false);
        for _ in 0..2 {
            queue.deliver(&core.store, &hub).await.unwrap();
            queue.add(NotificationReport::Stored(2));
        }
        assert_eq!(delivered(), [2, 3]);
        store_one().await;
        for _ in 0..2 {
            queue.add(NotificationReport::Missed);
            queue.deliver(&core.store, &hub).await.unwrap();
        }
        assert_eq!(delivered(), [4]);
    }

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
