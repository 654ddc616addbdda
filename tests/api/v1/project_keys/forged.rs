//! Forged, altered and expired tokens.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use latchkey_crypto::{
    project_token::{Claims, sign},
    signing_key::SigningKey,
};
use latchkey_types::{id::KeyId, time::Timestamp};
use latchkey_verify::VerifyRequest;
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Fixture;
use crate::support::projects::{insert_issued_key, reveal_token};

fn part(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn forged_or_altered_tokens_are_rejected() {
    let fixture = Fixture::start().await;
    let (_, other_token) = fixture.issue_key().await;
    let [header, payload, signature] = fixture.token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let (own_header, claims) = (decoded(header), decoded(payload));
    let with = |value: &Value, name: &str, replacement: Value| {
        let mut other = value.clone();
        other[name] = replacement;
        part(&other)
    };
    let public_key = BASE64_URL_SAFE_NO_PAD.decode(jwks_x(&fixture).await).unwrap();
    let hs256 = Header { typ: Some("project-key+jwt".into()), kid: own_header["kid"].as_str().map(Into::into), ..Header::new(Algorithm::HS256) };
    let hmac_signed = |secret: &[u8]| jsonwebtoken::encode(&hs256, &claims, &EncodingKey::from_secret(secret)).unwrap();
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
        ("no algorithm, with the original signature", format!("{}.{payload}.{signature}", with(&own_header, "alg", json!("none")))),
        ("the public key as HMAC secret", hmac_signed(&public_key)),
        ("the encoded public key as HMAC secret", hmac_signed(jwks_x(&fixture).await.as_bytes())),
        ("another type", format!("{}.{payload}.{signature}", with(&own_header, "typ", json!("JWT")))),
        ("a foreign key", foreign.clone()),
        ("a foreign key's signature with our key id", format!("{header}.{payload}.{}", foreign.rsplit('.').next().unwrap())),
        ("the foreign public key in the header", with_own_key),
        ("another project as audience", format!("{header}.{}.{signature}", with(&claims, "aud", json!("prj_00000000000070008000000000000000")))),
        ("another role", format!("{header}.{}.{signature}", with(&claims, "role", json!("owner")))),
        ("another key's id", format!("{header}.{}.{signature}", with(&claims, "jti", json!(KeyId::new())))),
        ("an expiry one hour ago", format!("{header}.{}.{signature}", with(&claims, "exp", json!(an_hour_ago)))),
        ("another token's signature", format!("{header}.{payload}.{}", other_token.rsplit('.').next().unwrap())),
        ("no signature", format!("{header}.{payload}")),
        ("two signatures", format!("{}.{signature}", fixture.token)),
        ("garbage", "x".repeat(500)),
        ("garbage with dots", "..".to_owned()),
        ("a huge token", format!("{}{}", fixture.token, "A".repeat(20_000))),
    ] {
        assert_eq!(fixture.api.verify(&forged).await, "NOT_FOUND", "{what}");
        for path in ["", "/nodes"] {
            assert_eq!(fixture.get_with(&forged, path).await, (401, json!("invalid_api_key")), "{what}");
        }
    }
    assert_eq!(fixture.api.verify(&fixture.token).await, "VALID");
    assert_eq!(fixture.get_with(&fixture.token, "").await.0, 200);
}

