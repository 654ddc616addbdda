//! Corpora as their page sees them.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// A corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusDetails {
    /// Its number in the organization.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The name of who made it.
    pub created_by: String,
    /// How many keys open it.
    pub keys: i64,
}
