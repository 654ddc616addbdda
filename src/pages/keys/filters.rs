//! What narrows a list: the search, and the filters beside it.

use gloo_timers::future::TimeoutFuture;
use leptos::{ev, html, prelude::*, task::spawn_local};

use super::{
    place::{EXPIRING, Filter, ListPlace},
    tabs::KeyTab,
};
use crate::{
    model::{
        listing::EXPIRING_DAYS,
        policy::{Expiry, Status},
    },
    ui::{
        browser,
        button::IconButton,
        icon::{Glyph, Icon},
        select::{Choice, Select},
    },
};

/// How long typing must pause before it is searched for.
const PAUSE_MS: u32 = 150;

/// What is typed into a filter, on its way to the address and back.
#[derive(Clone, Copy)]
struct Typing {
    place: ListPlace,
    filter: Filter,
    input: NodeRef<html::Input>,
    typed: RwSignal<String>,
    known: StoredValue<String>,
    pauses: StoredValue<u32>,
}

impl Typing {
    fn new(place: ListPlace, filter: Filter) -> Self {
        let at_first = place.get_untracked().filter(filter).to_owned();
        let typing = Self {
            place,
            filter,
            input: NodeRef::new(),
            typed: RwSignal::new(at_first.clone()),
            known: StoredValue::new(at_first),
            pauses: StoredValue::new(0),
        };
        typing.keep_in_step();
        typing
    }

    fn keep_in_step(self) {
        // What was typed before the page was live is searched for as well.
        Effect::new(move || {
            if let Some(early) = self.input.get().map(|input| input.value()).filter(|early| *early != self.typed.get_untracked()) {
                self.send_after_pause(early);
            }
        });
        // The way back, a link and “Clear search” change it too. Our own change must not: somebody may be typing on.
        Effect::new(move || {
            let text = self.place.get().filter(self.filter).to_owned();
            if text != self.known.get_value() {
                self.known.set_value(text.clone());
                self.typed.set(text);
            }
        });
    }

    fn send(self) {
        self.known.set_value(self.typed.get_untracked().trim().to_owned());
        self.place.narrow(self.filter, &self.known.get_value());
    }

    fn send_after_pause(self, text: String) {
        self.typed.set(text);
        self.pauses.update_value(|pauses| *pauses += 1);
        let turn = self.pauses.get_value();
        spawn_local(async move {
            TimeoutFuture::new(PAUSE_MS).await;
            if self.pauses.try_get_value() == Some(turn) {
                self.send();
            }
        });
    }

    fn clear(self) {
        self.typed.set(String::new());
        self.send();
        self.focus();
    }

    fn focus(self) {
        if let Some(input) = self.input.get_untracked() {
            browser::focus(&input);
        }
    }
}

/// The search field. Searches while one types; `/` leads to it from anywhere on the page.
#[component]
pub fn Search(
    /// What is searched for.
    place: ListPlace,
) -> impl IntoView {
    let typing = Typing::new(place, Filter::Search);
    Effect::new(move || {
        let shortcut = window_event_listener(ev::keydown, move |event| {
            let plain = !(event.ctrl_key() || event.meta_key() || event.alt_key());
            if event.key() == "/" && plain && !browser::is_typing() && !browser::has_dialog() {
                event.prevent_default();
                typing.focus();
            }
        });
        on_cleanup(move || shortcut.remove());
    });
    view! {
        <div class="search">
            <Icon glyph=Glyph::Search/>
            <input type="search" role="searchbox" aria-label="Search" placeholder="Search by name" autocomplete="off" spellcheck="false"
                node_ref=typing.input value=typing.typed.get_untracked() prop:value=move || typing.typed.get()
                on:input:target=move |event| typing.send_after_pause(event.target().value())/>
            <Show when=move || !typing.typed.get().is_empty() fallback=|| view! { <kbd aria-hidden="true">"/"</kbd> }>
                <IconButton label="Clear" glyph=Glyph::Close on_click=move |_| typing.clear()/>
            </Show>
        </div>
    }
}

/// The filters that a kind has.
#[component]
pub fn Filters(
    /// The kind.
    tab: &'static KeyTab,
    /// What is looked for.
    place: ListPlace,
) -> impl IntoView {
    let statuses = statuses(tab);
    let status = (statuses.len() > 2).then(|| {
        view! {
            <Select label="Status" options=statuses value=Signal::derive(move || place.get().filter(Filter::Status).to_owned())
                on_change=move |chosen: String| place.narrow(Filter::Status, &chosen)/>
        }
    });
    let text = |label, filter| tab.policy().annotated.then(|| view! { <TextFilter label place filter/> });
    view! {
        <div class="filters">
            {status}
            {text("External ID", Filter::ExternalId)}
            {text("Scope", Filter::Scope)}
        </div>
    }
}

/// A filter that is typed, to the letter.
#[component]
fn TextFilter(label: &'static str, place: ListPlace, filter: Filter) -> impl IntoView {
    let typing = Typing::new(place, filter);
    view! {
        <input type="text" class="filter" aria-label=label placeholder=label autocomplete="off" spellcheck="false" autocapitalize="none"
            node_ref=typing.input value=typing.typed.get_untracked() prop:value=move || typing.typed.get()
            on:input:target=move |event| typing.send_after_pause(event.target().value())/>
    }
}

/// What the keys of a kind can be, as choices.
fn statuses(tab: &KeyTab) -> Vec<Choice> {
    let choice = |status: Status| (status.word().to_owned(), status.label().to_owned());
    let mut choices = vec![(String::new(), "All".to_owned()), choice(Status::Active)];
    if tab.is_inbound() {
        choices.push(choice(Status::Disabled));
    }
    if tab.policy().expiry != Expiry::Never {
        choices.push(choice(Status::Expired));
        choices.push((EXPIRING.to_owned(), format!("Expires within {EXPIRING_DAYS} days")));
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::keys::tabs::{AGENT, CORPUS, EXTERNAL, GENERAL};

    #[test]
    fn a_kind_is_filtered_by_what_it_can_be() {
        let words = |tab| statuses(tab).into_iter().map(|(word, _)| word).collect::<Vec<_>>();
        assert_eq!(words(&AGENT), ["", "active", "disabled", "expired", EXPIRING]);
        assert_eq!(words(&CORPUS), ["", "active", "disabled"]);
        assert_eq!(words(&EXTERNAL), ["", "active", "expired", EXPIRING]);
        assert_eq!(words(&GENERAL), ["", "active"]);
    }
}
