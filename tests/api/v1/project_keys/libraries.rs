//! Other people's libraries check project keys from the public keys alone, with the very code that docs/api.md shows.

use std::{path::Path, process::Command};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use latchkey_crypto::{
    project_token::{Claims, sign},
    signing_key::SigningKey,
};
use latchkey_types::time::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::Desk;
use crate::support::projects::{issued, project, revealed, template};

const DOCS: &str = include_str!("../../../../docs/api.md");
const LATCHKEY: &str = "https://keys.example.com";
const PROJECT: &str = "prj_01a1f0b75c8d7f3aa6c1d0e5b4938271";

/// Says of each token in the first argument whether it is good, before and after the list was asked for.
const JAVASCRIPT: &str = r#"
globalThis.crypto ??= (await import("node:crypto")).webcrypto; // Node 18 keeps it to itself.
const said = async (token) => check(token).then((claims) => claims.jti, () => "refused");
const tokens = JSON.parse(process.argv[1]);
const all = async () => { const told = []; for (const token of tokens) told.push(await said(token)); return told; };
const before = await all();
await refreshRevoked();
await refreshRevoked();
console.log(JSON.stringify([before, await all()]));
"#;
const PYTHON: &str = r#"
import sys

def said(token):
    try:
        return check(token)["jti"]
    except jwt.PyJWTError:
        return "refused"

tokens = json.loads(sys.argv[1])
before = [said(token) for token in tokens]
refresh_revoked()
refresh_revoked()
print(json.dumps([before, [said(token) for token in tokens]]))
"#;

/// The code of this language in the docs, for this server and project.
fn shown(language: &str, desk: &Desk) -> String {
    let code = DOCS.split_once(&format!("```{language}\n")).unwrap().1.split_once("```").unwrap().0;
    assert!(code.contains(LATCHKEY) && code.contains(PROJECT));
    code.replace(LATCHKEY, &desk.server.url).replace(PROJECT, &desk.project)
}

/// What the program says of each token: before it asked for the list of those that were taken back, and after.
async fn said(desk: &Desk, mut command: Command) -> [Vec<String>; 2] {
    command.env("LATCHKEY_API_KEY", &desk.api.key);
    let output = tokio::task::spawn_blocking(move || command.output().expect("it is installed: `cargo xtask setup` does it")).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Tokens, and whether each is good: before the list is asked for, and after.
async fn tokens(desk: &Desk) -> Vec<(String, [bool; 2])> {
    let server = &desk.server;
    let end = Some(Timestamp((Timestamp::now().0 / 1000 + 3600) * 1000));
    let ending = issued(server, desk.template, "owner@acme.test", end).await;
    let (revoked, revoked_token) = desk.another().await;
    desk.change("update api_keys set revoked_at = 1 where id = $1", revoked).await;
    let elsewhere = project(&desk.owner, "Elsewhere").await;
    let other = template(server, &elsewhere, "reader", "viewer", 0).await;
    let other = revealed(&desk.owner, issued(server, other, "owner@acme.test", None).await).await;
    // One that has ended: it was revealed in time.
    let soon = Timestamp((Timestamp::now().0 / 1000 + 2) * 1000);
    let ended = revealed(&desk.owner, issued(server, desk.template, "owner@acme.test", Some(soon)).await).await;
    let ending_token = revealed(&desk.owner, ending).await;
    let [header, payload, signature] = desk.token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let decoded = |part: &str| serde_json::from_slice::<Value>(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let claims: Claims = serde_json::from_value(decoded(payload)).unwrap();
    let foreign = sign(&SigningKey::generate(), &claims).unwrap().expose_secret().to_owned();
    let unsigned = format!("{}.{payload}.", BASE64_URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "project-key+jwt" }).to_string()));
    let secret =
        Header { typ: Some("project-key+jwt".into()), kid: decoded(header)["kid"].as_str().map(Into::into), ..Header::new(Algorithm::HS256) };
    let of_secret = jsonwebtoken::encode(&secret, &claims, &EncodingKey::from_secret(b"public")).unwrap();
    let mut more = decoded(payload);
    more["role"] = json!("owner");
    let changed = format!("{header}.{}.{signature}", BASE64_URL_SAFE_NO_PAD.encode(more.to_string()));
    tokio::time::sleep(std::time::Duration::from_millis(u64::try_from(soon.0 - Timestamp::now().0).unwrap_or_default() + 1000)).await;
    let mut all = vec![(desk.token.clone(), [true, true]), (ending_token, [true, true]), (revoked_token, [true, false])];
    all.extend([other, ended, foreign, unsigned, of_secret, changed, "x.y.z".to_owned()].map(|bad| (bad, [false, false])));
    all
}

#[tokio::test]
async fn jose_and_pyjwt_take_just_the_tokens_that_are_good() {
    let desk = Desk::open().await;
    let tokens = tokens(&desk).await;
    // The key that has signed them is retired, and still public.
    assert!(desk.server.latchkey(&["admin", "rotate-signing-key"], "").status.success());
    let arguments = json!(tokens.iter().map(|(token, _)| token).collect::<Vec<_>>()).to_string();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut node = Command::new("node");
    node.current_dir(root.join("end2end")).args(["--input-type=module", "-e", &(shown("js", &desk) + JAVASCRIPT), &arguments]);
    let mut python = Command::new(root.join("target/pyjwt/bin/python"));
    python.args(["-c", &(shown("python", &desk) + PYTHON), &arguments]);
    for command in [node, python] {
        let program = command.get_program().to_owned();
        let said = said(&desk, command).await;
        for (at, (token, is_good)) in tokens.iter().enumerate() {
            for (time, said) in said.iter().enumerate() {
                assert_eq!(said[at] != "refused", is_good[time], "{program:?}: token {at} ({token}): {said:?}");
            }
        }
        assert_eq!(said[0][0], desk.key.to_string());
    }
}
