//! Values in requests and responses. They carry no guarantee: rules validate them. The bounds of validation are in their schemas.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339 as WellKnown};

use crate::{
    limits::{CreditsRequest, RateLimit},
    secret::TypedSecret,
    time::Timestamp,
};

macro_rules! newtypes {
    ($($(#[$doc:meta])* $name:ident($inner:ty)),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl From<$inner> for $name {
            fn from(inner: $inner) -> Self {
                Self(inner)
            }
        }
    )*};
}

newtypes! {
    /// A requested name.
    Name(String),
    /// The customer's own id of a key's owner.
    ExternalId(String),
    /// The SHA-256 of a key, in hexadecimal or base64.
    Sha256(String),
    /// Scopes that the customer defines.
    CustomScopes(Vec<String>),
    /// The customer's own data: a flat JSON object.
    Metadata(Map<String, Value>),
    /// Days until expiry.
    DurationDays(i64),
    /// For how many seconds a replaced secret stays valid.
    GraceSeconds(i64),
    RateLimits(Vec<RateLimit>),
    /// Networks in CIDR notation.
    AllowedIps(Vec<String>),
    /// Origins of web pages.
    AllowedOrigins(Vec<String>),
    /// Credits of a new key.
    NewCredits(CreditsRequest),
    /// New credits of an existing key.
    ChangedCredits(CreditsRequest),
    /// Names or globs of models and aliases.
    ModelPatterns(Vec<String>),
    /// Input and output tokens in any minute.
    TokensPerMinute(i64),
    /// Calls of language models at the same time.
    MaxParallel(i64),
    /// The new value of a general key; an empty string keeps the stored one.
    NewValue(TypedSecret),
}

impl Metadata {
    /// As JSON text.
    pub fn into_text(self) -> String {
        Value::Object(self.0).to_string()
    }
}

/// The id of a corpus in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CorpusNumber(pub i64);

/// The credits that a request costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cost(pub u32);

/// An IPv4 or IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IpAddress(pub IpAddr);

/// A time, as RFC 3339 text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rfc3339(pub Timestamp);

impl From<Timestamp> for Rfc3339 {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.rfc3339())
    }
}

/// Fractions of a millisecond are cut off.
impl FromStr for Rfc3339 {
    type Err = time::error::Parse;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let nanoseconds = OffsetDateTime::parse(text, &WellKnown)?.unix_timestamp_nanos();
        // Years have four digits, so the milliseconds are in range.
        Ok(Self(Timestamp(i64::try_from(nanoseconds.div_euclid(1_000_000)).unwrap_or(i64::MAX))))
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.rfc3339())
    }
}

impl<'de> Deserialize<'de> for Rfc3339 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_round_trips() {
        for ms in [0, -1, 951_782_400_000, 1_795_221_599_999, 253_402_300_799_999] {
            assert_eq!(Timestamp(ms).rfc3339().parse(), Ok(Rfc3339(Timestamp(ms))));
        }
    }

    #[test]
    fn offsets_and_fractions_are_parsed() {
        for (text, ms) in [
            ("2026-11-21T10:00:00Z", 1_795_255_200_000),
            ("2026-11-21t10:00:00.5z", 1_795_255_200_500),
            ("2026-11-21T11:30:00.0019999+01:30", 1_795_255_200_001),
            ("2026-11-21T00:00:00-10:00", 1_795_255_200_000),
        ] {
            assert_eq!(text.parse(), Ok(Rfc3339(Timestamp(ms))), "{text}");
        }
        for bad in ["", "soon", "2026-11-21", "2026-11-21T10:00:00", "2026-02-29T10:00:00Z"] {
            assert!(bad.parse::<Rfc3339>().is_err(), "{bad}");
        }
    }
}