async fn jwks_x(fixture: &Fixture) -> String {
    let keys: Value = fixture.owner.client.get(format!("{}/.well-known/jwks.json", fixture.server.url)).send().await.unwrap().json().await.unwrap();
    keys["keys"][0]["x"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn token_is_valid_only_for_its_key_and_project() {
    let fixture = Fixture::start().await;
    let (other_key, other_token) = fixture.issue_key().await;
    // With write access to the database: stores the token's digest with another key.
    let digest: Vec<u8> = sqlx::query_scalar("select digest from api_keys where id = $1")
        .bind(fixture.key.to_string())
        .fetch_one(&fixture.server.database().await)
        .await
        .unwrap();
    let database = fixture.server.database().await;
    for (id, digest) in [(fixture.key, vec![7; 32]), (other_key, digest)] {
        sqlx::query("update api_keys set digest = $1 where id = $2").bind(digest).bind(id.to_string()).execute(&database).await.unwrap();
    }
    fixture.server.state.verifier.invalidate_all();
    assert_eq!(fixture.api.verify(&fixture.token).await, "NOT_FOUND", "the token contains the id of the first key");
    assert_eq!(fixture.api.verify(&other_token).await, "NOT_FOUND");

    let (key, token) = fixture.issue_key().await;
    assert_eq!(fixture.api.verify(&token).await, "VALID");
    let elsewhere = crate::support::projects::create_project(&fixture.owner, "Elsewhere").await;
    sqlx::query("update issued_keys set project_id = $1 where key_id = $2").bind(&elsewhere).bind(key.to_string()).execute(&database).await.unwrap();
    fixture.server.state.verifier.invalidate_all();
    assert_eq!(fixture.api.verify(&token).await, "NOT_FOUND", "the token contains the id of the first project");
}

#[tokio::test]
async fn expiry_is_in_the_token_and_enforced_from_the_database() {
    let fixture = Fixture::start().await;
    let expires_at = Timestamp((Timestamp::now().0 / 1000 + 3600) * 1000);
    let key = insert_issued_key(&fixture.server, fixture.template, "owner@acme.test", Some(expires_at)).await;
    let token = reveal_token(&fixture.owner, key).await;
    assert_eq!(decoded(token.split('.').nth(1).unwrap())["exp"], expires_at.0 / 1000);
    let (_, verdict) = fixture.api.post("/verify", json!({ "key": token })).await;
    assert_eq!((&verdict["code"], &verdict["expires_at"]), (&json!("VALID"), &json!(expires_at.rfc3339())));
    let sql = "update api_keys set expires_at = expires_at - 7200000 where id = $1";
    fixture.change(sql, key).await;
    assert_eq!(fixture.api.verify(&token).await, "EXPIRED");
    assert_eq!(fixture.get_with(&token, "").await, (401, json!("expired_api_key")));
}

#[tokio::test]
async fn imported_third_party_token_verifies_as_a_client_key() {
    let fixture = Fixture::start().await;
    let header = Header { kid: Some("theirs".into()), ..Header::new(Algorithm::HS256) };
    let legacy = jsonwebtoken::encode(&header, &json!({ "sub": "them", "exp": 1 }), &EncodingKey::from_secret(b"theirs")).unwrap();
    assert_eq!(fixture.api.verify(&legacy).await, "NOT_FOUND");
    let sha256 = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(legacy.as_bytes())).replace('-', "+").replace('_', "/") + "=";
    let (status, imported) = fixture.api.post("/keys/import", json!({ "sha256": sha256, "name": "legacy" })).await;
    assert_eq!(status, StatusCode::CREATED, "{imported}");
    let (_, verdict) = fixture.api.post("/verify", json!({ "key": legacy })).await;
    assert_eq!((&verdict["code"], &verdict["kind"], &verdict["project_id"]), (&json!("VALID"), &json!("client"), &Value::Null));
    // A project key cannot be imported.
    let sha256 = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(fixture.token.as_bytes())).replace('-', "+").replace('_', "/") + "=";
    assert_eq!(fixture.api.post("/keys/import", json!({ "sha256": sha256, "name": "mine" })).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn forged_token_causes_no_database_read() {
    let fixture = Fixture::start().await;
    // The first reveal created a signing key.
    fixture.server.changes_applied().await;
    let forged = |kid: String| format!("{}.e30.AAAA", part(&json!({ "alg": "EdDSA", "typ": "project-key+jwt", "kid": kid })));
    assert_eq!(fixture.api.verify(&forged("first".into())).await, "NOT_FOUND");
    // From now on a read of the signing keys fails.
    sqlx::query("alter table signing_keys rename to elsewhere").execute(&fixture.server.database().await).await.unwrap();
    for kid in 0..50 {
        assert_eq!(fixture.api.verify(&forged(kid.to_string())).await, "NOT_FOUND");
    }
    fixture.server.state.verifier.invalidate_all();
    assert_eq!(
        fixture.api.post("/verify", json!({ "key": forged("x".into()) })).await.0,
        StatusCode::INTERNAL_SERVER_ERROR,
        "the keys are read again"
    );
}

#[tokio::test]
async fn no_token_with_a_flipped_bit_is_valid() {
    let fixture = Fixture::start().await;
    let organization = sqlx::query_scalar::<_, String>("select id from organizations").fetch_one(&fixture.server.database().await).await.unwrap();
    let organization = organization.parse().unwrap();
    let flips = (0..fixture.token.len()).flat_map(|index| (0..7).map(move |bit| (index, 1u8 << bit)));
    for (index, bit) in flips {
        let mut bytes = fixture.token.clone().into_bytes();
        bytes[index] ^= bit;
        let changed = String::from_utf8(bytes).unwrap();
        let verdict = fixture.server.state.verifier.evaluate(organization, &VerifyRequest::new(&changed)).await.unwrap();
        assert!(!verdict.is_valid() && verdict.key().is_none(), "byte {index}, bit {bit}");
    }
    assert_eq!(fixture.api.verify(&fixture.token).await, "VALID");
}
