//! `POST /api/v1/verify`.

use std::{fs, time::Duration};

use latchkey_core::{accounts, etag::IfMatch, keys, public_url::PublicUrl};
use latchkey_program::{config::OutgoingOptions, data_dir::Data};
use latchkey_store::users;
use latchkey_types::{id::KeyId, key_kind::KeyKind};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{TestServer, data_options, eventually, text};

#[tokio::test]
async fn a_good_key_is_told_of_in_full() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "verify");
    let (id, secret) = page.agent_key("Nightly build").await;

    let response = api.request(Method::POST, "/verify").json(&json!({ "key": secret })).send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let verdict: Value = response.json().await.unwrap();
    let (_, viewer) = page.call("account/viewer", json!({})).await;
    let told = [
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
    assert_eq!(verdict.as_object().unwrap().keys().collect::<Vec<_>>().len(), told.len());
    assert!(told.iter().all(|field| verdict.get(field).is_some()), "{verdict}");
    assert_eq!(
        (&verdict["valid"], &verdict["code"], &verdict["key_id"], &verdict["name"], &verdict["kind"], &verdict["customer_id"]),
        (&json!(true), &json!("VALID"), &json!(id), &json!("Nightly build"), &json!("agent"), &viewer["customer_id"])
    );
    assert_eq!(text(&verdict["request_id"]), request_id);
    assert!(text(&verdict["expires_at"]).ends_with('Z'));
}

#[tokio::test]
async fn what_changes_a_key_counts_before_its_own_call_returns() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (id, secret) = page.agent_key("a").await;
    assert_eq!(api.verify(&secret).await, "VALID");

    let (status, _) = page.call("keys/edit", json!({ "id": id, "edited": { "name": "b" } })).await;
    assert_eq!(status, StatusCode::OK);
    let (_, verdict) = api.post("/verify", json!({ "key": secret })).await;
    assert_eq!(verdict["name"], "b");

    let (status, _) = page.call("keys/act", json!({ "action": "delete", "ids": [id] })).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(api.verify(&secret).await, "NOT_FOUND");
}

#[tokio::test]
async fn no_answer_begun_after_a_deletion_is_valid_while_callers_run() {
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
        assert_eq!(page.call("keys/act", json!({ "action": "delete", "ids": [id] })).await.0, StatusCode::OK);
        for _ in 0..4 {
            assert_eq!(api.verify(&secret).await, "NOT_FOUND", "round {round}");
        }
        for caller in callers {
            caller.await.unwrap();
        }
    }
}

#[tokio::test]
async fn another_process_is_heard_within_a_quarter_of_a_second() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let beside = Data::open_beside(&data_options(server.data.path())).await.unwrap();
    let other = beside.core(PublicUrl::new(None, ([127, 0, 0, 1], 1).into()).unwrap(), OutgoingOptions::default()).unwrap();
    let owner = users::user_by_email(&other.store, "owner@acme.test").await.unwrap().unwrap();
    let actor = accounts::console(&owner).unwrap();
    for round in 0..5 {
        let (id, secret) = page.agent_key(&format!("key {round}")).await;
        assert_eq!(api.verify(&secret).await, "VALID");
        keys::delete(&other, &actor, id.parse::<KeyId>().unwrap(), IfMatch::Anything).await.unwrap();
        eventually(Duration::from_millis(250), "the deletion is known", async || api.verify(&secret).await == "NOT_FOUND").await;
    }
}

#[tokio::test]
async fn expired_comes_before_disabled_and_both_say_whose_the_key_is() {
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
        assert_eq!(page.call("keys/act", json!({ "action": "delete", "ids": [id] })).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn what_is_asked_for_beyond_the_key_is_judged_too() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (_, secret) = page.agent_key("a").await;
    for (asked, code) in [
        (json!({ "scope": "read" }), "INSUFFICIENT_PERMISSIONS"),
        (json!({ "corpus": 7 }), "INSUFFICIENT_PERMISSIONS"),
        (json!({ "project": "prj_1" }), "FORBIDDEN"),
        (json!({ "ip": "192.0.2.1", "cost": 3 }), "VALID"),
    ] {
        let mut call = asked.clone();
        call["key"] = json!(secret);
        assert_eq!(api.post("/verify", call).await.1["code"], code, "{asked}");
    }
}

#[tokio::test]
async fn what_is_no_key_of_ours_is_not_found_and_nothing_is_told() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let foreign = server.user("owner", "globex").await;
    let api = server.api("owner@acme.test", "");
    let (_, secret) = page.agent_key("a").await;
    let (_, theirs) = foreign.agent_key("a").await;
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
        &theirs,
        unknown.reveal(),
        "eyJhbGciOiJub25lIn0.e30.",
    ];
    for key in malformed {
        let (status, verdict) = api.post("/verify", json!({ "key": key })).await;
        assert_eq!((status, &verdict["code"], &verdict["valid"]), (StatusCode::OK, &json!("NOT_FOUND"), &json!(false)), "{key:?}");
        let told = verdict
            .as_object()
            .unwrap()
            .iter()
            .filter(|(field, value)| !value.is_null() && !["valid", "code", "request_id"].contains(&field.as_str()));
        assert_eq!(told.count(), 0, "{verdict}");
    }
    assert_eq!(api.verify(&secret).await, "VALID");
}

