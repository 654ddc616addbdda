//! Rate limits, credits and allow-lists of keys, over REST and at verify.

use std::{sync::Arc, time::Duration};

use latchkey_core::Core;
use latchkey_core::public_url::PublicUrl;
use latchkey_program::{config::OutgoingOptions, data_dir::Data};
use latchkey_test_db::is_skipped_on_postgresql;
use latchkey_types::id::OrganizationId;
use latchkey_verify::VerifyRequest;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{ApiClient, BrowserClient, TestServer, eventually, text};

/// A server with an owner: browser client, and API client with all scopes.
async fn setup() -> (TestServer, BrowserClient, ApiClient) {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    (server, page, api)
}

/// Creates a client key with these limits. Returns its id and its secret.
async fn client_key(api: &ApiClient, limits: Value) -> (String, String) {
    let mut call = json!({ "kind": "client", "name": "limited" });
    call.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
    let (status, created) = api.post("/keys", call).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    (text(&created["key"]["id"]), text(&created["secret"]))
}

async fn code(api: &ApiClient, secret: &str, fields: Value) -> String {
    let mut call = json!({ "key": secret });
    call.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    text(&api.post("/verify", call).await.1["code"])
}

/// Verifies the key with 64 concurrent callers until none of 64 gets VALID. Returns how often it was VALID.
async fn count_valid(api: &ApiClient, secret: &str) -> usize {
    let mut valid = 0;
    loop {
        let mut callers = JoinSet::new();
        for _ in 0..64 {
            let (api, secret) = (api.clone(), secret.to_owned());
            callers.spawn(async move { api.verify(&secret).await });
        }
        let round = callers.join_all().await.iter().filter(|code| *code == "VALID").count();
        valid += round;
        if round == 0 {
            return valid;
        }
    }
}

#[tokio::test]
async fn limits_are_returned_and_can_be_changed() {
    let (_server, _, api) = setup().await;
    let limits = json!({
        "rate_limits": [{ "name": "burst", "limit": 5, "duration_ms": 1000 }, { "name": "day", "limit": 100, "duration_ms": 86_400_000 }],
        "credits": { "remaining": 7, "refill": "daily", "amount": 10 },
        "allowed_ips": ["192.0.2.9/24", "2001:db8::1"],
    });
    let (id, _) = client_key(&api, limits.clone()).await;
    let path = format!("/keys/{id}");
    let (_, key) = api.get(&path).await;
    assert_eq!((&key["rate_limits"], &key["credits"]), (&limits["rate_limits"], &limits["credits"]));
    assert_eq!(key["allowed_ips"], json!(["192.0.2.0/24", "2001:db8::1/128"]));

    let changed = async |change: Value| api.call(Method::PATCH, &path, Some(change)).await;
    // Omitted fields do not change, and neither do the remaining credits.
    let (status, key) = changed(json!({ "credits": { "refill": "monthly", "amount": 50 } })).await;
    assert_eq!((status, &key["credits"]), (StatusCode::OK, &json!({ "remaining": 7, "refill": "monthly", "amount": 50 })));
    assert_eq!(key["rate_limits"], limits["rate_limits"]);
    let (_, key) = changed(json!({ "rate_limits": [], "credits": null, "allowed_ips": [] })).await;
    assert_eq!((&key["rate_limits"], &key["credits"], &key["allowed_ips"]), (&json!([]), &Value::Null, &json!([])));
}

#[tokio::test]
async fn invalid_limit_is_named() {
    let (_server, _, api) = setup().await;
    for (limits, field) in [
        (json!({ "rate_limits": [{ "name": "a", "limit": 0, "duration_ms": 1000 }] }), "rate_limits[0].limit"),
        (json!({ "rate_limits": [{ "name": "a", "limit": 1, "duration_ms": 1 }] }), "rate_limits[0].duration_ms"),
        (json!({ "rate_limits": [{ "name": "a", "limit": 1, "duration_ms": 1000, "burst": 3 }] }), "burst"),
        (json!({ "rate_limits": [{ "name": "", "limit": 1, "duration_ms": 1000 }] }), "rate_limits[0].name"),
        (json!({ "rate_limits": [{ "name": "a", "limit": 1.5, "duration_ms": 1000 }] }), "rate_limits[0].limit"),
        (json!({ "credits": { "remaining": -1 } }), "credits.remaining"),
        (json!({ "credits": {} }), "credits.remaining"),
        (json!({ "credits": { "refill": "hourly", "amount": 1 } }), "credits.refill"),
        (json!({ "credits": { "remaining": 1, "refill": "daily" } }), "credits.amount"),
        (json!({ "allowed_ips": ["10.0.0.0/8", "10.0.0.0/33"] }), "allowed_ips[1]"),
    ] {
        let mut call = json!({ "kind": "client", "name": "a" });
        call.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        let (status, problem) = api.post("/keys", call).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{limits}: {problem}");
    }
    for limits in [json!({ "credits": { "remaining": 1 } }), json!({ "allowed_ips": ["10.0.0.1"] })] {
        let field = limits.as_object().unwrap().keys().next().unwrap().clone();
        let mut call = json!({ "kind": "internal", "name": "a", "duration_days": 30 });
        call.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        let (status, problem) = api.post("/keys", call).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "other kinds have no limits");
    }
}

