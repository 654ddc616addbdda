//! The look of the pages that are seen before anybody is signed in.

use leptos::prelude::*;

use crate::ui::mark::Mark;

/// The mark, a heading, and what the page asks for.
#[component]
pub fn Entry(
    /// The heading.
    title: &'static str,
    /// What the page is for.
    #[prop(into)]
    lead: String,
    /// What it asks for.
    children: Children,
) -> impl IntoView {
    view! {
        <main class="entry">
            <div class="entry-sheet">
                <p class="entry-brand">
                    <Mark/>
                    "Latchkey"
                </p>
                <h1>{title}</h1>
                <p class="entry-lead">{lead}</p>
                {children()}
            </div>
        </main>
    }
}
