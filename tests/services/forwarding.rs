//! What the gateway forwards, in both directions, and what it does when the upstream fails.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::timeout,
};

use super::{Fixture, SECRET, code, read_raw, refusal};
use crate::support::{
    PASSWORD, TestServer, eventually, latchkey,
    serve_process::ServeProcess,
    services::Moto,
    text,
    upstream::{Script, Upstream, head},
};

/// Maximum time from the disconnection of a client to the end of the call to the upstream.
const END_LIMIT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn request_and_response_are_forwarded() {
    let fixture = Fixture::start().await;
    fixture.upstream.respond(Script::response(201, &[("content-type", "text/plain"), ("x-custom", "1"), ("cache-control", "max-age=5")], "created"));
    let request = fixture.request(Method::POST, "/api/v1/items%20new?b=2&a=%2F..&c").header("content-type", "application/x").body("hello");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    for (name, value) in [("content-type", "text/plain"), ("x-custom", "1"), ("cache-control", "max-age=5")] {
        assert_eq!(response.headers()[name], value);
    }
    assert_eq!(response.text().await.unwrap(), "created");
    let request = fixture.upstream.last_request();
    assert_eq!(request.line, "POST /v1/items%20new?b=2&a=%2F..&c HTTP/1.1");
    assert_eq!(request.body, b"hello");
    let host = fixture.upstream.url.trim_start_matches("http://");
    for (name, value) in
        [("authorization", format!("Bearer {SECRET}").as_str()), ("content-type", "application/x"), ("host", host), ("accept-encoding", "identity")]
    {
        assert_eq!(request.header(name), Some(value));
    }

    // Below the path of the base URL, which may end with a slash.
    let base_url = format!("{}/base/", fixture.upstream.url);
    fixture.create_service(json!({ "name": "below", "base_url": base_url })).await;
    assert_eq!(fixture.get("/below/a/?q").await.status(), StatusCode::CREATED);
    assert_eq!(fixture.upstream.last_request().target(), "/base/a/?q");
    // Without a path.
    let root = json!([{ "method": "GET", "path": "/" }]);
    fixture.create_service(json!({ "name": "root", "allow": root })).await;
    for path in ["/root", "/root/"] {
        assert_eq!(fixture.get(path).await.status(), StatusCode::CREATED, "{path}");
        assert_eq!(fixture.upstream.last_request().target(), "/");
    }
}

#[tokio::test]
async fn credential_is_injected_as_configured() {
    let fixture = Fixture::start().await;
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("ada:{SECRET}")));
    for (injection, header, value) in [
        (json!({ "type": "bearer" }), "authorization", format!("Bearer {SECRET}")),
        (json!({ "type": "header", "name": "X-Token" }), "x-token", SECRET.to_owned()),
        // Also in the header in which callers send their own key.
        (json!({ "type": "header", "name": "x-api-key" }), "x-api-key", SECRET.to_owned()),
        (json!({ "type": "basic", "username": "ada" }), "authorization", basic),
    ] {
        fixture.edit_service(json!({ "injection": injection })).await;
        // What a caller sends under this name is not sent on.
        let request = fixture.request(Method::GET, "/api/a?q=1").header("x-token", "of the caller");
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
        let request = fixture.upstream.last_request();
        assert_eq!((request.header(header), request.target()), (Some(value.as_str()), "/a?q=1"), "{injection}");
    }
    fixture.edit_service(json!({ "injection": { "type": "query", "name": "appid" } })).await;
    for (path, target) in [
        ("/api/a", format!("/a?appid={SECRET}")),
        // In place of a parameter of this name.
        ("/api/a?appid=1&q=1&%61ppid=2", format!("/a?q=1&appid={SECRET}")),
    ] {
        assert_eq!(fixture.get(path).await.status(), StatusCode::OK);
        let request = fixture.upstream.last_request();
        assert_eq!((request.target(), request.header("authorization")), (target.as_str(), None));
    }
    // Without a credential, nothing is injected.
    fixture.create_service(json!({ "name": "open" })).await;
    assert_eq!(fixture.get("/open/a?q=1").await.status(), StatusCode::OK);
    let request = fixture.upstream.last_request();
    assert_eq!((request.target(), request.header("authorization"), request.header("x-api-key")), ("/a?q=1", None, None));
}

