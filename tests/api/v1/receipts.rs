//! Receipts of revocations.

use std::process::Command;

use latchkey_crypto::receipt_token::ReceiptVerifier;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    ApiClient, BrowserClient, TestServer,
    projects::{create_project, insert_issued_key, insert_template, reveal_token},
    repository, text, unix_ms,
};

const DOCS: &str = include_str!("../../../docs/api.md");
const LATCHKEY: &str = "https://keys.example.com";

async fn start() -> (TestServer, BrowserClient, ApiClient) {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    (server, owner, api)
}

fn receipt_id(response: &Response) -> Option<String> {
    response.headers().get("x-latchkey-receipt").map(|value| value.to_str().unwrap().to_owned())
}

/// Sends a request that must succeed. Returns the id of its receipt.
async fn receipt_of(api: &ApiClient, method: Method, path: &str, body: Option<Value>) -> Option<String> {
    let request = api.request(method.clone(), path);
    let response = body.iter().fold(request, reqwest::RequestBuilder::json).send().await.unwrap();
    assert!(response.status().is_success(), "{method} {path}: {}", response.status());
    receipt_id(&response)
}

/// Deletes a new key. Returns the id of the key and the receipt.
async fn receipt_of_deletion(owner: &BrowserClient, api: &ApiClient) -> (String, Value) {
    let (key, _) = owner.agent_key("deploy").await;
    let id = receipt_of(api, Method::DELETE, &format!("/keys/{key}"), None).await.unwrap();
    let (status, receipt) = api.get(&format!("/receipts/{id}")).await;
    assert_eq!((status, &receipt["id"]), (StatusCode::OK, &json!(id)), "{receipt}");
    (key, receipt)
}

