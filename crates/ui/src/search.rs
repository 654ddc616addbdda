//! Search and filter fields that react to typing.

use gloo_timers::future::TimeoutFuture;
use leptos::{html, prelude::*, task::spawn_local};

use super::{
    browser,
    button::IconButton,
    icon::{Glyph, Icon},
    shortcuts::on_shortcut,
};

/// Delay after the last input before the search runs.
const DEBOUNCE_MS: u32 = 150;

/// Synchronizes the input with the search of its owner, with a debounce.
#[derive(Clone, Copy)]
struct DebouncedInput {
    on_search: Callback<String>,
    input: NodeRef<html::Input>,
    typed: RwSignal<String>,
    last_sent: StoredValue<String>,
    inputs: StoredValue<u32>,
    is_waiting: StoredValue<bool>,
}

impl DebouncedInput {
    fn new(search: Signal<String>, on_search: Callback<String>) -> Self {
        let initial = search.get_untracked();
        let field = Self {
            on_search,
            input: NodeRef::new(),
            typed: RwSignal::new(initial.clone()),
            last_sent: StoredValue::new(initial),
            inputs: StoredValue::new(0),
            is_waiting: StoredValue::new(false),
        };
        field.synchronize(search);
        field
    }

    fn synchronize(self, search: Signal<String>) {
        // Also search for text that was typed before hydration.
        Effect::new(move || {
            if let Some(early) = self.input.get().map(|input| input.value()).filter(|early| *early != self.typed.get_untracked()) {
                self.send_debounced(early);
            }
        });
        // A search that is sent after a link was followed would replace the page that the link leads to.
        Effect::new(move || {
            browser::capture("click", move |event| {
                if browser::is_in_link(&event) {
                    self.send_waiting();
                }
            });
        });
        // History navigation and links change the search too. Ignore changes from this field, because the user may still be typing.
        Effect::new(move || {
            let search = search.get();
            if search != self.last_sent.get_value() {
                self.last_sent.set_value(search.clone());
                self.typed.set(search);
            }
        });
    }

    fn send(self) {
        self.is_waiting.set_value(false);
        self.last_sent.set_value(self.typed.get_untracked().trim().to_owned());
        self.on_search.run(self.last_sent.get_value());
    }

    fn send_debounced(self, text: String) {
        self.typed.set(text);
        self.inputs.update_value(|inputs| *inputs += 1);
        self.is_waiting.set_value(true);
        let turn = self.inputs.get_value();
        spawn_local(async move {
            TimeoutFuture::new(DEBOUNCE_MS).await;
            if self.inputs.try_get_value() == Some(turn) {
                self.send_waiting();
            }
        });
    }

    /// Sends at once what waits for the debounce.
    fn send_waiting(self) {
        if self.is_waiting.try_get_value() == Some(true) {
            self.send();
        }
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

/// The search field. `/` focuses it from anywhere on the page.
#[component]
pub fn SearchField(
    /// Shown while it is empty.
    placeholder: &'static str,
    /// The current search.
    #[prop(into)]
    search: Signal<String>,
    /// Called with the new search.
    #[prop(into)]
    on_search: Callback<String>,
) -> impl IntoView {
    let field = DebouncedInput::new(search, on_search);
    on_shortcut("/", move || field.focus());
    view! {
        <div class="search">
            <Icon glyph=Glyph::Search/>
            <input type="search" role="searchbox" aria-label="Search" aria-keyshortcuts="/" placeholder=placeholder autocomplete="off" spellcheck="false"
                node_ref=field.input value=field.typed.get_untracked() prop:value=move || field.typed.get()
                on:input:target=move |event| field.send_debounced(event.target().value())/>
            <Show when=move || !field.typed.get().is_empty() fallback=|| view! { <kbd aria-hidden="true">"/"</kbd> }>
                <IconButton label="Clear" glyph=Glyph::Close on_click=move |_| field.clear()/>
            </Show>
        </div>
    }
}

/// A filter field beside the search field, for an exact value.
#[component]
pub fn FilterField(
    /// Accessible name and placeholder.
    label: &'static str,
    /// The current filter.
    #[prop(into)]
    filter: Signal<String>,
    /// Called with the new filter.
    #[prop(into)]
    on_filter: Callback<String>,
) -> impl IntoView {
    let field = DebouncedInput::new(filter, on_filter);
    view! {
        <input type="text" class="filter" aria-label=label placeholder=label autocomplete="off" spellcheck="false" autocapitalize="none"
            node_ref=field.input value=field.typed.get_untracked() prop:value=move || field.typed.get()
            on:input:target=move |event| field.send_debounced(event.target().value())/>
    }
}
