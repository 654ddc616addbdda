//! `POST /api/v1/verify`.

use std::{fs, time::Duration};

use latchkey_core::{accounts, etag::IfMatch, keys, public_url::PublicUrl};
use latchkey_program::{config::OutgoingOptions, data_dir::Data};
use latchkey_store::users;
use latchkey_test_db::is_skipped_on_postgresql;
use latchkey_types::{id::KeyId, key_kind::KeyKind};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{TestServer, eventually, send_large, text, within};

#[tokio::test]
async fn valid_key_gets_the_full_verdict() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "verify");
    let (id, secret) = page.agent_key("Nightly build").await;

    let response = api.request(Method::POST, "/verify").json(&json!({ "key": secret })).send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let verdict: Value = response.json().await.unwrap();
    let (_, viewer) = page.call("account/viewer", json!({})).await;
    let fields = [
        "valid",
        "code",
        "key_id",
        "name",
        "kind",
        "customer_id",
        "external_id",
        "metadata",
        "scopes",
        "corpora",
        "project_id",
        "role",
        "expires_at",
        "request_id",
    ];
    assert_eq!(verdict.as_object().unwrap().keys().collect::<Vec<_>>().len(), fields.len());
    assert!(fields.iter().all(|field| verdict.get(field).is_some()), "{verdict}");
    assert_eq!(
        (&verdict["valid"], &verdict["code"], &verdict["key_id"], &verdict["name"], &verdict["kind"], &verdict["customer_id"]),
        (&json!(true), &json!("VALID"), &json!(id), &json!("Nightly build"), &json!("agent"), &viewer["customer_id"])
    );
    assert_eq!(text(&verdict["request_id"]), request_id);
    assert!(text(&verdict["expires_at"]).ends_with('Z'));
}

#[tokio::test]
async fn key_changes_apply_before_their_response() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (id, secret) = page.agent_key("a").await;
    assert_eq!(api.verify(&secret).await, "VALID");

    let (status, _) = page.call("keys/edit", json!({ "id": id, "patch": { "name": "b" } })).await;
    assert_eq!(status, StatusCode::OK);
    let (_, verdict) = api.post("/verify", json!({ "key": secret })).await;
    assert_eq!(verdict["name"], "b");

    let (status, _) = page.call("keys/bulk", json!({ "action": "delete", "ids": [id] })).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(api.verify(&secret).await, "NOT_FOUND");
}

#[tokio::test]
async fn no_request_after_a_deletion_is_valid() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    for round in 0..25 {
        let (id, secret) = page.agent_key(&format!("key {round}")).await;
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let (api, secret) = (api.clone(), secret.clone());
                tokio::spawn(async move { while api.verify(&secret).await == "VALID" {} })
            })
            .collect();
        assert_eq!(page.call("keys/bulk", json!({ "action": "delete", "ids": [id] })).await.0, StatusCode::OK);
        for _ in 0..4 {
            assert_eq!(api.verify(&secret).await, "NOT_FOUND", "round {round}");
        }
        for caller in callers {
            caller.await.unwrap();
        }
    }
}

#[tokio::test]
async fn changes_by_another_process_apply_within_250_ms() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let data = Data::open_for_admin(&server.data_options()).await.unwrap();
    let other = data.core(PublicUrl::new(None, ([127, 0, 0, 1], 1).into()).unwrap(), OutgoingOptions::default()).unwrap();
    let owner = users::find_user_by_email(&other.store, "owner@acme.test").await.unwrap().unwrap();
    let actor = accounts::console_actor(&owner);
    for round in 0..5 {
        let (id, secret) = page.agent_key(&format!("key {round}")).await;
        assert_eq!(api.verify(&secret).await, "VALID");
        keys::delete(&other, &actor, id.parse::<KeyId>().unwrap(), IfMatch::Unconditional).await.unwrap();
        within(Duration::from_millis(250), "the deletion takes effect", async || api.verify(&secret).await == "NOT_FOUND").await;
    }
}

