//! What a statement costs does not depend on the number of rows in the tables that grow.

use std::{
    collections::HashMap,
    env,
    fmt::Write,
    process::Command,
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use serde_json::json;
use sqlx::{AnyPool, AssertSqlSafe};
use tracing_subscriber::util::SubscriberInitExt;

use crate::{
    matrix::call_every_route,
    support::{BrowserClient, TestServer, statements::Statements, text},
};

/// Tables without a bound for their number of rows. Sessions are bounded per user, and batches of usage by time.
const GROWING: [&str; 27] = [
    "access_requests",
    "api_keys",
    "audit_events",
    "call_bodies",
    "credentials",
    "discarded_samples",
    "document_sections",
    "documents",
    "hidden_sections",
    "idempotency_keys",
    "import_files",
    "import_jobs",
    "invitations",
    "issued_keys",
    "key_corpora",
    "mail_queue",
    "model_calls",
    "model_usage_by_day",
    "model_usage_by_hour",
    "notifications",
    "receipts",
    "retired_secrets",
    "samples",
    "sealed_secrets",
    "usage_by_day",
    "usage_by_minute",
    "verdict_changes",
];

/// Statements that may read a range of such a table, by a part of their text, and why.
const EXCEPTIONS: [(&str, &str); 15] = [
    ("corpus_words_", "the full-text index of a corpus, whose table is dropped with it"),
    ("delete from idempotency_keys where started_at <", "reads only what it deletes"),
    ("delete from receipts where committed_at <", "reads only what it deletes"),
    ("delete from usage_by_minute where minute <", "reads only what it deletes"),
    ("delete from model_usage_by_hour where hour <", "reads only what it deletes"),
    ("delete from verdict_changes where seq <", "reads twice as many rows as were added"),
    ("from verdict_changes where seq >", "reads the changes since the last read"),
    ("from notifications n where n.seq >", "reads the notifications since the last read"),
    ("from import_jobs j join users u on u.id = j.created_by where j.state = 'running' and", "reads the imports that run"),
    ("from discarded_samples where sample_id >", "reads the content that is to be removed"),
    ("from mail_queue where next_attempt_at <=", "reads the mails that are due"),
    ("from audit_events where seq >", "reads a part of the log in order to verify it"),
    ("select id from invitations where email =", "a statement of the fixtures"),
    ("insert into key_names (rowid, name_folded) select", "reads all keys once, when the index is created"),
    ("update api_keys set sorted_use_at = last_used_at", "reads all keys once, before the index by use is created"),
];

/// Set in the process that calls the routes: the log of statements is of a whole process, and other tests execute statements of their own.
const CHILD: &str = "LATCHKEY_TEST_RECORDS_STATEMENTS";

#[tokio::test]
async fn no_statement_reads_all_rows_of_a_table_that_grows() {
    if env::var_os(CHILD).is_none() {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "query_plans::no_statement_reads_all_rows_of_a_table_that_grows", "--nocapture"]);
        let output = child.env(CHILD, "1").env_remove("LATCHKEY_TEST_POSTGRES").output().unwrap();
        assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        return;
    }
    let statements = Statements::default();
    statements.dispatch().init();
    let server = call_every_route().await;
    let recorded = statements.recorded();
    for expected in ["insert into api_keys", "insert into audit_events", "select k.id, k.number", "delete from verdict_changes"] {
        assert!(recorded.iter().any(|sql| sql.contains(expected)), "“{expected}” is not among {} recorded statements", recorded.len());
    }
    let database = server.database().await;
    let mut failures = String::new();
    for sql in recorded.iter().filter(|sql| !EXCEPTIONS.iter().any(|(part, _)| sql.contains(part))) {
        for step in unbounded_steps(&database, sql).await {
            writeln!(failures, "{step}: {sql}").unwrap();
        }
    }
    assert!(failures.is_empty(), "add an index, or an exception with its reason:\n{failures}");
}

/// The steps of SQLite's plan that read a growing table without looking up a value in an index.
async fn unbounded_steps(database: &AnyPool, sql: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!("explain query plan {sql}"));
    let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(database).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let names = growing_names(sql);
    let steps = plan.into_iter().map(|(.., step)| step);
    steps.filter(|step| names.contains_key(step.split_whitespace().nth(1).unwrap_or_default()) && is_unbounded(step)).collect()
}

/// `SCAN …`, a search in an index that is built for the statement, and a search with only `<` and `>`. A search without any condition reads the
/// first or last entry.
fn is_unbounded(step: &str) -> bool {
    let conditions = step.rsplit_once('(').map(|(_, conditions)| conditions);
    step.starts_with("SCAN ") || step.contains("AUTOMATIC") || conditions.is_some_and(|conditions| !conditions.contains('='))
}

