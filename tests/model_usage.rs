//! Usage of language models and the log of their calls: `/api/v1/usage`, `/api/v1/calls` and the billing page.

use latchkey_core::model_usage::CallUsage;
use latchkey_types::{
    budget::{TokenCounts, UsageState},
    dollars::Dollars,
    id::{KeyId, ModelId, OrganizationId, ProviderId, RequestId, UserId},
    model_call::CallEvent,
    time::{DAY_MS, Timestamp},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    cli::Cli,
    support::{TestServer, text},
};

/// The organization of the owner of `acme`, and its only user.
async fn ids(server: &TestServer) -> (OrganizationId, UserId) {
    let sql = "select organization_id, id from users where email = 'owner@acme.test'";
    let (organization, user): (String, String) = sqlx::query_as(sql).fetch_one(&server.database().await).await.unwrap();
    (organization.parse().unwrap(), user.parse().unwrap())
}

fn usage((organization, user): (OrganizationId, UserId), model: (ModelId, &str), key: Option<KeyId>) -> CallUsage {
    CallUsage {
        organization,
        user,
        key,
        model: model.0,
        model_name: model.1.to_owned(),
        provider: ProviderId::new(),
        at: Timestamp::now(),
        is_failure: false,
        tokens: TokenCounts { input: 1000, cached: 200, output: 30, reasoning: 5, ..TokenCounts::default() },
        cost: Some(Dollars(2_500_001)),
        state: Some(UsageState::Reported),
    }
}

fn event((organization, user): (OrganizationId, UserId), at: i64, key: Option<KeyId>, status: u16) -> CallEvent {
    CallEvent {
        id: RequestId::new(),
        at: Timestamp(at),
        organization,
        user,
        key,
        key_name: "build".to_owned(),
        model: "fast".to_owned(),
        target: "gpt-5-mini".to_owned(),
        provider: "OpenAI".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        is_stream: true,
        status,
        code: if status < 400 { String::new() } else { "upstream_error".to_owned() },
        tokens: TokenCounts { input: 1000, output: 30, ..TokenCounts::default() },
        cost: Some(Dollars(2_500_001)),
        usage: Some(UsageState::Reported),
        attempts: 1,
        first_byte_ms: Some(200),
        duration_ms: 900,
        has_bodies: false,
    }
}

#[tokio::test]
async fn usage_is_exact_by_model_key_member_and_day() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let ids = ids(&server).await;
    let (key, _) = page.agent_key("build").await;
    let key: KeyId = key.parse().unwrap();
    let (fast, slow) = ((ModelId::new(), "fast"), (ModelId::new(), "slow"));
    for call in [
        usage(ids, fast, Some(key)),
        usage(ids, fast, Some(key)),
        CallUsage { state: Some(UsageState::Estimated), ..usage(ids, fast, None) },
        CallUsage { cost: None, state: Some(UsageState::Unpriced), ..usage(ids, slow, Some(key)) },
        CallUsage { tokens: TokenCounts::default(), cost: None, state: None, is_failure: true, ..usage(ids, slow, Some(key)) },
        CallUsage { at: Timestamp::now().plus_days(-40), ..usage(ids, fast, Some(key)) },
    ] {
        server.state.model_usage.record(call);
    }
    server.state.model_usage.flush(&server.state.store).await;

    let (status, report) = api.get("/usage").await;
    assert_eq!((status, &report["group_by"]), (StatusCode::OK, &json!("model")), "{report}");
    let tokens = |calls: i64| json!({ "input": 1000 * calls, "cached": 200 * calls, "cache_write": 0, "output": 30 * calls, "reasoning": 5 * calls });
    let fast_item = json!({
        "id": fast.0, "name": "fast", "calls": 3, "failures": 0, "tokens": tokens(3), "cost": "0.007500003", "estimated": 1, "unpriced": 0,
    });
    let slow_item = json!({
        "id": slow.0, "name": "slow", "calls": 2, "failures": 1, "tokens": tokens(1), "cost": "0", "estimated": 0, "unpriced": 1,
    });
    assert_eq!(report["items"], json!([fast_item, slow_item]));

    let named = |report: &Value| {
        let items = report["items"].as_array().unwrap().iter();
        items.map(|item| (text(&item["name"]), item["calls"].as_i64().unwrap())).collect::<Vec<_>>()
    };
    let read = async |query: &str| named(&api.get(&format!("/usage?{query}")).await.1);
    assert_eq!(read("group_by=key").await, [("build".to_owned(), 4), ("Page".to_owned(), 1)]);
    assert_eq!(read("group_by=member").await, [("owner of acme".to_owned(), 5)]);
    let today = text(&report["to"]);
    assert_eq!(read("group_by=day").await, [(today.clone(), 5)]);
    let from = Timestamp::now().plus_days(-60).rfc3339()[..10].to_owned();
    let days = read(&format!("group_by=day&from={from}&to={today}")).await;
    assert_eq!((days.len(), days[0].1, days[1].clone()), (2, 1, (today, 5)));
    assert!(read("from=2020-01-01&to=2020-01-31").await.is_empty());

    for (query, status, field) in [
        ("from=2026-01-02&to=2026-01-01", 422, "from"),
        ("from=2024-01-01&to=2026-01-01", 422, "from"),
        ("from=2026-02-30", 400, ""),
        ("group_by=year", 400, ""),
        ("other=1", 400, ""),
    ] {
        let (found, problem) = api.get(&format!("/usage?{query}")).await;
        assert_eq!((found.as_u16(), problem["field"].as_str().unwrap_or_default()), (status, field), "{query}: {problem}");
    }
    let (_, month) = page.call("billing/month", json!({ "month": null })).await;
    assert_eq!((&month["models"][0]["name"], &month["models"][0]["cost"]), (&json!("fast"), &json!("0.007500003")));
}

