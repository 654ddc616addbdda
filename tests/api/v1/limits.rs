//! Rate limits, credits and allow-lists of keys, over REST and at verify.

use std::{sync::Arc, time::Duration};

use latchkey_core::public_url::PublicUrl;
use latchkey_http::AppState;
use latchkey_program::{config::OutgoingOptions, data_dir::Data};
use latchkey_types::id::OrganizationId;
use latchkey_verify::Ask;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Api, Page, TestServer, eventually, text};

/// A server with an owner, their page and the API with all scopes.
async fn desk() -> (TestServer, Page, Api) {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    (server, page, api)
}

/// Makes a client key with these limits. Answers its id and its secret.
async fn client_key(api: &Api, limits: Value) -> (String, String) {
    let mut call = json!({ "kind": "client", "name": "limited" });
    call.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
    let (status, made) = api.post("/keys", call).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    (text(&made["key"]["id"]), text(&made["secret"]))
}

async fn code(api: &Api, secret: &str, asked: Value) -> String {
    let mut call = json!({ "key": secret });
    call.as_object_mut().unwrap().extend(asked.as_object().unwrap().clone());
    text(&api.post("/verify", call).await.1["code"])
}

/// Asks 64 callers at a time until none of 64 is told VALID any more. Answers how often it was VALID.
async fn all_that_is_valid(api: &Api, secret: &str) -> usize {
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
async fn limits_are_told_as_they_were_set_and_can_be_changed() {
    let (_server, _, api) = desk().await;
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
    // What is not named stays; what is left of the credits too, unless it is said.
    let (status, key) = changed(json!({ "credits": { "refill": "monthly", "amount": 50 } })).await;
    assert_eq!((status, &key["credits"]), (StatusCode::OK, &json!({ "remaining": 7, "refill": "monthly", "amount": 50 })));
    assert_eq!(key["rate_limits"], limits["rate_limits"]);
    let (_, key) = changed(json!({ "rate_limits": [], "credits": null, "allowed_ips": [] })).await;
    assert_eq!((&key["rate_limits"], &key["credits"], &key["allowed_ips"]), (&json!([]), &Value::Null, &json!([])));
}

#[tokio::test]
async fn a_limit_that_can_not_be_taken_is_named() {
    let (_server, _, api) = desk().await;
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
        let mut call = json!({ "kind": "agent", "name": "a" });
        call.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        let (status, problem) = api.post("/keys", call).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "other kinds have none");
    }
}

#[tokio::test]
async fn sixty_four_callers_at_once_never_get_more_than_a_rate_limit_allows() {
    let (_server, _, api) = desk().await;
    let limits = json!({ "rate_limits": [{ "name": "wide", "limit": 1000, "duration_ms": 600_000 }, { "name": "narrow", "limit": 100, "duration_ms": 600_000 }] });
    let (id, secret) = client_key(&api, limits).await;
    assert_eq!(all_that_is_valid(&api, &secret).await, 100);
    assert_eq!(api.verify(&secret).await, "RATE_LIMITED");

    // What was taken outlives every change of the record: of something else, of the limit itself, and a rest.
    let change = async |change: Value| api.call(Method::PATCH, &format!("/keys/{id}"), Some(change)).await.0;
    assert_eq!(change(json!({ "name": "other" })).await, StatusCode::OK);
    assert_eq!(api.verify(&secret).await, "RATE_LIMITED");
    assert_eq!(api.post(&format!("/keys/{id}/disable"), json!({})).await.0, StatusCode::OK);
    assert_eq!(api.verify(&secret).await, "DISABLED");
    assert_eq!(api.post(&format!("/keys/{id}/enable"), json!({})).await.0, StatusCode::OK);
    assert_eq!(api.verify(&secret).await, "RATE_LIMITED");
    assert_eq!(change(json!({ "rate_limits": [{ "name": "narrow", "limit": 103, "duration_ms": 600_000 }] })).await, StatusCode::OK);
    assert_eq!(all_that_is_valid(&api, &secret).await, 3);
    assert_eq!(change(json!({ "rate_limits": [] })).await, StatusCode::OK);
    assert_eq!(api.verify(&secret).await, "VALID");
}

