use jsonwebtoken::{EncodingKey, jwk::Jwk};
use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::*;

const ISSUER: &str = "https://keys.example.com";

fn claims(exp: Option<i64>) -> Claims {
    Claims { iss: ISSUER.into(), aud: ProjectId::new(), sub: UserId::new(), jti: KeyId::new(), role: "viewer".into(), iat: 1_800_000_000, exp }
}

fn token_verifier(key: &SigningKey) -> TokenVerifier {
    TokenVerifier::new([(key.kid.clone(), key.public_key.to_vec())])
}

fn signed(key: &SigningKey, claims: &Claims) -> String {
    sign(key, claims).unwrap().expose_secret().to_owned()
}

fn encode(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token with any header and payload, signed with this key.
fn forge(key: &SigningKey, header: &Value, payload: &Value) -> String {
    let message = format!("{}.{}", encode(header), encode(payload));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key.encoding_key(), Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}

fn header(key: &SigningKey) -> Value {
    json!({ "alg": "EdDSA", "typ": TYP, "kid": key.kid })
}

#[test]
fn returns_the_signed_claims_regardless_of_expiry() {
    let key = SigningKey::generate();
    // Past and future: expiry is evaluated from the key's record, not here.
    for exp in [None, Some(1), Some(1_800_003_600), Some(i64::MAX)] {
        let claims = claims(exp);
        let token = signed(&key, &claims);
        assert!(claims_to_be_project_key(&token));
        assert_eq!(token_verifier(&key).verify(&token), Some(claims));
        let first = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&first).unwrap(), header(&key));
    }
    let payload = BASE64_URL_SAFE_NO_PAD.decode(signed(&key, &claims(None)).split('.').nth(1).unwrap()).unwrap();
    assert!(!String::from_utf8(payload).unwrap().contains("exp"), "a key without expiry has no exp claim");
}

#[test]
fn tokens_of_up_to_4096_bytes_are_accepted() {
    let key = SigningKey::generate();
    // Three characters of the role are four of the token.
    let token_of = |length: usize| signed(&key, &Claims { role: "r".repeat(length), ..claims(None) });
    let base = token_of(0).len();
    let mut length = (TOKEN_MAX - base) * 3 / 4 - 3;
    while token_of(length + 1).len() <= TOKEN_MAX {
        length += 1;
    }
    let (longest, longer) = (token_of(length), token_of(length + 1));
    assert!(TOKEN_MAX - longest.len() < 2, "{}", longest.len());
    assert!(token_verifier(&key).verify(&longest).is_some() && token_verifier(&key).verify(&longer).is_none());
}

