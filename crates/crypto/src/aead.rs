//! Authenticated encryption: XChaCha20-Poly1305 with a random nonce.
//!
//! Format: version byte, 24-byte nonce, ciphertext. The additional data is a binding that names purpose and owner, so that a ciphertext cannot
//! be moved to another place.

use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use zeroize::Zeroizing;

use super::random::{self, Secret};

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Wrong key, wrong binding, altered data or an unknown version; these are indistinguishable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("decryption failed")]
pub struct DecryptionError;

/// Encrypts `plain` under `key`, bound to `binding`.
///
/// # Panics
/// If `plain` exceeds the cipher's limit of 256 GiB per nonce.
pub fn seal(key: &Secret, binding: &[&str], plain: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE_BYTES] = random::bytes();
    let payload = Payload { msg: plain, aad: &additional_data(VERSION, binding) };
    let ciphertext = cipher(key).encrypt(&XNonce::from(nonce), payload).expect("plaintext is within the cipher's limit");
    [&[VERSION][..], &nonce, &ciphertext].concat()
}

/// Decrypts what [`seal`] returned for the same `key` and `binding`.
pub fn open(key: &Secret, binding: &[&str], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptionError> {
    let (version, rest) = sealed.split_first().ok_or(DecryptionError)?;
    if *version != VERSION {
        return Err(DecryptionError);
    }
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(DecryptionError)?;
    let payload = Payload { msg: ciphertext, aad: &additional_data(*version, binding) };
    cipher(key).decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| DecryptionError)
}

/// Decrypts a 256-bit key.
///
/// # Errors
/// [`DecryptionError`], also if the plaintext is not 32 bytes long.
pub fn open_key(key: &Secret, binding: &[&str], sealed: &[u8]) -> Result<Secret, DecryptionError> {
    open(key, binding, sealed)?.as_slice().try_into().map(Zeroizing::new).map_err(|_| DecryptionError)
}

fn cipher(key: &Secret) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&Key::from(**key))
}

/// Prefixes each part with its length, so that different lists of parts never encode equally.
fn additional_data(version: u8, parts: &[&str]) -> Vec<u8> {
    let mut data = vec![version];
    for part in parts {
        data.extend((part.len() as u64).to_be_bytes());
        data.extend(part.as_bytes());
    }
    data
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> Secret {
        Zeroizing::new([byte; 32])
    }

    #[test]
    fn open_requires_the_same_key() {
        let sealed = seal(&key(1), &["a"], b"secret");
        assert_eq!(open(&key(1), &["a"], &sealed).unwrap().as_slice(), b"secret");
        assert_eq!(open(&key(2), &["a"], &sealed), Err(DecryptionError));
        assert_eq!(open(&key(1), &["a"], &[]), Err(DecryptionError));
        assert_eq!(open(&key(1), &["a"], &sealed[..20]), Err(DecryptionError));
    }

    #[test]
    fn the_format_is_version_nonce_and_ciphertext() {
        let (one, other) = (seal(&key(1), &["a"], b"secret"), seal(&key(1), &["a"], b"secret"));
        assert_eq!((one[0], one.len()), (1, 1 + 24 + 6 + 16));
        assert_ne!(one[1..25], other[1..25], "a nonce is used once");
        assert_eq!(additional_data(1, &["ab", "c"]), [&[1, 0, 0, 0, 0, 0, 0, 0, 2][..], b"ab", &[0, 0, 0, 0, 0, 0, 0, 1], b"c"].concat());
    }

    #[test]
    fn open_key_requires_32_bytes() {
        assert_eq!(open_key(&key(1), &[], &seal(&key(1), &[], &*key(7))).unwrap(), key(7));
        assert_eq!(open_key(&key(1), &[], &seal(&key(1), &[], &[7; 31])), Err(DecryptionError));
    }

    proptest! {
        #[test]
        fn a_flipped_bit_is_detected(plain in proptest::collection::vec(any::<u8>(), 0..200), at in any::<proptest::sample::Index>()) {
            let mut sealed = seal(&key(1), &["a"], &plain);
            let bit = at.index(sealed.len() * 8);
            sealed[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(open(&key(1), &["a"], &sealed), Err(DecryptionError));
        }

        #[test]
        fn another_binding_is_detected(one in proptest::collection::vec("[ab]{0,3}", 0..4), other in proptest::collection::vec("[ab]{0,3}", 0..4)) {
            let (one, other): (Vec<&str>, Vec<&str>) = (one.iter().map(String::as_str).collect(), other.iter().map(String::as_str).collect());
            let sealed = seal(&key(1), &one, b"secret");
            prop_assert_eq!(open(&key(1), &other, &sealed).is_ok(), one == other);
        }
    }
}
