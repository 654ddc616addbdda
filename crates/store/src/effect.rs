//! When a change that takes access away is effective on every instance.

use std::{collections::BTreeMap, convert::Infallible, time::Duration};

use tokio::time::{sleep, timeout};

use super::{
    Store, change_signals,
    instances::{self, InstancesView},
    lease::{LEASE_US, MARGIN_US, boottime_us},
};
use latchkey_types::{id::InstanceId, time::Timestamp};

/// Interval between reads of the instances by a process that does not read the changes.
const READ_EVERY: Duration = Duration::from_millis(20);

/// How a change became effective.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub committed_at: Timestamp,
    /// From then on, no instance accepts what was taken away.
    pub effective_at: Timestamp,
    /// From the beginning of the commit.
    pub took_ms: i64,
    pub instances: Vec<Confirmation>,
}

/// Why an instance no longer accepts what was taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    pub id: InstanceId,
    pub name: String,
    pub state: ConfirmationState,
}

/// The times are those of the instance that made the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfirmationState {
    /// It has applied the change.
    Confirmed { at: Timestamp },
    /// It serves nothing until it has read the change.
    LeaseEnded { at: Timestamp },
}

/// A commit that was acknowledged.
pub(crate) struct Commit {
    /// By [`boottime_us`], as all times that are compared.
    pub(crate) began: i64,
    pub(crate) acknowledged: i64,
    pub(crate) at: Timestamp,
    /// The number of its transaction. `None` on SQLite, which has one instance.
    pub(crate) xid: Option<i64>,
}

/// Waits until a change that this process has applied itself is effective on the other instances.
pub(crate) async fn wait(store: &Store, commit: &Commit) -> Effect {
    let mut instances = Vec::new();
    if commit.xid.is_none() || store.lease.is_required() {
        let own = store.instance();
        instances.push(Confirmation { id: own.id, name: own.name.clone(), state: ConfirmationState::Confirmed { at: commit.at } });
    }
    if let Some(xid) = commit.xid {
        instances.extend(confirmations(store, commit, xid).await);
    }
    let now = boottime_us();
    let effective_at = commit.time(now);
    Effect { committed_at: commit.at, effective_at, took_ms: (now - commit.began) / 1000, instances }
}

impl Commit {
    /// The time of day at a later time.
    const fn time(&self, at: i64) -> Timestamp {
        self.at.plus_ms((at - self.acknowledged) / 1000)
    }
}

async fn confirmations(store: &Store, commit: &Commit, xid: i64) -> Vec<Confirmation> {
    if store.lease.is_required() {
        return observe(store, commit, xid).await;
    }
    tokio::select! {
        confirmations = observe(store, commit, xid) => confirmations,
        never = read_instances(store) => match never {},
    }
}

async fn observe(store: &Store, commit: &Commit, xid: i64) -> Vec<Confirmation> {
    let mut views = store.instances();
    let mut waiting = Waiting::new(xid, commit.acknowledged);
    loop {
        let view = views.borrow_and_update().clone();
        let now = boottime_us();
        if waiting.observe(&view, store.instance().id, now) {
            break;
        }
        let left = waiting.deadline() - now;
        if left <= 0 {
            waiting.end_leases(now);
            break;
        }
        if view.read_began <= commit.acknowledged {
            store.instances.read_request.notify_one();
        }
        // Elapses if there is no further view.
        let _ = timeout(Duration::from_micros(left.unsigned_abs()), views.changed()).await;
    }
    waiting.into_confirmations(commit)
}

/// Publishes the instances until it is dropped, for an admin command and for a server that is starting.
async fn read_instances(store: &Store) -> Infallible {
    // Otherwise they would read the change at their next regular read.
    if let Err(error) = change_signals::send_once(store).await {
        tracing::debug!(%error, "cannot wake the instances");
    }
    loop {
        let read_began = boottime_us();
        if let Ok(instances) = instances::list(store).await {
            store.instances.publish(InstancesView { read_began, instances });
        }
        sleep(READ_EVERY).await;
    }
}

/// The other instances while a change waits for them.
pub(crate) struct Waiting {
    xid: i64,
    acknowledged: i64,
    /// By id: the name, and how and when the wait ended.
    others: BTreeMap<InstanceId, (String, Option<End>)>,
}

#[derive(Clone, Copy)]
struct End {
    is_confirmed: bool,
    at: i64,
}

impl Waiting {
    pub(crate) const fn new(xid: i64, acknowledged: i64) -> Self {
        Self { xid, acknowledged, others: BTreeMap::new() }
    }