#[tokio::test]
async fn aws_accepts_the_signature() {
    let (fixture, moto) = (Fixture::start().await, Moto::start().await);
    let credential = json!({
        "kind": "external", "name": "aws", "provider": "aws", "key": moto.key, "secret": moto.secret, "region": "us-east-1", "duration_days": 30,
    });
    let (status, created) = fixture.api.post("/credentials", credential).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    for service in ["sts", "s3"] {
        let injection = json!({ "type": "sigv4", "service": service, "region": "us-east-1" });
        // Every path, also that of the service itself.
        let allow = json!([{ "method": "*", "path": "/" }, { "method": "*", "path": "/**" }]);
        let fields = json!({
            "name": service, "base_url": moto.url, "injection": injection, "credential": created["credential"]["id"], "allow": allow,
            "body_max": 65_536,
        });
        fixture.create_service(fields).await;
    }
    let sts = fixture.request(Method::POST, "/sts/").header("content-type", "application/x-www-form-urlencoded");
    let response = sts.body("Action=GetCallerIdentity&Version=2011-06-15").send().await.unwrap();
    let (status, body) = (response.status(), response.text().await.unwrap());
    assert!(status == StatusCode::OK && body.contains("user/ada"), "{status} {body}");
    // Path, query and body are signed.
    for (method, path, body) in [
        (Method::PUT, "/s3/genomes", ""),
        (Method::PUT, "/s3/genomes/dir/sample.txt", "acgt"),
        (Method::GET, "/s3/genomes/dir/sample.txt", ""),
        (Method::GET, "/s3/genomes?list-type=2&prefix=dir", ""),
    ] {
        let response = fixture.request(method.clone(), path).body(body).send().await.unwrap();
        let (status, body) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, StatusCode::OK, "{method} {path}: {body}");
    }
    assert_eq!(fixture.get("/s3/genomes/dir/sample.txt").await.text().await.unwrap(), "acgt");
}

#[tokio::test]
async fn every_status_and_method_is_passed_on() {
    let fixture = Fixture::start().await;
    for status in [200, 202, 400, 401, 403, 404, 418, 429, 500, 503] {
        fixture.upstream.respond(Script::response(status, &[], "text"));
        let response = fixture.get("/api/a").await;
        assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (status, "text"));
    }
    for status in [204, 304] {
        fixture.upstream.respond(Script::new().send(head(status, &[])));
        let response = fixture.get("/api/a").await;
        assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (status, ""));
    }
    fixture.upstream.respond(Script::chunked(200, &[], &[b"one ", b"two"]));
    assert_eq!(fixture.get("/api/a").await.text().await.unwrap(), "one two");
    fixture.upstream.respond(Script::response(200, &[], ""));
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        let response = fixture.request(method.parse().unwrap(), "/api/a").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{method}");
        assert_eq!(fixture.upstream.last_request().line, format!("{method} /a HTTP/1.1"));
    }
    fixture.upstream.respond(Script::new().send(head(200, &[("content-length", "5"), ("x-custom", "1")])));
    let response = fixture.request(Method::HEAD, "/api/a").send().await.unwrap();
    assert_eq!((response.status(), &response.headers()["x-custom"]), (StatusCode::OK, &"1".parse().unwrap()));
    assert_eq!(response.text().await.unwrap(), "");
}

#[tokio::test]
async fn bodies_stream_in_both_directions() {
    let fixture = Fixture::start().await;
    // Down: the client receives a chunk while the upstream has not sent the next one.
    let script = Script::new().send(head(200, &[("transfer-encoding", "chunked")]));
    fixture.upstream.respond(script.chunk(b"first\n").wait(Duration::from_millis(300)).chunk(b"second\n").send("0\r\n\r\n"));
    let mut response = fixture.get("/api/a").await;
    assert_eq!(response.chunk().await.unwrap().unwrap(), "first\n");
    assert_eq!(response.text().await.unwrap(), "second\n");

    // Up: the upstream receives a chunk while the client has not sent the next one.
    fixture.upstream.respond(Script::response(200, &[], "received"));
    let start = format!("POST /gateway/api/up HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {}\r\n", fixture.key);
    let mut stream = fixture.connect(format!("{start}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nfirst\r\n")).await;
    let is_received = || fixture.upstream.requests().pop().is_some_and(|request| request.target() == "/up" && request.body == b"first");
    eventually("the first chunk arrives", async || is_received()).await;
    stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").await.unwrap();
    let response = read_raw(stream).await;
    assert!(response.status == 200 && response.body.contains("received"), "{} {}", response.head, response.body);
    assert_eq!(fixture.upstream.last_request().body, b"firstsecond");

    // A response can come before the end of the request.
    fixture.upstream.respond_early(Script::response(409, &[], "early"));
    let mut stream = fixture.connect(format!("{start}Content-Length: 10\r\n\r\nfirst")).await;
    let mut response = [0; 16];
    timeout(super::TIMEOUT, stream.read_exact(&mut response)).await.expect("the response waits for the request").unwrap();
    assert!(response.starts_with(b"HTTP/1.1 409"));
}

