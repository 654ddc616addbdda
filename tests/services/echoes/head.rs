//! Echoes around the body: in headers, redirects, trailers, informational responses; and responses without a readable body.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{SECRET, is_unreserved, percent_encoded, stars};
use crate::{
    services::{Fixture, code, refusal},
    support::upstream::{Script, head},
};

#[tokio::test]
async fn headers_are_masked() {
    let fixture = Fixture::start().await;
    let names = ["etag", "www-authenticate", "link", "content-disposition", "content-location", "warning", "server", "content-type"];
    let value = format!("before {SECRET} after");
    let mut headers: Vec<(&str, &str)> = names.iter().map(|name| (*name, value.as_str())).collect();
    headers.extend([("x-echo", value.as_str()), ("x-echo", "other"), ("x-echo", SECRET), ("set-cookie", SECRET), (SECRET, "in the name")]);
    fixture.upstream.respond(Script::response(200, &headers, "body"));
    let response = fixture.get("/api/a").await;
    let headers = response.headers().clone();
    let masked = format!("before {} after", stars(SECRET));
    for name in names {
        assert_eq!(headers[name], masked, "{name}");
    }
    assert_eq!(headers.get_all("x-echo").iter().collect::<Vec<_>>(), [masked.as_str(), "other", &stars(SECRET)]);
    assert!(!format!("{headers:?}").contains(SECRET), "{headers:?}");
    assert_eq!(response.text().await.unwrap(), "body");
}

#[tokio::test]
async fn redirect_does_not_contain_the_secret() {
    let fixture = Fixture::start().await;
    let (url, masked) = (fixture.upstream.url.clone(), stars(SECRET));
    let encoded = percent_encoded(SECRET, |_| false);
    for status in [301, 302, 303, 307, 308] {
        for (location, expected) in [
            (format!("/b?key={SECRET}"), format!("/gateway/api/b?key={masked}")),
            (format!("{url}/{SECRET}/b#{SECRET}"), format!("/gateway/api/{masked}/b#{masked}")),
            (format!("?{encoded}=1"), format!("/gateway/api/a?{}=1", stars(&encoded))),
            // Its parser removes the tab.
            (format!("/b?{}\t{}", &SECRET[..9], &SECRET[9..]), format!("/gateway/api/b?{masked}")),
        ] {
            fixture.upstream.respond(Script::response(status, &[("location", location.as_str())], &location));
            let response = fixture.get("/api/a").await;
            assert_eq!(response.status(), status, "{location}");
            assert_eq!(response.headers()["location"], expected);
            assert!(!response.text().await.unwrap().contains(SECRET));
        }
        for location in [
            format!("https://evil.test/?key={SECRET}"),
            format!("//evil.test/{SECRET}"),
            format!("https://{SECRET}.evil.test/"),
            url.replace("http://", &format!("http://ada:{SECRET}@")),
        ] {
            fixture.upstream.respond(Script::response(status, &[("location", location.as_str())], SECRET));
            assert_eq!(refusal(fixture.get("/api/a").await).await, code(502, "redirect_refused"), "{location}");
        }
    }
    // No redirect: the name of what was created.
    let location = format!("https://other.test/{SECRET}");
    fixture.upstream.respond(Script::response(201, &[("location", location.as_str())], ""));
    assert_eq!(fixture.get("/api/a").await.headers()["location"], format!("https://other.test/{masked}"));
}

#[tokio::test]
async fn redirect_loses_the_parameter_with_the_secret() {
    let fixture = Fixture::start_with(json!({ "injection": { "type": "query", "name": "token" } })).await;
    let encoded = percent_encoded(SECRET, is_unreserved);
    for (location, expected) in [
        (format!("/b?token={SECRET}&page=2"), "/gateway/api/b?page=2".to_owned()),
        (format!("/b?t%6Fken={encoded}"), "/gateway/api/b".to_owned()),
        (format!("?page=2&next={encoded}"), format!("/gateway/api/a?page=2&next={}", stars(&encoded))),
    ] {
        fixture.upstream.respond(Script::response(302, &[("location", location.as_str())], ""));
        assert_eq!(fixture.get("/api/a?q=1").await.headers()["location"], expected, "{location}");
    }
}

#[tokio::test]
async fn nothing_around_the_body_is_passed_on() {
    let fixture = Fixture::start().await;
    let chunked = [("transfer-encoding", "chunked"), ("trailer", "X-After")];
    let informational = format!("HTTP/1.1 103 Early Hints\r\nLink: </{SECRET}>\r\n\r\nHTTP/1.1 100 Continue\r\nX-Echo: {SECRET}\r\n\r\n");
    let complete = head(200, &[("content-length", "4")]);
    for (what, script) in [
        ("trailers", Script::new().send(head(200, &chunked)).chunk(b"body").send(format!("0\r\nX-After: {SECRET}\r\n\r\n"))),
        ("chunk extensions", Script::new().send(head(200, &chunked)).send(format!("4;x={SECRET}\r\nbody\r\n0;x={SECRET}\r\n\r\n"))),
        ("informational responses", Script::new().send(informational).send(&complete).send("body")),
        ("reason", Script::new().send(format!("HTTP/1.1 200 {SECRET}\r\ncontent-length: 4\r\n\r\nbody"))),
        ("after the end", Script::new().send(&complete).send(format!("bodyHTTP/1.1 200 {SECRET}\r\n\r\n")).close()),
    ] {
        fixture.upstream.respond(script);
        let response = fixture.send_raw("GET /gateway/api/a", "TE: trailers\r\nConnection: TE, close\r\n").await;
        let text = format!("{}\r\n\r\n{}", response.head, response.body);
        assert!(response.status == 200 && response.body.contains("body"), "{what}: {text}");
        assert!(!text.contains(SECRET) && !text.to_lowercase().contains("x-after"), "{what}: {text}");
    }
    fixture.upstream.respond(Script::new().send(head(101, &[("connection", "upgrade"), ("upgrade", SECRET)])).send(SECRET));
    assert_eq!(refusal(fixture.get("/api/a").await).await, code(502, "upstream_failed"));
}