#[tokio::test]
async fn a_window_slides_and_says_what_is_left() {
    let (_server, _, api) = desk().await;
    let (_, secret) = client_key(&api, json!({ "rate_limits": [{ "name": "burst", "limit": 2, "duration_ms": 700 }] })).await;
    let told = async || {
        let response = api.request(Method::POST, "/verify").json(&json!({ "key": secret })).send().await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let headers = (header("ratelimit-policy"), header("ratelimit"));
        (text(&response.json::<Value>().await.unwrap()["code"]), headers)
    };
    let policy = r#""burst";q=2;w=1"#.to_owned();
    assert_eq!(told().await, ("VALID".into(), (policy.clone(), r#""burst";r=1;t=1"#.into())));
    assert_eq!(told().await, ("VALID".into(), (policy.clone(), r#""burst";r=0;t=1"#.into())));
    assert_eq!(told().await, ("RATE_LIMITED".into(), (policy, r#""burst";r=0;t=1"#.into())));
    // Each second of refusals takes nothing: it frees itself in time.
    eventually(Duration::from_secs(2), "the window has slid", async || told().await.0 == "VALID").await;
}

#[tokio::test]
async fn sixty_four_callers_at_once_never_spend_more_than_there_is() {
    let (_server, _, api) = desk().await;
    let (id, secret) = client_key(&api, json!({ "credits": { "remaining": 500 } })).await;
    let remaining = async || api.get(&format!("/keys/{id}")).await.1["credits"]["remaining"].clone();
    assert_eq!(api.verify(&secret).await, "VALID");
    assert_eq!(remaining().await, 499, "what is reserved here is not spent");
    assert_eq!(all_that_is_valid(&api, &secret).await, 499);
    assert_eq!((remaining().await, api.verify(&secret).await), (json!(0), "USAGE_EXCEEDED".to_owned()));
    assert_eq!(code(&api, &secret, json!({ "cost": 0 })).await, "VALID", "what costs nothing takes nothing");

    // Somebody tops it up: at once.
    let (status, _) = api.call(Method::PATCH, &format!("/keys/{id}"), Some(json!({ "credits": { "remaining": 10 } }))).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(code(&api, &secret, json!({ "cost": 11 })).await, "USAGE_EXCEEDED");
    assert_eq!(code(&api, &secret, json!({ "cost": 4 })).await, "VALID");
    assert_eq!(remaining().await, 6);
    assert_eq!(all_that_is_valid(&api, &secret).await, 6);
}

#[tokio::test]
async fn a_refused_call_takes_nothing_and_limits_are_judged_last() {
    let (_server, _, api) = desk().await;
    let limits = json!({
        "scopes": ["read"], "allowed_ips": ["192.0.2.0/24"], "credits": { "remaining": 1 },
        "rate_limits": [{ "name": "a", "limit": 2, "duration_ms": 600_000 }],
    });
    let (_, secret) = client_key(&api, limits).await;
    let there = json!({ "ip": "192.0.2.1" });
    for (asked, is) in [
        (json!({}), "FORBIDDEN"),
        (json!({ "ip": "198.51.100.1", "scope": "write" }), "FORBIDDEN"),
        (json!({ "ip": "192.0.2.1", "scope": "write" }), "INSUFFICIENT_PERMISSIONS"),
        (json!({ "ip": "192.0.2.1", "cost": 2 }), "USAGE_EXCEEDED"),
        (json!({ "ip": "192.0.2.1", "cost": 2 }), "USAGE_EXCEEDED"),
        (json!({ "ip": "192.0.2.1", "cost": 2 }), "USAGE_EXCEEDED"),
        (there.clone(), "VALID"),
        (there.clone(), "USAGE_EXCEEDED"),
        (json!({ "ip": "192.0.2.1", "cost": 0 }), "VALID"),
        (there, "RATE_LIMITED"),
    ] {
        assert_eq!(code(&api, &secret, asked.clone()).await, is, "{asked}");
    }
    let (status, problem) = api.post("/verify", json!({ "key": secret, "cost": -1 })).await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("cost")));
}

/// Another server on the same database, and the organization.
async fn server_beside(server: &TestServer) -> (Data, AppState, OrganizationId) {
    let organization = sqlx::query_scalar::<_, String>("select id from organizations").fetch_one(&server.database().await).await.unwrap();
    let beside = Data::open_beside(&server.data_options()).await.unwrap();
    let url = PublicUrl::new(None, ([127, 0, 0, 1], 1).into()).unwrap();
    let state = beside.core(url, OutgoingOptions::default()).unwrap();
    (beside, state, organization.parse().unwrap())
}

#[tokio::test]
async fn credits_that_were_reserved_for_a_key_that_is_not_known_any_more_are_given_back() {
    let (server, _, api) = desk().await;
    let (id, secret) = client_key(&api, json!({ "credits": { "remaining": 100 } })).await;
    let (_beside, other, organization) = server_beside(&server).await;
    let left = async || api.get(&format!("/keys/{id}")).await.1["credits"]["remaining"].as_i64().unwrap();
    assert!(other.verifier.judge(organization, &Ask::of(&secret)).await.unwrap().is_valid());
    other.verifier.clean().await;
    assert!(left().await < 99, "it is known, and may be asked for at any moment");
    other.verifier.forget(None);
    other.verifier.clean().await;
    assert_eq!(left().await, 99);
    assert!(other.verifier.judge(organization, &Ask::of(&secret)).await.unwrap().is_valid());
}

#[tokio::test]
async fn servers_on_one_database_share_the_credits_and_give_back_what_they_did_not_spend() {
    let (server, _, api) = desk().await;
    let (id, secret) = client_key(&api, json!({ "credits": { "remaining": 200 } })).await;
    let (_beside, other, organization) = server_beside(&server).await;
    let by_other = async || other.verifier.judge(organization, &Ask::of(&secret)).await.unwrap().is_valid();
    assert!(by_other().await);
    let stored = async || {
        sqlx::query_scalar::<_, i64>("select credits_remaining from api_keys where id = $1").bind(&id).fetch_one(&server.database().await).await
    };
    let reserved = 200 - stored().await.unwrap();
    assert!(reserved > 1, "a block and not a single one");
    assert_eq!(all_that_is_valid(&api, &secret).await, usize::try_from(200 - reserved).unwrap());

    // It ends as it should: what it had not spent is there for others, within the second for which "nothing" is believed.
    other.verifier.give_back().await;
    eventually(Duration::from_secs(3), "what was given back", async || api.verify(&secret).await == "VALID").await;
    assert_eq!(1 + all_that_is_valid(&api, &secret).await, usize::try_from(reserved - 1).unwrap());
    // A crash instead would have lost them; and the other one is granted nothing any more.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(!by_other().await);
}

#[tokio::test]
async fn a_refill_brings_the_credits_to_their_amount_once_it_is_due() {
    let (server, _, api) = desk().await;
    for refill in ["daily", "monthly"] {
        let (id, secret) = client_key(&api, json!({ "credits": { "remaining": 0, "refill": refill, "amount": 20 } })).await;
        assert_eq!(api.verify(&secret).await, "USAGE_EXCEEDED");
        // As if it had been filled up 32 days ago.
        let sql = "update api_keys set credits_refilled_at = credits_refilled_at - 2764800000 where id = $1";
        sqlx::query(sql).bind(&id).execute(&server.database().await).await.unwrap();
        assert_eq!(api.get(&format!("/keys/{id}")).await.1["credits"]["remaining"], 20);
        eventually(Duration::from_secs(3), "the refill", async || api.verify(&secret).await == "VALID").await;
        assert_eq!(all_that_is_valid(&api, &secret).await, 19, "{refill}");
    }
}

#[tokio::test]
async fn the_server_gives_back_what_it_reserved_when_it_ends() {
    let (mut server, _, api) = desk().await;
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
async fn many_keys_are_judged_in_one_call_each_as_if_it_came_alone() {
    let (_server, page, api) = desk().await;
    let (_, agent) = page.agent_key("a").await;
    let (_, limited) = client_key(&api, json!({ "rate_limits": [{ "name": "a", "limit": 3, "duration_ms": 600_000 }] })).await;
    let mut keys: Vec<Value> = vec![json!({ "key": agent }), json!({ "key": "nothing" }), json!({ "key": agent, "scope": "x" })];
    keys.extend((0..5).map(|_| json!({ "key": limited })));
    let (status, answer) = api.post("/verify-batch", json!({ "keys": keys })).await;
    assert_eq!(status, StatusCode::OK);
    let codes: Vec<_> = answer["items"].as_array().unwrap().iter().map(|verdict| text(&verdict["code"])).collect();
    assert_eq!(codes, ["VALID", "NOT_FOUND", "INSUFFICIENT_PERMISSIONS", "VALID", "VALID", "VALID", "RATE_LIMITED", "RATE_LIMITED"]);

    let thousand = Arc::new(vec![json!({ "key": agent }); 1000]);
    let (_, answer) = api.post("/verify-batch", json!({ "keys": *thousand })).await;
    assert!(answer["items"].as_array().unwrap().iter().filter(|verdict| verdict["valid"] == true).count() == 1000);
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
async fn known_keys_are_judged_for_a_while_without_the_database_where_the_operator_asks_for_it() {
    let server = TestServer::start_with(|options| options.serve_stale = 2).await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (_, known) = page.agent_key("a").await;
    let (_, never_asked) = page.agent_key("b").await;
    // The watch has then seen that it was made, and what is read of it after that stays in memory.
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(api.verify(&known).await, "VALID");
    let ready = async || {
        let response = page.client.get(format!("{}/readyz", page.url)).send().await.unwrap();
        (response.status(), response.json::<Value>().await.unwrap())
    };
    assert_eq!(ready().await, (StatusCode::OK, json!({ "ready": true, "database": "up" })));

    let database = server.database().await;
    sqlx::query("alter table changes rename to elsewhere").execute(&database).await.unwrap();
    eventually(Duration::from_secs(2), "the loss is told", async || ready().await.1["database"] == "lost").await;
    let (status, told) = ready().await;
    assert!(status == StatusCode::OK && told["ready"] == true && told["stale_seconds_left"].is_u64(), "{told}");
    assert_eq!(api.verify(&known).await, "VALID");
    let (status, _) = api.post("/verify", json!({ "key": never_asked })).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "what is not in memory is not guessed");

    // Bounded: then nothing is valid any more, until it is back.
    let status = async || api.post("/verify", json!({ "key": known })).await.0;
    eventually(Duration::from_secs(4), "503", async || status().await == StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(ready().await, (StatusCode::SERVICE_UNAVAILABLE, json!({ "ready": false, "database": "lost" })));
    sqlx::query("alter table elsewhere rename to changes").execute(&database).await.unwrap();
    eventually(Duration::from_secs(2), "200", async || status().await == StatusCode::OK).await;
    assert_eq!(api.verify(&never_asked).await, "VALID");
}
