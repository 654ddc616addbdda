//! The project key (JWT) check. The input is used as a whole token, and as header, payload and signature of a validly signed one. None of them
//! must be accepted.
#![no_main]

use std::sync::LazyLock;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_crypto::{
    project_token::{self, Claims, TokenVerifier},
    signing_key::SigningKey,
};
use latchkey_types::id::{KeyId, ProjectId, UserId};
use libfuzzer_sys::fuzz_target;
use secrecy::ExposeSecret;

struct Fixture {
    token_verifier: TokenVerifier,
    valid: String,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let key = SigningKey::generate();
    let iss = "https://keys.example.com".to_owned();
    let claims =
        Claims { iss, aud: ProjectId::new(), sub: UserId::new(), jti: KeyId::new(), role: "viewer".to_owned(), iat: 1_800_000_000, exp: None };
    let valid = project_token::sign(&key, &claims).expect("cannot sign a token").expose_secret().to_owned();
    Fixture { token_verifier: TokenVerifier::new([(key.kid.clone(), key.public_key.to_vec())]), valid }
});

fuzz_target!(|input: &[u8]| {
    let Fixture { token_verifier, valid } = &*FIXTURE;
    let presented = String::from_utf8_lossy(input);
    project_token::claims_to_be_project_key(&presented);
    assert_eq!(token_verifier.verify(&presented), None);

    let mut parts = valid.split('.');
    let (header, payload, signature) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let encoded = BASE64_URL_SAFE_NO_PAD.encode(input);
    for forged in [format!("{encoded}.{payload}.{signature}"), format!("{header}.{encoded}.{signature}"), format!("{header}.{payload}.{encoded}")] {
        project_token::claims_to_be_project_key(&forged);
        assert!(forged == *valid || token_verifier.verify(&forged).is_none(), "a forged token was accepted");
    }
});
