//! A database for unit tests.

use latchkey_test_db::TestData;

use super::{Store, StoreOptions};

/// A new, empty database. It is deleted with the data.
pub(crate) async fn open_store() -> (Store, TestData) {
    let data = TestData::create().await;
    let store = Store::open(data.database_url(), data.path(), StoreOptions::default()).await.unwrap();
    store.migrate().await.unwrap();
    (store, data)
}
