//! A search field that searches while one types.

use gloo_timers::future::TimeoutFuture;
use leptos::{ev, html, prelude::*, task::spawn_local};

use super::{
    browser,
    button::IconButton,
    icon::{Glyph, Icon},
};

/// How long typing must pause before it is searched for.
const PAUSE_MS: u32 = 150;

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
    let input = NodeRef::<html::Input>::new();
    let typed = RwSignal::new(search.get_untracked());
    let known = StoredValue::new(typed.get_untracked());
    let pauses = StoredValue::new(0_u32);

    let send = move || {
        known.set_value(typed.get_untracked().trim().to_owned());
        on_search.run(known.get_value());
    };
    let search_after_pause = move |text: String| {
        typed.set(text);
        pauses.update_value(|pauses| *pauses += 1);
        let turn = pauses.get_value();
        spawn_local(async move {
            TimeoutFuture::new(PAUSE_MS).await;
            if pauses.try_get_value() == Some(turn) {
                send();
            }
        });
    };
    let focus = move || {
        if let Some(input) = input.get_untracked() {
            browser::focus(&input);
        }
    };
    let clear = move |_| {
        typed.set(String::new());
        send();
        focus();
    };

    // What was typed before the page was live is searched for as well.
    Effect::new(move || {
        if let Some(early) = input.get().map(|input| input.value()).filter(|early| *early != typed.get_untracked()) {
            search_after_pause(early);
        }
    });
    // The way back and a link change the search too. Our own change must not: somebody may be typing on.
    Effect::new(move || {
        let search = search.get();
        if search != known.get_value() {
            known.set_value(search.clone());
            typed.set(search);
        }
    });
    Effect::new(move || {
        let shortcut = window_event_listener(ev::keydown, move |event| {
            let plain = !(event.ctrl_key() || event.meta_key() || event.alt_key());
            if event.key() == "/" && plain && !browser::is_typing() && !browser::has_dialog() {
                event.prevent_default();
                focus();
            }
        });
        on_cleanup(move || shortcut.remove());
    });

    view! {
        <div class="search">
            <Icon glyph=Glyph::Search/>
            <input type="search" role="searchbox" aria-label="Search" placeholder=placeholder autocomplete="off" spellcheck="false"
                node_ref=input value=typed.get_untracked() prop:value=move || typed.get()
                on:input:target=move |event| search_after_pause(event.target().value())/>
            <Show when=move || !typed.get().is_empty() fallback=|| view! { <kbd aria-hidden="true">"/"</kbd> }>
                <IconButton label="Clear" glyph=Glyph::Close on_click=clear/>
            </Show>
        </div>
    }
}
