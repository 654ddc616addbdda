//! API keys: generation, checksum and digest.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::{random, random_token::TokenPurpose};
use latchkey_types::key_kind::{KIND_SPECS, KeyKind};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^43 is the smallest power of 62 above 2^256.
const RANDOM_DIGITS: usize = 43;
/// 62^6 is the smallest power of 62 above 2^32.
const CHECK_DIGITS: usize = 6;

/// A key in plain text. Its `Debug` output hides it, and it is zeroized on drop.
pub struct PlainKey(SecretString);

impl PlainKey {
    /// Generates a key of a kind: prefix, 256 random bits and a checksum of both. `None` for project keys, which are signed tokens.
    pub fn generate(kind: KeyKind) -> Option<Self> {
        let mut key = kind.spec().prefix?.to_owned();
        // Reserved in advance: a reallocation would leave a partial copy in memory.
        key.reserve_exact(RANDOM_DIGITS + CHECK_DIGITS);
        let mut random: [u8; 32] = random::bytes();
        push_base62(&mut key, &random, RANDOM_DIGITS);
        random.zeroize();
        let check = crc32fast::hash(key.as_bytes()).to_be_bytes();
        push_base62(&mut key, &check, CHECK_DIGITS);
        Some(Self(key.into()))
    }

    /// The plain key, for the one response that reveals it.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainKey(…)")
    }
}

/// The stored digest of a key: HMAC-SHA256(pepper, SHA-256(key)). The inner hash allows importing a key by its SHA-256; the outer one makes a
/// stolen database useless without the pepper.
#[derive(Clone, Copy)]
pub struct KeyDigest([u8; 32]);

/// Compares in constant time.
impl PartialEq for KeyDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
impl Eq for KeyDigest {}

/// Hashes only the first bytes, which are uniformly distributed like all output of an HMAC.
impl Hash for KeyDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let number = self.0.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        state.write_u64(number);
    }
}

impl KeyDigest {
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Parses stored bytes; `None` if the length is wrong.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(…)")
    }
}

/// The HMAC key for digests: without it, guesses cannot be tested against stored digests, and no digest can be made for a token of one's own.
#[derive(Clone)]
pub struct Pepper(Hmac<Sha256>);

impl Pepper {
    pub fn new(secret: &Zeroizing<[u8; 32]>) -> Self {
        Self(Hmac::new_from_slice(secret.as_slice()).expect("HMAC accepts keys of any length"))
    }

    pub fn digest(&self, key: &str) -> KeyDigest {
        self.digest_of_sha256(&Sha256::digest(key.as_bytes()).into())
    }

    /// The digest of a key of which only the SHA-256 is available.
    pub fn digest_of_sha256(&self, sha256: &[u8; 32]) -> KeyDigest {
        KeyDigest(self.0.clone().chain_update(sha256).finalize().into_bytes().into())
    }

    /// The digest of a random token. The label separates it from digests of keys, whose SHA-256 can be chosen when a key is imported.
    pub fn token_digest(&self, purpose: TokenPurpose, token: &str) -> [u8; 32] {
        let mac = self.0.clone().chain_update(purpose.label()).chain_update(Sha256::digest(token.as_bytes()));
        mac.finalize().into_bytes().into()
    }
}

/// Whether a key with one of Latchkey's prefixes has the right length and checksum; always true for other keys, which may be imported ones.
/// Keys that fail are rejected without a lookup.
pub fn is_plausible(key: &str) -> bool {
    let has_prefix = KIND_SPECS.iter().filter_map(|spec| spec.prefix).any(|prefix| key.starts_with(prefix));
    !has_prefix || has_valid_checksum(key)
}

fn has_valid_checksum(key: &str) -> bool {
    let Some(split) = key.len().checked_sub(CHECK_DIGITS) else { return false };
    let Some((body, check)) = key.split_at_checked(split) else { return false };
    let random = body.split_once('_').map_or("", |(_, random)| random);
    if random.len() != RANDOM_DIGITS || !random.bytes().all(|digit| digit.is_ascii_alphanumeric()) {
        return false;
    }
    // Compares digit by digit without allocating, because this runs before every verdict.
    let mut rest = crc32fast::hash(body.as_bytes());
    check.bytes().rev().all(|digit| {
        let expected = BASE62[(rest % 62) as usize];
        rest /= 62;
        digit == expected
    })
}

