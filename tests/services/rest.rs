//! `/api/v1/services`.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::{Fixture, SECRET};
use crate::support::{ApiClient, TestServer, text};

async fn start() -> (TestServer, ApiClient) {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    (server, api)
}

fn service(name: &str) -> Value {
    json!({ "name": name, "base_url": "https://api.example.com", "injection": { "type": "bearer" } })
}

fn path(service: &Value) -> String {
    format!("/services/{}", text(&service["id"]))
}

#[tokio::test]
async fn service_is_created_read_changed_and_deleted() {
    let (server, api) = start().await;
    let response = api.request(Method::POST, "/services").json(&service("billing")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let (location, tag) = (response.headers()["location"].clone(), response.headers()["etag"].clone());
    let created: Value = response.json().await.unwrap();
    assert_eq!(location, format!("/api/v1{}", path(&created)));
    let expected = json!({
        "id": created["id"], "name": "billing", "base_url": "https://api.example.com", "injection": { "type": "bearer" }, "credential": null,
        "unlinked": null, "allow": [], "callers": [], "timeout_seconds": 60, "body_max": 10_485_760, "created_at": created["created_at"],
    });
    assert_eq!(created, expected);
    let read = api.request(Method::GET, &path(&created)).send().await.unwrap();
    assert_eq!((&read.headers()["etag"], read.status()), (&tag, StatusCode::OK));
    assert_eq!(read.json::<Value>().await.unwrap(), created);

    let changes = json!({
        "name": "billing-2", "base_url": "HTTPS://Other.example.com/v1/", "injection": { "type": "query", "name": "key" },
        "allow": [{ "method": "GET", "path": "/**" }], "callers": [{ "kind": "client", "scope": "read" }, { "kind": "agent" }],
        "timeout_seconds": 600, "body_max": 0,
    });
    let mut expected = created.clone();
    for (name, value) in changes.as_object().unwrap() {
        let (status, edited) = api.call(Method::PATCH, &path(&created), Some(json!({ name: value }))).await;
        assert_eq!(status, StatusCode::OK, "{name}: {edited}");
        expected[name] = match name.as_str() {
            "base_url" => json!("https://other.example.com/v1"),
            "callers" => json!([{ "kind": "client", "scope": "read" }, { "kind": "agent", "scope": null }]),
            _ => value.clone(),
        };
        assert_eq!(edited, expected, "{name}");
    }
    assert_eq!(api.get(&path(&created)).await.1, expected);
    api.post("/services", service("another")).await;
    let (status, list) = api.get("/services").await;
    let names: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|service| &service["name"]).collect();
    assert_eq!((status, names), (StatusCode::OK, vec![&json!("another"), &json!("billing-2")]));

    assert_eq!(api.call(Method::DELETE, &path(&created), None).await.0, StatusCode::NO_CONTENT);
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(api.call(method, &path(&created), None).await.0, StatusCode::NOT_FOUND);
    }
    let sql = "select action from audit_events where object_id = $1 order by seq";
    let actions: Vec<String> = sqlx::query_scalar(sql).bind(text(&created["id"])).fetch_all(&server.database().await).await.unwrap();
    assert_eq!(actions.first().map(String::as_str), Some("service.created"));
    assert_eq!(actions.last().map(String::as_str), Some("service.deleted"));
    assert_eq!(actions.iter().filter(|action| *action == "service.edited").count(), 7);
}

#[tokio::test]
async fn every_injection_is_returned_as_it_was_sent() {
    let (_server, api) = start().await;
    for (number, injection) in [
        json!({ "type": "bearer" }),
        json!({ "type": "header", "name": "X-Api-Key" }),
        json!({ "type": "basic", "username": "ada" }),
        json!({ "type": "query", "name": "appid" }),
        json!({ "type": "sigv4", "service": "s3", "region": "us-east-1" }),
    ]
    .into_iter()
    .enumerate()
    {
        let request = super::with(service(&format!("s{number}")), &json!({ "injection": injection }));
        let (status, created) = api.post("/services", request).await;
        assert_eq!((status, &created["injection"]), (StatusCode::CREATED, &injection), "{created}");
        assert_eq!(api.get(&path(&created)).await.1["injection"], injection);
    }
}

