//! Limits of public keys, which corpus keys are: rate limits per client address, and origins of web pages.

use latchkey_verify::is_origin_allowed;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{ApiClient, TestServer, text};

/// A server with a corpus, and an API client with all scopes.
async fn setup() -> (TestServer, ApiClient) {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    assert_eq!(api.post("/corpora", json!({ "name": "manuals" })).await.1["id"], 1);
    (server, api)
}

/// Sends a request to create a corpus key with these limits.
async fn create(api: &ApiClient, limits: Value) -> (StatusCode, Value) {
    let mut call = json!({ "kind": "corpus", "name": "search box", "corpora": [1] });
    call.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
    api.post("/keys", call).await
}

/// Creates a corpus key with these limits. Returns its path and its secret.
async fn corpus_key(api: &ApiClient, limits: Value) -> (String, String) {
    let (status, created) = create(api, limits).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    (format!("/keys/{}", text(&created["key"]["id"])), text(&created["secret"]))
}

fn per_minute(name: &str, limit: i64) -> Value {
    json!([{ "name": name, "limit": limit, "duration_ms": 60_000 }])
}

async fn code(api: &ApiClient, secret: &str, ip: Option<&str>) -> String {
    text(&api.post("/verify", json!({ "key": secret, "ip": ip })).await.1["code"])
}

