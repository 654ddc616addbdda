//! The master key, which wraps all other keys, and its storage: the data folder or the environment.

use std::{
    fs::{self, File, Permissions, TryLockError},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{
    aead,
    random::{self, Secret},
};

const FILE: &str = "master.key";
/// The next key during a rotation.
const NEXT_FILE: &str = "master.key.next";
/// Held while the next key is moved.
const LOCK_FILE: &str = "master.key.lock";

/// A secret as stored.
pub struct Wrapped {
    /// Its purpose; unique.
    pub name: String,
    /// Version, nonce and ciphertext.
    pub wrapped: Vec<u8>,
}

/// The key that wraps all other keys.
pub struct MasterKey(Secret);

impl MasterKey {
    pub fn generate() -> Self {
        Self(Zeroizing::new(random::bytes()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(text.trim())?);
        Ok(Self(Zeroizing::new(bytes.as_slice().try_into()?)))
    }

    pub const fn secret(&self) -> &Secret {
        &self.0
    }

    /// Wraps one of the installation's secrets.
    pub fn wrap(&self, name: &str, secret: &Secret) -> Wrapped {
        Wrapped { name: name.to_owned(), wrapped: aead::seal(&self.0, &binding(name), secret.as_slice()) }
    }

    /// Unwraps one of the installation's secrets.
    pub fn unwrap(&self, secret: &Wrapped) -> Result<Secret, aead::DecryptionError> {
        aead::open_key(&self.0, &binding(&secret.name), &secret.wrapped)
    }

    /// Whether all secrets of this keyring are wrapped under this key.
    pub fn matches(&self, keyring: &[Wrapped]) -> bool {
        keyring.iter().all(|secret| self.unwrap(secret).is_ok())
    }
}

fn binding(name: &str) -> [&str; 2] {
    ["latchkey keyring", name]
}

#[derive(Debug, Clone)]
pub enum MasterKeySource {
    /// Files in this folder.
    Folder(PathBuf),
    Environment {
        /// `LATCHKEY_MASTER_KEY`.
        current: SecretString,
        /// `LATCHKEY_NEW_MASTER_KEY`.
        next: Option<SecretString>,
    },
}

/// The key that fits the data.
pub struct FoundMasterKey {
    pub key: MasterKey,
    /// Whether it was found as the next key, not as the current one.
    pub is_next: bool,
}

impl MasterKeySource {
    /// The key that fits this keyring, if there is one. Reads twice, because a concurrent rotation may be moving the next key.
    ///
    /// # Errors
    /// If a key can't be read and no other fits.
    pub fn find(&self, keyring: &[Wrapped]) -> anyhow::Result<Option<FoundMasterKey>> {
        for _ in 0..2 {
            // A malformed key is an error only if no other key fits.
            let (current, next) = (self.current(), self.next());
            if matches!(&current, Ok(Some(key)) if key.matches(keyring)) {
                return Ok(current?.map(|key| FoundMasterKey { key, is_next: false }));
            }
            if matches!(&next, Ok(Some(key)) if key.matches(keyring)) {
                return Ok(next?.map(|key| FoundMasterKey { key, is_next: true }));
            }
            current?;
        }
        Ok(None)
    }

    /// The current key, whether or not it fits the data.
    pub fn current(&self) -> anyhow::Result<Option<MasterKey>> {
        match self {
            Self::Folder(folder) => read(&folder.join(FILE)),
            Self::Environment { current, .. } => parse_variable("LATCHKEY_MASTER_KEY", current).map(Some),
        }
    }

    /// The next key of a rotation, if there is one.
    pub fn next(&self) -> anyhow::Result<Option<MasterKey>> {
        match self {
            Self::Folder(folder) => read(&folder.join(NEXT_FILE)),
            Self::Environment { next, .. } => next.as_ref().map(|text| parse_variable("LATCHKEY_NEW_MASTER_KEY", text)).transpose(),
        }
    }

    /// Creates the first key of a folder.
    ///
    /// # Errors
    /// Also if there is one already.
    pub fn create(folder: &Path) -> anyhow::Result<MasterKey> {
        let path = folder.join(FILE);
        let master = MasterKey::generate();
        write(fs::OpenOptions::new().create_new(true), &path, &master).with_context(|| format!("cannot create {}", path.display()))?;
        tracing::warn!("created a master key at {}: keep a copy elsewhere, because the data can't be opened without it", path.display());
        Ok(master)
    }

    /// Writes the next key beside the current one. Overwrites a next key of an interrupted rotation, which was never used.
    pub fn write_next(folder: &Path, master: &MasterKey) -> anyhow::Result<()> {
        let path = folder.join(NEXT_FILE);
        write(fs::OpenOptions::new().create(true).truncate(true), &path, master).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Replaces the current key with the next one. The caller must hold [`MasterKeySource::lock`] and have checked that the next key fits the data;
    /// otherwise the only key of the data could be overwritten.
    pub fn promote_next(folder: &Path) -> anyhow::Result<()> {
        let moved = fs::rename(folder.join(NEXT_FILE), folder.join(FILE)).and_then(|()| sync(folder));
        moved.with_context(|| format!("cannot move the new master key to {}", folder.join(FILE).display()))
    }

    /// Completes a rotation that was interrupted after the data was rewrapped. Does nothing while a rotation is running.
    pub fn finish_rotation(&self, keyring: &[Wrapped]) -> anyhow::Result<()> {
        let Self::Folder(folder) = self else { return Ok(()) };
        let Some(_lock) = Self::lock(folder)? else { return Ok(()) };
        if self.find(keyring)?.is_some_and(|found| found.is_next) {
            Self::promote_next(folder)?;
            tracing::warn!("finished an interrupted rotation: {} is the new master key", folder.join(FILE).display());
        }
        Ok(())
    }

    /// Locks a folder's keys until the file is dropped; `None` if another process holds the lock.
    pub fn lock(folder: &Path) -> anyhow::Result<Option<File>> {
        let path = folder.join(LOCK_FILE);
        let unusable = || format!("cannot lock {}", path.display());
        let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(&path).with_context(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).with_context(unusable),
        }
    }

    /// The location of the key, for error messages.
    pub fn describe(&self) -> String {
        match self {
            Self::Folder(folder) => folder.join(FILE).display().to_string(),
            Self::Environment { .. } => "LATCHKEY_MASTER_KEY".to_owned(),
        }
    }
}

fn parse_variable(name: &str, text: &SecretString) -> anyhow::Result<MasterKey> {
    MasterKey::parse(text.expose_secret()).with_context(|| format!("{name} is not a master key: it must be 32 bytes in base64"))
}

fn read(path: &Path) -> anyhow::Result<Option<MasterKey>> {
    match read_with_mode(path) {
        Ok((text, mode)) => {
            let shown = path.display();
            // The lowest six bits are the permissions of group and others.
            let is_private = mode.trailing_zeros() >= 6;
            ensure!(
                is_private,
                "{shown} is open to other users (mode {:04o}): run `chmod 600 {shown}`, or set LATCHKEY_MASTER_KEY if its file system has no modes",
                mode & 0o7777
            );
            MasterKey::parse(&text).with_context(|| format!("{shown} does not contain a master key: it must be 32 bytes in base64")).map(Some)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// The content and the mode of one file: it could be replaced between two look-ups of its path.
fn read_with_mode(path: &Path) -> io::Result<(Zeroizing<String>, u32)> {
    let mut file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)?;
    Ok((text, mode))
}

/// Syncs the file to disk before the key is used: without the key, data that was wrapped under it would be lost too.
fn write(options: &mut fs::OpenOptions, path: &Path, master: &MasterKey) -> io::Result<()> {
    let text = Zeroizing::new(BASE64_STANDARD.encode(master.0.as_slice()));
    let mut file = options.write(true).mode(0o600).open(path)?;
    // An existing file keeps its mode otherwise, with which the key would be refused.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), sync)
}

/// Syncs the folder, so that a new file name is durable.
fn sync(folder: &Path) -> io::Result<()> {
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
    fn unwrap_requires_the_same_key_and_name() {
        let (master, other) = (MasterKey::generate(), MasterKey::generate());
        let wrapped = master.wrap("pepper", &Zeroizing::new([7; 32]));
        assert_eq!(master.unwrap(&wrapped).unwrap(), Zeroizing::new([7; 32]));
        assert!(other.unwrap(&wrapped).is_err());
        assert!(master.unwrap(&Wrapped { name: "audit".into(), wrapped: wrapped.wrapped }).is_err());
    }

    #[test]
    fn find_returns_the_current_or_the_next_key() {
        let folder = TempDir::new().unwrap();
        let source = MasterKeySource::Folder(folder.path().to_owned());
        let (first, second) = (MasterKeySource::create(folder.path()).unwrap(), MasterKey::generate());
        MasterKeySource::write_next(folder.path(), &second).unwrap();
        assert!(!source.find(&keyring(&first)).unwrap().unwrap().is_next);
        assert!(source.find(&keyring(&second)).unwrap().unwrap().is_next);
        assert!(source.find(&keyring(&MasterKey::generate())).unwrap().is_none());
        // A partly written next key that is not needed.
        fs::write(folder.path().join(NEXT_FILE), "AAAA").unwrap();
        assert!(source.find(&keyring(&first)).unwrap().is_some());
        MasterKeySource::write_next(folder.path(), &second).unwrap();
        source.finish_rotation(&keyring(&first)).unwrap();
        assert!(source.find(&keyring(&second)).unwrap().unwrap().is_next, "a next key that was never used is not promoted");
        source.finish_rotation(&keyring(&second)).unwrap();
        assert!(!source.find(&keyring(&second)).unwrap().unwrap().is_next);
    }

    #[test]
    fn a_key_matches_only_a_keyring_that_it_wraps_completely() {
        let (master, other) = (MasterKey::generate(), MasterKey::generate());
        assert_ne!(master.secret(), other.secret());
        let mut mixed = keyring(&master);
        assert!(master.matches(&mixed) && !other.matches(&mixed));
        mixed.push(other.wrap("other", &Zeroizing::new([9; 32])));
        assert!(!master.matches(&mixed) && !other.matches(&mixed));
    }

    #[test]
    fn keys_are_read_from_the_environment() {
        let (first, second) = (MasterKey::generate(), MasterKey::generate());
        let text = |key: &MasterKey| SecretString::from(BASE64_STANDARD.encode(key.secret().as_slice()));
        let source = |next| MasterKeySource::Environment { current: text(&first), next };
        let without_next = source(None);
        assert_eq!(without_next.current().unwrap().unwrap().secret(), first.secret());
        assert!(without_next.next().unwrap().is_none());
        assert!(without_next.find(&keyring(&second)).unwrap().is_none());
        let with_next = source(Some(text(&second)));
        assert_eq!(with_next.next().unwrap().unwrap().secret(), second.secret());
        assert!(!with_next.find(&keyring(&first)).unwrap().unwrap().is_next);
        assert!(with_next.find(&keyring(&second)).unwrap().unwrap().is_next);
        with_next.finish_rotation(&keyring(&second)).unwrap();
        assert_eq!(with_next.describe(), "LATCHKEY_MASTER_KEY");
        for malformed in ["", "AAAA", "not base64!"] {
            let source = MasterKeySource::Environment { current: malformed.to_owned().into(), next: None };
            assert!(source.current().is_err() && source.find(&keyring(&first)).is_err(), "{malformed}");
        }
    }

    #[test]
    fn the_files_of_a_folder_are_private_and_not_overwritten() {
        let folder = TempDir::new().unwrap();
        let source = MasterKeySource::Folder(folder.path().to_owned());
        assert!(source.current().unwrap().is_none() && source.next().unwrap().is_none());
        let first = MasterKeySource::create(folder.path()).unwrap();
        assert_eq!(source.current().unwrap().unwrap().secret(), first.secret());
        assert!(MasterKeySource::create(folder.path()).is_err());
        assert_eq!(source.current().unwrap().unwrap().secret(), first.secret());
        assert_eq!(source.describe(), folder.path().join(FILE).display().to_string());
        let next = folder.path().join(NEXT_FILE);
        fs::write(&next, "what an interrupted rotation has left, longer than a key is").unwrap();
        fs::set_permissions(&next, Permissions::from_mode(0o644)).unwrap();
        let second = MasterKey::generate();
        MasterKeySource::write_next(folder.path(), &second).unwrap();
        assert_eq!(source.next().unwrap().unwrap().secret(), second.secret());
        for path in [folder.path().join(FILE), next] {
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        }
        // A file that cannot be read is an error, not a missing key.
        fs::remove_file(folder.path().join(FILE)).unwrap();
        fs::create_dir(folder.path().join(FILE)).unwrap();
        fs::set_permissions(folder.path().join(FILE), Permissions::from_mode(0o700)).unwrap();
        assert!(source.current().is_err());
    }

    #[test]
    fn one_process_at_a_time_moves_the_next_key() {
        let folder = TempDir::new().unwrap();
        let source = MasterKeySource::Folder(folder.path().to_owned());
        MasterKeySource::create(folder.path()).unwrap();
        let second = MasterKey::generate();
        MasterKeySource::write_next(folder.path(), &second).unwrap();
        let lock = MasterKeySource::lock(folder.path()).unwrap();
        assert!(lock.is_some() && MasterKeySource::lock(folder.path()).unwrap().is_none());
        source.finish_rotation(&keyring(&second)).unwrap();
        assert!(source.find(&keyring(&second)).unwrap().unwrap().is_next, "a rotation is running");
        drop(lock);
        source.finish_rotation(&keyring(&second)).unwrap();
        assert!(!source.find(&keyring(&second)).unwrap().unwrap().is_next);
        assert!(MasterKeySource::lock(&folder.path().join("missing")).is_err());
    }

    #[test]
    fn a_key_file_that_others_can_open_is_refused() {
        let folder = TempDir::new().unwrap();
        let source = MasterKeySource::Folder(folder.path().to_owned());
        MasterKeySource::create(folder.path()).unwrap();
        for (mode, is_refused) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o620, true)] {
            fs::set_permissions(folder.path().join(FILE), Permissions::from_mode(mode)).unwrap();
            let refused = source.current().err().map(|error| format!("{error:#}"));
            assert_eq!(refused.is_some(), is_refused, "{mode:o}");
            assert!(refused.is_none_or(|error| error.contains("chmod 600")));
        }
    }
}
