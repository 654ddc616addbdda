//! Random tokens for cookies and links. The store has only their digests.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::random;

/// 256 random bits in base64url, which is valid in cookies and URL fragments. Its `Debug` output hides it.
#[derive(Debug)]
pub struct Token(SecretString);

impl Token {
    pub fn generate() -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<32>()).into())
    }

    /// The plain token, for the cookie or link.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// Identifies the token in the store.
    pub fn digest(&self) -> [u8; 32] {
        digest(self.reveal())
    }
}

/// The digest of a presented token. Plain SHA-256 is sufficient, because the token has too many bits to be guessed.
pub fn digest(presented: &str) -> [u8; 32] {
    Sha256::digest(presented.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_do_not_print() {
        let (first, second) = (Token::generate(), Token::generate());
        assert_eq!(first.reveal().len(), 43);
        assert_ne!(first.reveal(), second.reveal());
        assert_eq!(first.digest(), digest(first.reveal()));
        assert!(!format!("{first:?}").contains(first.reveal()));
    }
}
