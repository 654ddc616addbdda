//! The Ed25519 keys that sign project keys.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::random::{self, Secret};

/// PKCS#8 header of an Ed25519 private key without its public key, followed by the 32-byte seed: RFC 8410, section 7.
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

pub struct SigningKey {
    /// Key id in the header of each token: the RFC 7638 thumbprint.
    pub kid: String,
    pub public_key: [u8; 32],
    seed: Secret,
}

impl SigningKey {
    /// # Panics
    /// If the system's random generator fails.
    pub fn generate() -> Self {
        Self::from_seed(Zeroizing::new(random::bytes()))
    }

    /// Any 32 bytes are a valid seed.
    pub fn from_seed(seed: Secret) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).expect("a seed has 32 bytes");
        let public_key: [u8; 32] = pair.public_key().as_ref().try_into().expect("a public key has 32 bytes");
        Self { kid: thumbprint(&public_key), public_key, seed }
    }

    pub const fn seed(&self) -> &Secret {
        &self.seed
    }

    pub fn encoding_key(&self) -> EncodingKey {
        let mut der = Zeroizing::new([0; 48]);
        der[..16].copy_from_slice(&PKCS8_PREFIX);
        der[16..].copy_from_slice(self.seed.as_slice());
        EncodingKey::from_ed_der(der.as_slice())
    }
}

/// The `x` member of a JSON Web Key.
pub fn jwk_x(public_key: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(public_key)
}

/// RFC 7638 thumbprint, over the members that RFC 8037 requires.
fn thumbprint(public_key: &[u8]) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, jwk_x(public_key));
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(members.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.
    #[test]
    fn derives_public_key_and_thumbprint_of_the_rfc_example() {
        let seed = BASE64_URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let key = SigningKey::from_seed(Zeroizing::new(seed.try_into().unwrap()));
        assert_eq!(jwk_x(&key.public_key), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(key.seed().as_slice()), "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
        assert_eq!(key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let pair = Ed25519KeyPair::from_pkcs8(key.encoding_key().as_bytes()).unwrap();
        assert_eq!(pair.public_key().as_ref(), key.public_key);
    }

    #[test]
    fn generated_keys_differ() {
        assert_ne!(SigningKey::generate().kid, SigningKey::generate().kid);
    }
}
