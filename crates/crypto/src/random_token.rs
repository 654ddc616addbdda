//! Random tokens for cookies and links. The store has only their digests.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};

use crate::{key_format::Pepper, random};

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
    pub fn digest(&self, pepper: &Pepper, purpose: TokenPurpose) -> [u8; 32] {
        pepper.token_digest(purpose, self.reveal())
    }
}

/// What a token is for. Digests of the same token for different purposes differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPurpose {
    Session,
    Invitation,
    /// The cookie of a browser that signed in before.
    Device,
    /// The set-up link, which is the digest of an empty text: all instances must accept it.
    SetUp,
    /// The account or address of a failed sign-in.
    SignInFailure,
    /// The key of the cursors of lists, which is the digest of an empty text: all instances must open them.
    ListCursor,
}

impl TokenPurpose {
    /// Part of stored digests: must not change.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Invitation => "invitation",
            Self::Device => "device",
            Self::SetUp => "set-up",
            Self::SignInFailure => "sign-in failure",
            Self::ListCursor => "list cursor",
        }
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn the_digest_of_a_token_is_that_of_its_text() {
        let (token, pepper) = (Token::generate(), Pepper::new(&Zeroizing::new([1; 32])));
        for (purpose, label) in [
            (TokenPurpose::Session, "session"),
            (TokenPurpose::Invitation, "invitation"),
            (TokenPurpose::Device, "device"),
            (TokenPurpose::SetUp, "set-up"),
            (TokenPurpose::SignInFailure, "sign-in failure"),
            (TokenPurpose::ListCursor, "list cursor"),
        ] {
            assert_eq!(purpose.label(), label);
            assert_eq!(token.digest(&pepper, purpose), pepper.token_digest(purpose, token.reveal()));
        }
        assert_ne!(token.digest(&pepper, TokenPurpose::Session), token.digest(&pepper, TokenPurpose::Device));
    }

    #[test]
    fn tokens_differ_and_do_not_print() {
        let (first, second) = (Token::generate(), Token::generate());
        assert_eq!(first.reveal().len(), 43);
        assert_ne!(first.reveal(), second.reveal());
        assert!(!format!("{first:?}").contains(first.reveal()));
    }
}
