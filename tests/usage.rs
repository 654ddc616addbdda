//! Usage counts, rotated secrets and bulk actions.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{TestServer, store_keys, text, within};

#[tokio::test]
async fn only_valid_calls_are_counted() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (id, secret) = page.agent_key("a").await;
    for _ in 0..7 {
        assert_eq!(api.verify(&secret).await, "VALID");
    }
    page.call("keys/bulk", json!({ "action": "disable", "ids": [id] })).await;
    assert_eq!(api.verify(&secret).await, "DISABLED");
    server.state.verifier.flush().await;

    let (status, month) = page.call("billing/month", json!({ "month": null })).await;
    assert_eq!(status, StatusCode::OK, "{month}");
    let requests_of = |id: &str| month["keys"].as_array().unwrap().iter().find(|key| key["id"] == id).map(|key| key["requests"].clone());
    assert_eq!(requests_of(&id), Some(json!(7)));
    let days = month["days"].as_array().unwrap();
    let total: i64 = month["keys"].as_array().unwrap().iter().map(|key| key["requests"].as_i64().unwrap()).sum();
    assert_eq!(days.iter().filter_map(Value::as_i64).sum::<i64>(), total);
    let minutes: i64 =
        sqlx::query_scalar("select cast(sum(requests) as bigint) from usage_by_minute").fetch_one(&server.database().await).await.unwrap();
    assert_eq!(minutes, total);
    assert_eq!(month["span"][0], month["month"]);

    let (_, before) = page.call("billing/month", json!({ "month": "2020-02" })).await;
    assert_eq!((before["keys"].clone(), before["days"].as_array().unwrap().len()), (json!([]), 29));
    assert_eq!(page.call("billing/month", json!({ "month": "2020-13" })).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn shares_of_all_pages_add_up_to_the_whole() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let database = server.database().await;
    store_keys(&database, 70).await;
    let today = latchkey_types::time::Timestamp::now().0.div_euclid(latchkey_types::time::DAY_MS);
    let usage = "insert into usage_by_day (organization_id, day, key_id, requests) select organization_id, $1, id, 1 + number % 7 from api_keys";
    sqlx::query(usage).bind(today).execute(&database).await.unwrap();
    let read = async |search: &str, number: i64| page.call("billing/month", json!({ "search": search, "page": number })).await.1;
    let (first, second) = (read("", 1).await, read("", 2).await);
    let keys: Vec<_> = [&first, &second].into_iter().flat_map(|page| page["keys"].as_array().unwrap()).collect();
    assert_eq!((first["keys"].as_array().unwrap().len(), keys.len(), &first["count"], &first["hidden"]), (50, 70, &json!(70), &json!(0)));
    assert_eq!(keys.iter().map(|key| key["share"].as_i64().unwrap()).sum::<i64>(), 1000);
    assert!(keys.windows(2).all(|pair| pair[0]["requests"].as_i64() >= pair[1]["requests"].as_i64()), "{keys:?}");

    // An export reads all pages at once.
    let all = page.call("billing/keys", json!({ "month": first["month"], "search": "" })).await;
    assert_eq!(all, (StatusCode::OK, json!(keys)));

    // A key's share does not depend on what else is found.
    let name = text(&keys[60]["name"]);
    let found = read(&name.to_uppercase(), 1).await;
    assert_eq!((&found["keys"], &found["count"]), (&json!([keys[60]]), &json!(1)));
    let last = read("", 99).await;
    assert_eq!((&last["page"], &last["keys"]), (&json!(2), &second["keys"]));
}

#[tokio::test]
async fn usage_requires_permission_and_is_per_organization() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (_, secret) = page.agent_key("a").await;
    api.verify(&secret).await;
    server.state.verifier.flush().await;
    let member = server.user("member", "acme").await;
    assert_eq!(member.call("billing/month", json!({ "month": null })).await.0, StatusCode::FORBIDDEN);
    assert_eq!(member.get("/billing").send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let other_organization = server.user("owner", "globex").await;
    assert_eq!(other_organization.call("billing/month", json!({ "month": null })).await.1["keys"], json!([]));
}

#[tokio::test]
async fn retiring_secret_is_counted_separately_until_grace_ends() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (id, first) = page.agent_key("a").await;
    let rotate = async |grace: i64| page.call("keys/rotate", json!({ "id": id, "grace_seconds": grace })).await;
    let (status, rotated) = rotate(3600).await;
    assert_eq!(status, StatusCode::OK, "{rotated}");
    let second = text(&rotated["secret"]);
    for (key, times) in [(&first, 3), (&second, 2)] {
        for _ in 0..times {
            assert_eq!(api.verify(key).await, "VALID");
        }
    }
    server.state.verifier.flush().await;
    let path = format!("/keys/{id}");
    let key = api.get(&path).await.1;
    assert_eq!(key["retiring"]["uses"], 3, "{key}");
    assert!(key["retiring"]["last_used_at"].is_string());
    let (_, month) = page.call("billing/month", json!({ "month": null })).await;
    assert!(month["keys"].as_array().unwrap().iter().any(|key| key["id"] == id && key["requests"] == 5), "both count for the key: {month}");

    // After the grace period.
    let database = server.database().await;
    sqlx::query("update retired_secrets set expires_at = 1").execute(&database).await.unwrap();
    server.state.verifier.invalidate_all();
    assert_eq!((api.verify(&first).await.as_str(), api.verify(&second).await.as_str()), ("NOT_FOUND", "VALID"));
    assert_eq!(api.get(&path).await.1["retiring"], Value::Null);

    // A shorter grace period shortens earlier ones, and zero ends them.
    let third = text(&rotate(604_800).await.1["secret"]);
    let fourth = text(&rotate(0).await.1["secret"]);
    for (key, code) in [(&second, "NOT_FOUND"), (&third, "NOT_FOUND"), (&fourth, "VALID")] {
        assert_eq!(api.verify(key).await, code);
    }
    for invalid in [-1, 604_801, i64::MAX, i64::MIN] {
        assert_eq!(rotate(invalid).await.1["field"], "grace_seconds", "{invalid}");
    }
    sqlx::query("update api_keys set expires_at = 1 where id = $1").bind(&id).execute(&database).await.unwrap();
    assert_eq!(rotate(0).await.0, StatusCode::CONFLICT, "an expired key cannot be rotated");
}