#[tokio::test]
async fn call_of_the_upstream_ends_when_the_client_leaves() {
    let fixture = Fixture::start().await;
    let before_headers = Script::new().hang();
    let after_headers = Script::new().send(head(200, &[("transfer-encoding", "chunked")])).chunk(b"first").hang();
    for (when, script) in [("before the headers", before_headers), ("in the body", after_headers)] {
        fixture.upstream.respond(script);
        let mut times = Vec::new();
        // The best of several, because other tests run at the same time.
        while times.len() < 5 && times.iter().min().is_none_or(|time| *time > END_LIMIT) {
            let count = fixture.upstream.requests().len();
            let call = async {
                let mut response = fixture.get("/api/a").await;
                while response.chunk().await.unwrap().is_some() {}
            };
            // The client disconnects when its future is dropped.
            tokio::select! {
                () = call => panic!("{when}: the call ended by itself"),
                () = eventually("the call arrives", async || fixture.upstream.requests().len() > count) => {}
            }
            let left = Instant::now();
            let closed_at = || fixture.upstream.requests().get(count).and_then(|request| request.closed_at);
            eventually("the call ends", async || closed_at().is_some()).await;
            times.push(closed_at().unwrap().saturating_duration_since(left));
        }
        assert!(times.iter().min().is_some_and(|time| *time <= END_LIMIT), "{when}: {times:?}");
    }
}

#[tokio::test]
async fn time_limit_ends_with_the_headers() {
    let fixture = Fixture::start_with(json!({ "timeout_seconds": 1 })).await;
    fixture.upstream.respond(Script::new().hang());
    let start = Instant::now();
    assert_eq!(refusal(fixture.get("/api/a").await).await, code(504, "upstream_timeout"));
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    eventually("the call ends", async || fixture.upstream.last_request().closed_at.is_some()).await;
    let script = Script::new().send(head(200, &[("content-length", "10")])).send("first").wait(Duration::from_millis(1500)).send("later");
    fixture.upstream.respond(script);
    assert_eq!(fixture.get("/api/a").await.text().await.unwrap(), "firstlater", "a body may take longer");
}

#[tokio::test]
async fn failure_of_the_upstream_is_502() {
    let fixture = Fixture::start().await;
    for script in [
        Script::new().close(),
        Script::new().send("this is not HTTP\r\n\r\n").close(),
        Script::new().send("HTTP/1.1 200 OK\r\ncontent-length: 5").close(),
        Script::new().send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello").close(),
    ] {
        fixture.upstream.respond(script.clone());
        assert_eq!(refusal(fixture.get("/api/a").await).await, code(502, "upstream_failed"), "{script:?}");
    }
    // The status was already sent, so the response is incomplete.
    fixture.upstream.respond(Script::new().send(head(200, &[("content-length", "10")])).send("first").close());
    assert!(fixture.get("/api/a").await.text().await.is_err());
    // Nothing listens there.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    fixture.create_service(json!({ "name": "closed", "base_url": format!("http://{closed}") })).await;
    assert_eq!(refusal(fixture.get("/closed/a").await).await, code(502, "upstream_failed"));
}

#[tokio::test]
async fn networks_that_are_not_allowed_are_not_called() {
    let (server, upstream) = (TestServer::start().await, Upstream::start().await);
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (_, created) = api.post("/keys", json!({ "kind": "client", "name": "a" })).await;
    let service = json!({
        "name": "api", "base_url": upstream.url, "injection": { "type": "bearer" }, "allow": [{ "method": "*", "path": "/**" }],
        "callers": [{ "kind": "client" }],
    });
    assert_eq!(api.post("/services", service).await.0, StatusCode::CREATED);
    let request = server.visitor().get("/gateway/api/a").header("x-api-key", text(&created["secret"]));
    assert_eq!(refusal(request.send().await.unwrap()).await, code(502, "upstream_failed"));
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let fixture = Fixture::start().await;
    let url = fixture.upstream.url.clone();
    let respond = |location: &str| fixture.upstream.respond(Script::response(302, &[("location", location)], ""));
    // Redirects below the base URL are rewritten to the gateway.
    let absolute = format!("{url}/b?q#c");
    let own = [("/b", "/gateway/api/b"), ("b", "/gateway/api/b"), ("?q", "/gateway/api/a?q"), (absolute.as_str(), "/gateway/api/b?q#c")];
    for (location, expected) in own {
        respond(location);
        let count = fixture.upstream.requests().len();
        let response = fixture.get("/api/a").await;
        assert_eq!((response.status(), response.headers()["location"].to_str().unwrap()), (StatusCode::FOUND, expected));
        assert_eq!(fixture.upstream.requests().len(), count + 1);
    }
    for location in ["https://evil.test/b", "//evil.test/b", "http://127.0.0.1:1/b", "javascript:alert(1)"] {
        respond(location);
        let count = fixture.upstream.requests().len();
        assert_eq!(refusal(fixture.get("/api/a").await).await, code(502, "redirect_refused"), "{location}");
        assert_eq!(fixture.upstream.requests().len(), count + 1);
    }
    fixture.create_service(json!({ "name": "below", "base_url": format!("{url}/base") })).await;
    for location in ["/other", "../other", "/basement", &format!("{url}/other")] {
        respond(location);
        assert_eq!(refusal(fixture.get("/below/a").await).await, code(502, "redirect_refused"), "{location}");
    }
}

