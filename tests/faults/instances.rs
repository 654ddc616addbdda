//! Keys are revoked on three instances while one of them is killed, frozen or cut off from the database, or while the database is slow, and with
//! clocks an hour apart: no call that begins after the revocation has returned finds the key valid, on any instance.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use latchkey_crypto::random;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

use super::{
    cluster::Cluster,
    report::{figure, is_long, scaled},
    workload::sha256,
};
use crate::support::{ApiClient, eventually, text, unix_ms};

/// Callers that revoke at the same time.
const REVOKERS: usize = 4;
/// Callers that verify on each instance.
const VERIFIERS: usize = 2;
/// Over which the revocations of a round are spread, if they do not wait.
const SPREAD: Duration = Duration::from_millis(3500);
/// For how long a fault lasts, in milliseconds: less and more than a lease.
const FAULT_MS: (i64, i64) = (700, 3000);
const ROUND_TRIP: Duration = Duration::from_millis(200);
/// Goals: how long a revocation takes at most, in one of two, and in 99 of 100 without and with an instance that does not answer.
const MEDIAN: Duration = Duration::from_millis(20);
const P99: Duration = Duration::from_millis(100);
const P99_BESIDE_A_FAULT: Duration = Duration::from_millis(1200);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Killed,
    Frozen,
    CutOff,
    Slow,
}

/// Rounds of one kind.
struct Turn {
    fault: Fault,
    /// The end of the figure's name.
    name: &'static str,
    rounds: usize,
    /// Revocations in a round.
    keys: usize,
}

impl Turn {
    /// Together 10,000 revocations in the long form.
    fn all() -> [Self; 5] {
        let turn = |fault, name, (rounds, keys)| Self { fault, name, rounds, keys };
        [
            turn(Fault::None, "all running", scaled((1, 60), (16, 250))),
            turn(Fault::Killed, "one killed", scaled((1, 32), (34, 60))),
            turn(Fault::Frozen, "one frozen", scaled((1, 32), (34, 60))),
            turn(Fault::CutOff, "one cut off from the database", scaled((1, 32), (30, 60))),
            turn(Fault::Slow, "200 ms from the database", scaled((1, 8), (6, 20))),
        ]
    }

    /// Between the revocations of one caller, so that they are spread over the fault.
    fn pause(&self) -> Duration {
        match self.fault {
            Fault::None => Duration::from_millis(20),
            Fault::Slow => Duration::ZERO,
            Fault::Killed | Fault::Frozen | Fault::CutOff => SPREAD * u32::try_from(REVOKERS).unwrap() / u32::try_from(self.keys).unwrap(),
        }
    }
}

struct Key {
    id: String,
    secret: String,
    /// Whether its revocation has returned.
    is_revoked: AtomicBool,
}

/// The answer to a verify call.
enum Answer {
    Valid,
    Refused,
    /// 503: the instance has no lease.
    Unavailable,
    /// The instance is killed or frozen.
    None,
}

/// What was observed in a turn.
#[derive(Default)]
struct Observed {
    /// Calls that began after a revocation had returned: refused, 503, and without an answer.
    refused: AtomicU64,
    unavailable: AtomicU64,
    unanswered: AtomicU64,
    /// Those that found the key valid.
    wrong: AtomicU64,
    /// Revocations that failed: their keys are not checked.
    failed: AtomicU64,
    /// Times of the revocations.
    times: Mutex<Vec<Duration>>,
}

/// The keys that are revoked in a round.
struct Round {
    cluster: Arc<Cluster>,
    keys: Vec<Key>,
    next: AtomicUsize,
    is_over: AtomicBool,
    /// The number of the instance that has the fault.
    victim: Option<usize>,
    observed: Arc<Observed>,
}

impl Round {
    /// Imports keys, which each instance then has cached.
    async fn prepare(cluster: &Arc<Cluster>, count: usize, victim: Option<usize>, observed: &Arc<Observed>) -> Self {
        let secrets: Vec<String> = (0..count).map(|_| format!("imported {}", random::number(0, i64::MAX - 1))).collect();
        let imports: Vec<Value> = secrets.iter().map(|secret| json!({ "name": "revoked", "sha256": sha256(secret) })).collect();
        let (status, imported) = cluster.instances[0].api.post("/keys/import", json!({ "keys": imports })).await;
        assert_eq!(status, StatusCode::CREATED, "{imported}");
        let ids = imported["items"].as_array().unwrap().iter().map(|key| text(&key["id"]));
        let keys: Vec<Key> = ids.zip(secrets).map(|(id, secret)| Key { id, secret, is_revoked: AtomicBool::new(false) }).collect();
        let calls = json!({ "keys": keys.iter().map(|key| json!({ "key": key.secret })).collect::<Vec<_>>() });
        for instance in &cluster.instances {
            eventually("the keys are valid", async || {
                let (_, verdicts) = instance.api.post("/verify-batch", calls.clone()).await;
                verdicts["items"].as_array().is_some_and(|items| items.len() == count && items.iter().all(|verdict| verdict["code"] == "VALID"))
            })
            .await;
        }
        Self {
            cluster: Arc::clone(cluster),
            keys,
            next: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            victim,
            observed: Arc::clone(observed),
        }
    }

