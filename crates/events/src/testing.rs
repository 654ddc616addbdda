//! Calls and a database for unit tests.

use tempfile::TempDir;

use latchkey_store::{Store, StoreOptions};
use latchkey_types::{
    budget::{TokenCounts, UsageState},
    dollars::Dollars,
    id::{KeyId, OrganizationId, RequestId, UserId},
    model_call::CallEvent,
    time::Timestamp,
};

/// A call that began at this time.
pub(crate) fn call(organization: OrganizationId, at: i64, key: Option<KeyId>) -> CallEvent {
    CallEvent {
        id: RequestId::unordered(),
        at: Timestamp(at),
        organization,
        user: UserId::new(),
        key,
        key_name: "build".to_owned(),
        model: "fast".to_owned(),
        target: "gpt-5-mini".to_owned(),
        provider: "OpenAI".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        is_stream: true,
        status: 200,
        code: String::new(),
        tokens: TokenCounts { input: 10, output: 2, ..TokenCounts::default() },
        cost: Some(Dollars(1500)),
        usage: Some(UsageState::Reported),
        attempts: 1,
        first_byte_ms: Some(20),
        duration_ms: 90,
        has_bodies: false,
    }
}

/// A new, empty database on SQLite. It is deleted with the folder.
pub(crate) async fn open_store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(None, folder.path(), StoreOptions::default()).await.unwrap();
    store.migrate().await.unwrap();
    (store, folder)
}
