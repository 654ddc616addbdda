//! Invalid bodies, paths and queries: each gets a clear 4xx response, and none a 5xx.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{ApiClient, TestServer, send_large, text};

async fn setup() -> (TestServer, ApiClient) {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    (server, api)
}

/// Bodies that are not JSON, or that no operation accepts.
fn bodies() -> Vec<Vec<u8>> {
    let deep = |open: &str, close: &str| format!("{{\"name\":{}1{}}}", open.repeat(20_000), close.repeat(20_000)).into_bytes();
    let mut all: Vec<Vec<u8>> = [
        "",
        " ",
        "null",
        "true",
        "7",
        "\"a\"",
        "[]",
        "[{}]",
        "{",
        "}",
        "{}{}",
        "{\"name\":}",
        "{\"name\":\"a\",}",
        "{'name':'a'}",
        "{\"name\":\"\\ud800\"}",
        "{\"name\":\"\\udc00\\ud800\"}",
        "{\"name\":\"a\\u0000b\"}",
        "{\"name\":\"a\",\"name\":\"b\"}",
        "{\"name\":NaN}",
        "{\"name\":1e999}",
        "{\"name\":-0}",
        "{\"duration_days\":9223372036854775808,\"kind\":\"internal\",\"name\":\"a\"}",
        "{\"duration_days\":1.5,\"kind\":\"internal\",\"name\":\"a\"}",
        "{\"grace_seconds\":1e3}",
        "{\"grace_seconds\":-9223372036854775809}",
        "{\"keys\":null}",
        "{\"keys\":{}}",
        "{\"keys\":[[]]}",
        "{\"\":1}",
        "{\"__proto__\":{}}",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    all.extend([b"\xff\xfe".to_vec(), b"{\"name\":\"\xc3\x28\"}".to_vec(), deep("[", "]"), deep("{\"a\":", "}"), vec![b'['; 60_000]]);
    all
}

#[tokio::test]
async fn invalid_bodies_are_client_errors() {
    let (_server, api) = setup().await;
    let key = text(&api.post("/keys", json!({ "kind": "client", "name": "a" })).await.1["key"]["id"]);
    let credential = api.post("/credentials", json!({ "kind": "general", "name": "a", "value": "sk-0123456789" })).await.1;
    let (key, credential) = (format!("/keys/{key}"), format!("/credentials/{}", text(&credential["credential"]["id"])));
    let rotate = format!("{key}/rotate");
    assert_eq!(api.post("/corpora", json!({ "name": "the first" })).await.1["id"], 1);
    let calls = [
        (Method::POST, "/keys"),
        (Method::POST, "/keys/import"),
        (Method::POST, "/corpora"),
        (Method::POST, "/providers"),
        (Method::POST, "/aliases"),
        (Method::PUT, "/corpora/1/upstream"),
        (Method::POST, "/corpora/1/documents"),
        (Method::POST, "/corpora/1/search"),
        (Method::POST, "/credentials"),
        (Method::POST, "/verify"),
        (Method::POST, "/verify-batch"),
        (Method::PATCH, &key),
        (Method::PATCH, &credential),
        (Method::POST, &rotate),
    ];
    for (method, path) in calls {
        for body in bodies() {
            let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
            let response = send_large(api.request(method.clone(), path).body(body)).await;
            assert!(matches!(response.status().as_u16(), 400 | 413 | 422), "{method} {path} {shown}: {}", response.status());
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            assert!(response.headers()["x-request-id"].to_str().unwrap().starts_with("req_"));
            assert!(response.json::<Value>().await.unwrap()["code"].is_string());
        }
    }
    let large = [("/keys/import", 9_000_000), ("/verify-batch", 9_000_000), ("/corpora/1/documents", 9_000_000)];
    for (path, size) in large.into_iter().chain([("/keys", 70_000), ("/verify", 70_000), ("/corpora/1/search", 70_000)]) {
        let response = send_large(api.request(Method::POST, path).body(vec![b' '; size])).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
}

#[tokio::test]
async fn invalid_paths_and_queries_are_client_errors() {
    let (server, api) = setup().await;
    for query in [
        "colour=red",
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=1e2",
        "limit=99999999999999999999",
        "limit=",
        "expiring=yes",
        "sort=colour",
        "status=gone",
        "kind=robot",
        "kind=a&kind=b",
        "q=%00",
        "q=%ff",
        "cursor=x",
        "cursor=.1",
        "cursor=x.99999999999999999999999",
        "cursor=%00.0",
        "external_id=%00",
        "scope=%00",
        "limit=1&limit=2",
        "kind[]=agent",
        "%00=1",
    ] {
        for list in ["/keys", "/credentials"] {
            let (status, problem) = api.get(&format!("{list}?{query}")).await;
            assert!(status.as_u16() < 500, "{list}?{query}: {status} {problem}");
            let may_match_nothing = ["external_id", "scope", "q=%ff"].iter().any(|prefix| query.starts_with(prefix));
            assert!(may_match_nothing || status.is_client_error(), "{list}?{query}: {status}");
        }
    }
    for path in [
        "/keys/%00",
        "/keys/%ff",
        "/keys/..%2f",
        "/corpora/99999999999999999999",
        "/corpora/-1",
        "/corpora/1/documents/%ff",
        "/projects/%00/secrets/%00",
        "/projects/x/nodes",
        "/credentials/%F0%9F%A6%80",
    ] {
        for method in [Method::GET, Method::DELETE, Method::PATCH] {
            let (status, problem) = api.call(method.clone(), path, None).await;
            assert!(matches!(status.as_u16(), 400 | 404 | 405 | 422), "{method} {path}: {status} {problem}");
        }
    }
    for (method, path, allow) in [
        (Method::PUT, "/keys", "GET,HEAD,POST"),
        (Method::DELETE, "/keys", "GET,HEAD,POST"),
        (Method::GET, "/verify", "POST"),
        (Method::GET, "/keys/import", "GET"),
        (Method::POST, "/whoami", "GET,HEAD"),
        (Method::TRACE, "/keys", "GET,HEAD,POST"),
        (Method::OPTIONS, "/corpora", "GET,HEAD,POST"),
    ] {
        let response = api.request(method.clone(), path).send().await.unwrap();
        if path == "/keys/import" {
            // The path also matches `/keys/{id}`, so only the status is checked.
            assert_eq!(response.status().as_u16(), 405, "{method} {path}");
            continue;
        }
        assert_eq!((response.status().as_u16(), response.headers()["allow"].to_str().unwrap()), (405, allow), "{method} {path}");
    }
    for path in [
        "/api/v1/keys",
        "/api/v1/openapi.json",
        "/openapi.json",
        "/api/v1/whoami",
        "/healthz",
        "/.well-known/jwks.json",
        "/.well-known/latchkey-receipts.json",
    ] {
        let request = server.visitor().client.head(format!("{}{path}", server.url)).header("x-api-key", &api.key);
        let response = request.send().await.unwrap();
        assert_eq!((response.status(), response.bytes().await.unwrap().len()), (StatusCode::OK, 0), "{path}");
    }
}
