//! The secrets of this installation: random, each for one purpose, stored wrapped under the master key.
//!
//! A wrapped secret is a version byte, a 24-byte nonce and the XChaCha20-Poly1305 ciphertext; its additional data names the purpose,
//! so that one secret put in another's place does not open.

use std::{
    fs,
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{
    audit::Auditor,
    random::{self, Secret},
    store::{Store, keyring as stored},
};
use crate::model::fault::Fault;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
/// In the data folder, unless the environment gives the key.
const MASTER_KEY_FILE: &str = "master.key";

/// Everything that is secret in this installation, open.
pub struct Keyring {
    /// Under which the digests of API keys are made.
    pub pepper: Secret,
    /// Under which the audit log is chained.
    pub audit: Secret,
}

/// The key over all other keys.
struct MasterKey(Secret);

impl Keyring {
    /// Opens the keyring, or makes it when there is none and `may_create`.
    ///
    /// # Errors
    /// With a sentence for the operator: the master key is missing, malformed, or does not fit the data.
    pub async fn open(store: &Store, data: &Path, given: Option<&SecretString>, may_create: bool) -> anyhow::Result<Self> {
        let wrapped = stored::all(store).await.context("the keyring can't be read")?;
        if wrapped.is_empty() {
            ensure!(may_create, "this database was not set up yet: start `latchkey serve` once");
            return Self::create(store, &MasterKey::find_or_make(data, given)?).await;
        }
        let Some(master) = MasterKey::find(data, given)? else {
            bail!(
                "the master key is missing: put it back at {} or into LATCHKEY_MASTER_KEY; without it this data can't be opened, and no new one fits",
                data.join(MASTER_KEY_FILE).display()
            );
        };
        let open = |name: &str| {
            let secret = wrapped.iter().find(|secret| secret.name == name).with_context(|| format!("the keyring lacks its {name}"))?;
            master.unwrap(secret).context("the master key does not fit this data: give the one that it was made with")
        };
        Ok(Self { pepper: open("pepper")?, audit: open("audit")? })
    }

    async fn create(store: &Store, master: &MasterKey) -> anyhow::Result<Self> {
        let keyring = Self { pepper: Zeroizing::new(random::bytes()), audit: Zeroizing::new(random::bytes()) };
        let auditor = Auditor::new(&keyring.audit);
        let wrapped = [master.wrap("pepper", &keyring.pepper), master.wrap("audit", &keyring.audit)];
        store
            .write(move |tx| {
                Box::pin(async move {
                    for secret in &wrapped {
                        stored::insert(tx, secret).await?;
                    }
                    // With the key of its chain, so that a log without a beginning was altered.
                    Ok::<_, Fault>(auditor.begin(tx).await?)
                })
            })
            .await
            .context("the keyring can't be stored")?;
        Ok(keyring)
    }
}

impl MasterKey {
    fn find_or_make(data: &Path, given: Option<&SecretString>) -> anyhow::Result<Self> {
        match Self::find(data, given)? {
            Some(master) => Ok(master),
            None => Self::make(&data.join(MASTER_KEY_FILE)),
        }
    }

    fn find(data: &Path, given: Option<&SecretString>) -> anyhow::Result<Option<Self>> {
        if let Some(text) = given {
            return Self::parse(text.expose_secret()).context("LATCHKEY_MASTER_KEY is not a master key: 32 bytes in base64").map(Some);
        }
        let path = data.join(MASTER_KEY_FILE);
        match fs::read_to_string(&path).map(Zeroizing::new) {
            Ok(text) => Self::parse(&text).with_context(|| format!("{} holds no master key: 32 bytes in base64", path.display())).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} can't be read", path.display())),
        }
    }

    fn make(path: &Path) -> anyhow::Result<Self> {
        let master = Self(Zeroizing::new(random::bytes()));
        let text = Zeroizing::new(BASE64_STANDARD.encode(master.0.as_slice()));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("{} can't be made", path.display()))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        tracing::warn!("made a master key at {}: keep a copy elsewhere, the data can't be opened without it", path.display());
        Ok(master)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(text.trim())?);
        Ok(Self(Zeroizing::new(bytes.as_slice().try_into()?)))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.0))
    }

    fn wrap(&self, name: &str, secret: &Secret) -> stored::Wrapped {
        let nonce: [u8; NONCE_BYTES] = random::bytes();
        let payload = Payload { msg: secret.as_slice(), aad: &purpose(name) };
        let ciphertext = self.cipher().encrypt(&XNonce::from(nonce), payload).expect("32 bytes are within the cipher's limit");
        let wrapped = [&[VERSION][..], &nonce, &ciphertext].concat();
        stored::Wrapped { name: name.to_owned(), wrapped }
    }

    fn unwrap(&self, secret: &stored::Wrapped) -> anyhow::Result<Secret> {
        let (version, rest) = secret.wrapped.split_first().context("empty")?;
        ensure!(*version == VERSION, "made by a newer program");
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().context("too short")?;
        let payload = Payload { msg: ciphertext, aad: &purpose(&secret.name) };
        let Ok(plain) = self.cipher().decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new) else { bail!("does not open") };
        Ok(Zeroizing::new(plain.as_slice().try_into()?))
    }
}

fn purpose(name: &str) -> Vec<u8> {
    format!("latchkey keyring {VERSION} {name}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_secret_opens_only_as_it_was_made() {
        let (master, other) = (MasterKey(Zeroizing::new([1; 32])), MasterKey(Zeroizing::new([2; 32])));
        let secret = Zeroizing::new([7; 32]);
        let wrapped = master.wrap("pepper", &secret);
        assert_eq!(master.unwrap(&wrapped).unwrap(), secret);
        assert!(other.unwrap(&wrapped).is_err());
        assert!(master.unwrap(&stored::Wrapped { name: "audit".into(), wrapped: wrapped.wrapped.clone() }).is_err());
        for bit in 0..wrapped.wrapped.len() * 8 {
            let mut bytes = wrapped.wrapped.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(master.unwrap(&stored::Wrapped { name: "pepper".into(), wrapped: bytes }).is_err(), "bit {bit}");
        }
    }
}
