//! The data folder: who may work in it, and opening what is in it.

use std::{
    fs::{self, File, TryLockError},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};

use super::{config::DataOptions, keyring::Keyring, store::Store, vault::Vault};

/// How long an admin command waits for another one that is bringing the database up to date.
const PATIENCE: Duration = Duration::from_secs(5);

/// The opened data.
pub struct Data {
    /// The database.
    pub store: Store,
    /// This installation's secrets.
    pub keyring: Keyring,
    /// Opens secrets that others made.
    pub vault: Arc<Vault>,
    /// The server's, until it ends.
    _lock: Option<File>,
}

impl Data {
    /// Opens the data for the server: alone, brought up to date, made where there is none.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub async fn open_alone(options: &DataOptions) -> anyhow::Result<Self> {
        let Some(lock) = lock(options)? else {
            bail!("another latchkey works in {}: stop it first, or give another --data", options.data.display());
        };
        let store = connect(options).await?;
        migrate(&store).await?;
        let (keyring, vault) = Keyring::open(&store, options.key_place(), true).await?;
        Ok(Self { store, keyring, vault: Arc::new(vault), _lock: Some(lock) })
    }

    /// Opens the data for an admin command: beside a running server, whose tables are left as they are, or alone.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub async fn open_beside(options: &DataOptions) -> anyhow::Result<Self> {
        // Held no longer than it takes to bring the tables up to date: `serve` may start while a command waits for its password.
        let lock = lock(options)?;
        let store = connect(options).await?;
        // The lock says nothing of servers with other folders on a shared database: only an empty one is surely nobody's.
        let may_migrate = lock.is_some() && (!store.is_shared() || store.is_empty().await);
        if may_migrate {
            migrate(&store).await?;
        }
        ensure!(is_soon_current(&store).await, "the running server's database is of another version: use the latchkey that serves it");
        let (keyring, vault) = Keyring::open(&store, options.key_place(), may_migrate).await?;
        Ok(Self { store, keyring, vault: Arc::new(vault), _lock: None })
    }
}

async fn connect(options: &DataOptions) -> anyhow::Result<Store> {
    let unusable = || match &options.database {
        Some(_) => "the database can't be opened: check its URL, and that it is running and lets this user in".to_owned(),
        None => format!("the database in {} can't be opened: check that the folder is this user's and the disk is not full", options.data.display()),
    };
    Store::open(options.database.as_deref(), &options.data).await.with_context(unusable)
}

async fn migrate(store: &Store) -> anyhow::Result<()> {
    store.migrate().await.context("the database can't be brought up to date: was it made by a newer latchkey?")
}

/// Whether the tables are what this program expects, or will be in a moment: another command may be at it.
async fn is_soon_current(store: &Store) -> bool {
    let begun = Instant::now();
    while !store.is_current().await {
        if begun.elapsed() > PATIENCE || !store.is_empty().await {
            return store.is_current().await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    true
}

/// Makes the folder where there is none and takes the lock; `None` when somebody else has it.
fn lock(options: &DataOptions) -> anyhow::Result<Option<File>> {
    let unusable = || format!("{} can't be used as a data folder: check that it is a folder and this user's", options.data.display());
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&options.data).with_context(unusable)?;
    let path = Store::lock_file(options.database.as_deref(), &options.data)?;
    let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(path).with_context(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).with_context(unusable),
    }
}
