//! `GET /api/v1/openapi.json`.

use std::collections::BTreeSet;

use latchkey_rest::{openapi, route::Route, route_table};
use latchkey_types::{access::Access, id::KeyId, permission::Scope};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{ApiClient, TestServer, projects::create_project, text};

const REFERENCE: &str = "$ref";

async fn document(server: &TestServer) -> Value {
    server.visitor().get("/api/v1/openapi.json").send().await.unwrap().json().await.unwrap()
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, Method, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (path.as_str(), method.to_uppercase().parse().unwrap(), operation))
    })
}

#[tokio::test]
async fn document_is_public_and_cacheable() {
    let server = TestServer::start().await;
    let response = server.visitor().get("/api/v1/openapi.json").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["cache-control"], "public, max-age=300");
    let etag = response.headers()["etag"].clone();
    assert_eq!(response.json::<Value>().await.unwrap()["openapi"], "3.1.0");
    let second = server.visitor().get("/api/v1/openapi.json").header("if-none-match", etag).send().await.unwrap();
    assert_eq!((second.status(), second.text().await.unwrap()), (StatusCode::NOT_MODIFIED, String::new()));
}

#[tokio::test]
async fn document_describes_exactly_the_declared_routes() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    let described: BTreeSet<(String, String)> = operations(&document).map(|(path, method, _)| (method.to_string(), path.to_owned())).collect();
    // Forward auth accepts every method and is described once, as is this document; Unkey's API is documented by Unkey.
    let is_described = |route: &&Route| {
        let is_other = route.path.starts_with("/v2/") || route.path == openapi::ROOT_PATH;
        !is_other && (route.path != "/api/v1/forward-auth" || route.method == Method::GET)
    };
    let table = route_table();
    let routes = table.iter().filter(is_described);
    let declared: BTreeSet<_> = routes.clone().map(|route| (route.method.to_string(), route.path.clone())).collect();
    assert_eq!(described, declared);
    for route in routes {
        let operation = &document["paths"][&route.path][route.method.as_str().to_lowercase()];
        let description = text(&operation["description"]);
        assert_eq!(operation.get("security") == Some(&json!([{}])), route.needs.access == Access::Public, "{}", route.path);
        let needs = route.needs.scope.map_or("Needs ".to_owned(), |scope| format!("`{}`", scope.as_str()));
        assert!(description.contains(&needs), "{} {}: {description}", route.method, route.path);
        assert_eq!(operation["x-scope"].as_str(), route.needs.scope.map(Scope::as_str), "{}", route.path);
    }
    let ids: BTreeSet<&str> = operations(&document).map(|(_, _, operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), described.len(), "operation ids are unique");
}

#[tokio::test]
async fn references_resolve_and_errors_are_problem_details() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    let mut queue = vec![&document];
    while let Some(value) = queue.pop() {
        if let Some(reference) = value.get(REFERENCE).and_then(Value::as_str) {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        queue.extend(value.as_object().into_iter().flat_map(|object| object.values()).chain(value.as_array().into_iter().flatten()));
    }
    for (path, method, operation) in operations(&document) {
        assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{method} {path}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            let problem = response["content"].get("application/problem+json").is_some();
            assert!(problem || status.as_str() < "400" || path == "/readyz", "{method} {path} {status}");
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path} {status}");
        }
    }
}

/// Returns the id.
async fn create_provider(api: &ApiClient) -> Value {
    let provider = json!({ "name": KeyId::new(), "style": "openai", "base_url": "https://api.example.com/v1" });
    api.post("/providers", provider).await.1["id"].clone()
}

/// A model of a provider of its own. Returns the id.
async fn create_model(api: &ApiClient, name: &str) -> Value {
    let provider = text(&create_provider(api).await);
    let (status, created) = api.post(&format!("/providers/{provider}/models"), json!({ "name": name })).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    created["id"].clone()
}

/// The id of the model in the examples of aliases.
const EXAMPLE_MODEL: &str = "mdl_01a1f0b75c8d7f3aa6c1d0e5b4938271";

/// A model with the id of the examples.
async fn create_example_model(server: &TestServer, api: &ApiClient) {
    let (database, id) = (server.database().await, text(&create_model(api, "of-the-examples").await));
    for sql in ["update models set id = $1 where id = $2", "update model_names set owner_id = $1 where owner_id = $2"] {
        sqlx::query(sql).bind(EXAMPLE_MODEL).bind(&id).execute(&database).await.unwrap();
    }
}

/// The path of an operation, with the id of a new object if it has one, or of this project.
async fn operation_path(api: &ApiClient, project: &str, path: &str) -> String {
    let path = path.trim_start_matches("/api/v1");
    let id = match path.split_once("/{id}").map(|(collection, _)| collection) {
        Some("/keys") => api.post("/keys", json!({ "kind": "client", "name": "for an example" })).await.1["key"]["id"].clone(),
        Some("/credentials") => {
            let name = format!("for an example {}", KeyId::new());
            api.post("/credentials", json!({ "kind": "general", "name": name, "value": "sk-0123456789" })).await.1["credential"]["id"].clone()
        }
        Some("/services") => {
            let name = KeyId::new().to_string().replace('_', "-");
            let service = json!({ "name": name, "base_url": "https://api.example.com", "injection": { "type": "bearer" } });
            api.post("/services", service).await.1["id"].clone()
        }
        Some("/providers") => create_provider(api).await,
        Some("/models") => create_model(api, &KeyId::new().to_string()).await,
        Some("/aliases") => {
            let target = json!({ "model": create_model(api, &KeyId::new().to_string()).await, "priority": 1, "weight": 1 });
            api.post("/aliases", json!({ "name": KeyId::new(), "targets": [target] })).await.1["id"].clone()
        }
        Some("/projects") => json!(project),
        Some("/corpora") => api.post("/corpora", json!({ "name": KeyId::new() })).await.1["id"].clone(),
        Some(collection) => panic!("no test object for {collection}"),
        None => return path.to_owned(),
    };
    path.replace("{id}", id.to_string().trim_matches('"'))
}

#[tokio::test]
async fn every_example_succeeds() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let project = create_project(&owner, "Genomes").await;
    assert_eq!(api.post("/corpora", json!({ "name": "the first" })).await.1["id"], 1);
    create_example_model(&server, &api).await;
    let document = document(&server).await;
    let mut count = 0;
    for (path, method, operation) in operations(&document) {
        let Some(body) = operation.get("requestBody") else { continue };
        if body["content"].get("application/octet-stream").is_some() {
            // Any bytes are an example.
            continue;
        }
        let examples = body["content"]["application/json"]["examples"].as_object().unwrap_or_else(|| panic!("{method} {path} has no example"));
        for (name, example) in examples {
            let path_with_id = operation_path(&api, &project, path).await;
            let (status, response) = api.call(method.clone(), &path_with_id, Some(example["value"].clone())).await;
            assert!(status.is_success(), "{method} {path_with_id}, {name}: {status} {response}");
            assert!(operation["responses"].get(status.as_str()).is_some(), "{method} {path} does not document {status}");
            count += 1;
        }
    }
    assert!(count > 12, "{count}");
}
