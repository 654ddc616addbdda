//! What needs attention, and how many keys there are.

use leptos::prelude::*;

use crate::{pages::keys::expiring_address, routes};
use latchkey_types::{
    listing::EXPIRING_DAYS,
    overview::{KindCounts, Overview},
};
use latchkey_ui::{
    icon::{Glyph, Icon},
    number::{format_integer, pluralize},
};

/// Keys that expire soon, and access requests that wait for a decision. Empty if there are none.
#[component]
pub(super) fn Attention(data: RwSignal<Overview>) -> impl IntoView {
    let items = move || {
        data.with(|overview| {
            let expiring = overview.kinds.iter().filter(|counts| counts.expiring > 0).map(expiring_item);
            let requests = overview.requests.iter().map(|project| {
                let text = pluralize(project.pending, "access request is waiting", "access requests are waiting");
                item(Glyph::Person, routes::PROJECT_KEYS.path_with(project.id), text, project.name.clone())
            });
            expiring.chain(requests).collect::<Vec<_>>()
        })
    };
    move || {
        let items = items();
        (!items.is_empty()).then(|| {
            view! {
                <section class="overview-section" aria-labelledby="attention-title">
                    <h2 id="attention-title">"Needs attention"</h2>
                    <ul class="attention">{items}</ul>
                </section>
            }
        })
    }
}

fn expiring_item(counts: &KindCounts) -> AnyView {
    let text = pluralize(counts.expiring, "key expires", "keys expire");
    item(Glyph::Warning, expiring_address(counts.kind), format!("{text} within {EXPIRING_DAYS} days"), counts.kind.spec().label.to_owned())
}

/// A link with the name of the list or project that it leads to.
fn item(glyph: Glyph, address: String, text: String, target: String) -> AnyView {
    view! {
        <li>
            <a class="attention-item" href=address>
                <Icon glyph/>
                <span>{text}</span>
                <span class="attention-target">{target}</span>
            </a>
        </li>
    }
    .into_any()
}

/// The number of keys of each kind.
#[component]
pub(super) fn Figures(data: RwSignal<Overview>) -> impl IntoView {
    let figures = move || data.with(|overview| overview.kinds.iter().map(|counts| view! { <Figure counts=*counts/> }).collect_view());
    view! {
        <section class="overview-section" aria-labelledby="figures-title">
            <h2 id="figures-title">"Keys"</h2>
            <ul class="figures">{figures}</ul>
        </section>
    }
}

#[component]
fn Figure(counts: KindCounts) -> impl IntoView {
    view! {
        <li>
            <a class="figure" href=routes::page_of(counts.kind).path>
                <span class="figure-label">{counts.kind.spec().label}</span>
                <strong class="figure-number">{format_integer(counts.total())}</strong>
                <span class="figure-note">{note(&counts)}</span>
            </a>
        </li>
    }
}

/// How many of the keys cannot be used now.
fn note(counts: &KindCounts) -> String {
    let parts = [(counts.disabled, "disabled"), (counts.expired, "expired")];
    let parts: Vec<_> = parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{} {word}", format_integer(count))).collect();
    match (counts.total(), parts.is_empty()) {
        (0, _) => "None yet".to_owned(),
        (_, true) => "All active".to_owned(),
        (_, false) => parts.join(" · "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_names_keys_that_cannot_be_used() {
        let counts = |active, disabled, expired| KindCounts { kind: routes::KEY_CLIENT, active, disabled, expired, expiring: 0 };
        for (counts, expected) in [
            (counts(0, 0, 0), "None yet"),
            (counts(2, 0, 0), "All active"),
            (counts(0, 1, 0), "1 disabled"),
            (counts(5, 1_200, 3), "1,200 disabled · 3 expired"),
        ] {
            assert_eq!(note(&counts), expected);
        }
    }
}
