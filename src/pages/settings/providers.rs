//! `/settings/providers`

use leptos::prelude::*;

use super::{PROVIDERS, SettingsPage};
use crate::model::account::Viewer;

/// Services with language models, and the keys that they are used with.
#[component]
pub fn ProvidersPage() -> impl IntoView {
    view! { <SettingsPage tab=&PROVIDERS content/> }
}

fn content(_: Viewer) -> AnyView {
    ().into_any()
}
