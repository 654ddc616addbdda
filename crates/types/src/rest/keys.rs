//! `/api/v1/keys`.

use serde::{Deserialize, Deserializer, Serialize};

use super::{
    is_default, present,
    values::{
        AllowedIps, AllowedOrigins, ChangedCredits, CustomScopes, DurationDays, ExternalId, GraceSeconds, MaxParallel, Metadata, ModelPatterns, Name,
        NewCredits, RateLimits, Rfc3339, Sha256, TokensPerMinute,
    },
};
use crate::{
    budget::{Budget, BudgetPeriod, BudgetState, BudgetUnit, ModelAccessPatch},
    dollars::Dollars,
    error::Error,
    id::UserId,
    key::{CreateKeyRequest, CreatedKey, ItemId, KeyPatch, KeyRow, RequestedExpiry, Retiring},
    key_kind::{self, Kind, Status},
    limits::{Credits, CreditsPatch, RateLimit},
    secret::RevealedSecret,
};
#[cfg(feature = "openapi")]
use crate::{id::KeyId, key_kind::KeyKind};

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Key {
    #[cfg_attr(feature = "openapi", schema(value_type = KeyId))]
    pub id: ItemId,
    #[cfg_attr(feature = "openapi", schema(value_type = KeyKind))]
    pub kind: Kind,
    pub name: String,
    /// The secret with all but a few characters hidden.
    #[cfg_attr(feature = "openapi", schema(example = "lka_…9xYz"))]
    pub mask: String,
    pub status: Status,
    pub created_at: Rfc3339,
    /// The id of the user who created the key.
    pub created_by: UserId,
    /// Updated within a second of a use; null if the key was never used.
    pub last_used_at: Option<Rfc3339>,
    pub expires_at: Option<Rfc3339>,
    pub scopes: Vec<String>,
    pub corpora: Vec<i64>,
    #[cfg_attr(feature = "openapi", schema(required))]
    pub external_id: Option<String>,
    /// A flat JSON object.
    pub metadata: Option<Metadata>,
    /// Rate limits. Every one of them applies.
    #[serde(deserialize_with = "tolerant")]
    pub rate_limits: RateLimits,
    /// Rate limits of each client address.
    #[serde(deserialize_with = "tolerant")]
    pub address_rate_limits: RateLimits,
    /// The remaining credits; null for unlimited.
    pub credits: Option<Credits>,
    /// The networks from which the key may be used; empty for all.
    pub allowed_ips: AllowedIps,
    /// The origins of the web pages that may use the key; empty for any.
    pub allowed_origins: AllowedOrigins,
    /// Names or globs of the language models that the key may call; null for all if it is an agent key, and for none otherwise.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub models: Option<ModelPatterns>,
    /// The budget of calls of language models; null if the key has none of its own.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub budget: Option<KeyBudget>,
    /// The tokens, input and output together, that the key may use in any minute; null for unlimited.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub tokens_per_minute: Option<i64>,
    /// The number of calls of language models at the same time; null for unlimited.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub max_parallel: Option<i64>,
    /// Whether the request and response bodies of calls of language models are logged.
    pub log_bodies: bool,
    /// The old secret, while it is still valid after a rotation.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub retiring: Option<RetiringSecret>,
}

/// Ignores unknown fields, unlike [`RateLimit`] itself, which is also part of requests.
fn tolerant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RateLimits, D::Error> {
    #[derive(Deserialize)]
    #[serde(remote = "RateLimit")]
    struct Fields {
        name: String,
        limit: i64,
        duration_ms: i64,
        #[serde(default)]
        strict: bool,
    }
    #[derive(Deserialize)]
    struct Item(#[serde(with = "Fields")] RateLimit);
    let items = Vec::<Item>::deserialize(deserializer)?;
    Ok(RateLimits(items.into_iter().map(|Item(limit)| limit).collect()))
}

impl From<KeyRow> for Key {
    fn from(key: KeyRow) -> Self {
        Self {
            id: key.id,
            kind: key.kind,
            name: key.name,
            mask: key.mask,
            status: key.status,
            created_at: key.created_at.into(),
            created_by: key.creator,
            last_used_at: key.last_used_at.map(Into::into),
            expires_at: key.expires_at.map(Into::into),
            scopes: key.scopes,
            corpora: key.corpora.iter().map(|corpus| corpus.id).collect(),
            external_id: key.external_id,
            metadata: key.metadata.and_then(|json| serde_json::from_str(&json).ok()),
            rate_limits: key.limits.rate_limits.into(),
            address_rate_limits: key.limits.address_rate_limits.into(),
            credits: key.limits.credits,
            allowed_ips: key.limits.allowed_ips.into(),
            allowed_origins: key.limits.allowed_origins.into(),
            models: key.model_access.models.map(Into::into),
            budget: key.budget.map(Into::into),
            tokens_per_minute: key.model_access.tokens_per_minute,
            max_parallel: key.model_access.max_parallel,
            log_bodies: key.model_access.log_bodies,
            retiring: key.retiring.map(Into::into),
        }
    }
}

/// An amount of a budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum BudgetAmount {
    Tokens(i64),
    /// A decimal number, exact to the billionth of a dollar.
    Dollars(String),
}

