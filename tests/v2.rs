//! `/v2`: Unkey's SDK against this server, with the code of docs/unkey.md.

use std::process::Command;

use latchkey_crypto::key_format::PlainKey;
use latchkey_types::key_kind::KeyKind;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{ApiClient, TestServer, eventually, send_large, text, unix_ms};

const DOCS: &str = include_str!("../docs/unkey.md");
const LATCHKEY: &str = "https://keys.example.com";

/// Sends each request of the first argument with the SDK; prints the responses, or the errors that it throws.
const CALLS: &str = r"
const results = [];
for (const { request, options } of JSON.parse(process.argv[1])) {
  try {
    results.push(await unkey.keys.verifyKey(request, options));
  } catch (error) {
    const { statusCode, meta, error: body } = error;
    results.push({ thrown: error.constructor.name, statusCode, meta, error: body });
  }
}
console.log(JSON.stringify(results));
";

/// A server and an API client of its owner.
struct Fixture {
    server: TestServer,
    api: ApiClient,
}

impl Fixture {
    async fn start() -> Self {
        let server = TestServer::start().await;
        server.user("owner", "acme").await;
        let api = server.api("owner@acme.test", "");
        Self { server, api }
    }

    /// Creates a client key with these fields. Returns its id and its secret.
    async fn create_key(&self, fields: Value) -> (String, String) {
        let mut body = json!({ "kind": "client", "name": "client" });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let (status, created) = self.api.post("/keys", body).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        (text(&created["key"]["id"]), text(&created["secret"]))
    }

    /// The SDK's result for each of these requests.
    async fn sdk(&self, requests: &[Value]) -> Vec<Value> {
        let calls: Vec<_> = requests.iter().map(|request| json!({ "request": request })).collect();
        self.sdk_as(&self.api.key, &calls).await
    }

