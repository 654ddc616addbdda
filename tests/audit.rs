//! The audit log's server function.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{BrowserClient, TestServer, text};

async fn read(page: &BrowserClient, search: &str, period: &str, before: Option<i64>) -> (Vec<Value>, Value) {
    let (status, body) = page.call("audit/read", json!({ "query": { "search": search, "period": period, "before": before } })).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    (body["events"].as_array().unwrap().clone(), body["next"].clone())
}

async fn actions(page: &BrowserClient, search: &str) -> Vec<String> {
    read(page, search, "all", None).await.0.iter().map(|event| text(&event["action"])).collect()
}

#[tokio::test]
async fn newest_event_comes_first_with_actor_object_and_address() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let (id, _) = owner.agent_key("Nightly").await;
    let (events, next) = read(&owner, "", "all", None).await;
    let newest = &events[0];
    assert_eq!(next, Value::Null);
    assert_eq!(
        (&newest["action"], &newest["actor"], &newest["object"], &newest["object_id"], &newest["address"], &newest["auth_method"]),
        (&json!("key.created"), &json!("owner of acme"), &json!("Nightly"), &json!(id), &json!("127.0.0.1"), &Value::Null)
    );
    assert!(newest["details"].as_array().unwrap().contains(&json!(["kind", "agent"])), "{newest}");
    assert_eq!(events.last().unwrap()["auth_method"], "Command line");
}

#[tokio::test]
async fn search_matches_every_text_of_an_event_ignoring_case() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let (id, _) = owner.agent_key("ÄRZTE 100%_\\").await;
    for search in ["ärzte", "ÄRZTE 100%", "%_\\", "key.created", "KEY CREATED", "key cre", &id, &id[5..]] {
        assert_eq!(actions(&owner, search).await, ["key.created"], "{search}");
    }
    assert!(actions(&owner, "Owner of").await.contains(&"key.created".to_owned()));
    assert_eq!(actions(&owner, "127.0.0.1").await, ["key.created", "session.begun"], "command-line events have no address");
    assert_eq!(actions(&owner, "Signed in").await, ["session.begun"]);
    for literal in ["_created", "%", "100_", "ärzte owner", "nothing like it"] {
        let expected: &[&str] = if literal == "%" { &["key.created"] } else { &[] };
        assert_eq!(actions(&owner, literal).await, expected, "{literal}");
    }
}

#[tokio::test]
async fn invalid_searches_are_rejected() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    for search in ["a".repeat(101), "a\u{0}b".to_owned()] {
        let (status, error) = owner.call("audit/read", json!({ "query": { "search": search, "period": "all" } })).await;
        assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("search")));
    }
    for query in [json!({ "search": "", "period": "century" }), json!({ "period": "all" }), json!({ "search": "", "period": "all", "before": "1" })] {
        assert_eq!(owner.call("audit/read", json!({ "query": query })).await.0, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn period_limits_the_listed_events() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    for (days, name) in [(40, "a"), (20, "b"), (3, "c"), (0, "d")] {
        owner.agent_key(name).await;
        let database = server.database().await;
        let sql = "update audit_events set at = at - $1 where object_name = $2";
        sqlx::query(sql).bind(days * 86_400_000_i64).bind(name).execute(&database).await.unwrap();
    }
    for (period, names) in [("all", &["d", "c", "b", "a"][..]), ("30d", &["d", "c", "b"]), ("7d", &["d", "c"]), ("24h", &["d"])] {
        let (events, _) = read(&owner, "key.created", period, None).await;
        assert_eq!(events.iter().map(|event| text(&event["object"])).collect::<Vec<_>>(), names, "{period}");
    }
}

#[tokio::test]
async fn pages_list_each_event_once_despite_new_events() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    for n in 0..60 {
        owner.agent_key(&format!("key {n}")).await;
    }
    let (first, next) = read(&owner, "key.created", "all", None).await;
    owner.agent_key("late").await;
    let (second, end) = read(&owner, "key.created", "all", next.as_i64()).await;
    assert_eq!((first.len(), second.len(), end), (50, 10, Value::Null));
    let mut seqs: Vec<_> = first.iter().chain(&second).map(|event| event["seq"].as_i64().unwrap()).collect();
    assert!(seqs.is_sorted_by(|a, b| a > b));
    seqs.dedup();
    assert_eq!(seqs.len(), 60);
}

