//! Budgets and other limits of language models: of keys over REST, of members and the organization in the page.

use std::sync::Arc;

use latchkey_types::{
    budget::{Budget, BudgetPeriod, BudgetUnit},
    dollars::Dollars,
    id::{KeyId, OrganizationId, UserId},
};
use latchkey_verify::{BudgetLimit, BudgetOwner, ModelCall, ModelCharge, ModelRefusal, WorstCase};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{ApiClient, BrowserClient, TestServer, eventually, text};

async fn setup() -> (TestServer, BrowserClient, ApiClient) {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    (server, page, api)
}

/// Creates an agent key with these fields. Returns its id and its secret.
async fn agent_key(api: &ApiClient, fields: Value) -> (String, String) {
    let mut call = json!({ "kind": "agent", "name": KeyId::new() });
    call.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let (status, created) = api.post("/keys", call).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    (text(&created["key"]["id"]), text(&created["secret"]))
}

/// Begins a call with the key whose worst case is this cost.
async fn begin(server: &TestServer, secret: &str, nanos: i64, budgets: &[BudgetLimit]) -> Result<ModelCharge, ModelRefusal> {
    let key = server.state.verifier.find(secret).await.unwrap().unwrap();
    let worst_case = WorstCase { cost: Some(Dollars(nanos)), tokens: Some(1) };
    server.state.verifier.begin_model_call(ModelCall { key: Some(&key), organization: key.creator.organization, budgets, worst_case }).await
}

#[tokio::test]
async fn model_limits_are_returned_and_can_be_changed() {
    let (_server, _, api) = setup().await;
    let fields = json!({
        "models": [" gpt-* ", "GPT-*", "fast"], "budget": { "limit": "12.50", "period": "day" }, "tokens_per_minute": 1000, "max_parallel": 4,
    });
    let (id, _) = agent_key(&api, fields).await;
    let path = format!("/keys/{id}");
    let (_, key) = api.get(&path).await;
    assert_eq!((&key["models"], &key["tokens_per_minute"], &key["max_parallel"]), (&json!(["gpt-*", "fast"]), &json!(1000), &json!(4)));
    let budget = &key["budget"];
    assert!(budget["resets_at"].is_string(), "{budget}");
    for (field, value) in [("limit", "12.5"), ("unit", "usd"), ("period", "day"), ("spent", "0"), ("reserved", "0")] {
        assert_eq!(budget[field], value, "{field}");
    }
    assert_eq!(api.get("/keys?kind=agent").await.1["items"][0]["budget"], *budget);

    let changed = async |change: Value| api.call(Method::PATCH, &path, Some(change)).await;
    let (status, key) = changed(json!({ "budget": { "limit": 5000, "unit": "tokens", "period": "none" }, "models": [] })).await;
    let tokens = json!({ "limit": 5000, "unit": "tokens", "period": "none", "spent": 0, "reserved": 0, "resets_at": null });
    assert_eq!((status, &key["budget"], &key["models"], &key["max_parallel"]), (StatusCode::OK, &tokens, &json!([]), &json!(4)));
    let (_, key) = changed(json!({ "models": null, "budget": null, "tokens_per_minute": null, "max_parallel": null })).await;
    for field in ["models", "budget", "tokens_per_minute", "max_parallel"] {
        assert_eq!(key[field], Value::Null, "{field}");
    }
}

#[tokio::test]
async fn an_invalid_model_limit_is_named() {
    let (_server, _, api) = setup().await;
    let many = vec!["a"; 101];
    for (fields, field) in [
        (json!({ "models": ["a", "b c"] }), "models[1]"),
        (json!({ "models": many }), "models"),
        (json!({ "models": "gpt-*" }), "models"),
        (json!({ "budget": { "limit": "-1" } }), "budget.limit"),
        (json!({ "budget": { "limit": 5 } }), "budget.limit"),
        (json!({ "budget": { "limit": 1.5, "unit": "tokens" } }), "budget.limit"),
        (json!({ "budget": { "limit": -1, "unit": "tokens" } }), "budget.limit"),
        (json!({ "budget": { "limit": "1", "unit": "eur" } }), "budget.unit"),
        (json!({ "budget": { "limit": "1", "period": "year" } }), "budget.period"),
        (json!({ "tokens_per_minute": 0 }), "tokens_per_minute"),
        (json!({ "max_parallel": 10_001 }), "max_parallel"),
    ] {
        let mut call = json!({ "kind": "client", "name": "a" });
        call.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let (status, problem) = api.post("/keys", call).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{fields}: {problem}");
    }
}

