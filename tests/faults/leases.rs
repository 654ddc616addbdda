//! Two instances on one PostgreSQL database: a key that was taken away is refused by both when the call returns, whatever happens to the other one.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use latchkey_store::{ChangeFeed, Store, StoreOptions, verdict_changes::VerdictChange};
use latchkey_types::id::RoleId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{
    installation::{Clients, Installation, Running},
    postgres::Postgres,
    process::signal,
};
use crate::support::{eventually, latchkey, text};

/// How long a lease is valid after the read that extends it.
const LEASE: Duration = Duration::from_secs(1);

/// The server, and the URL of a new database.
async fn start_postgres() -> (Postgres, String) {
    let postgres = Postgres::start(TempDir::new().unwrap()).await.unwrap();
    let database = postgres.create_database("latchkey").await.unwrap();
    (postgres, database)
}

struct Pair {
    _first: Running,
    second: Running,
    /// Of the first instance.
    clients: Clients,
    /// Of the second one, with the same sessions and key.
    others: Clients,
    installation: Installation,
    _postgres: Postgres,
    _folders: [TempDir; 2],
}

impl Pair {
    async fn start() -> Self {
        let (folders, (postgres, database)) = ([TempDir::new().unwrap(), TempDir::new().unwrap()], start_postgres().await);
        let installation = Installation::create(folders[0].path(), Some(database));
        let (first, second) = (installation.serve(), installation.another(folders[1].path()).serve());
        let clients = installation.clients(&first).await;
        let others = clients.of(&second);
        Self { _first: first, second, clients, others, installation, _postgres: postgres, _folders: folders }
    }

    /// Creates a key. Returns its id and its secret, which the second instance has cached.
    async fn cached_key(&self, name: &str) -> (String, String) {
        let (status, created) = self.clients.api.post("/keys", json!({ "kind": "client", "name": name })).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        let (id, secret) = (text(&created["key"]["id"]), text(&created["secret"]));
        assert_eq!(self.others.api.verify(&secret).await, "VALID");
        (id, secret)
    }

    /// Deletes a key on the first instance. Returns how long it took.
    async fn delete(&self, id: &str) -> Duration {
        let started = Instant::now();
        let (status, problem) = self.clients.api.call(Method::DELETE, &format!("/keys/{id}"), None).await;
        assert!(status.is_success(), "{status} {problem}");
        started.elapsed()
    }

    /// The second instance's answer about a key.
    async fn verify(&self, secret: &str) -> (StatusCode, Value) {
        self.others.api.post("/verify", json!({ "key": secret })).await
    }

    /// Sends a signal to the second instance.
    fn signal(&self, name: &str) {
        signal(self.second.process.id(), name);
    }
}

#[tokio::test]
async fn a_deleted_key_is_refused_by_the_other_instance_at_once() {
    let pair = Pair::start().await;
    for number in 0..20 {
        let (id, secret) = pair.cached_key(&format!("key {number}")).await;
        pair.delete(&id).await;
        assert_eq!(pair.others.api.verify(&secret).await, "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_frozen_instance_delays_one_call_only() {
    let pair = Pair::start().await;
    let mut keys = Vec::new();
    for number in 0..3 {
        keys.push(pair.cached_key(&format!("key {number}")).await);
    }
    pair.signal("-STOP");
    let mut took = Vec::new();
    for (id, _) in &keys {
        took.push(pair.delete(id).await);
    }
    // The lease of the frozen instance had begun before it was stopped. After its end, no commit waits for that instance.
    assert!(took[0] > LEASE / 2 && took[2] < LEASE / 2, "{took:?}");
    pair.signal("-CONT");
    for (_, secret) in &keys {
        let (status, verdict) = pair.verify(secret).await;
        assert!(status == StatusCode::SERVICE_UNAVAILABLE || verdict["code"] == "NOT_FOUND", "{status} {verdict}");
    }
}

#[tokio::test]
async fn an_instance_that_was_fenced_answers_503_and_returns() {
    let pair = Pair::start().await;
    let ((deleted, old), (_, kept)) = (pair.cached_key("deleted").await, pair.cached_key("kept").await);
    for _ in 0..3 {
        pair.signal("-STOP");
        tokio::time::sleep(2 * LEASE).await;
        pair.signal("-CONT");
        eventually("the instance serves again", async || pair.verify(&kept).await.1["code"] == "VALID").await;
    }
    assert!(pair.second.process.output().contains("the lease of this instance has ended"));
    pair.delete(&deleted).await;
    assert_eq!(pair.others.api.verify(&old).await, "NOT_FOUND", "it takes part again");
    let ready: Value = pair.others.api.client.get(format!("{}/readyz", pair.second.url)).send().await.unwrap().json().await.unwrap();
    assert_eq!(ready, json!({ "ready": true, "database": "up", "lease": "held" }));
}

#[tokio::test]
async fn admin_commands_wait_for_the_servers() {
    let pair = Pair::start().await;
    // The second one retires a signing key.
    for _ in 0..2 {
        pair.installation.admin(&["rotate-signing-key"], "");
    }
    pair.signal("-STOP");
    let started = Instant::now();
    pair.installation.admin(&["rotate-signing-key"], "");
    assert!(started.elapsed() > LEASE / 2, "{:?}", started.elapsed());
}

#[tokio::test]
async fn serve_stale_is_refused_on_postgresql() {
    let (folder, (_postgres, database)) = (TempDir::new().unwrap(), start_postgres().await);
    let output = latchkey(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--serve-stale", "10", "--database", &database], "");
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("--serve-stale cannot be used with PostgreSQL: a receipt would not be true"), "{error}");
}

/// Writers without a lease, and one instance that reads their changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_concurrent_writers_are_applied_once_each() {
    let (folder, (_postgres, url)) = (TempDir::new().unwrap(), start_postgres().await);
    let store = Store::open(Some(&url), folder.path(), StoreOptions::default()).await.unwrap();
    store.migrate().await.unwrap();
    let instance = Store::open(Some(&url), folder.path(), StoreOptions::default()).await.unwrap();
    let applied = Arc::<Mutex<Vec<VerdictChange>>>::default();
    let mut feed = ChangeFeed::new(&instance);
    let read = feed.read().await.unwrap();
    assert!(!read.is_continued);
    feed.record_applied(read).await.unwrap();
    let list = Arc::clone(&applied);
    let reader = tokio::spawn(async move {
        loop {
            feed.wait().await;
            let read = feed.read().await.unwrap();
            assert!(read.is_continued);
            list.lock().unwrap().extend(read.changes.iter().flatten().cloned());
            feed.record_applied(read).await.unwrap();
        }
    });
    let mut writers = JoinSet::new();
    for _ in 0..8 {
        let (store, applied) = (store.clone(), Arc::clone(&applied));
        writers.spawn(async move {
            for _ in 0..20 {
                let change = VerdictChange::Role(RoleId::new());
                let mut tx = store.begin().await.unwrap();
                tx.touch(change.clone());
                let effect = tx.commit_effective().await.unwrap().unwrap();
                assert_eq!(effect.instances.len(), 1);
                assert!(applied.lock().unwrap().contains(&change), "the commit returned before the change was applied");
            }
        });
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }
    reader.abort();
    let applied = applied.lock().unwrap();
    assert_eq!((applied.len(), applied.iter().collect::<HashSet<_>>().len()), (160, 160));
}