#[tokio::test]
async fn expired_precedes_disabled_and_both_identify_the_key() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let database = server.database().await;
    for (set, code) in [
        ("disabled_at = 1", "DISABLED"),
        ("expires_at = 1", "EXPIRED"),
        ("disabled_at = 1, expires_at = 1", "EXPIRED"),
        ("revoked_at = 1", "NOT_FOUND"),
    ] {
        let (id, secret) = page.agent_key(code).await;
        sqlx::query(sqlx::AssertSqlSafe(format!("update api_keys set {set} where id = '{id}'"))).execute(&database).await.unwrap();
        let (_, verdict) = api.post("/verify", json!({ "key": secret })).await;
        assert_eq!(verdict["code"], code, "{set}");
        assert_eq!(verdict["key_id"].is_null(), code == "NOT_FOUND");
        assert_eq!(page.call("keys/bulk", json!({ "action": "delete", "ids": [id] })).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn kind_scope_corpus_and_project_are_checked() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (_, secret) = page.agent_key("a").await;
    for (fields, code) in [
        (json!({ "kind": "agent" }), "VALID"),
        (json!({ "kind": null }), "VALID"),
        (json!({ "kind": "client" }), "FORBIDDEN"),
        (json!({ "kind": "client", "scope": "read" }), "FORBIDDEN"),
        (json!({ "scope": "read" }), "INSUFFICIENT_PERMISSIONS"),
        (json!({ "corpus": 7 }), "INSUFFICIENT_PERMISSIONS"),
        (json!({ "project": "prj_1" }), "FORBIDDEN"),
        (json!({ "ip": "192.0.2.1", "cost": 3 }), "VALID"),
    ] {
        let mut body = fields.clone();
        body["key"] = json!(secret);
        assert_eq!(api.post("/verify", body).await.1["code"], code, "{fields}");
    }
}

#[tokio::test]
async fn unknown_keys_are_not_found_without_details() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let other_organization = server.user("owner", "globex").await;
    let api = server.api("owner@acme.test", "");
    let (_, secret) = page.agent_key("a").await;
    let (_, other_secret) = other_organization.agent_key("a").await;
    let mut forged = secret.clone();
    forged.replace_range(10..11, if &secret[10..11] == "a" { "b" } else { "a" });
    let unknown = latchkey_crypto::key_format::PlainKey::generate(KeyKind::Agent).unwrap();
    let longer = format!("{secret}a");
    let malformed = [
        "",
        " ",
        "lka_",
        "a",
        "lka_日本語",
        "\u{0}",
        &secret[..secret.len() - 1],
        &longer,
        &forged,
        &other_secret,
        unknown.reveal(),
        "eyJhbGciOiJub25lIn0.e30.",
    ];
    for key in malformed {
        let (status, verdict) = api.post("/verify", json!({ "key": key })).await;
        assert_eq!((status, &verdict["code"], &verdict["valid"]), (StatusCode::OK, &json!("NOT_FOUND"), &json!(false)), "{key:?}");
        let details = verdict
            .as_object()
            .unwrap()
            .iter()
            .filter(|(field, value)| !value.is_null() && !["valid", "code", "request_id"].contains(&field.as_str()));
        assert_eq!(details.count(), 0, "{verdict}");
    }
    assert_eq!(api.verify(&secret).await, "VALID");
}

