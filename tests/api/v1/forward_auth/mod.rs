//! `/api/v1/forward-auth`.

mod nginx;
mod peers;
mod proxy;

use latchkey_types::key_kind::KeyKind;
use reqwest::{
    Method, Response, StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};

use crate::support::{
    ApiClient, BrowserClient, TestServer, eventually,
    projects::{create_project, insert_issued_key, insert_template, reveal_token},
    text, unix_ms,
};

/// A server and a key that the proxy authenticates with.
struct Fixture {
    server: TestServer,
    owner: BrowserClient,
    api: ApiClient,
    /// The internal key of the proxy.
    caller: String,
}

impl Fixture {
    async fn start() -> Self {
        Self::with(TestServer::start().await).await
    }

    async fn with(server: TestServer) -> Self {
        let owner = server.user("owner", "acme").await;
        let (api, caller) = (server.api("owner@acme.test", ""), server.api("owner@acme.test", "verify").key);
        Self { server, owner, api, caller }
    }

    /// Creates a client key with these fields. Returns its id and its secret.
    async fn create_key(&self, fields: Value) -> (String, String) {
        let mut body = json!({ "kind": "client", "name": "client" });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let (status, created) = self.api.post("/keys", body).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        (text(&created["key"]["id"]), text(&created["secret"]))
    }

    /// The customer id of the organization.
    async fn customer_id(&self) -> String {
        self.api.post("/verify", json!({ "key": self.caller })).await.1["customer_id"].to_string()
    }

    /// Sends a request as the proxy does.
    async fn check(&self, query: &str, headers: &[(&str, &str)]) -> Response {
        self.check_as(&self.caller, Method::GET, query, headers).await
    }

