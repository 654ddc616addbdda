//! Concurrent writers on PostgreSQL: two instances change the same organization, and no change waits for the rows of another one.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use latchkey_crypto::random;
use latchkey_store::{Store, StoreOptions, WriteLock, WriteTask};
use latchkey_types::id::OrganizationId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::AnyPool;
use tempfile::TempDir;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    installation::{Clients, Installation, Running},
    postgres::Postgres,
    report::scaled,
};
use crate::support::{BrowserClient, PASSWORD, eventually, latchkey, text, within};

/// A write that waits for no other takes less.
const PROMPT: Duration = Duration::from_secs(1);
/// The lock of the task that chains audit events.
const AUDIT_LOCK: i64 = 5_497_081_208_004;

/// Two instances on one database.
struct Fixture {
    running: [Running; 2],
    /// Of each instance, with the same sessions and key.
    clients: [Clients; 2],
    database: AnyPool,
    url: String,
    installation: Installation,
    _postgres: Postgres,
    _folders: [TempDir; 2],
}

impl Fixture {
    async fn start() -> Self {
        let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
        let postgres = Postgres::start(TempDir::new().unwrap()).await.unwrap();
        let url = postgres.create_database("latchkey").await.unwrap();
        let installation = Installation::create(folders[0].path(), Some(url.clone()));
        let running = [installation.serve(), installation.another(folders[1].path()).serve()];
        let first = installation.clients(&running[0]).await;
        let clients = [first.clone(), first.of(&running[1])];
        let database = installation.connect().await;
        Self { running, clients, database, url, installation, _postgres: postgres, _folders: folders }
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.database).await.unwrap()
    }

    async fn texts(&self, sql: &'static str) -> Vec<String> {
        sqlx::query_scalar(sql).fetch_all(&self.database).await.unwrap()
    }

    /// Creates a client key. Returns its id.
    async fn key(&self, name: &str) -> String {
        let (status, created) = self.clients[0].api.post("/keys", json!({ "kind": "client", "name": name })).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        text(&created["key"]["id"])
    }

    async fn rename(&self, id: &str, name: &str) -> StatusCode {
        self.clients[1].api.call(Method::PATCH, &format!("/keys/{id}"), Some(json!({ "name": name }))).await.0
    }

    async fn wait_until_chained(&self, limit: Duration) {
        within(limit, "the audit events are chained", async || self.count("select count(*) from audit_entries").await == 0).await;
    }

    /// What `verify-audit` prints if the log is intact.
    fn verify_audit(&self) -> String {
        self.installation.admin(&["verify-audit"], "")
    }
}

