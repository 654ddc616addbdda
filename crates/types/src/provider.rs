//! Providers of language models.

use serde::{Deserialize, Serialize};

use super::{
    budget::ModelPrice,
    dollars::Dollars,
    id::{AliasId, CredentialId, ModelId, ProviderId},
    names::parse_by_name,
    time::Timestamp,
};

/// Maximum number of providers of an organization.
pub const PROVIDERS_MAX: i64 = 1000;
/// Maximum number of models and aliases of an organization together.
pub const NAMES_MAX: i64 = 1000;
/// Maximum number of targets of an alias, and of fallbacks of a model.
pub const TARGETS_MAX: usize = 20;
/// Maximum weight of a target.
pub const WEIGHT_MAX: u16 = 1000;
/// Lowest and highest priority of a target; 1 is called first.
pub const PRIORITIES: std::ops::RangeInclusive<u8> = 1..=20;

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

    /// The header that carries the key, in lower case. In `authorization` it follows `Bearer `.
    pub const fn credential_header(self) -> &'static str {
        match self {
            Self::Openai => "authorization",
            Self::Anthropic => "x-api-key",
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
    /// The header that carries the key, for example `api-key`; `None` for that of the style.
    pub credential_header: Option<String>,
    pub link: KeyLinkState,
    pub models: Vec<ModelRow>,
    /// The last failure of a call or test; `None` if the last one succeeded.
    pub last_error: Option<ProviderError>,
    /// Calls in the last 24 hours.
    pub recent: RecentCalls,
}

/// A failure of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderError {
    pub at: Timestamp,
    /// Status of the response; `None` if there was none.
    pub status: Option<u16>,
    /// A sentence. Contains no secret.
    pub message: String,
}

/// Sums of the calls of the last 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecentCalls {
    pub calls: i64,
    pub failures: i64,
    pub cost: Dollars,
    /// Calls of models without a price, which are not part of `cost`.
    pub unpriced: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRow {
    pub id: ModelId,
    /// Name that callers use; unique in the organization, also among aliases.
    pub name: String,
    /// Name that the provider uses for it.
    pub upstream_name: String,
    /// Own key; without one, the provider's key is used.
    pub link: KeyLinkState,
    pub price: PriceSource,
    /// Maximum number of tokens of a call, input and output together; `None` if unknown.
    pub context_tokens: Option<i64>,
    /// The organization's own maximum number of output tokens; `None` if unknown.
    pub output_tokens: Option<i64>,
    /// Whether `context_tokens` is the organization's own. The built-in table has no maximum of output tokens, so `output_tokens` always is.
    pub has_own_limits: bool,
    /// Whether it may be called without a price.
    pub allow_unpriced: bool,
    /// Models that are called if this one fails, in this order.
    pub fallbacks: Vec<ModelId>,
    pub recent: RecentCalls,
}

/// Where the price of a model comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PriceSource {
    /// The organization's own price.
    Own(ModelPrice),
    /// The built-in table.
    Table(ModelPrice),
    /// The model has no price.
    Unknown,
}

impl PriceSource {
    pub const fn price(&self) -> Option<&ModelPrice> {
        match self {
            Self::Own(price) | Self::Table(price) => Some(price),
            Self::Unknown => None,
        }
    }
}

/// One of the models that an alias stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AliasTarget {
    pub model: ModelId,
    /// Targets of a higher number are called only if all of lower numbers failed.
    // The range is [`PRIORITIES`].
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 20))]
    pub priority: u8,
    /// The share of the calls among targets of the same priority.
    // The maximum is [`WEIGHT_MAX`].
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1000))]
    pub weight: u16,
}

/// A name that stands for one of several models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasRow {
    pub id: AliasId,
    pub name: String,
    /// Sorted by priority.
    pub targets: Vec<AliasTarget>,
}

/// Request to create or update an alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasRequest {
    pub name: String,
    pub targets: Vec<AliasTarget>,
}

