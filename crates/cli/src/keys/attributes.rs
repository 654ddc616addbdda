//! Arguments for the attributes of a key.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::input;
use latchkey_types::limits::{CreditsRequest, RateLimit};

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
    /// Rate limit as a sliding window: `burst=100/60s`, with ms, s, m, h or d; can be repeated
    #[arg(long = "rate-limit", value_name = "NAME=LIMIT/SPAN", value_parser = input::rate_limit)]
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
}

impl AttributeOptions {
    /// The given fields, with their names in the API.
    pub(super) fn fields(&self) -> Map<String, Value> {
        let list = |list: &[String]| (!list.is_empty()).then(|| json!(list));
        let fields = [
            ("duration_days", self.days.map(Value::from)),
            ("scopes", list(&self.scopes)),
            ("external_id", self.external_id.clone().map(Value::from)),
            ("metadata", self.metadata.clone().map(Value::from)),
            ("rate_limits", (!self.rate_limits.is_empty()).then(|| json!(self.rate_limits))),
            ("credits", self.requested_credits()),
            ("allowed_ips", list(&self.allowed_ips)),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    fn requested_credits(&self) -> Option<Value> {
        let is_given = self.credits.is_some() || self.refill.is_some();
        is_given.then(|| json!(CreditsRequest { remaining: self.credits, ..self.refill.unwrap_or_default() }))
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
    Credits,
    AllowIp,
}

impl ClearedField {
    /// Name of the field in the API and the value that clears it.
    pub(super) fn field(self) -> (String, Value) {
        let (name, empty) = match self {
            Self::Days => ("duration_days", Value::Null),
            Self::Scopes => ("scopes", json!([])),
            Self::ExternalId => ("external_id", Value::Null),
            Self::Metadata => ("metadata", Value::Null),
            Self::RateLimits => ("rate_limits", json!([])),
            Self::Credits => ("credits", Value::Null),
            Self::AllowIp => ("allowed_ips", json!([])),
        };
        (name.to_owned(), empty)
    }
}
