//! `/settings/members`

use leptos::prelude::*;

use super::{MEMBERS, SettingsPage};
use crate::model::account::Viewer;

/// Who belongs to the organization, and who was invited.
#[component]
pub fn MembersPage() -> impl IntoView {
    view! { <SettingsPage tab=&MEMBERS content/> }
}

fn content(_: Viewer) -> AnyView {
    ().into_any()
}
