//! Settings of an organization.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationSettings {
    pub name: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Selectable currencies as pairs of code and name, sorted by code.
    pub currencies: Vec<(String, String)>,
}
