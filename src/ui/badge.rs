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
    // The number is drawn, not written: on a tab it would else be a part of the tab's visible words that its name lacks.
    let round = |count: String| view! { <span class="badge" data-count=count.clone()><span class="visually-hidden">{format!("{count} waiting")}</span></span> };
    move || shown().map(|count| round(grouped(count)))
}