    async fn check_as(&self, caller: &str, method: Method, query: &str, headers: &[(&str, &str)]) -> Response {
        let mut map = HeaderMap::new();
        for (name, value) in [("x-latchkey-caller", caller)].iter().chain(headers) {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let url = format!("{}/api/v1/forward-auth{query}", self.server.url);
        self.server.visitor().client.request(method, url).headers(map).send().await.unwrap()
    }

    /// The status and `X-Latchkey-Code`.
    async fn check_outcome(&self, query: &str, headers: &[(&str, &str)]) -> (u16, String) {
        outcome(&self.check(query, headers).await)
    }
}

fn outcome(response: &Response) -> (u16, String) {
    assert_eq!(response.headers()["cache-control"], "no-store");
    (response.status().as_u16(), response.headers()["x-latchkey-code"].to_str().unwrap().to_owned())
}

fn expected(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn valid_key_is_described_in_headers() {
    let fixture = Fixture::start().await;
    let (id, secret) = fixture
        .create_key(json!({
            "name": "Größe, 100 %", "duration_days": 30, "external_id": "cus 1", "metadata": { "plan": "größer\n😀", "seats": 5 },
            "scopes": ["read", "a,b"], "credits": { "remaining": 10 }, "rate_limits": [{ "name": "burst", "limit": 3, "duration_ms": 60_000 }],
        }))
        .await;
    for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS, Method::HEAD, Method::TRACE] {
        assert_eq!(fixture.check_as(&fixture.caller, method, "", &[("x-api-key", "none")]).await.status(), StatusCode::UNAUTHORIZED);
    }
    let customer = fixture.customer_id().await;
    let response = fixture.check("?cost=4", &[("authorization", &format!("Bearer {secret}"))]).await;
    assert_eq!(outcome(&response), expected(204, "VALID"));
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
    let (_, key) = fixture.api.get(&format!("/keys/{id}")).await;
    assert_eq!(unix_ms(&json!(header(&response, "x-latchkey-expires-at").unwrap())), unix_ms(&key["expires_at"]));
    assert!(header(&response, "x-latchkey-request-id").unwrap().starts_with("req_"));
    for none in ["x-latchkey-corpora", "x-latchkey-project-id", "x-latchkey-role"] {
        assert_eq!(header(&response, none), None, "{none}");
    }
    assert!(response.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn corpora_and_project_are_in_headers() {
    let fixture = Fixture::start().await;
    let corpus = fixture.api.post("/corpora", json!({ "name": "Manuals" })).await.1["id"].clone();
    let (_, created) = fixture.api.post("/keys", json!({ "kind": "corpus", "name": "a", "scopes": ["query"], "corpora": [corpus] })).await;
    let corpus_secret = text(&created["secret"]);
    let response = fixture.check(&format!("?corpus={corpus}&scope=query"), &[("x-api-key", &corpus_secret)]).await;
    assert_eq!(outcome(&response), expected(204, "VALID"));
    assert_eq!(header(&response, "x-latchkey-corpora"), Some(corpus.to_string().as_str()));

    let project = create_project(&fixture.owner, "Atlas").await;
    let template = insert_template(&fixture.server, &project, "reader", "viewer", 0).await;
    let token = reveal_token(&fixture.owner, insert_issued_key(&fixture.server, template, "owner@acme.test", None).await).await;
    let response = fixture.check(&format!("?project={project}"), &[("authorization", &format!("Bearer {token}"))]).await;
    assert_eq!(outcome(&response), expected(204, "VALID"));
    for (name, value) in [("project-id", project.as_str()), ("role", "viewer"), ("kind", "project"), ("scopes", "view_project")] {
        assert_eq!(header(&response, &format!("x-latchkey-{name}")), Some(value), "{name}");
    }
}

#[tokio::test]
async fn rejection_has_its_status_and_does_not_describe_the_key() {
    let fixture = Fixture::start().await;
    let database = fixture.server.database().await;
    let unknown = latchkey_crypto::key_format::PlainKey::generate(KeyKind::Client).unwrap();
    assert_eq!(fixture.check_outcome("", &[]).await, expected(401, "MISSING_KEY"));
    assert_eq!(fixture.check_outcome("", &[("x-api-key", unknown.reveal())]).await, expected(401, "NOT_FOUND"));
    for (patch, set, query, status, code) in [
        (json!({}), "expires_at = 1", "", 401, "EXPIRED"),
        (json!({}), "disabled_at = 1", "", 401, "DISABLED"),
        (json!({}), "revoked_at = 1", "", 401, "NOT_FOUND"),
        (json!({}), "", "?project=prj_1", 403, "FORBIDDEN"),
        (json!({ "allowed_ips": ["192.0.2.0/24"] }), "", "", 403, "FORBIDDEN"),
        (json!({}), "", "?scope=read", 403, "INSUFFICIENT_PERMISSIONS"),
        (json!({}), "", "?corpus=7", 403, "INSUFFICIENT_PERMISSIONS"),
        (json!({ "credits": { "remaining": 2 } }), "", "?cost=3", 429, "USAGE_EXCEEDED"),
    ] {
        let (id, secret) = fixture.create_key(json!({ "external_id": "cus_1" })).await;
        assert_eq!(fixture.api.call(Method::PATCH, &format!("/keys/{id}"), Some(patch)).await.0, StatusCode::OK);
        if !set.is_empty() {
            sqlx::query(sqlx::AssertSqlSafe(format!("update api_keys set {set} where id = '{id}'"))).execute(&database).await.unwrap();
        }
        let response = fixture.check(query, &[("x-api-key", &secret)]).await;
        assert_eq!(outcome(&response), expected(status, code), "{set} {query}");
        let names = response.headers().keys().filter(|name| name.as_str().starts_with("x-latchkey-"));
        let allowed = ["x-latchkey-code", "x-latchkey-request-id", "x-latchkey-credits-remaining"];
        assert_eq!(names.filter(|name| !allowed.contains(&name.as_str())).count(), 0, "{:?}", response.headers());
        assert_eq!(header(&response, "www-authenticate").is_some(), status == 401);
        let id = header(&response, "x-latchkey-request-id").unwrap().to_owned();
        let problem: Value = response.json().await.unwrap();
        assert_eq!((&problem["status"], &problem["request_id"]), (&json!(status), &json!(id)));
    }
}

#[tokio::test]
async fn rate_limited_response_has_retry_after() {
    let fixture = Fixture::start().await;
    let (_, secret) = fixture.create_key(json!({ "rate_limits": [{ "name": "slow", "limit": 2, "duration_ms": 60_000 }] })).await;
    for code in ["VALID", "VALID", "RATE_LIMITED"] {
        let response = fixture.check("", &[("x-api-key", &secret)]).await;
        assert_eq!(outcome(&response).1, code);
        let seconds = header(&response, "retry-after").map(|seconds| seconds.parse::<u64>().unwrap());
        assert_eq!(seconds.is_some(), code == "RATE_LIMITED");
        assert!(seconds.is_none_or(|seconds| (50..=60).contains(&seconds)), "{seconds:?}");
    }
}

#[tokio::test]
async fn retry_after_is_the_time_until_the_refill() {
    let fixture = Fixture::start().await;
    for (refill, days) in [("never", None), ("daily", Some(1)), ("monthly", Some(31))] {
        let (_, secret) =
            fixture.create_key(json!({ "credits": { "remaining": 0, "refill": refill, "amount": if days.is_some() { 5 } else { 0 } } })).await;
        let response = fixture.check("", &[("x-api-key", &secret)]).await;
        assert_eq!(outcome(&response), expected(429, "USAGE_EXCEEDED"));
        let seconds = header(&response, "retry-after").map(|seconds| seconds.parse::<u64>().unwrap());
        assert_eq!(seconds.is_some(), days.is_some(), "{refill}");
        assert!(seconds.zip(days).is_none_or(|(seconds, days)| (1..=days * 86_400).contains(&seconds)), "{refill}: {seconds:?}");
    }
}

#[tokio::test]
async fn writing_methods_need_the_write_scope() {
    let fixture = Fixture::start().await;
    let (_, reader) = fixture.create_key(json!({ "scopes": ["read"] })).await;
    let (_, writer) = fixture.create_key(json!({ "scopes": ["write"] })).await;
    let query = "?scope=read&write_scope=write";
    for (header, method, reader_status, writer_status) in [
        ("x-forwarded-method", "GET", 204, 403),
        ("x-original-method", "HEAD", 204, 403),
        ("x-forwarded-method", "POST", 403, 204),
        ("x-original-method", "DELETE", 403, 204),
    ] {
        assert_eq!(fixture.check_outcome(query, &[(header, method), ("x-api-key", &reader)]).await.0, reader_status, "{method}");
        assert_eq!(fixture.check_outcome(query, &[(header, method), ("x-api-key", &writer)]).await.0, writer_status, "{method}");
    }
    // The method of the proxy's own request is not used.
    assert_eq!(fixture.check_outcome(query, &[("x-api-key", &writer)]).await, expected(422, "MISCONFIGURED"));
    let both = [("x-forwarded-method", "GET"), ("x-original-method", "POST"), ("x-api-key", &reader)];
    assert_eq!(fixture.check_outcome(query, &both).await, expected(400, "MALFORMED"));
}

#[tokio::test]
async fn client_address_is_the_one_reported_by_the_proxy() {
    let trusting = TestServer::start_with(|options| options.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()]).await;
    let fixture = Fixture::with(trusting).await;
    let (_, secret) = fixture.create_key(json!({ "allowed_ips": ["192.0.2.0/24", "2001:db8::/32"] })).await;
    for (headers, status) in [
        (&[("x-forwarded-for", "192.0.2.7")][..], 204),
        (&[("x-forwarded-for", "203.0.113.9, 192.0.2.7, 10.0.0.1")], 204),
        (&[("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "::ffff:192.0.2.7")], 204),
        (&[("x-forwarded-for", "2001:db8::1")], 204),
        (&[("x-real-ip", "192.0.2.7")], 204),
        (&[("x-forwarded-for", "192.0.2.7, 203.0.113.9")], 403),
        (&[("x-forwarded-for", "203.0.113.9"), ("x-real-ip", "192.0.2.7")], 403),
        (&[("x-forwarded-for", "192.0.2.7, rubbish")], 403),
        (&[("x-forwarded-for", "é, 203.0.113.9"), ("x-real-ip", "192.0.2.7")], 403),
        (&[("x-forwarded-for", "é"), ("x-real-ip", "192.0.2.7")], 403),
        (&[("x-forwarded-for", "192.0.2.7, é")], 403),
        (&[("x-forwarded-for", "é, 192.0.2.7")], 204),
        (&[("x-real-ip", "203.0.113.9"), ("x-real-ip", "192.0.2.7")], 403),
        (&[], 403),
    ] {
        let headers: Vec<_> = headers.iter().chain(&[("x-api-key", secret.as_str())]).copied().collect();
        assert_eq!(fixture.check_outcome("", &headers).await.0, status, "{headers:?}");
    }
}

#[tokio::test]
async fn keys_of_another_kind_are_forbidden() {
    let fixture = Fixture::start().await;
    let (_, client) = fixture.create_key(json!({})).await;
    let corpus = fixture.api.post("/corpora", json!({ "name": "Manuals" })).await.1["id"].clone();
    let (_, created) = fixture.api.post("/keys", json!({ "kind": "corpus", "name": "a", "scopes": ["query"], "corpora": [corpus] })).await;
    let corpus = text(&created["secret"]);
    for (query, key, status, code) in [
        ("", &corpus, 204, "VALID"),
        ("?kind=client", &client, 204, "VALID"),
        ("?kind=client", &corpus, 403, "FORBIDDEN"),
        ("?kind=corpus", &corpus, 204, "VALID"),
        ("?kind=project", &client, 403, "FORBIDDEN"),
    ] {
        assert_eq!(fixture.check_outcome(query, &[("x-api-key", key)]).await, expected(status, code), "{query}");
    }
}

#[tokio::test]
async fn proxy_is_authenticated_first() {
    let fixture = Fixture::start().await;
    let (_, secret) = fixture.create_key(json!({})).await;
    let reader = fixture.server.api("owner@acme.test", "keys:read").key;
    let key = [("x-api-key", secret.as_str())];
    for (caller, status) in [("", 401), ("lki_x", 401), (&secret, 403), (&reader, 403), ("ä", 400)] {
        let response = fixture.check_as(caller, Method::GET, "?colour=red", &key).await;
        assert_eq!(outcome(&response), expected(status, "CALLER_REFUSED"), "{caller}");
    }
    assert_eq!(fixture.check_outcome("", &[key[0], ("x-latchkey-caller", "lki_x")]).await, expected(400, "CALLER_REFUSED"));
    // An internal key in `x-api-key` is the key to verify, not the proxy's key.
    let bare = fixture.api.request(Method::GET, "/forward-auth").send().await.unwrap();
    assert_eq!(outcome(&bare), expected(401, "CALLER_REFUSED"));
    assert_eq!(fixture.check_outcome("", &[("x-api-key", &fixture.caller)]).await, expected(204, "VALID"));
}

#[tokio::test]
async fn invalid_setting_is_reported() {
    let fixture = Fixture::start().await;
    let (_, secret) = fixture.create_key(json!({})).await;
    for (query, field) in [
        ("?colour=red", "colour"),
        ("?kind=general", "kind"),
        ("?kind=client,agent", "kind"),
        ("?scope=", "scope"),
        ("?scope=a&scope=a", "scope"),
        ("?corpus=x", "corpus"),
        ("?cost=-1", "cost"),
        ("?cost=99999999999", "cost"),
        ("?mode=apache", "mode"),
        ("?key_param=k", "key_param"),
    ] {
        let response = fixture.check(query, &[("x-api-key", &secret)]).await;
        assert_eq!(outcome(&response), expected(422, "MISCONFIGURED"), "{query}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["field"], field, "{query}");
        let nginx = fixture.check(&format!("{query}&mode=nginx"), &[("x-api-key", &secret)]).await;
        assert_eq!(outcome(&nginx), expected(403, "MISCONFIGURED"), "{query}");
    }
}

#[tokio::test]
async fn invalid_key_headers_are_rejected() {
    let fixture = Fixture::start().await;
    let (_, secret) = fixture.create_key(json!({})).await;
    let key = ("x-api-key", secret.as_str());
    assert_eq!(fixture.check_outcome("", &[key, ("authorization", "Bearer other")]).await, expected(400, "MALFORMED"));
    assert_eq!(fixture.check_outcome("", &[key, ("x-api-key", "other")]).await, expected(400, "MALFORMED"));
    assert_eq!(fixture.check_outcome("", &[key, key]).await, expected(204, "VALID"));
    let uri = ("x-original-uri", "/?k=other");
    assert_eq!(fixture.check_outcome("?key_param=k", &[key, uri]).await, expected(400, "MALFORMED"));
    assert_eq!(fixture.check_outcome("", &[key, uri]).await, expected(204, "VALID"));
    assert_eq!(fixture.check_outcome("?key_param=k", &[("x-original-uri", &format!("/a?b&k={secret}"))]).await, expected(204, "VALID"));
    let url = format!("{}/api/v1/forward-auth", fixture.server.url);
    let request = || fixture.server.visitor().client.get(&url).header("x-latchkey-caller", &fixture.caller);
    let bytes = HeaderValue::from_bytes(b"lkc_\xff\xfe").unwrap();
    assert_eq!(outcome(&request().header("x-api-key", bytes).send().await.unwrap()), expected(400, "MALFORMED"));
    let large = request().header("x-api-key", "a".repeat(20_000)).send().await.unwrap();
    assert_eq!(outcome(&large), expected(401, "NOT_FOUND"));
    let larger = request().header("x-api-key", "a".repeat(100_000)).send().await.unwrap();
    assert_eq!(larger.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let many = (0..120).fold(request(), |request, index| request.header(format!("x-{index}"), "a"));
    assert_eq!(many.send().await.unwrap().status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[tokio::test]
async fn nginx_mode_uses_403_for_every_other_rejection() {
    let fixture = Fixture::start().await;
    let (_, secret) = fixture.create_key(json!({ "rate_limits": [{ "name": "one", "limit": 1, "duration_ms": 60_000 }] })).await;
    let key = ("x-api-key", secret.as_str());
    assert_eq!(fixture.check_outcome("?mode=nginx", &[]).await, expected(401, "MISSING_KEY"));
    assert_eq!(fixture.check_outcome("?mode=nginx", &[key, ("x-api-key", "other")]).await, expected(403, "MALFORMED"));
    assert_eq!(fixture.check_outcome("?mode=nginx", &[key]).await, expected(204, "VALID"));
    assert_eq!(fixture.check_outcome("?mode=nginx", &[key]).await, expected(403, "RATE_LIMITED"));
    assert_eq!(fixture.check_outcome("", &[key]).await, expected(429, "RATE_LIMITED"));
    let database = fixture.server.database().await;
    sqlx::query("alter table verdict_changes rename to elsewhere").execute(&database).await.unwrap();
    eventually("503", async || fixture.check_outcome("", &[key]).await == expected(503, "UNAVAILABLE")).await;
    assert_eq!(fixture.check_outcome("?mode=nginx", &[key]).await, expected(403, "UNAVAILABLE"));
}
