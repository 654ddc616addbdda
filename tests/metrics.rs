//! `GET /metrics`.
#![expect(clippy::float_cmp, reason = "what is counted is whole")]

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use crate::support::{Api, TestServer, eventually};

/// Each value by its name and labels, as the text has them.
async fn read(server: &TestServer) -> BTreeMap<String, f64> {
    let answer = server.visitor().get("/metrics").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let text = answer.text().await.unwrap();
    let values = text.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap());
    values.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

async fn judge(api: &Api, key: &str, times: u32) {
    for _ in 0..times {
        api.verify(key).await;
    }
}

#[tokio::test]
async fn what_is_judged_is_counted_by_its_code_and_timed() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let ((_, good), (_, other)) = (page.agent_key("a").await, page.agent_key("b").await);
    let api = server.api("owner@acme.test", "verify");
    let before = read(&server).await;
    assert_eq!(before[r#"latchkey_verifications_total{code="VALID"}"#], 0.0, "each code is there from the beginning");
    judge(&api, &good, 3).await;
    judge(&api, "nobody's", 2).await;
    api.post("/verify-batch", json!({ "keys": [{ "key": good }, { "key": other }, { "key": good, "scope": "x" }] })).await;
    assert_eq!(api.with_key("nobody's").post("/verify", json!({ "key": good })).await.0, 401);
    let after = read(&server).await;
    let of = |code: &str| after[&format!(r#"latchkey_verifications_total{{code="{code}"}}"#)];
    assert_eq!((of("VALID"), of("NOT_FOUND"), of("INSUFFICIENT_PERMISSIONS"), of("RATE_LIMITED")), (5.0, 2.0, 1.0, 0.0));
    assert_eq!(after["latchkey_verify_duration_seconds_count"], 5.0, "what is judged in a batch has no time of its own");
    assert_eq!(after[r#"latchkey_verify_duration_seconds_bucket{le="2"}"#], 5.0);
    assert!(after["latchkey_verify_duration_seconds_sum"] > 0.0);
    assert_eq!(after[r#"latchkey_http_requests_total{method="POST",route="/api/v1/verify",status="4xx"}"#], 1.0);
}

#[tokio::test]
async fn what_is_kept_in_memory_and_what_waits_is_measured() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let (_, good) = page.agent_key("a").await;
    let api = server.api("owner@acme.test", "verify");
    let before = read(&server).await;
    // The caller's own key, and the one that is judged. What was changed a moment ago may be forgotten and read once more.
    eventually(Duration::from_secs(5), "both keys are known", async || {
        judge(&api, &good, 1).await;
        read(&server).await["latchkey_known_keys"] == before["latchkey_known_keys"] + 2.0
    })
    .await;
    let after = read(&server).await;
    assert!(after["latchkey_store_reads_total"] >= before["latchkey_store_reads_total"] + 2.0, "{after:?}");
    assert_eq!((after["latchkey_database_up"], after[r#"latchkey_info{version="0.1.0"}"#]), (1.0, 1.0));
    assert!(after["process_start_time_seconds"] > 1.7e9 && after["latchkey_flush_age_seconds"] < 5.0);
    eventually(Duration::from_secs(5), "uses are written", async || read(&server).await["latchkey_uses_waiting"] == 0.0).await;
}

#[tokio::test]
async fn calls_are_counted_by_their_route_and_never_by_their_address() {
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
    let told = after.keys().map(|name| name.to_lowercase()).collect::<String>();
    assert!(!told.contains("lka_secret") && !told.contains("nowhere"), "{told}");
}