/// One page of the log for a query whose search and period match all events.
async fn page_of(page: &BrowserClient, filters: Value) -> Value {
    let mut query = json!({ "search": "", "period": "all" });
    query.as_object_mut().unwrap().extend(filters.as_object().unwrap().clone());
    let (status, body) = page.call("audit/read", json!({ "query": query })).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

fn seqs(page: &Value) -> Vec<i64> {
    page["events"].as_array().unwrap().iter().map(|event| event["seq"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn events_are_filtered_by_actor_action_and_target() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let admin = server.user("admin", "acme").await;
    let api = server.api("owner@acme.test", "");
    owner.agent_key("by the owner").await;
    admin.agent_key("by the admin").await;
    api.post("/keys", json!({ "kind": "client", "name": "by a key" })).await;
    let (status, actors) = owner.call("audit/actors", json!({})).await;
    assert_eq!(status, StatusCode::OK);
    let admin_id = actors.as_array().unwrap().iter().find(|actor| actor[1] == "admin of acme").unwrap()[0].clone();

    let objects = async |filters: Value| -> Vec<String> {
        let page = page_of(&owner, filters).await;
        page["events"].as_array().unwrap().iter().map(|event| text(&event["object"])).collect()
    };
    let created = json!({ "action": "key.created", "target": "key" });
    assert_eq!(objects(created).await[..3], ["by a key", "by the admin", "by the owner"]);
    assert_eq!(objects(json!({ "actor": admin_id, "action": "key.created" })).await, ["by the admin"]);
    assert_eq!(objects(json!({ "actor": "key" })).await, ["by a key"]);
    assert_eq!(objects(json!({ "actor": admin_id, "search": "by the owner" })).await, [""; 0]);
    assert_eq!(objects(json!({ "action": "key.created", "target": "role" })).await, [""; 0]);
    let from_console = page_of(&owner, json!({ "actor": "console" })).await;
    assert!(from_console["events"].as_array().unwrap().iter().all(|event| event["auth_method"] == "Command line"), "{from_console}");

    for field in ["actor", "action", "target"] {
        let mut query = json!({ "search": "", "period": "all" });
        query[field] = json!("a\u{0}b");
        let (status, error) = owner.call("audit/read", json!({ "query": query })).await;
        assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)));
    }
}

#[tokio::test]
async fn pages_lead_to_older_and_newer_events() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    for n in 0..7 {
        owner.agent_key(&format!("key {n}")).await;
    }
    let filters = |position: Value| {
        let mut filters = json!({ "action": "key.created", "limit": 3 });
        filters.as_object_mut().unwrap().extend(position.as_object().unwrap().clone());
        filters
    };
    let first = page_of(&owner, filters(json!({}))).await;
    let second = page_of(&owner, filters(json!({ "before": first["next"] }))).await;
    let third = page_of(&owner, filters(json!({ "before": second["next"] }))).await;
    assert_eq!((seqs(&first).len(), seqs(&second).len(), seqs(&third).len()), (3, 3, 1));
    assert_eq!((&first["previous"], &third["next"]), (&Value::Null, &Value::Null));
    assert_eq!(page_of(&owner, filters(json!({ "after": third["previous"] }))).await, second);
    assert_eq!(page_of(&owner, filters(json!({ "after": second["previous"] }))).await, first);
    // One newer event does not fill a page: the first page has it too.
    let newest = page_of(&owner, filters(json!({ "after": seqs(&first)[1] }))).await;
    assert_eq!(newest, first);
    assert_eq!(seqs(&page_of(&owner, json!({ "action": "key.created", "limit": 0 })).await).len(), 1);
}

#[tokio::test]
async fn details_show_names_instead_of_ids() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let request = json!({ "name": "Genomics", "description": "", "visibility": "organization" });
    let (status, project) = owner.call("projects/create", json!({ "request": request })).await;
    assert_eq!(status, StatusCode::OK, "{project}");
    let (status, node) = owner.call("projects/create-node", json!({ "id": project["id"], "name": "Input" })).await;
    assert_eq!(status, StatusCode::OK, "{node}");
    let event = page_of(&owner, json!({ "action": "node.created" })).await["events"][0].clone();
    assert_eq!(event["details"], json!([["project", "Genomics"]]));
}

#[tokio::test]
async fn organizations_read_only_their_own_events() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let other_organization = server.user("owner", "globex").await;
    let member = server.user("member", "acme").await;
    owner.agent_key("ours").await;
    assert_eq!(actions(&other_organization, "ours").await, [""; 0]);
    assert!(actions(&other_organization, "").await.iter().all(|action| action != "key.created"));
    let query = json!({ "query": { "search": "", "period": "all" } });
    assert_eq!(member.call("audit/read", query).await.0, StatusCode::FORBIDDEN);
}
