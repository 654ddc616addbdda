//! Placeholders of what is loading. The style sheet shows them after a moment, so that fast responses do not flicker.

use leptos::prelude::*;

/// More would be below the lower edge of most windows.
const ROWS: usize = 8;

/// Stands for a page of which nothing is known yet but its heading.
#[component]
pub fn PageSkeleton(
    /// The heading, if it does not depend on what is loading.
    #[prop(optional)]
    heading: &'static str,
) -> impl IntoView {
    let heading = if heading.is_empty() {
        view! { <div class="skeleton-heading"><span class="skeleton"></span></div> }.into_any()
    } else {
        view! { <h1>{heading}</h1> }.into_any()
    };
    view! {
        <div class="page">
            {heading}
            <TableSkeleton/>
        </div>
    }
}

/// Stands for a table or another list.
#[component]
pub fn TableSkeleton() -> impl IntoView {
    view! {
        <div class="skeleton-table" role="status" aria-label="Loading">
            {(0..ROWS).map(|_| view! { <div class="skeleton-row"><span class="skeleton"></span></div> }).collect_view()}
        </div>
    }
}
