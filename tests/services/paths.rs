//! Paths that the gateway forwards, byte for byte, and those that it refuses.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{Fixture, code, refusal};

#[tokio::test]
async fn path_is_sent_as_it_was_received() {
    let fixture = Fixture::start().await;
    for target in [
        "/v1/items",
        "/v1/items/",
        "/%41%7e~a",
        "/a%20b/c+d",
        "/a;b=c,d/@:e!$&'()*",
        "/caf%C3%A9/%e2%82%ac",
        "/..a/b../...",
        "/a?x=%2F..%2f&y=//&z=\\",
        "/a?",
        "/a?q=?a",
    ] {
        let response = fixture.send_raw(&format!("GET /gateway/api{target}"), "").await;
        assert_eq!(response.status, 200, "{target}: {}", response.body);
        let sent = fixture.upstream.last_request();
        // A path is never changed. Of a query, an encoded form may be sent.
        let path = |target: &str| target.split('?').next().unwrap().to_owned();
        assert_eq!(path(sent.target()), path(target));
        if !target.contains(['\\', '\'']) {
            assert_eq!(sent.target().trim_end_matches('?'), target.trim_end_matches('?'));
        }
    }
}

#[tokio::test]
async fn ambiguous_path_is_refused() {
    let fixture = Fixture::start().await;
    for target in [
        "/./a",
        "/../a",
        "/a/..",
        "/a/.",
        "/a/../b",
        "/%2e/a",
        "/%2E%2e/a",
        "/.%2e/a",
        "/%2e./a",
        "/a/%2e%2E",
        "//a",
        "/a//b",
        "/a//",
        "/a\\b",
        "/..\\a",
        "/a%2fb",
        "/a%2F..%2Fb",
        "/a%5cb",
        "/a%5C..",
        "/a%00b",
    ] {
        let response = fixture.send_raw(&format!("GET /gateway/api{target}"), "").await;
        assert_eq!(response.status, 400, "{target}: {}", response.body);
        assert!(response.body.contains("invalid_path"), "{target}: {}", response.body);
    }
    // Checked before the key, so that the response does not depend on it.
    let response = fixture.request_with("unknown", Method::GET, "/api/a%2fb").send().await.unwrap();
    assert_eq!(refusal(response).await, code(400, "invalid_path"));
    assert!(fixture.upstream.requests().is_empty());
}

#[tokio::test]
async fn only_what_matches_a_rule_is_forwarded() {
    let allow = json!([
        { "method": "GET", "path": "/v1/models" },
        { "method": "GET", "path": "/v1/models/*" },
        { "method": "POST", "path": "/v1/*/search" },
        { "method": "*", "path": "/public/**" },
    ]);
    let fixture = Fixture::start_with(json!({ "allow": allow })).await;
    for (method, path) in [
        ("GET", "/v1/models"),
        ("GET", "/v1/models?limit=1"),
        ("GET", "/v1/models/gpt"),
        ("POST", "/v1/items/search"),
        ("POST", "/v1/a%20b/search"),
        ("DELETE", "/public/a"),
        ("GET", "/public/a/b/c.txt"),
    ] {
        let response = fixture.request(method.parse().unwrap(), &format!("/api{path}")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{method} {path}");
    }
    let count = fixture.upstream.requests().len();
    for (method, path) in [
        ("POST", "/v1/models"),
        ("HEAD", "/v1/models"),
        ("GET", "/v1/models/"),
        ("GET", "/V1/models"),
        ("GET", "/v1/%6dodels"),
        ("GET", "/v1/models/gpt/files"),
        ("POST", "/v1/a/b/search"),
        ("POST", "/v1/search"),
        ("GET", "/v1/items/search"),
        ("GET", "/publicity"),
        ("GET", "/private?/public/a"),
        ("GET", "/"),
    ] {
        let response = fixture.request(method.parse().unwrap(), &format!("/api{path}")).send().await.unwrap();
        // The response to HEAD has no body.
        if method == "HEAD" {
            assert_eq!(response.status(), StatusCode::FORBIDDEN);
        } else {
            assert_eq!(refusal(response).await, code(403, "not_allowed"), "{method} {path}");
        }
    }
    fixture.edit_service(json!({ "allow": [] })).await;
    assert_eq!(refusal(fixture.get("/api/v1/models").await).await, code(403, "not_allowed"));
    assert_eq!(fixture.upstream.requests().len(), count);
    fixture.edit_service(json!({ "allow": [{ "method": "GET", "path": "/v1/models" }] })).await;
    assert_eq!(fixture.get("/api/v1/models").await.status(), StatusCode::OK, "a change is effective at once");
}

#[tokio::test]
async fn services_are_found_by_their_exact_name() {
    let fixture = Fixture::start().await;
    for path in ["/nowhere/a", "/API/a", "/%61pi/a", "/api%20/a", "/a.b/c", "/nowhere", &format!("/{}/a", fixture.service)] {
        let response = fixture.get(path).await;
        assert_eq!(refusal(response).await, code(404, "not_found"), "{path}");
    }
    fixture.edit_service(json!({ "name": "renamed" })).await;
    assert_eq!(refusal(fixture.get("/api/a").await).await, code(404, "not_found"));
    assert_eq!(fixture.get("/renamed/a").await.status(), StatusCode::OK);
    let path = format!("/services/{}", fixture.service);
    assert_eq!(fixture.api.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(refusal(fixture.get("/renamed/a").await).await, code(404, "not_found"));
}
