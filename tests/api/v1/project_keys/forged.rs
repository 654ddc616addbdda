//! What is no token of ours, or is one no more.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use latchkey_crypto::{
    project_token::{Claims, sign},
    signing_key::SigningKey,
};
use latchkey_types::{id::KeyId, time::Timestamp};
use latchkey_verify::Ask;
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Desk;
use crate::support::projects::{issued, revealed};

fn part(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn whatever_was_forged_or_altered_is_not_found_and_opens_nothing() {
    let desk = Desk::open().await;
    let (_, other_token) = desk.another().await;
    let [header, payload, signature] = desk.token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let (own_header, claims) = (decoded(header), decoded(payload));
    let with = |value: &Value, name: &str, is: Value| {
        let mut other = value.clone();
        other[name] = is;
        part(&other)
    };
    let public_key = BASE64_URL_SAFE_NO_PAD.decode(jwks_x(&desk).await).unwrap();
    let hs256 = Header { typ: Some("project-key+jwt".into()), kid: own_header["kid"].as_str().map(Into::into), ..Header::new(Algorithm::HS256) };
    let of_secret = |secret: &[u8]| jsonwebtoken::encode(&hs256, &claims, &EncodingKey::from_secret(secret)).unwrap();
    let own = SigningKey::generate();
    let foreign = sign(&own, &serde_json::from_value::<Claims>(claims.clone()).unwrap()).unwrap().expose_secret().to_owned();
    let with_own_key = {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": BASE64_URL_SAFE_NO_PAD.encode(own.public_key) });
        let message = format!("{}.{payload}", with(&own_header, "jwk", jwk));
        format!("{message}.{}", jsonwebtoken::crypto::sign(message.as_bytes(), &own.encoding_key(), Algorithm::EdDSA).unwrap())
    };
    let an_hour_ago = Timestamp::now().0 / 1000 - 3600;
    for (what, forged) in [
        ("no algorithm", format!("{}.{payload}.", with(&own_header, "alg", json!("none")))),
        ("no algorithm, its signature kept", format!("{}.{payload}.{signature}", with(&own_header, "alg", json!("none")))),
        ("the public key as a secret", of_secret(&public_key)),
        ("its text as a secret", of_secret(jwks_x(&desk).await.as_bytes())),
        ("another type", format!("{}.{payload}.{signature}", with(&own_header, "typ", json!("JWT")))),
        ("a foreign key", foreign.clone()),
        ("a foreign key in the name of ours", format!("{header}.{payload}.{}", foreign.rsplit('.').next().unwrap())),
        ("a key of its own in the header", with_own_key),
        ("the audience of another project", format!("{header}.{}.{signature}", with(&claims, "aud", json!("prj_00000000000070008000000000000000")))),
        ("another role", format!("{header}.{}.{signature}", with(&claims, "role", json!("owner")))),
        ("another key's id", format!("{header}.{}.{signature}", with(&claims, "jti", json!(KeyId::new())))),
        ("an end of an hour ago", format!("{header}.{}.{signature}", with(&claims, "exp", json!(an_hour_ago)))),
        ("another token's signature", format!("{header}.{payload}.{}", other_token.rsplit('.').next().unwrap())),
        ("without its signature", format!("{header}.{payload}")),
        ("a signature too much", format!("{}.{signature}", desk.token)),
        ("garbage", "x".repeat(500)),
        ("garbage with dots", "..".to_owned()),
        ("a huge token", format!("{}{}", desk.token, "A".repeat(20_000))),
    ] {
        assert_eq!(desk.api.verify(&forged).await, "NOT_FOUND", "{what}");
        for path in ["", "/nodes"] {
            assert_eq!(desk.get_with(&forged, path).await, (401, json!("invalid_api_key")), "{what}");
        }
    }
    assert_eq!(desk.api.verify(&desk.token).await, "VALID");
    assert_eq!(desk.get_with(&desk.token, "").await.0, 200);
}

async fn jwks_x(desk: &Desk) -> String {
    let keys: Value = desk.owner.client.get(format!("{}/.well-known/jwks.json", desk.server.url)).send().await.unwrap().json().await.unwrap();
    keys["keys"][0]["x"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_token_is_good_for_the_key_and_project_that_it_names() {
    let desk = Desk::open().await;
    let (other_key, other_token) = desk.another().await;
    // As somebody with the database could: the token's digest at another key.
    let digest: Vec<u8> = sqlx::query_scalar("select digest from api_keys where id = $1")
        .bind(desk.key.to_string())
        .fetch_one(&desk.server.database().await)
        .await
        .unwrap();
    let database = desk.server.database().await;
    for (id, digest) in [(desk.key, vec![7; 32]), (other_key, digest)] {
        sqlx::query("update api_keys set digest = $1 where id = $2").bind(digest).bind(id.to_string()).execute(&database).await.unwrap();
    }
    desk.server.state.verifier.forget(None);
    assert_eq!(desk.api.verify(&desk.token).await, "NOT_FOUND", "it names the first key");
    assert_eq!(desk.api.verify(&other_token).await, "NOT_FOUND");

    let (key, token) = desk.another().await;
    assert_eq!(desk.api.verify(&token).await, "VALID");
    let elsewhere = crate::support::projects::project(&desk.owner, "Elsewhere").await;
    sqlx::query("update issued_keys set project_id = $1 where key_id = $2").bind(&elsewhere).bind(key.to_string()).execute(&database).await.unwrap();
    desk.server.state.verifier.forget(None);
    assert_eq!(desk.api.verify(&token).await, "NOT_FOUND", "it names the first project");
}

#[tokio::test]
async fn an_end_is_told_in_the_token_and_kept_by_the_record() {
    let desk = Desk::open().await;
    let end = Timestamp((Timestamp::now().0 / 1000 + 3600) * 1000);
    let key = issued(&desk.server, desk.template, "owner@acme.test", Some(end)).await;
    let token = revealed(&desk.owner, key).await;
    assert_eq!(decoded(token.split('.').nth(1).unwrap())["exp"], end.0 / 1000);
    let (_, verdict) = desk.api.post("/verify", json!({ "key": token })).await;
    assert_eq!((&verdict["code"], &verdict["expires_at"]), (&json!("VALID"), &json!(end.rfc3339())));
    let sql = "update api_keys set expires_at = expires_at - 7200000 where id = $1";
    desk.change(sql, key).await;
    assert_eq!(desk.api.verify(&token).await, "EXPIRED");
    assert_eq!(desk.get_with(&token, "").await, (401, json!("expired_api_key")));
}

#[tokio::test]
async fn a_token_that_others_signed_verifies_as_the_client_key_that_it_was_taken_over_as() {
    let desk = Desk::open().await;
    let header = Header { kid: Some("theirs".into()), ..Header::new(Algorithm::HS256) };
    let theirs = jsonwebtoken::encode(&header, &json!({ "sub": "them", "exp": 1 }), &EncodingKey::from_secret(b"theirs")).unwrap();
    assert_eq!(desk.api.verify(&theirs).await, "NOT_FOUND");
    let sha256 = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(theirs.as_bytes())).replace('-', "+").replace('_', "/") + "=";
    let (status, imported) = desk.api.post("/keys/import", json!({ "sha256": sha256, "name": "legacy" })).await;
    assert_eq!(status, StatusCode::CREATED, "{imported}");
    let (_, verdict) = desk.api.post("/verify", json!({ "key": theirs })).await;
    assert_eq!((&verdict["code"], &verdict["kind"], &verdict["project_id"]), (&json!("VALID"), &json!("client"), &Value::Null));
    // And a token of ours can't be taken over.
    let sha256 = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(desk.token.as_bytes())).replace('-', "+").replace('_', "/") + "=";
    assert_eq!(desk.api.post("/keys/import", json!({ "sha256": sha256, "name": "mine" })).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_forged_token_costs_no_read_of_the_store() {
    let desk = Desk::open().await;
    // The first reveal made a signing key, of which every process hears once more.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let forged = |kid: String| format!("{}.e30.AAAA", part(&json!({ "alg": "EdDSA", "typ": "project-key+jwt", "kid": kid })));
    assert_eq!(desk.api.verify(&forged("first".into())).await, "NOT_FOUND");
    // From here on a read of the public keys would fail the call.
    sqlx::query("alter table signing_keys rename to elsewhere").execute(&desk.server.database().await).await.unwrap();
    for kid in 0..50 {
        assert_eq!(desk.api.verify(&forged(kid.to_string())).await, "NOT_FOUND");
    }
    desk.server.state.verifier.forget(None);
    assert_eq!(desk.api.post("/verify", json!({ "key": forged("x".into()) })).await.0, StatusCode::INTERNAL_SERVER_ERROR, "they are read anew");
}

#[tokio::test]
async fn no_token_with_a_changed_byte_is_good() {
    let desk = Desk::open().await;
    let organization = sqlx::query_scalar::<_, String>("select id from organizations").fetch_one(&desk.server.database().await).await.unwrap();
    let organization = organization.parse().unwrap();
    let flips = (0..desk.token.len()).flat_map(|at| (0..7).map(move |bit| (at, 1u8 << bit)));
    for (at, bit) in flips {
        let mut bytes = desk.token.clone().into_bytes();
        bytes[at] ^= bit;
        let changed = String::from_utf8(bytes).unwrap();
        let judgement = desk.server.state.verifier.judge(organization, &Ask::of(&changed)).await.unwrap();
        assert!(!judgement.is_valid() && judgement.key().is_none(), "byte {at}, bit {bit}");
    }
    assert_eq!(desk.api.verify(&desk.token).await, "VALID");
}
