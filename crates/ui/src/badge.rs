//! A count of pending items.

use leptos::prelude::*;

use super::number::format_integer;

/// A count in a colored badge. Renders nothing for a count of 0.
#[component]
pub fn Badge(#[prop(into)] count: Signal<i64>) -> impl IntoView {
    let positive = move || Some(count.get()).filter(|count| *count > 0);
    // CSS draws the number: as text it would be part of a tab's visible label but not of its accessible name.
    let badge = |count: String| view! { <span class="badge" data-count=count.clone()><span class="visually-hidden">{format!("{count} pending")}</span></span> };
    move || positive().map(|count| badge(format_integer(count)))
}