/// The growing tables in a statement by the names that its plan has for them: the alias, or the name itself.
fn growing_names(sql: &str) -> HashMap<&str, &str> {
    const AFTER_TABLE: [&str; 20] = [
        "and",
        "as",
        "cross",
        "group",
        "inner",
        "join",
        "left",
        "limit",
        "on",
        "or",
        "order",
        "returning",
        "select",
        "set",
        "union",
        "using",
        "values",
        "where",
        "window",
        "full",
    ];
    let words: Vec<&str> = sql.split(|c: char| !(c.is_alphanumeric() || "_.$,()=".contains(c))).filter(|word| !word.is_empty()).collect();
    let mut names = HashMap::new();
    for pair in words.windows(2) {
        let Some(table) = GROWING.iter().find(|table| **table == pair[0]) else { continue };
        let alias = pair[1].trim_end_matches([',', ')']);
        let is_alias = alias.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !alias.is_empty() && !AFTER_TABLE.contains(&alias);
        names.insert(if is_alias { alias } else { pair[0] }, *table);
    }
    for word in words {
        // Followed by a bracket or comma, or at the end.
        let word = word.trim_matches(['(', ')', ',']);
        if let Some(table) = GROWING.iter().find(|table| **table == word) {
            names.entry(word).or_insert(*table);
        }
    }
    names
}

#[test]
fn unbounded_steps_are_recognized() {
    for step in ["SCAN k", "SCAN k USING INDEX a", "SEARCH k USING INDEX a (seq<?)", "SEARCH k USING AUTOMATIC COVERING INDEX (a=?)"] {
        assert!(is_unbounded(step), "{step}");
    }
    for step in ["SEARCH k USING INDEX a (id=?)", "SEARCH k USING INDEX a (id=? AND at>?)", "SEARCH k USING COVERING INDEX a"] {
        assert!(!is_unbounded(step), "{step}");
    }
    let names =
        growing_names("select k.id from api_keys k join users u where k.id in (select key_id from issued_keys) union select 1 from credentials");
    assert_eq!(names, HashMap::from([("k", "api_keys"), ("api_keys", "api_keys"), ("issued_keys", "issued_keys"), ("credentials", "credentials")]));
}

/// The median time of creating and deleting a key.
async fn time_of_changes(page: &BrowserClient, name: &str) -> Duration {
    let mut times = vec![];
    for number in 0..15 {
        let started = Instant::now();
        let (id, _) = page.agent_key(&format!("{name} {number}")).await;
        let (status, deleted) = page.call("keys/bulk", json!({ "action": "delete", "ids": [id] })).await;
        assert_eq!((status, &deleted["done"]), (StatusCode::OK, &json!(1)), "{deleted}");
        times.push(started.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

#[tokio::test]
async fn the_time_of_a_change_does_not_depend_on_what_is_stored() {
    let (_guard, server) = TestServer::start_exclusive().await;
    let page = server.user("owner", "acme").await;
    let database = server.database().await;
    time_of_changes(&page, "warm-up").await;
    let before = time_of_changes(&page, "before").await;
    // Numbers below those in use, so that the next ones stay free.
    for rows in [
        "insert into verdict_changes (seq, created_at, change) select -i, unixepoch() * 1000, 'signing-keys' from n",
        "insert into audit_events (seq, id, at, organization_id, actor_kind, actor_id, actor_name, action, object_kind, object_id, object_name, \
         detail, address, mac) select -i, '', 0, o.id, 'user', '', '', 'key.created', 'key', '', '', '{}', '', x'00' from n, organizations o",
        "insert into api_keys (number, id, organization_id, kind, name, name_folded, digest, mask, scopes, created_by, created_at) \
         select -i, printf('key_%032x', i), o.id, 'client', 'a', 'a', randomblob(32), '', '', u.id, i from n, organizations o, users u",
    ] {
        let sql = AssertSqlSafe(format!("with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000) {rows}"));
        sqlx::query(sql).execute(&database).await.unwrap();
    }
    sqlx::query("pragma wal_checkpoint(truncate)").execute(&database).await.unwrap();
    let after = time_of_changes(&page, "after").await;
    // Reading 200,000 rows takes tens of milliseconds.
    assert!(after < before * 2 + Duration::from_millis(5), "{before:?} before, {after:?} after");
}

#[tokio::test]
async fn an_import_is_recorded_key_by_key_in_one_chain() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let keys: Vec<_> = (0..1000).map(|number| json!({ "sha256": format!("{number:064x}"), "name": format!("é “{number}”\\") })).collect();
    let (status, imported) = api.post("/keys/import", json!({ "keys": keys })).await;
    assert_eq!(status, StatusCode::CREATED, "{imported}");
    let names: Vec<String> = imported["items"].as_array().unwrap().iter().map(|item| text(&item["name"])).collect();
    assert!(names.iter().enumerate().all(|(number, name)| *name == format!("é “{number}”\\")), "in the order of the request");
    let (_, found) = page.call("audit/read", json!({ "query": { "search": "é “999”\\", "period": "all" } })).await;
    assert_eq!(found["events"][0]["action"], "key.imported");
    let verified = server.latchkey(&["admin", "verify-audit"], "");
    assert!(verified.status.success(), "{verified:?}");
    let repeated = json!({ "keys": [{ "sha256": "f".repeat(64), "name": "a" }, { "sha256": "f".repeat(64), "name": "b" }] });
    let (status, problem) = api.post("/keys/import", repeated).await;
    assert_eq!((status, &problem["field"]), (StatusCode::CONFLICT, &json!("keys[1].sha256")));
}
