//! `/settings/corpora`

use leptos::prelude::*;

use super::{CORPORA, SettingsPage};
use crate::model::account::Viewer;

/// What corpus keys give access to.
#[component]
pub fn CorporaPage() -> impl IntoView {
    view! { <SettingsPage tab=&CORPORA content/> }
}

fn content(_: Viewer) -> AnyView {
    ().into_any()
}