#[tokio::test]
async fn grace_period_ends_on_time_for_cached_secrets() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (id, first) = page.agent_key("a").await;
    page.call("keys/rotate", json!({ "id": id, "grace_seconds": 3600 })).await;
    let soon = latchkey_types::time::Timestamp::now().plus_ms(1700).0;
    sqlx::query("update retired_secrets set expires_at = $1").bind(soon).execute(&server.database().await).await.unwrap();
    assert_eq!(api.verify(&first).await, "VALID");
    within(Duration::from_secs(4), "the old secret is rejected", async || api.verify(&first).await == "NOT_FOUND").await;
}

#[tokio::test]
async fn bulk_actions_apply_only_to_accessible_keys() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let other_organization = server.user("owner", "globex").await;
    let api = server.api("owner@acme.test", "");
    let mut keys = Vec::new();
    for n in 0..20 {
        keys.push(page.agent_key(&format!("key {n}")).await);
    }
    let ids: Vec<_> = keys.iter().map(|(id, _)| id.clone()).collect();
    let other_organization_key = other_organization.agent_key("other organization").await.0;
    let act = async |action: &str, ids: &[String]| page.call("keys/bulk", json!({ "action": action, "ids": ids })).await;
    for (action, code) in [("disable", "DISABLED"), ("enable", "VALID"), ("delete", "NOT_FOUND")] {
        let some: Vec<_> =
            ids[..10].iter().cloned().chain([other_organization_key.clone(), "key_00000000000070008000000000000000".to_owned()]).collect();
        let (status, outcome) = act(action, &some).await;
        assert_eq!((status, &outcome["done"], &outcome["left"]), (StatusCode::OK, &json!(10), &json!(2)), "{action}");
        assert_eq!((api.verify(&keys[3].1).await.as_str(), api.verify(&keys[13].1).await.as_str()), (code, "VALID"), "{action}");
    }
    assert_eq!(other_organization.call("keys/bulk", json!({ "action": "delete", "ids": ids })).await.1, json!({ "done": 0, "left": 20 }));
    let too_many = vec![ids[0].clone(); 201];
    assert_eq!(act("delete", &too_many).await.1["field"], "ids");
    let viewer = server.user("viewer", "acme").await;
    assert_eq!(viewer.call("keys/bulk", json!({ "action": "delete", "ids": ids })).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn recently_used_rows_of_a_list_are_counted() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let other_organization = server.user("owner", "globex").await;
    let database = server.database().await;
    let now = latchkey_types::time::Timestamp::now();
    for (user, name, days) in [(&page, "today", 0), (&page, "this week", -3), (&page, "last month", -20), (&other_organization, "today", 0)] {
        let (id, _) = user.agent_key(name).await;
        sqlx::query("update api_keys set last_used_at = $1 where id = $2").bind(now.plus_days(days).0).bind(id).execute(&database).await.unwrap();
    }
    page.agent_key("never").await;
    let count = async |search: &str| {
        let query = json!({ "kind": "agent", "search": search, "sort": { "column": "name", "descending": false } });
        let (_, opened) = page.call("keys/open", json!({ "query": query })).await;
        page.call("keys/recent-use", json!({ "listing": opened["listing"] })).await.1
    };
    assert_eq!(count("").await, json!({ "within_day": 1, "within_week": 2 }));
    assert_eq!(count("week").await, json!({ "within_day": 0, "within_week": 1 }));
    assert_eq!(page.call("keys/recent-use", json!({ "listing": "gone" })).await.0, StatusCode::GONE);
}

#[tokio::test]
async fn ten_thousand_keys_are_deleted_in_batches_of_200() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    store_keys(&server.database().await, 10_000).await;
    let query = json!({ "kind": "agent", "search": "service 00", "sort": { "column": "name", "descending": false } });
    let (_, opened) = page.call("keys/open", json!({ "query": query })).await;
    assert_eq!(opened["total"], json!({ "count": 9_999, "is_exact": true }));
    let (mut done, mut anchor) = (0, json!({ "index": 0, "cursor": opened["listing"] }));
    // Each call begins where the previous one ended, although those keys were deleted.
    while !anchor.is_null() {
        let (_, found) = page.call("keys/ids", json!({ "anchor": anchor, "first": anchor["index"], "limit": 200 })).await;
        let (status, outcome) = page.call("keys/bulk", json!({ "action": "delete", "ids": found["ids"] })).await;
        assert_eq!(status, StatusCode::OK, "{outcome}");
        done += outcome["done"].as_i64().unwrap();
        anchor = found["end"].clone();
    }
    assert_eq!(done, 9_999);
    let (_, opened) =
        page.call("keys/open", json!({ "query": { "kind": "agent", "search": "", "sort": { "column": "name", "descending": false } } })).await;
    assert_eq!(opened["total"]["count"], 1);
}
