//! `/api/v1/forward-auth`.

mod nginx;

use std::time::Duration;

use latchkey_types::key_kind::KeyKind;
use reqwest::{
    Method, Response, StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};

use crate::support::{
    Api, Page, TestServer, eventually,
    projects::{issued, project, revealed, template},
    text, unix_ms,
};

/// A server, and a proxy that may ask it.
struct Desk {
    server: TestServer,
    owner: Page,
    api: Api,
    caller: String,
}

impl Desk {
    async fn open() -> Self {
        Self::of(TestServer::start().await).await
    }

    async fn of(server: TestServer) -> Self {
        let owner = server.user("owner", "acme").await;
        let (api, caller) = (server.api("owner@acme.test", ""), server.api("owner@acme.test", "verify").key);
        Self { server, owner, api, caller }
    }

    /// A client key that has what is wanted. Answers its id and its secret.
    async fn key(&self, wanted: Value) -> (String, String) {
        let mut call = json!({ "kind": "client", "name": "client" });
        call.as_object_mut().unwrap().extend(wanted.as_object().unwrap().clone());
        let (status, made) = self.api.post("/keys", call).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        (text(&made["key"]["id"]), text(&made["secret"]))
    }

    /// The number of the organization, as verify tells it.
    async fn customer(&self) -> String {
        self.api.post("/verify", json!({ "key": self.caller })).await.1["customer_id"].to_string()
    }

    /// Asks as the proxy does.
    async fn ask(&self, query: &str, lines: &[(&str, &str)]) -> Response {
        self.ask_as(&self.caller, Method::GET, query, lines).await
    }

