//! `latchkey admin migrate-to`. Copies need a PostgreSQL server in `LATCHKEY_TEST_POSTGRES`: without it their tests are skipped.

use std::{fs, path::Path, process::Output, time::Duration};

use latchkey_crypto::random;
use latchkey_events::EventLog;
use latchkey_program::config::DataOptions;
use latchkey_types::{
    budget::{TokenCounts, UsageState},
    dollars::Dollars,
    id::RequestId,
    model_call::CallEvent,
    time::Timestamp,
};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;

use crate::{
    master_key::store_general,
    support::{
        ApiClient, BrowserClient, PASSWORD, credentials::decrypt_all, data_options, eventually, latchkey, projects::create_project,
        serve_process::ServeProcess, text,
    },
};

const OWNER: &str = "ada@acme.test";

/// An empty database on PostgreSQL; `None` without a server.
async fn new_target() -> Option<String> {
    let Ok(server) = std::env::var("LATCHKEY_TEST_POSTGRES") else {
        eprintln!("skipped: LATCHKEY_TEST_POSTGRES names no server");
        return None;
    };
    let name = format!("latchkey_copy_{:x}", u64::from_be_bytes(random::bytes()));
    let mut db = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut db).await.unwrap();
    Some(format!("{server}/{name}"))
}

async fn count_tables(target: &str) -> i64 {
    let mut db = PgConnection::connect(target).await.unwrap();
    sqlx::query_scalar("select count(*) from pg_tables where schemaname = 'public'").fetch_one(&mut db).await.unwrap()
}

/// The functions and extensions that a program has created.
async fn count_functions(target: &str) -> i64 {
    let mut db = PgConnection::connect(target).await.unwrap();
    let sql = "select (select count(*) from pg_proc where pronamespace = cast('public' as regnamespace)) \
               + (select count(*) from pg_extension where extname <> 'plpgsql')";
    sqlx::query_scalar(sql).fetch_one(&mut db).await.unwrap()
}

/// Changes the data on SQLite.
async fn execute(data: &Path, sql: String) {
    let mut db = SqliteConnection::connect(&format!("sqlite:{}", data.join("latchkey.db").display())).await.unwrap();
    sqlx::query(AssertSqlSafe(sql)).execute(&mut db).await.unwrap();
    db.close().await.unwrap();
}

/// A data folder on SQLite with an owner, and the secret of an internal key.
fn new_data() -> (TempDir, String) {
    let data = TempDir::new().unwrap();
    let user = ["admin", "create-user", "--email", OWNER, "--name", "Ada", "--role", "owner", "--organization", "Acme", "--password-stdin"];
    let created = latchkey(data.path(), &user, PASSWORD);
    assert!(created.status.success(), "{created:?}");
    let created = latchkey(data.path(), &["admin", "create-key", "--name", "test", "--days", "30"], "");
    (data, String::from_utf8(created.stdout).unwrap().trim().to_owned())
}

