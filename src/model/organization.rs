//! What an organization decides for itself.

use serde::{Deserialize, Serialize};

/// An organization's own settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationSettings {
    /// Its name.
    pub name: String,
    /// Its currency: ISO 4217.
    pub currency: String,
    /// Every currency that it could have, by code: that and its name.
    pub currencies: Vec<(String, String)>,
}
