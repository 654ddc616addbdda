//! Several instances that share a limit, on a simulated database and clock.

use proptest::prelude::*;

use super::{
    share::{Admission, Exchange, Plan, Share, Terms, Uses},
    stored::StoredLimit,
};
use crate::token_window::TokenWindow;

const INSTANCES: usize = 3;
/// Interval between the sweeps of an instance, in milliseconds.
const SWEEP_MS: i64 = 1000;

/// What becomes of the transaction of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Committed,
    RolledBack,
    /// It is committed, but the answer is lost.
    Uncertain,
}

#[derive(Debug, Clone)]
enum Step {
    Request(usize),
    Wait(i64),
    /// The next exchange has this outcome, and takes this many milliseconds.
    Exchange(Outcome, i64),
    /// An instance is killed and started again.
    Crash(usize),
    /// An instance has lost its lease, and gets another id.
    Reset(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![8 => Just(Outcome::Committed), 1 => Just(Outcome::RolledBack), 1 => Just(Outcome::Uncertain)];
    let step = prop_oneof![
        20 => (0..INSTANCES).prop_map(Step::Request),
        6 => (1i64..60).prop_map(Step::Wait),
        1 => (500i64..4000).prop_map(Step::Wait),
        4 => (outcome, 0i64..30).prop_map(|(outcome, ms)| Step::Exchange(outcome, ms)),
        1 => (0..INSTANCES).prop_map(Step::Crash),
        1 => (0..INSTANCES).prop_map(Step::Reset),
    ];
    prop::collection::vec(step, 1..600)
}

#[derive(Default)]
struct Instance {
    id: String,
    /// By how much its clock is ahead.
    offset: i64,
    share: Share,
    /// Requests that wait for the exchange, and those whose exchange has ended, which are repeated.
    waiting: usize,
    ready: usize,
    pending: Option<Pending>,
    swept_at: i64,
}

/// An exchange in progress.
struct Pending {
    outcome: Outcome,
    /// When it has the lock of the row, and when it ends.
    locked_at: i64,
    ended_at: i64,
    plan: Option<Plan>,
}

struct Simulation {
    terms: Terms,
    stored: StoredLimit,
    instances: Vec<Instance>,
    /// How many instances each of them finds.
    count: i64,
    ended: Vec<String>,
    now: i64,
    next: (Outcome, i64),
    /// Times and instances.
    accepted: Vec<(i64, usize)>,
    /// Uses without permits of the instances that were killed.
    lost: i64,
}

impl Simulation {
    fn new(terms: Terms) -> Self {
        let instance = |index: usize| Instance {
            id: format!("ins_{index}"),
            offset: [0, 3_600_000, 77][index],
            share: Share::default(),
            waiting: 0,
            ready: 0,
            pending: None,
            swept_at: 0,
        };
        Self {
            terms,
            stored: StoredLimit::default(),
            instances: (0..INSTANCES).map(instance).collect(),
            count: 3,
            ended: Vec::new(),
            now: 1_000_000,
            next: (Outcome::Committed, 5),
            accepted: Vec::new(),
            lost: 0,
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Request(index) => self.request(index),
            Step::Wait(ms) => (0..ms).for_each(|_| self.pass()),
            Step::Exchange(outcome, ms) => self.next = (outcome, ms),
            Step::Crash(index) => self.crash(index),
            Step::Reset(index) => self.reset(index),
        }
    }

    /// One millisecond passes.
    fn pass(&mut self) {
        self.now += 1;
        for index in 0..INSTANCES {
            (0..std::mem::take(&mut self.instances[index].ready)).for_each(|_| self.request(index));
            self.finish(index);
            let instance = &mut self.instances[index];
            if self.now - instance.swept_at >= SWEEP_MS {
                instance.swept_at = self.now;
                let ticks = self.now + instance.offset;
                if instance.share.is_due(&self.terms, true, ticks) {
                    self.exchange(index);
                }
            }
        }
    }

