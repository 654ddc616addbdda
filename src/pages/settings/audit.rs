//! `/settings/audit`

use leptos::prelude::*;

use super::{AUDIT, SettingsPage};
use crate::model::account::Viewer;

/// What was done, by whom, from where.
#[component]
pub fn AuditPage() -> impl IntoView {
    view! { <SettingsPage tab=&AUDIT content/> }
}

fn content(_: Viewer) -> AnyView {
    ().into_any()
}
