//! The page for unknown URLs.

use leptos::prelude::*;
use leptos_meta::Title;

use super::{answer_with, auth_layout::Entry};

#[component]
pub fn NotFoundPage() -> impl IntoView {
    answer_with(404);
    view! {
        <Title text="Page not found"/>
        <Entry title="Page not found" lead="The link may be broken or the page may have moved.">
            <p><a class="button" rel="external" href="/">"Go to API Keys"</a></p>
        </Entry>
    }
}
