//! US dollars as an integer: billionths, so that the price of a single token and the sum of many calls are exact.

use std::{fmt, iter::Sum, ops::Add, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Billionths per dollar.
const NANOS: i64 = 1_000_000_000;
/// Decimal digits of [`NANOS`].
const DECIMALS: usize = 9;
/// Largest amount that can be entered: a billion dollars.
pub const DOLLARS_MAX: Dollars = Dollars(NANOS * 1_000_000_000);

/// An amount in billionths of a US dollar. In JSON it is a decimal string such as `"0.0025"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Dollars(pub i64);

/// The text is not an amount of at most nine decimals from 0 to [`DOLLARS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Enter an amount like 12.50, with at most nine decimal places.")]
pub struct InvalidDollars;

impl FromStr for Dollars {
    type Err = InvalidDollars;

    fn from_str(text: &str) -> Result<Self, InvalidDollars> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
        let fraction = fraction.trim_end_matches('0');
        if text == "." || text.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > DECIMALS {
            return Err(InvalidDollars);
        }
        let number = |text: &str| if text.is_empty() { Ok(0) } else { text.parse::<i64>().map_err(|_| InvalidDollars) };
        let nanos = number(whole)?.checked_mul(NANOS).and_then(|units| units.checked_add(number(&format!("{fraction:0<DECIMALS$}")).ok()?));
        nanos.map(Self).filter(|amount| *amount <= DOLLARS_MAX).ok_or(InvalidDollars)
    }
}

/// Exact, without trailing zeros and without the currency: `0.0025`.
impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (units, nanos) = (self.0.unsigned_abs() / NANOS.unsigned_abs(), self.0.unsigned_abs() % NANOS.unsigned_abs());
        let fraction = format!("{nanos:0DECIMALS$}");
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{sign}{units}"),
            fraction => write!(f, "{sign}{units}.{fraction}"),
        }
    }
}

impl Add for Dollars {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Dollars {
    fn sum<Iter: Iterator<Item = Self>>(amounts: Iter) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

impl Serialize for Dollars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_round_trips_to_the_billionth() {
        for (text, nanos) in [("0", 0), ("1", NANOS), ("0.000000001", 1), ("12.5", 12_500_000_000), ("1000000000", DOLLARS_MAX.0)] {
            assert_eq!((text.parse(), Dollars(nanos).to_string().as_str()), (Ok(Dollars(nanos)), text));
        }
        assert_eq!(".50".parse(), Ok(Dollars(NANOS / 2)));
        assert_eq!("7.".parse(), Ok(Dollars(7 * NANOS)));
        for bad in ["", ".", "-1", "1,5", "1e3", "0.0000000001", "1000000000.1", "99999999999999999999", "$1", " 1"] {
            assert_eq!(bad.parse::<Dollars>(), Err(InvalidDollars), "{bad}");
        }
    }
}
