//! A sliding window: at most so many requests in any span of a duration.

use std::collections::VecDeque;

/// Requests that are closer together than this part of the duration are noted as one entry, as late as the last of them. So an entry is
/// dropped late by at most that part and never early, and a window never holds more than this many entries and one.
const PARTS: i64 = 64;

/// The requests of the span that ends now. Moments are milliseconds of a clock that never goes back.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The last of them, here and not with the others: most keys have no more than this one, and it is at hand.
    newest: Option<Entry>,
    older: VecDeque<Entry>,
    sum: i64,
}

#[derive(Debug)]
struct Entry {
    first: i64,
    last: i64,
    count: u32,
}

impl Window {
    /// How many requests it holds of those in the span of `duration_ms` that ends now.
    pub(super) fn count(&mut self, now: i64, duration_ms: i64) -> i64 {
        let is_over = |entry: &mut Entry| entry.last + duration_ms <= now;
        while let Some(oldest) = self.older.pop_front_if(is_over) {
            self.sum -= i64::from(oldest.count);
        }
        // Where the newest is over, so are the others.
        if let Some(newest) = self.newest.take_if(is_over) {
            self.sum -= i64::from(newest.count);
        }
        self.sum
    }

    /// Notes a request.
    pub(super) fn add(&mut self, now: i64, duration_ms: i64) {
        self.sum += 1;
        match &mut self.newest {
            Some(newest) if now - newest.first <= duration_ms / PARTS && newest.count < u32::MAX => {
                newest.last = newest.last.max(now);
                newest.count += 1;
            }
            newest => self.older.extend(newest.replace(Entry { first: now, last: now, count: 1 })),
        }
    }

    /// In how many milliseconds the oldest requests are out of the span, when there are some.
    pub(super) fn frees_in(&self, now: i64, duration_ms: i64) -> i64 {
        self.older.front().or(self.newest.as_ref()).map_or(0, |oldest| (oldest.last + duration_ms - now).max(0))
    }

    /// Whether nothing was noted in the span that ends now.
    pub(super) fn is_empty(&mut self, now: i64, duration_ms: i64) -> bool {
        self.count(now, duration_ms) == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn take(window: &mut Window, now: i64, limit: i64, duration: i64) -> bool {
        let has_room = window.count(now, duration) < limit;
        if has_room {
            window.add(now, duration);
        }
        has_room
    }

    #[test]
    fn what_was_taken_comes_back_when_its_span_is_over() {
        let mut window = Window::default();
        assert!(take(&mut window, 0, 2, 1000) && take(&mut window, 500, 2, 1000));
        assert!(!take(&mut window, 999, 2, 1000));
        assert_eq!(window.frees_in(999, 1000), 1);
        assert!(take(&mut window, 1000, 2, 1000) && !take(&mut window, 1001, 2, 1000));
        assert!(window.is_empty(2000, 1000));
    }

    proptest! {
        #[test]
        fn no_span_holds_more_than_the_limit_and_little_room_is_wasted(
            gaps in prop::collection::vec(0i64..200, 1..400), limit in 1i64..40, duration in 100i64..5000,
        ) {
            let (mut window, mut taken, mut now) = (Window::default(), Vec::<i64>::new(), 0);
            for gap in gaps {
                now += gap;
                let in_span = |from: i64| i64::try_from(taken.iter().filter(|at| **at > from).count()).unwrap();
                let (held, longer) = (in_span(now - duration), in_span(now - duration - duration / PARTS));
                let was_taken = take(&mut window, now, limit, duration);
                prop_assert!(!was_taken || held < limit, "one too many at {now}");
                prop_assert!(was_taken || longer >= limit, "refused with room at {now}");
                if was_taken {
                    taken.push(now);
                }
                prop_assert!(window.older.len() <= usize::try_from(PARTS).unwrap() + 1);
            }
        }
    }
}