#[tokio::test]
async fn encoded_response_is_refused() {
    let fixture = Fixture::start().await;
    for encoding in ["gzip", "br", "identity, gzip", "unknown"] {
        fixture.upstream.respond(Script::response(200, &[("content-encoding", encoding)], "\u{1f}\u{8b}"));
        let response = fixture.request(Method::GET, "/api/a").header("accept-encoding", "gzip, br").send().await.unwrap();
        assert_eq!(refusal(response).await, code(502, "encoded_response"), "{encoding}");
        assert_eq!(fixture.upstream.last_request().header("accept-encoding"), Some("identity"));
    }
    fixture.upstream.respond(Script::response(200, &[("content-encoding", "identity")], "plain"));
    assert_eq!(fixture.get("/api/a").await.text().await.unwrap(), "plain");
}

#[tokio::test]
async fn upgrade_is_refused() {
    let fixture = Fixture::start().await;
    let headers = "Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    let response = fixture.send_raw("GET /gateway/api/socket", headers).await;
    assert!(response.status == 400 && response.body.contains("upgrade_not_supported"), "{} {}", response.head, response.body);
    assert!(fixture.upstream.requests().is_empty());
}

#[tokio::test]
async fn log_contains_no_path_and_no_secret() {
    let (data, upstream) = (TempDir::new().unwrap(), Upstream::start().await);
    let running = ServeProcess::start_with(data.path(), |command| {
        command.env("LATCHKEY_LOG_FORMAT", "json").env("LATCHKEY_ALLOW_OUTGOING", "127.0.0.0/8");
    });
    let line = running.log_line("Latchkey is at ");
    let url = line.split_once("Latchkey is at ").unwrap().1.split(['"', ' ']).next().unwrap().trim_end_matches('/').to_owned();
    let create_user = ["admin", "create-user", "--email", "a@b", "--name", "A", "--role", "owner", "--organization", "B", "--password-stdin"];
    assert!(latchkey(data.path(), &create_user, PASSWORD).status.success());
    let key = String::from_utf8(latchkey(data.path(), &["admin", "create-key", "--name", "k", "--days", "30"], "").stdout).unwrap();
    let client = Client::new();
    let post = async |path: &str, body: Value| {
        let response = client.post(format!("{url}/api/v1{path}")).header("x-api-key", key.trim()).json(&body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        response.json::<Value>().await.unwrap()
    };
    let credential = post("/credentials", json!({ "kind": "general", "name": "a", "value": SECRET })).await;
    let caller = text(&post("/keys", json!({ "kind": "client", "name": "a" })).await["secret"]);
    let service = json!({
        "name": "api", "base_url": upstream.url, "injection": { "type": "query", "name": "token" }, "credential": credential["credential"]["id"],
        "allow": [{ "method": "*", "path": "/**" }], "callers": [{ "kind": "client" }],
    });
    post("/services", service).await;
    for path in ["/gateway/api/plantedpath?a=plantedquery", "/gateway/nowhere/plantedpath?a=plantedquery"] {
        let request = client.post(format!("{url}{path}")).bearer_auth(&caller).header("x-note", "plantedheader").body("plantedbody");
        request.send().await.unwrap();
    }
    assert_eq!(upstream.last_request().target(), format!("/plantedpath?a=plantedquery&token={SECRET}"));
    let log = running.stop_and_read_log();
    assert!(log.contains(r#""route":"/gateway/{service}/{*path}""#), "{log}");
    for text in ["planted", SECRET, &caller, &caller[4..]] {
        assert!(!log.contains(text), "{text}");
    }
}