#[tokio::test]
async fn use_of_a_budget_is_shown_and_changes_no_tag() {
    let (server, _, api) = setup().await;
    let (id, secret) = agent_key(&api, json!({ "budget": { "limit": "1" } })).await;
    let path = format!("/keys/{id}");
    let tag = async || api.request(Method::GET, &path).send().await.unwrap().headers()["etag"].clone();
    let before = tag().await;
    let charge = begin(&server, &secret, 600_000_000, &[]).await.ok().unwrap();
    assert_eq!(api.get(&path).await.1["budget"]["reserved"], "0.6");
    assert!(begin(&server, &secret, 400_000_001, &[]).await.is_err());
    charge.settle(Some(Dollars(250_000_000)), 1);
    let budget = api.get(&path).await.1["budget"].clone();
    assert_eq!((&budget["spent"], &budget["reserved"], tag().await), (&json!("0.25"), &json!("0"), before));
    // A lower limit ends what is open, and a higher one admits calls again.
    let charge = begin(&server, &secret, 750_000_000, &[]).await.ok().unwrap();
    assert_eq!(api.call(Method::PATCH, &path, Some(json!({ "budget": { "limit": "0.2" } }))).await.0, StatusCode::OK);
    assert!(begin(&server, &secret, 1, &[]).await.is_err() && charge.is_exhausted());
    drop(charge);
    assert_eq!(api.call(Method::PATCH, &path, Some(json!({ "budget": { "limit": "2" } }))).await.0, StatusCode::OK);
    assert!(begin(&server, &secret, 1_000_000_000, &[]).await.is_ok());
}

#[tokio::test]
async fn agent_keys_start_with_the_default_budget() {
    let (server, page, api) = setup().await;
    let default = json!({ "limit": 3_000_000_000_i64, "unit": "usd", "period": "week" });
    assert_eq!(page.call("organization/set-agent-budget", json!({ "budget": default })).await.0, StatusCode::OK);
    let budget_of = async |fields: Value| api.get(&format!("/keys/{}", agent_key(&api, fields).await.0)).await.1["budget"].clone();
    let budget = budget_of(json!({})).await;
    assert_eq!((&budget["limit"], &budget["period"]), (&json!("3"), &json!("week")));
    assert_eq!(budget_of(json!({ "budget": null })).await, Value::Null);
    assert_eq!(budget_of(json!({ "budget": { "limit": "1" } })).await["limit"], "1");
    let (_, client) = api.post("/keys", json!({ "kind": "client", "name": "a" })).await;
    assert_eq!(client["key"]["budget"], Value::Null);

    // Members who create agent keys see the default, and not the budget of the organization.
    assert_eq!(page.call("organization/set-budget", json!({ "budget": default })).await.0, StatusCode::OK);
    assert_eq!(page.call("organization/set-call-log-days", json!({ "days": 7 })).await.0, StatusCode::OK);
    let (_, all) = page.call("organization/budgets", json!({})).await;
    assert_eq!((&all["budget"]["budget"], &all["agent_budget"], &all["call_log_days"]), (&default, &default, &json!(7)));
    let member = server.user("member", "acme").await;
    let (_, own) = member.call("organization/budgets", json!({})).await;
    assert_eq!((&own["budget"], &own["agent_budget"]), (&Value::Null, &default));
    for (function, arguments) in [("organization/set-budget", json!({ "budget": null })), ("organization/set-call-log-days", json!({ "days": 0 }))] {
        assert_eq!(member.call(function, arguments).await.0, StatusCode::FORBIDDEN, "{function}");
    }
    for (function, arguments, field) in [
        ("organization/set-budget", json!({ "budget": { "limit": -1, "unit": "usd", "period": "day" } }), "budget.limit"),
        ("organization/set-call-log-days", json!({ "days": 3651 }), "days"),
    ] {
        let (status, error) = page.call(function, arguments).await;
        assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{function}: {error}");
    }
}

