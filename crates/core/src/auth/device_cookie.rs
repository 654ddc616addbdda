//! Device cookies: a browser that signed in to an account is recognized when it signs in again, so that failed sign-ins of others do not lock it
//! out. The cookie does not authenticate: it only selects what failed attempts are counted for. It expires, and becomes invalid when the password
//! changes.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::SecretString;
use subtle::ConstantTimeEq;

use latchkey_crypto::{
    key_format::Pepper,
    random_token::{Token, TokenPurpose},
};
use latchkey_types::{
    id::UserId,
    time::{DAY_MS, Timestamp},
};

/// How long a browser that signed in is recognized.
pub const LIFETIME_MS: i64 = 90 * DAY_MS;

/// A cookie value for a user: a random nonce, the time of issue in Unix seconds, and an HMAC over both, the user's id and the password hash.
/// Nothing is stored. The nonce of a valid `presented` cookie is kept, so that the failures that are counted for it still count.
pub fn issue(pepper: &Pepper, user: UserId, password_hash: &str, presented: Option<&str>, now: Timestamp) -> SecretString {
    let kept = presented.and_then(|cookie| nonce(pepper, cookie, user, password_hash, now));
    let nonce = kept.map_or_else(|| Token::generate().reveal().to_owned(), ToOwned::to_owned);
    let signed = format!("{nonce}.{}", now.0 / 1000);
    let mac = mac(pepper, &signed, user, password_hash);
    format!("{signed}.{mac}").into()
}

/// The nonce of a cookie value that was issued for this user and password and has not expired.
pub fn nonce<'a>(pepper: &Pepper, cookie: &'a str, user: UserId, password_hash: &str, now: Timestamp) -> Option<&'a str> {
    let (signed, presented) = cookie.rsplit_once('.')?;
    let is_valid: bool = presented.as_bytes().ct_eq(mac(pepper, signed, user, password_hash).as_bytes()).into();
    let (nonce, issued_at) = signed.split_once('.')?;
    let issued_at = Timestamp(issued_at.parse::<i64>().ok()?.saturating_mul(1000));
    (is_valid && now < issued_at.plus_ms(LIFETIME_MS)).then_some(nonce)
}

/// `signed` is the nonce and the time of issue.
fn mac(pepper: &Pepper, signed: &str, user: UserId, password_hash: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(pepper.token_digest(TokenPurpose::Device, &format!("{signed} {user} {password_hash}")))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use zeroize::Zeroizing;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn pepper(byte: u8) -> Pepper {
        Pepper::new(&Zeroizing::new([byte; 32]))
    }

    #[test]
    fn a_cookie_is_valid_only_for_its_user_password_and_pepper() {
        let (user, other) = (UserId::new(), UserId::new());
        let cookie = issue(&pepper(1), user, "hash", None, NOW);
        let cookie = cookie.expose_secret();
        assert_eq!(nonce(&pepper(1), cookie, user, "hash", NOW), cookie.split('.').next());
        assert_eq!(nonce(&pepper(1), cookie, other, "hash", NOW), None);
        assert_eq!(nonce(&pepper(1), cookie, user, "another hash", NOW), None);
        assert_eq!(nonce(&pepper(2), cookie, user, "hash", NOW), None);
        let later = cookie.replace("1800000000", "1800000001");
        for altered in ["", ".", "..", &cookie[1..], &cookie[..cookie.len() - 1], &format!("{cookie}.a"), &later] {
            assert_eq!(nonce(&pepper(1), altered, user, "hash", NOW), None, "{altered}");
        }
    }

    #[test]
    fn a_cookie_expires_unless_it_is_issued_again() {
        let user = UserId::new();
        let issue = |presented: Option<&str>, hash: &str, now| issue(&pepper(1), user, hash, presented, now);
        let nonce_at = |cookie: &SecretString, now| nonce(&pepper(1), cookie.expose_secret(), user, "hash", now).map(ToOwned::to_owned);
        let (first, end) = (issue(None, "hash", NOW), NOW.plus_ms(LIFETIME_MS));
        let kept = nonce_at(&first, end.plus_ms(-1));
        assert!(kept.is_some());
        assert_eq!(nonce_at(&first, end), None);
        let second = issue(Some(first.expose_secret()), "hash", end.plus_ms(-1000));
        assert_eq!(nonce_at(&second, end), kept);
        for (hash, now) in [("hash", end), ("another hash", NOW)] {
            let new = issue(Some(first.expose_secret()), hash, now);
            assert!(!new.expose_secret().starts_with(kept.as_deref().unwrap()), "{hash}: the presented cookie is not valid");
        }
    }
}