impl BudgetAmount {
    fn new(unit: BudgetUnit, amount: i64) -> Self {
        match unit {
            BudgetUnit::Usd => Self::Dollars(Dollars(amount).to_string()),
            BudgetUnit::Tokens => Self::Tokens(amount),
        }
    }
}

/// A budget and what is used of it in the current period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyBudget {
    pub limit: BudgetAmount,
    pub unit: BudgetUnit,
    pub period: BudgetPeriod,
    pub spent: BudgetAmount,
    /// Reserved for calls that have not ended.
    pub reserved: BudgetAmount,
    /// When the next period begins; null for a budget for all time.
    pub resets_at: Option<Rfc3339>,
}

impl From<BudgetState> for KeyBudget {
    fn from(state: BudgetState) -> Self {
        let Budget { limit, unit, period } = state.budget;
        let amount = |amount| BudgetAmount::new(unit, amount);
        Self {
            limit: amount(limit),
            unit,
            period,
            spent: amount(state.spent),
            reserved: amount(state.reserved),
            resets_at: state.resets_at.map(Into::into),
        }
    }
}

/// A requested budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestedBudget {
    /// Dollars as a decimal string, or a number of tokens.
    pub limit: BudgetAmount,
    #[serde(default)]
    pub unit: BudgetUnit,
    #[serde(default)]
    pub period: BudgetPeriod,
}

impl TryFrom<RequestedBudget> for Budget {
    type Error = Error;

    /// # Errors
    /// `Invalid` at `budget.limit`.
    fn try_from(request: RequestedBudget) -> Result<Self, Error> {
        let RequestedBudget { limit, unit, period } = request;
        let invalid = |message: &str| Error::invalid("budget.limit", message);
        let limit = match (unit, limit) {
            (BudgetUnit::Usd, BudgetAmount::Dollars(text)) => text.parse::<Dollars>().map_err(|error| invalid(&error.to_string()))?.0,
            (BudgetUnit::Tokens, BudgetAmount::Tokens(tokens)) => tokens,
            (BudgetUnit::Usd, BudgetAmount::Tokens(_)) => return Err(invalid("Enter dollars as a decimal string, such as \"12.50\".")),
            (BudgetUnit::Tokens, BudgetAmount::Dollars(_)) => return Err(invalid("Enter the number of tokens as an integer.")),
        };
        Ok(Self { limit, unit, period })
    }
}

/// A replaced secret that is still valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RetiringSecret {
    pub until: Rfc3339,
    /// The number of uses since the rotation.
    pub uses: i64,
    pub last_used_at: Option<Rfc3339>,
}

impl From<Retiring> for RetiringSecret {
    fn from(old: Retiring) -> Self {
        Self { until: old.until.into(), uses: old.uses, last_used_at: old.last_used_at.map(Into::into) }
    }
}

/// A key with its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyWithSecret {
    pub key: Key,
    /// The secret, which is shown only once; null in a response that is replayed for an `Idempotency-Key`.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<String>))]
    pub secret: Option<RevealedSecret>,
}

impl From<CreatedKey> for KeyWithSecret {
    fn from(created: CreatedKey) -> Self {
        Self { key: created.key.into(), secret: Some(created.secret) }
    }
}