#[tokio::test]
async fn a_member_has_a_budget_for_all_keys() {
    let (server, page, _) = setup().await;
    let member = server.user("member", "acme").await;
    let foreign = server.user("owner", "globex").await;
    let member_row = async || {
        let (_, data) = page.call("members/list", json!({})).await;
        data["members"].as_array().unwrap().iter().find(|row| row["email"] == "member@acme.test").unwrap().clone()
    };
    let id = text(&member_row().await["id"]);
    let budget = json!({ "limit": 1_000_000_000, "unit": "usd", "period": "none" });
    let set = json!({ "user": id, "budget": budget });
    assert_eq!(foreign.call("members/set-budget", set.clone()).await.0, StatusCode::NOT_FOUND);
    assert_eq!(member.call("members/set-budget", set.clone()).await.0, StatusCode::FORBIDDEN);
    assert_eq!(page.call("members/set-budget", set).await.0, StatusCode::OK);
    assert_eq!(member_row().await["budget"]["budget"], budget);

    let user: UserId = id.parse().unwrap();
    let limit = Budget { limit: 1_000_000_000, unit: BudgetUnit::Usd, period: BudgetPeriod::None };
    let budgets = [BudgetLimit { owner: BudgetOwner::Member(user), budget: limit }];
    let (one, other) = (member.agent_key("one").await.1, member.agent_key("other").await.1);
    let first = begin(&server, &one, 700_000_000, &budgets).await.ok().unwrap();
    assert!(begin(&server, &other, 300_000_001, &budgets).await.is_err(), "both keys share it");
    let open = begin(&server, &other, 300_000_000, &budgets).await.ok().unwrap();
    first.settle(Some(Dollars(700_000_000)), 1);
    let state = member_row().await["budget"].clone();
    assert_eq!((&state["spent"], &state["reserved"]), (&json!(700_000_000), &json!(300_000_000)));
    // Open calls end when the budget is lowered.
    let lower = json!({ "user": id, "budget": { "limit": 500_000_000, "unit": "usd", "period": "none" } });
    assert!(!open.is_exhausted());
    assert_eq!(page.call("members/set-budget", lower).await.0, StatusCode::OK);
    assert!(open.is_exhausted());
    assert_eq!(page.call("members/set-budget", json!({ "user": id, "budget": null })).await.0, StatusCode::OK);
    assert_eq!(member_row().await["budget"], Value::Null);
}

#[tokio::test]
async fn a_restart_gives_back_what_was_not_spent() {
    let (mut server, _, api) = setup().await;
    let (id, secret) = agent_key(&api, json!({ "budget": { "limit": "1", "period": "none" } })).await;
    for _ in 0..3 {
        begin(&server, &secret, 300_000_000, &[]).await.ok().unwrap().settle(Some(Dollars(10_000_000)), 1);
    }
    let database = server.database().await;
    let granted = async || {
        let sql = "select granted, spent from budget_shares where owner_id = $1";
        sqlx::query_as::<_, (i64, i64)>(sql).bind(&id).fetch_one(&database).await.unwrap()
    };
    eventually("an unused budget is given back", async || granted().await == (30_000_000, 30_000_000)).await;
    let open = begin(&server, &secret, 500_000_000, &[]).await.ok().unwrap();
    assert_eq!(granted().await.1, 30_000_000);
    open.settle(Some(Dollars(1)), 1);
    server.stop().await;
    assert_eq!(granted().await, (30_000_001, 30_000_001));
}

#[tokio::test]
async fn callers_at_once_never_overspend() {
    let (server, _, api) = setup().await;
    let (id, secret) = agent_key(&api, json!({ "budget": { "limit": "1", "period": "none" } })).await;
    let organization = BudgetLimit {
        owner: BudgetOwner::Organization(OrganizationId::new()),
        budget: Budget { limit: 2_000_000_000, unit: BudgetUnit::Usd, period: BudgetPeriod::None },
    };
    let server = Arc::new(server);
    let calls = (0..1000_i64).map(|index| {
        let (server, secret) = (Arc::clone(&server), secret.clone());
        tokio::spawn(async move {
            let charge = begin(&server, &secret, 10_000_000, &[organization]).await.ok()?;
            tokio::task::yield_now().await;
            let cost = index * 7919 % 10_000_001;
            charge.settle(Some(Dollars(cost)), 1);
            Some(cost)
        })
    });
    let mut costs = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        costs.extend(call.await.unwrap());
    }
    let spent: i64 = costs.iter().sum();
    assert!(costs.len() >= 100 && spent <= 1_000_000_000, "{} {spent}", costs.len());
    let budget = api.get(&format!("/keys/{id}")).await.1["budget"].clone();
    assert_eq!((&budget["spent"], &budget["reserved"]), (&json!(Dollars(spent)), &json!("0")));
    // What is left is spent to the last billionth.
    let left = 1_000_000_000 - spent;
    begin(&server, &secret, left, &[]).await.ok().unwrap().settle(Some(Dollars(left)), 1);
    assert!(begin(&server, &secret, 1, &[]).await.is_err());
}