#[test]
fn rejects_any_other_header() {
    let key = SigningKey::generate();
    let payload = serde_json::to_value(claims(None)).unwrap();
    assert!(token_verifier(&key).verify(&forge(&key, &header(&key), &payload)).is_some(), "forge creates valid tokens");
    let own_key = serde_json::to_value(Jwk::from_encoding_key(&EncodingKey::from_secret(b"x"), Algorithm::HS256).unwrap()).unwrap();
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("ES256")),
        ("alg", json!("eddsa")),
        ("alg", Value::Null),
        ("typ", json!("JWT")),
        ("typ", json!("application/project-key+jwt")),
        ("typ", json!("PROJECT-KEY+JWT")),
        ("kid", json!("")),
        ("kid", json!("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")),
        ("kid", json!(7)),
        ("jwk", own_key),
        ("jku", json!("https://evil.test/jwks.json")),
        ("x5u", json!("https://evil.test/chain.pem")),
        ("x5c", json!(["AAAA"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("cty", json!("JWT")),
    ] {
        let mut other = header(&key);
        other[name] = value;
        assert_eq!(token_verifier(&key).verify(&forge(&key, &other, &payload)), None, "{other}");
    }
}

#[test]
fn rejects_the_public_key_as_hmac_secret() {
    let key = SigningKey::generate();
    for secret in [key.public_key.to_vec(), super::super::signing_key::jwk_x(&key.public_key).into_bytes()] {
        let header = Header { typ: Some(TYP.into()), kid: Some(key.kid.clone()), ..Header::new(Algorithm::HS256) };
        let token = jsonwebtoken::encode(&header, &claims(None), &EncodingKey::from_secret(&secret)).unwrap();
        assert!(claims_to_be_project_key(&token));
        assert_eq!(token_verifier(&key).verify(&token), None);
    }
}

#[test]
fn a_changed_public_url_keeps_tokens_valid() {
    let key = SigningKey::generate();
    let elsewhere = Claims { iss: "https://keys.example.org".to_owned(), ..claims(None) };
    assert_eq!(token_verifier(&key).verify(&signed(&key, &elsewhere)), Some(elsewhere));
}

#[test]
fn rejects_invalid_claims() {
    let key = SigningKey::generate();
    let valid = serde_json::to_value(claims(Some(1_800_000_000))).unwrap();
    for (name, value) in [
        ("iss", json!([ISSUER, "https://evil.test"])),
        ("iss", Value::Null),
        ("aud", json!("everybody")),
        ("aud", json!([ProjectId::new()])),
        ("aud", Value::Null),
        ("sub", json!("root")),
        ("jti", json!(UserId::new())),
        ("jti", Value::Null),
        ("role", json!(7)),
        ("exp", json!("1800000000")),
        ("exp", json!(1.5)),
        ("exp", json!(1e30)),
        ("iat", Value::Null),
        ("nbf", json!(0)),
        ("admin", json!(true)),
    ] {
        let mut other = valid.clone();
        other[name] = value;
        assert_eq!(token_verifier(&key).verify(&forge(&key, &header(&key), &other)), None, "{other}");
    }
    let duplicated = valid.to_string().replacen('{', "{\"jti\":\"key_00000000000070008000000000000000\",", 1);
    let message = format!("{}.{}", encode(&header(&key)), BASE64_URL_SAFE_NO_PAD.encode(duplicated));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key.encoding_key(), Algorithm::EdDSA).unwrap();
    assert_eq!(token_verifier(&key).verify(&format!("{message}.{signature}")), None, "a duplicated claim");
}

#[test]
fn rejects_other_keys_and_changed_payloads() {
    let (key, other) = (SigningKey::generate(), SigningKey::generate());
    let claims = claims(None);
    assert_eq!(token_verifier(&key).verify(&signed(&other, &claims)), None);
    let payload = serde_json::to_value(&claims).unwrap();
    assert_eq!(token_verifier(&key).verify(&forge(&other, &header(&key), &payload)), None);
    let mut changed = payload;
    changed["role"] = json!("owner");
    let token = signed(&key, &claims);
    let (front, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{}.{}.{signature}", front.split_once('.').unwrap().0, encode(&changed));
    assert_eq!(token_verifier(&key).verify(&forged), None);
}

#[test]
fn rejects_tokens_that_are_no_project_keys() {
    let key = SigningKey::generate();
    let typed = |typ: &str| format!("{}.e30.", encode(&json!({ "alg": "none", "typ": typ })));
    for typ in [TYP, "Project-Key+JWT", "application/project-key+jwt"] {
        assert!(claims_to_be_project_key(&typed(typ)) && token_verifier(&key).verify(&typed(typ)).is_none());
    }
    for other in ["JWT", "at+jwt", "", "application/application/project-key+jwt"] {
        assert!(!claims_to_be_project_key(&typed(other)), "{other}");
    }
    let huge = format!("{}{}", signed(&key, &claims(None)), "A".repeat(1 << 20));
    assert!(claims_to_be_project_key(&huge));
    for garbage in ["", ".", "..", "...", "a.b.c", "e30.e30.e30", "lki_x", "日本.語", &"a".repeat(1 << 20), &huge] {
        assert_eq!(token_verifier(&key).verify(garbage), None);
    }
}

proptest! {
    #[test]
    fn rejects_any_changed_byte(at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let key = SigningKey::generate();
        let token = signed(&key, &claims(Some(1_800_000_000)));
        let mut bytes = token.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = with;
        let changed = String::from_utf8_lossy(&bytes);
        prop_assume!(changed != token);
        prop_assert_eq!(token_verifier(&key).verify(&changed), None);
    }
}