/// A key to create. The kind determines which fields are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    pub kind: String,
    pub name: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_days: Option<DurationDays>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<CustomScopes>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub corpora: Vec<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub rate_limits: RateLimits,
    #[serde(default, skip_serializing_if = "is_default")]
    pub address_rate_limits: RateLimits,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits: Option<NewCredits>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub allowed_ips: AllowedIps,
    #[serde(default, skip_serializing_if = "is_default")]
    pub allowed_origins: AllowedOrigins,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<ModelPatterns>,
    /// Null for no budget; left out for the default budget of the kind.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub budget: Option<Option<RequestedBudget>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<TokensPerMinute>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<MaxParallel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_bodies: Option<bool>,
}

impl TryFrom<CreateKey> for CreateKeyRequest {
    type Error = Error;

    fn try_from(request: CreateKey) -> Result<Self, Error> {
        let kind = request.kind.parse::<key_kind::KeyKind>().map_err(|_| Error::invalid("kind", "Keys of this kind cannot be created here."))?;
        Ok(Self {
            kind: Kind::Key(kind),
            name: request.name.0,
            expiry: expiry(request.duration_days),
            scopes: request.scopes.map(|scopes| scopes.0),
            corpora: request.corpora,
            external_id: request.external_id.map(|id| id.0),
            metadata: request.metadata.map(Metadata::into_text),
            rate_limits: request.rate_limits.0,
            address_rate_limits: request.address_rate_limits.0,
            credits: request.credits.map(|credits| credits.0),
            allowed_ips: request.allowed_ips.0,
            allowed_origins: request.allowed_origins.0,
            model_access: ModelAccessPatch {
                models: request.models.map(|models| Some(models.0)),
                budget: request.budget.map(parse_budget).transpose()?,
                tokens_per_minute: request.tokens_per_minute.map(|tokens| Some(tokens.0)),
                max_parallel: request.max_parallel.map(|calls| Some(calls.0)),
                log_bodies: request.log_bodies,
            },
        })
    }
}

fn parse_budget(request: Option<RequestedBudget>) -> Result<Option<Budget>, Error> {
    request.map(Budget::try_from).transpose()
}

fn expiry(duration: Option<DurationDays>) -> RequestedExpiry {
    duration.map_or(RequestedExpiry::KindDefault, |DurationDays(days)| RequestedExpiry::Days(days))
}

/// Changes to a key. Null clears a field; fields that are left out keep their value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EditKey {
    /// Null keeps the current name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Days from now until the key expires; null for never.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<DurationDays>))]
    pub duration_days: Option<Option<DurationDays>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<CustomScopes>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<ExternalId>))]
    pub external_id: Option<Option<ExternalId>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Metadata>))]
    pub metadata: Option<Option<Metadata>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limits: Option<RateLimits>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_rate_limits: Option<RateLimits>,
    /// Null for unlimited.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<ChangedCredits>))]
    pub credits: Option<Option<ChangedCredits>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_ips: Option<AllowedIps>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_origins: Option<AllowedOrigins>,
    /// Null for the default of the kind: all for agent keys, none for client keys.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<ModelPatterns>))]
    pub models: Option<Option<ModelPatterns>>,
    /// Null for no budget.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<RequestedBudget>))]
    pub budget: Option<Option<RequestedBudget>>,
    /// Null for unlimited.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<TokensPerMinute>))]
    pub tokens_per_minute: Option<Option<TokensPerMinute>>,
    /// Null for unlimited.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<MaxParallel>))]
    pub max_parallel: Option<Option<MaxParallel>>,
    /// Whether the request and response bodies of calls of language models are logged. Null keeps the current value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_bodies: Option<bool>,
}

impl TryFrom<EditKey> for KeyPatch {
    type Error = Error;

