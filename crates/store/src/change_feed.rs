//! The changes of all instances on PostgreSQL, read with snapshots, and the confirmations of what was applied. On SQLite, see
//! [`super::verdict_changes::from`].

use std::{collections::HashMap, mem, time::Duration};

use sqlx::PgConnection;
use tokio::time::timeout;

use super::{
    Store, StoreError,
    engine::change_feed::{self as sql, Confirmation, FeedRow},
    instances::{self, InstanceView, InstancesView},
    lease::{LEASE_US, MARGIN_US, boottime_us},
    snapshot::Snapshot,
    verdict_changes::VerdictChange,
};
use latchkey_types::id::InstanceId;

/// Interval between reads when nothing wakes this instance.
const READ_EVERY_US: i64 = 150_000;
/// A connection on which a read takes longer is given up.
const READ_LIMIT: Duration = Duration::from_secs(1);
/// Time limit for a new connection, and for a registration. Two of them are less than the five seconds in which a network that was silent is noticed
/// to be back.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_millis(2300);
/// Changes are kept for an hour. If the last read is older than this, some may be missing.
const CONTINUITY_US: i64 = 30 * 60 * 1_000_000;

/// The changes since the last read.
#[derive(Debug)]
pub struct FeedRead {
    /// Whether `changes` has all changes since the read that was applied last. Otherwise any change may have been missed.
    pub is_continued: bool,
    /// `None`: a newer version published it, and it can affect anything.
    pub changes: Vec<Option<VerdictChange>>,
    /// The number of the newest migration that a program must have to use the database.
    pub oldest_program: i64,
    /// By [`boottime_us`].
    began: i64,
    answered: i64,
    snapshot: Snapshot,
    /// How old the oldest of the changes was when they were read.
    age_ms: Option<i64>,
    instances: Vec<InstanceView>,
}

/// A read whose changes were applied.
struct AppliedRead {
    began: i64,
    snapshot: Snapshot,
}

/// Reads changes and confirms them. After a failure, the next read is not continued.
pub struct ChangeFeed {
    store: Store,
    /// A connection of its own, so that a read waits for no other query. It is closed when a read fails: the database may have lost commits since.
    connection: Option<PgConnection>,
    applied: Option<AppliedRead>,
    /// Whether something was applied that others may wait for.
    must_confirm: bool,
    lag_ms: i64,
    /// When the last turn began.
    began: i64,
    renewals: Renewals,
}

