//! Device cookies: a browser that signed in to an account is recognized when it signs in again, so that failed sign-ins of others do not lock it
//! out. The cookie authenticates nobody: it only selects what failed attempts are counted for.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::SecretString;
use subtle::ConstantTimeEq;

use latchkey_crypto::{
    key_format::Pepper,
    random_token::{Token, TokenPurpose},
};
use latchkey_types::id::UserId;

/// A new cookie value for a user: a random nonce and an HMAC over it and the user's id. Nothing is stored.
pub fn issue(pepper: &Pepper, user: UserId) -> SecretString {
    let nonce = Token::generate();
    format!("{}.{}", nonce.reveal(), mac(pepper, nonce.reveal(), user)).into()
}

/// The nonce of a cookie value that was issued for this user.
pub fn nonce<'a>(pepper: &Pepper, cookie: &'a str, user: UserId) -> Option<&'a str> {
    let (nonce, presented) = cookie.split_once('.')?;
    let is_valid: bool = presented.as_bytes().ct_eq(mac(pepper, nonce, user).as_bytes()).into();
    is_valid.then_some(nonce)
}

fn mac(pepper: &Pepper, nonce: &str, user: UserId) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(pepper.token_digest(TokenPurpose::Device, &format!("{nonce} {user}")))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn a_cookie_is_valid_only_for_its_user_and_pepper() {
        let pepper = |byte: u8| Pepper::new(&Zeroizing::new([byte; 32]));
        let (user, other) = (UserId::new(), UserId::new());
        let cookie = issue(&pepper(1), user);
        let cookie = cookie.expose_secret();
        assert_eq!(nonce(&pepper(1), cookie, user), cookie.split('.').next());
        assert_eq!(nonce(&pepper(1), cookie, other), None);
        assert_eq!(nonce(&pepper(2), cookie, user), None);
        for altered in ["", ".", &cookie[1..], &cookie[..cookie.len() - 1], &format!("{cookie}.a")] {
            assert_eq!(nonce(&pepper(1), altered, user), None, "{altered}");
        }
        assert_ne!(issue(&pepper(1), user).expose_secret(), cookie);
    }
}
