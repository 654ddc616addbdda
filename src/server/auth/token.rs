//! Random tokens: what a cookie or a link holds, while the store has only its digest.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::server::random;

/// 256 random bits, spelled so that they fit a cookie and the fragment of a link. Prints nothing.
#[derive(Debug)]
pub struct Token(SecretString);

impl Token {
    /// A new one.
    pub fn generate() -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<32>()).into())
    }

    /// The token itself, for the one who may have it.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// What the store knows it by.
    pub fn digest(&self) -> [u8; 32] {
        digest(self.reveal())
    }
}

/// What the store knows a token by that was presented. It has too many bits to be guessed from its plain SHA-256.
pub fn digest(presented: &str) -> [u8; 32] {
    Sha256::digest(presented.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_another_and_prints_nothing() {
        let (first, second) = (Token::generate(), Token::generate());
        assert_eq!(first.reveal().len(), 43);
        assert_ne!(first.reveal(), second.reveal());
        assert_eq!(first.digest(), digest(first.reveal()));
        assert!(!format!("{first:?}").contains(first.reveal()));
    }
}
