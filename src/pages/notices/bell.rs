//! The bell: how many notices are unread, and their list.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::Node;

use super::News;
use crate::{
    model::notice::Notice,
    ui::{
        browser,
        icon::{Glyph, Icon},
        number::grouped,
        time::Time,
    },
};

/// A button with the number of unread notices that opens their list. Escape, and whatever takes the focus elsewhere, closes it.
#[component]
pub fn Bell(
    /// What the reader is told.
    news: News,
) -> impl IntoView {
    let root = NodeRef::<html::Div>::new();
    let button = NodeRef::<html::Button>::new();
    let unread = Memo::new(move |_| news.unread());
    let name = move || match unread.get() {
        0 => "Notices".to_owned(),
        count => format!("Notices, {} unread", grouped(count)),
    };
    let close = move || {
        if news.opened.get_untracked() {
            news.close();
        }
    };
    let back = move || {
        close();
        if let Some(button) = button.get_untracked() {
            browser::focus(&button);
        }
    };
    // Safari gives a button that is clicked no focus, but takes it from the list: that would close it, and the click open it again.
    let keep_focus = move |event: ev::MouseEvent| {
        if news.opened.get_untracked() {
            event.prevent_default();
        }
    };
    let on_keydown = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" && news.opened.get_untracked() {
            event.stop_propagation();
            back();
        }
    };
    let on_focusout = move |event: ev::FocusEvent| {
        let goes_to = event.related_target().and_then(|target| target.dyn_into::<Node>().ok());
        if !root.get_untracked().is_some_and(|root| root.contains(goes_to.as_ref())) {
            close();
        }
    };
    // A click beside it takes the focus of nothing where nothing had it.
    Effect::new(move || {
        let listener = window_event_listener(ev::pointerdown, move |event| {
            let at = event.target().and_then(|target| target.dyn_into::<Node>().ok());
            if !root.get_untracked().is_some_and(|root| root.contains(at.as_ref())) {
                close();
            }
        });
        on_cleanup(move || listener.remove());
    });
    view! {
        <div class="bell" node_ref=root on:keydown=on_keydown on:focusout=on_focusout>
            <button type="button" class="icon-button bell-button" node_ref=button aria-label=name title="Notices" aria-haspopup="dialog"
                aria-expanded=move || news.opened.get().to_string()
                on:mousedown=keep_focus on:click=move |_| if news.opened.get_untracked() { back() } else { news.open() }>
                <Icon glyph=Glyph::Bell/>
                {move || Some(unread.get()).filter(|count| *count > 0).map(|count| view! { <span class="bell-count">{grouped(count)}</span> })}
            </button>
            {move || news.opened.get().then(|| view! { <List news close=Callback::new(move |()| close())/> })}
        </div>
    }
}

#[component]
fn List(news: News, close: Callback<()>) -> impl IntoView {
    let list = NodeRef::<html::Div>::new();
    Effect::new(move || {
        if let Some(list) = list.get() {
            browser::focus(&list);
        }
    });
    let is_empty = Memo::new(move |_| news.list.with(Vec::is_empty));
    let instead = move || match (news.was_read.get(), news.trouble.with(Option::is_some)) {
        (true, _) => Some(
            view! { <p class="notices-none">"Nothing yet. Requests for keys of your projects, and answers to yours, appear here."</p> }.into_any(),
        ),
        (false, true) => None,
        (false, false) => Some(view! { <p class="notices-none" role="status">"Reading…"</p> }.into_any()),
    };
    view! {
        <div class="notices" role="dialog" aria-label="Notices" tabindex="-1" node_ref=list>
            <p class="notices-head" aria-hidden="true">"Notices"</p>
            {move || news.trouble.get().map(|fault| view! { <p class="notices-trouble" role="alert">{fault.to_string()}</p> })}
            <Show when=move || !is_empty.get() fallback=move || instead>
                <ul>
                    <For each=move || news.list.get() key=|notice| (notice.seq, notice.is_read) let(notice)>
                        <NoticeLine notice close/>
                    </For>
                </ul>
            </Show>
        </div>
    }
}

#[component]
fn NoticeLine(notice: Notice, close: Callback<()>) -> impl IntoView {
    let is_new = !notice.is_read;
    let word = (!notice.word.is_empty()).then(|| view! { <span class="notice-word">{format!("“{}”", notice.word)}</span> });
    view! {
        <li class:notice-new=is_new>
            <a href=notice.path() on:click=move |_| close.run(())>
                {is_new.then(|| view! { <span class="visually-hidden">"New: "</span> })}
                <span class="notice-words">{notice.sentence()}</span>
                {word}
                <span class="notice-time"><Time at=notice.created_at/></span>
            </a>
        </li>
    }
}
