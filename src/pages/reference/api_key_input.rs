//! State of the API key input.

use leptos::{html, prelude::*};

use latchkey_ui::browser;

/// The API key for requests from this page. Held only in this signal and its input, until the page is closed.
#[derive(Clone, Copy)]
pub(super) struct ApiKeyInput {
    pub typed: RwSignal<String>,
    /// Whether a request was sent without a key.
    pub is_missing: RwSignal<bool>,
    pub field: NodeRef<html::Input>,
}

impl ApiKeyInput {
    pub(super) fn new() -> Self {
        Self { typed: RwSignal::new(String::new()), is_missing: RwSignal::new(false), field: NodeRef::new() }
    }

    pub(super) fn is_present(self) -> bool {
        self.typed.with_untracked(|key| !key.trim().is_empty())
    }

    /// Shows an error at the input and focuses it.
    pub(super) fn require(self) {
        self.is_missing.set(true);
        if let Some(field) = self.field.get_untracked() {
            browser::focus(&field);
        }
    }
}