#[tokio::test]
async fn concurrent_callers_never_exceed_a_rate_limit() {
    let (_server, _, api) = setup().await;
    let limits = json!({ "rate_limits": [{ "name": "wide", "limit": 1000, "duration_ms": 600_000 }, { "name": "narrow", "limit": 100, "duration_ms": 600_000 }] });
    let (id, secret) = client_key(&api, limits).await;
    assert_eq!(count_valid(&api, &secret).await, 100);
    assert_eq!(api.verify(&secret).await, "RATE_LIMITED");

    // The used requests survive every change of the key: of other fields, of the limit itself, and disabling.
    let change = async |change: Value| api.call(Method::PATCH, &format!("/keys/{id}"), Some(change)).await.0;
    assert_eq!(change(json!({ "name": "other" })).await, StatusCode::OK);
    assert_eq!(api.verify(&secret).await, "RATE_LIMITED");
    assert_eq!(api.post(&format!("/keys/{id}/disable"), json!({})).await.0, StatusCode::OK);
    assert_eq!(api.verify(&secret).await, "DISABLED");
    assert_eq!(api.post(&format!("/keys/{id}/enable"), json!({})).await.0, StatusCode::OK);
    assert_eq!(api.verify(&secret).await, "RATE_LIMITED");
    assert_eq!(change(json!({ "rate_limits": [{ "name": "narrow", "limit": 103, "duration_ms": 600_000 }] })).await, StatusCode::OK);
    assert_eq!(count_valid(&api, &secret).await, 3);
    assert_eq!(change(json!({ "rate_limits": [] })).await, StatusCode::OK);
    assert_eq!(api.verify(&secret).await, "VALID");
}

