//! `Test connection`, against local services.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    BrowserClient, TestServer, eventually,
    services::{MockResponse, MockService, Moto, allow_loopback},
    text,
};

const MODELS: &str = r#"{ "object": "list", "data": [{ "id": "gpt" }] }"#;

async fn create_external_key(page: &BrowserClient, provider: &str, key: &str, secret: &str, region: &str) -> Value {
    let expiry = json!({ "Days": 30 });
    let request = json!({ "label": "samples", "provider": provider, "key": key, "secret": secret, "region": region, "expiry": expiry });
    let (status, created) = page.call("credentials/create-external", json!({ "request": request })).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    created["id"].clone()
}

/// Creates a general key linked to a provider of this style and base URL. Returns its id.
pub async fn create_linked_key(page: &BrowserClient, name: &str, style: &str, base_url: &str) -> Value {
    let (status, key) = page.call("credentials/create-general", json!({ "name": name, "value": "sk-0123456789" })).await;
    assert_eq!(status, StatusCode::OK, "{key}");
    let request = json!({ "name": name, "style": style, "base_url": base_url, "key": key["id"] });
    let (status, created) = page.call("providers/create", json!({ "request": request })).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    key["id"].clone()
}

/// Runs the connection test. Returns the outcome and the detail.
async fn test_connection(page: &BrowserClient, id: &Value) -> (String, String) {
    let (status, report) = page.call("credentials/test", json!({ "id": id })).await;
    assert_eq!(status, StatusCode::OK, "{report}");
    assert!(!report.to_string().contains("sk-0123456789"));
    (text(&report["tested"]["outcome"]), text(&report["detail"]))
}

async fn delete(page: &BrowserClient, id: &Value) {
    let (status, outcome) = page.call("keys/bulk", json!({ "action": "delete", "ids": [id] })).await;
    assert_eq!((status, &outcome["done"]), (StatusCode::OK, &json!(1)), "{outcome}");
}

#[tokio::test]
async fn access_key_is_tested_against_aws() {
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
        let id = create_external_key(&page, "aws", key, secret, "eu-central-1").await;
        let (actual, detail) = test_connection(&page, &id).await;
        assert_eq!(actual, outcome, "{detail}");
        assert!(detail.starts_with("Amazon Web Services "), "{detail}");
        delete(&page, &id).await;
    }
}

#[tokio::test]
async fn token_is_tested_against_dnanexus() {
    let mock = MockService::start().await;
    let server = TestServer::start_with(|options| {
        allow_loopback(options);
        options.outgoing.dnanexus_url = Some(mock.url.parse().unwrap());
    })
    .await;
    let page = server.user("owner", "acme").await;
    let id = create_external_key(&page, "dnanexus", "dx-token", "", "").await;
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
        mock.respond_with(MockResponse::new(status, body));
        assert_eq!(test_connection(&page, &id).await.0, outcome, "{status} {body}");
        let [call] = &mock.take_requests()[..] else { panic!("one call") };
        assert_eq!((call.request_line.as_str(), call.body.as_str()), ("POST /system/whoami", "{}"));
        assert_eq!(call.headers["authorization"], "Bearer dx-token");
    }
}

#[tokio::test]
async fn external_key_is_replaced_by_those_who_see_it() {
    let mock = MockService::start().await;
    let server = TestServer::start_with(|options| {
        allow_loopback(options);
        options.outgoing.dnanexus_url = Some(mock.url.parse().unwrap());
    })
    .await;
    let admin = server.user("owner", "acme").await;
    let (member, other) = (server.user("member", "acme").await, server.user("owner", "globex").await);
    let id = create_external_key(&member, "dnanexus", "dx-token", "", "").await;
    mock.respond_with(MockResponse::new(200, r#"{ "id": "user-ada" }"#));
    assert_eq!(test_connection(&member, &id).await.0, "works");
    let (_, own) = member.call("credentials/own-external", json!({})).await;
    assert_eq!((&own[0]["id"], &own[0]["tested"]["outcome"], own.as_array().unwrap().len()), (&id, &json!("works"), 1));
    assert_eq!(other.call("credentials/own-external", json!({})).await.1, json!([]));

    let arguments = |id: &Value, secret: &str| json!({ "id": id, "request": { "key": "dx-new", "secret": secret, "expiry": { "Days": 90 } } });
    let (status, error) = member.call("credentials/replace-external", arguments(&id, "unused")).await;
    assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("secret")));
    assert_eq!(other.call("credentials/replace-external", arguments(&id, "")).await.0, StatusCode::NOT_FOUND);
    let (_, general) = admin.call("credentials/create-general", json!({ "name": "OpenAI", "value": "sk-0123456789" })).await;
    assert_eq!(admin.call("credentials/replace-external", arguments(&general["id"], "")).await.0, StatusCode::NOT_FOUND);

    let (status, replaced) = member.call("credentials/replace-external", arguments(&id, "")).await;
    assert_eq!(status, StatusCode::OK, "{replaced}");
    assert_eq!((&replaced["id"], &replaced["name"], &replaced["tested"]), (&id, &own[0]["name"], &Value::Null));
    assert!(replaced["expires_at"].as_i64() > own[0]["expires_at"].as_i64());
    mock.take_requests();
    test_connection(&member, &id).await;
    assert_eq!(mock.take_requests()[0].headers["authorization"], "Bearer dx-new");
}

