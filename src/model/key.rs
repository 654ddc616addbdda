//! API keys as the page sees them.

use serde::{Deserialize, Serialize};

use super::{id::KeyId, policy::Status, time::Timestamp};

/// One row of a list of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// Its id.
    pub id: KeyId,
    /// Its name.
    pub name: String,
    /// What may be shown of its secret.
    pub mask: String,
    /// What it was when the row was read.
    pub status: Status,
    /// When it was made.
    pub created_at: Timestamp,
    /// The name of who made it.
    pub created_by: String,
    /// When it was last presented, to within some seconds.
    pub last_used_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A key that was just made: the only time its secret is seen.
#[derive(Clone, Serialize, Deserialize)]
pub struct CreatedKey {
    /// The key.
    pub key: KeyRow,
    /// Its secret.
    pub secret: RevealedSecret,
}

/// A secret on its way to the one who may see it. Prints nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevealedSecret(String);

impl RevealedSecret {
    /// Takes a secret that is meant to be shown.
    pub const fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret itself, to show or to copy.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for RevealedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RevealedSecret(…)")
    }
}

impl Drop for RevealedSecret {
    fn drop(&mut self) {
        #[cfg(feature = "ssr")]
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}