    /// # Errors
    /// `Invalid` at `budget.limit`.
    fn try_from(request: EditKey) -> Result<Self, Error> {
        Ok(Self {
            name: request.name.map(|name| name.0),
            expiry: request.duration_days.map(expiry),
            scopes: request.scopes.map(|scopes| scopes.0),
            external_id: request.external_id.map(|id| id.unwrap_or_default().0),
            metadata: request.metadata.map(|metadata| metadata.map(Metadata::into_text).unwrap_or_default()),
            rate_limits: request.rate_limits.map(|limits| limits.0),
            address_rate_limits: request.address_rate_limits.map(|limits| limits.0),
            credits: request.credits.map(|credits| credits.map_or(CreditsPatch::Unlimited, |credits| CreditsPatch::Set(credits.0))),
            allowed_ips: request.allowed_ips.map(|ips| ips.0),
            allowed_origins: request.allowed_origins.map(|origins| origins.0),
            model_access: ModelAccessPatch {
                models: request.models.map(|models| models.map(|models| models.0)),
                budget: request.budget.map(parse_budget).transpose()?,
                tokens_per_minute: request.tokens_per_minute.map(|tokens| tokens.map(|tokens| tokens.0)),
                max_parallel: request.max_parallel.map(|calls| calls.map(|calls| calls.0)),
                log_bodies: request.log_bodies,
            },
        })
    }
}

/// Options of a rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RotateKey {
    /// For how many seconds the old secret stays valid.
    pub grace_seconds: GraceSeconds,
}

/// A key from another system to import.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportKey {
    /// The SHA-256 of the key, as 64 hexadecimal digits or in base64.
    pub sha256: Sha256,
    pub name: Name,
    /// Must be `client`, which is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<ImportedKind>))]
    pub kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_days: Option<DurationDays>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<CustomScopes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub rate_limits: RateLimits,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits: Option<NewCredits>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub allowed_ips: AllowedIps,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<ModelPatterns>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<RequestedBudget>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<TokensPerMinute>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<MaxParallel>,
    /// Whether the request and response bodies of calls of language models are logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_bodies: Option<bool>,
}

/// The only kind that can be imported.
#[cfg(feature = "openapi")]
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportedKind {
    Client,
}

impl ImportKey {
    /// The SHA-256 and the key to create.
    ///
    /// # Errors
    /// `Invalid` at `kind` or `budget.limit`.
    pub fn into_request(self) -> Result<(String, CreateKeyRequest), Error> {
        let kind = Kind::Key(key_kind::KeyKind::Client);
        if self.kind.is_some_and(|kind_text| kind_text.parse() != Ok(kind)) {
            return Err(Error::invalid("kind", "Only client keys can be imported."));
        }
        let request = CreateKeyRequest {
            kind,
            name: self.name.0,
            expiry: expiry(self.duration_days),
            scopes: self.scopes.map(|scopes| scopes.0),
            corpora: Vec::new(),
            external_id: self.external_id.map(|id| id.0),
            metadata: self.metadata.map(Metadata::into_text),
            rate_limits: self.rate_limits.0,
            address_rate_limits: Vec::new(),
            credits: self.credits.map(|credits| credits.0),
            allowed_ips: self.allowed_ips.0,
            allowed_origins: Vec::new(),
            model_access: ModelAccessPatch {
                models: self.models.map(|models| Some(models.0)),
                budget: self.budget.map(|budget| parse_budget(Some(budget))).transpose()?,
                tokens_per_minute: self.tokens_per_minute.map(|tokens| Some(tokens.0)),
                max_parallel: self.max_parallel.map(|calls| Some(calls.0)),
                log_bodies: self.log_bodies,
            },
        };
        Ok((self.sha256.0, request))
    }
}

/// Several keys to import. Either all of them are imported or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportKeys {
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 1000))]
    pub keys: Vec<ImportKey>,
}

/// One key to import, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ImportKeysRequest {
    One(Box<ImportKey>),
    Several(ImportKeys),
}

/// An imported key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportedKey {
    pub key: Key,
}

impl From<KeyRow> for ImportedKey {
    fn from(key: KeyRow) -> Self {
        Self { key: key.into() }
    }
}

/// The imported keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportedKeys {
    /// In the order of the request.
    pub items: Vec<Key>,
}

