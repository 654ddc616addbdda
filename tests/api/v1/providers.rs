//! `/api/v1/providers`.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{ApiClient, TestServer, text};

async fn start() -> (TestServer, ApiClient) {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    (server, api)
}

fn provider(name: &str) -> Value {
    json!({ "name": name, "style": "openai", "base_url": "https://llm.example.com/v1" })
}

fn path(object: &Value) -> String {
    format!("/providers/{}", text(&object["id"]))
}

async fn general_key(api: &ApiClient, name: &str) -> String {
    let (status, created) = api.post("/credentials", json!({ "kind": "general", "name": name, "value": "sk-0123456789" })).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    text(&created["credential"]["id"])
}

#[tokio::test]
async fn provider_is_created_read_changed_and_deleted() {
    let (server, api) = start().await;
    let response = api.request(Method::POST, "/providers").json(&provider("OpenAI")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let (location, tag) = (response.headers()["location"].clone(), response.headers()["etag"].clone());
    let created: Value = response.json().await.unwrap();
    assert_eq!(location, format!("/api/v1{}", path(&created)));
    let recent = json!({ "calls": 0, "failures": 0, "cost": "0", "unpriced": 0 });
    let expected = json!({
        "id": created["id"], "name": "OpenAI", "style": "openai", "base_url": "https://llm.example.com/v1", "credential_header": null,
        "credential": null, "unlinked": null, "last_error": null, "recent": recent,
    });
    assert_eq!(created, expected);
    let read = api.request(Method::GET, &path(&created)).send().await.unwrap();
    assert_eq!((&read.headers()["etag"], read.status()), (&tag, StatusCode::OK));
    assert_eq!(read.json::<Value>().await.unwrap(), created);

    let changes = json!({
        "name": "Other", "style": "anthropic", "base_url": "HTTPS://Other.example.com/", "credential_header": "Api-Key",
        "credential": general_key(&api, "key").await,
    });
    let mut expected = created.clone();
    for (name, value) in changes.as_object().unwrap() {
        let (status, edited) = api.call(Method::PATCH, &path(&created), Some(json!({ name: value }))).await;
        assert_eq!(status, StatusCode::OK, "{name}: {edited}");
        expected[name] = match name.as_str() {
            "base_url" => json!("https://other.example.com"),
            "credential_header" => json!("api-key"),
            _ => value.clone(),
        };
        assert_eq!(edited, expected, "{name}");
    }
    for name in ["credential_header", "credential"] {
        let (_, edited) = api.call(Method::PATCH, &path(&created), Some(json!({ name: null }))).await;
        assert_eq!(edited[name], Value::Null);
    }
    api.post("/providers", provider("another")).await;
    let (status, list) = api.get("/providers").await;
    let names: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|provider| &provider["name"]).collect();
    assert_eq!((status, names), (StatusCode::OK, vec![&json!("another"), &json!("Other")]));

    assert_eq!(api.call(Method::DELETE, &path(&created), None).await.0, StatusCode::NO_CONTENT);
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(api.call(method, &path(&created), None).await.0, StatusCode::NOT_FOUND);
    }
    let sql = "select action from audit_events where object_id = $1 order by seq";
    let actions: Vec<String> = sqlx::query_scalar(sql).bind(text(&created["id"])).fetch_all(&server.database().await).await.unwrap();
    assert_eq!(actions.first().map(String::as_str), Some("provider.created"));
    assert_eq!(actions.last().map(String::as_str), Some("provider.deleted"));
}

