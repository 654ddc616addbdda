//! A database and the rules on it, for unit tests.

use std::{sync::Arc, time::Duration};

use latchkey_test_db::TestData;
use tokio::time::timeout;

use super::{
    Core,
    actor::{Actor, AuthMethod},
    credential_check::ProviderEndpoints,
    http_client::OutgoingNetworks,
    keyring::Keyring,
    public_url::PublicUrl,
};
use latchkey_crypto::master_key::MasterKeySource;
use latchkey_store::{self as store, Store, StoreOptions, Tx, WriteLock, users::NewUser};
use latchkey_types::{
    id::{OrganizationId, UserId},
    permission::{Permission, Permissions},
};

/// A new, empty database. It is deleted with the data.
pub(crate) async fn open_store() -> (Store, TestData) {
    let data = TestData::create().await;
    let store = Store::open(data.database_url(), data.path(), StoreOptions::default()).await.unwrap();
    store.migrate().await.unwrap();
    (store, data)
}

/// The rules on a new database, with a master key in the folder.
pub(crate) async fn new_core() -> (Core, TestData) {
    let (store, data) = open_store().await;
    let (keyring, vault) = Keyring::open(&store, MasterKeySource::Folder(data.path().to_owned()), true).await.unwrap();
    let public_url = PublicUrl::new(None, "127.0.0.1:3000".parse().unwrap()).unwrap();
    let core = Core::new(store, &keyring, Arc::new(vault), public_url, OutgoingNetworks::default(), ProviderEndpoints::default()).unwrap();
    (core, data)
}

/// A new organization with an owner, named Ada.
pub(crate) async fn new_owner(core: &Core) -> Actor {
    let mut tx = core.store.begin().await.unwrap();
    let organization = insert_organization(&mut tx).await;
    let user = insert_user(&mut tx, organization, "owner", "Ada").await;
    tx.commit().await.unwrap();
    Actor {
        organization,
        user,
        name: "Ada".to_owned(),
        auth_method: AuthMethod::Console,
        permissions: Permissions::of(Permission::ALL),
        scopes: None,
        address: None,
    }
}

/// Waits for `work`, which must not wait for a change of another organization. SQLite has one change at a time.
pub(crate) async fn beside_another_change<T>(store: &Store, work: impl Future<Output = T>) -> T {
    let change = if store.is_shared() { Some(store.begin_locked(WriteLock::Organization(OrganizationId::new())).await.unwrap()) } else { None };
    let output = timeout(Duration::from_secs(2), work).await.expect("it waits for a change of another organization");
    drop(change);
    output
}

pub(crate) async fn insert_organization(tx: &mut Tx) -> OrganizationId {
    let organization = OrganizationId::new();
    store::users::insert_organization(tx, organization, "Acme", 1_000_000_000).await.unwrap();
    organization
}

/// Stores a user with this role, whose address is `<name>@example.com`.
pub(crate) async fn insert_user(tx: &mut Tx, organization: OrganizationId, role: &str, name: &str) -> UserId {
    let user = NewUser {
        id: UserId::new(),
        organization,
        role: role.to_owned(),
        name: name.to_owned(),
        email: format!("{}@example.com", name.to_lowercase()),
        password_hash: String::new(),
    };
    store::users::insert_user(tx, &user).await.unwrap();
    user.id
}