#[tokio::test]
async fn limits_of_public_keys_are_returned_and_can_be_changed() {
    let (_server, api) = setup().await;
    let limits = json!({
        "rate_limits": per_minute("all", 1000),
        "address_rate_limits": per_minute("each", 20),
        "credits": { "remaining": 7, "refill": "daily", "amount": 10 },
        "allowed_origins": ["https://Example.com/", "https://example.com:443", "http://localhost:8080"],
    });
    let (path, _) = corpus_key(&api, limits.clone()).await;
    let (_, key) = api.get(&path).await;
    for field in ["rate_limits", "address_rate_limits", "credits"] {
        assert_eq!(key[field], limits[field], "{field}");
    }
    assert_eq!(key["allowed_origins"], json!(["https://example.com", "http://localhost:8080"]));

    let changed = async |change: Value| api.call(Method::PATCH, &path, Some(change)).await;
    let (status, key) = changed(json!({ "address_rate_limits": per_minute("each", 5) })).await;
    assert_eq!((status, &key["address_rate_limits"]), (StatusCode::OK, &per_minute("each", 5)));
    assert_eq!((&key["rate_limits"], &key["allowed_origins"][0]), (&limits["rate_limits"], &json!("https://example.com")), "others stay");
    let (_, key) = changed(json!({ "rate_limits": [], "address_rate_limits": [], "credits": null, "allowed_origins": [] })).await;
    for (field, cleared) in [("rate_limits", json!([])), ("address_rate_limits", json!([])), ("credits", Value::Null), ("allowed_origins", json!([]))]
    {
        assert_eq!(key[field], cleared, "{field}");
    }
    for fixed in [json!({ "name": "b" }), json!({ "scopes": ["query", "index"] }), json!({ "duration_days": 5 })] {
        assert_eq!(changed(fixed.clone()).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{fixed}");
    }
}

#[tokio::test]
async fn invalid_limit_of_a_public_key_is_named() {
    let (_server, api) = setup().await;
    let too_many: Vec<String> = (0..101).map(|n| format!("https://{n}.example")).collect();
    for (limits, field) in [
        (json!({ "address_rate_limits": per_minute("each", 0) }), "address_rate_limits[0].limit"),
        (json!({ "address_rate_limits": [per_minute("a", 1)[0], per_minute("a", 2)[0]] }), "address_rate_limits[1].name"),
        (json!({ "address_rate_limits": [{ "name": "a", "limit": 1.5, "duration_ms": 1000 }] }), "address_rate_limits[0].limit"),
        (json!({ "address_rate_limits": vec![per_minute("a", 1)[0].clone(); 11] }), "address_rate_limits"),
        (json!({ "allowed_origins": ["https://example.com", "example.com"] }), "allowed_origins[1]"),
        (json!({ "allowed_origins": ["https://example.com/search"] }), "allowed_origins[0]"),
        (json!({ "allowed_origins": ["*"] }), "allowed_origins[0]"),
        (json!({ "allowed_origins": ["null"] }), "allowed_origins[0]"),
        (json!({ "allowed_origins": "https://example.com" }), "allowed_origins"),
        (json!({ "allowed_origins": too_many }), "allowed_origins"),
        (json!({ "allowed_ips": ["192.0.2.0/24"] }), "allowed_ips"),
    ] {
        let (status, problem) = create(&api, limits.clone()).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{limits}: {problem}");
    }
}

#[tokio::test]
async fn each_address_has_its_own_limit() {
    let (_server, api) = setup().await;
    let limits = json!({ "rate_limits": per_minute("all", 8), "address_rate_limits": per_minute("each", 2), "credits": { "remaining": 100 } });
    let (path, secret) = corpus_key(&api, limits).await;
    for (ip, expected) in [
        (Some("192.0.2.1"), "VALID"),
        (Some("192.0.2.1"), "VALID"),
        (Some("192.0.2.1"), "RATE_LIMITED"),
        (Some("::ffff:192.0.2.1"), "RATE_LIMITED"),
        (Some("192.0.2.2"), "VALID"),
        (Some("2001:db8:0:1::1"), "VALID"),
        (Some("2001:db8:0:1:ffff::2"), "VALID"),
        (Some("2001:db8:0:1::3"), "RATE_LIMITED"),
        (Some("2001:db8:0:2::1"), "VALID"),
        (None, "VALID"),
        (None, "VALID"),
        (None, "RATE_LIMITED"),
    ] {
        assert_eq!(code(&api, &secret, ip).await, expected, "{ip:?}");
    }
    // Only the eight valid requests were counted and charged.
    assert_eq!(api.get(&path).await.1["credits"]["remaining"], 92);

    // The counts survive a change of the key and of the limit itself.
    let change = async |change: Value| api.call(Method::PATCH, &path, Some(change)).await.0;
    assert_eq!(change(json!({ "rate_limits": [], "address_rate_limits": per_minute("each", 3) })).await, StatusCode::OK);
    assert_eq!(code(&api, &secret, Some("192.0.2.1")).await, "VALID");
    assert_eq!(code(&api, &secret, Some("192.0.2.1")).await, "RATE_LIMITED");
    assert_eq!(change(json!({ "address_rate_limits": [] })).await, StatusCode::OK);
    assert_eq!(code(&api, &secret, Some("192.0.2.1")).await, "VALID");
}

#[tokio::test]
async fn concurrent_callers_of_an_address_never_exceed_its_limit() {
    let (_server, api) = setup().await;
    let (path, secret) = corpus_key(&api, json!({ "address_rate_limits": per_minute("each", 50), "credits": { "remaining": 1000 } })).await;
    let mut callers = JoinSet::new();
    for caller in 0..200 {
        let (api, secret) = (api.clone(), secret.clone());
        callers.spawn(async move { code(&api, &secret, Some(if caller % 2 == 0 { "192.0.2.1" } else { "192.0.2.2" })).await });
    }
    let codes = callers.join_all().await;
    let count = |code: &str| codes.iter().filter(|other| *other == code).count();
    assert_eq!((count("VALID"), count("RATE_LIMITED")), (100, 100));
    assert_eq!(api.get(&path).await.1["credits"]["remaining"], 900);
}

#[tokio::test]
async fn allowed_origins_are_known_to_the_verifier() {
    let (server, api) = setup().await;
    let (path, secret) = corpus_key(&api, json!({ "allowed_origins": ["https://example.com"] })).await;
    let find = async || server.state.verifier.find(&secret).await.unwrap().unwrap();
    let key = find().await;
    assert!(is_origin_allowed(&key, Some("https://example.com")) && is_origin_allowed(&key, None));
    assert!(!is_origin_allowed(&key, Some("https://example.org")) && !is_origin_allowed(&key, Some("null")));
    // They do not concern verify calls, which have no origin.
    assert_eq!(api.verify(&secret).await, "VALID");
    assert_eq!(api.call(Method::PATCH, &path, Some(json!({ "allowed_origins": [] }))).await.0, StatusCode::OK);
    assert!(is_origin_allowed(&*find().await, Some("https://example.org")));
}