async fn key_set(server: &TestServer) -> String {
    server.visitor().get("/.well-known/latchkey-receipts.json").send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_receipt_states_what_is_effective_where_and_when() {
    let (server, owner, api) = start().await;
    let (key, receipt) = receipt_of_deletion(&owner, &api).await;
    assert_eq!(receipt["change"], json!({ "action": "key.deleted", "objects": [{ "kind": "key", "id": key }] }));
    let [instance] = &receipt["instances"].as_array().unwrap()[..] else { panic!("{receipt}") };
    let (committed_at, effective_at) = (unix_ms(&receipt["committed_at"]), unix_ms(&receipt["effective_at"]));
    let confirmed_at = unix_ms(&instance["confirmed_at"]);
    assert!(committed_at <= confirmed_at && confirmed_at <= effective_at && instance.get("lease_ended_at").is_none(), "{receipt}");
    assert!(receipt["took_ms"].as_i64().unwrap() < 1000, "{receipt}");
    let claims = ReceiptVerifier::from_key_set(&key_set(&server).await).unwrap().verify(&text(&receipt["jws"])).unwrap();
    let claims = serde_json::to_value(claims).unwrap();
    assert_eq!((&claims["jti"], &claims["change"], &claims["iss"]), (&receipt["id"], &receipt["change"], &json!(server.url)));
    assert_eq!((&claims["committed_at"], &claims["effective_at"]), (&json!(committed_at), &json!(effective_at)));
    let stated = &claims["instances"][0];
    assert_eq!((&stated["id"], &stated["name"], &stated["confirmed_at"]), (&instance["id"], &instance["name"], &json!(confirmed_at)));
    // A bulk action has one receipt for all of its keys.
    let keys = [owner.agent_key("a").await.0, owner.agent_key("b").await.0];
    let (_, outcome) = owner.call("keys/bulk", json!({ "action": "disable", "ids": keys })).await;
    assert_eq!((&outcome["receipt"]["instances"], &outcome["receipt"]["ended"]), (&json!(1), &json!(0)), "{outcome}");
    let (_, receipt) = api.get(&format!("/receipts/{}", text(&outcome["receipt"]["id"]))).await;
    let objects = keys.map(|key| json!({ "kind": "key", "id": key }));
    assert_eq!(receipt["change"], json!({ "action": "key.disabled", "objects": objects }));
}

#[tokio::test]
async fn grace_and_grants_have_none() {
    let (_server, owner, api) = start().await;
    let (key, _) = owner.agent_key("deploy").await;
    let rotate = format!("/keys/{key}/rotate");
    for (path, body, has_receipt) in [
        ("/keys".to_owned(), json!({ "kind": "agent", "name": "another" }), false),
        (rotate.clone(), json!({ "grace_seconds": 60 }), false),
        (rotate, json!({ "grace_seconds": 0 }), true),
        (format!("/keys/{key}/disable"), json!({}), true),
        (format!("/keys/{key}/enable"), json!({}), false),
        ("/corpora".to_owned(), json!({ "name": "manuals" }), false),
        ("/credentials".to_owned(), json!({ "kind": "general", "name": "a", "value": "sk-0123456789" }), false),
    ] {
        assert_eq!(receipt_of(&api, Method::POST, &path, Some(body)).await.is_some(), has_receipt, "{path}");
    }
    assert_eq!(receipt_of(&api, Method::PATCH, &format!("/keys/{key}"), Some(json!({}))).await, None, "nothing changed");
    let again = api.request(Method::DELETE, "/keys/key_00000000000070008000000000000000").send().await.unwrap();
    assert_eq!((again.status(), receipt_id(&again)), (StatusCode::NOT_FOUND, None));
}

#[tokio::test]
async fn a_replayed_call_has_its_receipt() {
    let (_server, owner, api) = start().await;
    let (key, _) = owner.agent_key("deploy").await;
    let disable = async || {
        let request = api.request(Method::POST, &format!("/keys/{key}/disable")).header("idempotency-key", "one");
        let response = request.send().await.unwrap();
        (receipt_id(&response).unwrap(), response.headers().contains_key("idempotency-replayed"))
    };
    let (first, is_replayed) = disable().await;
    assert!(!is_replayed);
    assert_eq!(disable().await, (first, true));
}

#[tokio::test]
async fn receipts_are_of_their_own_organization() {
    let (server, owner, api) = start().await;
    let (_, receipt) = receipt_of_deletion(&owner, &api).await;
    let path = format!("/receipts/{}", text(&receipt["id"]));
    server.user("owner", "globex").await;
    assert_eq!(server.api("owner@globex.test", "").get(&path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(server.api("owner@acme.test", "verify").get(&path).await.1["code"], "insufficient_scope");
    assert_eq!(api.get("/receipts/rcp_1").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_receipt_is_no_project_key_and_no_project_key_is_a_receipt() {
    let (server, owner, api) = start().await;
    let (_, receipt) = receipt_of_deletion(&owner, &api).await;
    let jws = text(&receipt["jws"]);
    assert_eq!((api.verify(&jws).await.as_str(), api.with_key(&jws).get("/whoami").await.0), ("NOT_FOUND", StatusCode::UNAUTHORIZED));
    let project = create_project(&owner, "Genomes").await;
    let template = insert_template(&server, &project, "reader", "viewer", 0).await;
    let token = reveal_token(&owner, insert_issued_key(&server, template, "owner@acme.test", None).await).await;
    assert_eq!(api.verify(&token).await, "VALID");
    let project_keys = server.visitor().get("/.well-known/jwks.json").send().await.unwrap().text().await.unwrap();
    let receipt_keys = key_set(&server).await;
    let verify = |keys: &str, jws: &str| ReceiptVerifier::from_key_set(keys).unwrap().verify(jws).is_some();
    assert!(verify(&receipt_keys, &jws) && !verify(&project_keys, &jws) && !verify(&receipt_keys, &token) && !verify(&project_keys, &token));
}

/// Prints whether the documented code accepts each of the receipts in the first argument.
const JAVASCRIPT: &str = r#"
globalThis.crypto ??= (await import("node:crypto")).webcrypto; // Not global in Node 18.
const results = [];
for (const jws of JSON.parse(process.argv[1])) results.push(await checkReceipt(jws).then((receipt) => receipt.jti, () => "refused"));
console.log(JSON.stringify(results));
"#;
const PYTHON: &str = r#"
import sys

def result(jws):
    try:
        return check_receipt(jws)["jti"]
    except jwt.PyJWTError:
        return "refused"

print(json.dumps([result(jws) for jws in json.loads(sys.argv[1])]))
"#;

/// The documented code in this language, for this server.
fn documented_code(language: &str, server: &TestServer) -> String {
    let section = DOCS.split_once("\n## Receipts\n").unwrap().1;
    let code = section.split_once(&format!("```{language}\n")).unwrap().1.split_once("```").unwrap().0;
    assert!(code.contains(LATCHKEY));
    code.replace(LATCHKEY, &server.url)
}

#[tokio::test]
async fn a_receipt_is_verified_offline() {
    let (server, owner, api) = start().await;
    let (_, receipt) = receipt_of_deletion(&owner, &api).await;
    let jws = text(&receipt["jws"]);
    let (_, other) = receipt_of_deletion(&owner, &api).await;
    let (message, other_signature) = (jws.rsplit_once('.').unwrap().0, text(&other["jws"]).rsplit_once('.').unwrap().1.to_owned());
    let project = create_project(&owner, "Genomes").await;
    let template = insert_template(&server, &project, "reader", "viewer", 0).await;
    let token = reveal_token(&owner, insert_issued_key(&server, template, "owner@acme.test", None).await).await;
    let arguments = json!([jws, format!("{message}.{other_signature}"), token]).to_string();
    let mut node = Command::new("node");
    node.current_dir(repository().join("end2end")).args(["--input-type=module", "-e", &(documented_code("js", &server) + JAVASCRIPT), &arguments]);
    let mut python = Command::new(repository().join("target/pyjwt/bin/python"));
    python.args(["-c", &(documented_code("python", &server) + PYTHON), &arguments]);
    for mut command in [node, python] {
        let output = tokio::task::spawn_blocking(move || command.output().expect("the program is not installed: run `cargo xtask setup`"));
        let output = output.await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let results: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(results, json!([receipt["id"], "refused", "refused"]));
    }
}
