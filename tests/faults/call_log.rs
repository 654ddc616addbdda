//! The log of model calls on PostgreSQL: days are partitions, which several instances create and retention drops.

use std::time::{Duration, Instant};

use latchkey_events::EventLog;
use latchkey_store::{
    Store, StoreOptions,
    model_calls::{self, CallSelection, NewCall},
};
use latchkey_types::{
    id::{KeyId, OrganizationId},
    time::{DAY_MS, Timestamp},
};
use sqlx::AssertSqlSafe;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::postgres::Postgres;
use crate::support::{eventually, statements::Statements};

/// 2026-11-21, in milliseconds.
const START: i64 = 20_778 * DAY_MS;

/// A database of its own, and the store of one instance.
struct Database {
    store: Store,
    url: String,
    folder: TempDir,
    _postgres: Postgres,
}

impl Database {
    async fn create() -> Self {
        let (folder, postgres) = (TempDir::new().unwrap(), Postgres::start(TempDir::new().unwrap()).await.unwrap());
        let url = postgres.create_database("latchkey").await.unwrap();
        Self { store: open(&url, &folder).await, url, folder, _postgres: postgres }
    }

    /// The days that have a partition.
    async fn days(&self) -> Vec<String> {
        let sql = "select substr(cast(c.relname as text), 13) from pg_inherits i join pg_class c on c.oid = i.inhrelid \
                   where i.inhparent = to_regclass('model_calls') order by c.relname";
        sqlx::query_scalar(sql).fetch_all(self.store.read().unwrap()).await.unwrap()
    }

    async fn execute(&self, sql: &'static str) {
        sqlx::query(sql).execute(self.store.read().unwrap()).await.unwrap();
    }

    async fn delete_old(&self, days_kept: &[(OrganizationId, i64)], now: i64) {
        EventLog::in_database(self.store.clone()).delete_old(days_kept, Timestamp(now)).await.unwrap();
    }
}

async fn open(url: &str, folder: &TempDir) -> Store {
    let store = Store::open(Some(url), folder.path(), StoreOptions::default()).await.unwrap();
    store.migrate().await.unwrap();
    store
}

/// Adds calls that were made at these times.
async fn add(store: &Store, organization: OrganizationId, times: &[i64]) {
    let call = |at: &i64| NewCall { organization, at: Timestamp(*at), sequence: 1, key: None, event: String::new() };
    let calls: Vec<NewCall> = times.iter().map(call).collect();
    let mut tx = store.begin().await.unwrap();
    model_calls::insert(store, &mut tx, &calls).await.unwrap();
    tx.commit().await.unwrap();
}

/// The times of an organization's calls, newest first.
async fn times(store: &Store, organization: OrganizationId) -> Vec<i64> {
    let selection = CallSelection { organization, before: (i64::MAX, i64::MAX), from: i64::MIN, key: None, limit: 1000 };
    model_calls::select(store, selection).await.unwrap().into_iter().map(|call| call.at.0).collect()
}

#[tokio::test]
async fn calls_are_in_the_partitions_of_their_days() {
    let database = Database::create().await;
    let organization = OrganizationId::new();
    let [first, last, later] = [START + 5, START + DAY_MS - 1, START + 2 * DAY_MS];
    for _ in 0..2 {
        add(&database.store, organization, &[first, last, later]).await;
        assert_eq!(database.days().await, ["2026_11_21", "2026_11_23"]);
        assert_eq!(times(&database.store, organization).await, [later, last, first]);
    }
}

#[tokio::test]
async fn partitions_are_created_ahead() {
    let database = Database::create().await;
    let (stop, end) = oneshot::channel();
    let log = tokio::spawn(EventLog::in_database(database.store.clone()).run(end));
    eventually("there are partitions for today and tomorrow", async || database.days().await.len() == 2).await;
    drop(stop);
    log.await.unwrap();
}

#[tokio::test]
async fn days_that_no_organization_keeps_are_dropped() {
    let database = Database::create().await;
    let [short, long, none] = [OrganizationId::new(), OrganizationId::new(), OrganizationId::new()];
    let calls: Vec<i64> = (0..6).map(|day| START + day * DAY_MS).collect();
    let now = START + 6 * DAY_MS + DAY_MS / 2;
    add(&database.store, short, &calls).await;
    add(&database.store, long, &calls).await;
    add(&database.store, none, &[now - 1]).await;
    database.delete_old(&[(short, 2), (long, 4), (none, 0)], now).await;
    assert_eq!(database.days().await, ["2026_11_23", "2026_11_24", "2026_11_25", "2026_11_26", "2026_11_27"]);
    assert_eq!(times(&database.store, short).await, [calls[5]]);
    assert_eq!(times(&database.store, long).await, [calls[5], calls[4], calls[3], calls[2]], "in whole days");
    assert_eq!(times(&database.store, none).await, [0; 0]);
}