#[tokio::test]
async fn malformed_requests_are_rejected() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (_, secret) = page.agent_key("a").await;
    let large = format!(r#"{{"key":"{}"}}"#, "a".repeat(70_000));
    let deep = format!(r#"{{"key":{}}}"#, "[".repeat(30_000));
    for (body, status, code) in [
        ("", 400, "malformed"),
        ("{", 400, "malformed"),
        ("{\"key\":\"a\"", 400, "malformed"),
        ("{\"key\":\"\u{1}\"}", 400, "malformed"),
        ("[]", 422, "invalid"),
        ("null", 422, "invalid"),
        ("{}", 422, "invalid"),
        (r#"{"key":1}"#, 422, "invalid"),
        (r#"{"key":null}"#, 422, "invalid"),
        (r#"{"key":"a","key":"b"}"#, 422, "invalid"),
        (r#"{"key":"a","kind":"general"}"#, 422, "invalid"),
        (r#"{"key":"a","kind":["client"]}"#, 422, "invalid"),
        (r#"{"key":"a","cost":-1}"#, 422, "invalid"),
        (r#"{"key":"a","cost":1.5}"#, 422, "invalid"),
        (r#"{"key":"a","ip":"localhost"}"#, 422, "invalid"),
        (r#"{"key":"a","colour":"red"}"#, 422, "invalid"),
        (&deep, 422, "invalid"),
        (&large, 413, "too_large"),
    ] {
        let response = send_large(api.request(Method::POST, "/verify").body(body.to_owned())).await;
        let shown = &body[..body.len().min(40)];
        assert_eq!(response.status().as_u16(), status, "{shown}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem: Value = response.json().await.unwrap();
        assert_eq!((&problem["code"], &problem["status"]), (&json!(code), &json!(status)), "{shown}");
    }
    let response = api.request(Method::GET, "/verify").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    let bytes = api.request(Method::POST, "/verify").body(vec![b'{', 0xFF, b'}']).send().await.unwrap();
    assert_eq!(bytes.status(), StatusCode::BAD_REQUEST);
    assert_eq!(api.verify(&secret).await, "VALID");
}

#[tokio::test]
async fn caller_needs_a_valid_internal_key_with_the_scope() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    server.user("admin", "acme").await;
    let api = server.api("admin@acme.test", "");
    let reader = server.api("owner@acme.test", "keys:read");
    let (_, secret) = page.agent_key("a").await;
    let call = json!({ "key": secret });
    let code = async |api: &crate::support::ApiClient| {
        let (status, problem) = api.post("/verify", call.clone()).await;
        (status.as_u16(), problem["code"].clone())
    };
    assert_eq!(code(&api.with_key("")).await, (401, json!("missing_api_key")));
    assert_eq!(code(&api.with_key("lki_x")).await, (401, json!("invalid_api_key")));
    assert_eq!(code(&api.with_key(&secret)).await, (403, json!("wrong_kind")));
    assert_eq!(code(&reader).await, (403, json!("insufficient_scope")));
    assert_eq!(code(&api).await.0, 200);
    let both = api.request(Method::POST, "/verify").bearer_auth("other").json(&call).send().await.unwrap();
    assert_eq!(both.status(), StatusCode::BAD_REQUEST);

    // The current permissions of the creator limit the key.
    let database = server.database().await;
    let change = async |sql: &'static str| {
        sqlx::query(sql).execute(&database).await.unwrap();
        server.state.verifier.invalidate_all();
    };
    change("update roles set permissions = 'view_project' where name = 'admin'").await;
    assert_eq!(code(&api).await, (403, json!("forbidden")));
    change("update users set disabled_at = 1 where name like 'admin%'").await;
    assert_eq!(code(&api).await, (401, json!("disabled_api_key")));
}

#[tokio::test]
async fn last_use_is_saved_in_batches_within_two_seconds() {
    if is_skipped_on_postgresql("it counts the commits of SQLite") {
        return;
    }
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (id, secret) = page.agent_key("a").await;
    let last_used = async || api.get(&format!("/keys/{id}")).await.1["last_used_at"].clone();
    assert_eq!(last_used().await, Value::Null);
    let database = server.database().await;
    // SQLite increments `data_version` with every commit of another connection.
    let mut connection = database.acquire().await.unwrap();
    let before: i64 = sqlx::query_scalar("pragma data_version").fetch_one(&mut *connection).await.unwrap();
    for _ in 0..200 {
        api.verify(&secret).await;
    }
    within(Duration::from_secs(2), "last use is saved", async || !last_used().await.is_null()).await;
    let after: i64 = sqlx::query_scalar("pragma data_version").fetch_one(&mut *connection).await.unwrap();
    assert!(after - before < 20, "{} commits for 200 calls", after - before);
}

#[tokio::test]
async fn a_key_that_requires_more_is_forbidden() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "verify");
    let (_, secret) = page.agent_key("a").await;
    let database = server.database().await;
    let set_requirements = async |name: &str, words: &str| {
        sqlx::query("update api_keys set requires = $1 where name = $2").bind(words).bind(name).execute(&database).await.unwrap();
        server.state.verifier.invalidate_all();
    };
    for (words, code) in [("networks weekdays", "FORBIDDEN"), ("", "VALID")] {
        set_requirements("a", words).await;
        assert_eq!(api.verify(&secret).await, code, "{words}");
    }
    // The caller's own key.
    set_requirements("test", "weekdays").await;
    let (status, problem) = api.post("/verify", json!({ "key": secret })).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("invalid_api_key")));
}

#[tokio::test]
async fn deleted_database_is_detected() {
    if is_skipped_on_postgresql("it removes the files of SQLite") {
        return;
    }
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (_, secret) = page.agent_key("a").await;
    assert_eq!(api.verify(&secret).await, "VALID");
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(server.data.path().join(format!("latchkey.db{suffix}")));
    }
    let code = async || api.post("/verify", json!({ "key": secret })).await;
    // A loss is reported within two seconds: docs/operating.md.
    within(Duration::from_secs(2), "503", async || code().await.0 == StatusCode::SERVICE_UNAVAILABLE).await;
    let (status, problem) = code().await;
    assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    let (status, error) = page.call("keys/create", json!({ "request": { "kind": "agent", "name": "lost" } })).await;
    assert_eq!((status, &error["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    let ready = page.client.get(format!("{}/readyz", page.url)).send().await.unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn unreadable_database_and_its_recovery_are_detected() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (_, secret) = page.agent_key("a").await;
    assert_eq!(api.verify(&secret).await, "VALID");
    let database = server.database().await;
    let status = async || api.post("/verify", json!({ "key": secret })).await.0;
    sqlx::query("alter table verdict_changes rename to elsewhere").execute(&database).await.unwrap();
    within(Duration::from_secs(2), "503", async || status().await == StatusCode::SERVICE_UNAVAILABLE).await;
    sqlx::query("alter table elsewhere rename to verdict_changes").execute(&database).await.unwrap();
    eventually("200", async || status().await == StatusCode::OK).await;
}

#[tokio::test]
async fn lost_database_is_detected_despite_a_write_lock() {
    if is_skipped_on_postgresql("it moves the file of SQLite") {
        return;
    }
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (_, secret) = page.agent_key("a").await;
    let mut other = server.database().await.acquire().await.unwrap();
    sqlx::query("begin immediate").execute(&mut *other).await.unwrap();
    assert_eq!(api.verify(&secret).await, "VALID");
    // Usage is written every second; an older age means that the write waits for the lock.
    eventually("a write waits for the lock", async || server.state.verifier.flush_age().0 > 1500).await;
    fs::rename(server.data.path().join("latchkey.db"), server.data.path().join("away.db")).unwrap();
    within(Duration::from_secs(2), "503", async || api.post("/verify", json!({ "key": secret })).await.0 == StatusCode::SERVICE_UNAVAILABLE).await;
}
