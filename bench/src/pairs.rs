//! Two who are measured in turn: A B, B A, A B. A machine that is slow for a while is slow for both.

use anyhow::Result;

use crate::load::Round;

/// One of each, measured next to each other.
pub struct Pair {
    /// Of the first.
    pub first: Round,
    /// Of the second.
    pub second: Round,
}

/// What many pairs say.
pub struct Comparison(Vec<Pair>);

impl Comparison {
    /// Measures so many pairs.
    ///
    /// # Errors
    /// When a round fails.
    pub fn of(pairs: u32, mut first: impl FnMut() -> Result<Round>, mut second: impl FnMut() -> Result<Round>) -> Result<Self> {
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
                "    {:>8.0} / {:>8.0} a second, p99 {:.2} / {:.2} ms, server {:.1} / {:.1} µs a call",
                pair.first.per_second, pair.second.per_second, pair.first.p99_ms, pair.second.p99_ms, pair.first.server_us, pair.second.server_us
            );
            measured.push(pair);
        }
        Ok(Self(measured))
    }

    /// The median of each pair's ratio of answers a second, the first by the second.
    pub fn throughput(&self) -> f64 {
        median(self.0.iter().map(|pair| pair.first.per_second / pair.second.per_second))
    }

    /// The median of each pair's ratio of p99, the first by the second.
    pub fn p99(&self) -> f64 {
        median(self.0.iter().map(|pair| pair.first.p99_ms / pair.second.p99_ms))
    }

    /// What was measured of the first and of the second, in words.
    pub fn in_words(&self) -> String {
        let of_each = |of: fn(&Pair) -> f64| median(self.0.iter().map(of));
        let rates = [of_each(|pair| pair.first.per_second), of_each(|pair| pair.second.per_second)].map(thousands);
        let [first, second] = [of_each(|pair| pair.first.p99_ms), of_each(|pair| pair.second.p99_ms)];
        format!("{} to {} a second, p99 {first:.2} to {second:.2} ms", rates[0], rates[1])
    }

    /// The same with what each call cost the server: of those that are one program.
    pub fn in_words_with_work(&self) -> String {
        let of_each = |of: fn(&Pair) -> f64| median(self.0.iter().map(of));
        let [first, second] = [of_each(|pair| pair.first.server_us), of_each(|pair| pair.second.server_us)];
        format!("{}, {first:.1} to {second:.1} µs of work a call", self.in_words())
    }

    /// Answers that were none of the good ones: with a single one the comparison says nothing.
    pub fn others(&self) -> u64 {
        self.0.iter().map(|pair| pair.first.others + pair.second.others).sum()
    }
}

/// The one in the middle; of an even number the mean of the two there.
pub fn median(of: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = of.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// `104,000`: three digits that say something.
pub fn thousands(number: f64) -> String {
    let rounded = if number < 1000.0 { number } else { (number / 100.0).round() * 100.0 };
    let digits = format!("{rounded:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
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
    fn the_median_is_the_one_in_the_middle() {
        assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < 1e-9);
        assert!((median([4.0, 1.0, 2.0, 3.0].into_iter()) - 2.5).abs() < 1e-9);
    }

    #[test]
    fn numbers_as_people_write_them() {
        assert_eq!((thousands(104_049.0), thousands(999.4), thousands(1_234_567.0)), ("104,000".into(), "999".into(), "1,234,600".into()));
    }
}