    fn request(&mut self, index: usize) {
        self.finish(index);
        let (terms, now) = (self.terms, self.now);
        let instance = &mut self.instances[index];
        let ticks = now + instance.offset;
        let must_exchange = match instance.share.admit(&terms, 1, self.count, ticks) {
            Admission::Free => {
                instance.share.add(&terms, 1, ticks);
                self.accepted.push((now, index));
                instance.share.must_exchange(&terms, ticks)
            }
            Admission::Waits => {
                instance.share.wait_for(1, ticks);
                instance.waiting += 1;
                true
            }
            Admission::Full => false,
        };
        if must_exchange {
            self.exchange(index);
        }
    }

    fn exchange(&mut self, index: usize) {
        if self.instances[index].pending.is_none() {
            let (outcome, ms) = std::mem::replace(&mut self.next, (Outcome::Committed, 5));
            let pending = Pending { outcome, locked_at: self.now + ms / 2, ended_at: self.now + ms, plan: None };
            self.instances[index].pending = Some(pending);
        }
    }

    fn plan(&mut self, index: usize, outcome: Outcome) -> Plan {
        let before = self.stored.clone();
        // The clock of the database differs from those of the instances.
        let now = self.now - 500_000;
        self.stored.expire(now, &self.terms);
        for id in &self.ended {
            self.stored.end_instance(id, now, &self.terms);
        }
        let instance = &mut self.instances[index];
        let ticks = self.now + instance.offset;
        let exchange = Exchange { own: &instance.id, now, read_began: ticks, ticks, instances: self.count, is_last: false };
        let plan = instance.share.plan(&self.terms, &mut self.stored, &exchange, true);
        if outcome == Outcome::RolledBack {
            self.stored = before;
        }
        plan
    }

    /// Continues an exchange.
    fn finish(&mut self, index: usize) {
        let now = self.now;
        let Some(mut pending) = self.instances[index].pending.take_if(|pending| pending.locked_at <= now) else { return };
        let plan = pending.plan.take().unwrap_or_else(|| self.plan(index, pending.outcome));
        let instance = &mut self.instances[index];
        if pending.ended_at > now {
            instance.pending = Some(Pending { plan: Some(plan), ..pending });
            return;
        }
        instance.share.apply(plan, pending.outcome == Outcome::Committed, now + instance.offset);
        instance.share.end_waits();
        instance.ready += std::mem::take(&mut instance.waiting);
    }

    fn crash(&mut self, index: usize) {
        let (terms, now) = (self.terms, self.now);
        let instance = &mut self.instances[index];
        let permits = self.stored.taken_from("") - self.stored.taken_from(&instance.id);
        let used = instance.share.used(&terms, now + instance.offset);
        self.lost += (used - permits).clamp(0, terms.tolerance(self.count));
        instance.share = Share::default();
        (instance.waiting, instance.ready) = (0, 0);
        self.end(index);
    }

    fn reset(&mut self, index: usize) {
        let (terms, now) = (self.terms, self.now);
        let instance = &mut self.instances[index];
        instance.share.reset(&terms, now + instance.offset);
        self.end(index);
    }

    /// Gives an instance another id.
    fn end(&mut self, index: usize) {
        let id = format!("ins_{}", self.ended.len() + INSTANCES);
        let instance = &mut self.instances[index];
        if instance.pending.take().is_some() {
            // The requests that wait for it get an error.
            instance.waiting = 0;
        }
        self.ended.push(std::mem::replace(&mut instance.id, id));
    }

