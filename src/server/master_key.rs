//! The key over all other keys, and where it is kept: in the data folder, or in the environment.

use std::{
    fs::{self, File, TryLockError},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{
    random::{self, Secret},
    seal,
    store::keyring::Wrapped,
};

const FILE: &str = "master.key";
/// The next one, while it takes over.
const NEXT_FILE: &str = "master.key.next";
/// Held by whoever moves the next one.
const LOCK_FILE: &str = "master.key.lock";

/// The key over all other keys.
pub struct MasterKey(Secret);

impl MasterKey {
    /// A new one.
    pub fn generate() -> Self {
        Self(Zeroizing::new(random::bytes()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(text.trim())?);
        Ok(Self(Zeroizing::new(bytes.as_slice().try_into()?)))
    }

    /// The key itself, to seal and to open with.
    pub const fn secret(&self) -> &Secret {
        &self.0
    }

    /// Wraps one of this installation's secrets.
    pub fn wrap(&self, name: &str, secret: &Secret) -> Wrapped {
        Wrapped { name: name.to_owned(), wrapped: seal::seal(&self.0, &binding(name), secret.as_slice()) }
    }

    /// Opens one of this installation's secrets.
    ///
    /// # Errors
    /// When it was wrapped under another key, for something else, or altered.
    pub fn unwrap(&self, secret: &Wrapped) -> Result<Secret, seal::Unopened> {
        seal::open_key(&self.0, &binding(&secret.name), &secret.wrapped)
    }

    /// Whether it is the key of this keyring.
    pub fn fits(&self, keyring: &[Wrapped]) -> bool {
        keyring.iter().all(|secret| self.unwrap(secret).is_ok())
    }
}

fn binding(name: &str) -> [&str; 2] {
    ["latchkey keyring", name]
}

/// Where the master key is kept.
#[derive(Debug, Clone)]
pub enum KeyPlace {
    /// In files of this folder.
    Folder(PathBuf),
    /// In the environment.
    Environment {
        /// `LATCHKEY_MASTER_KEY`.
        current: SecretString,
        /// `LATCHKEY_NEW_MASTER_KEY`.
        next: Option<SecretString>,
    },
}

/// The key that fits, and whether it is the one that is about to take over.
pub struct Found {
    /// The key.
    pub key: MasterKey,
    /// Whether it stands in the next one's place.
    pub is_next: bool,
}

impl KeyPlace {
    /// The key of this keyring, if it is here. Looks twice: a rotation may be putting the next key in its place.
    ///
    /// # Errors
    /// When there is one that can't be read.
    pub fn find(&self, keyring: &[Wrapped]) -> anyhow::Result<Option<Found>> {
        for _ in 0..2 {
            // One that is broken is told of only where no other fits.
            let (current, next) = (self.current(), self.next());
            if matches!(&current, Ok(Some(key)) if key.fits(keyring)) {
                return Ok(current?.map(|key| Found { key, is_next: false }));
            }
            if matches!(&next, Ok(Some(key)) if key.fits(keyring)) {
                return Ok(next?.map(|key| Found { key, is_next: true }));
            }
            current?;
        }
        Ok(None)
    }

    /// The key that stands here, whether or not it fits.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn current(&self) -> anyhow::Result<Option<MasterKey>> {
        match self {
            Self::Folder(folder) => read(&folder.join(FILE)),
            Self::Environment { current, .. } => parse_variable("LATCHKEY_MASTER_KEY", current).map(Some),
        }
    }

    /// The key that is to take over, where there is one.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn next(&self) -> anyhow::Result<Option<MasterKey>> {
        match self {
            Self::Folder(folder) => read(&folder.join(NEXT_FILE)),
            Self::Environment { next, .. } => next.as_ref().map(|text| parse_variable("LATCHKEY_NEW_MASTER_KEY", text)).transpose(),
        }
    }

    /// Makes the first key of a folder.
    ///
    /// # Errors
    /// When it can't be written, or one is there.
    pub fn make(folder: &Path) -> anyhow::Result<MasterKey> {
        let path = folder.join(FILE);
        let master = MasterKey::generate();
        write(fs::OpenOptions::new().create_new(true), &path, &master).with_context(|| format!("{} can't be made", path.display()))?;
        tracing::warn!("made a master key at {}: keep a copy elsewhere, the data can't be opened without it", path.display());
        Ok(master)
    }

    /// Lays a key beside the one in use. One that an interrupted rotation left is written over: it never came into use.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn lay_next(folder: &Path, master: &MasterKey) -> anyhow::Result<()> {
        let path = folder.join(NEXT_FILE);
        write(fs::OpenOptions::new().create(true).truncate(true), &path, master).with_context(|| format!("{} can't be written", path.display()))
    }

    /// Puts the next key in the place of the one in use. Only while holding [`KeyPlace::lock`], and when the next one fits the data:
    /// else the only key of the data could be written over.
    ///
    /// # Errors
    /// When it can't be moved.
    pub fn promote_next(folder: &Path) -> anyhow::Result<()> {
        let moved = fs::rename(folder.join(NEXT_FILE), folder.join(FILE)).and_then(|()| sync(folder));
        moved.with_context(|| format!("the new master key can't be moved to {}", folder.join(FILE).display()))
    }

    /// Finishes a rotation that was interrupted between the data and the file. One that is under way finishes by itself.
    ///
    /// # Errors
    /// When the files can't be read or moved.
    pub fn finish_rotation(&self, keyring: &[Wrapped]) -> anyhow::Result<()> {
        let Self::Folder(folder) = self else { return Ok(()) };
        let Some(_lock) = Self::lock(folder)? else { return Ok(()) };
        if self.find(keyring)?.is_some_and(|found| found.is_next) {
            Self::promote_next(folder)?;
            tracing::warn!("finished an interrupted rotation: {} is the new master key", folder.join(FILE).display());
        }
        Ok(())
    }

    /// The lock of a folder's keys, until it is dropped; `None` when somebody else has it.
    ///
    /// # Errors
    /// When its file can't be made.
    pub fn lock(folder: &Path) -> anyhow::Result<Option<File>> {
        let path = folder.join(LOCK_FILE);
        let unusable = || format!("{} can't be locked", path.display());
        let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(&path).with_context(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).with_context(unusable),
        }
    }

    /// Where the operator has to look.
    pub fn describe(&self) -> String {
        match self {
            Self::Folder(folder) => folder.join(FILE).display().to_string(),
            Self::Environment { .. } => "LATCHKEY_MASTER_KEY".to_owned(),
        }
    }
}