#[tokio::test]
async fn invalid_field_is_named() {
    let (_server, api) = start().await;
    let rule = |method: &str, path: &str| json!({ "allow": [{ "method": "*", "path": "/" }, { "method": method, "path": path }] });
    let injection = |injection: Value| json!({ "injection": injection });
    for (fields, field) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "Billing" }), "name"),
        (json!({ "name": "-a" }), "name"),
        (json!({ "name": "a/b" }), "name"),
        (json!({ "name": "a".repeat(51) }), "name"),
        (json!({ "base_url": "" }), "base_url"),
        (json!({ "base_url": "ftp://a" }), "base_url"),
        (json!({ "base_url": "http://api.example.com" }), "base_url"),
        (json!({ "base_url": "https://user:password@a" }), "base_url"),
        (json!({ "base_url": "https://a?key=b" }), "base_url"),
        (injection(json!({ "type": "header", "name": "" })), "injection.name"),
        (injection(json!({ "type": "header", "name": "a b" })), "injection.name"),
        (injection(json!({ "type": "header", "name": "Host" })), "injection.name"),
        (injection(json!({ "type": "header", "name": "Connection" })), "injection.name"),
        (injection(json!({ "type": "header", "name": "X-Latchkey-Caller" })), "injection.name"),
        (injection(json!({ "type": "query", "name": "a&b" })), "injection.name"),
        (injection(json!({ "type": "basic", "username": "a:b" })), "injection.username"),
        (injection(json!({ "type": "sigv4", "service": "S3", "region": "us-east-1" })), "injection.service"),
        (injection(json!({ "type": "sigv4", "service": "s3", "region": "" })), "injection.region"),
        (rule("get", "/"), "allow[1].method"),
        (rule("", "/"), "allow[1].method"),
        (rule("GET", "a"), "allow[1].path"),
        (rule("GET", "/a//b"), "allow[1].path"),
        (rule("GET", "/a/../b"), "allow[1].path"),
        (rule("GET", "/a?b"), "allow[1].path"),
        (rule("GET", "/{a,b}"), "allow[1].path"),
        (rule("GET", "/[ab]"), "allow[1].path"),
        (rule("GET", "/é"), "allow[1].path"),
        (json!({ "allow": vec![json!({ "method": "GET", "path": "/" }); 51] }), "allow"),
        (json!({ "callers": [{ "kind": "corpus" }] }), "callers"),
        (json!({ "callers": [{ "kind": "agent", "scope": "a" }] }), "callers"),
        (json!({ "callers": [{ "kind": "client" }, { "kind": "client", "scope": "a" }] }), "callers"),
        (json!({ "callers": [{ "kind": "internal", "scope": "everything" }] }), "callers"),
        (json!({ "callers": [{ "kind": "project", "scope": "manage_roles" }] }), "callers"),
        (json!({ "timeout_seconds": 0 }), "timeout_seconds"),
        (json!({ "timeout_seconds": 601 }), "timeout_seconds"),
        (json!({ "body_max": -1 }), "body_max"),
        (json!({ "body_max": 1_073_741_825 }), "body_max"),
        (json!({ "body_max": 8_388_609, "injection": { "type": "sigv4", "service": "s3", "region": "us-east-1" } }), "body_max"),
    ] {
        let (status, problem) = api.post("/services", super::with(service("valid"), &fields)).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{fields}: {problem}");
    }
    let (_, created) = api.post("/services", service("valid")).await;
    let (status, problem) = api.post("/services", service("valid")).await;
    assert_eq!((status, &problem["field"]), (StatusCode::CONFLICT, &json!("name")));
    api.post("/services", service("other")).await;
    let (status, problem) = api.call(Method::PATCH, &path(&created), Some(json!({ "name": "other" }))).await;
    assert_eq!((status, &problem["field"]), (StatusCode::CONFLICT, &json!("name")));
    assert_eq!(api.get("/services").await.1["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn concurrent_change_is_detected() {
    let (_server, api) = start().await;
    let (_, created) = api.post("/services", service("a")).await;
    let send = async |method: Method, if_match: &str, body: Value| {
        api.request(method, &path(&created)).header("if-match", if_match).json(&body).send().await.unwrap()
    };
    let etag = |response: &Response| response.headers()["etag"].to_str().unwrap().to_owned();
    let first = etag(&api.request(Method::GET, &path(&created)).send().await.unwrap());
    let edited = send(Method::PATCH, &first, json!({ "timeout_seconds": 5 })).await;
    assert_eq!(edited.status(), StatusCode::OK);
    let second = etag(&edited);
    assert_ne!(first, second);
    for (method, body) in [(Method::PATCH, json!({ "timeout_seconds": 6 })), (Method::DELETE, json!({}))] {
        assert_eq!(send(method, &first, body).await.status(), StatusCode::PRECONDITION_FAILED);
    }
    assert_eq!(send(Method::PATCH, "*", json!({ "timeout_seconds": 7 })).await.status(), StatusCode::OK);
    assert_eq!(send(Method::PATCH, "unquoted", json!({})).await.status(), StatusCode::BAD_REQUEST);
    let current = etag(&api.request(Method::GET, &path(&created)).send().await.unwrap());
    assert_eq!(send(Method::DELETE, &format!("\"other\", {current}"), json!({})).await.status(), StatusCode::NO_CONTENT);
    // Changes of different fields at the same time are both made.
    let (_, created) = api.post("/services", service("b")).await;
    let path = path(&created);
    let edit = |body: Value| api.call(Method::PATCH, &path, Some(body));
    let (one, other) = tokio::join!(edit(json!({ "timeout_seconds": 5 })), edit(json!({ "body_max": 5 })));
    assert_eq!((one.0, other.0), (StatusCode::OK, StatusCode::OK));
    let (_, service) = api.get(&path).await;
    assert_eq!((&service["timeout_seconds"], &service["body_max"]), (&json!(5), &json!(5)));
}

#[tokio::test]
async fn services_belong_to_one_organization() {
    let (server, api) = start().await;
    server.user("owner", "globex").await;
    let foreign = server.api("owner@globex.test", "");
    let (_, created) = api.post("/services", service("a")).await;
    for (method, body) in [(Method::GET, None), (Method::PATCH, Some(json!({ "name": "b" }))), (Method::DELETE, None)] {
        assert_eq!(foreign.call(method, &path(&created), body).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(foreign.get("/services").await.1["items"], json!([]));
    assert_eq!(foreign.post("/services", service("a")).await.0, StatusCode::CREATED, "names are unique in an organization only");
    assert_eq!(api.get("/services/nothing").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn responses_and_audit_log_contain_no_secret() {
    let fixture = Fixture::start().await;
    let texts = [
        fixture.api.get("/services").await.1.to_string(),
        fixture.edit_service(json!({ "timeout_seconds": 5 })).await.to_string(),
        fixture.api.get(&format!("/services/{}", fixture.service)).await.1.to_string(),
    ];
    let database = fixture.server.database().await;
    let details: Vec<String> = sqlx::query_scalar("select detail || object_name from audit_events").fetch_all(&database).await.unwrap();
    for text in texts.iter().chain(&details) {
        assert!(!text.contains(SECRET), "{text}");
    }
    assert!(details.iter().any(|detail| detail.contains("timeout_seconds")), "{details:?}");
}
