//! Money as an integer: millionths of the organization's currency, so that prices can be below a cent and sums are exact.

use std::{fmt, iter::Sum, ops::Add};

use serde::{Deserialize, Serialize};

use super::error::Error;

/// Millionths per unit of currency.
const MICROS: i64 = 1_000_000;
/// Decimal digits of [`MICROS`].
const DECIMALS: usize = 6;
/// Maximum price of one request: 1,000 units. The cost of nine billion requests at this price still fits into an `i64`.
pub const PRICE_MAX: Money = Money(1000 * MICROS);

/// An amount in millionths of a currency. The currency is stored with the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub i64);

impl Money {
    /// One unit of the currency.
    pub const UNIT: Self = Self(MICROS);

    /// Parses a price such as `0.0025`. The decimal separator is a point, or a comma that cannot separate thousands.
    ///
    /// # Errors
    /// `Invalid` if it is not a number, ambiguous, negative, has more than six decimals or exceeds [`PRICE_MAX`].
    pub fn price(field: &str, typed: &str) -> Result<Self, Error> {
        let typed = typed.trim();
        if typed.starts_with('-') {
            return Err(Error::invalid(field, "A price can't be negative."));
        }
        let invalid = || Error::invalid(field, "Enter a price like 0.0025.");
        let (whole, fraction) = typed.split_once(['.', ',']).unwrap_or((typed, ""));
        let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return Err(invalid());
        }
        if typed.contains(',') && fraction.len() == 3 && !whole.trim_start_matches('0').is_empty() {
            return Err(Error::invalid(field, format!("Enter {whole}{fraction} or {whole}.{fraction}, without a comma.")));
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > DECIMALS {
            return Err(Error::invalid(field, "Use at most six decimal places."));
        }
        let too_high = || Error::invalid(field, format!("A request can cost at most {PRICE_MAX}."));
        let number = |text: &str| if text.is_empty() { Ok(0) } else { text.parse::<i64>().map_err(|_| too_high()) };
        let micros = number(whole)?.checked_mul(MICROS).and_then(|units| Some(units + number(&format!("{fraction:0<DECIMALS$}")).ok()?));
        micros.map(Self).filter(|price| *price <= PRICE_MAX).ok_or_else(too_high)
    }

    /// Cost of this number of requests at this price. Saturates instead of overflowing.
    #[must_use]
    pub const fn times(self, requests: i64) -> Self {
        Self(self.0.saturating_mul(requests))
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Money {
    fn sum<Iter: Iterator<Item = Self>>(amounts: Iter) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

/// Exact, with a decimal point, without trailing zeros and without currency: `0.0025`. [`Money::price`] parses it back.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (units, micros) = (self.0.unsigned_abs() / MICROS.unsigned_abs(), self.0.unsigned_abs() % MICROS.unsigned_abs());
        let fraction = format!("{micros:0DECIMALS$}");
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{sign}{units}"),
            fraction => write!(f, "{sign}{units}.{fraction}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_round_trips_to_the_millionth() {
        for (typed, micros, text) in [
            ("0", 0, "0"),
            ("0.0025", 2500, "0.0025"),
            (" 12,50 ", 12_500_000, "12.5"),
            ("0,025", 25_000, "0.025"),
            ("1.125", 1_125_000, "1.125"),
            (".000001", 1, "0.000001"),
            ("1.", 1_000_000, "1"),
            ("0.1000000000", 100_000, "0.1"),
            ("1000", 1_000_000_000, "1000"),
        ] {
            let price = Money::price("price", typed).unwrap();
            assert_eq!((price.0, price.to_string().as_str()), (micros, text), "{typed}");
            assert_eq!(Money::price("price", text), Ok(price));
        }
    }

    #[test]
    fn an_invalid_price_is_rejected() {
        for bad in ["", ".", "-1", "-0.5", "0.0000001", "1e3", "1.000.000", "1 000", "1000.000001", "99999999999999999999", "٣", "NaN", "$1"] {
            assert!(Money::price("price", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_comma_that_may_separate_thousands_is_rejected() {
        let error = Money::price("price", "1,000").unwrap_err();
        assert_eq!(error, Error::invalid("price", "Enter 1000 or 1.000, without a comma."));
        for ambiguous in ["1,500", "12,500", "999,999", "01,000"] {
            assert!(Money::price("price", ambiguous).is_err(), "{ambiguous}");
        }
    }

    #[test]
    fn a_sum_saturates() {
        assert_eq!(Money(i64::MAX) + Money(1), Money(i64::MAX));
        assert_eq!([Money(2), Money(3)].into_iter().sum::<Money>(), Money(5));
        assert_eq!(PRICE_MAX.times(i64::MAX), Money(i64::MAX));
        assert_eq!(Money(-1_500_000).to_string(), "-1.5");
    }
}
