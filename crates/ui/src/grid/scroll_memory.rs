//! Remembers the scroll position of a list for each history entry, so that Back and Reload return to it.

use crate::browser;

/// Saves the position for the current history entry.
pub(super) fn save(scroll_top: i32) {
    if let Some(key) = storage_key() {
        browser::store(&key, &scroll_top.to_string());
    }
}

/// The position saved for the current history entry.
pub(super) fn saved() -> Option<i32> {
    browser::stored(&storage_key()?)?.parse().ok()
}

fn storage_key() -> Option<String> {
    browser::history_entry_key().map(|key| String::from("latchkey-scroll-") + &key)
}
