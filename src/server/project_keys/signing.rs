//! Ed25519 signing keys of project keys. The private key is wrapped in the keyring as `signing <kid>` and deleted when it is replaced. The
//! public key is kept as long as a token signed with it can be valid.

use anyhow::Context;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    model::{fault::Fault, time::Timestamp},
    server::{
        accounts,
        audit::Event,
        random::{self, Secret},
        state::AppState,
        store::{self, Tx, keyring, signing_keys},
        vault::Vault,
    },
};

/// Lifetime of a signing key in days. The first reveal after that creates the next one.
const LIFETIME_DAYS: i64 = 90;
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
    fn from_seed(seed: Secret) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).expect("a seed has 32 bytes");
        let public_key: [u8; 32] = pair.public_key().as_ref().try_into().expect("a public key has 32 bytes");
        Self { kid: thumbprint(&public_key), public_key, seed }
    }

    pub fn encoding_key(&self) -> EncodingKey {
        let mut der = Zeroizing::new([0; 48]);
        der[..16].copy_from_slice(&PKCS8_PREFIX);
        der[16..].copy_from_slice(self.seed.as_slice());
        EncodingKey::from_ed_der(der.as_slice())
    }
}

/// The `x` member of a JSON Web Key.
pub fn coordinate(public_key: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(public_key)
}

/// RFC 7638 thumbprint, over the members that RFC 8037 requires.
fn thumbprint(public_key: &[u8]) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, coordinate(public_key));
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(members.as_bytes()))
}

/// Name of the private key in the keyring.
fn name_in_keyring(kid: &str) -> String {
    format!("signing {kid}")
}

/// The current signing key, and whether it was created by this call because there was none or the last one exceeded its lifetime.
///
/// # Errors
/// `Internal` if the stored key cannot be decrypted or does not match its public key.
pub async fn current(tx: &mut Tx, vault: &Vault, now: Timestamp) -> Result<(SigningKey, bool), Fault> {
    let current = signing_keys::current(tx).await?.filter(|key| now < Timestamp(key.created_at).plus_days(LIFETIME_DAYS));
    let Some(current) = current else { return Ok((replace(tx, vault, now).await?, true)) };
    let key = SigningKey::from_seed(vault.unwrap(tx, &name_in_keyring(&current.kid)).await?);
    if key.public_key[..] == current.public_key[..] {
        return Ok((key, false));
    }
    tracing::error!(
        kid = current.kid,
        "the stored public key of a signing key was altered: create a new one with `latchkey admin rotate-signing-key`"
    );
    Err(Fault::Internal)
}

/// Replaces the signing key and deletes its private key. All instances reload the public keys.
async fn replace(tx: &mut Tx, vault: &Vault, now: Timestamp) -> Result<SigningKey, Fault> {
    for retired in signing_keys::retire_all(tx, now).await? {
        keyring::delete(tx, &name_in_keyring(&retired)).await?;
    }
    let key = SigningKey::generate();
    let wrapped = vault.wrap(tx, &name_in_keyring(&key.kid), &key.seed).await?;
    keyring::insert(tx, &wrapped).await?;
    signing_keys::insert(tx, &key.kid, &key.public_key, now).await?;
    store::changes::note(tx, None).await?;
    Ok(key)
}

/// Replaces the signing key immediately and returns the new key id; tokens signed with the old key remain valid. For `latchkey admin`; errors
/// are messages for the operator.
pub async fn rotate(state: &AppState) -> anyhow::Result<String> {
    let (vault, auditor) = (state.vault.clone(), state.auditor.clone());
    let organizations = store::people::organizations(&state.store).await?;
    let result = state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let kid = replace(tx, &vault, Timestamp::now()).await?.kid;
                for (id, name) in organizations {
                    let console = accounts::console_of(id.parse().map_err(|_| Fault::Internal)?);
                    auditor.record(tx, Event::new(&console, "signing_key.rotated", "organization", id, &name).with("kid", kid.as_str())).await?;
                }
                Ok(kid)
            })
        })
        .await;
    let kid = result.context("nothing was changed")?;
    state.verifier.forget(None);
    Ok(kid)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.
    #[test]
    fn derives_public_key_and_thumbprint_of_the_rfc_example() {
        let seed = BASE64_URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let key = SigningKey::from_seed(Zeroizing::new(seed.try_into().unwrap()));
        assert_eq!(coordinate(&key.public_key), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let pair = Ed25519KeyPair::from_pkcs8(key.encoding_key().as_bytes()).unwrap();
        assert_eq!(pair.public_key().as_ref(), key.public_key);
    }

    #[test]
    fn generated_keys_differ() {
        assert_ne!(SigningKey::generate().kid, SigningKey::generate().kid);
    }
}