#[tokio::test]
async fn a_day_is_dropped_once_nobody_reads_the_log() {
    let database = Database::create().await;
    let organization = OrganizationId::new();
    let now = START + 3 * DAY_MS;
    add(&database.store, organization, &[START, now]).await;
    let mut reader = database.store.begin_read().await.unwrap();
    sqlx::query("select count(*) from model_calls").execute(&mut reader).await.unwrap();
    let started = Instant::now();
    database.delete_old(&[(organization, 1)], now).await;
    let took = started.elapsed();
    assert!(took < Duration::from_secs(3), "others waited for {took:?}");
    assert!(!database.store.is_unavailable());
    add(&database.store, organization, &[now + DAY_MS]).await;
    assert_eq!(database.days().await, ["2026_11_21", "2026_11_24", "2026_11_25"], "a reader prevents no new partition");
    reader.commit().await.unwrap();
    database.delete_old(&[(organization, 1)], now).await;
    assert_eq!(database.days().await, ["2026_11_24", "2026_11_25"]);
}

#[tokio::test]
async fn two_instances_create_the_same_partitions() {
    let database = Database::create().await;
    let other = open(&database.url, &database.folder).await;
    let organization = OrganizationId::new();
    for day in 0..10 {
        let at = START + day * DAY_MS;
        let (first, second) = ([at + 1], [at + 2]);
        tokio::join!(add(&database.store, organization, &first), add(&other, organization, &second));
    }
    assert_eq!((database.days().await.len(), times(&other, organization).await.len()), (10, 20));
}

#[tokio::test]
async fn a_page_of_a_key_reads_only_its_days() {
    let database = Database::create().await;
    let (organization, key) = (OrganizationId::new(), KeyId::new());
    let calls: Vec<i64> = (0..6).map(|day| START + day * DAY_MS).collect();
    add(&database.store, organization, &calls).await;
    let (from, before) = (calls[2], (calls[4] - 1, i64::MAX));
    let statements = Statements::default();
    {
        let _recording = tracing::dispatcher::set_default(&statements.dispatch());
        let selection = CallSelection { organization, before, from, key: Some(key), limit: 10 };
        assert!(model_calls::select(&database.store, selection).await.unwrap().is_empty());
    }
    let recorded = statements.recorded();
    let sql = recorded.iter().find(|sql| sql.contains("from model_calls")).unwrap();
    let explain = sqlx::query_scalar(AssertSqlSafe(format!("explain {sql}"))).bind(organization.to_string()).bind(before.0).bind(before.1);
    let explain = explain.bind(from).bind(10_i64).bind(key.to_string());
    let plan: Vec<String> = explain.fetch_all(database.store.read().unwrap()).await.unwrap();
    let days = database.days().await;
    let read: Vec<&String> = days.iter().filter(|day| plan.iter().any(|step| step.contains(day.as_str()))).collect();
    assert_eq!(read, ["2026_11_23", "2026_11_24"], "{plan:#?}");
}

#[tokio::test]
async fn an_earlier_log_is_partitioned() {
    let database = Database::create().await;
    // As a version without partitions left it.
    for sql in [
        "drop table model_calls",
        "create table model_calls (organization_id text not null, at bigint not null, sequence bigint not null, key_id text not null, \
         event text not null, primary key (organization_id, at, sequence))",
        "create index model_calls_of_key on model_calls (organization_id, key_id, at, sequence)",
    ] {
        database.execute(sql).await;
    }
    let (organization, calls) = (OrganizationId::new(), [START + 3 * DAY_MS, START + 5, START]);
    for at in calls {
        let insert = sqlx::query("insert into model_calls (organization_id, at, sequence, key_id, event) values ($1, $2, 1, '', '')");
        insert.bind(organization.to_string()).bind(at).execute(database.store.read().unwrap()).await.unwrap();
    }
    for _ in 0..2 {
        database.store.migrate().await.unwrap();
        assert_eq!(times(&database.store, organization).await, calls);
        assert_eq!(database.days().await, ["2026_11_21", "2026_11_24"]);
    }
    add(&database.store, organization, &[START + 4 * DAY_MS]).await;
    assert_eq!(database.days().await.len(), 3);
}
