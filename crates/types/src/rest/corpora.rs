//! `/api/v1/corpora`.

use serde::{Deserialize, Serialize};

use super::values::{Name, Rfc3339};

/// A corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Corpus {
    pub id: i64,
    pub name: String,
    pub created_at: Rfc3339,
}

/// The corpora of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Corpora {
    pub items: Vec<Corpus>,
}

/// A corpus to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateCorpus {
    pub name: Name,
}
