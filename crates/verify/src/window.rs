//! Sliding-window rate limit: at most N requests in any span of a given duration.

use std::{collections::VecDeque, num::NonZeroU32};

/// Requests closer together than 1/64 of the duration share one entry, dated as the last of them. So an entry expires late by at most that
/// fraction and never early, and a window holds at most 65 entries.
const PARTS: i64 = 64;

/// The requests of the current span. Times are milliseconds of a monotonic clock.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Kept out of `older` because most keys have only this entry; avoids an allocation.
    newest: Option<Entry>,
    older: Option<Box<OlderEntries>>,
}

#[derive(Debug, Default)]
struct OlderEntries {
    entries: VecDeque<Entry>,
    sum: i64,
}

#[derive(Debug)]
struct Entry {
    first: i64,
    last: i64,
    /// Not zero, so that an entry that is missing takes no more space.
    count: NonZeroU32,
}

impl Entry {
    fn requests(&self) -> i64 {
        i64::from(self.count.get())
    }
}

impl OlderEntries {
    fn push(&mut self, entry: Entry) {
        self.sum += entry.requests();
        self.entries.push_back(entry);
    }

    fn pop(&mut self) -> Option<Entry> {
        let newest = self.entries.pop_back()?;
        self.sum -= newest.requests();
        Some(newest)
    }
}

impl Window {
    /// A window with so many requests at one time.
    pub(super) fn of(count: i64, now: i64) -> Self {
        let count = u32::try_from(count.max(0)).unwrap_or(u32::MAX);
        Self { newest: NonZeroU32::new(count).map(|count| Entry { first: now, last: now, count }), older: None }
    }

    /// Number of requests in the last `duration_ms`; drops expired entries.
    pub(super) fn count(&mut self, now: i64, duration_ms: i64) -> i64 {
        let is_expired = |entry: &Entry| entry.last + duration_ms <= now;
        // If the newest is expired, all others are too.
        if self.newest.as_ref().is_some_and(is_expired) {
            self.newest = None;
        }
        let Some(older) = &mut self.older else { return self.newest_requests() };
        while let Some(oldest) = older.entries.pop_front_if(|entry| is_expired(entry)) {
            older.sum -= oldest.requests();
        }
        older.sum + self.newest_requests()
    }

    fn newest_requests(&self) -> i64 {
        self.newest.as_ref().map_or(0, Entry::requests)
    }

    pub(super) fn add(&mut self, now: i64, duration_ms: i64) {
        if let Some(newest) = &mut self.newest
            && now - newest.first <= duration_ms / PARTS
            && let Some(count) = newest.count.checked_add(1)
        {
            newest.last = newest.last.max(now);
            newest.count = count;
            return;
        }
        if let Some(previous) = self.newest.replace(Entry { first: now, last: now, count: NonZeroU32::MIN }) {
            self.older.get_or_insert_default().push(previous);
        }
    }

    /// Milliseconds until the oldest entry expires; 0 if there is none.
    pub(super) fn frees_in(&self, now: i64, duration_ms: i64) -> i64 {
        let oldest = self.older.as_ref().and_then(|older| older.entries.front()).or(self.newest.as_ref());
        oldest.map_or(0, |oldest| (oldest.last + duration_ms - now).max(0))
    }

    pub(super) fn is_empty(&mut self, now: i64, duration_ms: i64) -> bool {
        self.count(now, duration_ms) == 0
    }

