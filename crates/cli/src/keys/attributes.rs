//! Arguments for the attributes of a key.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use crate::{
    error::CliError,
    input::{self, clear},
};
use latchkey_types::{
    limits::{CreditsRequest, RateLimit},
    rest::{
        keys::{CreateKey, EditKey, ImportKey, RequestedBudget},
        values::{
            AllowedIps, AllowedOrigins, ChangedCredits, CustomScopes, DurationDays, MaxParallel, Metadata, ModelPatterns, NewCredits, RateLimits,
            TokensPerMinute,
        },
    },
};

/// The server rejects attributes that the key's kind does not have; they are not ignored.
#[derive(Debug, Args)]
pub(super) struct AttributeOptions {
    /// Days from now until the key expires
    #[arg(long, value_name = "D")]
    days: Option<i64>,
    /// Scope of the key; can be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Your own id of the key's owner
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Your own data: a flat JSON object
    #[arg(long, value_name = "JSON", value_parser = input::object)]
    metadata: Option<Map<String, Value>>,
    /// Rate limit as a sliding window: `burst=100/60s`, with ms, s, m, h or d, and `,strict` after it if instances must never exceed it together;
    /// can be repeated
    #[arg(long = "rate-limit", value_name = "NAME=LIMIT/SPAN[,strict]", value_parser = input::rate_limit)]
    rate_limits: Vec<RateLimit>,
    /// Number of credits
    #[arg(long, value_name = "N")]
    credits: Option<i64>,
    /// Refill of the credits at midnight UTC: never, daily=N or monthly=N
    #[arg(long, value_name = "WHEN", value_parser = input::refill)]
    refill: Option<CreditsRequest>,
    /// Network from which the key is accepted: `192.0.2.0/24`; can be repeated
    #[arg(long = "allow-ip", value_name = "CIDR")]
    allowed_ips: Vec<String>,
    /// Name of a language model that the key may call, or a pattern: `gpt-*`; can be repeated
    #[arg(long = "model", value_name = "PATTERN")]
    models: Vec<String>,
    /// Budget for language models in UTC days, weeks, months or in all: `12.50/month` in dollars, `tokens=1000000/day` or `50/none`
    #[arg(long, value_name = "LIMIT/PERIOD", value_parser = input::budget)]
    budget: Option<RequestedBudget>,
    /// Tokens of language models in any minute
    #[arg(long, value_name = "N")]
    tokens_per_minute: Option<i64>,
    /// Calls of language models at the same time
    #[arg(long, value_name = "N")]
    max_parallel: Option<i64>,
    /// Whether the request and response bodies of calls of language models are logged
    #[arg(long, value_name = "true|false")]
    log_bodies: Option<bool>,
}

impl AttributeOptions {
    /// Whether no attribute is given.
    pub(super) fn is_empty(&self) -> bool {
        self.edit() == EditKey::default()
    }

    /// A request to create a key with these attributes.
    pub(super) fn create(&self) -> CreateKey {
        CreateKey {
            duration_days: self.days.map(DurationDays),
            scopes: self.scopes(),
            external_id: self.external_id.clone().map(Into::into),
            metadata: self.metadata(),
            rate_limits: RateLimits(self.rate_limits.clone()),
            credits: self.requested_credits().map(NewCredits),
            allowed_ips: AllowedIps(self.allowed_ips.clone()),
            models: self.models(),
            budget: self.budget.clone().map(Some),
            tokens_per_minute: self.tokens_per_minute.map(TokensPerMinute),
            max_parallel: self.max_parallel.map(MaxParallel),
            log_bodies: self.log_bodies,
            ..CreateKey::default()
        }
    }

    /// A request to import a key with these attributes.
    pub(super) fn import(&self) -> ImportKey {
        let CreateKey { duration_days, scopes, external_id, metadata, rate_limits, credits, allowed_ips, models, .. } = self.create();
        ImportKey {
            duration_days,
            scopes,
            external_id,
            metadata,
            rate_limits,
            credits,
            allowed_ips,
            models,
            budget: self.budget.clone(),
            tokens_per_minute: self.tokens_per_minute.map(TokensPerMinute),
            max_parallel: self.max_parallel.map(MaxParallel),
            log_bodies: self.log_bodies,
            ..ImportKey::default()
        }
    }

