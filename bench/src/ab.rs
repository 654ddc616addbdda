//! A/B measurement in alternating order (A B, B A, A B), so that a temporary slowdown of the machine affects both sides.

use anyhow::Result;

use crate::load::Round;

/// One round of each side, measured back to back.
pub(crate) struct Pair {
    pub first: Round,
    pub second: Round,
}

/// The rounds of a whole comparison.
pub(crate) struct Comparison(Vec<Pair>);

impl Comparison {
    pub(crate) fn measure(pairs: u32, mut first: impl FnMut() -> Result<Round>, mut second: impl FnMut() -> Result<Round>) -> Result<Self> {
        let mut measured = Vec::new();
        for pair in 0..pairs {
            let pair = if pair % 2 == 0 {
                let first = first()?;
                Pair { first, second: second()? }
            } else {
                let second = second()?;
                Pair { first: first()?, second }
            };
            eprintln!(
                "    {:>8.0} / {:>8.0} per second, p99 {:.2} / {:.2} ms, server {:.1} / {:.1} µs CPU per call",
                pair.first.per_second, pair.second.per_second, pair.first.p99_ms, pair.second.p99_ms, pair.first.server_us, pair.second.server_us
            );
            measured.push(pair);
        }
        Ok(Self(measured))
    }

    /// Median over the pairs of the throughput ratio, first divided by second.
    pub(crate) fn throughput(&self) -> f64 {
        median(self.0.iter().map(|pair| pair.first.per_second / pair.second.per_second))
    }

    /// Median over the pairs of the p99 ratio, first divided by second.
    pub(crate) fn p99(&self) -> f64 {
        median(self.0.iter().map(|pair| pair.first.p99_ms / pair.second.p99_ms))
    }

    /// Median over the pairs of the difference of the medians in milliseconds, first less second.
    pub(crate) fn added_p50_ms(&self) -> f64 {
        median(self.0.iter().map(|pair| pair.first.p50_ms - pair.second.p50_ms))
    }

    /// Median over the pairs of the p99 difference in milliseconds, first less second.
    pub(crate) fn added_p99_ms(&self) -> f64 {
        median(self.0.iter().map(|pair| pair.first.p99_ms - pair.second.p99_ms))
    }

    /// Median throughput of the second side, per second.
    pub(crate) fn second_per_second(&self) -> f64 {
        median(self.0.iter().map(|pair| pair.second.per_second))
    }

    /// Medians of both sides as text for the table.
    pub(crate) fn summary(&self) -> String {
        let median_of = |value: fn(&Pair) -> f64| median(self.0.iter().map(value));
        let rates = [median_of(|pair| pair.first.per_second), median_of(|pair| pair.second.per_second)].map(thousands);
        let [first, second] = [median_of(|pair| pair.first.p99_ms), median_of(|pair| pair.second.p99_ms)];
        format!("{} and {} per second, p99 {first:.2} and {second:.2} ms", rates[0], rates[1])
    }

    /// The same with the server's CPU time per call. Meaningful only where each side is a single process.
    pub(crate) fn summary_with_cpu_time(&self) -> String {
        let median_of = |value: fn(&Pair) -> f64| median(self.0.iter().map(value));
        let [first, second] = [median_of(|pair| pair.first.server_us), median_of(|pair| pair.second.server_us)];
        format!("{}, {first:.1} and {second:.1} µs CPU per call", self.summary())
    }

    /// Unexpected responses of both sides. A single one makes the comparison invalid.
    pub(crate) fn unexpected(&self) -> u64 {
        self.0.iter().map(|pair| pair.first.unexpected + pair.second.unexpected).sum()
    }
}

/// The median; for an even count the mean of the two middle values. NaN for no values.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// Formats with thousands separators and rounds numbers from 1,000 up to hundreds: `104,000`.
pub(crate) fn thousands(number: f64) -> String {
    let rounded = if number < 1000.0 { number } else { (number / 100.0).round() * 100.0 };
    let digits = format!("{rounded:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_odd_and_even_counts() {
        assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < 1e-9);
        assert!((median([4.0, 1.0, 2.0, 3.0].into_iter()) - 2.5).abs() < 1e-9);
    }

    #[test]
    fn thousands_are_rounded_and_separated() {
        assert_eq!((thousands(104_049.0), thousands(999.4), thousands(1_234_567.0)), ("104,000".into(), "999".into(), "1,234,600".into()));
    }
}
