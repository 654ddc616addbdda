//! `/settings/roles`

use leptos::prelude::*;

use super::{ROLES, SettingsPage};
use crate::model::account::Viewer;

/// What members may do.
#[component]
pub fn RolesPage() -> impl IntoView {
    view! { <SettingsPage tab=&ROLES content/> }
}

fn content(_: Viewer) -> AnyView {
    ().into_any()
}
