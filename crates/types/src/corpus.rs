//! Corpora, as listed on the settings page.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusDetails {
    /// Number, unique in the organization.
    pub id: i64,
    pub name: String,
    pub created_at: Timestamp,
    /// Name of the creator.
    pub created_by: String,
    /// Number of keys with access to it.
    pub keys: i64,
}
