//! The data folder: its lock, and opening its contents.

use std::{
    fs::{self, File, TryLockError},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};

use super::config::{DataOptions, OutgoingOptions};
use latchkey_core::{
    Core, credential_check::ProviderEndpoints, http_client::OutgoingNetworks, keyring::Keyring, public_url::PublicUrl, vault::Vault,
};
use latchkey_store::Store;

/// How long an admin command waits for another process that is running migrations.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(5);

/// The opened data.
pub struct Data {
    pub store: Store,
    pub keyring: Keyring,
    pub vault: Arc<Vault>,
    /// Held by the server until it exits.
    _lock: Option<File>,
}

impl Data {
    /// Opens the data for the server: exclusively, with migrations, creating it if necessary.
    pub async fn open_exclusive(options: &DataOptions) -> anyhow::Result<Self> {
        let Some(lock) = lock(options)? else {
            bail!("another latchkey server uses {}: stop it first, or choose another --data", options.data.display());
        };
        warn_if_open_to_others(&options.data)?;
        let store = connect(options).await?;
        migrate(&store).await?;
        let (keyring, vault) = Keyring::open(&store, options.master_key_source(), true).await?;
        Ok(Self { store, keyring, vault: Arc::new(vault), _lock: Some(lock) })
    }

    /// Opens the data for an admin command, which may run beside a server. Runs migrations only if no server is running.
    pub async fn open_for_admin(options: &DataOptions) -> anyhow::Result<Self> {
        // Released after migrations, because `serve` may start while a command waits for its password.
        let lock = lock(options)?;
        let store = connect(options).await?;
        // On a shared database, servers with other data folders do not use this lock, so only an empty database is certainly unused.
        let may_migrate = lock.is_some() && (!store.is_shared() || store.is_empty().await);
        if may_migrate {
            migrate(&store).await?;
        }
        ensure!(is_soon_compatible(&store).await, "the database schema has another version: use the same latchkey version as the running server");
        let (keyring, vault) = Keyring::open(&store, options.master_key_source(), may_migrate).await?;
        Ok(Self { store, keyring, vault: Arc::new(vault), _lock: None })
    }

    pub fn core(&self, public_url: PublicUrl, outgoing: OutgoingOptions) -> anyhow::Result<Core> {
        let endpoints = ProviderEndpoints { aws_sts: outgoing.aws_sts_url, aws_s3: outgoing.aws_s3_url, dnanexus: outgoing.dnanexus_url };
        let networks = OutgoingNetworks { allowed: outgoing.allow_outgoing, denied: outgoing.deny_outgoing };
        Core::new(self.store.clone(), &self.keyring, Arc::clone(&self.vault), public_url, networks, endpoints)
    }
}

async fn connect(options: &DataOptions) -> anyhow::Result<Store> {
    let unusable = || match &options.database {
        Some(_) => "the database can't be opened: check its URL, that it is running, and that this user has access".to_owned(),
        None => {
            format!("the database in {} can't be opened: check that the folder belongs to this user and the disk is not full", options.data.display())
        }
    };
    Store::open(options.database.as_deref(), &options.data, options.postgres.store_options()).await.with_context(unusable)
}

async fn migrate(store: &Store) -> anyhow::Result<()> {
    store.migrate().await.context("the database can't be migrated: was it created by a newer version of latchkey?")
}

/// Whether this version can use the schema, or can do so within [`MIGRATION_TIMEOUT`] while another process creates it.
async fn is_soon_compatible(store: &Store) -> bool {
    let start = Instant::now();
    while !store.is_compatible().await {
        if start.elapsed() > MIGRATION_TIMEOUT || !store.is_empty().await {
            return store.is_compatible().await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    true
}

/// Only a warning: a folder on a file system without modes, or one that is shared with a backup group, may be intended.
fn warn_if_open_to_others(folder: &Path) -> anyhow::Result<()> {
    let mode = fs::metadata(folder)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        let folder = folder.display();
        tracing::warn!("the data folder {folder} is open to other users (mode {mode:04o}): run `chmod 700 {folder}`");
    }
    Ok(())
}

/// Creates the data folder if necessary and takes the lock; `None` if another process holds it.
fn lock(options: &DataOptions) -> anyhow::Result<Option<File>> {
    let unusable = || format!("{} can't be used as a data folder: check that it is a folder and belongs to this user", options.data.display());
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&options.data).with_context(unusable)?;
    let path = Store::lock_file(options.database.as_deref(), &options.data)?;
    let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(path).with_context(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).with_context(unusable),
    }
}