/// Appends a big-endian number as `digits` base-62 digits with leading zeros.
fn push_base62(text: &mut String, number: &[u8], digits: usize) {
    let mut rest = Zeroizing::new(number.to_vec());
    let mut reversed = Zeroizing::new(Vec::with_capacity(digits));
    for _ in 0..digits {
        let remainder = rest.iter_mut().fold(0u16, |carry, byte| {
            let value = (carry << 8) | u16::from(*byte);
            *byte = u8::try_from(value / 62).expect("the carry is below 62");
            value % 62
        });
        reversed.push(BASE62[usize::from(remainder)]);
    }
    text.extend(reversed.iter().rev().map(|digit| char::from(*digit)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use latchkey_types::key_kind::Kind;

    fn pepper(byte: u8) -> Pepper {
        Pepper::new(&Zeroizing::new([byte; 32]))
    }

    #[test]
    fn generated_keys_have_the_documented_form() {
        for spec in KIND_SPECS {
            let Kind::Key(kind) = spec.kind else { continue };
            let Some(prefix) = spec.prefix else {
                assert!(PlainKey::generate(kind).is_none());
                continue;
            };
            let key = PlainKey::generate(kind).expect("this kind has a prefix");
            assert!(key.reveal().starts_with(prefix));
            assert_eq!(key.reveal().len(), prefix.len() + RANDOM_DIGITS + CHECK_DIGITS);
            assert!(is_plausible(key.reveal()));
            assert_eq!(format!("{key:?}"), "PlainKey(…)");
        }
    }

    #[test]
    fn base62_of_known_numbers() {
        let mut text = String::new();
        push_base62(&mut text, &0u32.to_be_bytes(), 6);
        push_base62(&mut text, &61u32.to_be_bytes(), 2);
        push_base62(&mut text, &u32::MAX.to_be_bytes(), 6);
        assert_eq!(text, "0000000z4gfFC3");
        text.clear();
        push_base62(&mut text, &[0xFF; 32], RANDOM_DIGITS);
        assert_eq!(text.len(), RANDOM_DIGITS);
        assert_ne!(&text[..1], "0", "43 digits are needed for 256 bits");
    }

    #[test]
    fn the_digest_is_the_hmac_of_the_sha256_of_the_key() {
        let sha256: [u8; 32] = Sha256::digest("a").into();
        let hmac = Hmac::<Sha256>::new_from_slice(&[1; 32]).unwrap().chain_update(sha256).finalize().into_bytes();
        assert_eq!(pepper(1).digest("a").as_bytes()[..], hmac[..]);
        assert_eq!(pepper(1).digest_of_sha256(&sha256), pepper(1).digest("a"));
    }

    #[test]
    fn a_stored_digest_has_32_bytes_and_is_compared_as_a_whole() {
        let digest = KeyDigest::from_stored(&[7; 32]).unwrap();
        assert_eq!(digest.as_bytes(), &[7; 32]);
        assert!(KeyDigest::from_stored(&[7; 31]).is_none() && KeyDigest::from_stored(&[7; 33]).is_none());
        for at in [0, 15, 31] {
            let mut bytes = [7; 32];
            bytes[at] ^= 1;
            assert_ne!(KeyDigest::from_stored(&bytes).unwrap(), digest, "{at}");
        }
    }

    #[test]
    fn a_key_of_another_length_is_implausible() {
        let key = PlainKey::generate(KeyKind::Agent).unwrap();
        let (all, first) = (key.reveal(), "lka_");
        for implausible in [&all[..all.len() - 1], &format!("{all}0"), first, "lka_0", &format!("lka__{}", &all[5..])] {
            assert!(!is_plausible(implausible), "{}", implausible.len());
        }
        // Each part has the right length, but not only digits.
        let body = format!("lka_{}", "-".repeat(RANDOM_DIGITS));
        let mut made_up = body.clone();
        push_base62(&mut made_up, &crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECK_DIGITS);
        assert!(!is_plausible(&made_up));
        let short = format!("lka_{}", "0".repeat(RANDOM_DIGITS - 1));
        let mut made_up = short.clone();
        push_base62(&mut made_up, &crc32fast::hash(short.as_bytes()).to_be_bytes(), CHECK_DIGITS);
        assert!(!is_plausible(&made_up));
    }

    #[test]
    fn a_digest_depends_on_the_key_and_on_the_pepper() {
        assert_eq!(pepper(1).digest("a"), pepper(1).digest("a"));
        assert_ne!(pepper(1).digest("a"), pepper(1).digest("b"));
        assert_ne!(pepper(1).digest("a"), pepper(2).digest("a"));
    }

    #[test]
    fn the_digest_of_a_token_depends_on_its_purpose_and_on_the_pepper() {
        let digest = pepper(1).token_digest(TokenPurpose::Session, "a");
        assert_eq!(digest, pepper(1).token_digest(TokenPurpose::Session, "a"));
        assert_ne!(digest, pepper(1).token_digest(TokenPurpose::Session, "b"));
        assert_ne!(digest, pepper(1).token_digest(TokenPurpose::Invitation, "a"));
        assert_ne!(digest, pepper(2).token_digest(TokenPurpose::Session, "a"));
        assert_ne!(&digest, pepper(1).digest("a").as_bytes());
        assert_ne!(digest, <[u8; 32]>::from(Sha256::digest("a")));
    }

    proptest! {
        #[test]
        fn a_changed_character_is_detected(at in 4usize..53, with in "[0-9A-Za-z]") {
            let key = PlainKey::generate(KeyKind::Agent).unwrap();
            let mut changed = key.reveal().to_owned();
            changed.replace_range(at..=at, &with);
            prop_assert_eq!(is_plausible(&changed), changed == key.reveal());
        }

        #[test]
        fn made_up_keys_with_a_known_prefix_are_implausible(rest in "\\PC{0,80}") {
            let made_up = format!("lka_{rest}");
            prop_assert!(!is_plausible(&made_up));
        }

        #[test]
        fn keys_without_a_known_prefix_are_plausible(key in "[^l]\\PC{0,80}") {
            prop_assert!(is_plausible(&key));
        }
    }
}