#[tokio::test]
async fn usage_and_calls_are_per_organization() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    server.user("owner", "globex").await;
    let ids = ids(&server).await;
    server.state.model_usage.record(usage(ids, (ModelId::new(), "fast"), None));
    server.state.model_usage.flush(&server.state.store).await;
    server.state.call_log.record(event(ids, Timestamp::now().0, None, 200));
    let (own, other) = (server.api("owner@acme.test", "usage:read"), server.api("owner@globex.test", "usage:read"));
    for path in ["/usage", "/calls"] {
        assert_eq!(own.get(path).await.1["items"].as_array().map(Vec::len), Some(1), "{path}");
        assert_eq!(other.get(path).await.1["items"], json!([]), "{path}");
        let without = server.api("owner@acme.test", "keys:read").get(path).await;
        assert_eq!((without.0, &without.1["code"]), (StatusCode::FORBIDDEN, &json!("insufficient_scope")), "{path}");
    }
}

#[tokio::test]
async fn calls_are_filtered_and_paged() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let ids = ids(&server).await;
    let (key, begin) = (KeyId::new(), Timestamp::now().0 - DAY_MS);
    for n in 0..30 {
        let (key, status) = ((n % 2 == 0).then_some(key), if n % 10 == 0 { 502 } else { 200 });
        server.state.call_log.record(event(ids, begin + n * 1000, key, status));
    }
    let at = |n: i64| Timestamp(begin + n * 1000).rfc3339();
    let read = async |query: &str| {
        let (status, page) = api.get(&format!("/calls?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        page
    };
    let times = |page: &Value| page["items"].as_array().unwrap().iter().map(|call| text(&call["at"])).collect::<Vec<_>>();

    let first = read("limit=20").await;
    assert_eq!((times(&first), &first["dropped"]), ((10..30).rev().map(at).collect::<Vec<_>>(), &json!(0)));
    let second = read(&format!("limit=20&cursor={}", text(&first["next_cursor"]))).await;
    assert_eq!((times(&second), &second["next_cursor"]), ((0..10).rev().map(at).collect::<Vec<_>>(), &Value::Null));
    let expected = json!({
        "id": first["items"][0]["id"], "at": at(29), "user": ids.1, "key": null, "key_name": "build", "model": "fast", "target": "gpt-5-mini",
        "provider": "OpenAI", "path": "/v1/chat/completions", "is_stream": true, "status": 200, "code": "",
        "tokens": { "input": 1000, "cached": 0, "cache_write": 0, "output": 30, "reasoning": 0 }, "cost": "0.002500001", "usage": "reported",
        "attempts": 1, "first_byte_ms": 200, "duration_ms": 900, "has_bodies": false,
    });
    assert_eq!(first["items"][0], expected);

    assert_eq!(times(&read(&format!("key={key}&outcome=failed")).await), [at(20), at(10), at(0)]);
    assert_eq!(times(&read(&format!("from={}&to={}", at(5), at(8))).await), [at(7), at(6), at(5)]);
    assert_eq!(times(&read("model=GPT-5-mini&limit=2").await).len(), 2);
    assert_eq!(read("model=other").await["items"], json!([]));
    assert_eq!(read(&format!("user={}", UserId::new())).await["items"], json!([]));

    for (query, status, field) in
        [("limit=0", 422, "limit"), ("limit=101", 422, "limit"), ("cursor=1", 422, "cursor"), ("key=key_1", 400, ""), ("from=now", 400, "")]
    {
        let (found, problem) = api.get(&format!("/calls?{query}")).await;
        assert_eq!((found.as_u16(), problem["field"].as_str().unwrap_or_default()), (status, field), "{query}: {problem}");
    }
}

#[tokio::test]
async fn the_command_line_prints_usage_and_calls() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let ids = ids(&server).await;
    server.state.model_usage.record(usage(ids, (ModelId::new(), "fast"), None));
    server.state.model_usage.flush(&server.state.store).await;
    server.state.call_log.record(event(ids, Timestamp::now().0, None, 502));
    let cli = Cli { url: server.url.clone(), key: server.api("owner@acme.test", "usage:read").key };
    let printed = cli.run(&["usage", "--by", "key"]).await;
    assert!(printed.exit == 0 && printed.out.contains("$0.002500001") && printed.out.contains("Page"), "{} {}", printed.out, printed.err);
    let printed = cli.run(&["calls", "--outcome", "failed"]).await;
    assert!(printed.exit == 0 && printed.out.contains("502 upstream_error") && printed.out.contains("1000/30"), "{} {}", printed.out, printed.err);
    assert_eq!(cli.run(&["calls", "--outcome", "succeeded", "--json"]).await.json()["items"], json!([]));
    let refused = cli.run(&["calls", "--key", "lka_secret"]).await;
    assert!(refused.exit == 2 && !refused.err.contains("lka_secret"), "{}", refused.err);
}

#[tokio::test]
async fn the_last_calls_are_written_when_the_server_stops() {
    let mut server = TestServer::start().await;
    server.user("owner", "acme").await;
    let ids = ids(&server).await;
    server.state.model_usage.record(usage(ids, (ModelId::new(), "fast"), None));
    server.stop().await;
    let database = server.database().await;
    let calls: i64 = sqlx::query_scalar("select cast(sum(calls) as bigint) from model_usage_by_day").fetch_one(&database).await.unwrap();
    assert_eq!(calls, 1);
}
