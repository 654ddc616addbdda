//! How many of something wait.

use leptos::prelude::*;

use super::number::grouped;

/// A number in a coloured round; nothing while none wait.
#[component]
pub fn Badge(
    /// How many wait.
    #[prop(into)]
    count: Signal<i64>,
) -> impl IntoView {
    let shown = move || Some(count.get()).filter(|count| *count > 0);
    move || shown().map(|count| view! { <span class="badge">{grouped(count)}<span class="visually-hidden">" waiting"</span></span> })
}
