//! Echoes in the body: in every form, in any pieces, in streams.

use std::time::Duration;

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE},
};
use reqwest::{Response, StatusCode};
use serde_json::json;

use super::{SECRET, SPECIAL, is_unreserved, percent_encoded, stars};
use crate::{
    services::Fixture,
    support::upstream::{Script, head},
};

/// How long the upstream waits between parts of a stream. A part that is not passed on before is part of the next read.
const PAUSE: Duration = Duration::from_millis(300);

/// The forms that servers commonly produce, without base64.
fn forms(secret: &str) -> Vec<String> {
    let quoted = serde_json::to_string(secret).unwrap();
    let json = quoted[1..quoted.len() - 1].to_owned();
    let units = |upper: bool| {
        let escaped = |unit: u16| if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
        secret.encode_utf16().map(escaped).collect::<String>()
    };
    let percent = [percent_encoded(secret, |_| false), percent_encoded(secret, is_unreserved)];
    let lower = percent.clone().map(|text| lower_codes(&text));
    let forms = vec![
        secret.to_owned(),
        hex::encode(secret),
        hex::encode_upper(secret),
        json.replace('/', "\\/"),
        json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"),
        json,
        units(false),
        units(true),
    ];
    forms.into_iter().chain(percent).chain(lower).collect()
}

/// Percent-encoded text with lower-case digits.
fn lower_codes(text: &str) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |lower, part| format!("{lower}%{}{}", part[..2].to_lowercase(), &part[2..]))
}

/// A response whose body has these chunks, as fast as they can be sent.
fn chunks_of(body: &str, size: usize) -> Script {
    let start = Script::new().send(head(200, &[("transfer-encoding", "chunked")]));
    body.as_bytes().chunks(size).fold(start, Script::chunk).send("0\r\n\r\n")
}

#[tokio::test]
async fn every_form_is_masked() {
    let fixture = Fixture::start().await;
    fixture.service_with_secret("special", SPECIAL, json!({ "type": "bearer" })).await;
    for form in forms(SPECIAL) {
        let (sent, expected) = (format!("before {form} after"), format!("before {} after", stars(&form)));
        fixture.upstream.respond(Script::response(200, &[("x-echo", sent.as_str())], &sent));
        let response = fixture.get("/special/a").await;
        assert_eq!(response.headers()["x-echo"], expected, "{form}");
        assert_eq!(response.headers()["content-length"], sent.len().to_string());
        assert_eq!(response.text().await.unwrap(), expected, "{form}");
    }
}

#[tokio::test]
async fn base64_is_masked_in_every_alignment() {
    let fixture = Fixture::start().await;
    fixture.service_with_secret("special", SPECIAL, json!({ "type": "bearer" })).await;
    for before in ["", "a", "ab", "abc", "user:"] {
        for after in ["", "z", "zz", "zzz"] {
            let plain = format!("{before}{SPECIAL}{after}");
            for encoding in [BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE] {
                let sent = encoding.encode(&plain);
                // The characters that depend only on the secret. A character has 6 bits.
                let (start, end) = ((before.len() * 8).div_ceil(6), (before.len() + SPECIAL.len()) * 8 / 6);
                let expected = format!("{}{}{}", &sent[..start], "*".repeat(end - start), &sent[end..]);
                fixture.upstream.respond(Script::response(200, &[("x-echo", sent.as_str())], &sent));
                let response = fixture.get("/special/a").await;
                assert_eq!(response.headers()["x-echo"], expected, "{plain}");
                assert_eq!(response.text().await.unwrap(), expected, "{plain}");
            }
        }
    }
}