fn parse_variable(name: &str, text: &SecretString) -> anyhow::Result<MasterKey> {
    MasterKey::parse(text.expose_secret()).with_context(|| format!("{name} is not a master key: 32 bytes in base64"))
}

fn read(path: &Path) -> anyhow::Result<Option<MasterKey>> {
    match fs::read_to_string(path).map(Zeroizing::new) {
        Ok(text) => MasterKey::parse(&text).with_context(|| format!("{} holds no master key: 32 bytes in base64", path.display())).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} can't be read", path.display())),
    }
}

/// On the disk before it comes into use: data that was wrapped under a lost key is lost too.
fn write(options: &mut fs::OpenOptions, path: &Path, master: &MasterKey) -> std::io::Result<()> {
    let text = Zeroizing::new(BASE64_STANDARD.encode(master.0.as_slice()));
    let mut file = options.write(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), sync)
}

/// A new name is on the disk once its folder is.
fn sync(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn keyring(master: &MasterKey) -> Vec<Wrapped> {
        vec![master.wrap("pepper", &Zeroizing::new([7; 32])), master.wrap("audit", &Zeroizing::new([8; 32]))]
    }

    #[test]
    fn a_wrapped_secret_opens_only_as_it_was_made() {
        let (master, other) = (MasterKey::generate(), MasterKey::generate());
        let wrapped = master.wrap("pepper", &Zeroizing::new([7; 32]));
        assert_eq!(master.unwrap(&wrapped).unwrap(), Zeroizing::new([7; 32]));
        assert!(other.unwrap(&wrapped).is_err());
        assert!(master.unwrap(&Wrapped { name: "audit".into(), wrapped: wrapped.wrapped }).is_err());
    }

    #[test]
    fn the_key_that_fits_is_found_in_either_place() {
        let folder = TempDir::new().unwrap();
        let place = KeyPlace::Folder(folder.path().to_owned());
        let (first, second) = (KeyPlace::make(folder.path()).unwrap(), MasterKey::generate());
        KeyPlace::lay_next(folder.path(), &second).unwrap();
        assert!(!place.find(&keyring(&first)).unwrap().unwrap().is_next);
        assert!(place.find(&keyring(&second)).unwrap().unwrap().is_next);
        assert!(place.find(&keyring(&MasterKey::generate())).unwrap().is_none());
        // Half written, and not needed.
        fs::write(folder.path().join(NEXT_FILE), "AAAA").unwrap();
        assert!(place.find(&keyring(&first)).unwrap().is_some());
        KeyPlace::lay_next(folder.path(), &second).unwrap();
        place.finish_rotation(&keyring(&first)).unwrap();
        assert!(place.find(&keyring(&second)).unwrap().unwrap().is_next, "one that never came into use stays where it is");
        place.finish_rotation(&keyring(&second)).unwrap();
        assert!(!place.find(&keyring(&second)).unwrap().unwrap().is_next);
    }
}
