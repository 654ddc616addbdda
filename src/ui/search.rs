//! Fields that search while one types.

use gloo_timers::future::TimeoutFuture;
use leptos::{ev, html, prelude::*, task::spawn_local};

use super::{
    browser,
    button::IconButton,
    icon::{Glyph, Icon},
};

/// How long typing must pause before it is searched for.
const PAUSE_MS: u32 = 150;

/// What is typed, on its way to where the search is kept and back.
#[derive(Clone, Copy)]
struct Typing {
    on_search: Callback<String>,
    input: NodeRef<html::Input>,
    typed: RwSignal<String>,
    known: StoredValue<String>,
    pauses: StoredValue<u32>,
}

impl Typing {
    fn new(search: Signal<String>, on_search: Callback<String>) -> Self {
        let at_first = search.get_untracked();
        let typing = Self {
            on_search,
            input: NodeRef::new(),
            typed: RwSignal::new(at_first.clone()),
            known: StoredValue::new(at_first),
            pauses: StoredValue::new(0),
        };
        typing.keep_in_step(search);
        typing
    }

    fn keep_in_step(self, search: Signal<String>) {
        // What was typed before the page was live is searched for as well.
        Effect::new(move || {
            if let Some(early) = self.input.get().map(|input| input.value()).filter(|early| *early != self.typed.get_untracked()) {
                self.send_after_pause(early);
            }
        });
        // The way back and a link change the search too. Our own change must not: somebody may be typing on.
        Effect::new(move || {
            let search = search.get();
            if search != self.known.get_value() {
                self.known.set_value(search.clone());
                self.typed.set(search);
            }
        });
    }

    fn send(self) {
        self.known.set_value(self.typed.get_untracked().trim().to_owned());
        self.on_search.run(self.known.get_value());
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

/// The search field; `/` leads to it from anywhere on the page.
#[component]
pub fn SearchField(
    /// What stands in it while it is empty.
    placeholder: &'static str,
    /// What is searched for now.
    #[prop(into)]
    search: Signal<String>,
    /// Called with what to search for instead.
    #[prop(into)]
    on_search: Callback<String>,
) -> impl IntoView {
    let typing = Typing::new(search, on_search);
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
            <input type="search" role="searchbox" aria-label="Search" placeholder=placeholder autocomplete="off" spellcheck="false"
                node_ref=typing.input value=typing.typed.get_untracked() prop:value=move || typing.typed.get()
                on:input:target=move |event| typing.send_after_pause(event.target().value())/>
            <Show when=move || !typing.typed.get().is_empty() fallback=|| view! { <kbd aria-hidden="true">"/"</kbd> }>
                <IconButton label="Clear" glyph=Glyph::Close on_click=move |_| typing.clear()/>
            </Show>
        </div>
    }
}

/// A filter beside it, which is typed to the letter.
#[component]
pub fn FilterField(
    /// What it filters by: its name, and what stands in it while it is empty.
    label: &'static str,
    /// What is filtered for now.
    #[prop(into)]
    filter: Signal<String>,
    /// Called with what to filter for instead.
    #[prop(into)]
    on_filter: Callback<String>,
) -> impl IntoView {
    let typing = Typing::new(filter, on_filter);
    view! {
        <input type="text" class="filter" aria-label=label placeholder=label autocomplete="off" spellcheck="false" autocapitalize="none"
            node_ref=typing.input value=typing.typed.get_untracked() prop:value=move || typing.typed.get()
            on:input:target=move |event| typing.send_after_pause(event.target().value())/>
    }
}
