//! What a confirmation says about the keys that it is for: their names, and how lately they were used.

use std::slice;

use latchkey_types::{key::KeyRow, listing::RecentUse, time::Timestamp};
use latchkey_ui::{
    browser,
    confirm_dialog::ConfirmObject,
    number::{format_count, pluralize_count},
    time::time_in_words,
};

/// Above this number of keys, it must be typed.
const NOT_TYPED_MAX: usize = 10;

/// The name, the mask and the last use of a key.
pub(super) fn describe(row: &KeyRow) -> ConfirmObject {
    let last_use = row.last_used_at.map_or_else(|| "Never used".to_owned(), |at| format!("Last used {}", time_in_words(at)));
    let facts = if row.mask.is_empty() { last_use } else { format!("{} · {last_use}", row.mask) };
    ConfirmObject { name: row.name.clone(), facts }
}

/// How many of these keys were used lately.
pub(super) fn recent_use(rows: &[KeyRow]) -> RecentUse {
    let now = Timestamp(browser::now_ms());
    let used_within = |days: i64| rows.iter().filter(|row| row.last_used_at.is_some_and(|at| at >= now.plus_days(-days))).count();
    RecentUse { within_day: used_within(1), within_week: used_within(7) }
}

/// A warning if a key was used lately.
pub(super) fn caution_for_one(row: &KeyRow) -> Option<String> {
    let used = recent_use(slice::from_ref(row));
    match (used.within_day, used.within_week) {
        (_, 0) => None,
        (0, _) => Some("This key was used in the last 7 days.".to_owned()),
        _ => Some("This key was used in the last 24 hours.".to_owned()),
    }
}

/// A warning if some of several keys were used lately.
pub(super) fn caution_for_many(used: RecentUse) -> Option<String> {
    let keys = pluralize_count(used.within_week, "key was", "keys were");
    match (used.within_day, used.within_week) {
        (_, 0) => None,
        (day, week) if day == week => Some(format!("{keys} used in the last 24 hours.")),
        (0, _) => Some(format!("{keys} used in the last 7 days.")),
        (day, _) => Some(format!("{keys} used in the last 7 days, {} of them in the last 24 hours.", format_count(day))),
    }
}

/// The text that must be typed: the number of keys if there are many, or if a mistake may interrupt callers.
pub(super) fn confirm_text(count: usize, may_be_in_use: bool) -> Option<String> {
    (count > NOT_TYPED_MAX || (count > 1 && may_be_in_use)).then(|| count.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caution_counts_keys_in_use() {
        let caution = |within_day, within_week| caution_for_many(RecentUse { within_day, within_week });
        assert_eq!(caution(0, 0), None);
        assert_eq!(caution(0, 1).as_deref(), Some("1 key was used in the last 7 days."));
        assert_eq!(caution(3, 3).as_deref(), Some("3 keys were used in the last 24 hours."));
        assert_eq!(caution(12, 2_190).as_deref(), Some("2,190 keys were used in the last 7 days, 12 of them in the last 24 hours."));
    }

    #[test]
    fn number_is_typed_for_many_keys_or_keys_in_use() {
        assert_eq!(confirm_text(1, true), None);
        assert_eq!(confirm_text(10, false), None);
        assert_eq!(confirm_text(2, true).as_deref(), Some("2"));
        assert_eq!(confirm_text(5_016, false).as_deref(), Some("5016"));
    }
}
