//! Malformed HTTP requests over a TCP socket: each gets a 4xx response, and the server continues to work.

mod mutated;

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{ApiClient, TestServer};

/// Longer than every timeout of the server.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A server, an API client and a valid agent key.
struct Fixture {
    server: TestServer,
    api: ApiClient,
    valid: String,
}

impl Fixture {
    async fn start() -> Self {
        let server = TestServer::start().await;
        let page = server.user("owner", "acme").await;
        let api = server.api("owner@acme.test", "");
        let (_, valid) = page.agent_key("valid").await;
        Self { server, api, valid }
    }

    /// Sends the bytes and waits until the server closes the connection. Returns the status of the first response, if any, and its body.
    async fn send(&self, bytes: &[u8]) -> (Option<u16>, String) {
        self.exchange(bytes, false).await
    }

    /// As `send`; `half_close` also closes the write half, and the server may then disconnect without a response.
    async fn exchange(&self, bytes: &[u8], half_close: bool) -> (Option<u16>, String) {
        let mut stream = TcpStream::connect(self.server.url.trim_start_matches("http://")).await.unwrap();
        let mut response = Vec::new();
        let exchange = async {
            // The server may disconnect while a request that is too large is sent.
            let _ = stream.write_all(bytes).await;
            if half_close {
                let _ = stream.shutdown().await;
            }
            let _ = stream.read_to_end(&mut response).await;
        };
        timeout(TIMEOUT, exchange).await.expect("the server did not close the connection");
        let response = String::from_utf8_lossy(&response).into_owned();
        let status = response.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        (status, response.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    /// Asserts that the request is rejected with one of these statuses and that the next request succeeds.
    async fn assert_rejected(&self, what: &str, bytes: &[u8], statuses: &[u16]) {
        let (status, body) = self.send(bytes).await;
        assert!(status.is_some_and(|status| statuses.contains(&status)), "{what}: {status:?} {body}");
        assert!(!body.contains(&self.valid) && !body.contains(r#""valid":true"#), "{what}: {body}");
        assert_eq!(self.api.verify(&self.valid).await, "VALID", "after {what}");
    }

    /// Asserts that the request is rejected or disconnected and that the next request succeeds.
    async fn assert_rejected_or_closed(&self, what: &str, bytes: &[u8]) {
        let (status, body) = self.exchange(bytes, true).await;
        assert!(status.is_none_or(|status| (400..500).contains(&status)), "{what}: {status:?} {body}");
        assert_eq!(self.api.verify(&self.valid).await, "VALID", "after {what}");
    }

    /// A verify request with these additional header lines and this body, with key and content length.
    fn request(&self, headers: &[u8], body: &[u8]) -> Vec<u8> {
        let key = &self.api.key;
        let length = body.len();
        let head = format!("POST /api/v1/verify HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-api-key: {key}\r\ncontent-length: {length}\r\n");
        [head.as_bytes(), headers, b"\r\n", body].concat()
    }

    /// A verify request without key and content length.
    fn bare_request(headers: &[u8], body: &[u8]) -> Vec<u8> {
        [b"POST /api/v1/verify HTTP/1.1\r\nhost: a\r\nconnection: close\r\n", headers, b"\r\n", body].concat()
    }

    fn body(&self) -> Vec<u8> {
        format!(r#"{{"key":"{}"}}"#, self.valid).into_bytes()
    }
}

#[tokio::test]
async fn well_formed_request_is_accepted() {
    let fixture = Fixture::start().await;
    let (status, body) = fixture.send(&fixture.request(b"", &fixture.body())).await;
    assert_eq!(status, Some(200));
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["valid"], true, "{body}");
}

#[tokio::test]
async fn large_numerous_or_invalid_headers_are_rejected() {
    let fixture = Fixture::start().await;
    // Exactly the size that the server reads: closing a connection with unread data can discard the response.
    let mut large = fixture.request(&[b"x-large: ", &b"a".repeat(32 * 1024)[..]].concat(), b"");
    large.truncate(32 * 1024);
    fixture.assert_rejected("a header of 32 KB", &large, &[431]).await;
    let larger = [b"x-large: ", &b"a".repeat(400 * 1024)[..], b"\r\n"].concat();
    fixture.assert_rejected_or_closed("a header of 400 KB", &fixture.request(&larger, &fixture.body())).await;
    let many: Vec<u8> = (0..200).flat_map(|number| format!("x-{number}: a\r\n").into_bytes()).collect();
    fixture.assert_rejected("two hundred headers", &fixture.request(&many, &fixture.body()), &[431]).await;
    let address = format!("POST /api/v1/verify?{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(100 * 1024));
    fixture.assert_rejected_or_closed("an address of 100 KB", address.as_bytes()).await;
    for (what, line) in [
        ("a key that is not UTF-8", &b"x-api-key: lki_\xFF\xFE\r\n"[..]),
        ("a bearer token that is not UTF-8", b"authorization: Bearer \xC3\x28\r\n"),
        ("a header with a zero byte", b"x-api-key: lki_\0\r\n"),
        ("a header without a colon", b"x-api-key lki_x\r\n"),
        ("a header name with spaces", b"x api key: lki_x\r\n"),
    ] {
        let request = Fixture::bare_request(&[line, &b"content-length: 2\r\n"[..]].concat(), b"{}");
        fixture.assert_rejected(what, &request, &[400]).await;
        fixture.assert_rejected(what, &fixture.request(line, &fixture.body()), &[400]).await;
    }
}

#[tokio::test]
async fn two_different_keys_are_rejected() {
    let fixture = Fixture::start().await;
    let (key, other) = (&fixture.api.key, &fixture.valid);
    for line in [
        format!("x-api-key: {other}\r\n"),
        format!("X-API-KEY: {other}\r\n"),
        format!("authorization: Bearer {other}\r\n"),
        format!("authorization: Bearer {key}\r\nauthorization: Bearer {other}\r\n"),
        "x-api-key:\r\n".to_owned(),
        "authorization: Basic YTpi\r\n".to_owned(),
    ] {
        fixture.assert_rejected(&line, &fixture.request(line.as_bytes(), &fixture.body()), &[400]).await;
    }
    let (status, body) =
        fixture.send(&fixture.request(format!("authorization: Bearer {key}\r\nx-api-key: {key}\r\n").as_bytes(), &fixture.body())).await;
    assert_eq!(status, Some(200), "the same key three times is accepted: {body}");
}

#[tokio::test]
async fn invalid_body_is_rejected() {
    let fixture = Fixture::start().await;
    let with = |field: &str| format!(r#"{{"key":"{}",{field}}}"#, fixture.valid).into_bytes();
    for value in ["-1", "-0.5", "1.5", "1e400", "4294967296", "1e9", "\"1\"", "[1]", "{}", "true", "99999999999999999999999999"] {
        fixture.assert_rejected(value, &fixture.request(b"", &with(&format!(r#""cost":{value}"#))), &[400, 422]).await;
    }
    for field in
        [r#""ip":"300.1.1.1""#, r#""ip":[]"#, r#""ip":"192.0.2.1/8""#, r#""corpus":-1e99"#, r#""scope":7"#, r#""project":{}"#, r#""valid":true"#]
    {
        fixture.assert_rejected(field, &fixture.request(b"", &with(field)), &[400, 422]).await;
    }
    let again = format!(r#""key":"{}""#, fixture.valid);
    fixture.assert_rejected("a duplicate field", &fixture.request(b"", &with(&again)), &[400, 422]).await;
    for key in ["null", "7", "[]", r#"{"a":"b"}"#, r#""\ud800""#, r#""\x""#, "\"\u{1}\"", "\""] {
        fixture.assert_rejected(key, &fixture.request(b"", format!(r#"{{"key":{key}}}"#).as_bytes()), &[400, 422]).await;
    }
    let deep = |open: &str| [br#"{"key":"#, open.repeat(10_000).as_bytes()].concat();
    for (what, body) in [
        ("deep lists", deep("[")),
        ("deep objects", deep(r#"{"a":"#)),
        ("only opening brackets", b"[".repeat(60_000)),
        ("an empty body", Vec::new()),
        ("invalid UTF-8", b"{\"key\":\"\xFF\xFE\"}".to_vec()),
        ("a byte order mark", [b"\xEF\xBB\xBF", &fixture.body()[..]].concat()),
        ("two objects", [fixture.body(), fixture.body()].concat()),
        ("UTF-16", fixture.body().iter().flat_map(|byte| [*byte, 0]).collect()),
    ] {
        fixture.assert_rejected(what, &fixture.request(b"", &body), &[400, 422]).await;
    }
    for size in [65 * 1024, 1024 * 1024] {
        let huge = format!(r#"{{"key":"{}"}}"#, "a".repeat(size));
        fixture.assert_rejected("a huge key", &fixture.request(b"", huge.as_bytes()), &[413]).await;
    }
}

#[tokio::test]
async fn wrong_content_length_is_rejected() {
    let fixture = Fixture::start().await;
    let key = &fixture.api.key;
    let body = fixture.body();
    for length in ["-1", "abc", "1e3", "0x10", "99999999999999999999999", "", "5, 6", "+5"] {
        let lines = format!("x-api-key: {key}\r\ncontent-length: {length}\r\n");
        fixture.assert_rejected(length, &Fixture::bare_request(lines.as_bytes(), &body), &[400]).await;
    }
    let twice = format!("x-api-key: {key}\r\ncontent-length: {}\r\ncontent-length: 3\r\n", body.len());
    fixture.assert_rejected("two lengths", &Fixture::bare_request(twice.as_bytes(), &body), &[400]).await;
    let short = format!("x-api-key: {key}\r\ncontent-length: {}\r\n", body.len() - 4);
    fixture.assert_rejected("body longer than content-length", &Fixture::bare_request(short.as_bytes(), &body), &[400]).await;
    let none = format!("x-api-key: {key}\r\n");
    fixture.assert_rejected("no length", &Fixture::bare_request(none.as_bytes(), &body), &[400]).await;
    let long = format!("x-api-key: {key}\r\ncontent-length: {}\r\n", body.len() + 4);
    fixture.assert_rejected_or_closed("body shorter than content-length", &Fixture::bare_request(long.as_bytes(), &body)).await;
    fixture.assert_rejected("body shorter than content-length, connection open", &Fixture::bare_request(long.as_bytes(), &body), &[408]).await;
    let chunked = format!("x-api-key: {key}\r\ntransfer-encoding: chunked\r\n");
    for chunks in ["zz\r\n", "-1\r\n{}\r\n", "fffffffffffffffff\r\n{}", "\r\n", "2;\r\n{}x\r\n0\r\n\r\n"] {
        fixture.assert_rejected(chunks, &Fixture::bare_request(chunked.as_bytes(), chunks.as_bytes()), &[400]).await;
    }
    for chunks in ["", "2\r\n{}", "5\r\n{}\r\n", "fffffff\r\n{}\r\n"] {
        fixture.assert_rejected_or_closed(chunks, &Fixture::bare_request(chunked.as_bytes(), chunks.as_bytes())).await;
    }
    for encoding in ["gzip", "chunked, gzip", "identity"] {
        let lines = format!("x-api-key: {key}\r\ntransfer-encoding: {encoding}\r\n");
        fixture.assert_rejected(encoding, &Fixture::bare_request(lines.as_bytes(), b"2\r\n{}\r\n0\r\n\r\n"), &[400]).await;
    }
}

#[tokio::test]
async fn invalid_http_is_rejected_or_disconnected() {
    let fixture = Fixture::start().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/v1/verify\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"POST http://[::bad/ HTTP/1.1\r\nhost: a\r\n\r\n",
        b"PO ST /api/v1/verify HTTP/1.1\r\n\r\n",
        b"",
        b"P",
    ] {
        fixture.assert_rejected_or_closed(&String::from_utf8_lossy(bytes), bytes).await;
    }
}
