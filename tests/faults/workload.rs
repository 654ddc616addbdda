//! Clients that change keys at random and record what the server acknowledged, and the check of it after a fault.

use std::{
    array,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use latchkey_crypto::random;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::AnyPool;
use tokio::task::{JoinHandle, JoinSet};

use super::{
    installation::Clients,
    revocations::{Revocations, Revoker},
};
use crate::support::{ApiClient, text};

/// After this time a request counts as lost. Longer than the server waits for anything.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Keys per call of `verify-batch`, so that the body stays small.
const BATCH: usize = 100;

/// What became of a request.
pub enum Outcome {
    /// Acknowledged, with the body.
    Done(Value),
    /// 4xx: certainly not executed.
    Refused(StatusCode, Value),
    /// 5xx: it is not certain whether it was executed.
    Failed(StatusCode),
    /// No answer, because the server was killed.
    Lost,
}

/// State that all clients of a load share.
#[derive(Default)]
pub struct Shared {
    /// Set just before the server is killed: before that, no request may stay unanswered.
    killed: AtomicBool,
    pub acknowledged: AtomicU64,
    pub failed: AtomicU64,
}

impl Shared {
    pub async fn send(&self, request: RequestBuilder) -> Outcome {
        let outcome = self.outcome(request).await;
        match outcome {
            Outcome::Done(_) => self.acknowledged.fetch_add(1, Ordering::SeqCst),
            Outcome::Failed(_) => self.failed.fetch_add(1, Ordering::SeqCst),
            Outcome::Refused(..) | Outcome::Lost => 0,
        };
        outcome
    }

    async fn outcome(&self, request: RequestBuilder) -> Outcome {
        let response = match request.timeout(ANSWER_LIMIT).send().await {
            Ok(response) => response,
            Err(error) => return self.lost(&error),
        };
        let status = response.status();
        match response.bytes().await {
            Err(error) => self.lost(&error),
            Ok(_) if status.is_server_error() => Outcome::Failed(status),
            Ok(body) => {
                let body = serde_json::from_slice(&body).unwrap_or_default();
                if status.is_success() { Outcome::Done(body) } else { Outcome::Refused(status, body) }
            }
        }
    }

    fn lost(&self, error: &reqwest::Error) -> Outcome {
        assert!(self.killed.load(Ordering::SeqCst), "no answer from a running server: {error:?}");
        Outcome::Lost
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Active,
    Disabled,
    Deleted,
}

struct Key {
    id: String,
    secret: String,
    name: String,
    state: State,
    /// Whether a change was acknowledged since the last check.
    is_changed: bool,
    /// Whether a change of it has an uncertain outcome: it is not checked.
    is_uncertain: bool,
}

/// A `POST /keys` without an acknowledgement, which is repeated with its idempotency key.
struct Creation {
    idempotency_key: String,
    name: String,
}

/// Keys that one request imported, all or none.
struct Import {
    secrets: Vec<String>,
    is_acknowledged: bool,
}

/// A key with credits, whose usage is counted too. Only its worker verifies it.
struct Budget {
    id: String,
    secret: String,
    /// Upper bound of the credits since `spent` was zero.
    granted: i64,
    /// Cost of the acknowledged VALID verdicts.
    spent: i64,
    /// Stored usage when the server was started.
    counted_before: i64,
    /// Verify calls sent since then.
    sent: i64,
    /// When each VALID verdict since then arrived, in order.
    valid: Vec<Instant>,
}

/// One client. It has its own keys and sends one request at a time, except verify calls.
struct Worker {
    number: usize,
    clients: Clients,
    shared: Arc<Shared>,
    is_lost: bool,
    names: u32,
    keys: Vec<Key>,
    creations: Vec<Creation>,
    imports: Vec<Import>,
    /// Secrets that must be rejected: of deleted keys, and replaced ones.
    rejected: Vec<String>,
    /// How many of `imports` and `rejected` were checked before.
    checked: (usize, usize),
    budget: Budget,
}

/// The clients, between two runs.
pub struct Workload {
    workers: Vec<Worker>,
    revocations: Revocations,
}

/// The clients while they send requests.
pub struct Load {
    pub shared: Arc<Shared>,
    workers: JoinSet<Worker>,
    revoker: JoinHandle<Revocations>,
}

/// How old the oldest lost usage may be.
#[derive(Clone, Copy)]
pub enum UsageLoss {
    AtMost(Duration),
    /// The database could not be written.
    Any,
}

impl Workload {
    pub async fn create(clients: &Clients, workers: usize) -> Self {
        let revocations = Revocations::create(clients).await;
        let mut created = Vec::new();
        for number in 0..workers {
            created.push(Worker::create(number, clients.clone()).await);
        }
        Self { workers: created, revocations }
    }

    /// Starts to send requests to the server of these clients, until it is killed.
    pub fn start(self, clients: &Clients) -> Load {
        let shared = Arc::<Shared>::default();
        let mut workers = JoinSet::new();
        for mut worker in self.workers {
            (worker.clients, worker.shared, worker.is_lost) = (clients.clone(), Arc::clone(&shared), false);
            workers.spawn(worker.run());
        }
        let revoker = Revoker { clients: clients.clone(), shared: Arc::clone(&shared), revocations: self.revocations };
        Load { shared, workers, revoker: tokio::spawn(revoker.run()) }
    }

    /// Compares the stored usage with the calls before the server was killed. Returns the age of the oldest call that is not counted.
    pub async fn check_usage(&mut self, database: &AnyPool, killed_at: Instant, loss: UsageLoss) -> Duration {
        let mut oldest = Duration::ZERO;
        for worker in &mut self.workers {
            let stored = worker.stored_usage(database).await;
            let age = worker.budget.compare_usage(stored, killed_at);
            if let UsageLoss::AtMost(limit) = loss {
                assert!(age <= limit, "a verify call of {age:?} before the kill is not counted");
            }
            oldest = oldest.max(age);
        }
        oldest
    }

    /// Checks every acknowledged change since the last check, or since the beginning, on a server that was started again.
    pub async fn check(&mut self, clients: &Clients, since_beginning: bool) {
        for worker in &mut self.workers {
            worker.clients = clients.clone();
            worker.check(since_beginning).await;
        }
        let revoked = self.revocations.tokens(since_beginning).into_iter().map(|token| (token, "NOT_FOUND", "a revoked key"));
        assert_verdicts(&clients.api, revoked.collect()).await;
    }

    /// Acknowledged revocations of project keys.
    pub fn revoked(&self) -> usize {
        self.revocations.count()
    }
}

impl Load {
    /// Calls `kill`, which must kill the server with SIGKILL, and waits for the clients. Returns when it was killed.
    pub async fn end(mut self, kill: impl FnOnce()) -> (Workload, Instant) {
        self.shared.killed.store(true, Ordering::SeqCst);
        let killed_at = Instant::now();
        kill();
        let mut workers = Vec::new();
        while let Some(worker) = self.workers.join_next().await {
            workers.push(worker.unwrap());
        }
        (Workload { workers, revocations: self.revoker.await.unwrap() }, killed_at)
    }
}

impl Worker {
    async fn create(number: usize, clients: Clients) -> Self {
        let credits = json!({ "kind": "client", "name": format!("budget {number}"), "credits": { "remaining": 100 } });
        let (status, created) = clients.api.post("/keys", credits).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        let (id, secret) = (text(&created["key"]["id"]), text(&created["secret"]));
        Self {
            number,
            clients,
            shared: Arc::default(),
            is_lost: false,
            names: 0,
            keys: Vec::new(),
            creations: Vec::new(),
            imports: Vec::new(),
            rejected: Vec::new(),
            checked: (0, 0),
            budget: Budget { id, secret, granted: 100, spent: 0, counted_before: 0, sent: 0, valid: Vec::new() },
        }
    }

    async fn run(mut self) -> Self {
        while !self.is_lost {
            match random::number(0, 11) {
                0 | 1 => self.create_client_key().await,
                2 => self.create_agent_key().await,
                3 => self.rename().await,
                4 => self.set_state(State::Active, State::Disabled).await,
                5 => self.set_state(State::Disabled, State::Active).await,
                6 => self.set_state(State::Active, State::Deleted).await,
                7 => self.rotate().await,
                8 => self.import().await,
                9 => self.set_credits().await,
                _ => self.spend().await,
            }
        }
        self
    }

    /// Sends a change. `None` if its outcome is uncertain.
    async fn change(&mut self, request: RequestBuilder) -> Option<Value> {
        match self.shared.send(request).await {
            Outcome::Done(body) => Some(body),
            Outcome::Refused(status, problem) => panic!("{status}: {problem}"),
            Outcome::Failed(_) => None,
            Outcome::Lost => {
                self.is_lost = true;
                None
            }
        }
    }

    /// A new name. All have the same length, so that none contains another.
    fn new_name(&mut self) -> String {
        self.names += 1;
        format!("worker {:02} key {:08}", self.number, self.names)
    }

    async fn create_client_key(&mut self) {
        let name = self.new_name();
        let creation = Creation { idempotency_key: name.replace(' ', "-"), name };
        let request = creation.request(&self.clients.api);
        match self.change(request).await {
            Some(created) => self.add_key(&created, creation.name),
            None => self.creations.push(creation),
        }
    }

    async fn create_agent_key(&mut self) {
        let name = self.new_name();
        let request = self.clients.owner.function("keys/create", &json!({ "request": { "kind": "agent", "name": name } }));
        if let Some(created) = self.change(request).await {
            self.add_key(&created, name);
        }
    }

    fn add_key(&mut self, created: &Value, name: String) {
        let (id, secret) = (text(&created["key"]["id"]), text(&created["secret"]));
        self.keys.push(Key { id, secret, name, state: State::Active, is_changed: true, is_uncertain: false });
    }

    /// A random key in this state.
    fn pick(&self, state: State) -> Option<usize> {
        let keys: Vec<usize> = (0..self.keys.len()).filter(|index| self.keys[*index].state == state && !self.keys[*index].is_uncertain).collect();
        let last = i64::try_from(keys.len()).unwrap() - 1;
        (last >= 0).then(|| keys[usize::try_from(random::number(0, last)).unwrap()])
    }

    /// Sends a change of a key. `None` if its outcome is uncertain.
    async fn change_key(&mut self, index: usize, request: RequestBuilder) -> Option<(&mut Key, Value)> {
        let answer = self.change(request).await;
        let key = &mut self.keys[index];
        key.is_changed = answer.is_some();
        key.is_uncertain = answer.is_none();
        answer.map(|body| (key, body))
    }

    async fn rename(&mut self) {
        let Some(index) = self.pick(State::Active) else { return self.create_client_key().await };
        let (name, id) = (self.new_name(), self.keys[index].id.clone());
        let patch = json!({ "name": name });
        let request = if over_rest() {
            self.clients.api.request(Method::PATCH, &format!("/keys/{id}")).json(&patch)
        } else {
            self.clients.owner.function("keys/edit", &json!({ "id": id, "patch": patch }))
        };
        if let Some((key, _)) = self.change_key(index, request).await {
            key.name = name;
        }
    }

    async fn set_state(&mut self, from: State, to: State) {
        let Some(index) = self.pick(from) else { return self.create_client_key().await };
        let path = format!("/keys/{}", self.keys[index].id);
        let api = &self.clients.api;
        let action = match to {
            State::Active => "enable",
            State::Disabled => "disable",
            State::Deleted => "delete",
        };
        let request = match (over_rest(), to) {
            (true, State::Deleted) => api.request(Method::DELETE, &path),
            (true, _) => api.request(Method::POST, &format!("{path}/{action}")).json(&json!({})),
            (false, _) => self.clients.owner.function("keys/bulk", &json!({ "action": action, "ids": [self.keys[index].id] })),
        };
        if let Some((key, _)) = self.change_key(index, request).await {
            key.state = to;
            if to == State::Deleted {
                let secret = key.secret.clone();
                self.rejected.push(secret);
            }
        }
    }

    async fn rotate(&mut self) {
        let Some(index) = self.pick(State::Active) else { return self.create_agent_key().await };
        let id = &self.keys[index].id;
        let request = if over_rest() {
            self.clients.api.request(Method::POST, &format!("/keys/{id}/rotate")).json(&json!({ "grace_seconds": 0 }))
        } else {
            self.clients.owner.function("keys/rotate", &json!({ "id": id, "grace_seconds": 0 }))
        };
        if let Some((key, rotated)) = self.change_key(index, request).await {
            let replaced = std::mem::replace(&mut key.secret, text(&rotated["secret"]));
            self.rejected.push(replaced);
        }
    }

    async fn import(&mut self) {
        let names: Vec<String> = (0..random::number(1, 5)).map(|_| self.new_name()).collect();
        let secrets: Vec<String> = names.iter().map(|name| format!("imported {name} {}", random::number(0, i64::MAX - 1))).collect();
        let key = |(name, secret): (&String, &String)| json!({ "name": name, "sha256": sha256(secret) });
        let keys: Vec<Value> = names.iter().zip(&secrets).map(key).collect();
        let request = self.clients.api.request(Method::POST, "/keys/import").json(&json!({ "keys": keys }));
        let is_acknowledged = self.change(request).await.is_some();
        self.imports.push(Import { secrets, is_acknowledged });
    }

    async fn set_credits(&mut self) {
        let remaining = random::number(20, 200);
        let path = format!("/keys/{}", self.budget.id);
        let request = self.clients.api.request(Method::PATCH, &path).json(&json!({ "credits": { "remaining": remaining } }));
        let is_certain = self.change(request).await.is_some();
        let budget = &mut self.budget;
        budget.granted = if is_certain { remaining } else { remaining.max(budget.granted - budget.spent) };
        budget.spent = 0;
    }

    /// Four verify calls at the same time.
    async fn spend(&mut self) {
        let costs: [i64; 4] = array::from_fn(|_| random::number(1, 3));
        let calls = costs.map(|cost| {
            let body = json!({ "key": self.budget.secret, "cost": cost });
            self.shared.send(self.clients.api.request(Method::POST, "/verify").json(&body))
        });
        let outcomes = join_all(calls).await;
        for (cost, outcome) in costs.into_iter().zip(outcomes) {
            self.budget.sent += 1;
            match outcome {
                Outcome::Done(verdict) if verdict["code"] == "VALID" => {
                    self.budget.spent += cost;
                    self.budget.valid.push(Instant::now());
                }
                Outcome::Done(verdict) => assert_eq!(verdict["code"], "USAGE_EXCEEDED"),
                Outcome::Refused(status, problem) => panic!("{status}: {problem}"),
                Outcome::Failed(status) => assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "verify without a database"),
                Outcome::Lost => self.is_lost = true,
            }
        }
        assert!(self.budget.spent <= self.budget.granted, "{} of {} credits spent", self.budget.spent, self.budget.granted);
    }

    async fn stored_usage(&self, database: &AnyPool) -> i64 {
        let sql = "select cast(coalesce(sum(requests), 0) as bigint) from usage_by_day where key_id = $1";
        sqlx::query_scalar(sql).bind(&self.budget.id).fetch_one(database).await.unwrap()
    }

    async fn check(&mut self, since_beginning: bool) {
        let api = self.clients.api.clone();
        self.check_keys(&api, since_beginning).await;
        let (imports, rejected) = if since_beginning { (0, 0) } else { self.checked };
        for import in &self.imports[imports..] {
            check_import(&api, import).await;
        }
        let expected = self.rejected[rejected..].iter().map(|secret| (secret.clone(), "NOT_FOUND", "a deleted or replaced key"));
        assert_verdicts(&api, expected.collect()).await;
        self.checked = (self.imports.len(), self.rejected.len());
        for creation in std::mem::take(&mut self.creations) {
            check_creation(&api, &creation).await;
        }
        let (status, key) = api.get(&format!("/keys/{}", self.budget.id)).await;
        assert_eq!(status, StatusCode::OK, "{key}");
        let (remaining, Budget { granted, spent, .. }) = (key["credits"]["remaining"].as_i64().unwrap(), &self.budget);
        assert!(remaining + spent <= *granted, "{spent} credits spent and {remaining} left of {granted}");
    }

    async fn check_keys(&mut self, api: &ApiClient, since_beginning: bool) {
        self.keys.retain(|key| !key.is_uncertain);
        let checked: Vec<&Key> = self.keys.iter().filter(|key| since_beginning || key.is_changed).collect();
        let expected = checked.iter().map(|key| {
            let code = match key.state {
                State::Active => "VALID",
                State::Disabled => "DISABLED",
                State::Deleted => "NOT_FOUND",
            };
            (key.secret.clone(), code, "a key with an acknowledged change")
        });
        assert_verdicts(api, expected.collect()).await;
        for key in checked.into_iter().filter(|key| key.is_changed && key.state != State::Deleted) {
            let (status, stored) = api.get(&format!("/keys/{}", key.id)).await;
            assert_eq!((status, &stored["name"]), (StatusCode::OK, &json!(key.name)), "{stored}");
        }
        self.keys.iter_mut().for_each(|key| key.is_changed = false);
    }
}

impl Budget {
    /// Returns the age of the oldest VALID verdict that is not counted.
    fn compare_usage(&mut self, stored: i64, killed_at: Instant) -> Duration {
        let counted = stored - self.counted_before;
        assert!(counted <= self.sent, "{counted} calls counted of {} that were sent", self.sent);
        let lost = self.valid.len().saturating_sub(usize::try_from(counted).unwrap());
        let oldest = self.valid.get(self.valid.len() - lost).filter(|_| lost > 0);
        let age = oldest.map_or(Duration::ZERO, |received| killed_at.saturating_duration_since(*received));
        (self.counted_before, self.sent) = (stored, 0);
        self.valid.clear();
        age
    }
}

impl Creation {
    fn request(&self, api: &ApiClient) -> RequestBuilder {
        let body = json!({ "kind": "client", "name": self.name });
        api.request(Method::POST, "/keys").header("idempotency-key", &self.idempotency_key).json(&body)
    }
}

fn over_rest() -> bool {
    random::number(0, 1) == 0
}

pub fn sha256(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

/// Repeats a request for a key without an acknowledgement: there is at most one key, and exactly one after an acknowledgement.
async fn check_creation(api: &ApiClient, creation: &Creation) {
    let response = creation.request(api).send().await.unwrap();
    let status = response.status();
    assert!([StatusCode::CREATED, StatusCode::CONFLICT].contains(&status), "{:?}", response.text().await);
    let list = api.request(Method::GET, "/keys").query(&[("kind", "client"), ("q", creation.name.as_str())]);
    let total = list.send().await.unwrap().json::<Value>().await.unwrap()["total"].as_i64().unwrap();
    assert!(total == 1 || total == 0 && status == StatusCode::CONFLICT, "{total} keys for one idempotency key, {status}");
}

async fn check_import(api: &ApiClient, import: &Import) {
    let codes = verdicts(api, &import.secrets).await;
    let valid = codes.iter().filter(|code| *code == "VALID").count();
    assert!(valid == codes.len() || valid == 0 && !import.is_acknowledged, "an import is all or nothing: {codes:?}");
}

/// The verdict codes of these keys, in the same order.
pub async fn verdicts(api: &ApiClient, secrets: &[String]) -> Vec<String> {
    let mut codes = Vec::new();
    for batch in secrets.chunks(BATCH) {
        let keys: Vec<Value> = batch.iter().map(|secret| json!({ "key": secret })).collect();
        let (status, response) = api.post("/verify-batch", json!({ "keys": keys })).await;
        assert_eq!(status, StatusCode::OK, "{response}");
        codes.extend(response["items"].as_array().unwrap().iter().map(|verdict| text(&verdict["code"])));
    }
    codes
}

/// Asserts the verdict code of each secret; the last part describes it.
pub async fn assert_verdicts(api: &ApiClient, expected: Vec<(String, &str, &str)>) {
    let secrets: Vec<String> = expected.iter().map(|(secret, ..)| secret.clone()).collect();
    for ((_, code, description), actual) in expected.iter().zip(verdicts(api, &secrets).await) {
        assert_eq!(actual, *code, "{description}");
    }
}
