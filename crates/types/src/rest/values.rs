//! Values in requests and responses. They carry no guarantee: rules validate them. The bounds of validation are in their schemas.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use crate::{
    limits::{CreditsRequest, RateLimit},
    secret::TypedSecret,
    time::{DAY_MS, MINUTE_MS, Timestamp, civil_from_days, days_from_civil},
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
    /// Credits of a new key.
    NewCredits(CreditsRequest),
    /// New credits of an existing key.
    ChangedCredits(CreditsRequest),
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

/// The text is not a time in the format of RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time in the format of RFC 3339")]
pub struct InvalidTime;

impl FromStr for Rfc3339 {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        parse(text).map(Self).ok_or(InvalidTime)
    }
}

/// Parses RFC 3339, section 5.6. Fractions of a millisecond are cut off. Uses no date library, to keep the WebAssembly binary small.
fn parse(text: &str) -> Option<Timestamp> {
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>().ok())?;
    let at = |from: usize, to: usize| number(text.get(from..to)?);
    let has = |index: usize, expected: u8| text.as_bytes().get(index).is_some_and(|byte| byte.eq_ignore_ascii_case(&expected));
    if !(has(4, b'-') && has(7, b'-') && has(10, b'T') && has(13, b':') && has(16, b':')) {
        return None;
    }
    let (year, month, day) = (at(0, 4)?, at(5, 7)?, at(8, 10)?);
    let days = days_from_civil(year, month, day);
    let (hour, minute, second) = (at(11, 13)?, at(14, 16)?, at(17, 19)?);
    // 60 is a leap second.
    if !(1..=12).contains(&month) || civil_from_days(days) != (year, month, day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let rest = text.get(19..)?;
    let (ms, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let (digits, zone) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
            if digits.is_empty() {
                return None;
            }
            (number(&format!("{digits:0<3}")[..3])?, zone)
        }
        None => (0, rest),
    };
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (number(zone.get(1..3)?)?, number(zone.get(4..6)?)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    Some(Timestamp(days * DAY_MS + (hour * 60 + minute - offset) * MINUTE_MS + second * 1000 + ms))
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
        for bad in [
            "",
            "soon",
            "2026-11-21",
            "2026-11-21T10:00:00",
            "2026-11-21T10:00:00.Z",
            "2026-02-29T10:00:00Z",
            "2026-13-01T10:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T10:00:00+1:00",
            "2026-11-21T10:00:00Zé",
            "2026-11-2éT10:00:00Z",
        ] {
            assert_eq!(bad.parse::<Rfc3339>(), Err(InvalidTime), "{bad}");
        }
    }
}
