//! The keys under which project keys are signed: Ed25519. The private half is one of this installation's secrets, wrapped in the keyring
//! as `signing <kid>`; it is deleted when the next one takes over. The public half stays, for as long as a token under it is good.

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

/// How long one signs, in days. The first reveal after that makes the next.
const SIGNS_DAYS: i64 = 90;
/// PKCS#8 of an Ed25519 key without its public half, up to the 32 bytes of its seed: RFC 8410, section 7.
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A key that signs.
pub struct SigningKey {
    /// Its name in every token under it: RFC 7638's thumbprint.
    pub kid: String,
    /// Its public half.
    pub public_key: [u8; 32],
    seed: Secret,
}

impl SigningKey {
    /// A new one.
    ///
    /// # Panics
    /// When the system's generator fails.
    pub fn generate() -> Self {
        Self::of_seed(Zeroizing::new(random::bytes()))
    }

    /// The one of this seed: any 32 bytes are one.
    ///
    /// # Panics
    /// Never: every seed of 32 bytes has a public half of 32 bytes.
    fn of_seed(seed: Secret) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).expect("a seed has 32 bytes");
        let public_key: [u8; 32] = pair.public_key().as_ref().try_into().expect("a public key has 32 bytes");
        Self { kid: thumbprint(&public_key), public_key, seed }
    }

    /// For the library that writes tokens.
    pub fn encoding_key(&self) -> EncodingKey {
        let mut der = Zeroizing::new([0; 48]);
        der[..16].copy_from_slice(&PKCS8_PREFIX);
        der[16..].copy_from_slice(self.seed.as_slice());
        EncodingKey::from_ed_der(der.as_slice())
    }
}

/// The `x` of a public key, as a JSON Web Key has it.
pub fn coordinate(public_key: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(public_key)
}

/// RFC 7638, of the members that RFC 8037 names.
fn thumbprint(public_key: &[u8]) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, coordinate(public_key));
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(members.as_bytes()))
}

/// The name of its private half in the keyring.
fn name_in_keyring(kid: &str) -> String {
    format!("signing {kid}")
}

/// The key that signs now, inside the transaction that needs it, and whether it is a new one: there was none, or the one before has signed
/// for long enough.
///
/// # Errors
/// `Internal` when no master key fits any more; `Unavailable`.
pub async fn current(tx: &mut Tx, vault: &Vault, now: Timestamp) -> Result<(SigningKey, bool), Fault> {
    let young = signing_keys::current(tx).await?.filter(|key| now < Timestamp(key.created_at).plus_days(SIGNS_DAYS));
    let Some(young) = young else { return Ok((replace(tx, vault, now).await?, true)) };
    let key = SigningKey::of_seed(vault.unwrap(tx, &name_in_keyring(&young.kid)).await?);
    if key.public_key[..] == young.public_key[..] {
        return Ok((key, false));
    }
    tracing::error!(kid = young.kid, "a signing key's public half was altered: `latchkey admin rotate-signing-key` makes another");
    Err(Fault::Internal)
}

/// Puts a new key in the place of the one that signs, whose private half is gone with that; every process forgets the public ones that it
/// knows.
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

/// Puts a new signing key in the place of the one in use, at once; tokens under the one before stay good. Answers its name. For the console.
///
/// # Errors
/// A sentence for the operator.
pub async fn rotate(state: &AppState) -> anyhow::Result<String> {
    let (vault, auditor) = (state.vault.clone(), state.auditor.clone());
    let organizations = store::people::organizations(&state.store).await?;
    let done = state
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
    let kid = done.context("nothing was changed")?;
    state.verifier.forget(None);
    Ok(kid)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.
    #[test]
    fn the_key_of_the_standards_own_example_has_its_public_half_and_its_thumbprint() {
        let seed = BASE64_URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let key = SigningKey::of_seed(Zeroizing::new(seed.try_into().unwrap()));
        assert_eq!(coordinate(&key.public_key), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let pair = Ed25519KeyPair::from_pkcs8(key.encoding_key().as_bytes()).unwrap();
        assert_eq!(pair.public_key().as_ref(), key.public_key);
    }

    #[test]
    fn each_is_another() {
        assert_ne!(SigningKey::generate().kid, SigningKey::generate().kid);
    }
}
