//! `/v2`: Unkey's own SDK against this server, with the very code that docs/unkey.md shows.

use std::{path::Path, process::Command, time::Duration};

use latchkey_crypto::key_format::PlainKey;
use latchkey_types::key_kind::KeyKind;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Api, TestServer, eventually, text, unix_ms};

const DOCS: &str = include_str!("../docs/unkey.md");
const LATCHKEY: &str = "https://keys.example.com";

/// Makes each call in the first argument; says what the SDK answers, or what it throws.
const CALLS: &str = r"
const told = [];
for (const { request, options } of JSON.parse(process.argv[1])) {
  try {
    told.push(await unkey.keys.verifyKey(request, options));
  } catch (error) {
    const { statusCode, meta, error: body } = error;
    told.push({ thrown: error.constructor.name, statusCode, meta, error: body });
  }
}
console.log(JSON.stringify(told));
";

/// A server, and somebody who makes keys on it.
struct Desk {
    server: TestServer,
    api: Api,
}

impl Desk {
    async fn open() -> Self {
        let server = TestServer::start().await;
        server.user("owner", "acme").await;
        let api = server.api("owner@acme.test", "");
        Self { server, api }
    }

    /// A client key that has what is wanted. Answers its id and its secret.
    async fn key(&self, wanted: Value) -> (String, String) {
        let mut call = json!({ "kind": "client", "name": "client" });
        call.as_object_mut().unwrap().extend(wanted.as_object().unwrap().clone());
        let (status, made) = self.api.post("/keys", call).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        (text(&made["key"]["id"]), text(&made["secret"]))
    }

    /// What the SDK says to each of these requests.
    async fn sdk(&self, requests: &[Value]) -> Vec<Value> {
        let calls: Vec<_> = requests.iter().map(|request| json!({ "request": request })).collect();
        self.sdk_as(&self.api.key, &calls).await
    }

    async fn sdk_as(&self, root_key: &str, calls: &[Value]) -> Vec<Value> {
        let code = DOCS.split_once("```js\n").unwrap().1.split_once("```").unwrap().0;
        assert!(code.contains(LATCHKEY));
        let mut node = Command::new("node");
        node.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("end2end")).env("LATCHKEY_API_KEY", root_key);
        node.args(["--input-type=module", "-e", &(code.replace(LATCHKEY, &self.server.url) + CALLS), &json!(calls).to_string()]);
        let output = tokio::task::spawn_blocking(move || node.output().expect("it is installed: `cargo xtask setup` does it")).await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A call without the SDK, which checks what it sends.
    async fn raw(&self, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
        let url = format!("{}/v2/keys.verifyKey", self.server.url);
        let response = self.server.visitor().client.post(url).bearer_auth(&self.api.key).body(body).send().await.unwrap();
        assert_eq!(
            (&response.headers()["content-type"], &response.headers()["cache-control"]),
            (&"application/json".parse().unwrap(), &"no-store".parse().unwrap())
        );
        (response.status(), response.json().await.unwrap())
    }
}

/// The fields of an answer but those that are not about the key.
fn code(answer: &Value) -> (bool, &str) {
    (answer["data"]["valid"].as_bool().unwrap_or_else(|| panic!("{answer}")), answer["data"]["code"].as_str().unwrap())
}