    /// When no lease from before the commit is valid any more.
    pub(crate) const fn deadline(&self) -> i64 {
        self.acknowledged + LEASE_US + MARGIN_US
    }

    /// Returns whether the change is effective on all instances, of which `own` has applied it. An instance that a read after the commit does not
    /// find has ended, or it was registered later, and its first read finds the change.
    pub(crate) fn observe(&mut self, view: &InstancesView, own: InstanceId, now: i64) -> bool {
        if view.read_began <= self.acknowledged {
            return false;
        }
        for instance in view.instances.iter().filter(|instance| instance.id != own) {
            let (_, end) = self.others.entry(instance.id).or_insert_with(|| (instance.name.clone(), None));
            if end.is_none() && instance.applied.contains(self.xid) {
                *end = Some(End { is_confirmed: true, at: now });
            }
        }
        for (id, (_, end)) in &mut self.others {
            if end.is_none() && view.instances.iter().all(|instance| instance.id != *id) {
                *end = Some(End { is_confirmed: false, at: now });
            }
        }
        self.others.values().all(|(_, end)| end.is_some())
    }

    /// The deadline has passed.
    pub(crate) fn end_leases(&mut self, now: i64) {
        for (_, end) in self.others.values_mut() {
            end.get_or_insert(End { is_confirmed: false, at: now });
        }
    }

