//! Providers of language models.

use serde::{Deserialize, Serialize};

use super::{
    id::{CredentialId, ModelId, ProviderId},
    names::parse_by_name,
};

/// API of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApiStyle {
    /// The `OpenAI` API or a compatible one.
    Openai,
    /// The Anthropic API.
    Anthropic,
}

impl ApiStyle {
    pub const ALL: [Self; 2] = [Self::Openai, Self::Anthropic];

    /// Name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
        }
    }

    /// Label on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Openai => "OpenAI",
            Self::Anthropic => "Anthropic",
        }
    }
}

parse_by_name!(ApiStyle, ApiStyle::ALL);

/// A general key that can be linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneralKey {
    pub id: CredentialId,
    pub name: String,
    /// Masked secret.
    pub mask: String,
}

/// Link from a provider or model to its general key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyLinkState {
    Key(GeneralKey),
    /// No key, and there never was one.
    Nothing,
    /// No key: it was deleted.
    Deleted,
    /// No key: the base URL was changed, which removed the link to the old address's key.
    AddressChanged,
}

impl KeyLinkState {
    pub const fn key(&self) -> Option<&GeneralKey> {
        if let Self::Key(key) = self { Some(key) } else { None }
    }
}

/// A provider of language models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRow {
    pub id: ProviderId,
    pub name: String,
    pub style: ApiStyle,
    pub base_url: String,
    pub link: KeyLinkState,
    pub models: Vec<ModelRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRow {
    pub id: ModelId,
    /// Name that the provider uses for it.
    pub name: String,
    /// Own key; without one, the provider's key is used.
    pub link: KeyLinkState,
}

/// Data of the providers page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderList {
    /// Sorted by name.
    pub providers: Vec<ProviderRow>,
    /// General keys that can be linked, sorted by name.
    pub keys: Vec<GeneralKey>,
}

/// Request to create or update a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRequest {
    pub name: String,
    pub style: ApiStyle,
    pub base_url: String,
    #[serde(default)]
    pub key: Option<CredentialId>,
}

/// Request to create or update a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRequest {
    /// Name that the provider uses for it.
    pub name: String,
    /// Own key; without one, the provider's key is used.
    #[serde(default)]
    pub key: Option<CredentialId>,
}

/// Result of updating a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdatedProvider {
    pub provider: ProviderRow,
    /// Names of the provider and models that lost their key because the base URL was changed.
    pub unlinked: Vec<String>,
}