    /// A request to change these attributes of a key.
    pub(super) fn edit(&self) -> EditKey {
        EditKey {
            duration_days: self.days.map(|days| Some(DurationDays(days))),
            scopes: self.scopes(),
            external_id: self.external_id.clone().map(|id| Some(id.into())),
            metadata: self.metadata().map(Some),
            rate_limits: (!self.rate_limits.is_empty()).then(|| RateLimits(self.rate_limits.clone())),
            credits: self.requested_credits().map(|credits| Some(ChangedCredits(credits))),
            allowed_ips: (!self.allowed_ips.is_empty()).then(|| AllowedIps(self.allowed_ips.clone())),
            models: self.models().map(Some),
            budget: self.budget.clone().map(Some),
            tokens_per_minute: self.tokens_per_minute.map(|tokens| Some(TokensPerMinute(tokens))),
            max_parallel: self.max_parallel.map(|calls| Some(MaxParallel(calls))),
            log_bodies: self.log_bodies,
            ..EditKey::default()
        }
    }

    fn models(&self) -> Option<ModelPatterns> {
        (!self.models.is_empty()).then(|| ModelPatterns(self.models.clone()))
    }

    fn scopes(&self) -> Option<CustomScopes> {
        (!self.scopes.is_empty()).then(|| CustomScopes(self.scopes.clone()))
    }

    fn metadata(&self) -> Option<Metadata> {
        self.metadata.clone().map(Metadata)
    }

    fn requested_credits(&self) -> Option<CreditsRequest> {
        let is_given = self.credits.is_some() || self.refill.is_some();
        is_given.then(|| CreditsRequest { remaining: self.credits, ..self.refill.unwrap_or_default() })
    }
}

/// Limits of public keys. Imported keys have none.
#[derive(Debug, Args)]
pub(super) struct PublicOptions {
    /// Rate limit for each client address, like `--rate-limit`; can be repeated
    #[arg(long = "address-rate-limit", value_name = "NAME=LIMIT/SPAN[,strict]", value_parser = input::rate_limit)]
    address_rate_limits: Vec<RateLimit>,
    /// Origin of a web page that may use the key: `https://example.com`; can be repeated
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    allowed_origins: Vec<String>,
}

impl PublicOptions {
    /// Adds these limits to a request to create a key.
    pub(super) fn create(&self, request: CreateKey) -> CreateKey {
        let (address_rate_limits, allowed_origins) = (RateLimits(self.address_rate_limits.clone()), AllowedOrigins(self.allowed_origins.clone()));
        CreateKey { address_rate_limits, allowed_origins, ..request }
    }

    /// Adds these limits to a request to change a key.
    pub(super) fn edit(&self, request: EditKey) -> EditKey {
        EditKey {
            address_rate_limits: (!self.address_rate_limits.is_empty()).then(|| RateLimits(self.address_rate_limits.clone())),
            allowed_origins: (!self.allowed_origins.is_empty()).then(|| AllowedOrigins(self.allowed_origins.clone())),
            ..request
        }
    }
}

/// Field that `keys edit --clear` removes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ClearedField {
    Days,
    Scopes,
    ExternalId,
    Metadata,
    RateLimits,
    AddressRateLimits,
    Credits,
    AllowIp,
    AllowOrigin,
    Models,
    Budget,
    TokensPerMinute,
    MaxParallel,
}

impl ClearedField {
    /// Clears the field in a request.
    ///
    /// # Errors
    /// [`CliError::Usage`] if the request sets the field.
    pub(super) fn clear(self, request: &mut EditKey) -> Result<(), CliError> {
        match self {
            Self::Days => clear(&mut request.duration_days),
            Self::Scopes => clear(&mut request.scopes),
            Self::ExternalId => clear(&mut request.external_id),
            Self::Metadata => clear(&mut request.metadata),
            Self::RateLimits => clear(&mut request.rate_limits),
            Self::AddressRateLimits => clear(&mut request.address_rate_limits),
            Self::Credits => clear(&mut request.credits),
            Self::AllowIp => clear(&mut request.allowed_ips),
            Self::AllowOrigin => clear(&mut request.allowed_origins),
            Self::Models => clear(&mut request.models),
            Self::Budget => clear(&mut request.budget),
            Self::TokensPerMinute => clear(&mut request.tokens_per_minute),
            Self::MaxParallel => clear(&mut request.max_parallel),
        }
    }
}