/// Whether a transaction with this lock begins while others are open.
async fn begins(store: &Store, lock: WriteLock) -> bool {
    timeout(PROMPT, store.begin_locked(lock)).await.is_ok_and(|begun| begun.is_ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_waits_only_for_those_that_it_excludes() {
    let postgres = Postgres::start(TempDir::new().unwrap()).await.unwrap();
    let (folder, url) = (TempDir::new().unwrap(), postgres.create_database("latchkey").await.unwrap());
    let store = Store::open(Some(&url), folder.path(), StoreOptions::default()).await.unwrap();
    store.migrate().await.unwrap();
    let (one, other) = (OrganizationId::new(), OrganizationId::new());
    let (rows, alone) = (WriteLock::Rows(one), WriteLock::Organization(one));
    let (usage, audit) = (WriteLock::Task(WriteTask::Usage), WriteLock::Task(WriteTask::AuditLog));
    let elsewhere = &[WriteLock::Organization(other), WriteLock::Rows(other), WriteLock::Nothing, audit][..];
    for (held, admitted, excluded) in [
        (rows, [&[rows, usage][..], elsewhere].concat(), alone),
        (alone, [&[usage][..], elsewhere].concat(), rows),
        (alone, [&[usage][..], elsewhere].concat(), alone),
        (usage, [&[rows, alone][..], elsewhere].concat(), usage),
        (WriteLock::Nothing, [&[rows, alone, usage][..], elsewhere].concat(), WriteLock::Everything),
        (WriteLock::Everything, Vec::new(), WriteLock::Nothing),
    ] {
        let open = store.begin_locked(held).await.unwrap();
        for lock in admitted {
            assert!(begins(&store, lock).await, "{lock:?} beside {held:?}");
        }
        // Last: others queue behind what waits.
        assert!(!begins(&store, excluded).await, "{excluded:?} beside {held:?}");
        drop(open);
        eventually("the one that waited has ended", async || begins(&store, WriteLock::Everything).await).await;
    }
}

#[tokio::test]
async fn a_stopped_writer_blocks_only_its_row() {
    let fixture = Fixture::start().await;
    let (stopped, other) = (fixture.key("stopped").await, fixture.key("other").await);
    let mut writer = fixture.database.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock_shared(5497081207911)").execute(&mut *writer).await.unwrap();
    sqlx::query("update api_keys set name = 'stopped' where id = $1").bind(&stopped).execute(&mut *writer).await.unwrap();
    for round in 0..5 {
        let started = Instant::now();
        assert_eq!(fixture.rename(&other, &format!("other {round}")).await, StatusCode::OK);
        fixture.key(&format!("new {round}")).await;
        assert!(started.elapsed() < PROMPT, "{:?}", started.elapsed());
    }
    let started = Instant::now();
    assert_eq!(fixture.rename(&stopped, "changed").await, StatusCode::SERVICE_UNAVAILABLE);
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    writer.rollback().await.unwrap();
    assert_eq!(fixture.rename(&stopped, "changed").await, StatusCode::OK);
}

#[tokio::test]
async fn no_change_is_committed_after_its_key_was_disabled() {
    let fixture = Fixture::start().await;
    for round in 0..scaled(3, 20) {
        let request = json!({ "kind": "internal", "name": format!("acting {round}"), "duration_days": 1, "scopes": ["keys:write", "keys:read"] });
        let (status, created) = fixture.clients[0].api.post("/keys", request).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        let acting = text(&created["secret"]);
        let mut calls = JoinSet::new();
        for number in 0..24 {
            let api = fixture.clients[number % 2].api.with_key(&acting);
            calls.spawn(async move {
                loop {
                    let (status, problem) = api.post("/keys", json!({ "kind": "client", "name": "flood" })).await;
                    if status != StatusCode::CREATED {
                        assert_eq!(status, StatusCode::UNAUTHORIZED, "{problem}");
                        return;
                    }
                }
            });
        }
        sleep(Duration::from_millis(300)).await;
        let started = Instant::now();
        let path = format!("/keys/{}/disable", text(&created["key"]["id"]));
        let (status, problem) = fixture.clients[1].api.post(&path, json!({})).await;
        assert_eq!(status, StatusCode::OK, "{problem}");
        assert!(started.elapsed() < 2 * PROMPT, "a flood of its calls does not protect a key: {:?}", started.elapsed());
        let flood = "select count(*) from api_keys where name = 'flood'";
        let committed = fixture.count(flood).await;
        while let Some(call) = calls.join_next().await {
            call.unwrap();
        }
        assert_eq!(fixture.count(flood).await, committed);
        assert!(committed > 0);
    }
}

#[tokio::test]
async fn two_owners_cannot_both_remove_each_other() {
    let fixture = Fixture::start().await;
    let second = ["create-user", "--email", "second@acme.test", "--name", "second", "--role", "owner", "--password-stdin"];
    fixture.installation.admin(&second, PASSWORD);
    let visitor = BrowserClient { cookie: None, ..fixture.clients[1].owner.clone() };
    let owners = [fixture.clients[0].owner.clone(), visitor.sign_in("second@acme.test", PASSWORD).await];
    let (_, page) = owners[0].call("members/list", json!({})).await;
    let id_of = |list: &str, field: &str, value: &str| {
        let found = page[list].as_array().unwrap().iter().find(|item| item[field] == value);
        text(&found.unwrap()["id"])
    };
    let members = ["owner@acme.test", "second@acme.test"].map(|email| id_of("members", "email", email));
    let roles = ["owner", "viewer"].map(|name| id_of("roles", "name", name));
    for _ in 0..12 {
        let set_role =
            |owner: usize, member: usize, role: usize| owners[owner].call("members/set-role", json!({ "id": members[member], "role": roles[role] }));
        let answers = tokio::join!(set_role(0, 1, 1), set_role(1, 0, 1));
        let statuses = [answers.0.0, answers.1.0];
        let is_refused = |status: &StatusCode| matches!(*status, StatusCode::FORBIDDEN | StatusCode::CONFLICT);
        assert!(statuses.contains(&StatusCode::OK) && statuses.iter().any(is_refused), "{answers:?}");
        let left = usize::from(statuses[1] == StatusCode::OK);
        let (status, answer) = set_role(left, 1 - left, 0).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
}

#[tokio::test]
async fn concurrent_keys_have_numbers_and_audit_events_of_their_own() {
    let fixture = Fixture::start().await;
    let mut calls = JoinSet::new();
    for number in 0..8 {
        let api = fixture.clients[number % 2].api.clone();
        calls.spawn(async move {
            for key in 0..25 {
                let (status, created) = api.post("/keys", json!({ "kind": "agent", "name": format!("key {number} {key}") })).await;
                assert_eq!(status, StatusCode::CREATED, "{created}");
            }
        });
    }
    while let Some(call) = calls.join_next().await {
        call.unwrap();
    }
    assert_eq!(fixture.count("select count(distinct number) from api_keys where kind = 'agent'").await, 200);
    fixture.wait_until_chained(PROMPT).await;
    let created = "select count(*) from audit_events e join api_keys k on k.id = e.object_id where e.action = 'key.created' and k.kind = 'agent'";
    assert_eq!(fixture.count(created).await, 200);
    assert!(fixture.verify_audit().starts_with("The audit log is intact: "));
}

#[tokio::test]
async fn an_import_of_1000_keys_is_chained_whole() {
    let fixture = Fixture::start().await;
    let key = |number: usize| json!({ "name": format!("imported {number:04}"), "sha256": hex::encode(Sha256::digest(number.to_string())) });
    let keys: Vec<Value> = (0..1000).map(key).collect();
    let (status, problem) = fixture.clients[0].api.post("/keys/import", json!({ "keys": keys })).await;
    assert_eq!(status, StatusCode::CREATED, "{problem}");
    fixture.wait_until_chained(PROMPT).await;
    let sql = "select object_name from audit_events where action = 'key.imported' order by seq";
    let names = fixture.texts(sql).await;
    assert!(names.len() == 1000 && names.is_sorted(), "in the order of the transaction");
    fixture.verify_audit();
}

#[tokio::test]
async fn the_page_lists_an_event_at_once() {
    let fixture = Fixture::start().await;
    for number in 0..10 {
        let name = format!("key {number}");
        fixture.key(&name).await;
        let (status, page) = fixture.clients[1].owner.call("audit/read", json!({ "query": { "search": "", "period": "all" } })).await;
        assert_eq!((status, &page["events"][0]["object"]), (StatusCode::OK, &json!(name)), "{page}");
    }
}

#[tokio::test]
async fn an_entry_that_is_altered_or_removed_is_reported() {
    let fixture = Fixture::start().await;
    fixture.wait_until_chained(PROMPT).await;
    let mut chaining = fixture.database.acquire().await.unwrap();
    sqlx::query("select pg_advisory_lock($1)").bind(AUDIT_LOCK).execute(&mut *chaining).await.unwrap();
    for name in ["altered", "removed", "kept"] {
        fixture.key(name).await;
    }
    assert!(fixture.verify_audit().contains("and 3 events that are not chained yet"));
    for sql in [
        "update audit_entries set actor_name = 'Mallory' where object_name = 'altered'",
        "delete from audit_entries where object_name = 'removed'",
        // An authentic event that is chained already.
        "insert into audit_entries select id, at, organization_id, actor_kind, actor_id, actor_name, action, object_kind, object_id, object_name, \
         detail, address, mac from audit_events where seq = 2",
    ] {
        sqlx::query(sql).execute(&fixture.database).await.unwrap();
    }
    sqlx::query("select pg_advisory_unlock($1)").bind(AUDIT_LOCK).execute(&mut *chaining).await.unwrap();
    eventually("the others are chained", async || fixture.count("select count(*) from audit_events where object_name = 'kept'").await == 1).await;
    let log = &fixture.running[0].process;
    eventually("the removed event is reported", async || log.output().contains("an audit event was lost")).await;
    let logs = fixture.running.iter().map(|running| running.process.output()).collect::<String>();
    assert!(logs.contains("an audit event was altered before it was chained"), "{logs}");
    assert_eq!(fixture.count("select count(*) from audit_events where object_name in ('altered', 'removed')").await, 0);
    assert_eq!(fixture.count("select count(*) from audit_entries").await, 2, "altered and repeated events stay");
    let verified = latchkey(&fixture.installation.folder, &["admin", "verify-audit", "--database", &fixture.url], "");
    let message = String::from_utf8_lossy(&verified.stderr);
    assert!(!verified.status.success() && message.contains("the audit log was altered: the event aud_"), "{message}");
}

/// One of the users of the next test.
struct User {
    clients: Clients,
    /// Ids of keys that all users change.
    keys: Arc<[String]>,
}

impl User {
    /// Makes a random call.
    async fn act(&self) -> (StatusCode, Value) {
        let key = &self.keys[usize::try_from(random::number(0, i64::try_from(self.keys.len()).unwrap() - 1)).unwrap()];
        let (number, api, owner) = (random::number(0, 9), &self.clients.api, &self.clients.owner);
        match random::number(0, 9) {
            0 => api.post("/keys", json!({ "kind": "agent", "name": format!("name {number}") })).await,
            1 => api.call(Method::PATCH, &format!("/keys/{key}"), Some(json!({ "name": format!("name {number}") }))).await,
            2 => api.post(&format!("/keys/{key}/disable"), json!({})).await,
            3 => api.post(&format!("/keys/{key}/enable"), json!({})).await,
            4 => api.post(&format!("/keys/{key}/rotate"), json!({ "grace_seconds": 0 })).await,
            5 => {
                let mut ids: Vec<&String> = self.keys.iter().collect();
                if number % 2 == 0 {
                    ids.reverse();
                }
                let action = if number < 5 { "disable" } else { "enable" };
                owner.call("keys/bulk", json!({ "action": action, "ids": ids })).await
            }
            6 => owner.call("roles/create", json!({ "name": format!("role {number}"), "permissions": ["view_keys"] })).await,
            7 => owner.call("corpora/create", json!({ "name": format!("corpus {number}") })).await,
            8 => api.post("/keys", json!({ "kind": "client", "name": "client", "credits": { "remaining": 5 } })).await,
            _ => {
                let sha256 = hex::encode(random::bytes::<32>());
                api.post("/keys/import", json!({ "keys": [{ "name": "imported", "sha256": sha256 }] })).await
            }
        }
    }
}

#[tokio::test]
async fn concurrent_rules_fail_only_with_conflicts() {
    let fixture = Fixture::start().await;
    let mut keys = Vec::new();
    for number in 0..6 {
        let (status, created) = fixture.clients[0].api.post("/keys", json!({ "kind": "agent", "name": format!("shared {number}") })).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        keys.push(text(&created["key"]["id"]));
    }
    let (keys, has_ended, done) = (Arc::<[String]>::from(keys), Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut users = JoinSet::new();
    for number in 0..16 {
        let user = User { clients: fixture.clients[number % 2].clone(), keys: Arc::clone(&keys) };
        let (has_ended, done) = (Arc::clone(&has_ended), Arc::clone(&done));
        users.spawn(async move {
            while !has_ended.load(Ordering::Relaxed) {
                let (status, body) = user.act().await;
                // 503: the machine may be too slow for a lease.
                let is_expected = [StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY, StatusCode::SERVICE_UNAVAILABLE].contains(&status);
                assert!(status.is_success() || is_expected, "{status} {body}");
                done.fetch_add(u64::from(status.is_success()), Ordering::Relaxed);
            }
        });
    }
    sleep(Duration::from_secs(scaled(5, 60))).await;
    has_ended.store(true, Ordering::Relaxed);
    while let Some(user) = users.join_next().await {
        user.unwrap();
    }
    assert!(done.load(Ordering::Relaxed) > 50);
    fixture.wait_until_chained(2 * PROMPT).await;
    fixture.verify_audit();
    let deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
    assert_eq!(fixture.count(deadlocks).await, 0, "locks are taken in one order");
    let recorded = "select object_id from audit_events where action in ('key.created', 'key.imported')";
    let (recorded, stored) = (fixture.texts(recorded).await, fixture.texts("select id from api_keys").await);
    assert_eq!(recorded.len(), stored.len(), "each key has one event");
    assert_eq!(recorded.into_iter().collect::<HashSet<_>>(), stored.into_iter().collect::<HashSet<_>>());
}
