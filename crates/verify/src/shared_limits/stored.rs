//! The stored state of a limit that instances share.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::share::Terms;
use latchkey_types::time::{MINUTE_MS, Timestamp};

/// Uses are stored by parts of 1/64 of the duration, dated as the end of their part: they expire late by at most that fraction and never early.
const PARTS: i64 = 64;
/// By how much a use may be dated later than the present, in milliseconds: by a part, and by the delay of a statement.
const FUTURE_MS: i64 = 5000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// For how long a row is kept after the permits that an instance holds were last stored, in milliseconds: longer than
/// [`super::share::STORE_EVERY_MS`].
const HELD_MS: i64 = 3 * HOUR_MS;

/// Uses and permits, which together are at most the limit. Times are Unix milliseconds of the database's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredLimit {
    /// Uses that were reported, by time in ascending order.
    #[serde(default)]
    slots: Vec<(i64, i64)>,
    /// The permits of each instance, which include its uses that are not reported, and whether it needs more.
    #[serde(default)]
    held: BTreeMap<String, (i64, bool)>,
}

impl StoredLimit {
    /// The limit is not used if the text is empty.
    pub(super) fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        serde_json::from_str(text).unwrap_or_else(|error| {
            tracing::error!(%error, "the state of a rate limit cannot be read: its uses are lost");
            Self::default()
        })
    }

    /// The stored text.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Removes the uses that no longer count.
    pub(super) fn expire(&mut self, now: i64, terms: &Terms) {
        let Some(duration_ms) = terms.duration_ms else {
            self.slots.clear();
            return;
        };
        // If the database's clock was set back, or the new primary's clock is slow, uses are dated in the future.
        let latest = now.saturating_add(duration_ms / PARTS + FUTURE_MS);
        for (at, _) in &mut self.slots {
            *at = (*at).min(latest);
        }
        self.slots.retain(|(at, _)| at.saturating_add(duration_ms) > now);
    }

    /// Reports uses.
    pub(super) fn add(&mut self, at: i64, count: i64, duration_ms: i64) {
        let part = (duration_ms / PARTS).max(1);
        let end = (at + part - 1).div_euclid(part) * part;
        match self.slots.binary_search_by_key(&end, |(at, _)| *at) {
            Ok(index) => self.slots[index].1 = self.slots[index].1.saturating_add(count),
            Err(index) => self.slots.insert(index, (end, count)),
        }
    }

    /// Counts the permits of an instance that has ended as used now: it may have used them until now. Its open calls have ended with it.
    pub(super) fn end_instance(&mut self, instance: &str, now: i64, terms: &Terms) {
        let permits = self.held.remove(instance).map_or(0, |(permits, _)| permits);
        if let Some(duration_ms) = terms.duration_ms.filter(|_| permits > 0) {
            self.add(now, permits, duration_ms);
        }
    }

    /// Sets the permits that an instance holds.
    pub(super) fn hold(&mut self, instance: &str, permits: i64, is_short: bool) {
        if permits == 0 && !is_short {
            self.held.remove(instance);
        } else {
            self.held.insert(instance.to_owned(), (permits, is_short));
        }
    }

    /// The instances that hold permits or need some.
    pub(super) fn instances(&self) -> impl Iterator<Item = &str> {
        self.held.keys().map(String::as_str)
    }

    fn others<'a>(&'a self, own: &'a str) -> impl Iterator<Item = (i64, bool)> + 'a {
        self.held.iter().filter(move |(instance, _)| *instance != own).map(|(_, held)| *held)
    }

    /// Reported uses, and the permits of the other instances.
    pub(super) fn taken_from(&self, own: &str) -> i64 {
        let reported = self.slots.iter().map(|(_, count)| *count);
        self.others(own).map(|(permits, _)| permits).chain(reported).fold(0, i64::saturating_add)
    }

    /// Whether other instances hold permits, which they may give back at any time, or need some.
    pub(super) fn has_others(&self, own: &str) -> bool {
        self.others(own).next().is_some()
    }

    /// The permits of each of the instances that hold or need some, if another one needs some and has fewer.
    pub(super) fn fair_share(&self, own: &str, limit: i64) -> Option<i64> {
        let others = i64::try_from(self.others(own).count()).unwrap_or(i64::MAX - 1);
        let fair = limit / (others + 1);
        self.others(own).any(|(permits, is_short)| is_short && permits < fair.max(1)).then_some(fair)
    }

    /// When the oldest reported uses expire.
    pub(super) fn first_end(&self, terms: &Terms) -> Option<i64> {
        Some(self.slots.first()?.0.saturating_add(terms.duration_ms?))
    }

    /// When nothing of it counts any more. Rounded up to hours, so that most writes do not change it.
    pub(super) fn expires_at(&self, now: i64, terms: &Terms) -> Timestamp {
        let duration_ms = terms.duration_ms.unwrap_or(0);
        let held = (!self.held.is_empty()).then_some(now + duration_ms + HELD_MS);
        let reported = self.slots.last().map(|(at, _)| at.saturating_add(duration_ms));
        let end = held.max(reported).unwrap_or(now);
        Timestamp((end + HOUR_MS - 1).div_euclid(HOUR_MS) * HOUR_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(limit: i64, duration_ms: i64) -> Terms {
        Terms { limit, duration_ms: Some(duration_ms), is_strict: false }
    }

    #[test]
    fn reported_uses_expire_late_but_never_early() {
        let (mut stored, terms) = (StoredLimit::default(), terms(100, 64_000));
        for (at, count) in [(1001, 2), (2000, 3), (500, 1)] {
            stored.add(at, count, 64_000);
        }
        assert_eq!(stored.slots, [(1000, 1), (2000, 5)]);
        assert_eq!((stored.taken_from(""), stored.first_end(&terms)), (6, Some(65_000)));
        for (now, left) in [(64_999, 6), (65_000, 5), (66_000, 0)] {
            stored.expire(now, &terms);
            assert_eq!(stored.taken_from(""), left, "{now}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_blocks_for_one_duration_at_most() {
        let (mut stored, terms) = (StoredLimit::default(), terms(100, 6400));
        stored.add(10_000_000, 7, 6400);
        stored.expire(0, &terms);
        stored.expire(FUTURE_MS + 6400 + 99, &terms);
        assert_eq!(stored.taken_from(""), 7);
        stored.expire(FUTURE_MS + 6400 + 100, &terms);
        assert_eq!(stored.taken_from(""), 0);
    }

    #[test]
    fn permits_of_an_ended_instance_count_as_used_now() {
        let (mut stored, terms) = (StoredLimit::default(), terms(100, 64_000));
        stored.hold("a", 7, false);
        stored.hold("b", 2, true);
        assert_eq!((stored.taken_from("a"), stored.taken_from("c"), stored.has_others("a")), (2, 9, true));
        stored.end_instance("a", 5000, &terms);
        assert_eq!((stored.slots.clone(), stored.taken_from("b"), stored.has_others("b")), (vec![(5000, 7)], 7, false));
        stored.end_instance("unknown", 5000, &terms);
        stored.hold("b", 0, false);
        assert!(stored.instances().next().is_none());
        stored.hold("b", 3, false);
        stored.end_instance("b", 5000, &Terms { duration_ms: None, ..terms });
        assert_eq!(stored.taken_from(""), 7, "calls have ended with their instance");
    }

    #[test]
    fn shares_are_fair_only_if_another_instance_needs_more() {
        let mut stored = StoredLimit::default();
        stored.hold("a", 9, false);
        assert_eq!(stored.fair_share("a", 10), None);
        stored.hold("b", 1, false);
        assert_eq!(stored.fair_share("a", 10), None);
        stored.hold("b", 1, true);
        assert_eq!((stored.fair_share("a", 10), stored.fair_share("b", 10)), (Some(5), None));
        stored.hold("b", 5, true);
        assert_eq!(stored.fair_share("a", 10), None);
        stored.hold("b", 0, true);
        assert_eq!(stored.fair_share("a", 1), Some(0), "they take turns");
    }

    #[test]
    fn the_stored_form_round_trips() {
        let mut stored = StoredLimit::default();
        stored.add(64, 2, 6400);
        stored.hold("ins_1", 3, true);
        assert_eq!(stored.text(), r#"{"slots":[[100,2]],"held":{"ins_1":[3,true]}}"#);
        assert_eq!(StoredLimit::parse(&stored.text()), stored);
        for text in ["", "{}", "["] {
            assert_eq!(StoredLimit::parse(text), StoredLimit::default(), "{text}");
        }
    }

    #[test]
    fn a_row_is_kept_while_something_of_it_counts() {
        let terms = terms(10, 60_000);
        let mut stored = StoredLimit::default();
        assert_eq!(stored.expires_at(HOUR_MS, &terms), Timestamp(HOUR_MS));
        stored.add(HOUR_MS, 1, 60_000);
        assert_eq!(stored.expires_at(HOUR_MS, &terms), Timestamp(2 * HOUR_MS));
        stored.hold("a", 1, false);
        assert_eq!(stored.expires_at(HOUR_MS, &terms), Timestamp(5 * HOUR_MS));
    }
}
