//! The bell: number of unread notifications, and their list.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::Node;

use super::News;
use latchkey_types::notification::Notice;
use latchkey_ui::{
    browser,
    icon::{Glyph, Icon},
    number::grouped,
    time::Time,
};

/// A button that opens the list of notifications. Escape and a loss of focus close it.
#[component]
pub(crate) fn Bell(news: News) -> impl IntoView {
    let root = NodeRef::<html::Div>::new();
    let button = NodeRef::<html::Button>::new();
    let unread = Memo::new(move |_| news.unread());
    let name = move || match unread.get() {
        0 => "Notifications".to_owned(),
        count => format!("Notifications, {} unread", grouped(count)),
    };
    let close = move || {
        if news.opened.get_untracked() {
            news.close();
        }
    };
    let close_and_focus = move || {
        close();
        if let Some(button) = button.get_untracked() {
            browser::focus(&button);
        }
    };
    // Safari does not focus a clicked button but blurs the list: the blur would close the list, and the click would reopen it.
    let keep_focus = move |event: ev::MouseEvent| {
        if news.opened.get_untracked() {
            event.prevent_default();
        }
    };
    let on_keydown = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" && news.opened.get_untracked() {
            event.stop_propagation();
            close_and_focus();
        }
    };
    let on_focusout = move |event: ev::FocusEvent| {
        let next_focus = event.related_target().and_then(|target| target.dyn_into::<Node>().ok());
        if !root.get_untracked().is_some_and(|root| root.contains(next_focus.as_ref())) {
            close();
        }
    };
    // A click outside causes no blur when nothing in the list had the focus.
    Effect::new(move || {
        let listener = window_event_listener(ev::pointerdown, move |event| {
            let target = event.target().and_then(|target| target.dyn_into::<Node>().ok());
            if !root.get_untracked().is_some_and(|root| root.contains(target.as_ref())) {
                close();
            }
        });
        on_cleanup(move || listener.remove());
    });
    view! {
        <div class="bell" node_ref=root on:keydown=on_keydown on:focusout=on_focusout>
            <button type="button" class="icon-button bell-button" node_ref=button aria-label=name title="Notifications" aria-haspopup="dialog"
                aria-expanded=move || news.opened.get().to_string()
                on:mousedown=keep_focus on:click=move |_| if news.opened.get_untracked() { close_and_focus() } else { news.open() }>
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
    let placeholder = move || match (news.was_read.get(), news.trouble.with(Option::is_some)) {
        (true, _) => Some(view! { <p class="notices-none">"No notifications yet. Key requests and decisions appear here."</p> }.into_any()),
        (false, true) => None,
        (false, false) => Some(view! { <p class="notices-none" role="status">"Loading…"</p> }.into_any()),
    };
    view! {
        <div class="notices" role="dialog" aria-label="Notifications" tabindex="-1" node_ref=list>
            <p class="notices-head" aria-hidden="true">"Notifications"</p>
            {move || news.trouble.get().map(|fault| view! { <p class="notices-trouble" role="alert">{fault.to_string()}</p> })}
            <Show when=move || !is_empty.get() fallback=move || placeholder>
                <ul>
                    <For each=move || news.list.get() key=|notice| (notice.seq, notice.is_read) let(notice)>
                        <NoticeItem notice close/>
                    </For>
                </ul>
            </Show>
        </div>
    }
}

#[component]
fn NoticeItem(notice: Notice, close: Callback<()>) -> impl IntoView {
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
