//! Calls from web pages.

use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::json;

use super::{Fixture, refusal};

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn any_page_may_call_without_credentials() {
    let fixture = Fixture::start().await;
    let corpus = fixture.corpus("manuals").await;
    let key = fixture.key(&[corpus]).await;
    let body = fixture.query_body("alpha", &[corpus]);
    for (request, status) in [
        (fixture.post("/v1/query", &key).json(&body), 200),
        (fixture.post("/v1/query", "nonsense").json(&body), 401),
        (fixture.post("/v1/query", &key).body("{"), 400),
        (fixture.post("/v1/index", &key).json(&fixture.index_body(corpus, "a", "alpha")), 200),
        (fixture.server.visitor().client.get(format!("{}/v1/query", fixture.server.url)), 405),
    ] {
        let response = request.header("origin", "https://app.test").send().await.unwrap();
        let headers = response.headers();
        assert_eq!((response.status().as_u16(), header(headers, "access-control-allow-origin")), (status, "*"));
        assert_eq!((header(headers, "access-control-allow-credentials"), header(headers, "set-cookie")), ("", ""));
        assert_eq!((header(headers, "cache-control"), header(headers, "x-content-type-options")), ("no-store", "nosniff"));
        assert!(header(headers, "access-control-expose-headers").contains("retry-after"));
    }
}

#[tokio::test]
async fn a_preflight_request_needs_no_key() {
    let fixture = Fixture::start().await;
    for path in ["/v1/query", "/v1/index"] {
        let request = fixture.server.visitor().client.request(Method::OPTIONS, format!("{}{path}", fixture.server.url));
        let request = request.header("origin", "https://app.test").header("access-control-request-method", "POST");
        let response = request.header("access-control-request-headers", "content-type,customer-id,x-api-key").send().await.unwrap();
        let headers = response.headers();
        assert_eq!((response.status(), header(headers, "access-control-allow-origin")), (StatusCode::NO_CONTENT, "*"));
        assert_eq!((header(headers, "access-control-allow-methods"), header(headers, "access-control-max-age")), ("POST", "86400"));
        for name in ["content-type", "customer-id", "x-api-key", "authorization"] {
            assert!(header(headers, "access-control-allow-headers").contains(name), "{name}");
        }
        assert_eq!(header(headers, "access-control-allow-credentials"), "");
    }
}

#[tokio::test]
async fn other_paths_have_no_cors() {
    let fixture = Fixture::start().await;
    for path in ["/api/v1/corpora", "/v1/other", "/", "/healthz"] {
        let response = fixture.server.visitor().get(path).header("origin", "https://app.test").send().await.unwrap();
        assert_eq!(header(response.headers(), "access-control-allow-origin"), "", "{path}");
    }
}

#[tokio::test]
async fn other_methods_are_refused() {
    let fixture = Fixture::start().await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let request = fixture.server.visitor().client.request(method.clone(), format!("{}/v1/query", fixture.server.url));
        let response = request.send().await.unwrap();
        assert_eq!(header(response.headers(), "allow"), "POST, OPTIONS");
        assert_eq!(refusal(response).await, (405, "METHOD_NOT_ALLOWED".to_owned()), "{method}");
    }
}

#[tokio::test]
async fn allowed_origins_restrict_pages() {
    let fixture = Fixture::start().await;
    let corpus = fixture.corpus("manuals").await;
    let (_, key) = fixture.key_with(json!({ "corpora": [corpus], "allowed_origins": ["https://app.test", "http://localhost:8080"] })).await;
    let body = fixture.query_body("alpha", &[corpus]);
    for origin in ["https://app.test", "http://localhost:8080"] {
        let response = fixture.post("/v1/query", &key).header("origin", origin).json(&body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{origin}");
    }
    for origin in ["http://app.test", "https://app.test:8443", "https://app.test.evil.test", "https://evil.test", "null", "nonsense", ""] {
        let response = fixture.post("/v1/query", &key).header("origin", origin).json(&body).send().await.unwrap();
        assert_eq!(refusal(response).await, (403, "FORBIDDEN_ORIGIN".to_owned()), "{origin}");
    }
    let two = fixture.post("/v1/query", &key).header("origin", "https://app.test").header("origin", "https://evil.test").json(&body);
    assert_eq!(refusal(two.send().await.unwrap()).await, (403, "FORBIDDEN_ORIGIN".to_owned()));
    let response = fixture.post("/v1/query", &key).json(&body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "a program sends no origin");
}
