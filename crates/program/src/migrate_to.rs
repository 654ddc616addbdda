//! `latchkey admin migrate-to`: moves the data from SQLite to PostgreSQL.

use anyhow::{anyhow, ensure};
use tokio::signal::ctrl_c;

use super::{config::DataOptions, data_dir::Data};
use latchkey_core::{audit::Auditor, keyring::Keyring};
use latchkey_store::{Copied, CopyTarget};

/// Copies everything to the database at `url`, which must be empty, and verifies it. The server must be stopped. What is on SQLite is not changed.
pub(crate) async fn run(options: &DataOptions, url: &str) -> anyhow::Result<()> {
    let is_on_sqlite = options.database.as_deref().is_none_or(|database| database.starts_with("sqlite:"));
    ensure!(is_on_sqlite, "the data is on PostgreSQL already: this command copies it from SQLite");
    // Otherwise they would be created.
    let is_missing = options.database.is_none() && !options.data.join("latchkey.db").is_file();
    ensure!(!is_missing, "there is no database in {}: name the data folder with --data", options.data.display());
    let data = Data::open_exclusive(options).await?;
    let copied = copy(&data, options, url).await;
    data.store.close().await;
    copied
}

async fn copy(data: &Data, options: &DataOptions, url: &str) -> anyhow::Result<()> {
    let target = CopyTarget::open(url, &options.data, options.postgres.store_options()).await?;
    let done = tokio::select! {
        done = copy_and_verify(data, options, &target) => done,
        _ = ctrl_c() => Err(anyhow!("interrupted")),
    };
    let Done { copied, calls, verified } = match done {
        Ok(done) => done,
        Err(error) => return Err(target.discard(error).await),
    };
    println!("Copied {} rows of {} tables and {calls} calls of the log.", copied.rows, copied.tables);
    println!("Verified all rows, {} audit events, {} secrets and {} keys.", verified.audit_events, verified.secrets, verified.keys);
    println!("From now on, start the server with this --database and the same --data folder. Keep the SQLite database until it has run.");
    target.store().close().await;
    Ok(())
}

struct Done {
    copied: Copied,
    calls: usize,
    verified: Verified,
}

struct Verified {
    audit_events: i64,
    secrets: usize,
    keys: usize,
}

async fn copy_and_verify(data: &Data, options: &DataOptions, target: &CopyTarget) -> anyhow::Result<Done> {
    let auditor = Auditor::new(&data.keyring.audit);
    // First, so that an altered log is not taken for an error of the copy.
    auditor.verify(&data.store, None).await?;
    let copied = data.store.copy_to(target).await?;
    let calls = latchkey_events::copy_files(&options.data.join("calls"), target.store()).await?;
    // Opens every secret of the keyring.
    let (keyring, vault) = Keyring::open(target.store(), options.master_key_source(), false).await?;
    let verified = Verified {
        audit_events: Auditor::new(&keyring.audit).verify(target.store(), None).await?.rows,
        secrets: vault.open_all(target.store()).await?,
        keys: data.store.compare_keys(target).await?,
    };
    Ok(Done { copied, calls, verified })
}
