//! Money: a whole number of millionths of the organization's currency, so that a price may be below a cent and no sum is rounded.

use std::{fmt, iter::Sum, ops::Add};

use serde::{Deserialize, Serialize};

use super::fault::Fault;

/// Millionths in one unit of a currency.
const MICROS: i64 = 1_000_000;
/// How many digits that is.
const DECIMALS: usize = 6;
/// The highest price of one request: a thousand units. The sum of nine thousand million requests at it can still be told.
pub const PRICE_MAX: Money = Money(1000 * MICROS);

/// An amount in millionths of a currency, which is known from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub i64);

impl Money {
    /// Reads a price as somebody typed it: `0.0025`. The decimal separator is a point, or a comma.
    ///
    /// # Errors
    /// `Invalid` for what is no number, below zero, finer than a millionth, or above [`PRICE_MAX`].
    pub fn price(field: &str, typed: &str) -> Result<Self, Fault> {
        let typed = typed.trim();
        if typed.starts_with('-') {
            return Err(Fault::invalid(field, "A price can't be below zero."));
        }
        let no_number = || Fault::invalid(field, "Enter a price like 0.0025.");
        let (whole, fraction) = typed.split_once(['.', ',']).unwrap_or((typed, ""));
        let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return Err(no_number());
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > DECIMALS {
            return Err(Fault::invalid(field, "A price can't be finer than a millionth: six digits behind the point."));
        }
        let too_high = || Fault::invalid(field, format!("A request can cost at most {PRICE_MAX}."));
        let number = |text: &str| if text.is_empty() { Ok(0) } else { text.parse::<i64>().map_err(|_| too_high()) };
        let micros = number(whole)?.checked_mul(MICROS).and_then(|units| Some(units + number(&format!("{fraction:0<DECIMALS$}")).ok()?));
        micros.map(Self).filter(|price| *price <= PRICE_MAX).ok_or_else(too_high)
    }

    /// What so many requests cost at this price.
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

/// All of its digits and no more, with a point and without a currency: `0.0025`, as a price is typed and as CSV has it.
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
    fn a_price_reads_back_to_the_millionth() {
        for (typed, micros, shown) in [
            ("0", 0, "0"),
            ("0.0025", 2500, "0.0025"),
            (" 12,50 ", 12_500_000, "12.5"),
            (".000001", 1, "0.000001"),
            ("1.", 1_000_000, "1"),
            ("0.1000000000", 100_000, "0.1"),
            ("1000", 1_000_000_000, "1000"),
        ] {
            let price = Money::price("price", typed).unwrap();
            assert_eq!((price.0, price.to_string().as_str()), (micros, shown), "{typed}");
            assert_eq!(Money::price("price", shown), Ok(price));
        }
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for bad in ["", ".", "-1", "-0.5", "0.0000001", "1e3", "1.000.000", "1 000", "1000.000001", "99999999999999999999", "٣", "NaN", "$1"] {
            assert!(Money::price("price", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_sum_never_wraps() {
        assert_eq!(Money(i64::MAX) + Money(1), Money(i64::MAX));
        assert_eq!([Money(2), Money(3)].into_iter().sum::<Money>(), Money(5));
        assert_eq!(PRICE_MAX.times(i64::MAX), Money(i64::MAX));
        assert_eq!(Money(-1_500_000).to_string(), "-1.5");
    }
}
