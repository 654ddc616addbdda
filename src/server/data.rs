//! The data folder: who may work in it, and opening what is in it.

use std::{
    fs::{self, File, TryLockError},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use anyhow::{Context, bail, ensure};

use super::{config::DataOptions, keyring::Keyring, store::Store};

/// Whoever holds this file's lock may migrate; `serve` holds it as long as it runs.
const LOCK_FILE: &str = "latchkey.lock";

/// The opened data.
pub struct Data {
    /// The database.
    pub store: Store,
    /// This installation's secrets.
    pub keyring: Keyring,
    /// Held until this is dropped; `None` beside a running server.
    _lock: Option<File>,
}

impl Data {
    /// Opens the data for the server: alone, brought up to date, made where there is none.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub async fn open_alone(options: &DataOptions) -> anyhow::Result<Self> {
        let Some(lock) = lock(&options.data)? else {
            bail!("another latchkey works in {}: stop it first, or give another --data", options.data.display());
        };
        Self::open(options, Some(lock)).await
    }

    /// Opens the data for an admin command: beside a running server, whose tables are left as they are, or alone.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub async fn open_beside(options: &DataOptions) -> anyhow::Result<Self> {
        let lock = lock(&options.data)?;
        Self::open(options, lock).await
    }

    async fn open(options: &DataOptions, lock: Option<File>) -> anyhow::Result<Self> {
        let unusable = || match &options.database {
            Some(_) => "the database can't be opened: check its URL, and that it is running and lets this user in".to_owned(),
            None => {
                format!("the database in {} can't be opened: check that the folder is this user's and the disk is not full", options.data.display())
            }
        };
        let store = Store::open(options.database.as_deref(), &options.data).await.with_context(unusable)?;
        if lock.is_some() {
            store.migrate().await.context("the database can't be brought up to date: was it made by a newer latchkey?")?;
        } else {
            ensure!(store.is_current().await, "the running server's database is of another version: use the latchkey that serves it");
        }
        let keyring = Keyring::open(&store, &options.data, options.master_key.as_ref(), lock.is_some()).await?;
        Ok(Self { store, keyring, _lock: lock })
    }
}

/// Makes the folder where there is none and takes its lock; `None` when somebody else has it.
fn lock(folder: &Path) -> anyhow::Result<Option<File>> {
    let unusable = || format!("{} can't be used as a data folder: check that it is a folder and this user's", folder.display());
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(unusable)?;
    let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(folder.join(LOCK_FILE)).with_context(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).with_context(unusable),
    }
}