    async fn sdk_as(&self, root_key: &str, calls: &[Value]) -> Vec<Value> {
        let code = DOCS.split_once("```js\n").unwrap().1.split_once("```").unwrap().0;
        assert!(code.contains(LATCHKEY));
        let mut node = Command::new("node");
        node.current_dir(crate::support::repository().join("end2end")).env("LATCHKEY_API_KEY", root_key);
        node.args(["--input-type=module", "-e", &(code.replace(LATCHKEY, &self.server.url) + CALLS), &json!(calls).to_string()]);
        let output = tokio::task::spawn_blocking(move || node.output().expect("node is not installed: run `cargo xtask setup`")).await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Sends a request without the SDK, which validates requests itself.
    async fn send_raw(&self, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
        let url = format!("{}/v2/keys.verifyKey", self.server.url);
        let response = send_large(self.server.visitor().client.post(url).bearer_auth(&self.api.key).body(body)).await;
        assert_eq!(
            (&response.headers()["content-type"], &response.headers()["cache-control"]),
            (&"application/json".parse().unwrap(), &"no-store".parse().unwrap())
        );
        (response.status(), response.json().await.unwrap())
    }
}

/// `valid` and `code` of a response.
fn code(response: &Value) -> (bool, &str) {
    (response["data"]["valid"].as_bool().unwrap_or_else(|| panic!("{response}")), response["data"]["code"].as_str().unwrap())
}

#[tokio::test]
async fn valid_key_gets_the_response_that_unkey_sends() {
    let fixture = Fixture::start().await;
    let fields = json!({
        "name": "Größe", "duration_days": 30, "external_id": "cus_1", "metadata": { "plan": "größer", "seats": 5 }, "scopes": ["a.read", "a.write"],
        "rate_limits": [{ "name": "burst", "limit": 3, "duration_ms": 60_000 }], "credits": { "remaining": 10 },
    });
    let (id, secret) = fixture.create_key(fields).await;
    let (_, plain) = fixture.create_key(json!({})).await;
    let [response, bare] = &fixture.sdk(&[json!({ "key": secret, "credits": { "cost": 4 } }), json!({ "key": plain })]).await[..] else { panic!() };
    let mut data = response["data"].clone();
    let reset = data["ratelimits"][0]["reset"].take().as_i64().unwrap();
    let (_, key) = fixture.api.get(&format!("/keys/{id}")).await;
    let now = unix_ms(&key["created_at"]);
    assert!((now..now + 120_000).contains(&reset), "{reset}");
    assert!(text(&response["meta"]["requestId"]).starts_with("req_"));
    assert_eq!(
        data,
        json!({
            "valid": true, "code": "VALID", "keyId": id, "name": "Größe", "enabled": true, "meta": { "plan": "größer", "seats": 5 },
            "expires": unix_ms(&key["expires_at"]), "credits": 6, "permissions": ["a.read", "a.write"],
            "identity": { "id": "cus_1", "externalId": "cus_1" },
            "ratelimits": [{
                "exceeded": false, "id": format!("{id}:burst"), "name": "burst", "limit": 3, "duration": 60_000, "reset": null, "remaining": 2, "autoApply": true,
            }],
        })
    );
    let fields: Vec<_> = bare["data"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["code", "enabled", "keyId", "name", "valid"], "{bare}");
}

#[tokio::test]
async fn every_verdict_has_its_unkey_code() {
    let fixture = Fixture::start().await;
    let database = fixture.server.database().await;
    let unknown = PlainKey::generate(KeyKind::Client).unwrap().reveal().to_owned();
    let (_, limited) = fixture.create_key(json!({ "rate_limits": [{ "name": "one", "limit": 1, "duration_ms": 60_000 }] })).await;
    let (_, spent) = fixture.create_key(json!({ "credits": { "remaining": 2 } })).await;
    let (_, elsewhere) = fixture.create_key(json!({ "allowed_ips": ["127.0.0.0/8"] })).await;
    let [expired, disabled] = [("expires_at = 1", "E"), ("disabled_at = 1", "D")].map(async |(set, name)| {
        let (id, secret) = fixture.create_key(json!({ "name": name })).await;
        sqlx::query(sqlx::AssertSqlSafe(format!("update api_keys set {set} where id = '{id}'"))).execute(&database).await.unwrap();
        secret
    });
    let (expired, disabled) = (expired.await, disabled.await);
    let expected = [
        (json!({ "key": unknown }), "NOT_FOUND"),
        (json!({ "key": "x" }), "NOT_FOUND"),
        (json!({ "key": expired }), "EXPIRED"),
        (json!({ "key": disabled }), "DISABLED"),
        (json!({ "key": elsewhere }), "FORBIDDEN"),
        (json!({ "key": limited }), "VALID"),
        (json!({ "key": limited }), "RATE_LIMITED"),
        (json!({ "key": spent, "credits": { "cost": 3 } }), "USAGE_EXCEEDED"),
        (json!({ "key": spent, "tags": [], "ratelimits": [] }), "VALID"),
        (json!({ "key": spent, "credits": { "cost": 0 } }), "VALID"),
    ];
    let responses = fixture.sdk(&expected.clone().map(|(request, _)| request)).await;
    for ((request, expected), response) in expected.iter().zip(&responses) {
        assert_eq!(code(response), (*expected == "VALID", *expected), "{request}: {response}");
    }
    assert_eq!(responses[0]["data"], json!({ "valid": false, "code": "NOT_FOUND" }));
    assert_eq!((&responses[2]["data"]["name"], &responses[2]["data"]["expires"]), (&json!("E"), &json!(1)));
    assert_eq!(responses[3]["data"]["enabled"], false);
    assert_eq!((&responses[6]["data"]["ratelimits"][0]["exceeded"], &responses[6]["data"]["ratelimits"][0]["remaining"]), (&json!(true), &json!(0)));
    assert_eq!(
        (&responses[7]["data"]["credits"], &responses[8]["data"]["credits"], &responses[9]["data"]["credits"]),
        (&json!(2), &json!(1), &json!(1))
    );
}

#[tokio::test]
async fn permissions_are_scopes_and_all_are_required() {
    let fixture = Fixture::start().await;
    let (_, secret) = fixture.create_key(json!({ "scopes": ["a.read", "b:*"], "credits": { "remaining": 10 } })).await;
    let unknown = PlainKey::generate(KeyKind::Client).unwrap().reveal().to_owned();
    let expected = [
        ("a.read", "VALID"),
        ("a.read AND b:*", "VALID"),
        ("b:* and a.read AND a.read", "VALID"),
        ("a", "INSUFFICIENT_PERMISSIONS"),
        ("b:x", "INSUFFICIENT_PERMISSIONS"),
        ("a.read AND c", "INSUFFICIENT_PERMISSIONS"),
        ("c AND a.read", "INSUFFICIENT_PERMISSIONS"),
    ];
    let mut requests: Vec<_> = expected.iter().map(|(permissions, _)| json!({ "key": secret, "permissions": permissions })).collect();
    requests.push(json!({ "key": unknown, "permissions": "a AND b" }));
    requests.push(json!({ "key": secret }));
    let responses = fixture.sdk(&requests).await;
    for ((permissions, expected), response) in expected.iter().zip(&responses) {
        assert_eq!(code(response).1, *expected, "{permissions}");
    }
    assert_eq!(code(&responses[7]).1, "NOT_FOUND");
    // Three valid requests before; rejected requests do not use credits.
    assert_eq!(responses[8]["data"]["credits"], 6);
}

#[tokio::test]
async fn unsupported_fields_are_rejected_by_name() {
    let fixture = Fixture::start().await;
    let (_, secret) = fixture.create_key(json!({ "scopes": ["a", "b"] })).await;
    let query = "user/bad_request/permissions_query_syntax_error";
    let input = "unkey/application/invalid_input";
    let rejected = [
        (json!({ "permissions": "a OR b" }), "permissions", query),
        (json!({ "permissions": "(a)" }), "permissions", query),
        (json!({ "permissions": "a AND" }), "permissions", query),
        (json!({ "permissions": "" }), "permissions", query),
        (json!({ "tags": ["x"] }), "tags", input),
        (json!({ "ratelimits": [{ "name": "burst" }] }), "ratelimits", input),
        (json!({ "ratelimits": [{ "name": "burst", "limit": 1, "duration": 1000 }] }), "ratelimits", input),
        (json!({ "migrationId": "m" }), "migrationId", input),
        (json!({ "credits": { "cost": -1 } }), "credits.cost", input),
        (json!({ "credits": { "cost": 4_294_967_296_u64 } }), "credits.cost", input),
        (json!({ "key": "" }), "key", input),
    ];
    let requests = rejected.each_ref().map(|(fields, ..)| {
        let mut request = json!({ "key": secret });
        request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        request
    });
    for ((fields, field, kind), response) in rejected.iter().zip(fixture.sdk(&requests).await) {
        assert_eq!((&response["thrown"], &response["statusCode"]), (&json!("BadRequestErrorResponse"), &json!(400)), "{fields}: {response}");
        let error = &response["error"];
        assert_eq!((&error["status"], &error["title"]), (&json!(400), &json!("Bad Request")));
        assert_eq!(error["type"], format!("https://unkey.com/docs/errors/{kind}"), "{fields}");
        assert_eq!(error["errors"], json!([{ "location": format!("body.{field}"), "message": error["detail"] }]), "{fields}");
        assert!(text(&response["meta"]["requestId"]).starts_with("req_"));
    }
}

#[tokio::test]
async fn malformed_requests_are_rejected() {
    let fixture = Fixture::start().await;
    let (_, secret) = fixture.create_key(json!({})).await;
    let large = format!(r#"{{"key":"{}"}}"#, "a".repeat(70_000));
    let deep = format!(r#"{{"key":"a","tags":{}}}"#, "[".repeat(30_000));
    for (body, status, location) in [
        ("", 400, "body"),
        ("{", 400, "body"),
        ("[]", 400, "body"),
        ("{}", 400, "body.key"),
        (r#"{"key":1}"#, 400, "body.key"),
        (r#"{"key":"a","apiId":"b"}"#, 400, "body.apiId"),
        (r#"{"key":"a","credits":{"cost":1.5}}"#, 400, "body.credits.cost"),
        (r#"{"key":"a","credits":{"cost":1,"x":2}}"#, 400, "body.x"),
        (&deep, 400, "body"),
        (&large, 413, ""),
    ] {
        let (actual, response) = fixture.send_raw(body.to_owned()).await;
        assert_eq!((actual.as_u16(), &response["error"]["status"]), (status, &json!(status)), "{response}");
        assert_eq!(response["error"]["errors"][0]["location"].as_str().unwrap_or_default(), location, "{response}");
    }
    assert_eq!(fixture.send_raw(vec![b'{', 0xFF, b'}']).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(fixture.send_raw(json!({ "key": secret }).to_string()).await.1["data"]["code"], "VALID");
}

#[tokio::test]
async fn wrong_root_key_throws_the_sdk_error() {
    let fixture = Fixture::start().await;
    let (_, secret) = fixture.create_key(json!({})).await;
    let reader = fixture.server.api("owner@acme.test", "keys:read").key;
    let calls = [json!({ "request": { "key": secret } })];
    for (root_key, thrown, status, kind) in [
        ("lki_x", "UnauthorizedErrorResponse", 401, "authentication/key_not_found"),
        (&reader, "ForbiddenErrorResponse", 403, "authorization/insufficient_permissions"),
        (&secret, "ForbiddenErrorResponse", 403, "authorization/forbidden"),
    ] {
        let response = &fixture.sdk_as(root_key, &calls).await[0];
        assert_eq!((&response["thrown"], &response["error"]["status"]), (&json!(thrown), &json!(status)), "{response}");
        assert_eq!(response["error"]["type"], format!("https://unkey.com/docs/errors/unkey/{kind}"));
    }
}

#[tokio::test]
async fn lost_database_is_a_server_error() {
    let fixture = Fixture::start().await;
    let (_, secret) = fixture.create_key(json!({})).await;
    let call = |retries: Value| json!({ "request": { "key": secret }, "options": { "retries": retries } });
    assert_eq!(code(&fixture.sdk_as(&fixture.api.key, &[call(Value::Null)]).await[0]).1, "VALID");
    let database = fixture.server.database().await;
    sqlx::query("alter table verdict_changes rename to elsewhere").execute(&database).await.unwrap();
    let send = async || fixture.send_raw(json!({ "key": secret }).to_string()).await;
    eventually("503", async || send().await.0 == StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(send().await.1["error"]["type"], "https://unkey.com/docs/errors/unkey/application/service_unavailable");
    let response = &fixture.sdk_as(&fixture.api.key, &[call(json!({ "strategy": "none" }))]).await[0];
    assert_eq!((&response["thrown"], &response["statusCode"]), (&json!("APIError"), &json!(503)), "{response}");
}

#[tokio::test]
async fn other_unkey_routes_do_not_exist() {
    let fixture = Fixture::start().await;
    for (method, path, status) in [
        (Method::POST, "keys.createKey", 404),
        (Method::GET, "liveness", 404),
        (Method::POST, "keys.verifyKey/", 404),
        (Method::GET, "keys.verifyKey", 405),
    ] {
        let url = format!("{}/v2/{path}", fixture.server.url);
        let response = fixture.server.visitor().client.request(method, url).bearer_auth(&fixture.api.key).body("{}").send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        let response: Value = response.json().await.unwrap();
        assert_eq!(response["error"]["status"], status);
    }
}
