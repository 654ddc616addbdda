//! Placeholders of what is loading. The style sheet shows them after a moment, so that fast responses do not flicker.

use leptos::prelude::*;

/// More would be below the lower edge of most windows.
const ROWS: usize = 8;

/// The placeholder of a page until its data is loaded.
#[component]
pub fn PageSkeleton(
    /// The heading, if it does not depend on what is loading.
    #[prop(optional)]
    heading: Option<&'static str>,
) -> impl IntoView {
    let heading = match heading {
        Some(heading) => view! { <h1>{heading}</h1> }.into_any(),
        None => view! { <div class="skeleton-heading"><span class="skeleton"></span></div> }.into_any(),
    };
    view! {
        <div class="page">
            {heading}
            <TableSkeleton/>
        </div>
    }
}

/// The placeholder of a table or another list.
#[component]
pub fn TableSkeleton() -> impl IntoView {
    view! {
        <div class="skeleton-table" role="status" aria-label="Loading">
            {(0..ROWS).map(|_| view! { <div class="skeleton-row"><span class="skeleton"></span></div> }).collect_view()}
        </div>
    }
}
