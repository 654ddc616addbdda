//! Any address without a page.

use leptos::prelude::*;
use leptos_meta::Title;

use super::{answer_with, entry::Entry};

/// Says that there is nothing here.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    answer_with(404);
    view! {
        <Title text="Not found"/>
        <Entry title="Nothing here" lead="This address has no page. It may have moved, or the link is incomplete.">
            <p><a class="button" rel="external" href="/">"Go to API Keys"</a></p>
        </Entry>
    }
}
