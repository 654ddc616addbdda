//! Credentials as the page asks for them.

use serde::{Deserialize, Serialize};

use super::{
    key::{Ends, StorageProvider},
    secret::TypedSecret,
};

/// A storage credential that somebody wants kept.
#[derive(Clone, Serialize, Deserialize)]
pub struct WantedStorage {
    /// What it is called.
    pub label: String,
    /// Whose files it opens.
    pub provider: StorageProvider,
    /// The access key, or the token.
    pub key: TypedSecret,
    /// The access key's secret; blank for providers that have none.
    #[serde(default)]
    pub secret: TypedSecret,
    /// The region; blank for providers that have none.
    #[serde(default)]
    pub region: String,
    /// When it ends.
    pub ends: Ends,
}
