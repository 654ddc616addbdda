//! Pages of calls, newest first: the position of a call, and the newest calls among those that were read.

use std::{collections::BTreeMap, fmt, str::FromStr};

use latchkey_types::{
    error::Error,
    id::OrganizationId,
    model_call::{CallEvent, CallFilter},
    time::Timestamp,
};

/// Hexadecimal digits of an id that make up a sequence: 60 random bits.
const SEQUENCE_DIGITS: usize = 15;

/// The place of a call in the log of an organization. As text it is the cursor of the calls before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) at: Timestamp,
    /// Tells calls of the same millisecond apart.
    pub(crate) sequence: i64,
}

impl Position {
    /// After all calls.
    const END: Self = Self::after(Timestamp(i64::MAX));

    pub(crate) fn of(event: &CallEvent) -> Self {
        let id = event.id.text();
        let digits = id.get(id.len().saturating_sub(SEQUENCE_DIGITS)..).unwrap_or_default();
        Self { at: event.at, sequence: i64::from_str_radix(digits, 16).unwrap_or_default() }
    }

    /// After all calls of this time.
    pub(crate) const fn after(at: Timestamp) -> Self {
        Self { at, sequence: i64::MAX }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.0, self.sequence)
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts = text.split_once('.').and_then(|(at, sequence)| Some((at.parse().ok()?, sequence.parse().ok()?)));
        let (at, sequence) = parts.ok_or_else(|| Error::invalid("cursor", "Invalid cursor. Use the next_cursor of a previous response."))?;
        Ok(Self { at: Timestamp(at), sequence })
    }
}

/// Which calls are listed.
pub(crate) struct Selection {
    pub(crate) organization: OrganizationId,
    pub(crate) filter: CallFilter,
    /// Only calls before this position.
    pub(crate) before: Position,
    /// Number of calls on the page.
    pub(crate) limit: usize,
}

impl Selection {
    /// # Errors
    /// `Invalid` at `cursor`.
    pub(crate) fn new(organization: OrganizationId, filter: CallFilter, cursor: Option<&str>, limit: usize) -> Result<Self, Error> {
        let cursor = cursor.map_or(Ok(Position::END), str::parse)?;
        // Before the first millisecond that the filter excludes.
        let end = filter.to.map_or(Position::END, |to| Position::after(to.plus_ms(-1)));
        Ok(Self { organization, before: cursor.min(end), filter, limit })
    }

    /// The time of the first call that the filter accepts.
    pub(crate) fn earliest(&self) -> Timestamp {
        self.filter.from.unwrap_or(Timestamp(i64::MIN))
    }

    fn accepts(&self, position: Position, event: &CallEvent) -> bool {
        position < self.before && self.filter.accepts(event)
    }
}

/// The newest calls of a selection among those that were read, one more than there are on a page.
#[derive(Default)]
pub(crate) struct NewestCalls {
    calls: BTreeMap<Position, CallEvent>,
    /// Calls before this position were not all read; `None` if all were.
    unread: Option<Position>,
}

impl NewestCalls {
    pub(crate) fn add(&mut self, selection: &Selection, event: CallEvent) {
        let position = Position::of(&event);
        if !selection.accepts(position, &event) {
            return;
        }
        self.calls.insert(position, event);
        if self.calls.len() > selection.limit + 1 {
            self.calls.pop_first();
        }
    }

    /// Whether calls before this time would not be on the page, because it is full of newer ones.
    pub(crate) fn is_full_after(&self, selection: &Selection, time: Timestamp) -> bool {
        self.calls.len() > selection.limit && self.calls.first_key_value().is_some_and(|(oldest, _)| oldest.at > time)
    }

    /// Ends the search: calls before this position were not all read.
    #[must_use]
    pub(crate) fn unread_before(mut self, position: Position) -> Self {
        self.unread = Some(position);
        self
    }

    /// The page, and the position before which the next one begins.
    pub(crate) fn into_page(self, limit: usize) -> (Vec<CallEvent>, Option<Position>) {
        let Self { mut calls, unread } = self;
        if let Some(unread) = unread {
            calls = calls.split_off(&unread);
        }
        let has_more = calls.len() > limit;
        let page: Vec<(Position, CallEvent)> = calls.into_iter().rev().take(limit).collect();
        let next = if has_more { page.last().map(|(position, _)| *position) } else { unread };
        (page.into_iter().map(|(_, event)| event).collect(), next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::call;

    #[test]
    fn a_position_round_trips_as_a_cursor() {
        let position = Position::of(&call(OrganizationId::new(), 1_795_221_599_999, None));
        assert!(position.sequence > 0 && position.sequence < 1 << 60);
        assert_eq!(position.to_string().parse(), Ok(position));
        assert!(Position::after(Timestamp(5)) > Position { at: Timestamp(5), sequence: 1 << 60 });
    }

    #[test]
    fn the_newest_calls_are_kept_in_order() {
        let organization = OrganizationId::new();
        let selection = Selection::new(organization, CallFilter::default(), None, 3).unwrap();
        let mut found = NewestCalls::default();
        for at in [5, 1, 9, 3, 7] {
            found.add(&selection, call(organization, at, None));
        }
        assert!(found.is_full_after(&selection, Timestamp(2)) && !found.is_full_after(&selection, Timestamp(3)));
        let (page, next) = found.into_page(3);
        let times: Vec<i64> = page.iter().map(|call| call.at.0).collect();
        assert_eq!((times, next), (vec![9, 7, 5], Some(Position::of(&page[2]))));
    }

    #[test]
    fn calls_beyond_what_was_read_are_left_to_the_next_page() {
        let organization = OrganizationId::new();
        let selection = Selection::new(organization, CallFilter::default(), None, 3).unwrap();
        let mut found = NewestCalls::default();
        for at in [5, 9] {
            found.add(&selection, call(organization, at, None));
        }
        let unread = Position::after(Timestamp(6));
        let (page, next) = found.unread_before(unread).into_page(3);
        assert_eq!((page.len(), page[0].at, next), (1, Timestamp(9), Some(unread)));
    }
}