#[tokio::test]
async fn general_key_is_tested_against_its_linked_provider() {
    let mock = MockService::start().await;
    let server = TestServer::start_with(allow_loopback).await;
    let page = server.user("owner", "acme").await;
    let (_, unlinked) = page.call("credentials/create-general", json!({ "name": "unlinked", "value": "sk-0123456789" })).await;
    assert_eq!(test_connection(&page, &unlinked["id"]).await, ("unchecked".into(), "Link it to a provider first.".into()));

    let openai = create_linked_key(&page, "Local", "openai", &format!("{}/v1/", mock.url)).await;
    let anthropic = create_linked_key(&page, "Claude", "anthropic", &mock.url).await;
    mock.respond_with(MockResponse::new(200, MODELS));
    assert_eq!(test_connection(&page, &openai).await, ("works".into(), "Local accepts this key.".into()));
    assert_eq!(test_connection(&page, &anthropic).await.0, "works");
    let [first, second] = &mock.take_requests()[..] else { panic!("two calls") };
    assert_eq!((first.request_line.as_str(), &first.headers["authorization"]), ("GET /v1/models", &"Bearer sk-0123456789".parse().unwrap()));
    assert_eq!((second.request_line.as_str(), &second.headers["x-api-key"]), ("GET /v1/models", &"sk-0123456789".parse().unwrap()));
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
        mock.respond_with(MockResponse::new(status, body));
        assert_eq!(test_connection(&page, &openai).await.0, outcome, "{status}");
    }
    // The list shows the last result until the value changes.
    let query = json!({ "kind": "general", "search": "", "status": null, "sort": { "column": "name", "descending": false } });
    let (_, list) = page.call("keys/open", json!({ "query": query })).await;
    let row = list["rows"].as_array().unwrap().iter().find(|row| row["row"]["id"] == openai).unwrap()["row"].clone();
    assert_eq!((&row["tested"]["outcome"], &row["linked_to"]), (&json!("unchecked"), &json!(["Local"])));
    let (_, edited) = page.call("credentials/edit-general", json!({ "id": openai, "name": "Local", "value": "sk-another-one" })).await;
    assert_eq!(edited["tested"], Value::Null);
}

#[tokio::test]
async fn redirects_are_not_followed_with_the_key() {
    let (mock, redirect_target) = (MockService::start().await, MockService::start().await);
    let server = TestServer::start_with(allow_loopback).await;
    let page = server.user("owner", "acme").await;
    let id = create_linked_key(&page, "Local", "openai", &mock.url).await;
    for status in [301, 302, 303, 307, 308] {
        mock.respond_with(MockResponse { location: Some(format!("{}/models", redirect_target.url)), ..MockResponse::new(status, "") });
        let (outcome, detail) = test_connection(&page, &id).await;
        assert!(outcome == "unchecked" && detail.contains("redirect"), "{detail}");
    }
    assert!(redirect_target.take_requests().is_empty());
}

#[tokio::test]
async fn private_network_addresses_are_not_called() {
    let mock = MockService::start().await;
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let port = mock.url.rsplit(':').next().unwrap();
    let hosts =
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433", "127.1", "0.0.0.0", "169.254.169.254", "168.63.129.16"];
    for (index, host) in hosts.into_iter().enumerate() {
        let id = create_linked_key(&page, &format!("Local {index}"), "openai", &format!("http://{host}:{port}")).await;
        let (outcome, detail) = test_connection(&page, &id).await;
        assert!(outcome == "unchecked" && detail.contains("private network"), "{host}: {detail}");
    }
    assert!(mock.take_requests().is_empty());
}

#[tokio::test]
async fn denied_networks_are_not_called_even_if_allowed() {
    let mock = MockService::start().await;
    let server = TestServer::start_with(|options| {
        allow_loopback(options);
        options.outgoing.deny_outgoing = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let page = server.user("owner", "acme").await;
    let id = create_linked_key(&page, "Local", "openai", &mock.url).await;
    let (outcome, detail) = test_connection(&page, &id).await;
    assert!(outcome == "unchecked" && detail.contains("denied by its operator"), "{detail}");
    assert!(mock.take_requests().is_empty());
}

#[tokio::test]
async fn unreachable_or_non_http_services_are_unchecked() {
    let server = TestServer::start_with(allow_loopback).await;
    let page = server.user("owner", "acme").await;
    let mock = MockService::start().await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (name, url) in [
        ("Gone", format!("http://{closed}")),
        ("No name", "http://nowhere.invalid".to_owned()),
        // Plain HTTP where TLS is expected.
        ("Plain", mock.url.replace("http:", "https:")),
    ] {
        let id = create_linked_key(&page, name, "openai", &url).await;
        let (outcome, detail) = test_connection(&page, &id).await;
        assert!(outcome == "unchecked" && detail.starts_with(&format!("{name} could not be reached")), "{detail}");
    }
}

#[tokio::test]
async fn slow_service_times_out_and_tests_run_one_at_a_time() {
    let mock = MockService::start().await;
    let server = TestServer::start_with(allow_loopback).await;
    let page = server.user("owner", "acme").await;
    let id = create_linked_key(&page, "Slow", "openai", &mock.url).await;
    mock.respond_with(MockResponse { delay: Duration::from_mins(1), ..MockResponse::new(200, MODELS) });
    let started = Instant::now();
    let second = async {
        eventually("the first test calls the service", async || mock.request_count() == 1).await;
        page.call("credentials/test", json!({ "id": id })).await
    };
    let ((outcome, detail), (status, error)) = tokio::join!(test_connection(&page, &id), second);
    assert!(outcome == "unchecked" && detail.contains("in time"), "{detail}");
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!((status, &error["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("throttled")));
    assert_eq!(mock.take_requests().len(), 1);
    mock.respond_with(MockResponse::new(200, MODELS));
    assert_eq!(test_connection(&page, &id).await.0, "works", "the next test may run");
}