#[tokio::test]
async fn echo_is_masked_across_chunks() {
    let fixture = Fixture::start().await;
    // The characters that depend on nothing but the secret's 19 bytes.
    let base64 = BASE64_STANDARD.encode(format!("abc{SECRET}"))[4..29].to_owned();
    for form in forms(SECRET).into_iter().chain([base64]) {
        for size in [1, 2, 3, 5, 8, 13] {
            fixture.upstream.respond(chunks_of(&format!("[{form}]"), size));
            let body = fixture.get("/api/a").await.text().await.unwrap();
            assert_eq!(body, format!("[{}]", stars(&form)), "{form} in chunks of {size}");
        }
    }
    // Each part arrives alone, at every border, also without chunked coding.
    let body = format!("[{SECRET}]");
    for border in 1..body.len() {
        let (first, second) = body.as_bytes().split_at(border);
        let length = body.len().to_string();
        let by_length = Script::new().send(head(200, &[("content-length", length.as_str())]));
        for script in [Script::chunked(200, &[], &[first, second]), by_length.send(first).wait(Duration::from_millis(20)).send(second)] {
            fixture.upstream.respond(script);
            assert_eq!(fixture.get("/api/a").await.text().await.unwrap(), format!("[{}]", stars(SECRET)), "{border}");
        }
    }
}

#[tokio::test]
async fn partial_and_adjacent_echoes_are_distinguished() {
    let fixture = Fixture::start().await;
    let sent = format!("sk-{SECRET}{SECRET}s{SECRET}sk-012345678");
    let expected = format!("sk-{0}{0}s{0}sk-012345678", stars(SECRET));
    for size in 1..=20 {
        fixture.upstream.respond(chunks_of(&sent, size));
        assert_eq!(fixture.get("/api/a").await.text().await.unwrap(), expected, "{size}");
    }
}

#[tokio::test]
async fn every_echo_of_a_large_body_is_masked() {
    let fixture = Fixture::start().await;
    let echo = |number: u32| format!("{number} {SECRET}\n");
    let sent: String = (0..20_000).map(echo).collect();
    let expected = sent.replace(SECRET, &stars(SECRET));
    for script in [Script::response(200, &[], &sent), chunks_of(&sent, 7919)] {
        fixture.upstream.respond(script);
        let body = fixture.get("/api/a").await.text().await.unwrap();
        assert!(body == expected, "{} of {} bytes", body.len(), expected.len());
    }
}

/// Reads until there are as many bytes as in the expected text, which must be these.
async fn expect(response: &mut Response, expected: &str) {
    let mut received = Vec::new();
    while received.len() < expected.len() {
        let chunk = response.chunk().await.unwrap();
        received.extend(chunk.unwrap_or_else(|| panic!("the response ended before {expected:?}")));
    }
    assert_eq!(String::from_utf8_lossy(&received), expected);
}

#[tokio::test]
async fn stream_waits_only_for_a_possible_beginning() {
    let fixture = Fixture::start().await;
    // What the upstream sends, and what the caller has before the upstream sends more.
    let parts = [
        ("data: one\n\n", "data: one\n\n"),
        ("data: your key is sk-0123", "data: your key is "),
        ("456789", ""),
        ("abcdef\n\n", "*******************\n\n"),
        // It was none.
        ("data: sk-01", "data: "),
        ("-sk\n\n", "sk-01-sk\n\n"),
        // The beginning of its hexadecimal form.
        ("data: 736b", "data: "),
        ("!\n\n", "736b!\n\n"),
        ("data: sk-0123456789abcde", "data: "),
    ];
    let start = Script::new().send(head(200, &[("content-type", "text/event-stream"), ("transfer-encoding", "chunked")]));
    fixture.upstream.respond(parts.iter().fold(start, |script, (sent, _)| script.chunk(sent.as_bytes()).wait(PAUSE)).send("0\r\n\r\n"));
    let mut response = fixture.get("/api/events").await;
    assert_eq!((response.status(), &response.headers()["content-type"]), (StatusCode::OK, &"text/event-stream".parse().unwrap()));
    for (_, received) in parts {
        expect(&mut response, received).await;
    }
    // At the end of the stream, the rest is not the secret.
    expect(&mut response, "sk-0123456789abcde").await;
    assert_eq!(response.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn what_is_held_back_is_lost_with_the_upstream() {
    let fixture = Fixture::start().await;
    let start = Script::new().send(head(200, &[("content-length", "100")]));
    fixture.upstream.respond(start.send("key: sk-0123456789abc").wait(PAUSE).close());
    let mut response = fixture.get("/api/a").await;
    let mut received = Vec::new();
    while let Ok(chunk) = response.chunk().await {
        received.extend(chunk.expect("the response is incomplete"));
    }
    assert_eq!(received, b"key: ");
}