#[tokio::test]
async fn a_good_key_is_told_of_as_unkey_does() {
    let desk = Desk::open().await;
    let wanted = json!({
        "name": "Größe", "duration_days": 30, "external_id": "cus_1", "metadata": { "plan": "größer", "seats": 5 }, "scopes": ["a.read", "a.write"],
        "rate_limits": [{ "name": "burst", "limit": 3, "duration_ms": 60_000 }], "credits": { "remaining": 10 },
    });
    let (id, secret) = desk.key(wanted).await;
    let (_, plain) = desk.key(json!({})).await;
    let [answer, bare] = &desk.sdk(&[json!({ "key": secret, "credits": { "cost": 4 } }), json!({ "key": plain })]).await[..] else { panic!() };
    let mut data = answer["data"].clone();
    let reset = data["ratelimits"][0]["reset"].take().as_i64().unwrap();
    let (_, key) = desk.api.get(&format!("/keys/{id}")).await;
    let now = unix_ms(&key["created_at"]);
    assert!((now..now + 120_000).contains(&reset), "{reset}");
    assert!(text(&answer["meta"]["requestId"]).starts_with("req_"));
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
async fn every_verdict_is_an_answer() {
    let desk = Desk::open().await;
    let database = desk.server.database().await;
    let unknown = PlainKey::generate(KeyKind::Client).unwrap().reveal().to_owned();
    let (_, limited) = desk.key(json!({ "rate_limits": [{ "name": "one", "limit": 1, "duration_ms": 60_000 }] })).await;
    let (_, spent) = desk.key(json!({ "credits": { "remaining": 2 } })).await;
    let (_, elsewhere) = desk.key(json!({ "allowed_ips": ["127.0.0.0/8"] })).await;
    let [expired, disabled] = [("expires_at = 1", "E"), ("disabled_at = 1", "D")].map(async |(set, name)| {
        let (id, secret) = desk.key(json!({ "name": name })).await;
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
    let answers = desk.sdk(&expected.clone().map(|(request, _)| request)).await;
    for ((request, expected), answer) in expected.iter().zip(&answers) {
        assert_eq!(code(answer), (*expected == "VALID", *expected), "{request}: {answer}");
    }
    assert_eq!(answers[0]["data"], json!({ "valid": false, "code": "NOT_FOUND" }));
    assert_eq!((&answers[2]["data"]["name"], &answers[2]["data"]["expires"]), (&json!("E"), &json!(1)));
    assert_eq!(answers[3]["data"]["enabled"], false);
    assert_eq!((&answers[6]["data"]["ratelimits"][0]["exceeded"], &answers[6]["data"]["ratelimits"][0]["remaining"]), (&json!(true), &json!(0)));
    assert_eq!((&answers[7]["data"]["credits"], &answers[8]["data"]["credits"], &answers[9]["data"]["credits"]), (&json!(2), &json!(1), &json!(1)));
}

#[tokio::test]
async fn permissions_are_scopes_and_all_of_them_are_needed() {
    let desk = Desk::open().await;
    let (_, secret) = desk.key(json!({ "scopes": ["a.read", "b:*"], "credits": { "remaining": 10 } })).await;
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
    let answers = desk.sdk(&requests).await;
    for ((permissions, expected), answer) in expected.iter().zip(&answers) {
        assert_eq!(code(answer).1, *expected, "{permissions}");
    }
    assert_eq!(code(&answers[7]).1, "NOT_FOUND");
    // Three were good before: what was refused has taken nothing.
    assert_eq!(answers[8]["data"]["credits"], 6);
}

#[tokio::test]
async fn what_is_not_supported_is_refused_by_name() {
    let desk = Desk::open().await;
    let (_, secret) = desk.key(json!({ "scopes": ["a", "b"] })).await;
    let query = "user/bad_request/permissions_query_syntax_error";
    let input = "unkey/application/invalid_input";
    let refused = [
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
    let requests = refused.each_ref().map(|(more, ..)| {
        let mut request = json!({ "key": secret });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    });
    for ((more, field, kind), answer) in refused.iter().zip(desk.sdk(&requests).await) {
        assert_eq!((&answer["thrown"], &answer["statusCode"]), (&json!("BadRequestErrorResponse"), &json!(400)), "{more}: {answer}");
        let error = &answer["error"];
        assert_eq!((&error["status"], &error["title"]), (&json!(400), &json!("Bad Request")));
        assert_eq!(error["type"], format!("https://unkey.com/docs/errors/{kind}"), "{more}");
        assert_eq!(error["errors"], json!([{ "location": format!("body.{field}"), "message": error["detail"] }]), "{more}");
        assert!(text(&answer["meta"]["requestId"]).starts_with("req_"));
    }
}

#[tokio::test]
async fn a_malformed_call_is_the_callers_fault() {
    let desk = Desk::open().await;
    let (_, secret) = desk.key(json!({})).await;
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
        let (is, answer) = desk.raw(body.to_owned()).await;
        assert_eq!((is.as_u16(), &answer["error"]["status"]), (status, &json!(status)), "{answer}");
        assert_eq!(answer["error"]["errors"][0]["location"].as_str().unwrap_or_default(), location, "{answer}");
    }
    assert_eq!(desk.raw(vec![b'{', 0xFF, b'}']).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(desk.raw(json!({ "key": secret }).to_string()).await.1["data"]["code"], "VALID");
}

#[tokio::test]
async fn a_wrong_root_key_is_the_sdks_own_error() {
    let desk = Desk::open().await;
    let (_, secret) = desk.key(json!({})).await;
    let reader = desk.server.api("owner@acme.test", "keys:read").key;
    let calls = [json!({ "request": { "key": secret } })];
    for (root_key, thrown, status, kind) in [
        ("lkp_x", "UnauthorizedErrorResponse", 401, "authentication/key_not_found"),
        (&reader, "ForbiddenErrorResponse", 403, "authorization/insufficient_permissions"),
        (&secret, "ForbiddenErrorResponse", 403, "authorization/forbidden"),
    ] {
        let answer = &desk.sdk_as(root_key, &calls).await[0];
        assert_eq!((&answer["thrown"], &answer["error"]["status"]), (&json!(thrown), &json!(status)), "{answer}");
        assert_eq!(answer["error"]["type"], format!("https://unkey.com/docs/errors/unkey/{kind}"));
    }
}

#[tokio::test]
async fn a_lost_database_is_an_error_of_the_server() {
    let desk = Desk::open().await;
    let (_, secret) = desk.key(json!({})).await;
    let call = |retries: Value| json!({ "request": { "key": secret }, "options": { "retries": retries } });
    assert_eq!(code(&desk.sdk_as(&desk.api.key, &[call(Value::Null)]).await[0]).1, "VALID");
    let database = desk.server.database().await;
    sqlx::query("alter table changes rename to elsewhere").execute(&database).await.unwrap();
    let raw = async || desk.raw(json!({ "key": secret }).to_string()).await;
    eventually(Duration::from_secs(2), "503", async || raw().await.0 == StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(raw().await.1["error"]["type"], "https://unkey.com/docs/errors/unkey/application/service_unavailable");
    let answer = &desk.sdk_as(&desk.api.key, &[call(json!({ "strategy": "none" }))]).await[0];
    assert_eq!((&answer["thrown"], &answer["statusCode"]), (&json!("APIError"), &json!(503)), "{answer}");
}

#[tokio::test]
async fn nothing_else_of_unkeys_is_here() {
    let desk = Desk::open().await;
    for (method, path, status) in [
        (Method::POST, "keys.createKey", 404),
        (Method::GET, "liveness", 404),
        (Method::POST, "keys.verifyKey/", 404),
        (Method::GET, "keys.verifyKey", 405),
    ] {
        let url = format!("{}/v2/{path}", desk.server.url);
        let response = desk.server.visitor().client.request(method, url).bearer_auth(&desk.api.key).body("{}").send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["error"]["status"], status);
    }
}
