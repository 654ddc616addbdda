//! The tokens of the last minute.

use std::collections::VecDeque;

use latchkey_types::time::MINUTE_MS;

/// Tokens are counted by the second. A second expires a minute after its end, so never early.
const SECOND_MS: i64 = 1000;

#[derive(Debug, Default)]
pub(super) struct TokenWindow {
    /// Seconds since the process started, with their tokens; at most 61.
    seconds: VecDeque<(i64, i64)>,
    sum: i64,
}

impl TokenWindow {
    fn expires_at(second: i64) -> i64 {
        (second + 1) * SECOND_MS + MINUTE_MS
    }

    pub(super) fn count(&mut self, now: i64) -> i64 {
        while let Some((_, tokens)) = self.seconds.pop_front_if(|(second, _)| Self::expires_at(*second) <= now) {
            self.sum = self.sum.saturating_sub(tokens);
        }
        self.sum
    }

    /// Returns the second in which the tokens are counted: a later one, if another thread was faster.
    pub(super) fn add(&mut self, now: i64, tokens: i64) -> i64 {
        self.sum = self.sum.saturating_add(tokens);
        let second = now / SECOND_MS;
        match self.seconds.back_mut() {
            Some((last, sum)) if *last >= second => {
                *sum = sum.saturating_add(tokens);
                *last
            }
            _ => {
                self.seconds.push_back((second, tokens));
                second
            }
        }
    }

    /// Adds to the tokens of a second, unless it has expired.
    pub(super) fn correct(&mut self, second: i64, difference: i64) {
        if let Some((_, tokens)) = self.seconds.iter_mut().find(|(other, _)| *other == second) {
            let corrected = tokens.saturating_add(difference).max(0);
            self.sum = self.sum.saturating_add(corrected - *tokens);
            *tokens = corrected;
        }
    }

    /// Milliseconds until this many tokens have expired.
    pub(super) fn frees_in(&self, now: i64, missing: i64) -> i64 {
        let mut freed = 0_i64;
        let enough = self.seconds.iter().find(|(_, tokens)| {
            freed = freed.saturating_add(*tokens);
            freed >= missing
        });
        enough.or(self.seconds.back()).map_or(0, |(second, _)| (Self::expires_at(*second) - now).max(0))
    }

    /// The end and the tokens of each second.
    pub(super) fn entries(&self) -> impl Iterator<Item = (i64, i64)> {
        self.seconds.iter().map(|(second, tokens)| ((second + 1) * SECOND_MS, *tokens))
    }

    /// Adds the tokens of an earlier window.
    pub(super) fn prepend(&mut self, mut earlier: Self) {
        earlier.seconds.append(&mut self.seconds);
        self.seconds = earlier.seconds;
        self.sum = self.sum.saturating_add(earlier.sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_expire_a_minute_after_their_second() {
        let mut window = TokenWindow::default();
        assert_eq!(window.frees_in(0, 1), 0);
        assert_eq!([(500, 10), (999, 5), (2000, 7), (1999, 0)].map(|(now, tokens)| window.add(now, tokens)), [0, 0, 2, 2]);
        assert_eq!((window.count(60_999), window.seconds.len()), (22, 2));
        assert_eq!([15, 16, 99].map(|missing| window.frees_in(1000, missing)), [60_000, 62_000, 62_000]);
        assert_eq!((window.count(61_000), window.count(62_999), window.count(63_000)), (7, 7, 0));
    }

    #[test]
    fn a_correction_applies_to_the_second_of_the_call() {
        let mut window = TokenWindow::default();
        let (first, second) = (window.add(0, 100), window.add(5000, 50));
        window.correct(first, -90);
        assert_eq!(window.count(5000), 60);
        window.correct(second, 20);
        assert_eq!((window.count(5000), window.count(61_000)), (80, 70));
        window.correct(first, -90);
        assert_eq!(window.count(61_000), 70, "an estimate that has expired is not corrected");
        window.correct(second, -71);
        assert_eq!(window.count(61_000), 0, "no second has less than no tokens");
    }

    #[test]
    fn an_earlier_window_is_added_before_the_later_seconds() {
        let (mut window, mut earlier) = (TokenWindow::default(), TokenWindow::default());
        earlier.add(0, 10);
        window.add(3000, 5);
        window.prepend(earlier);
        assert_eq!(window.entries().collect::<Vec<_>>(), [(1000, 10), (4000, 5)]);
        assert_eq!((window.count(3000), window.count(61_000)), (15, 5));
    }
}
