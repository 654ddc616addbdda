//! Limits that two instances share.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Pair;
use crate::support::{ApiClient, text, within};

/// Calls at the same time.
const CALLERS: usize = 40;
/// For how long a test waits until permits are given back: they are after two to three seconds.
const LIMIT: Duration = Duration::from_secs(8);

/// An API client of each instance.
async fn clients(pair: &Pair) -> [ApiClient; 2] {
    pair.first.user("owner", "acme").await;
    let api = pair.first.api("owner@acme.test", "");
    [pair.api_at_second(&api), api]
}

/// Creates a client key. Returns its path and its secret.
async fn client_key(api: &ApiClient, limits: Value) -> (String, String) {
    let mut request = json!({ "kind": "client", "name": "limited" });
    request.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
    let (status, created) = api.post("/keys", request).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    (format!("/keys/{}", text(&created["key"]["id"])), text(&created["secret"]))
}

fn rate(limit: i64, strict: bool) -> Value {
    json!({ "rate_limits": [{ "name": "all", "limit": limit, "duration_ms": 60_000, "strict": strict }] })
}

/// How many of so many calls are valid, of which half are at each instance.
async fn valid(clients: &[ApiClient; 2], secret: &str, calls: usize) -> usize {
    let mut callers = JoinSet::new();
    for caller in 0..calls.min(CALLERS) {
        let (api, secret) = (clients[caller % 2].clone(), secret.to_owned());
        callers.spawn(async move {
            let mut valid = 0;
            for _ in (caller..calls).step_by(CALLERS) {
                valid += usize::from(api.verify(&secret).await == "VALID");
            }
            valid
        });
    }
    callers.join_all().await.into_iter().sum()
}

/// Calls until `limit` calls were valid, and then some more. Returns how many were valid.
async fn use_up(clients: &[ApiClient; 2], secret: &str, limit: usize) -> usize {
    let mut found = 0;
    // For a moment, an instance may hold a permit that it does not use.
    within(LIMIT, "the limit is used up", async || {
        found += valid(clients, secret, 3 * limit.max(10)).await;
        found >= limit
    })
    .await;
    found + valid(clients, secret, 20).await
}

#[tokio::test]
async fn a_limit_of_10_lets_exactly_10_through() {
    let Some(pair) = Pair::start().await else { return };
    let clients = clients(&pair).await;
    for strict in [false, true] {
        let (_, secret) = client_key(&clients[0], rate(10, strict)).await;
        assert_eq!(use_up(&clients, &secret, 10).await, 10, "strict: {strict}");
    }
}

#[tokio::test]
async fn a_limit_is_exceeded_by_1_percent_unless_it_is_strict() {
    let Some(pair) = Pair::start().await else { return };
    let clients = clients(&pair).await;
    for (strict, most) in [(false, 404), (true, 400)] {
        let (path, secret) = client_key(&clients[0], rate(400, strict)).await;
        let found = use_up(&clients, &secret, 400).await;
        assert!((400..=most).contains(&found), "{found}");
        let (_, key) = clients[1].get(&path).await;
        assert_eq!(key["rate_limits"][0]["strict"], if strict { json!(true) } else { Value::Null });
    }
}

#[tokio::test]
async fn unused_permits_of_one_instance_are_used_by_the_other() {
    let Some(pair) = Pair::start().await else { return };
    let clients = clients(&pair).await;
    let (_, secret) = client_key(&clients[0], rate(100, true)).await;
    for _ in 0..3 {
        assert_eq!(clients[0].verify(&secret).await, "VALID");
    }
    let mut used = 3;
    within(LIMIT, "the rest can be used", async || {
        while clients[1].verify(&secret).await == "VALID" {
            used += 1;
        }
        used == 100
    })
    .await;
}

#[tokio::test]
async fn an_instance_that_stops_hands_over_what_it_has_used() {
    let Some(mut pair) = Pair::start().await else { return };
    let clients = clients(&pair).await;
    let (_, secret) = client_key(&clients[1], rate(10, false)).await;
    for _ in 0..4 {
        assert_eq!(clients[0].verify(&secret).await, "VALID");
    }
    pair.second.stop().await;
    let mut used = 4;
    within(LIMIT, "the rest can be used", async || {
        while clients[1].verify(&secret).await == "VALID" {
            used += 1;
        }
        used == 10
    })
    .await;
    assert_eq!(clients[1].verify(&secret).await, "RATE_LIMITED");
}

#[tokio::test]
async fn a_limit_that_is_lowered_or_raised_keeps_its_count() {
    let Some(pair) = Pair::start().await else { return };
    let clients = clients(&pair).await;
    let (path, secret) = client_key(&clients[0], rate(10, true)).await;
    assert_eq!(valid(&clients, &secret, 6).await, 6);
    for (limit, left) in [(3, 0), (8, 2)] {
        let (status, key) = clients[0].call(Method::PATCH, &path, Some(rate(limit, true))).await;
        assert_eq!(status, StatusCode::OK, "{key}");
        assert_eq!(use_up(&clients, &secret, left).await, left, "{limit}");
    }
}
