//! Headers that the gateway removes, replaces and adds, of requests and of responses.

use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::json;

use super::{Fixture, SECRET, code, refusal};
use crate::support::upstream::{Script, head};

#[tokio::test]
async fn request_headers_for_this_connection_or_for_latchkey_are_removed() {
    let fixture = Fixture::start().await;
    let removed = [
        "Keep-Alive: timeout=5",
        "TE: trailers",
        "Trailer: X-After",
        "Proxy-Authorization: Basic YTpi",
        "Proxy-Connection: keep-alive",
        "X-Named: 1",
        "x-named-too: 1",
        "Cookie: latchkey=1; theme=dark",
        "X-Forwarded-For: 192.0.2.1",
        "X-Forwarded-Host: evil.test",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Anything: 1",
        "X-Latchkey-Caller: lki_x",
        "X-Latchkey-Anything: 1",
    ];
    let kept = [("accept", "text/html"), ("user-agent", "test/1"), ("x-custom", "a, b"), ("range", "bytes=0-1"), ("if-none-match", "\"a\"")];
    let kept_lines: String = kept.iter().flat_map(|&(name, value)| [name, ": ", value, "\r\n"]).collect();
    let headers = format!("Connection: close, X-Named\r\nConnection: x-named-too\r\n{}\r\n{kept_lines}", removed.join("\r\n"));
    let response = fixture.send_raw("GET /gateway/api/a", &headers).await;
    assert_eq!(response.status, 200, "{}", response.body);
    let request = fixture.upstream.last_request();
    for line in removed {
        let name = line.split_once(':').unwrap().0.to_ascii_lowercase();
        assert!(request.headers.iter().all(|header| header.0 != name), "{name}: {:?}", request.headers);
    }
    for name in ["x-api-key", "upgrade", "forwarded"] {
        assert_eq!(request.header(name), None, "{name}");
    }
    for (name, value) in kept {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    assert_eq!(request.header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
    assert!(!format!("{:?}", request.headers).contains(&fixture.key));
}

#[tokio::test]
async fn a_request_that_was_forwarded_before_is_refused() {
    let fixture = Fixture::start().await;
    let call = |via: &str| fixture.request(Method::GET, "/api/a").header("via", via).send();
    assert_eq!(call("1.1 proxy").await.unwrap().status(), StatusCode::OK);
    let request = fixture.upstream.last_request();
    let via: Vec<&str> = request.headers.iter().filter(|header| header.0 == "via").map(|header| header.1.as_str()).collect();
    let [passed_on, own] = via[..] else { panic!("{via:?}") };
    assert!(passed_on == "1.1 proxy" && own.starts_with("1.1 latchkey-"), "{via:?}");
    assert_eq!(refusal(call(&format!("1.1 proxy, {own}")).await.unwrap()).await, code(508, "loop_detected"));
    assert_eq!(call("1.1 latchkey-0000000000000000").await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn key_of_the_caller_is_not_sent_on() {
    let fixture = Fixture::start().await;
    fixture.create_service(json!({ "name": "open" })).await;
    let authorization = format!("Bearer {}", fixture.key);
    for service in ["api", "open"] {
        for (name, value) in [("x-api-key", &fixture.key), ("authorization", &authorization)] {
            let request = fixture.server.visitor().get(&format!("/gateway/{service}/a")).header(name, value);
            assert_eq!(request.send().await.unwrap().status(), StatusCode::OK, "{service} {name}");
            let headers = format!("{:?}", fixture.upstream.last_request().headers);
            assert!(!headers.contains(&fixture.key), "{service} {name}: {headers}");
        }
    }
    // The same key in both headers is one key; another one is ambiguous.
    let call = |authorization: String| fixture.request(Method::GET, "/api/a").header("authorization", authorization).send();
    assert_eq!(call(authorization.clone()).await.unwrap().status(), StatusCode::OK);
    assert_eq!(refusal(call("Bearer of-the-upstream".to_owned()).await.unwrap()).await, code(400, "two_api_keys"));
}

#[tokio::test]
async fn response_headers_with_power_over_the_console_are_removed() {
    let fixture = Fixture::start().await;
    let removed = [
        ("set-cookie", "__Host-latchkey=stolen; Path=/; Secure"),
        ("set-cookie", "latchkey=stolen"),
        ("clear-site-data", "\"*\""),
        ("service-worker-allowed", "/"),
        ("strict-transport-security", "max-age=0"),
        ("alt-svc", "h3=\":443\""),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("access-control-anything", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-authenticate", "Basic"),
        ("x-named", "1"),
    ];
    let kept = [("x-custom", "1"), ("etag", "\"a\""), ("link", "</next>; rel=next"), ("retry-after", "5")];
    let of_upstream = [("connection", "X-Named"), ("content-security-policy", "default-src *"), ("x-content-type-options", "none")];
    let headers = [&removed[..], &kept[..], &of_upstream[..]].concat();
    fixture.upstream.respond(Script::response(200, &headers, "<script>alert(1)</script>"));
    let response = fixture.get("/api/a").await;
    let headers = response.headers().clone();
    assert_eq!(response.text().await.unwrap(), "<script>alert(1)</script>");
    for (name, _) in removed {
        assert!(!headers.contains_key(name), "{name}: {headers:?}");
    }
    for (name, value) in kept {
        assert_eq!(headers[name], value);
    }
    assert_is_sandboxed(&headers);
    assert_eq!(headers["cache-control"], "no-store");
}

/// A document of an upstream must not act with the origin of the console.
fn assert_is_sandboxed(headers: &HeaderMap) {
    assert_eq!(headers.get_all("x-content-type-options").iter().collect::<Vec<_>>(), ["nosniff"]);
    let policies = headers.get_all("content-security-policy");
    assert!(policies.iter().any(|policy| policy.to_str().unwrap().split(';').any(|directive| directive.trim() == "sandbox")), "{headers:?}");
}

#[tokio::test]
async fn every_response_is_sandboxed_and_not_cached() {
    let fixture = Fixture::start().await;
    for status in [200, 302, 404, 500] {
        fixture.upstream.respond(Script::response(status, &[("content-type", "text/html"), ("location", "/b")], "a"));
        let response = fixture.get("/api/a").await;
        assert_eq!(response.status(), status);
        assert_is_sandboxed(response.headers());
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
    fixture.upstream.respond(Script::new().send(head(304, &[])));
    assert_is_sandboxed(fixture.get("/api/a").await.headers());
    assert_eq!(refusal(fixture.get("/nowhere/a").await).await, code(404, "not_found"));
}