    /// The last time and the number of the requests of each entry, in their order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (i64, i64)> {
        let older = self.older.iter().flat_map(|older| &older.entries);
        older.chain(&self.newest).map(|entry| (entry.last, entry.requests()))
    }

    /// Adds the requests of an earlier window.
    pub(super) fn prepend(&mut self, mut earlier: Self) {
        let Some(newest) = earlier.newest.take() else { return };
        let mut all = earlier.older.unwrap_or_default();
        all.push(newest);
        for entry in self.older.take().into_iter().flat_map(|own| own.entries) {
            all.push(entry);
        }
        // Only the newest entry of a window is inline.
        if self.newest.is_none() {
            self.newest = all.pop();
        }
        self.older = (!all.entries.is_empty()).then_some(all);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn older(window: &Window) -> usize {
        window.older.as_ref().map_or(0, |older| older.entries.len())
    }

    fn take(window: &mut Window, now: i64, limit: i64, duration: i64) -> bool {
        let has_room = window.count(now, duration) < limit;
        if has_room {
            window.add(now, duration);
        }
        has_room
    }

    #[test]
    fn requests_expire_after_the_duration() {
        let mut window = Window::default();
        assert!(take(&mut window, 0, 2, 1000) && take(&mut window, 500, 2, 1000));
        assert!(!take(&mut window, 999, 2, 1000));
        assert_eq!(window.frees_in(999, 1000), 1);
        assert!(take(&mut window, 1000, 2, 1000) && !take(&mut window, 1001, 2, 1000));
        assert!(window.is_empty(2000, 1000));
    }

    #[test]
    fn requests_that_are_close_together_share_an_entry() {
        let mut window = Window::default();
        (0..1000).for_each(|_| window.add(7, 1000));
        assert_eq!((older(&window), window.count(7, 1000)), (0, 1000));
        window.newest = Some(Entry { first: 7, last: 7, count: NonZeroU32::MAX });
        window.add(7, 1000);
        assert_eq!((older(&window), window.count(7, 1000)), (1, i64::from(u32::MAX) + 1), "the count of an entry is limited");
    }

    #[test]
    fn the_oldest_entry_expires_first() {
        let mut window = Window::default();
        assert_eq!(window.frees_in(7, 1000), 0);
        window.add(500, 1000);
        assert_eq!(window.frees_in(700, 1000), 800);
        window.add(650, 1000);
        assert_eq!(window.frees_in(700, 1000), 800);
        assert_eq!(window.frees_in(1600, 1000), 0);
        assert_eq!((window.count(1499, 1000), window.count(1500, 1000), window.count(1650, 1000)), (2, 1, 0));
        assert!(window.is_empty(1650, 1000));
    }

    #[test]
    fn an_earlier_window_is_added_before_the_later_requests() {
        let (mut window, mut earlier) = (Window::default(), Window::default());
        for at in [0, 500] {
            earlier.add(at, 1000);
        }
        window.add(700, 1000);
        window.prepend(earlier);
        assert_eq!(window.entries().collect::<Vec<_>>(), [(0, 1), (500, 1), (700, 1)]);
        assert_eq!((window.count(700, 1000), window.count(1000, 1000), window.frees_in(1000, 1000)), (3, 2, 500));
        let mut empty = Window::default();
        empty.prepend(window);
        assert_eq!((empty.count(1000, 1000), empty.count(1700, 1000)), (2, 0));
    }

    proptest! {
        #[test]
        fn no_span_exceeds_the_limit_and_little_is_wasted(
            gaps in prop::collection::vec(0i64..200, 1..400), limit in 1i64..40, duration in 100i64..5000,
        ) {
            let (mut window, mut accepted, mut now) = (Window::default(), Vec::<i64>::new(), 0);
            for gap in gaps {
                now += gap;
                let in_span = |from: i64| i64::try_from(accepted.iter().filter(|at| **at > from).count()).unwrap();
                let (held, longer) = (in_span(now - duration), in_span(now - duration - duration / PARTS));
                let is_accepted = take(&mut window, now, limit, duration);
                prop_assert!(!is_accepted || held < limit, "limit exceeded at {now}");
                prop_assert!(is_accepted || longer >= limit, "rejected below the limit at {now}");
                if is_accepted {
                    accepted.push(now);
                }
                prop_assert!(older(&window) <= usize::try_from(PARTS).unwrap() + 1);
            }
        }
    }
}