#[tokio::test]
async fn malformed_response_is_not_quoted() {
    let fixture = Fixture::start().await;
    for bytes in [
        format!("{SECRET}\r\n\r\n"),
        format!("HTTP/1.1 {SECRET} OK\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\ncontent-length: {SECRET}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nx-echo: {SECRET}\0\r\n\r\n"),
    ] {
        fixture.upstream.respond(Script::new().send(&bytes).close());
        assert_eq!(refusal(fixture.get("/api/a").await).await, code(502, "upstream_failed"), "{bytes}");
    }
}

#[tokio::test]
async fn every_status_is_masked() {
    let fixture = Fixture::start().await;
    let sent = format!(r#"{{"error":{{"message":"Incorrect API key provided: {SECRET}."}}}}"#);
    for status in [200, 202, 400, 401, 403, 404, 407, 429, 500, 502, 503, 599] {
        fixture.upstream.respond(Script::response(status, &[("x-echo", SECRET)], &sent));
        let response = fixture.get("/api/a").await;
        assert_eq!((response.status().as_u16(), &response.headers()["x-echo"]), (status, &stars(SECRET).parse().unwrap()));
        assert_eq!(response.text().await.unwrap(), sent.replace(SECRET, &stars(SECRET)), "{status}");
    }
    for status in [204, 304] {
        fixture.upstream.respond(Script::new().send(head(status, &[("etag", SECRET)])));
        let response = fixture.get("/api/a").await;
        assert_eq!((response.status().as_u16(), &response.headers()["etag"]), (status, &stars(SECRET).parse().unwrap()));
    }
}

#[tokio::test]
async fn head_and_ranges_are_masked() {
    let fixture = Fixture::start().await;
    fixture.upstream.respond(Script::new().send(head(200, &[("content-length", "19"), ("x-echo", SECRET)])));
    let response = fixture.request(Method::HEAD, "/api/a").send().await.unwrap();
    assert_eq!((response.status(), &response.headers()["content-length"]), (StatusCode::OK, &"19".parse().unwrap()));
    assert_eq!(response.headers()["x-echo"], stars(SECRET));

    let part = format!("--x\r\ncontent-range: bytes 0-18/100\r\n\r\n{SECRET}\r\n--x--\r\n");
    for (content_type, range, body) in [("text/plain", "bytes 0-22/100", format!("{SECRET} end")), ("multipart/byteranges; boundary=x", "", part)] {
        let headers = [("content-type", content_type), ("content-range", range), ("x-echo", SECRET)];
        fixture.upstream.respond(Script::response(206, &headers, &body));
        let response = fixture.request(Method::GET, "/api/a").header("range", "bytes=0-22").send().await.unwrap();
        assert_eq!((response.status(), &response.headers()["content-range"]), (StatusCode::PARTIAL_CONTENT, &range.parse().unwrap()));
        assert_eq!(response.headers()["x-echo"], stars(SECRET));
        assert_eq!(response.text().await.unwrap(), body.replace(SECRET, &stars(SECRET)));
    }
}

#[tokio::test]
async fn encoded_echo_is_refused() {
    let fixture = Fixture::start().await;
    // Nothing is read into it: it could be anything.
    for encodings in [&["gzip"][..], &["GZIP"], &["identity", "deflate"], &[", br"], &["identity, zstd"], &["compress;q=1"], &[SECRET]] {
        let headers: Vec<(&str, &str)> = encodings.iter().map(|encoding| ("content-encoding", *encoding)).collect();
        for status in [200, 206, 404, 500] {
            fixture.upstream.respond(Script::response(status, &headers, SECRET));
            assert_eq!(refusal(fixture.get("/api/a").await).await, code(502, "encoded_response"), "{status} {encodings:?}");
        }
        fixture.upstream.respond(Script::new().send(head(200, &headers)));
        let response = fixture.request(Method::HEAD, "/api/a").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY, "{encodings:?}");
    }
    let chunked = Script::new().send(head(200, &[("transfer-encoding", "gzip, chunked")])).chunk(SECRET.as_bytes()).send("0\r\n\r\n");
    let until_the_end = Script::new().send(head(200, &[("transfer-encoding", "gzip")])).send(SECRET).close();
    for script in [chunked, until_the_end] {
        fixture.upstream.respond(script);
        assert_eq!(refusal(fixture.get("/api/a").await).await, code(502, "encoded_response"));
    }
}
