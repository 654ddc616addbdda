//! Third-party libraries verify project keys offline with the JWKS and the code of docs/api.md.

use std::process::Command;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use latchkey_crypto::{
    project_token::{Claims, sign},
    signing_key::SigningKey,
};
use latchkey_types::time::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::Fixture;
use crate::support::projects::{create_project, insert_issued_key, insert_template, reveal_token};

const DOCS: &str = include_str!("../../../../docs/api.md");
const LATCHKEY: &str = "https://keys.example.com";
const PROJECT: &str = "prj_01a1f0b75c8d7f3aa6c1d0e5b4938271";

/// Prints for each token of the first argument its `jti` or "refused", before and after loading the list of revoked tokens.
const JAVASCRIPT: &str = r#"
globalThis.crypto ??= (await import("node:crypto")).webcrypto; // Not global in Node 18.
const result = async (token) => check(token).then((claims) => claims.jti, () => "refused");
const tokens = JSON.parse(process.argv[1]);
const all = async () => { const results = []; for (const token of tokens) results.push(await result(token)); return results; };
const before = await all();
await refreshRevoked();
await refreshRevoked();
console.log(JSON.stringify([before, await all()]));
"#;
const PYTHON: &str = r#"
import sys

def result(token):
    try:
        return check(token)["jti"]
    except jwt.PyJWTError:
        return "refused"

tokens = json.loads(sys.argv[1])
before = [result(token) for token in tokens]
refresh_revoked()
refresh_revoked()
print(json.dumps([before, [result(token) for token in tokens]]))
"#;

/// The documented code in this language, with this server and project.
fn documented_code(language: &str, fixture: &Fixture) -> String {
    let code = DOCS.split_once(&format!("```{language}\n")).unwrap().1.split_once("```").unwrap().0;
    assert!(code.contains(LATCHKEY) && code.contains(PROJECT));
    code.replace(LATCHKEY, &fixture.server.url).replace(PROJECT, &fixture.project)
}

/// Results of the program for each token: before and after loading the list of revoked tokens.
async fn run(fixture: &Fixture, mut command: Command) -> [Vec<String>; 2] {
    command.env("LATCHKEY_API_KEY", &fixture.api.key);
    let output = tokio::task::spawn_blocking(move || command.output().expect("the program is not installed: run `cargo xtask setup`")).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Tokens, and whether each is valid before and after loading the list of revoked tokens.
async fn tokens(fixture: &Fixture) -> Vec<(String, [bool; 2])> {
    let server = &fixture.server;
    let expires_at = Some(Timestamp((Timestamp::now().0 / 1000 + 3600) * 1000));
    let expiring = insert_issued_key(server, fixture.template, "owner@acme.test", expires_at).await;
    let (revoked, revoked_token) = fixture.issue_key().await;
    fixture.change("update api_keys set revoked_at = 1 where id = $1", revoked).await;
    let elsewhere = create_project(&fixture.owner, "Elsewhere").await;
    let other = insert_template(server, &elsewhere, "reader", "viewer", 0).await;
    let other = reveal_token(&fixture.owner, insert_issued_key(server, other, "owner@acme.test", None).await).await;
    // An expired token, revealed before it expired.
    let soon = Timestamp((Timestamp::now().0 / 1000 + 3) * 1000);
    let expired = reveal_token(&fixture.owner, insert_issued_key(server, fixture.template, "owner@acme.test", Some(soon)).await).await;
    let expiring_token = reveal_token(&fixture.owner, expiring).await;
    let [header, payload, signature] = fixture.token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let decoded = |part: &str| serde_json::from_slice::<Value>(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let claims: Claims = serde_json::from_value(decoded(payload)).unwrap();
    let foreign = sign(&SigningKey::generate(), &claims).unwrap().expose_secret().to_owned();
    let unsigned = format!("{}.{payload}.", BASE64_URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "project-key+jwt" }).to_string()));
    let secret =
        Header { typ: Some("project-key+jwt".into()), kid: decoded(header)["kid"].as_str().map(Into::into), ..Header::new(Algorithm::HS256) };
    let hmac_signed = jsonwebtoken::encode(&secret, &claims, &EncodingKey::from_secret(b"public")).unwrap();
    let mut claims_with_role = decoded(payload);
    claims_with_role["role"] = json!("owner");
    let changed = format!("{header}.{}.{signature}", BASE64_URL_SAFE_NO_PAD.encode(claims_with_role.to_string()));
    // Real time: the libraries compare the expiry with the clock.
    tokio::time::sleep(std::time::Duration::from_millis(u64::try_from(soon.0 - Timestamp::now().0).unwrap_or_default() + 1000)).await;
    let mut all = vec![(fixture.token.clone(), [true, true]), (expiring_token, [true, true]), (revoked_token, [true, false])];
    all.extend([other, expired, foreign, unsigned, hmac_signed, changed, "x.y.z".to_owned()].map(|token| (token, [false, false])));
    all
}

#[tokio::test]
async fn jose_and_pyjwt_accept_only_valid_tokens() {
    let fixture = Fixture::start().await;
    let tokens = tokens(&fixture).await;
    // The signing key of the tokens is retired but still published.
    assert!(fixture.server.latchkey(&["admin", "rotate-signing-key"], "").status.success());
    let arguments = json!(tokens.iter().map(|(token, _)| token).collect::<Vec<_>>()).to_string();
    let root = crate::support::repository();
    let mut node = Command::new("node");
    node.current_dir(root.join("end2end")).args(["--input-type=module", "-e", &(documented_code("js", &fixture) + JAVASCRIPT), &arguments]);
    let mut python = Command::new(root.join("target/pyjwt/bin/python"));
    python.args(["-c", &(documented_code("python", &fixture) + PYTHON), &arguments]);
    for command in [node, python] {
        let program = command.get_program().to_owned();
        let results = run(&fixture, command).await;
        for (index, (token, is_valid)) in tokens.iter().enumerate() {
            for (phase, results) in results.iter().enumerate() {
                assert_eq!(results[index] != "refused", is_valid[phase], "{program:?}: token {index} ({token}): {results:?}");
            }
        }
        assert_eq!(results[0][0], fixture.key.to_string());
    }
}