#[tokio::test]
async fn a_malformed_call_is_the_callers_fault() {
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
        (r#"{"key":"a","cost":-1}"#, 422, "invalid"),
        (r#"{"key":"a","cost":1.5}"#, 422, "invalid"),
        (r#"{"key":"a","ip":"localhost"}"#, 422, "invalid"),
        (r#"{"key":"a","colour":"red"}"#, 422, "invalid"),
        (&deep, 422, "invalid"),
        (&large, 413, "too_large"),
    ] {
        let response = api.request(Method::POST, "/verify").body(body.to_owned()).send().await.unwrap();
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
async fn the_caller_needs_a_good_platform_key_with_the_scope() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    server.user("admin", "acme").await;
    let api = server.api("admin@acme.test", "");
    let reader = server.api("owner@acme.test", "keys:read");
    let (_, secret) = page.agent_key("a").await;
    let call = json!({ "key": secret });
    let code = async |api: &crate::support::Api| {
        let (status, problem) = api.post("/verify", call.clone()).await;
        (status.as_u16(), problem["code"].clone())
    };
    assert_eq!(code(&api.with_key("")).await, (401, json!("missing_api_key")));
    assert_eq!(code(&api.with_key("lkp_x")).await, (401, json!("invalid_api_key")));
    assert_eq!(code(&api.with_key(&secret)).await, (403, json!("wrong_kind")));
    assert_eq!(code(&reader).await, (403, json!("insufficient_scope")));
    assert_eq!(code(&api).await.0, 200);
    let both = api.request(Method::POST, "/verify").bearer_auth("other").json(&call).send().await.unwrap();
    assert_eq!(both.status(), StatusCode::BAD_REQUEST);

    // A key may do what its creator may do now.
    let database = server.database().await;
    let change = async |sql: &'static str| {
        sqlx::query(sql).execute(&database).await.unwrap();
        server.state.verifier.forget(None);
    };
    change("update roles set permissions = 'view_project' where name = 'admin'").await;
    assert_eq!(code(&api).await, (403, json!("forbidden")));
    change("update users set disabled_at = 1 where name like 'admin%'").await;
    assert_eq!(code(&api).await, (401, json!("disabled_api_key")));
}

#[tokio::test]
async fn a_use_is_shown_within_two_seconds_and_costs_no_write_a_call() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (id, secret) = page.agent_key("a").await;
    let last_used = async || api.get(&format!("/keys/{id}")).await.1["last_used_at"].clone();
    assert_eq!(last_used().await, Value::Null);
    let database = server.database().await;
    // SQLite counts the commits of other connections in it.
    let mut one = database.acquire().await.unwrap();
    let before: i64 = sqlx::query_scalar("pragma data_version").fetch_one(&mut *one).await.unwrap();
    for _ in 0..200 {
        api.verify(&secret).await;
    }
    eventually(Duration::from_secs(2), "the use is written", async || !last_used().await.is_null()).await;
    let after: i64 = sqlx::query_scalar("pragma data_version").fetch_one(&mut *one).await.unwrap();
    assert!(after - before < 20, "{} commits for 200 calls", after - before);
}

#[tokio::test]
async fn a_database_that_is_taken_away_is_noticed_and_nothing_is_valid() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (_, secret) = page.agent_key("a").await;
    assert_eq!(api.verify(&secret).await, "VALID");
    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(server.data.path().join(format!("latchkey.db{ending}")));
    }
    let code = async || api.post("/verify", json!({ "key": secret })).await;
    eventually(Duration::from_secs(2), "503", async || code().await.0 == StatusCode::SERVICE_UNAVAILABLE).await;
    let (status, problem) = code().await;
    assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    let (status, fault) = page.call("keys/create", json!({ "wanted": { "kind": "agent", "name": "lost" } })).await;
    assert_eq!((status, &fault["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    let ready = page.client.get(format!("{}/readyz", page.url)).send().await.unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_database_that_cant_be_read_is_noticed_too_and_so_is_its_return() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (_, secret) = page.agent_key("a").await;
    assert_eq!(api.verify(&secret).await, "VALID");
    let database = server.database().await;
    let status = async || api.post("/verify", json!({ "key": secret })).await.0;
    sqlx::query("alter table changes rename to elsewhere").execute(&database).await.unwrap();
    eventually(Duration::from_secs(2), "503", async || status().await == StatusCode::SERVICE_UNAVAILABLE).await;
    sqlx::query("alter table elsewhere rename to changes").execute(&database).await.unwrap();
    eventually(Duration::from_secs(2), "200", async || status().await == StatusCode::OK).await;
}

#[tokio::test]
async fn a_loss_is_noticed_in_time_while_somebody_else_keeps_the_database_from_being_written() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (_, secret) = page.agent_key("a").await;
    let mut other = server.database().await.acquire().await.unwrap();
    sqlx::query("begin immediate").execute(&mut *other).await.unwrap();
    assert_eq!(api.verify(&secret).await, "VALID");
    tokio::time::sleep(Duration::from_millis(1200)).await;
    fs::rename(server.data.path().join("latchkey.db"), server.data.path().join("away.db")).unwrap();
    eventually(Duration::from_secs(2), "503", async || api.post("/verify", json!({ "key": secret })).await.0 == StatusCode::SERVICE_UNAVAILABLE)
        .await;
}
