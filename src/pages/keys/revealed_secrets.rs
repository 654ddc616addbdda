//! New secrets, shown in their rows. They are only kept in memory, until the page is closed.

use leptos::{html, prelude::*, task::spawn_local};

use super::dialogs::{SecretUse, show_secret};
use crate::pages::secret::{Reveal, field::SecretField, use_reveal};
use latchkey_types::{
    key::{CreatedKey, ItemId},
    secret::RevealedSecret,
};
use latchkey_ui::{button::Button, focus::FocusSnapshot};

#[derive(Clone)]
struct RevealedEntry {
    created: CreatedKey,
    copied: bool,
}

/// The new secrets by key id, independent of row positions.
#[derive(Clone, Copy)]
pub(super) struct RevealedSecrets {
    entries: RwSignal<Vec<RevealedEntry>>,
    /// Shows code for a copied key.
    reveal: Reveal,
}

impl RevealedSecrets {
    pub(super) fn new() -> Self {
        Self { entries: RwSignal::new(Vec::new()), reveal: use_reveal() }
    }

    /// Shows a key's new secret in its row, and replaces an older one.
    pub(super) fn show(self, created: CreatedKey) {
        self.entries.update(|entries| {
            entries.retain(|other| other.created.key.id != created.key.id);
            entries.push(RevealedEntry { created, copied: false });
        });
    }

    pub(super) fn of(self, id: ItemId) -> Option<RevealedSecret> {
        self.entries.with(|entries| find(entries, id).map(|entry| entry.created.secret.clone()))
    }

    fn is_copied(self, id: ItemId) -> bool {
        self.entries.with(|entries| find(entries, id).is_some_and(|entry| entry.copied))
    }

    fn mark_copied(self, id: ItemId) {
        self.entries.update(|entries| entries.iter_mut().filter(|entry| entry.created.key.id == id).for_each(|entry| entry.copied = true));
    }

    fn show_code(self, id: ItemId) {
        if let Some(created) = self.entries.with_untracked(|entries| find(entries, id).map(|entry| entry.created.clone())) {
            // Never fails: see the function.
            spawn_local(async move {
                let _ = show_secret(self.reveal, created, SecretUse::Copied).await;
            });
        }
    }

    /// Drops the secrets of these keys.
    pub(super) fn forget(self, ids: &[ItemId]) {
        self.entries.update(|entries| entries.retain(|entry| !ids.contains(&entry.created.key.id)));
    }

    /// Whether a secret would be lost on leaving the page.
    pub(super) fn has_uncopied(self) -> bool {
        self.entries.with(|entries| entries.iter().any(|entry| !entry.copied))
    }
}

fn find(entries: &[RevealedEntry], id: ItemId) -> Option<&RevealedEntry> {
    entries.iter().find(|entry| entry.created.key.id == id)
}

/// A new secret in its row: with a hint until it was copied, then with what can be done next.
#[component]
pub(super) fn RowSecret(secrets: RevealedSecrets, id: ItemId, secret: RevealedSecret) -> impl IntoView {
    let shown_in = NodeRef::<html::Code>::new();
    let copied = Memo::new(move |_| secrets.is_copied(id));
    let mark_copied = Callback::new(move |()| secrets.mark_copied(id));
    let hide = move |()| {
        // The clicked button is about to be removed.
        let focus = FocusSnapshot::capture();
        secrets.forget(&[id]);
        focus.restore_soon();
    };
    let beside = move || {
        if copied.get() {
            view! {
                <span class="row-secret-actions">
                    <Button label="Use in code" on_click=move |()| secrets.show_code(id)/>
                    <Button label="Hide" on_click=hide/>
                </span>
            }
            .into_any()
        } else {
            view! { <span class="row-secret-hint">"Copy this key now. It won’t be shown again after you leave or refresh."</span> }.into_any()
        }
    };
    view! {
        <div class="row-secret" class:row-secret-copied=move || copied.get()>
            <SecretField secret label="Secret key" shown_in copied on_copied=mark_copied>{beside}</SecretField>
        </div>
    }
}
