//! A database for unit tests.

use tempfile::TempDir;

use super::{Store, StoreOptions};

/// A new, empty database on SQLite. It is deleted with the folder.
pub(crate) async fn open_store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(None, folder.path(), StoreOptions::default()).await.unwrap();
    store.migrate().await.unwrap();
    (store, folder)
}
