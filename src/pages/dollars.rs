//! Amounts of US dollars, for language models. They look the same in every browser and on the server.

use latchkey_types::{budget::ModelPrice, dollars::Dollars};
use latchkey_ui::number::format_integer;

/// One dollar, one cent and a millionth of a dollar, in billionths.
const DOLLAR: u64 = 1_000_000_000;
const CENT: i64 = 10_000_000;
const MILLIONTH: i64 = 1_000;

/// The exact amount, with at least two decimals: `$1,204.50`, `$0.00025`.
pub(crate) fn exact_dollars(amount: Dollars) -> String {
    let text = amount.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("−", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.parse::<i64>().map_or_else(|_| whole.to_owned(), format_integer);
    format!("{sign}${whole}.{fraction:0<2}")
}

/// The amount rounded to cents, or below one dollar to a millionth of a dollar.
pub(crate) fn rounded_dollars(amount: Dollars) -> String {
    let unit = if amount.0.unsigned_abs() >= DOLLAR { CENT } else { MILLIONTH };
    let rounded = amount.0.saturating_add(unit / 2).div_euclid(unit).saturating_mul(unit);
    // Rounding must not make a call free.
    if rounded == 0 && amount.0 > 0 { "<$0.000001".to_owned() } else { exact_dollars(Dollars(rounded)) }
}

/// Both prices of a million tokens: `$1.25 in, $10.00 out`.
pub(crate) fn price_of_tokens(price: &ModelPrice) -> String {
    format!("{} in, {} out", exact_dollars(Dollars(price.input)), exact_dollars(Dollars(price.output)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_at_least_two_decimals() {
        for (nanos, text) in
            [(0, "$0.00"), (250_000, "$0.00025"), (1_500_000_000, "$1.50"), (1_204_123_000_000, "$1,204.123"), (-2_000_000_000, "−$2.00")]
        {
            assert_eq!(exact_dollars(Dollars(nanos)), text);
        }
    }

    #[test]
    fn only_zero_is_rounded_to_zero() {
        for (nanos, text) in [
            (0, "$0.00"),
            (1, "<$0.000001"),
            (499, "<$0.000001"),
            (1_234_567, "$0.001235"),
            (999_999_999, "$1.00"),
            (1_234_567_890, "$1.23"),
            (i64::MAX, "$9,223,372,036.85"),
        ] {
            assert_eq!(rounded_dollars(Dollars(nanos)), text);
        }
    }

    #[test]
    fn both_prices_are_named() {
        let price = ModelPrice { input: 1_250_000_000, output: 10_000_000_000, ..ModelPrice::default() };
        assert_eq!(price_of_tokens(&price), "$1.25 in, $10.00 out");
    }
}
