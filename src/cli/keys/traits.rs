//! What a key can be given, as arguments.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::{
    cli::input,
    model::limits::{RateLimit, WantedCredits},
};

/// What keys of most kinds lack is refused by the server, never ignored.
#[derive(Debug, Args)]
pub(super) struct TraitOptions {
    /// After how many days it ends, from now
    #[arg(long, value_name = "D")]
    days: Option<i64>,
    /// What it may be used for; may be given several times
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Whose it is, in your words
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// What you note of it: a flat JSON object
    #[arg(long, value_name = "JSON", value_parser = input::object)]
    metadata: Option<Map<String, Value>>,
    /// How often it may be used, in any span of that length: `burst=100/60s`, with ms, s, m, h or d; may be given several times
    #[arg(long = "rate-limit", value_name = "NAME=LIMIT/SPAN", value_parser = input::rate_limit)]
    rate_limits: Vec<RateLimit>,
    /// How many credits it has
    #[arg(long, value_name = "N")]
    credits: Option<i64>,
    /// When its credits are filled up, and to how many: never, daily=N or monthly=N, at midnight UTC
    #[arg(long, value_name = "WHEN", value_parser = input::refill)]
    refill: Option<WantedCredits>,
    /// A network from which it may be presented: `192.0.2.0/24`; may be given several times
    #[arg(long = "allow-ip", value_name = "CIDR")]
    allowed_ips: Vec<String>,
}

impl TraitOptions {
    /// The fields that were given, as the API names them.
    pub fn fields(&self) -> Map<String, Value> {
        let list = |list: &[String]| (!list.is_empty()).then(|| json!(list));
        let fields = [
            ("duration_days", self.days.map(Value::from)),
            ("scopes", list(&self.scopes)),
            ("external_id", self.external_id.clone().map(Value::from)),
            ("metadata", self.metadata.clone().map(Value::from)),
            ("rate_limits", (!self.rate_limits.is_empty()).then(|| json!(self.rate_limits))),
            ("credits", self.wanted_credits()),
            ("allowed_ips", list(&self.allowed_ips)),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    fn wanted_credits(&self) -> Option<Value> {
        let is_given = self.credits.is_some() || self.refill.is_some();
        is_given.then(|| json!(WantedCredits { remaining: self.credits, ..self.refill.unwrap_or_default() }))
    }
}

/// What can be taken from a key.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Cleared {
    Days,
    Scopes,
    ExternalId,
    Metadata,
    RateLimits,
    Credits,
    AllowIp,
}

impl Cleared {
    /// The field, as the API names it, and what empties it.
    pub fn field(self) -> (String, Value) {
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
