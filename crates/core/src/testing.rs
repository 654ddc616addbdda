//! A database and the rules on it, for unit tests.

use std::sync::Arc;

use tempfile::TempDir;

use super::{Core, credential_check::ProviderEndpoints, http_client::OutgoingNetworks, keyring::Keyring, public_url::PublicUrl};
use latchkey_crypto::master_key::MasterKeySource;
use latchkey_store::Store;

/// A new, empty database on SQLite. It is deleted with the folder.
pub(crate) async fn open_store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(None, folder.path()).await.unwrap();
    store.migrate().await.unwrap();
    (store, folder)
}

/// The rules on a new database, with a master key in the folder.
pub(crate) async fn new_core() -> (Core, TempDir) {
    let (store, folder) = open_store().await;
    let (keyring, vault) = Keyring::open(&store, MasterKeySource::Folder(folder.path().to_owned()), true).await.unwrap();
    let public_url = PublicUrl::new(None, "127.0.0.1:3000".parse().unwrap()).unwrap();
    let core = Core::new(store, &keyring, Arc::new(vault), public_url, OutgoingNetworks::default(), ProviderEndpoints::default()).unwrap();
    (core, folder)
}