#[tokio::test]
async fn changed_base_url_unlinks_the_credentials() {
    let (_server, api) = start().await;
    let (key, other) = (general_key(&api, "key").await, general_key(&api, "other").await);
    let mut request = provider("OpenAI");
    request["credential"] = json!(key);
    let (_, created) = api.post("/providers", request).await;
    let (_, model) = api.post(&format!("{}/models", path(&created)), json!({ "name": "fast", "credential": key })).await;
    assert_eq!((&created["credential"], &model["credential"]), (&json!(key), &json!(key)));
    let edit = async |body: Value| api.call(Method::PATCH, &path(&created), Some(body)).await.1;

    let moved = edit(json!({ "base_url": "https://other.example.com" })).await;
    assert_eq!((&moved["credential"], &moved["unlinked"]), (&Value::Null, &json!("address_changed")));
    let of_model = format!("/models/{}", text(&model["id"]));
    let model = api.get(&of_model).await.1;
    assert_eq!((&model["credential"], &model["unlinked"]), (&Value::Null, &json!("address_changed")));
    // It is not called with the provider's key, which may be billed to somebody else, until this is chosen.
    for (change, unlinked) in [(json!({ "name": "quick" }), json!("address_changed")), (json!({ "credential": null }), Value::Null)] {
        let (status, model) = api.call(Method::PATCH, &of_model, Some(change)).await;
        assert_eq!((status, &model["credential"], &model["unlinked"]), (StatusCode::OK, &Value::Null, &unlinked));
    }
    assert_eq!(edit(json!({ "base_url": "https://third.example.com", "credential": other })).await["credential"], other);
    assert_eq!(api.call(Method::DELETE, &format!("/credentials/{other}"), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(api.get(&path(&created)).await.1["unlinked"], "credential_deleted");
}

#[tokio::test]
async fn invalid_field_is_named() {
    let (server, api) = start().await;
    server.user("owner", "globex").await;
    let foreign = server.api("owner@globex.test", "");
    let foreign_key = general_key(&foreign, "theirs").await;
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("a".repeat(101))),
        ("style", json!("vertex")),
        ("base_url", json!("")),
        ("base_url", json!("ftp://a")),
        ("base_url", json!("http://llm.example.com")),
        ("base_url", json!("https://user:password@a")),
        ("base_url", json!("https://a?key=b")),
        ("credential_header", json!("a b")),
        ("credential_header", json!("Host")),
        ("credential_header", json!("x-latchkey-model")),
    ] {
        let mut request = provider("valid");
        request[field] = value.clone();
        let (status, problem) = api.post("/providers", request).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{value}: {problem}");
    }
    for credential in [foreign_key.as_str(), "crd_00000000000070008000000000000000"] {
        let mut request = provider("valid");
        request["credential"] = json!(credential);
        let (status, problem) = api.post("/providers", request).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("credential")), "{credential}");
    }
    let (_, created) = api.post("/providers", provider("valid")).await;
    let (status, problem) = api.post("/providers", provider("VALID")).await;
    assert_eq!((status, &problem["field"]), (StatusCode::CONFLICT, &json!("name")));
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(foreign.call(method, &path(&created), None).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(foreign.post(&format!("{}/models", path(&created)), json!({ "name": "a" })).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn linking_a_credential_needs_the_scope_for_credentials() {
    let (server, api) = start().await;
    let key = general_key(&api, "key").await;
    let gateway = server.api("owner@acme.test", "gateway:read,gateway:write");
    let mut linked = provider("linked");
    linked["credential"] = json!(key);
    let (status, problem) = gateway.post("/providers", linked.clone()).await;
    assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("insufficient_scope")));
    let (_, plain) = gateway.post("/providers", provider("plain")).await;
    let models = format!("{}/models", path(&plain));
    assert_eq!(gateway.call(Method::PATCH, &path(&plain), Some(json!({ "credential": key }))).await.0, StatusCode::FORBIDDEN);
    assert_eq!(gateway.post(&models, json!({ "name": "a", "credential": key })).await.0, StatusCode::FORBIDDEN);
    let (status, model) = gateway.post(&models, json!({ "name": "a" })).await;
    assert_eq!(status, StatusCode::CREATED, "{model}");
    let model = format!("/models/{}", text(&model["id"]));
    assert_eq!(gateway.call(Method::PATCH, &model, Some(json!({ "credential": key }))).await.0, StatusCode::FORBIDDEN);

    // A link that does not change needs no further scope, and to remove one neither.
    let (_, linked) = api.post("/providers", linked).await;
    let (status, renamed) = gateway.call(Method::PATCH, &path(&linked), Some(json!({ "name": "renamed", "credential": key }))).await;
    assert_eq!((status, &renamed["credential"]), (StatusCode::OK, &json!(key)));
    let (status, unlinked) = gateway.call(Method::PATCH, &path(&linked), Some(json!({ "credential": null }))).await;
    assert_eq!((status, &unlinked["credential"]), (StatusCode::OK, &Value::Null));
}

#[tokio::test]
async fn concurrent_change_is_detected() {
    let (_server, api) = start().await;
    let (_, created) = api.post("/providers", provider("a")).await;
    let send = async |method: Method, if_match: &str, body: Value| {
        api.request(method, &path(&created)).header("if-match", if_match).json(&body).send().await.unwrap()
    };
    let etag = |response: &Response| response.headers()["etag"].to_str().unwrap().to_owned();
    let first = etag(&api.request(Method::GET, &path(&created)).send().await.unwrap());
    let edited = send(Method::PATCH, &first, json!({ "name": "b" })).await;
    assert_eq!(edited.status(), StatusCode::OK);
    let second = etag(&edited);
    assert_ne!(first, second);
    for (method, body) in [(Method::PATCH, json!({ "name": "c" })), (Method::DELETE, json!({}))] {
        assert_eq!(send(method, &first, body).await.status(), StatusCode::PRECONDITION_FAILED);
    }
    assert_eq!(send(Method::PATCH, "*", json!({ "name": "d" })).await.status(), StatusCode::OK);
    // Changes of different fields at the same time are both made.
    let path = path(&created);
    let edit = |body: Value| api.call(Method::PATCH, &path, Some(body));
    let (one, other) = tokio::join!(edit(json!({ "name": "e" })), edit(json!({ "credential_header": "api-key" })));
    assert_eq!((one.0, other.0), (StatusCode::OK, StatusCode::OK));
    let (_, current) = api.get(&path).await;
    assert_eq!((&current["name"], &current["credential_header"]), (&json!("e"), &json!("api-key")));
}
