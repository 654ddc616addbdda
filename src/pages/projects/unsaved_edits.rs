//! Asks before unsaved edits are lost.

use leptos::prelude::*;

use latchkey_ui::{inline_edit::UnsavedEdits, navigation_guard::NavigationGuard};

/// Asks before a page with inline edits is left that are not saved.
#[component]
pub(super) fn UnsavedEditsGuard(unsaved: UnsavedEdits) -> impl IntoView {
    view! {
        <NavigationGuard active=unsaved.any() title="Leave with unsaved changes?" confirm_label="Leave anyway"
            text="Some changes on this page are not saved yet, or were rejected. If you leave now, they may be lost."/>
    }
}
