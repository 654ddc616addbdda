//! `GET /metrics`.
#![expect(clippy::float_cmp, reason = "counts are whole numbers")]

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::{ApiClient, TestServer, eventually};

/// The metric values by name and labels, spelled as in the text format.
async fn read(server: &TestServer) -> BTreeMap<String, f64> {
    let response = server.visitor().get("/metrics").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let text = response.text().await.unwrap();
    let values = text.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap());
    values.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

async fn verify_times(api: &ApiClient, key: &str, times: u32) {
    for _ in 0..times {
        api.verify(key).await;
    }
}

#[tokio::test]
async fn verifications_are_counted_by_code_and_timed() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let ((_, secret), (_, other_secret)) = (page.agent_key("a").await, page.agent_key("b").await);
    let api = server.api("owner@acme.test", "verify");
    let before = read(&server).await;
    assert_eq!(before[r#"latchkey_verifications_total{code="VALID"}"#], 0.0, "every code is present from the start");
    verify_times(&api, &secret, 3).await;
    verify_times(&api, "unknown", 2).await;
    api.post("/verify-batch", json!({ "keys": [{ "key": secret }, { "key": other_secret }, { "key": secret, "scope": "x" }] })).await;
    assert_eq!(api.with_key("unknown").post("/verify", json!({ "key": secret })).await.0, 401);
    let after = read(&server).await;
    let count_of = |code: &str| after[&format!(r#"latchkey_verifications_total{{code="{code}"}}"#)];
    assert_eq!((count_of("VALID"), count_of("NOT_FOUND"), count_of("INSUFFICIENT_PERMISSIONS"), count_of("RATE_LIMITED")), (5.0, 2.0, 1.0, 0.0));
    assert_eq!(after["latchkey_verify_duration_seconds_count"], 5.0, "the keys of a batch are not timed individually");
    assert_eq!(after[r#"latchkey_verify_duration_seconds_bucket{le="2"}"#], 5.0);
    assert!(after["latchkey_verify_duration_seconds_sum"] > 0.0);
    assert_eq!(after[r#"latchkey_http_requests_total{method="POST",route="/api/v1/verify",status="4xx"}"#], 1.0);
}

#[tokio::test]
async fn cached_keys_are_measured() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let (_, secret) = page.agent_key("a").await;
    let api = server.api("owner@acme.test", "verify");
    let before = read(&server).await;
    // The caller's key and the verified key. A recently changed key may be invalidated and read again.
    eventually("both keys are cached", async || {
        verify_times(&api, &secret, 1).await;
        read(&server).await["latchkey_known_keys"] == before["latchkey_known_keys"] + 2.0
    })
    .await;
    let after = read(&server).await;
    assert!(after["latchkey_store_reads_total"] >= before["latchkey_store_reads_total"] + 2.0, "{after:?}");
    assert_eq!((after["latchkey_database_up"], after[r#"latchkey_info{version="0.1.0"}"#]), (1.0, 1.0));
    assert!(after["process_start_time_seconds"] > 1.7e9 && after["latchkey_flush_age_seconds"] < 5.0);
}

#[tokio::test]
async fn unwritten_usage_is_measured() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let (_, secret) = page.agent_key("a").await;
    let api = server.api("owner@acme.test", "verify");
    let waiting = async || read(&server).await["latchkey_uses_waiting"];
    // Blocks all other writers, so that usage cannot be written until it ends.
    let transaction = server.state.store.begin().await.unwrap();
    verify_times(&api, &secret, 1).await;
    eventually("usage waits for the writer", async || waiting().await >= 1.0).await;
    transaction.commit().await.unwrap();
    eventually("usage is written", async || waiting().await == 0.0).await;
}

#[tokio::test]
async fn requests_are_counted_by_route_not_by_path() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "keys:read");
    for path in ["/keys/key_1", "/keys/key_2", "/nowhere/lka_secret"] {
        api.get(path).await;
    }
    page.get("/nowhere/lka_secret?key=lka_secret").send().await.unwrap();
    let method = reqwest::Method::from_bytes(b"LKA_SECRET").unwrap();
    page.client.request(method, format!("{}/healthz", page.url)).send().await.unwrap();
    let after = read(&server).await;
    assert_eq!(after[r#"latchkey_http_requests_total{method="GET",route="/api/v1/keys/{id}",status="4xx"}"#], 2.0);
    assert_eq!(after[r#"latchkey_http_requests_total{method="GET",route="/api/{*path}",status="4xx"}"#], 1.0);
    assert_eq!(after[r#"latchkey_http_requests_total{method="OTHER",route="/healthz",status="4xx"}"#], 1.0);
    let names = after.keys().map(|name| name.to_lowercase()).collect::<String>();
    assert!(!names.contains("lka_secret") && !names.contains("nowhere"), "{names}");
}

#[tokio::test]
async fn revocations_and_the_lease_are_measured() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let (id, _) = page.agent_key("a").await;
    let before = read(&server).await;
    assert_eq!((before["latchkey_revocation_seconds_count"], before["latchkey_lease_held"]), (0.0, 1.0), "creating a key revokes nothing");
    page.call("keys/bulk", json!({ "action": "delete", "ids": [id] })).await;
    let after = read(&server).await;
    assert_eq!((after["latchkey_revocation_seconds_count"], after["latchkey_instances"]), (1.0, 1.0));
    assert_eq!(after[r#"latchkey_revocation_seconds_bucket{le="5"}"#], 1.0);
    assert!(after["latchkey_change_lag_seconds"] < 2.0);
}