    /// Revokes the keys of the round, each on an instance without a fault.
    async fn revoke(self: Arc<Self>, pause: Duration) {
        let mut checks = JoinSet::new();
        loop {
            let index = self.next.fetch_add(1, Ordering::SeqCst);
            let Some(key) = self.keys.get(index) else { break };
            let started = Instant::now();
            if revoke(self.healthy(), &key.id, index).await {
                self.observed.times.lock().unwrap_or_else(PoisonError::into_inner).push(started.elapsed());
                key.is_revoked.store(true, Ordering::SeqCst);
                for instance in 0..self.cluster.instances.len() {
                    let round = Arc::clone(&self);
                    checks.spawn(async move { round.verify(instance, index).await });
                }
            } else {
                self.observed.failed.fetch_add(1, Ordering::SeqCst);
            }
            sleep(pause).await;
        }
        while let Some(checked) = checks.join_next().await {
            checked.unwrap();
        }
    }

    /// Verifies keys of the round, revoked or not, until it is over.
    async fn load(self: Arc<Self>, instance: usize) {
        while !self.is_over.load(Ordering::SeqCst) {
            let last = i64::try_from(self.keys.len()).unwrap() - 1;
            self.verify(instance, usize::try_from(random::number(0, last)).unwrap()).await;
            // Real time: the machine has to run everything else too.
            sleep(Duration::from_millis(scaled(20, 4))).await;
        }
    }

    async fn verify(&self, instance: usize, index: usize) {
        let key = &self.keys[index];
        // Read before the call begins.
        let is_revoked = key.is_revoked.load(Ordering::SeqCst);
        let answer = verify(&self.cluster.instances[instance].api, &key.secret).await;
        if !is_revoked {
            return;
        }
        let count = match answer {
            Answer::Valid => &self.observed.wrong,
            Answer::Refused => &self.observed.refused,
            Answer::Unavailable => &self.observed.unavailable,
            Answer::None => &self.observed.unanswered,
        };
        count.fetch_add(1, Ordering::SeqCst);
    }

    /// A random instance without a fault.
    fn healthy(&self) -> &ApiClient {
        let healthy: Vec<_> = (0..self.cluster.instances.len()).filter(|number| self.victim != Some(*number)).collect();
        let last = i64::try_from(healthy.len()).unwrap() - 1;
        &self.cluster.instances[healthy[usize::try_from(random::number(0, last)).unwrap()]].api
    }

    /// Runs the fault. It begins and ends while keys are revoked, except that a slow database stays slow until the end of the round.
    async fn run(self: Arc<Self>, fault: Fault, pause: Duration) {
        let (mut revokers, mut verifiers) = (JoinSet::new(), JoinSet::new());
        for instance in 0..self.cluster.instances.len() {
            for _ in 0..VERIFIERS {
                verifiers.spawn(Arc::clone(&self).load(instance));
            }
        }
        if fault == Fault::Slow {
            self.begin(fault);
        }
        for _ in 0..REVOKERS {
            revokers.spawn(Arc::clone(&self).revoke(pause));
        }
        if self.victim.is_some() {
            // Real time: any moment.
            sleep(Duration::from_millis(random::number(0, 300).unsigned_abs())).await;
            self.begin(fault);
            sleep(Duration::from_millis(random::number(FAULT_MS.0, FAULT_MS.1).unsigned_abs())).await;
            self.end(fault);
        }
        while let Some(revoked) = revokers.join_next().await {
            revoked.unwrap();
        }
        if fault == Fault::Slow {
            self.end(fault);
        }
        self.cluster.ready().await;
        self.is_over.store(true, Ordering::SeqCst);
        while let Some(verified) = verifiers.join_next().await {
            verified.unwrap();
        }
    }

    fn begin(&self, fault: Fault) {
        let victim = self.victim.map(|number| &self.cluster.instances[number]);
        match (fault, victim) {
            (Fault::Killed, Some(victim)) => victim.kill(),
            (Fault::Frozen, Some(victim)) => victim.signal("-STOP"),
            (Fault::CutOff, Some(victim)) => victim.namespace.as_ref().unwrap().cut(),
            _ => self.set_round_trip(ROUND_TRIP),
        }
    }

    fn end(&self, fault: Fault) {
        let victim = self.victim.map(|number| &self.cluster.instances[number]);
        match (fault, victim) {
            (Fault::Killed, Some(victim)) => victim.start(),
            (Fault::Frozen, Some(victim)) => victim.signal("-CONT"),
            (Fault::CutOff, Some(victim)) => victim.namespace.as_ref().unwrap().mend(),
            _ => self.set_round_trip(Duration::ZERO),
        }
    }

    fn set_round_trip(&self, time: Duration) {
        for instance in &self.cluster.instances {
            instance.network.set_round_trip(time);
        }
    }
}

