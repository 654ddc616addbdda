//! What tells a token of ours from others. The input is a token as it stands; then header and payload of one, under the signature of a
//! good one. None of them is ours.
#![no_main]

use std::sync::LazyLock;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey::{
    model::id::{KeyId, ProjectId, UserId},
    server::project_keys::{
        signing::SigningKey,
        token::{self, Checker, Claims},
    },
};
use libfuzzer_sys::fuzz_target;
use secrecy::ExposeSecret;

struct Desk {
    checker: Checker,
    good: String,
}

static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let key = SigningKey::generate();
    let iss = "https://keys.example.com".to_owned();
    let claims =
        Claims { iss, aud: ProjectId::new(), sub: UserId::new(), jti: KeyId::new(), role: "viewer".to_owned(), iat: 1_800_000_000, exp: None };
    let good = token::sign(&key, &claims).expect("a key signs").expose_secret().to_owned();
    Desk { checker: Checker::new([(key.kid.clone(), key.public_key.to_vec())]), good }
});

fuzz_target!(|input: &[u8]| {
    let Desk { checker, good } = &*DESK;
    let presented = String::from_utf8_lossy(input);
    token::claims_to_be_one(&presented);
    assert_eq!(checker.check(&presented), None);

    let mut parts = good.split('.');
    let (header, payload, signature) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let made = BASE64_URL_SAFE_NO_PAD.encode(input);
    for forged in [format!("{made}.{payload}.{signature}"), format!("{header}.{made}.{signature}"), format!("{header}.{payload}.{made}")] {
        token::claims_to_be_one(&forged);
        assert!(forged == *good || checker.check(&forged).is_none(), "a forged token is taken");
    }
});