    fn into_confirmations(self, commit: &Commit) -> Vec<Confirmation> {
        let confirmation = |(id, (name, end)): (InstanceId, (String, Option<End>))| {
            let End { is_confirmed, at } = end?;
            let at = commit.time(at);
            let state = if is_confirmed { ConfirmationState::Confirmed { at } } else { ConfirmationState::LeaseEnded { at } };
            Some(Confirmation { id, name, state })
        };
        self.others.into_iter().filter_map(confirmation).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{change_feed::Renewals, instances::InstanceView, snapshot::Snapshot};

    /// The transaction that is waited for.
    const XID: i64 = 50;

    fn snapshot(contains: bool) -> Snapshot {
        if contains { "60:60:".parse().unwrap() } else { "40:40:".parse().unwrap() }
    }

    fn view(read_began: i64, instances: &[(InstanceId, bool)]) -> InstancesView {
        let instance = |(id, has_applied): &(InstanceId, bool)| InstanceView {
            id: *id,
            name: "web".to_owned(),
            renewals: 0,
            applied: snapshot(*has_applied),
            lag_ms: 0,
        };
        InstancesView { read_began, instances: instances.iter().map(instance).collect() }
    }

    #[test]
    fn a_change_waits_for_every_instance_that_is_registered() {
        let (own, one, two) = (InstanceId::new(), InstanceId::new(), InstanceId::new());
        let mut waiting = Waiting::new(XID, 1000);
        assert!(!waiting.observe(&view(1000, &[(own, false)]), own, 1100), "the read began before the commit");
        assert!(!waiting.observe(&view(1200, &[(own, false), (one, false), (two, true)]), own, 1300));
        assert!(waiting.observe(&view(1400, &[(own, false), (two, true)]), own, 6000));
        let commit = Commit { began: 0, acknowledged: 1000, at: Timestamp(7), xid: Some(XID) };
        let states: Vec<_> = waiting.into_confirmations(&commit).into_iter().map(|confirmation| (confirmation.id, confirmation.state)).collect();
        let expected = [(one, ConfirmationState::LeaseEnded { at: Timestamp(12) }), (two, ConfirmationState::Confirmed { at: Timestamp(7) })];
        assert_eq!(states, expected);
        assert!(Waiting::new(XID, 1000).observe(&view(1001, &[(own, false)]), own, 1002), "there is no other instance");
    }

    #[test]
    fn a_change_waits_no_longer_than_a_lease() {
        let (own, other) = (InstanceId::new(), InstanceId::new());
        let mut waiting = Waiting::new(XID, 1000);
        assert!(!waiting.observe(&view(1001, &[(other, false)]), own, 1002));
        assert_eq!(waiting.deadline(), 1_051_000);
        waiting.end_leases(1_051_000);
        assert!(waiting.observe(&view(1001, &[(other, false)]), own, 1_052_000));
    }

    /// A statement in simulated time, in milliseconds.
    struct Statement<T> {
        began: i64,
        /// When the database executes it.
        executed: i64,
        answered: i64,
        result: Option<T>,
    }

    impl<T> Statement<T> {
        const fn begin(now: i64, duration: i64) -> Self {
            Self { began: now, executed: now + duration / 2, answered: now + duration, result: None }
        }
    }

    /// An instance in simulated time.
    struct Simulated {
        id: InstanceId,
        /// For how long each exchange lasts, and the instance pauses after it.
        turns: Vec<(i64, i64)>,
        turn: usize,
        next: i64,
        /// Finds whether the instance is still registered, and whether the change is visible.
        exchange: Option<Statement<(bool, bool)>>,
        has_applied: bool,
        lease_until: i64,
        // Its row in the database.
        renewals: i64,
        row_has_applied: bool,
        is_ended: bool,
    }

    impl Simulated {
        fn new(turns: Vec<(i64, i64)>) -> Self {
            Self {
                id: InstanceId::new(),
                turns,
                turn: 0,
                next: 0,
                exchange: None,
                has_applied: false,
                lease_until: 0,
                renewals: 0,
                row_has_applied: false,
                is_ended: false,
            }
        }

        fn step(&mut self, now: i64, committed: i64) {
            let (duration, pause) = self.turns[self.turn % self.turns.len()];
            if let Some(exchange) = &mut self.exchange {
                if exchange.result.is_none() && now >= exchange.executed {
                    exchange.result = Some((!self.is_ended, now >= committed));
                    if !self.is_ended {
                        self.renewals += 1;
                        self.row_has_applied = self.has_applied;
                    }
                }
                if now >= exchange.answered
                    && let Some((is_registered, is_visible)) = exchange.result
                {
                    if is_registered {
                        self.has_applied |= is_visible;
                        self.lease_until = self.lease_until.max(exchange.began + LEASE_US / 1000);
                        self.next = now + pause;
                    } else {
                        (self.id, self.renewals, self.is_ended, self.row_has_applied) = (InstanceId::new(), 0, false, false);
                        (self.lease_until, self.next) = (0, now);
                    }
                    (self.exchange, self.turn) = (None, self.turn + 1);
                }
            } else if now >= self.next {
                self.exchange = Some(Statement::begin(now, duration));
            }
        }

        fn row(&self) -> InstanceView {
            InstanceView { id: self.id, name: String::new(), renewals: self.renewals, applied: snapshot(self.row_has_applied), lag_ms: 0 }
        }
    }

    proptest! {
        #[test]
        fn no_instance_with_a_lease_lacks_a_change_that_is_effective(
            instances in prop::collection::vec(prop::collection::vec((1i64..400, 0i64..1500), 1..8), 0..4),
            reads in prop::collection::vec((1i64..300, 0i64..400), 1..8),
            (committed, acknowledged_after) in (1i64..3000, 0i64..100),
        ) {
            let mut instances: Vec<Simulated> = instances.into_iter().map(Simulated::new).collect();
            let (own, mut renewals) = (InstanceId::new(), Renewals::default());
            let acknowledged = committed + acknowledged_after;
            let mut waiting = Waiting::new(XID, acknowledged * 1000);
            // The reads of the instance that waits.
            let (mut read, mut turn, mut next, mut is_effective) = (None::<Statement<Vec<InstanceView>>>, 0, 0, false);
            for now in 0..6000 {
                for instance in &mut instances {
                    instance.step(now, committed);
                }
                if let Some(statement) = &mut read {
                    if statement.result.is_none() && now >= statement.executed {
                        let rows = instances.iter().filter(|instance| !instance.is_ended).map(Simulated::row);
                        statement.result = Some(rows.collect());
                    }
                    if now >= statement.answered && let Some(found) = statement.result.take() {
                        for ended in renewals.ended(&found, own, now * 1000) {
                            let row = instances.iter_mut().find(|instance| instance.id == ended.id && instance.renewals == ended.renewals);
                            if let Some(instance) = row {
                                instance.is_ended = true;
                            }
                        }
                        let view = InstancesView { read_began: statement.began * 1000, instances: found };
                        is_effective |= waiting.observe(&view, own, now * 1000);
                        (read, next) = (None, now + reads[turn % reads.len()].1);
                        turn += 1;
                    }
                } else if now >= next {
                    read = Some(Statement::begin(now, reads[turn % reads.len()].0));
                }
                is_effective |= now * 1000 >= waiting.deadline();
                for instance in &instances {
                    prop_assert!(!is_effective || instance.has_applied || now >= instance.lease_until, "at {now} ms");
                }
            }
            prop_assert!(is_effective);
        }
    }
}
