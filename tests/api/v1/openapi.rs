//! `GET /api/v1/openapi.json`.

use std::collections::BTreeSet;

use latchkey_program::route_permissions::{Access, ROUTES, Route};
use latchkey_types::id::KeyId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Api, TestServer, text};

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
async fn it_is_for_everybody_and_costs_nothing_twice() {
    let server = TestServer::start().await;
    let response = server.visitor().get("/api/v1/openapi.json").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["cache-control"], "public, max-age=300");
    let etag = response.headers()["etag"].clone();
    assert_eq!(response.json::<Value>().await.unwrap()["openapi"], "3.1.0");
    let again = server.visitor().get("/api/v1/openapi.json").header("if-none-match", etag).send().await.unwrap();
    assert_eq!((again.status(), again.text().await.unwrap()), (StatusCode::NOT_MODIFIED, String::new()));
}

#[tokio::test]
async fn it_describes_just_the_routes_that_are_declared_and_what_each_needs() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    let described: BTreeSet<(String, String)> = operations(&document).map(|(path, method, _)| (method.to_string(), path.to_owned())).collect();
    // Proxies ask by whatever method, which is told once; Unkey's API is described by Unkey.
    let is_described = |route: &&Route| {
        let elsewhere = ["/fn/", "/events", "/v2/"].iter().any(|start| route.path.starts_with(start));
        !elsewhere && (route.path != "/api/v1/forward-auth" || route.method == "GET")
    };
    let routes = ROUTES.iter().filter(is_described);
    let declared: BTreeSet<_> = routes.clone().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
    assert_eq!(described, declared);
    for route in routes {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        let about = text(&operation["description"]);
        assert_eq!(operation.get("security") == Some(&json!([{}])), route.access == Access::Public, "{}", route.path);
        let needs = route.scope.map_or("Needs ".to_owned(), |scope| format!("`{}`", scope.word()));
        assert!(about.contains(&needs), "{} {}: {about}", route.method, route.path);
    }
    let ids: BTreeSet<&str> = operations(&document).map(|(_, _, operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), described.len(), "an operation's id is its own");
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_refusal_is_a_problem() {
    let server = TestServer::start().await;
    let document = document(&server).await;
    let mut left = vec![&document];
    while let Some(value) = left.pop() {
        if let Some(place) = value.get(REFERENCE).and_then(Value::as_str) {
            assert!(document.pointer(place.trim_start_matches('#')).is_some(), "{place}");
        }
        left.extend(value.as_object().into_iter().flat_map(|object| object.values()).chain(value.as_array().into_iter().flatten()));
    }
    for (path, method, operation) in operations(&document) {
        assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{method} {path}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            let problem = response["content"].get("application/problem+json").is_some();
            assert!(problem || status.as_str() < "400" || path == "/readyz", "{method} {path} {status}");
            assert!(response["description"].as_str().is_some_and(|about| !about.is_empty()), "{method} {path} {status}");
        }
    }
}

/// The place of an operation, about a new object where it is about one.
async fn place(api: &Api, path: &str) -> String {
    let path = path.trim_start_matches("/api/v1");
    let made = match path.split_once("/{id}").map(|(of, _)| of) {
        Some("/keys") => api.post("/keys", json!({ "kind": "client", "name": "for an example" })).await.1["key"]["id"].clone(),
        Some("/credentials") => {
            let name = format!("for an example {}", KeyId::new());
            api.post("/credentials", json!({ "kind": "llm", "name": name, "value": "sk-0123456789" })).await.1["credential"]["id"].clone()
        }
        Some(of) => panic!("nothing makes one of {of}"),
        None => return path.to_owned(),
    };
    path.replace("{id}", &text(&made))
}

#[tokio::test]
async fn every_example_runs() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    assert_eq!(api.post("/corpora", json!({ "name": "the first" })).await.1["id"], 1);
    let document = document(&server).await;
    let mut ran = 0;
    for (path, method, operation) in operations(&document) {
        let Some(body) = operation.get("requestBody") else { continue };
        let examples = body["content"]["application/json"]["examples"].as_object().unwrap_or_else(|| panic!("{method} {path} has no example"));
        for (name, example) in examples {
            let place = place(&api, path).await;
            let (status, answer) = api.call(method.clone(), &place, Some(example["value"].clone())).await;
            assert!(status.is_success(), "{method} {place}, {name}: {status} {answer}");
            assert!(operation["responses"].get(status.as_str()).is_some(), "{method} {path} tells nothing of {status}");
            ran += 1;
        }
    }
    assert!(ran > 12, "{ran}");
}