impl ChangeFeed {
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone(), connection: None, applied: None, must_confirm: false, lag_ms: 0, began: 0, renewals: Renewals::default() }
    }

    /// Confirms the last read if it was applied, and reads what was committed since. Registers this instance before its first read, and again
    /// under another id if the others have ended its registration.
    pub async fn read(&mut self) -> Result<FeedRead, StoreError> {
        self.began = boottime_us();
        let mut applied = self.applied.take().filter(|applied| self.began - applied.began < CONTINUITY_US);
        let mut signals = mem::take(&mut self.must_confirm);
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => within(CONNECT_LIMIT, sql::connect(self.store.engine.url())).await?,
        };
        for _ in 0..2 {
            register(&self.store, &mut connection).await?;
            let began = boottime_us();
            let snapshot = applied.as_ref().map(|applied| &applied.snapshot);
            let confirmation = Confirmation { id: self.store.instance().id, applied: snapshot, lag_ms: self.lag_ms, signals };
            let rows = within(READ_LIMIT, sql::exchange(&mut connection, confirmation)).await?;
            let answer = Answer::of(rows)?;
            if answer.is_renewed {
                self.connection = Some(connection);
                return Ok(answer.into_read(began, snapshot));
            }
            // Before anything else: the others no longer wait for this instance.
            self.store.lease.end();
            self.store.instances.renew_id();
            tracing::warn!("the lease of this instance has ended, because it was not renewed in time");
            (applied, signals) = (None, false);
        }
        Err(StoreError::Unavailable)
    }

    /// Extends the lease after the changes of a read were applied, and ends the instances that do not renew theirs. What was applied is confirmed
    /// by the next read.
    pub async fn record_applied(&mut self, read: FeedRead) -> Result<(), StoreError> {
        let now = boottime_us();
        self.store.lease.extend(read.began);
        self.must_confirm = !read.is_continued || !read.changes.is_empty();
        if let Some(age_ms) = read.age_ms {
            self.lag_ms = age_ms + (now - read.answered) / 1000;
        }
        let ended = self.renewals.ended(&read.instances, self.store.instance().id, now);
        self.applied = Some(AppliedRead { began: read.began, snapshot: read.snapshot });
        self.store.instances.publish(InstancesView { read_began: read.began, instances: read.instances });
        for instance in ended {
            self.fence(&instance).await?;
        }
        Ok(())
    }

    /// Waits until the next read is due. It is due immediately if something must be confirmed.
    pub async fn wait(&mut self) {
        if self.must_confirm {
            return;
        }
        let left = READ_EVERY_US - (boottime_us() - self.began);
        let left = Duration::from_micros(u64::try_from(left).unwrap_or_default());
        // Elapses if nothing wakes this instance.
        let _ = timeout(left, self.store.instances.read_request.notified()).await;
    }

    /// Ends an instance whose lease has ended, so that no commit waits for it.
    async fn fence(&mut self, instance: &InstanceView) -> Result<(), StoreError> {
        let (Some(mut connection), applied) = (self.connection.take(), self.applied.take()) else { return Ok(()) };
        let is_ended = within(READ_LIMIT, sql::fence(&mut connection, instance.id, instance.renewals)).await?;
        (self.connection, self.applied) = (Some(connection), applied);
        if is_ended {
            tracing::warn!(instance = %instance.name, id = %instance.id, "an instance does not renew its lease");
        }
        Ok(())
    }
}

async fn register(store: &Store, connection: &mut PgConnection) -> Result<(), StoreError> {
    if !store.instances.is_registered() {
        within(CONNECT_LIMIT, sql::register(connection, &store.instance())).await?;
        store.instances.set_registered();
    }
    Ok(())
}

/// A statement that takes longer counts as failed.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    Ok(timeout(limit, work).await.map_err(|_| StoreError::Unavailable)??)
}

/// The parsed rows of one exchange.
#[derive(Default)]
struct Answer {
    /// Whether this instance is still registered.
    is_renewed: bool,
    snapshot: Snapshot,
    /// When it was read, by the database's clock.
    at: i64,
    /// Transaction, time and change.
    changes: Vec<(i64, i64, Option<VerdictChange>)>,
    instances: Vec<InstanceView>,
    oldest_program: i64,
}

impl Answer {
    fn of(rows: Vec<FeedRow>) -> Result<Self, StoreError> {
        let mut answer = Self::default();
        for (kind, text, number, name, applied, at) in rows {
            match kind.as_str() {
                "renewed" => answer.is_renewed = number > 0,
                "snapshot" => {
                    answer.snapshot = text.parse::<Snapshot>().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
                    answer.at = at;
                }
                "change" => answer.changes.push((number, at, text.parse().ok())),
                "instance" => answer.instances.push(instances::view((text, name, number, applied, at))?),
                "schema" => answer.oldest_program = number,
                _ => {}
            }
        }
        Ok(answer)
    }

    /// The read that began at `began` and continues the one with the snapshot `previous`.
    fn into_read(self, began: i64, previous: Option<&Snapshot>) -> FeedRead {
        let Self { snapshot, at, changes, instances, oldest_program, .. } = self;
        // Transaction numbers go back when an earlier state of the database is restored.
        let is_continued = previous.is_some_and(|previous| previous.next() <= snapshot.next());
        // A restored database may have changes whose numbers are those of future transactions.
        let changes: Vec<_> = changes.into_iter().filter(|(xid, ..)| snapshot.contains(*xid)).collect();
        let age_ms = changes.iter().map(|(_, created_at, _)| (at - created_at).max(0)).max();
        let changes = changes.into_iter().map(|(.., change)| change).collect();
        FeedRead { is_continued, changes, oldest_program, began, answered: boottime_us(), snapshot, age_ms, instances }
    }
}

