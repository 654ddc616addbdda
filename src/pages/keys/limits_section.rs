//! The section of a key's dialog for its limits, which few keys need.

use leptos::prelude::*;

use super::limits::{self, LimitFields, format};
use latchkey_types::{key_kind::KindSpec, limits::Limits};
use latchkey_ui::form::Form;

/// The section, closed if the key has no limits and the dialog has other fields. Its closed heading summarizes them.
#[component]
pub(super) fn LimitsSection(
    form: Form,
    spec: &'static KindSpec,
    /// The current limits.
    limits: Limits,
    /// Whether the dialog has no other fields.
    #[prop(optional)]
    is_only: bool,
) -> impl IntoView {
    let is_open = is_only || !limits.is_empty();
    let summary = RwSignal::new(summarize(&limits, spec));
    let update = move |_| summary.set(summarize(&limits::typed(form), spec));
    view! {
        <details class="limits-section" open=is_open on:toggle=update>
            <summary>
                <span>"Limits"</span>
                <span class="limits-summary">{move || summary.get()}</span>
            </summary>
            <div class="limits-fields">
                <LimitFields form before=limits is_public=spec.is_public/>
            </div>
        </details>
    }
}

/// What is set; if nothing is, what can be.
fn summarize(limits: &Limits, spec: &KindSpec) -> String {
    match (limits.is_empty(), spec.is_public) {
        (true, false) => "Rate limits, credits, allowed addresses".to_owned(),
        (true, true) => "Rate limits, credits, allowed origins".to_owned(),
        (false, _) => format::summary(limits),
    }
}
