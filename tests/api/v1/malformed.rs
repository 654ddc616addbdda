//! What no client of ours would send, over a bare socket: each is refused with a 4xx, and the server goes on.

mod mutated;

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Api, TestServer};

/// Longer than the server waits for anything.
const PATIENCE: Duration = Duration::from_secs(15);

/// A server, who calls it, and a key that is good.
struct Desk {
    server: TestServer,
    api: Api,
    good: String,
}

impl Desk {
    async fn open() -> Self {
        let server = TestServer::start().await;
        let page = server.user("owner", "acme").await;
        let api = server.api("owner@acme.test", "");
        let (_, good) = page.agent_key("good").await;
        Self { server, api, good }
    }

    /// Sends these bytes and waits until the server ends the connection. Answers the first status, if there is an answer at all, and its body.
    async fn send(&self, bytes: &[u8]) -> (Option<u16>, String) {
        self.talk(bytes, false).await
    }

    /// The same, and says that no more will come: the server may hang up then without a word.
    async fn talk(&self, bytes: &[u8], ends: bool) -> (Option<u16>, String) {
        let mut stream = TcpStream::connect(self.server.url.trim_start_matches("http://")).await.unwrap();
        let mut answer = Vec::new();
        let talk = async {
            // The server may hang up in the middle of what is too much for it.
            let _ = stream.write_all(bytes).await;
            if ends {
                let _ = stream.shutdown().await;
            }
            let _ = stream.read_to_end(&mut answer).await;
        };
        timeout(PATIENCE, talk).await.expect("the server ends the connection");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    /// Refused with one of these statuses, and the next caller is served.
    async fn is_refused(&self, what: &str, bytes: &[u8], statuses: &[u16]) {
        let (status, body) = self.send(bytes).await;
        assert!(status.is_some_and(|status| statuses.contains(&status)), "{what}: {status:?} {body}");
        assert!(!body.contains(&self.good) && !body.contains(r#""valid":true"#), "{what}: {body}");
        assert_eq!(self.api.verify(&self.good).await, "VALID", "after {what}");
    }

    /// Refused, or hung up on, and the next caller is served.
    async fn breaks_off(&self, what: &str, bytes: &[u8]) {
        let (status, body) = self.talk(bytes, true).await;
        assert!(status.is_none_or(|status| (400..500).contains(&status)), "{what}: {status:?} {body}");
        assert_eq!(self.api.verify(&self.good).await, "VALID", "after {what}");
    }

    /// A call of verify with these header lines and this body, its length added.
    fn call(&self, headers: &[u8], body: &[u8]) -> Vec<u8> {
        let key = &self.api.key;
        let length = body.len();
        let head = format!("POST /api/v1/verify HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-api-key: {key}\r\ncontent-length: {length}\r\n");
        [head.as_bytes(), headers, b"\r\n", body].concat()
    }

    /// The same with other lines in the place of the key and the length.
    fn bare_call(headers: &[u8], body: &[u8]) -> Vec<u8> {
        [b"POST /api/v1/verify HTTP/1.1\r\nhost: a\r\nconnection: close\r\n", headers, b"\r\n", body].concat()
    }

    fn body(&self) -> Vec<u8> {
        format!(r#"{{"key":"{}"}}"#, self.good).into_bytes()
    }
}

#[tokio::test]
async fn the_way_in_which_these_calls_are_made_is_right() {
    let desk = Desk::open().await;
    let (status, body) = desk.send(&desk.call(b"", &desk.body())).await;
    assert_eq!(status, Some(200));
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["valid"], true, "{body}");
}

#[tokio::test]
async fn headers_that_are_too_large_too_many_or_no_text_are_refused() {
    let desk = Desk::open().await;
    // To the byte as much as the server takes in: had it left some unread, its answer might be lost on the way.
    let mut large = desk.call(&[b"x-large: ", &b"a".repeat(32 * 1024)[..]].concat(), b"");
    large.truncate(32 * 1024);
    desk.is_refused("a header of 32 KB", &large, &[431]).await;
    let larger = [b"x-large: ", &b"a".repeat(400 * 1024)[..], b"\r\n"].concat();
    desk.breaks_off("a header of 400 KB", &desk.call(&larger, &desk.body())).await;
    let many: Vec<u8> = (0..200).flat_map(|number| format!("x-{number}: a\r\n").into_bytes()).collect();
    desk.is_refused("two hundred headers", &desk.call(&many, &desk.body()), &[431]).await;
    let address = format!("POST /api/v1/verify?{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(100 * 1024));
    desk.breaks_off("an address of 100 KB", address.as_bytes()).await;
    for (what, line) in [
        ("a key that is no UTF-8", &b"x-api-key: lkp_\xFF\xFE\r\n"[..]),
        ("a bearer that is no UTF-8", b"authorization: Bearer \xC3\x28\r\n"),
        ("a header with a zero byte", b"x-api-key: lkp_\0\r\n"),
        ("a header without a colon", b"x-api-key lkp_x\r\n"),
        ("a name with a blank", b"x api key: lkp_x\r\n"),
    ] {
        let call = Desk::bare_call(&[line, &b"content-length: 2\r\n"[..]].concat(), b"{}");
        desk.is_refused(what, &call, &[400]).await;
        desk.is_refused(what, &desk.call(line, &desk.body()), &[400]).await;
    }
}

#[tokio::test]
async fn two_different_keys_are_refused_however_they_are_sent() {
    let desk = Desk::open().await;
    let (key, other) = (&desk.api.key, &desk.good);
    for line in [
        format!("x-api-key: {other}\r\n"),
        format!("X-API-KEY: {other}\r\n"),
        format!("authorization: Bearer {other}\r\n"),
        format!("authorization: Bearer {key}\r\nauthorization: Bearer {other}\r\n"),
        "x-api-key:\r\n".to_owned(),
        "authorization: Basic YTpi\r\n".to_owned(),
    ] {
        desk.is_refused(&line, &desk.call(line.as_bytes(), &desk.body()), &[400]).await;
    }
    let (status, body) = desk.send(&desk.call(format!("authorization: Bearer {key}\r\nx-api-key: {key}\r\n").as_bytes(), &desk.body())).await;
    assert_eq!(status, Some(200), "the same one three times is one: {body}");
}

#[tokio::test]
async fn a_body_that_is_no_call_is_refused() {
    let desk = Desk::open().await;
    let with = |field: &str| format!(r#"{{"key":"{}",{field}}}"#, desk.good).into_bytes();
    for value in ["-1", "-0.5", "1.5", "1e400", "4294967296", "1e9", "\"1\"", "[1]", "{}", "true", "99999999999999999999999999"] {
        desk.is_refused(value, &desk.call(b"", &with(&format!(r#""cost":{value}"#))), &[400, 422]).await;
    }
    for field in
        [r#""ip":"300.1.1.1""#, r#""ip":[]"#, r#""ip":"192.0.2.1/8""#, r#""corpus":-1e99"#, r#""scope":7"#, r#""project":{}"#, r#""valid":true"#]
    {
        desk.is_refused(field, &desk.call(b"", &with(field)), &[400, 422]).await;
    }
    let again = format!(r#""key":"{}""#, desk.good);
    desk.is_refused("a field twice", &desk.call(b"", &with(&again)), &[400, 422]).await;
    for key in ["null", "7", "[]", r#"{"a":"b"}"#, r#""\ud800""#, r#""\x""#, "\"\u{1}\"", "\""] {
        desk.is_refused(key, &desk.call(b"", format!(r#"{{"key":{key}}}"#).as_bytes()), &[400, 422]).await;
    }
    let deep = |open: &str| [br#"{"key":"#, open.repeat(10_000).as_bytes()].concat();
    for (what, body) in [
        ("deep lists", deep("[")),
        ("deep objects", deep(r#"{"a":"#)),
        ("deep from the start", b"[".repeat(60_000)),
        ("nothing", Vec::new()),
        ("no text", b"{\"key\":\"\xFF\xFE\"}".to_vec()),
        ("a byte order mark", [b"\xEF\xBB\xBF", &desk.body()[..]].concat()),
        ("two calls", [desk.body(), desk.body()].concat()),
        ("another alphabet", desk.body().iter().flat_map(|byte| [*byte, 0]).collect()),
    ] {
        desk.is_refused(what, &desk.call(b"", &body), &[400, 422]).await;
    }
    for size in [65 * 1024, 1024 * 1024] {
        let huge = format!(r#"{{"key":"{}"}}"#, "a".repeat(size));
        desk.is_refused("a huge key", &desk.call(b"", huge.as_bytes()), &[413]).await;
    }
}

#[tokio::test]
async fn a_length_that_is_not_true_is_refused() {
    let desk = Desk::open().await;
    let key = &desk.api.key;
    let body = desk.body();
    for length in ["-1", "abc", "1e3", "0x10", "99999999999999999999999", "", "5, 6", "+5"] {
        let lines = format!("x-api-key: {key}\r\ncontent-length: {length}\r\n");
        desk.is_refused(length, &Desk::bare_call(lines.as_bytes(), &body), &[400]).await;
    }
    let twice = format!("x-api-key: {key}\r\ncontent-length: {}\r\ncontent-length: 3\r\n", body.len());
    desk.is_refused("two lengths", &Desk::bare_call(twice.as_bytes(), &body), &[400]).await;
    let short = format!("x-api-key: {key}\r\ncontent-length: {}\r\n", body.len() - 4);
    desk.is_refused("more than was said", &Desk::bare_call(short.as_bytes(), &body), &[400]).await;
    let none = format!("x-api-key: {key}\r\n");
    desk.is_refused("no length", &Desk::bare_call(none.as_bytes(), &body), &[400]).await;
    let long = format!("x-api-key: {key}\r\ncontent-length: {}\r\n", body.len() + 4);
    desk.breaks_off("less than was said", &Desk::bare_call(long.as_bytes(), &body)).await;
    desk.is_refused("less than was said, and then silence", &Desk::bare_call(long.as_bytes(), &body), &[408]).await;
    let chunked = format!("x-api-key: {key}\r\ntransfer-encoding: chunked\r\n");
    for chunks in ["zz\r\n", "-1\r\n{}\r\n", "fffffffffffffffff\r\n{}", "\r\n", "2;\r\n{}x\r\n0\r\n\r\n"] {
        desk.is_refused(chunks, &Desk::bare_call(chunked.as_bytes(), chunks.as_bytes()), &[400]).await;
    }
    for chunks in ["", "2\r\n{}", "5\r\n{}\r\n", "fffffff\r\n{}\r\n"] {
        desk.breaks_off(chunks, &Desk::bare_call(chunked.as_bytes(), chunks.as_bytes())).await;
    }
    for encoding in ["gzip", "chunked, gzip", "identity"] {
        let lines = format!("x-api-key: {key}\r\ntransfer-encoding: {encoding}\r\n");
        desk.is_refused(encoding, &Desk::bare_call(lines.as_bytes(), b"2\r\n{}\r\n0\r\n\r\n"), &[400]).await;
    }
}

#[tokio::test]
async fn what_is_no_http_is_refused_or_hung_up_on() {
    let desk = Desk::open().await;
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
        desk.breaks_off(&String::from_utf8_lossy(bytes), bytes).await;
    }
}
