//! The instances that share the database, as this one has read them.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::{MissedTickBehavior, interval, timeout},
};

use super::{Store, StoreError, engine::change_feed as sql, lease::Lease, snapshot::Snapshot};
use latchkey_types::{id::InstanceId, time::Timestamp};

/// Interval between deletions of ended instances and of changes that every instance has read.
const CLEAN_EVERY: Duration = Duration::from_mins(1);
/// For how long the end of this process waits for the database.
const LEAVE_LIMIT: Duration = Duration::from_secs(2);

/// A process that serves requests.
#[derive(Debug, Clone)]
pub struct InstanceInfo {
    pub id: InstanceId,
    pub name: String,
    pub version: String,
    pub started_at: Timestamp,
}

/// What the last read of the changes found about an instance whose lease may be valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceView {
    pub id: InstanceId,
    pub name: String,
    /// Counted up with each confirmation.
    pub renewals: i64,
    /// The changes that it has applied.
    pub applied: Snapshot,
    /// From its oldest change to the application.
    pub lag_ms: i64,
}

/// The instances that a read found, including this one.
#[derive(Debug, Default)]
pub struct InstancesView {
    /// When the read began, in microseconds of [`super::boottime_us`].
    pub read_began: i64,
    pub instances: Vec<InstanceView>,
}

/// A process and the other instances.
pub(crate) struct Instances {
    own: RwLock<Arc<InstanceInfo>>,
    is_registered: AtomicBool,
    views: watch::Sender<Arc<InstancesView>>,
    /// Makes this instance read the changes at once.
    pub(crate) read_request: Notify,
    /// Makes the other instances do so.
    pub(crate) signal_request: Notify,
    turns: AtomicU64,
}

impl Default for Instances {
    fn default() -> Self {
        let own = InstanceInfo {
            id: InstanceId::new(),
            name: "latchkey".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: Timestamp::now(),
        };
        Self {
            own: RwLock::new(Arc::new(own)),
            is_registered: AtomicBool::new(false),
            views: watch::Sender::new(Arc::default()),
            read_request: Notify::new(),
            signal_request: Notify::new(),
            turns: AtomicU64::new(0),
        }
    }
}

impl Instances {
    pub(crate) fn is_registered(&self) -> bool {
        self.is_registered.load(Ordering::Acquire)
    }

    pub(crate) fn set_registered(&self) {
        self.is_registered.store(true, Ordering::Release);
    }

    /// Gives this process a new id, which is not registered yet, because the others do not wait for the previous one any more.
    pub(crate) fn renew_id(&self) {
        self.is_registered.store(false, Ordering::Release);
        self.change_own(|own| own.id = InstanceId::new());
    }

    pub(crate) fn publish(&self, view: InstancesView) {
        self.views.send_replace(Arc::new(view));
    }

    /// Whether a commit waits for the other instances.
    pub(crate) fn has_waiters(&self) -> bool {
        self.views.receiver_count() > 0
    }

    fn change_own(&self, change: impl FnOnce(&mut InstanceInfo)) {
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = InstanceInfo::clone(&own);
        change(&mut changed);
        *own = Arc::new(changed);
    }
}

impl Store {
    /// The lease of this instance.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// This process. Its id changes when it has lost its lease.
    pub fn instance(&self) -> Arc<InstanceInfo> {
        self.instances.own.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the name under which this instance is registered.
    pub fn set_instance_name(&self, name: String) {
        self.instances.change_own(|own| own.name = name);
    }

    /// What each read of the changes found about the instances.
    pub fn instances(&self) -> watch::Receiver<Arc<InstancesView>> {
        self.instances.views.subscribe()
    }

    /// What the last read of the changes found; no instances on SQLite.
    pub fn known_instances(&self) -> Arc<InstancesView> {
        self.instances.views.borrow().clone()
    }

    /// The number of instances that share the database.
    pub fn instance_count(&self) -> i64 {
        i64::try_from(self.instances.views.borrow().instances.len()).unwrap_or(i64::MAX).max(1)
    }

    /// Makes all instances read the changes at once. Does nothing on SQLite.
    pub fn wake_others(&self) {
        if self.is_shared() {
            self.instances.read_request.notify_one();
            self.instances.signal_request.notify_one();
        }
    }

    /// Number of times that the change watcher has read the changes and applied them, or failed to.
    pub fn feed_turns(&self) -> u64 {
        self.instances.turns.load(Ordering::Acquire)
    }

    /// Counts one turn of the change watcher.
    pub fn count_feed_turn(&self) {
        self.instances.turns.fetch_add(1, Ordering::AcqRel);
    }

    /// Ends the lease of this instance, after which it serves nothing, and then its registration, so that the others do not wait for it.
    pub async fn leave(&self) {
        if !self.instances.is_registered() {
            return;
        }
        self.lease.end();
        let ended = timeout(LEAVE_LIMIT, sqlx::query(sql::LEAVE).bind(self.instance().id).execute(&self.pool())).await;
        if !matches!(ended, Ok(Ok(_))) {
            tracing::warn!("the other instances wait until the lease of this one has ended");
        }
    }
}

/// The instances whose lease may be valid, for a process that does not read the changes.
pub(crate) async fn list(store: &Store) -> Result<Vec<InstanceView>, StoreError> {
    let rows: Vec<sql::InstanceRow> = sqlx::query_as(sql::INSTANCES).fetch_all(store.read()?).await?;
    rows.into_iter().map(view).collect()
}

/// An instance as the database has it.
///
/// # Errors
/// If its id cannot be read: it must not be overlooked.
pub(crate) fn view((id, name, renewals, applied, lag_ms): sql::InstanceRow) -> Result<InstanceView, StoreError> {
    let id = id.parse::<InstanceId>().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    // Nothing is contained in what cannot be read.
    Ok(InstanceView { id, name, renewals, applied: applied.parse().unwrap_or_default(), lag_ms })
}

/// Deletes instances that ended long ago, and old changes. Endless, on PostgreSQL.
pub async fn run_cleanup(store: Store) {
    let mut timer = interval(CLEAN_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        if let Err(error) = clean(&store).await {
            tracing::warn!(%error, "cannot delete old changes");
        }
    }
}

async fn clean(store: &Store) -> Result<(), StoreError> {
    for statement in sql::CLEAN {
        sqlx::query(*statement).execute(store.read()?).await?;
    }
    Ok(())
}