    /// The most that was accepted in any span of the duration.
    fn most(&self) -> i64 {
        let duration_ms = self.terms.duration_ms.unwrap();
        let in_span = |end: i64| self.accepted.iter().filter(|(at, _)| *at <= end && *at > end - duration_ms).count();
        let most = self.accepted.iter().map(|(at, _)| in_span(*at)).max();
        i64::try_from(most.unwrap_or(0)).unwrap()
    }
}

proptest! {
    #[test]
    fn instances_together_never_exceed_a_strict_limit(
        steps in steps(), limit in 1i64..60, duration_ms in prop_oneof![100i64..5000, Just(90_000)],
    ) {
        let mut simulation = Simulation::new(Terms { limit, duration_ms: Some(duration_ms), is_strict: true });
        for step in &steps {
            simulation.take(step);
        }
        prop_assert!(simulation.most() <= limit, "{} of {limit}", simulation.most());
    }

    #[test]
    fn instances_together_exceed_other_limits_by_1_percent(
        steps in steps(), limit in 100i64..1200, duration_ms in prop_oneof![1000i64..5000, Just(90_000)],
    ) {
        let mut simulation = Simulation::new(Terms { limit, duration_ms: Some(duration_ms), is_strict: false });
        for step in &steps {
            simulation.take(step);
            // Ten times the limit.
            (0..INSTANCES * 4).for_each(|index| simulation.request(index % INSTANCES));
        }
        let most = limit + limit / 100 + simulation.lost;
        prop_assert!(simulation.most() <= most, "{} of {limit}, {} lost", simulation.most(), simulation.lost);
    }

    #[test]
    fn concurrent_callers_use_up_a_limit(
        order in prop::collection::vec((0..INSTANCES, 0..8), 0..500), limit in 1i64..60, instances in 2..=INSTANCES, count in 1i64..4,
    ) {
        let mut simulation = Simulation::new(Terms { limit, duration_ms: Some(60_000), is_strict: true });
        simulation.count = count;
        // Each instance has enough callers for the whole limit.
        let mut callers = [limit; INSTANCES];
        let rest = (0..200).flat_map(|_| (0..INSTANCES).flat_map(|index| [(index, 7), (index, 0)]));
        for (index, action) in order.into_iter().chain(rest) {
            let index = index % instances;
            match action {
                0 => simulation.pass(),
                // Another limit of the key is exchanged.
                1 => {
                    simulation.next = (Outcome::Committed, 0);
                    simulation.exchange(index);
                }
                2..5 => {
                    let instance = &mut simulation.instances[index];
                    if let Some(ready) = instance.ready.checked_sub(1) {
                        instance.ready = ready;
                        simulation.request(index);
                    }
                }
                _ if callers[index] > 0 => {
                    callers[index] -= 1;
                    simulation.request(index);
                }
                _ => {}
            }
        }
        prop_assert_eq!(simulation.most(), limit);
    }
}

/// Requests at all these instances in turn. Returns how many were accepted.
fn load(simulation: &mut Simulation, instances: &[usize], ms: i64) -> usize {
    let before = simulation.accepted.len();
    for _ in 0..ms {
        for index in instances {
            simulation.request(*index);
        }
        simulation.pass();
    }
    simulation.accepted.len() - before
}

#[test]
fn a_caller_that_waits_twice_is_granted_one_permit() {
    let mut simulation = Simulation::new(Terms { limit: 15, duration_ms: Some(60_000), is_strict: true });
    (0..2).for_each(|_| simulation.request(0));
    load(&mut simulation, &[], 3);
    // The first exchange is already planned.
    (0..2).for_each(|_| simulation.request(0));
    load(&mut simulation, &[], 20);
    assert_eq!(simulation.accepted.len(), 4);
    assert_eq!(load(&mut simulation, &[1], 100), 11);
}

#[test]
fn leases_that_are_lost_do_not_raise_a_limit() {
    let mut simulation = Simulation::new(Terms { limit: 1000, duration_ms: Some(60_000), is_strict: false });
    for _ in 0..400 {
        simulation.request(0);
        load(&mut simulation, &[], 10);
        // The database is lost: what is used from now on has no permits.
        simulation.next = (Outcome::RolledBack, 5);
        load(&mut simulation, &[0; 20], 1);
        simulation.reset(0);
    }
    load(&mut simulation, &[1], 1000);
    assert!((1000..=1010).contains(&simulation.most()), "{}", simulation.most());
}

#[test]
fn tokens_and_open_calls_still_count_after_a_lost_lease() {
    let tokens = Terms { limit: 100, duration_ms: Some(60_000), is_strict: true };
    for (uses, terms, amount) in [(Uses::Tokens(TokenWindow::default()), tokens, 70), (Uses::Calls(0), Terms { duration_ms: None, ..tokens }, 3)] {
        let mut share = Share::of(uses);
        share.add(&terms, amount, 1000);
        share.reset(&terms, 2000);
        assert_eq!(share.used(&terms, 2000), amount);
    }
    let mut unused = Share::of(Uses::Tokens(TokenWindow::default()));
    unused.reset(&tokens, 2000);
    assert_eq!(unused.state(&tokens, 2000).reset_ms, 0);
}

#[test]
fn no_caller_is_refused_while_permits_are_given_back() {
    let terms = Terms { limit: 1, duration_ms: None, is_strict: true };
    let (mut share, mut stored) = (Share::of(Uses::Calls(0)), StoredLimit::default());
    let mut plan = |share: &mut Share, ticks| {
        let exchange = Exchange { own: "a", now: 0, read_began: ticks, ticks, instances: 1, is_last: false };
        share.plan(&terms, &mut stored, &exchange, true)
    };
    share.wait_for(1, 0);
    let granted = plan(&mut share, 0);
    share.apply(granted, true, 0);
    assert_eq!(share.admit(&terms, 1, 1, 0), Admission::Free);
    share.add(&terms, 1, 0);
    assert_eq!(share.admit(&terms, 1, 1, 10), Admission::Full);
    share.settle(0, 0, 10);
    let given_back = plan(&mut share, 10);
    assert_eq!(share.admit(&terms, 1, 1, 10), Admission::Waits);
    share.apply(given_back, true, 10);
    assert_eq!(share.admit(&terms, 1, 1, 10), Admission::Waits);
}

#[test]
fn a_limit_is_used_up_by_all_instances_or_by_one() {
    for (limit, duration_ms) in [(10, 1000), (100, 10_000), (1000, 10_000), (600, 60_000)] {
        for is_strict in [true, false] {
            let mut simulation = Simulation::new(Terms { limit, duration_ms: Some(duration_ms), is_strict });
            let expected = usize::try_from(limit).unwrap();
            for instances in [&[0, 1, 2][..], &[1], &[0, 2]] {
                // Until the others have given back what they do not use.
                load(&mut simulation, instances, duration_ms.max(4000));
                let accepted = load(&mut simulation, instances, 3 * duration_ms);
                let text = format!("{accepted} of 3 times {limit} in {duration_ms} ms by {instances:?}");
                assert!(accepted >= expected * 3 * 8 / 10, "{text}");
            }
            assert!(simulation.most() <= limit + if is_strict { 0 } else { limit / 100 }, "{}", simulation.most());
        }
    }
}

#[test]
fn an_instance_that_needs_more_gets_its_part() {
    let mut simulation = Simulation::new(Terms { limit: 30, duration_ms: Some(1000), is_strict: true });
    load(&mut simulation, &[0], 2000);
    load(&mut simulation, &[0, 1, 2], 3000);
    simulation.accepted.clear();
    load(&mut simulation, &[0, 1, 2], 3000);
    let accepted = [0, 1, 2].map(|index| simulation.accepted.iter().filter(|(_, by)| *by == index).count());
    assert!(accepted.iter().all(|count| (20..=40).contains(count)), "{accepted:?}");
}

#[test]
fn idle_permits_are_back_within_seconds() {
    let mut simulation = Simulation::new(Terms { limit: 100, duration_ms: Some(60_000), is_strict: true });
    let first = load(&mut simulation, &[0], 20);
    assert!(first >= 10);
    load(&mut simulation, &[], 4000);
    assert!(simulation.stored.instances().next().is_none(), "uses are reported, and nothing is held");
    assert_eq!(load(&mut simulation, &[1], 1000), 100 - first);
}

#[test]
fn a_killed_instance_loses_little_of_a_long_limit() {
    let mut simulation = Simulation::new(Terms { limit: 10_000, duration_ms: Some(86_400_000), is_strict: false });
    let first = load(&mut simulation, &[0], 2000);
    simulation.crash(0);
    let second = load(&mut simulation, &[1], 20_000);
    let lost = 10_000 - i64::try_from(first + second).unwrap();
    assert!((-100..=200).contains(&lost), "{lost}");
}
