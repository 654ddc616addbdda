//! Confirmation before unsaved edits are lost.

use leptos::prelude::*;

use latchkey_ui::{inline_edit::UnsavedEdits, navigation_guard::NavigationGuard};

/// Shows a confirmation before a page with unsaved inline edits is left.
#[component]
pub(super) fn UnsavedEditsGuard(unsaved: UnsavedEdits) -> impl IntoView {
    view! {
        <NavigationGuard active=unsaved.any() title="Leave with unsaved changes?" confirm_label="Leave anyway"
            text="Some changes on this page are not saved yet, or were rejected. If you leave now, they may be lost."/>
    }
}