/// Deletes, disables or rotates a key. Returns whether that was acknowledged.
async fn revoke(api: &ApiClient, id: &str, index: usize) -> bool {
    let request = match index % 3 {
        0 => api.request(Method::DELETE, &format!("/keys/{id}")),
        1 => api.request(Method::POST, &format!("/keys/{id}/disable")).json(&json!({})),
        _ => api.request(Method::POST, &format!("/keys/{id}/rotate")).json(&json!({ "grace_seconds": 0 })),
    };
    let Ok(response) = request.send().await else { return false };
    let status = response.status();
    assert!(status.is_success() || status.is_server_error(), "{status}");
    status.is_success()
}

async fn verify(api: &ApiClient, secret: &str) -> Answer {
    let sent = api.request(Method::POST, "/verify").json(&json!({ "key": secret })).send().await;
    let Ok(response) = sent else { return Answer::None };
    match response.status() {
        StatusCode::OK => {
            let Ok(verdict) = response.json::<Value>().await else { return Answer::None };
            if verdict["code"] == "VALID" { Answer::Valid } else { Answer::Refused }
        }
        StatusCode::SERVICE_UNAVAILABLE => Answer::Unavailable,
        status => panic!("{status}"),
    }
}

/// The number of the instance that has the fault in this round. `None` if it is not one, or if none can have it.
fn victim(cluster: &Cluster, fault: Fault, round: usize) -> Option<usize> {
    match fault {
        Fault::None | Fault::Slow => None,
        Fault::Killed | Fault::Frozen => Some(round % cluster.instances.len()),
        Fault::CutOff => cluster.instances.iter().position(|instance| instance.namespace.is_some()),
    }
}

async fn run(cluster: &Arc<Cluster>, turn: &Turn) -> Observed {
    let observed = Arc::<Observed>::default();
    for number in 0..turn.rounds {
        let round = Round::prepare(cluster, turn.keys, victim(cluster, turn.fault, number), &observed).await;
        Arc::new(round).run(turn.fault, turn.pause()).await;
        let wrong = observed.wrong.load(Ordering::SeqCst);
        assert_eq!(wrong, 0, "{:?}, round {number}: a revoked key was valid", turn.fault);
    }
    Arc::into_inner(observed).unwrap()
}

impl Observed {
    /// Prints the figure. The long form, which has the machine to itself, also checks the times.
    fn report(self, turn: &Turn) {
        let [refused, unavailable, unanswered, failed] =
            [self.refused, self.unavailable, self.unanswered, self.failed].map(|count| count.load(Ordering::SeqCst));
        let mut times = self.times.into_inner().unwrap_or_else(PoisonError::into_inner);
        times.sort_unstable();
        // Writers wait for each other, which takes long while the database is slow.
        let least = if turn.fault == Fault::Slow { 1 } else { turn.rounds * turn.keys / 2 };
        assert!(times.len() >= least, "{:?}: {failed} revocations failed", turn.fault);
        assert!(refused >= u64::try_from(times.len()).unwrap(), "{:?}: only {refused} calls were refused", turn.fault);
        let (median, p99, slowest) = (times[times.len() / 2], times[times.len() * 99 / 100], times[times.len() - 1]);
        if is_long() {
            match turn.fault {
                Fault::None => assert!(median <= MEDIAN && p99 <= P99 && failed == 0, "{median:?} {p99:?} {failed}"),
                Fault::Killed | Fault::Frozen | Fault::CutOff => assert!(p99 <= P99_BESIDE_A_FAULT, "{:?}: {p99:?}", turn.fault),
                Fault::Slow => {}
            }
        }
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        figure(
            &format!("revocations on three instances, {}", turn.name),
            format_args!(
                "{} revocations, p50 {:.1} ms, p99 {:.1} ms, at most {:.0} ms, {failed} answered 5xx; calls that began after the return: 0 VALID, \
                 {refused} refused, {unavailable} answered 503, {unanswered} without an answer",
                times.len(),
                ms(median),
                ms(p99),
                ms(slowest),
            ),
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_valid_on_no_instance_whatever_fails() {
    let cluster = Arc::new(Cluster::start_apart().await);
    check_clocks(&cluster).await;
    for turn in Turn::all() {
        if turn.fault == Fault::CutOff && victim(&cluster, turn.fault, 0).is_none() {
            continue;
        }
        run(&cluster, &turn).await.report(&turn);
    }
    cluster.installation.admin(&["verify-audit"], "");
}

/// Checks that the clocks of the instances are an hour apart.
async fn check_clocks(cluster: &Cluster) {
    let mut times = Vec::new();
    for instance in &cluster.instances {
        let (status, created) = instance.api.post("/keys", json!({ "kind": "client", "name": "clock" })).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        times.push(unix_ms(&created["key"]["created_at"]));
    }
    let minutes = |number: usize| (times[number] - times[0]) / 60_000;
    assert!((59..=60).contains(&minutes(1)) && (-60..=-59).contains(&minutes(2)), "{times:?}");
}
