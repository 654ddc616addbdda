//! `Test connection`, against services that stand on this machine.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    Page, TestServer,
    services::{Moto, Neighbour, Script, allow_loopback},
    text,
};

const MODELS: &str = r#"{ "object": "list", "data": [{ "id": "gpt" }] }"#;

async fn storage(page: &Page, provider: &str, key: &str, secret: &str, region: &str) -> Value {
    let ends = json!({ "Days": 30 });
    let wanted = json!({ "label": "samples", "provider": provider, "key": key, "secret": secret, "region": region, "ends": ends });
    let (status, made) = page.call("credentials/create-storage", json!({ "wanted": wanted })).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    made["id"].clone()
}

/// A general key that is linked to a provider of this style at this address.
async fn linked(page: &Page, name: &str, style: &str, base_url: &str) -> Value {
    let (status, key) = page.call("credentials/create-general", json!({ "name": name, "value": "sk-0123456789" })).await;
    assert_eq!(status, StatusCode::OK, "{key}");
    let wanted = json!({ "name": name, "style": style, "base_url": base_url, "key": key["id"] });
    let (status, made) = page.call("providers/create", json!({ "wanted": wanted })).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    key["id"].clone()
}

/// The outcome and the sentence.
async fn tested(page: &Page, id: &Value) -> (String, String) {
    let (status, report) = page.call("credentials/test", json!({ "id": id })).await;
    assert_eq!(status, StatusCode::OK, "{report}");
    assert!(!report.to_string().contains("sk-0123456789"));
    (text(&report["tested"]["outcome"]), text(&report["detail"]))
}

async fn delete(page: &Page, id: &Value) {
    let (status, outcome) = page.call("keys/act", json!({ "action": "delete", "ids": [id] })).await;
    assert_eq!((status, &outcome["done"]), (StatusCode::OK, &json!(1)), "{outcome}");
}

#[tokio::test]
async fn an_access_key_is_tested_at_aws() {
    let moto = Moto::start().await;
    let server = TestServer::start_with(|options| {
        allow_loopback(options);
        options.outgoing.aws_sts_url = Some(moto.url.parse().unwrap());
    })
    .await;
    let page = server.user("owner", "acme").await;
    let wrong_secret = format!("{}A", &moto.secret[1..]);
    for (key, secret, outcome) in
        [(moto.key.as_str(), moto.secret.as_str(), "works"), (&moto.key, &wrong_secret, "refused"), ("AKIAIOSFODNN7EXAMPLE", &moto.secret, "refused")]
    {
        let id = storage(&page, "aws", key, secret, "eu-central-1").await;
        let (found, detail) = tested(&page, &id).await;
        assert_eq!(found, outcome, "{detail}");
        assert!(detail.starts_with("Amazon Web Services "), "{detail}");
        delete(&page, &id).await;
    }
}