fn migrate(data: &Path, target: &str) -> Output {
    latchkey(data, &["admin", "migrate-to", target], "")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A server on the data, with an API client and the owner's browser.
async fn serve(data: &Path, database: Option<&str>, key: &str) -> (ServeProcess, ApiClient, BrowserClient) {
    let server = ServeProcess::start_with(data, |command| _ = command.envs(database.map(|url| ("LATCHKEY_DATABASE_URL", url))));
    let url = server.text_after("Latchkey is at ").trim_end_matches('/').to_owned();
    let api = ApiClient { url: url.clone(), client: Client::new(), key: key.to_owned() };
    let page = BrowserClient { url, client: Client::new(), cookie: None }.sign_in(OWNER, PASSWORD).await;
    (server, api, page)
}

/// A call of a caller, as `/whoami` returns it.
fn call_of(caller: &Value) -> CallEvent {
    CallEvent {
        id: RequestId::new(),
        at: Timestamp::now(),
        organization: text(&caller["organization"]["id"]).parse().unwrap(),
        user: text(&caller["user"]["id"]).parse().unwrap(),
        key: None,
        key_name: String::new(),
        model: "fast".to_owned(),
        target: "gpt-5-mini".to_owned(),
        provider: "OpenAI".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        is_stream: true,
        status: 200,
        code: String::new(),
        tokens: TokenCounts { input: 10, output: 2, ..TokenCounts::default() },
        cost: Some(Dollars(1500)),
        usage: Some(UsageState::Reported),
        attempts: 1,
        first_byte_ms: Some(20),
        duration_ms: 90,
        has_bodies: false,
    }
}

async fn found_ids(api: &ApiClient, corpus: &str, query: &str) -> Vec<String> {
    let (status, found) = api.post(&format!("{corpus}/search"), json!({ "query": query })).await;
    assert_eq!(status, StatusCode::OK, "{found}");
    found["items"].as_array().unwrap().iter().map(|item| text(&item["document_id"])).collect()
}

#[tokio::test]
async fn a_copy_has_every_row_and_opens_every_secret() {
    let Some(target) = new_target().await else { return };
    let (data, key) = new_data();
    let (server, api, page) = serve(data.path(), None, &key).await;
    let (_, secret) = page.agent_key("build").await;
    for name in ["one", "two"] {
        store_general(&api, name).await;
    }
    let project = create_project(&page, "Reads").await;
    let (status, created) = page.call("projects/create-secret", json!({ "id": project, "name": "TOKEN", "value": "s3cr\u{e9}t" })).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    let corpus = format!("/corpora/{}", api.post("/corpora", json!({ "name": "manuals" })).await.1["id"]);
    let whales = json!({ "id": "whales", "title": "Blue Whales", "sections": ["The sea is deep.", "They sing."] });
    let (status, added) = api.post(&format!("{corpus}/documents"), json!({ "documents": [whales] })).await;
    assert_eq!(status, StatusCode::OK, "{added}");
    let (_, caller) = api.get("/whoami").await;
    let beside_server = migrate(data.path(), &target);
    assert!(stderr(&beside_server).contains("another latchkey server uses"), "{beside_server:?}");
    server.stop();
    let log = EventLog::in_folder(&data.path().join("calls")).unwrap();
    log.record(call_of(&caller));
    log.flush().await;

    let copied = migrate(data.path(), &target);
    assert!(copied.status.success(), "{copied:?}");
    let printed = String::from_utf8(copied.stdout).unwrap();
    assert!(printed.contains("and 1 calls of the log") && printed.contains("3 secrets and 2 keys"), "{printed}");

    let (server, api, page) = serve(data.path(), Some(&target), &key).await;
    assert_eq!(api.verify(&secret).await, "VALID");
    assert_eq!(api.get(&format!("/projects/{project}/secrets/TOKEN")).await.1["value"], "s3cr\u{e9}t");
    for query in ["blue", "sing", "deep sea"] {
        assert_eq!(found_ids(&api, &corpus, query).await, ["whales"], "{query}");
    }
    assert_eq!(api.get("/calls").await.1["items"].as_array().map(Vec::len), Some(1));
    page.agent_key("more").await;
    server.stop();
    let secrets = decrypt_all(&DataOptions { database: Some(target.clone()), ..data_options(data.path()) }).await;
    assert!(secrets.len() == 2 && secrets.iter().all(|(name, secret)| *secret == format!("sk-{name}-0123456789")), "{}", secrets.len());
    let audit = latchkey(data.path(), &["admin", "verify-audit", "--database", &target], "");
    assert!(audit.status.success(), "{audit:?}");
    let again = migrate(data.path(), &target);
    assert!(!again.status.success() && stderr(&again).contains("not empty"), "{again:?}");
}

#[tokio::test]
async fn keys_that_were_used_are_copied() {
    let Some(target) = new_target().await else { return };
    let (data, key) = new_data();
    let (server, api, page) = serve(data.path(), None, &key).await;
    let (id, secret) = page.agent_key("build").await;
    let last_use = async || api.get(&format!("/keys/{id}")).await.1["last_used_at"].clone();
    assert_eq!(api.verify(&secret).await, "VALID");
    eventually("the first use is stored", async || last_use().await.is_string()).await;
    let first = last_use().await;
    // Lists do not move the key again so soon.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(api.verify(&secret).await, "VALID");
    eventually("the second use is stored", async || last_use().await != first).await;
    let used_at = last_use().await;
    server.stop();
    // More moves than PostgreSQL has had transactions.
    execute(
        data.path(),
        "update api_keys set use_moved_in = use_moved_in + 1000000000, earlier_use_moved_in = 999999999 where use_moved_in > 0".to_owned(),
    )
    .await;

    let copied = migrate(data.path(), &target);
    assert!(copied.status.success(), "{copied:?}");
    let created = latchkey(data.path(), &["admin", "create-key", "--name", "next", "--days", "30", "--database", &target], "");
    assert!(created.status.success(), "numbers continue: {created:?}");
    let (server, api, page) = serve(data.path(), Some(&target), &key).await;
    page.agent_key("unused").await;
    let (status, listed) = api.get("/keys?kind=agent&sort=-last_used_at").await;
    assert_eq!((status, &listed["items"][0]["last_used_at"]), (StatusCode::OK, &used_at), "{listed}");
    let next = text(&api.get("/keys?kind=agent&sort=-last_used_at&limit=1").await.1["next_cursor"]);
    let (status, listed) = api.get(&format!("/keys?kind=agent&cursor={next}")).await;
    assert_eq!((status, &listed["items"][0]["name"]), (StatusCode::OK, &json!("unused")), "{listed}");
    server.stop();
}

#[tokio::test]
async fn a_target_with_tables_is_refused() {
    let Some(target) = new_target().await else { return };
    let (data, _) = new_data();
    let mut db = PgConnection::connect(&target).await.unwrap();
    sqlx::query("create table notes (id bigint)").execute(&mut db).await.unwrap();
    let refused = migrate(data.path(), &target);
    assert!(!refused.status.success() && stderr(&refused).contains("not empty"), "{refused:?}");
    assert_eq!(count_tables(&target).await, 1);
}

#[tokio::test]
async fn after_a_failure_the_target_is_empty_again() {
    let Some(target) = new_target().await else { return };
    let (data, _) = new_data();
    // PostgreSQL stores no zero character.
    for (name, is_copied) in [("'Ada' || char(0)", false), ("'Ada'", true)] {
        execute(data.path(), format!("update users set name = {name}")).await;
        let output = migrate(data.path(), &target);
        assert_eq!(output.status.success(), is_copied, "{output:?}");
        if !is_copied {
            let message = stderr(&output);
            assert!(message.contains("nothing was changed: the table users can't be copied"), "{message}");
            assert_eq!((count_tables(&target).await, count_functions(&target).await), (0, 0));
        }
    }
}

#[test]
fn the_data_must_be_on_sqlite_and_the_target_on_postgresql() {
    let empty = TempDir::new().unwrap();
    let refused = migrate(empty.path(), "postgres://postgres@127.0.0.1:1/none");
    assert!(!refused.status.success() && stderr(&refused).contains("there is no database in"), "{refused:?}");
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0, "none was created");
    let (data, _) = new_data();
    for (arguments, expected) in [
        (&["sqlite:other.db"][..], "must be a PostgreSQL database"),
        (&["postgres://postgres@127.0.0.1:1/none"], "the target can't be opened"),
        (&["postgres://postgres@127.0.0.1:1/none", "--database", "postgres://postgres@127.0.0.1:1/other"], "on PostgreSQL already"),
    ] {
        let refused = latchkey(data.path(), &[&["admin", "migrate-to"], arguments].concat(), "");
        assert!(!refused.status.success() && stderr(&refused).contains(expected), "{refused:?}");
    }
}