/// Data of the providers page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderList {
    /// Sorted by name.
    pub providers: Vec<ProviderRow>,
    /// Sorted by name.
    pub aliases: Vec<AliasRow>,
    /// General keys that can be linked, sorted by name.
    pub keys: Vec<GeneralKey>,
    /// Date of the built-in table of prices, as `YYYY-MM-DD`.
    pub price_date: String,
}

/// A provider with a known base URL, offered when a provider is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownProvider {
    pub name: &'static str,
    pub style: ApiStyle,
    pub base_url: &'static str,
    /// `None` for the header of the style.
    pub credential_header: Option<&'static str>,
}

impl KnownProvider {
    const fn openai(name: &'static str, base_url: &'static str) -> Self {
        Self { name, style: ApiStyle::Openai, base_url, credential_header: None }
    }
}

/// Sorted as they are offered: hosted ones, then those that run on one's own servers.
pub const KNOWN_PROVIDERS: &[KnownProvider] = &[
    KnownProvider::openai("OpenAI", "https://api.openai.com/v1"),
    KnownProvider { style: ApiStyle::Anthropic, ..KnownProvider::openai("Anthropic", "https://api.anthropic.com") },
    // The name of the resource is a part of the host.
    KnownProvider { credential_header: Some("api-key"), ..KnownProvider::openai("Azure OpenAI", "https://YOUR-RESOURCE.openai.azure.com/openai/v1") },
    KnownProvider::openai("Mistral", "https://api.mistral.ai/v1"),
    KnownProvider::openai("Groq", "https://api.groq.com/openai/v1"),
    KnownProvider::openai("Together", "https://api.together.xyz/v1"),
    KnownProvider::openai("Fireworks", "https://api.fireworks.ai/inference/v1"),
    KnownProvider::openai("DeepSeek", "https://api.deepseek.com/v1"),
    KnownProvider::openai("xAI", "https://api.x.ai/v1"),
    KnownProvider::openai("OpenRouter", "https://openrouter.ai/api/v1"),
    KnownProvider::openai("Google Gemini", "https://generativelanguage.googleapis.com/v1beta/openai"),
    KnownProvider::openai("Ollama", "http://localhost:11434/v1"),
    KnownProvider::openai("vLLM", "http://localhost:8000/v1"),
];

/// A model that a provider offers, for choosing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedModel {
    pub name: String,
    /// From the built-in table.
    pub price: Option<ModelPrice>,
}

/// A model or alias that keys can call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallableModel {
    pub name: String,
    /// For an alias, that of its first target.
    pub style: ApiStyle,
}

/// Request to create or update a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRequest {
    pub name: String,
    pub style: ApiStyle,
    pub base_url: String,
    /// The header that carries the key; `None` or empty for that of the style.
    #[serde(default)]
    pub credential_header: Option<String>,
    #[serde(default)]
    pub key: Option<CredentialId>,
}

/// Request to create or update a model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModelRequest {
    /// Name that callers use.
    pub name: String,
    /// Name that the provider uses for it; empty: as `name`.
    #[serde(default)]
    pub upstream_name: String,
    /// Own key; without one, the provider's key is used.
    #[serde(default)]
    pub key: Option<CredentialId>,
    /// Whether a model that lost its own key stays without one if `key` is `None`. The provider's key may be billed to somebody else.
    #[serde(default)]
    pub keeps_unlinked: bool,
    /// `None`: that of the built-in table.
    #[serde(default)]
    pub price: Option<ModelPrice>,
    /// `None`: that of the built-in table.
    #[serde(default)]
    pub context_tokens: Option<i64>,
    /// `None`: unknown.
    #[serde(default)]
    pub output_tokens: Option<i64>,
    #[serde(default)]
    pub allow_unpriced: bool,
    #[serde(default)]
    pub fallbacks: Vec<ModelId>,
}

/// Result of updating a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdatedProvider {
    pub provider: ProviderRow,
    /// Names of the provider and models that lost their key because the base URL was changed.
    pub unlinked: Vec<String>,
}
