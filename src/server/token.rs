//! The API keys that we make: their form, their check and what is kept of them.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::random;
use crate::model::policy::{KeyKind, POLICIES};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^43 is the first power above 2^256.
const RANDOM_DIGITS: usize = 43;
/// 62^6 is the first power above 2^32.
const CHECK_DIGITS: usize = 6;

/// A key in clear text. Prints nothing and is wiped.
pub struct PlainKey(SecretString);

impl PlainKey {
    /// A new key of a kind: its prefix, 256 random bits and a checksum of both.
    /// `None` for the kind whose keys are signed tokens.
    pub fn generate(kind: KeyKind) -> Option<Self> {
        let mut key = kind.policy().prefix?.to_owned();
        // Reserved whole, so that no copy of a beginning stays behind in memory.
        key.reserve_exact(RANDOM_DIGITS + CHECK_DIGITS);
        let mut random: [u8; 32] = random::bytes();
        push_base62(&mut key, &random, RANDOM_DIGITS);
        random.zeroize();
        let check = crc32fast::hash(key.as_bytes()).to_be_bytes();
        push_base62(&mut key, &check, CHECK_DIGITS);
        Some(Self(key.into()))
    }

    /// The key itself: for the one answer that shows it.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainKey(…)")
    }
}

/// What is kept of a key: HMAC-SHA256(pepper, SHA-256(key)). The inner hash lets a key that was made elsewhere be taken over by
/// its SHA-256; the outer one makes a stolen database useless without the pepper.
#[derive(Clone, Copy)]
pub struct KeyDigest([u8; 32]);

/// In constant time.
impl PartialEq for KeyDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
impl Eq for KeyDigest {}

/// By its first bytes: the output of an HMAC is even in each part.
impl Hash for KeyDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    }
}

impl KeyDigest {
    /// The bytes as they are stored.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the stored bytes; `None` for another length.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(…)")
    }
}

/// The secret under which digests are made: without it the stored ones can't be tested against guesses.
#[derive(Clone)]
pub struct Pepper(Hmac<Sha256>);

impl Pepper {
    /// Takes 256 random bits.
    ///
    /// # Panics
    /// Never: HMAC takes a key of any length.
    pub fn new(secret: &Zeroizing<[u8; 32]>) -> Self {
        Self(Hmac::new_from_slice(secret.as_slice()).expect("HMAC takes any length"))
    }

    /// The digest of a key.
    pub fn digest(&self, key: &str) -> KeyDigest {
        self.digest_of_sha256(&Sha256::digest(key.as_bytes()).into())
    }

    /// The digest of a key of which only the SHA-256 is known.
    pub fn digest_of_sha256(&self, sha256: &[u8; 32]) -> KeyDigest {
        KeyDigest(self.0.clone().chain_update(sha256).finalize().into_bytes().into())
    }
}

/// Whether a key that claims to be ours, by its prefix, has the length and the checksum of one. Other keys may: they can have been
/// made elsewhere. What fails here is refused without a look-up.
pub fn is_plausible(key: &str) -> bool {
    let ours = POLICIES.iter().filter_map(|policy| policy.prefix).any(|prefix| key.starts_with(prefix));
    !ours || has_valid_checksum(key)
}

fn has_valid_checksum(key: &str) -> bool {
    let Some(split) = key.len().checked_sub(CHECK_DIGITS) else { return false };
    let Some((body, check)) = key.split_at_checked(split) else { return false };
    let random = body.split_once('_').map_or("", |(_, random)| random);
    if random.len() != RANDOM_DIGITS || !random.bytes().all(|digit| BASE62.contains(&digit)) {
        return false;
    }
    let mut expected = String::with_capacity(CHECK_DIGITS);
    push_base62(&mut expected, &crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECK_DIGITS);
    expected == check
}

/// Writes a big-endian number in so many base-62 digits, zeros in front.
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
    use crate::model::policy::Kind;

    fn pepper(byte: u8) -> Pepper {
        Pepper::new(&Zeroizing::new([byte; 32]))
    }

    #[test]
    fn a_new_key_has_the_published_form() {
        for policy in POLICIES {
            let Kind::Key(kind) = policy.kind else { continue };
            let Some(prefix) = policy.prefix else {
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
    fn a_digest_depends_on_the_key_and_on_the_pepper() {
        assert_eq!(pepper(1).digest("a"), pepper(1).digest("a"));
        assert_ne!(pepper(1).digest("a"), pepper(1).digest("b"));
        assert_ne!(pepper(1).digest("a"), pepper(2).digest("a"));
    }

    proptest! {
        #[test]
        fn one_changed_character_is_noticed(at in 4usize..53, with in "[0-9A-Za-z]") {
            let key = PlainKey::generate(KeyKind::Agent).unwrap();
            let mut changed = key.reveal().to_owned();
            changed.replace_range(at..=at, &with);
            prop_assert_eq!(is_plausible(&changed), changed == key.reveal());
        }

        #[test]
        fn nothing_made_up_under_our_prefix_is_plausible(rest in "\\PC{0,80}") {
            let made_up = format!("lka_{rest}");
            prop_assert!(!is_plausible(&made_up));
        }

        #[test]
        fn anything_else_may_have_been_made_elsewhere(key in "[^l]\\PC{0,80}") {
            prop_assert!(is_plausible(&key));
        }
    }
}
