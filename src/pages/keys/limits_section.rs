//! The section of a key's dialog for its limits, which few keys need.

use leptos::prelude::*;

use super::limits::{self, LimitFields, format};
use latchkey_types::limits::Limits;
use latchkey_ui::form::Form;

/// The section, closed if the key has no limits. Its closed heading summarizes them.
#[component]
pub(super) fn LimitsSection(
    form: Form,
    /// The current limits.
    limits: Limits,
) -> impl IntoView {
    let is_open = !limits.is_empty();
    let summary = RwSignal::new(summarize(&limits));
    let update = move |_| summary.set(summarize(&limits::typed(form)));
    view! {
        <details class="limits-section" open=is_open on:toggle=update>
            <summary>
                <span>"Limits"</span>
                <span class="limits-summary">{move || summary.get()}</span>
            </summary>
            <div class="limits-fields">
                <LimitFields form before=limits/>
            </div>
        </details>
    }
}

/// What is set; if nothing is, what can be.
fn summarize(limits: &Limits) -> String {
    if limits.is_empty() { "Rate limits, credits, allowed addresses".to_owned() } else { format::summary(limits) }
}
