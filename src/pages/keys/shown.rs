//! New secrets that are shown in their rows. They are kept here only, and only until the page is left.

use leptos::prelude::*;

use crate::model::{
    key::{CreatedKey, ItemId},
    secret::RevealedSecret,
};

#[derive(Clone, PartialEq, Eq)]
struct Shown {
    id: ItemId,
    secret: RevealedSecret,
    copied: bool,
}

/// The secrets that are shown in rows of this page, wherever the rows go.
#[derive(Clone, Copy)]
pub struct ShownSecrets(RwSignal<Vec<Shown>>);

impl ShownSecrets {
    /// None yet.
    pub fn new() -> Self {
        Self(RwSignal::new(Vec::new()))
    }

    /// Shows a key's new secret in its row, in place of one that was shown there.
    pub fn show(self, CreatedKey { key, secret }: CreatedKey) {
        self.0.update(|shown| {
            shown.retain(|other| other.id != key.id);
            shown.push(Shown { id: key.id, secret, copied: false });
        });
    }

    /// The secret to show in a key's row.
    pub fn of(self, id: ItemId) -> Option<RevealedSecret> {
        self.0.with(|shown| shown.iter().find(|shown| shown.id == id).map(|shown| shown.secret.clone()))
    }

    /// Says that a secret was copied.
    pub fn mark_copied(self, id: ItemId) {
        self.0.update(|shown| shown.iter_mut().filter(|shown| shown.id == id).for_each(|shown| shown.copied = true));
    }

    /// Lets go of the secrets of keys that are gone.
    pub fn forget(self, gone: &[ItemId]) {
        self.0.update(|shown| shown.retain(|shown| !gone.contains(&shown.id)));
    }

    /// Whether one would be lost if the page were left now.
    pub fn any_uncopied(self) -> bool {
        self.0.with(|shown| shown.iter().any(|shown| !shown.copied))
    }
}