#[tokio::test]
async fn rate_limit_window_slides_and_reports_the_remainder() {
    let (_server, _, api) = setup().await;
    let (_, secret) = client_key(&api, json!({ "rate_limits": [{ "name": "burst", "limit": 2, "duration_ms": 1000 }] })).await;
    let verify = async || {
        let response = api.request(Method::POST, "/verify").json(&json!({ "key": secret })).send().await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let headers = (header("ratelimit-policy"), header("ratelimit"));
        (text(&response.json::<Value>().await.unwrap()["code"]), headers)
    };
    let policy = r#""burst";q=2;w=1"#.to_owned();
    assert_eq!(verify().await, ("VALID".into(), (policy.clone(), r#""burst";r=1;t=1"#.into())));
    assert_eq!(verify().await, ("VALID".into(), (policy.clone(), r#""burst";r=0;t=1"#.into())));
    assert_eq!(verify().await, ("RATE_LIMITED".into(), (policy, r#""burst";r=0;t=1"#.into())));
    // Rejected requests do not count, so the window becomes free in time.
    eventually("the window has slid", async || verify().await.0 == "VALID").await;
}

#[tokio::test]
async fn concurrent_callers_never_exceed_the_credits() {
    let (_server, _, api) = setup().await;
    let (id, secret) = client_key(&api, json!({ "credits": { "remaining": 500 } })).await;
    let remaining = async || api.get(&format!("/keys/{id}")).await.1["credits"]["remaining"].clone();
    assert_eq!(api.verify(&secret).await, "VALID");
    assert_eq!(remaining().await, 499, "reserved credits count as remaining");
    assert_eq!(count_valid(&api, &secret).await, 499);
    assert_eq!((remaining().await, api.verify(&secret).await), (json!(0), "USAGE_EXCEEDED".to_owned()));
    assert_eq!(code(&api, &secret, json!({ "cost": 0 })).await, "VALID", "a request without cost needs no credits");

    // Added credits are available immediately.
    let (status, _) = api.call(Method::PATCH, &format!("/keys/{id}"), Some(json!({ "credits": { "remaining": 10 } }))).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(code(&api, &secret, json!({ "cost": 11 })).await, "USAGE_EXCEEDED");
    assert_eq!(code(&api, &secret, json!({ "cost": 4 })).await, "VALID");
    assert_eq!(remaining().await, 6);
    assert_eq!(count_valid(&api, &secret).await, 6);
}

#[tokio::test]
async fn rejected_requests_use_no_credits_and_limits_are_last() {
    let (_server, _, api) = setup().await;
    let limits = json!({
        "scopes": ["read"], "allowed_ips": ["192.0.2.0/24"], "credits": { "remaining": 1 },
        "rate_limits": [{ "name": "a", "limit": 2, "duration_ms": 600_000 }],
    });
    let (_, secret) = client_key(&api, limits).await;
    let allowed = json!({ "ip": "192.0.2.1" });
    for (fields, expected) in [
        (json!({}), "FORBIDDEN"),
        (json!({ "ip": "198.51.100.1", "scope": "write" }), "FORBIDDEN"),
        (json!({ "ip": "192.0.2.1", "scope": "write" }), "INSUFFICIENT_PERMISSIONS"),
        (json!({ "ip": "192.0.2.1", "cost": 2 }), "USAGE_EXCEEDED"),
        (json!({ "ip": "192.0.2.1", "cost": 2 }), "USAGE_EXCEEDED"),
        (json!({ "ip": "192.0.2.1", "cost": 2 }), "USAGE_EXCEEDED"),
        (allowed.clone(), "VALID"),
        (allowed.clone(), "USAGE_EXCEEDED"),
        (json!({ "ip": "192.0.2.1", "cost": 0 }), "VALID"),
        (allowed, "RATE_LIMITED"),
    ] {
        assert_eq!(code(&api, &secret, fields.clone()).await, expected, "{fields}");
    }
    let (status, problem) = api.post("/verify", json!({ "key": secret, "cost": -1 })).await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("cost")));
}

/// The core of a second server on the same database, and the organization.
async fn second_server(server: &TestServer) -> (Data, Core, OrganizationId) {
    let organization = sqlx::query_scalar::<_, String>("select id from organizations").fetch_one(&server.database().await).await.unwrap();
    let data = Data::open_for_admin(&server.data_options()).await.unwrap();
    let url = PublicUrl::new(None, ([127, 0, 0, 1], 1).into()).unwrap();
    let state = data.core(url, OutgoingOptions::default()).unwrap();
    (data, state, organization.parse().unwrap())
}

/// The credits that are left in the database, without those that instances have reserved.
async fn stored_credits(server: &TestServer, id: &str) -> i64 {
    let sql = "select credits_remaining from api_keys where id = $1";
    sqlx::query_scalar(sql).bind(id).fetch_one(&server.database().await).await.unwrap()
}

#[tokio::test]
async fn unused_reserved_credits_are_returned() {
    let (server, _, api) = setup().await;
    let mut keys = Vec::new();
    for _ in 0..3 {
        let (id, secret) = client_key(&api, json!({ "credits": { "remaining": 100 } })).await;
        assert_eq!(api.verify(&secret).await, "VALID");
        assert!(stored_credits(&server, &id).await < 99, "credits are reserved in blocks");
        keys.push((id, secret));
    }
    // A balance that was set does not get reserved credits of the previous one.
    let (changed, _) = keys.pop().unwrap();
    assert_eq!(api.call(Method::PATCH, &format!("/keys/{changed}"), Some(json!({ "credits": { "remaining": 10 } }))).await.0, StatusCode::OK);
    for (id, _) in &keys {
        eventually("the reserved credits are returned", async || stored_credits(&server, id).await == 99).await;
    }
    assert_eq!(stored_credits(&server, &changed).await, 10);
    let (id, secret) = &keys[0];
    assert_eq!(api.verify(secret).await, "VALID");
    assert_eq!(api.get(&format!("/keys/{id}")).await.1["credits"]["remaining"], 98);
}

#[tokio::test]
async fn credits_that_cannot_be_returned_stay_reserved() {
    let (server, _, api) = setup().await;
    let (id, secret) = client_key(&api, json!({ "credits": { "remaining": 100 } })).await;
    let (_data, other, organization) = second_server(&server).await;
    assert!(other.verifier.evaluate(organization, &VerifyRequest::new(&secret)).await.unwrap().is_valid());
    let reserved = stored_credits(&server, &id).await;
    other.store.set_unavailable(true);
    other.verifier.return_credits().await;
    assert_eq!(stored_credits(&server, &id).await, reserved);
    other.store.set_unavailable(false);
    other.verifier.return_credits().await;
    assert_eq!(stored_credits(&server, &id).await, 99);
}

#[tokio::test]
async fn call_that_costs_more_than_is_left_reserves_nothing() {
    let (server, _, api) = setup().await;
    let (id, secret) = client_key(&api, json!({ "credits": { "remaining": 1000 } })).await;
    assert_eq!(code(&api, &secret, json!({ "cost": 5000 })).await, "USAGE_EXCEEDED");
    assert_eq!(stored_credits(&server, &id).await, 1000);
    assert_eq!(code(&api, &secret, json!({ "cost": 1000 })).await, "VALID");
}

#[tokio::test]
async fn changing_the_refill_keeps_the_remaining_credits() {
    let (server, _, api) = setup().await;
    let (id, secret) = client_key(&api, json!({ "credits": { "remaining": 1000 } })).await;
    let (_data, other, organization) = second_server(&server).await;
    assert_eq!(api.verify(&secret).await, "VALID");
    assert!(other.verifier.evaluate(organization, &VerifyRequest::new(&secret)).await.unwrap().is_valid());
    for (refill, amount) in [("monthly", 50), ("daily", 60), ("never", 0)] {
        let change = json!({ "credits": { "refill": refill, "amount": amount } });
        let (status, key) = api.call(Method::PATCH, &format!("/keys/{id}"), Some(change)).await;
        assert_eq!((status, &key["credits"]["refill"]), (StatusCode::OK, &json!(refill)));
    }
    assert_eq!(api.verify(&secret).await, "VALID");
    other.verifier.return_credits().await;
    server.state.verifier.return_credits().await;
    assert_eq!(stored_credits(&server, &id).await, 997);
}

#[tokio::test]
async fn restored_database_voids_reserved_credits() {
    let (server, _, api) = setup().await;
    let (id, secret) = client_key(&api, json!({ "credits": { "remaining": 1 } })).await;
    let path = format!("/keys/{id}");
    assert_eq!(api.call(Method::PATCH, &path, Some(json!({ "credits": { "remaining": 100 } }))).await.0, StatusCode::OK);
    assert_eq!(api.verify(&secret).await, "VALID");
    let sql = "update api_keys set credits_version = 0, credits_remaining = 40 where id = $1";
    sqlx::query(sql).bind(&id).execute(&server.database().await).await.unwrap();
    server.state.verifier.invalidate_all();
    let verified = tokio::time::timeout(Duration::from_secs(10), api.verify(&secret)).await;
    assert_eq!(verified.expect("the call ends"), "VALID");
    assert_eq!(api.get(&path).await.1["credits"]["remaining"], 39);
}

#[tokio::test]
async fn servers_share_credits_and_return_unused_reservations() {
    let (server, _, api) = setup().await;
    let (id, secret) = client_key(&api, json!({ "credits": { "remaining": 200 } })).await;
    let (_data, other, organization) = second_server(&server).await;
    let verify_on_other = async || other.verifier.evaluate(organization, &VerifyRequest::new(&secret)).await.unwrap().is_valid();
    assert!(verify_on_other().await);
    let reserved = 200 - stored_credits(&server, &id).await;
    assert!(reserved > 1, "credits are reserved in blocks");
    assert_eq!(count_valid(&api, &secret).await, usize::try_from(200 - reserved).unwrap());

    // After a clean shutdown the unused credits are available to other servers, which cache "no credits" for one second.
    other.verifier.return_credits().await;
    eventually("returned credits are available", async || api.verify(&secret).await == "VALID").await;
    assert_eq!(1 + count_valid(&api, &secret).await, usize::try_from(reserved - 1).unwrap());
    // All credits are used, so the other server cannot reserve any. Real time: it asks the database only a second after its last reservation.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(!verify_on_other().await);
}

#[tokio::test]
async fn due_refill_sets_credits_to_their_amount() {
    let (server, _, api) = setup().await;
    for refill in ["daily", "monthly"] {
        let (id, secret) = client_key(&api, json!({ "credits": { "remaining": 0, "refill": refill, "amount": 20 } })).await;
        assert_eq!(api.verify(&secret).await, "USAGE_EXCEEDED");
        // As if the last refill was 32 days ago.
        let sql = "update api_keys set credits_refilled_at = credits_refilled_at - 2764800000 where id = $1";
        sqlx::query(sql).bind(&id).execute(&server.database().await).await.unwrap();
        assert_eq!(api.get(&format!("/keys/{id}")).await.1["credits"]["remaining"], 20);
        eventually("credits are refilled", async || api.verify(&secret).await == "VALID").await;
        assert_eq!(count_valid(&api, &secret).await, 19, "{refill}");
    }
}

#[tokio::test]
async fn reserved_credits_are_returned_on_shutdown() {
    let (mut server, _, api) = setup().await;
    let (id, secret) = client_key(&api, json!({ "credits": { "remaining": 100 } })).await;
    assert_eq!(api.verify(&secret).await, "VALID");
    let database = server.database().await;
    let stored =
        async || sqlx::query_scalar::<_, i64>("select credits_remaining from api_keys where id = $1").bind(&id).fetch_one(&database).await.unwrap();
    assert!(stored().await < 99);
    server.stop().await;
    assert_eq!(stored().await, 99);
}

#[tokio::test]
async fn batch_verifies_each_key_like_a_single_request() {
    let (_server, page, api) = setup().await;
    let (_, agent) = page.agent_key("a").await;
    let (_, limited) = client_key(&api, json!({ "rate_limits": [{ "name": "a", "limit": 3, "duration_ms": 600_000 }] })).await;
    let mut keys: Vec<Value> = vec![json!({ "key": agent }), json!({ "key": "nothing" }), json!({ "key": agent, "scope": "x" })];
    keys.extend((0..5).map(|_| json!({ "key": limited })));
    let (status, response) = api.post("/verify-batch", json!({ "keys": keys })).await;
    assert_eq!(status, StatusCode::OK);
    let codes: Vec<_> = response["items"].as_array().unwrap().iter().map(|verdict| text(&verdict["code"])).collect();
    assert_eq!(codes, ["VALID", "NOT_FOUND", "INSUFFICIENT_PERMISSIONS", "VALID", "VALID", "VALID", "RATE_LIMITED", "RATE_LIMITED"]);

    let batch = Arc::new(vec![json!({ "key": agent }); 1000]);
    let (_, response) = api.post("/verify-batch", json!({ "keys": *batch })).await;
    assert!(response["items"].as_array().unwrap().iter().filter(|verdict| verdict["valid"] == true).count() == 1000);
    for (keys, field) in [
        (json!([]), "keys"),
        (json!(vec![json!({ "key": agent }); 1001]), "keys"),
        (json!([{ "key": agent }, { "key": 7 }]), "keys[1].key"),
        (json!([{ "key": agent, "cost": -1 }]), "keys[0].cost"),
        (json!("a"), "keys"),
    ] {
        let (status, problem) = api.post("/verify-batch", json!({ "keys": keys })).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)));
    }
    let reader = api.with_key(&agent);
    assert_eq!(reader.post("/verify-batch", json!({ "keys": [{ "key": "a" }] })).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn serve_stale_verifies_cached_keys_without_the_database() {
    if is_skipped_on_postgresql("the option is refused there") {
        return;
    }
    let server = TestServer::start_with(|options| options.serve_stale = 2).await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (_, cached) = page.agent_key("a").await;
    let (_, uncached) = page.agent_key("b").await;
    server.changes_applied().await;
    assert_eq!(api.verify(&cached).await, "VALID");
    let ready = async || {
        let response = page.client.get(format!("{}/readyz", page.url)).send().await.unwrap();
        (response.status(), response.json::<Value>().await.unwrap())
    };
    assert_eq!(ready().await, (StatusCode::OK, json!({ "ready": true, "database": "up" })));

    let database = server.database().await;
    sqlx::query("alter table verdict_changes rename to elsewhere").execute(&database).await.unwrap();
    eventually("the loss is reported", async || ready().await.1["database"] == "lost").await;
    let (status, body) = ready().await;
    assert!(status == StatusCode::OK && body["ready"] == true && body["stale_seconds_left"].is_u64(), "{body}");
    assert_eq!(api.verify(&cached).await, "VALID");
    let (status, _) = api.post("/verify", json!({ "key": uncached })).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "keys that are not cached are not verified");

    // After the limit every request fails until the database is available again.
    let status = async || api.post("/verify", json!({ "key": cached })).await.0;
    eventually("503", async || status().await == StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(ready().await, (StatusCode::SERVICE_UNAVAILABLE, json!({ "ready": false, "database": "lost" })));
    sqlx::query("alter table elsewhere rename to verdict_changes").execute(&database).await.unwrap();
    eventually("200", async || status().await == StatusCode::OK).await;
    assert_eq!(api.verify(&uncached).await, "VALID");
}