    async fn ask_as(&self, caller: &str, method: Method, query: &str, lines: &[(&str, &str)]) -> Response {
        let mut headers = HeaderMap::new();
        for (name, value) in [("x-latchkey-caller", caller)].iter().chain(lines) {
            headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let url = format!("{}/api/v1/forward-auth{query}", self.server.url);
        self.server.visitor().client.request(method, url).headers(headers).send().await.unwrap()
    }

    /// The status, and what stands in `X-Latchkey-Code`.
    async fn told(&self, query: &str, lines: &[(&str, &str)]) -> (u16, String) {
        told(&self.ask(query, lines).await)
    }
}

fn told(response: &Response) -> (u16, String) {
    assert_eq!(response.headers()["cache-control"], "no-store");
    (response.status().as_u16(), response.headers()["x-latchkey-code"].to_str().unwrap().to_owned())
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_good_key_is_told_of_in_headers_that_any_service_can_read() {
    let desk = Desk::open().await;
    let (id, secret) = desk
        .key(json!({
            "name": "Größe, 100 %", "duration_days": 30, "external_id": "cus 1", "metadata": { "plan": "größer\n😀", "seats": 5 },
            "scopes": ["read", "a,b"], "credits": { "remaining": 10 }, "rate_limits": [{ "name": "burst", "limit": 3, "duration_ms": 60_000 }],
        }))
        .await;
    for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS, Method::HEAD, Method::TRACE] {
        assert_eq!(desk.ask_as(&desk.caller, method, "", &[("x-api-key", "none")]).await.status(), StatusCode::UNAUTHORIZED);
    }
    let customer = desk.customer().await;
    let response = desk.ask("?cost=4", &[("authorization", &format!("Bearer {secret}"))]).await;
    assert_eq!(told(&response), is(204, "VALID"));
    for (name, value) in [
        ("x-latchkey-key-id", id.as_str()),
        ("x-latchkey-name", "Gr%C3%B6%C3%9Fe%2C%20100%20%25"),
        ("x-latchkey-kind", "client"),
        ("x-latchkey-customer-id", &customer),
        ("x-latchkey-external-id", "cus%201"),
        ("x-latchkey-metadata", r#"{"plan":"gr\u00f6\u00dfer\n\ud83d\ude00","seats":5}"#),
        ("x-latchkey-scopes", "read,a%2Cb"),
        ("x-latchkey-credits-remaining", "6"),
        ("ratelimit-policy", r#""burst";q=3;w=60"#),
        ("ratelimit", r#""burst";r=2;t=60"#),
    ] {
        assert_eq!(header(&response, name), Some(value), "{name}");
    }
    let (_, key) = desk.api.get(&format!("/keys/{id}")).await;
    assert_eq!(unix_ms(&json!(header(&response, "x-latchkey-expires-at").unwrap())), unix_ms(&key["expires_at"]));
    assert!(header(&response, "x-latchkey-request-id").unwrap().starts_with("req_"));
    for none in ["x-latchkey-corpora", "x-latchkey-project-id", "x-latchkey-role"] {
        assert_eq!(header(&response, none), None, "{none}");
    }
    assert!(response.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_key_opens_is_told_too() {
    let desk = Desk::open().await;
    let corpus = desk.api.post("/corpora", json!({ "name": "Manuals" })).await.1["id"].clone();
    let (_, made) = desk.api.post("/keys", json!({ "kind": "corpus", "name": "a", "scopes": ["query"], "corpora": [corpus] })).await;
    let of_corpus = text(&made["secret"]);
    let response = desk.ask(&format!("?corpus={corpus}&scope=query"), &[("x-api-key", &of_corpus)]).await;
    assert_eq!(told(&response), is(204, "VALID"));
    assert_eq!(header(&response, "x-latchkey-corpora"), Some(corpus.to_string().as_str()));

    let project = project(&desk.owner, "Atlas").await;
    let template = template(&desk.server, &project, "reader", "viewer", 0).await;
    let token = revealed(&desk.owner, issued(&desk.server, template, "owner@acme.test", None).await).await;
    let response = desk.ask(&format!("?project={project}"), &[("authorization", &format!("Bearer {token}"))]).await;
    assert_eq!(told(&response), is(204, "VALID"));
    for (name, value) in [("project-id", project.as_str()), ("role", "viewer"), ("kind", "project"), ("scopes", "view_project")] {
        assert_eq!(header(&response, &format!("x-latchkey-{name}")), Some(value), "{name}");
    }
}

#[tokio::test]
async fn every_verdict_has_its_status_and_a_refusal_tells_nothing_of_the_key() {
    let desk = Desk::open().await;
    let database = desk.server.database().await;
    let unknown = latchkey_crypto::key_format::PlainKey::generate(KeyKind::Client).unwrap();
    assert_eq!(desk.told("", &[]).await, is(401, "MISSING_KEY"));
    assert_eq!(desk.told("", &[("x-api-key", unknown.reveal())]).await, is(401, "NOT_FOUND"));
    for (wanted, set, query, status, code) in [
        (json!({}), "expires_at = 1", "", 401, "EXPIRED"),
        (json!({}), "disabled_at = 1", "", 401, "DISABLED"),
        (json!({}), "revoked_at = 1", "", 401, "NOT_FOUND"),
        (json!({}), "", "?project=prj_1", 403, "FORBIDDEN"),
        (json!({ "allowed_ips": ["192.0.2.0/24"] }), "", "", 403, "FORBIDDEN"),
        (json!({}), "", "?scope=read", 403, "INSUFFICIENT_PERMISSIONS"),
        (json!({}), "", "?corpus=7", 403, "INSUFFICIENT_PERMISSIONS"),
        (json!({ "credits": { "remaining": 2 } }), "", "?cost=3", 429, "USAGE_EXCEEDED"),
    ] {
        let (id, secret) = desk.key(json!({ "external_id": "cus_1" })).await;
        assert_eq!(desk.api.call(Method::PATCH, &format!("/keys/{id}"), Some(wanted)).await.0, StatusCode::OK);
        if !set.is_empty() {
            sqlx::query(sqlx::AssertSqlSafe(format!("update api_keys set {set} where id = '{id}'"))).execute(&database).await.unwrap();
        }
        let response = desk.ask(query, &[("x-api-key", &secret)]).await;
        assert_eq!(told(&response), is(status, code), "{set} {query}");
        let leaks = response.headers().keys().filter(|name| name.as_str().starts_with("x-latchkey-"));
        let known = ["x-latchkey-code", "x-latchkey-request-id", "x-latchkey-credits-remaining"];
        assert_eq!(leaks.filter(|name| !known.contains(&name.as_str())).count(), 0, "{:?}", response.headers());
        assert_eq!(header(&response, "www-authenticate").is_some(), status == 401);
        let id = header(&response, "x-latchkey-request-id").unwrap().to_owned();
        let problem: Value = response.json().await.unwrap();
        assert_eq!((&problem["status"], &problem["request_id"]), (&json!(status), &json!(id)));
    }
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let desk = Desk::open().await;
    let (_, secret) = desk.key(json!({ "rate_limits": [{ "name": "slow", "limit": 2, "duration_ms": 60_000 }] })).await;
    for code in ["VALID", "VALID", "RATE_LIMITED"] {
        let response = desk.ask("", &[("x-api-key", &secret)]).await;
        assert_eq!(told(&response).1, code);
        let seconds = header(&response, "retry-after").map(|seconds| seconds.parse::<u64>().unwrap());
        assert_eq!(seconds.is_some(), code == "RATE_LIMITED");
        assert!(seconds.is_none_or(|seconds| (50..=60).contains(&seconds)), "{seconds:?}");
    }
}

#[tokio::test]
async fn who_has_no_credits_left_is_told_when_there_are_some_again_if_there_ever_are() {
    let desk = Desk::open().await;
    for (refill, days) in [("never", None), ("daily", Some(1)), ("monthly", Some(31))] {
        let (_, secret) = desk.key(json!({ "credits": { "remaining": 0, "refill": refill, "amount": if days.is_some() { 5 } else { 0 } } })).await;
        let response = desk.ask("", &[("x-api-key", &secret)]).await;
        assert_eq!(told(&response), is(429, "USAGE_EXCEEDED"));
        let seconds = header(&response, "retry-after").map(|seconds| seconds.parse::<u64>().unwrap());
        assert_eq!(seconds.is_some(), days.is_some(), "{refill}");
        assert!(seconds.zip(days).is_none_or(|(seconds, days)| (1..=days * 86_400).contains(&seconds)), "{refill}: {seconds:?}");
    }
}

#[tokio::test]
async fn what_writes_needs_the_scope_of_writing() {
    let desk = Desk::open().await;
    let (_, reader) = desk.key(json!({ "scopes": ["read"] })).await;
    let (_, writer) = desk.key(json!({ "scopes": ["write"] })).await;
    let query = "?scope=read&write_scope=write";
    for (header, method, of_reader, of_writer) in [
        ("x-forwarded-method", "GET", 204, 403),
        ("x-original-method", "HEAD", 204, 403),
        ("x-forwarded-method", "POST", 403, 204),
        ("x-original-method", "DELETE", 403, 204),
    ] {
        assert_eq!(desk.told(query, &[(header, method), ("x-api-key", &reader)]).await.0, of_reader, "{method}");
        assert_eq!(desk.told(query, &[(header, method), ("x-api-key", &writer)]).await.0, of_writer, "{method}");
    }
    // The method of the proxy's own call is not that of the request.
    assert_eq!(desk.told(query, &[("x-api-key", &writer)]).await, is(422, "MISCONFIGURED"));
    let both = [("x-forwarded-method", "GET"), ("x-original-method", "POST"), ("x-api-key", &reader)];
    assert_eq!(desk.told(query, &both).await, is(400, "MALFORMED"));
}

#[tokio::test]
async fn the_address_is_the_one_that_the_proxy_saw() {
    let trusting = TestServer::start_with(|options| options.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()]).await;
    let desk = Desk::of(trusting).await;
    let (_, secret) = desk.key(json!({ "allowed_ips": ["192.0.2.0/24", "2001:db8::/32"] })).await;
    for (lines, status) in [
        (&[("x-forwarded-for", "192.0.2.7")][..], 204),
        (&[("x-forwarded-for", "203.0.113.9, 192.0.2.7, 10.0.0.1")], 204),
        (&[("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "::ffff:192.0.2.7")], 204),
        (&[("x-forwarded-for", "2001:db8::1")], 204),
        (&[("x-real-ip", "192.0.2.7")], 204),
        (&[("x-forwarded-for", "192.0.2.7, 203.0.113.9")], 403),
        (&[("x-forwarded-for", "203.0.113.9"), ("x-real-ip", "192.0.2.7")], 403),
        (&[("x-forwarded-for", "192.0.2.7, rubbish")], 403),
        (&[("x-real-ip", "203.0.113.9"), ("x-real-ip", "192.0.2.7")], 403),
        (&[], 403),
    ] {
        let lines: Vec<_> = lines.iter().chain(&[("x-api-key", secret.as_str())]).copied().collect();
        assert_eq!(desk.told("", &lines).await.0, status, "{lines:?}");
    }
}

#[tokio::test]
async fn the_proxy_proves_itself_before_anything_else_is_looked_at() {
    let desk = Desk::open().await;
    let (_, secret) = desk.key(json!({})).await;
    let reader = desk.server.api("owner@acme.test", "keys:read").key;
    let key = [("x-api-key", secret.as_str())];
    for (caller, status) in [("", 401), ("lkp_x", 401), (&secret, 403), (&reader, 403), ("ä", 400)] {
        let response = desk.ask_as(caller, Method::GET, "?colour=red", &key).await;
        assert_eq!(told(&response), is(status, "CALLER_REFUSED"), "{caller}");
    }
    assert_eq!(desk.told("", &[key[0], ("x-latchkey-caller", "lkp_x")]).await, is(400, "CALLER_REFUSED"));
    // A platform key in the usual place is the key that is judged, not the caller's.
    let bare = desk.api.request(Method::GET, "/forward-auth").send().await.unwrap();
    assert_eq!(told(&bare), is(401, "CALLER_REFUSED"));
    assert_eq!(desk.told("", &[("x-api-key", &desk.caller)]).await, is(204, "VALID"));
}

#[tokio::test]
async fn a_wrong_setting_is_told_and_never_passed_over() {
    let desk = Desk::open().await;
    let (_, secret) = desk.key(json!({})).await;
    for (query, field) in [
        ("?colour=red", "colour"),
        ("?scope=", "scope"),
        ("?scope=a&scope=a", "scope"),
        ("?corpus=x", "corpus"),
        ("?cost=-1", "cost"),
        ("?cost=99999999999", "cost"),
        ("?mode=apache", "mode"),
        ("?key_param=k", "key_param"),
    ] {
        let response = desk.ask(query, &[("x-api-key", &secret)]).await;
        assert_eq!(told(&response), is(422, "MISCONFIGURED"), "{query}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["field"], field, "{query}");
        let strange = desk.ask(&format!("{query}&mode=nginx"), &[("x-api-key", &secret)]).await;
        assert_eq!(told(&strange), is(403, "MISCONFIGURED"), "{query}");
    }
}

#[tokio::test]
async fn headers_that_no_key_can_stand_in_are_refused() {
    let desk = Desk::open().await;
    let (_, secret) = desk.key(json!({})).await;
    let key = ("x-api-key", secret.as_str());
    assert_eq!(desk.told("", &[key, ("authorization", "Bearer other")]).await, is(400, "MALFORMED"));
    assert_eq!(desk.told("", &[key, ("x-api-key", "other")]).await, is(400, "MALFORMED"));
    assert_eq!(desk.told("", &[key, key]).await, is(204, "VALID"));
    let uri = ("x-original-uri", "/?k=other");
    assert_eq!(desk.told("?key_param=k", &[key, uri]).await, is(400, "MALFORMED"));
    assert_eq!(desk.told("", &[key, uri]).await, is(204, "VALID"));
    assert_eq!(desk.told("?key_param=k", &[("x-original-uri", &format!("/a?b&k={secret}"))]).await, is(204, "VALID"));
    let url = format!("{}/api/v1/forward-auth", desk.server.url);
    let request = || desk.server.visitor().client.get(&url).header("x-latchkey-caller", &desk.caller);
    let bytes = HeaderValue::from_bytes(b"lkc_\xff\xfe").unwrap();
    assert_eq!(told(&request().header("x-api-key", bytes).send().await.unwrap()), is(400, "MALFORMED"));
    let large = request().header("x-api-key", "a".repeat(20_000)).send().await.unwrap();
    assert_eq!(told(&large), is(401, "NOT_FOUND"));
    let larger = request().header("x-api-key", "a".repeat(100_000)).send().await.unwrap();
    assert_eq!(larger.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let many = (0..120).fold(request(), |request, at| request.header(format!("x-{at}"), "a"));
    assert_eq!(many.send().await.unwrap().status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[tokio::test]
async fn for_nginx_all_but_a_yes_and_a_401_is_403_and_the_code_says_the_rest() {
    let desk = Desk::open().await;
    let (_, secret) = desk.key(json!({ "rate_limits": [{ "name": "one", "limit": 1, "duration_ms": 60_000 }] })).await;
    let key = ("x-api-key", secret.as_str());
    assert_eq!(desk.told("?mode=nginx", &[]).await, is(401, "MISSING_KEY"));
    assert_eq!(desk.told("?mode=nginx", &[key, ("x-api-key", "other")]).await, is(403, "MALFORMED"));
    assert_eq!(desk.told("?mode=nginx", &[key]).await, is(204, "VALID"));
    assert_eq!(desk.told("?mode=nginx", &[key]).await, is(403, "RATE_LIMITED"));
    assert_eq!(desk.told("", &[key]).await, is(429, "RATE_LIMITED"));
    let database = desk.server.database().await;
    sqlx::query("alter table changes rename to elsewhere").execute(&database).await.unwrap();
    eventually(Duration::from_secs(2), "503", async || desk.told("", &[key]).await == is(503, "UNAVAILABLE")).await;
    assert_eq!(desk.told("?mode=nginx", &[key]).await, is(403, "UNAVAILABLE"));
}