/// When the other instances renewed their leases, by the clock of this one.
#[derive(Default)]
pub(crate) struct Renewals {
    /// The last time at which they were looked at.
    at: i64,
    /// The last renewal of each, and since when it is known.
    known: HashMap<InstanceId, (i64, i64)>,
}

impl Renewals {
    /// The instances whose lease has certainly ended: their last renewal is known for longer than a lease. `now` is a time after the read that
    /// found them.
    pub(crate) fn ended(&mut self, instances: &[InstanceView], own: InstanceId, now: i64) -> Vec<InstanceView> {
        // After a pause of this instance or of the database, the others first get time to renew their leases.
        if now - self.at > LEASE_US / 2 {
            self.known.clear();
        }
        self.at = now;
        self.known.retain(|id, _| instances.iter().any(|instance| instance.id == *id));
        let mut ended = Vec::new();
        for instance in instances.iter().filter(|instance| instance.id != own) {
            let known = self.known.entry(instance.id).or_insert((instance.renewals, now));
            if known.0 != instance.renewals {
                *known = (instance.renewals, now);
            } else if now - known.1 >= LEASE_US + MARGIN_US {
                ended.push(instance.clone());
            }
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::id::RoleId;

    fn instance(id: InstanceId, renewals: i64) -> InstanceView {
        InstanceView { id, name: String::new(), renewals, applied: Snapshot::default(), lag_ms: 0 }
    }

    #[test]
    fn an_instance_that_renews_nothing_for_a_lease_has_ended() {
        let (own, other) = (InstanceId::new(), InstanceId::new());
        let mut renewals = Renewals::default();
        let mut ended = |ms: i64, number: i64| !renewals.ended(&[instance(own, 7), instance(other, number)], own, ms * 1000).is_empty();
        for (ms, number) in [(10_000, 1), (10_400, 1), (10_800, 1), (11_040, 1), (11_060, 2), (11_500, 2), (11_900, 2), (12_100, 2)] {
            assert!(!ended(ms, number), "{ms}");
        }
        assert!(ended(12_120, 2));
        assert!(!ended(13_000, 2), "this instance was not running itself");
        assert!(!ended(13_400, 2) && !ended(13_800, 2) && ended(14_060, 2));
    }

    #[test]
    fn a_read_is_continued_unless_the_database_went_back() {
        let row = |kind: &str, text: &str, number: i64, at: i64| (kind.to_owned(), text.to_owned(), number, String::new(), String::new(), at);
        let change = VerdictChange::Role(RoleId::new());
        let rows = || {
            vec![
                row("renewed", "", 1, 0),
                row("snapshot", "10:20:14", 0, 5000),
                row("change", &change.to_string(), 12, 4990),
                row("change", "weather", 13, 4980),
                row("change", "signing-keys", 14, 4000),
                row("change", "signing-keys", 90, 4000),
                row("schema", "", 9, 0),
            ]
        };
        let read = |previous: Option<&str>| {
            let answer = Answer::of(rows()).unwrap();
            assert!(answer.is_renewed);
            answer.into_read(1, previous.map(|text| text.parse::<Snapshot>().unwrap()).as_ref())
        };
        let found = read(Some("10:12:"));
        assert_eq!(found.changes, [Some(change.clone()), None], "what is not visible is left out");
        assert_eq!((found.is_continued, found.oldest_program, found.age_ms), (true, 9, Some(20)));
        assert!(!read(None).is_continued && !read(Some("21:21:")).is_continued);
    }
}