#[tokio::test]
async fn a_token_is_tested_at_dnanexus() {
    let neighbour = Neighbour::start().await;
    let server = TestServer::start_with(|options| {
        allow_loopback(options);
        options.outgoing.dnanexus_url = Some(neighbour.url.parse().unwrap());
    })
    .await;
    let page = server.user("owner", "acme").await;
    let id = storage(&page, "dnanexus", "dx-token", "", "").await;
    let unauthorized = r#"{ "error": { "type": "InvalidAuthentication", "message": "the token can't be found" } }"#;
    for (status, body, outcome) in [
        (200, r#"{ "id": "user-ada" }"#, "works"),
        (401, unauthorized, "refused"),
        (422, unauthorized, "refused"),
        (200, "<html>", "unchecked"),
        (200, r#"{ "id": "job-1" }"#, "unchecked"),
        (404, r#"{ "error": { "type": "ResourceNotFound" } }"#, "unchecked"),
        (503, "", "unchecked"),
    ] {
        neighbour.answers(Script::new(status, body));
        assert_eq!(tested(&page, &id).await.0, outcome, "{status} {body}");
        let [call] = &neighbour.seen()[..] else { panic!("one call") };
        assert_eq!((call.line.as_str(), call.body.as_str()), ("POST /system/whoami", "{}"));
        assert_eq!(call.headers["authorization"], "Bearer dx-token");
    }
}

#[tokio::test]
async fn a_general_key_is_tested_at_the_provider_that_it_is_linked_to() {
    let neighbour = Neighbour::start().await;
    let server = TestServer::start_with(allow_loopback).await;
    let page = server.user("owner", "acme").await;
    let (_, alone) = page.call("credentials/create-general", json!({ "name": "alone", "value": "sk-0123456789" })).await;
    assert_eq!(tested(&page, &alone["id"]).await, ("unchecked".into(), "Link it to a provider first.".into()));

    let openai = linked(&page, "Local", "openai", &format!("{}/v1/", neighbour.url)).await;
    let anthropic = linked(&page, "Claude", "anthropic", &neighbour.url).await;
    neighbour.answers(Script::new(200, MODELS));
    assert_eq!(tested(&page, &openai).await, ("works".into(), "Local accepts this key.".into()));
    assert_eq!(tested(&page, &anthropic).await.0, "works");
    let [first, second] = &neighbour.seen()[..] else { panic!("two calls") };
    assert_eq!((first.line.as_str(), &first.headers["authorization"]), ("GET /v1/models", &"Bearer sk-0123456789".parse().unwrap()));
    assert_eq!((second.line.as_str(), &second.headers["x-api-key"]), ("GET /v1/models", &"sk-0123456789".parse().unwrap()));
    assert!(second.headers.get("authorization").is_none() && second.headers["anthropic-version"] == "2023-06-01");

    let huge = format!(r#"{{ "data": ["{}"] }}"#, "a".repeat(2 << 20));
    for (status, body, outcome) in [
        (401, "{}", "refused"),
        (403, "", "refused"),
        (200, "[]", "unchecked"),
        (200, "not json", "unchecked"),
        (404, "", "unchecked"),
        (500, "", "unchecked"),
        (200, &huge, "unchecked"),
    ] {
        neighbour.answers(Script::new(status, body));
        assert_eq!(tested(&page, &openai).await.0, outcome, "{status}");
    }
    // What was found last is what the list shows, until the value is another.
    let query = json!({ "kind": "llm", "search": "", "status": null, "sort": { "column": "name", "descending": false } });
    let (_, list) = page.call("keys/open", json!({ "query": query })).await;
    let row = list["rows"].as_array().unwrap().iter().find(|row| row["row"]["id"] == openai).unwrap()["row"].clone();
    assert_eq!((&row["tested"]["outcome"], &row["linked_to"]), (&json!("unchecked"), &json!(["Local"])));
    let (_, edited) = page.call("credentials/edit-general", json!({ "id": openai, "name": "Local", "value": "sk-another-one" })).await;
    assert_eq!(edited["tested"], Value::Null);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_takes_no_key_along() {
    let (neighbour, elsewhere) = (Neighbour::start().await, Neighbour::start().await);
    let server = TestServer::start_with(allow_loopback).await;
    let page = server.user("owner", "acme").await;
    let id = linked(&page, "Local", "openai", &neighbour.url).await;
    for status in [301, 302, 303, 307, 308] {
        neighbour.answers(Script { location: Some(format!("{}/models", elsewhere.url)), ..Script::new(status, "") });
        let (outcome, detail) = tested(&page, &id).await;
        assert!(outcome == "unchecked" && detail.contains("redirect"), "{detail}");
    }
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn addresses_in_private_networks_are_not_called() {
    let neighbour = Neighbour::start().await;
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let port = neighbour.url.rsplit(':').next().unwrap();
    let hosts = ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433", "127.1", "0.0.0.0", "169.254.169.254"];
    for (at, host) in hosts.into_iter().enumerate() {
        let id = linked(&page, &format!("Local {at}"), "openai", &format!("http://{host}:{port}")).await;
        let (outcome, detail) = tested(&page, &id).await;
        assert!(outcome == "unchecked" && detail.contains("private network"), "{host}: {detail}");
    }
    assert!(neighbour.seen().is_empty());
}

#[tokio::test]
async fn a_service_that_is_not_there_or_speaks_no_http_could_not_be_checked() {
    let server = TestServer::start_with(allow_loopback).await;
    let page = server.user("owner", "acme").await;
    let neighbour = Neighbour::start().await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (name, url) in [
        ("Gone", format!("http://{closed}")),
        ("No name", "http://nowhere.invalid".to_owned()),
        // Plain where TLS is expected.
        ("Plain", neighbour.url.replace("http:", "https:")),
    ] {
        let id = linked(&page, name, "openai", &url).await;
        let (outcome, detail) = tested(&page, &id).await;
        assert!(outcome == "unchecked" && detail.starts_with(&format!("{name} could not be reached")), "{detail}");
    }
}

#[tokio::test]
async fn a_slow_service_could_not_be_checked_and_one_test_runs_at_a_time() {
    let neighbour = Neighbour::start().await;
    let server = TestServer::start_with(allow_loopback).await;
    let page = server.user("owner", "acme").await;
    let id = linked(&page, "Slow", "openai", &neighbour.url).await;
    neighbour.answers(Script { delay: Duration::from_mins(1), ..Script::new(200, MODELS) });
    let begun = Instant::now();
    let second = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        page.call("credentials/test", json!({ "id": id })).await
    };
    let ((outcome, detail), (status, refused)) = tokio::join!(tested(&page, &id), second);
    assert!(outcome == "unchecked" && detail.contains("in time"), "{detail}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!((status, &refused["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("throttled")));
    assert_eq!(neighbour.seen().len(), 1);
    neighbour.answers(Script::new(200, MODELS));
    assert_eq!(tested(&page, &id).await.0, "works", "the next one may");
}
