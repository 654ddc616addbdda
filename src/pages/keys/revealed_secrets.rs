//! New secrets entries in their rows. They are only kept in memory, until the page is closed.

use leptos::prelude::*;

use latchkey_types::{
    key::{CreatedKey, ItemId},
    secret::RevealedSecret,
};

#[derive(Clone, PartialEq, Eq)]
struct RevealedEntry {
    id: ItemId,
    secret: RevealedSecret,
    copied: bool,
}

/// The new secrets by key id, independent of row positions.
#[derive(Clone, Copy)]
pub(super) struct RevealedSecrets(RwSignal<Vec<RevealedEntry>>);

impl RevealedSecrets {
    pub(super) fn new() -> Self {
        Self(RwSignal::new(Vec::new()))
    }

    /// Shows a key's new secret in its row, and replaces an older one.
    pub(super) fn show(self, CreatedKey { key, secret }: CreatedKey) {
        self.0.update(|entries| {
            entries.retain(|other| other.id != key.id);
            entries.push(RevealedEntry { id: key.id, secret, copied: false });
        });
    }

    pub(super) fn of(self, id: ItemId) -> Option<RevealedSecret> {
        self.0.with(|entries| entries.iter().find(|entry| entry.id == id).map(|entry| entry.secret.clone()))
    }

    /// Marks a secret as copied.
    pub(super) fn mark_copied(self, id: ItemId) {
        self.0.update(|entries| entries.iter_mut().filter(|entry| entry.id == id).for_each(|entry| entry.copied = true));
    }

    /// Drops the secrets of deleted keys.
    pub(super) fn forget(self, deleted: &[ItemId]) {
        self.0.update(|entries| entries.retain(|entry| !deleted.contains(&entry.id)));
    }

    /// Whether a secret would be lost on leaving the page.
    pub(super) fn has_uncopied(self) -> bool {
        self.0.with(|entries| entries.iter().any(|entry| !entry.copied))
    }
}