/// One imported key, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ImportKeysResponse {
    One(Box<ImportedKey>),
    Several(ImportedKeys),
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn key() -> Value {
        json!({
            "id": "key_01a1f0b75c8d7f3aa6c1d0e5b4938271", "kind": "client", "name": "a", "mask": "lkc_…9xYz", "status": "active",
            "created_at": "2026-11-21T10:00:00.000Z", "created_by": "usr_01a1f0b75c8d7f3aa6c1d0e5b4938271", "last_used_at": null,
            "expires_at": null, "scopes": [], "corpora": [], "external_id": null, "metadata": { "plan": "pro" },
            "rate_limits": [{ "name": "burst", "limit": 1, "duration_ms": 1000 }],
            "address_rate_limits": [{ "name": "each", "limit": 1, "duration_ms": 1000, "strict": true }],
            "credits": { "remaining": 1, "refill": "daily", "amount": 9 }, "allowed_ips": ["192.0.2.0/24"],
            "allowed_origins": ["https://example.com"], "models": ["gpt-*"],
            "budget": { "limit": "12.5", "unit": "usd", "period": "month", "spent": "0.000000001", "reserved": "0", "resets_at": "2026-12-01T00:00:00.000Z" },
            "tokens_per_minute": 1000, "max_parallel": 4, "log_bodies": true, "retiring": null,
        })
    }

    #[test]
    fn a_response_round_trips_and_unknown_fields_are_ignored() {
        let known: Key = serde_json::from_value(key()).unwrap();
        assert_eq!(serde_json::to_value(&known).unwrap(), key());
        let mut newer = key();
        for object in ["", "/rate_limits/0", "/address_rate_limits/0", "/credits", "/budget"] {
            newer.pointer_mut(object).unwrap()["of_a_newer_server"] = json!(1);
        }
        assert_eq!(serde_json::from_value::<Key>(newer).unwrap(), known);
    }

    #[test]
    fn a_request_distinguishes_null_from_a_missing_field() {
        let edit: EditKey = serde_json::from_value(json!({ "credits": null, "duration_days": 5 })).unwrap();
        assert_eq!((edit.credits.clone(), edit.metadata.clone()), (Some(None), None));
        assert_eq!(serde_json::to_value(&edit).unwrap(), json!({ "credits": null, "duration_days": 5 }));
        let limit = json!({ "name": "a", "limit": 1, "duration_ms": 1000, "unknown": 1 });
        assert!(serde_json::from_value::<EditKey>(json!({ "rate_limits": [limit] })).is_err());
    }

    #[test]
    fn a_budget_is_in_dollars_or_tokens() {
        let budget = |json: Value| serde_json::from_value::<RequestedBudget>(json).ok().and_then(|request| Budget::try_from(request).ok());
        let (usd, tokens) = (BudgetUnit::Usd, BudgetUnit::Tokens);
        let monthly = Budget { limit: 12_500_000_000, unit: usd, period: BudgetPeriod::Month };
        assert_eq!(budget(json!({ "limit": "12.50" })), Some(monthly));
        let daily = Budget { limit: 1000, unit: tokens, period: BudgetPeriod::Day };
        assert_eq!(budget(json!({ "limit": 1000, "unit": "tokens", "period": "day" })), Some(daily));
        for bad in [
            json!({ "limit": 12 }),
            json!({ "limit": 12.5 }),
            json!({ "limit": "-1" }),
            json!({ "limit": "1e3" }),
            json!({ "limit": "1000", "unit": "tokens" }),
            json!({ "limit": "1", "unit": "eur" }),
            json!({ "limit": "1", "period": "year" }),
            json!({ "limit": "1", "spent": "0" }),
            json!({}),
        ] {
            assert_eq!(budget(bad.clone()), None, "{bad}");
        }
        let state = BudgetState { budget: daily, spent: 7, reserved: 0, resets_at: None };
        let json = json!({ "limit": 1000, "unit": "tokens", "period": "day", "spent": 7, "reserved": 0, "resets_at": null });
        assert_eq!(serde_json::to_value(KeyBudget::from(state)).unwrap(), json);
    }

    #[test]
    fn no_budget_is_not_the_default_budget() {
        let patch = |json: Value| CreateKeyRequest::try_from(serde_json::from_value::<CreateKey>(json).unwrap()).unwrap().model_access;
        assert!(patch(json!({ "kind": "agent", "name": "a", "models": null, "max_parallel": null })).is_empty());
        assert_eq!(patch(json!({ "kind": "agent", "name": "a", "budget": null })).budget, Some(None));
    }

    #[test]
    fn a_request_omits_what_is_not_set() {
        let create = CreateKey { kind: "agent".to_owned(), name: Name("a".to_owned()), ..CreateKey::default() };
        assert_eq!(serde_json::to_value(&create).unwrap(), json!({ "kind": "agent", "name": "a" }));
    }
}
