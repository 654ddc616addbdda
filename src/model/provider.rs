//! Services with language models, as the page sees them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    id::{CredentialId, ModelId, ProviderId},
    permission::UnknownWord,
};

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// As `OpenAI`, and the many who took over its API.
    Openai,
    /// As Anthropic.
    Anthropic,
}

impl Style {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Openai, Self::Anthropic];

    /// The word in stored data.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
        }
    }

    /// The name in the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Openai => "OpenAI",
            Self::Anthropic => "Anthropic",
        }
    }
}

impl FromStr for Style {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|style| style.word() == word).ok_or(UnknownWord)
    }
}

/// A general key that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneralKey {
    /// Its id.
    pub id: CredentialId,
    /// Its name.
    pub name: String,
    /// What may be shown of it.
    pub mask: String,
}

/// The key that a provider or a model is used with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Link {
    /// This one.
    Key(GeneralKey),
    /// None, and there never was one.
    Nothing,
    /// None: it was deleted.
    Deleted,
    /// None: the address was changed, and the key was for the old one.
    Moved,
}

impl Link {
    /// The key, if there is one.
    pub const fn key(&self) -> Option<&GeneralKey> {
        if let Self::Key(key) = self { Some(key) } else { None }
    }
}

/// A service with language models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRow {
    /// Its id.
    pub id: ProviderId,
    /// Its name.
    pub name: String,
    /// How it is spoken to.
    pub style: Style,
    /// Where it is.
    pub base_url: String,
    /// Its key.
    pub link: Link,
    /// Its models.
    pub models: Vec<ModelRow>,
}

/// A language model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRow {
    /// Its id.
    pub id: ModelId,
    /// Its name, as its provider knows it.
    pub name: String,
    /// Its own key; without one it uses its provider's.
    pub link: Link,
}

/// All that the page of providers shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderList {
    /// By name.
    pub providers: Vec<ProviderRow>,
    /// The keys that can be chosen, by name.
    pub keys: Vec<GeneralKey>,
}

/// A provider that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedProvider {
    /// What it is called.
    pub name: String,
    /// How it is spoken to.
    pub style: Style,
    /// Where it is.
    pub base_url: String,
    /// The key that it is used with.
    #[serde(default)]
    pub key: Option<CredentialId>,
}

/// A model that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedModel {
    /// What its provider calls it.
    pub name: String,
    /// Its own key; without one it uses its provider's.
    #[serde(default)]
    pub key: Option<CredentialId>,
}

/// A provider after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditedProvider {
    /// The provider as it is now.
    pub provider: ProviderRow,
    /// What lost its key because the address is another: the provider's and its models' names.
    pub unlinked: Vec<String>,
}
