//! The bell: number of unread notifications, and their list.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::Node;

use super::Notifications;
use latchkey_types::notification::Notification;
use latchkey_ui::{
    browser,
    icon::{Glyph, Icon},
    number::format_integer,
    time::Time,
};

/// A button that opens the list of notifications. Escape and a loss of focus close it.
#[component]
pub(crate) fn Bell(notifications: Notifications) -> impl IntoView {
    let root = NodeRef::<html::Div>::new();
    let button = NodeRef::<html::Button>::new();
    let unread = Memo::new(move |_| notifications.unread());
    let name = move || match unread.get() {
        0 => "Notifications".to_owned(),
        count => format!("Notifications, {} unread", format_integer(count)),
    };
    let close = move || {
        if notifications.is_open.get_untracked() {
            notifications.close();
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
        if notifications.is_open.get_untracked() {
            event.prevent_default();
        }
    };
    let on_keydown = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" && notifications.is_open.get_untracked() {
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
                aria-expanded=move || notifications.is_open.get().to_string()
                on:mousedown=keep_focus on:click=move |_| if notifications.is_open.get_untracked() { close_and_focus() } else { notifications.open() }>
                <Icon glyph=Glyph::Bell/>
                {move || Some(unread.get()).filter(|count| *count > 0).map(|count| view! { <span class="bell-count">{format_integer(count)}</span> })}
            </button>
            {move || notifications.is_open.get().then(|| view! { <List notifications close=Callback::new(move |()| close())/> })}
        </div>
    }
}

#[component]
fn List(notifications: Notifications, close: Callback<()>) -> impl IntoView {
    let list = NodeRef::<html::Div>::new();
    Effect::new(move || {
        if let Some(list) = list.get() {
            browser::focus(&list);
        }
    });
    let is_empty = Memo::new(move |_| notifications.list.with(Vec::is_empty));
    let placeholder = move || match (notifications.is_loaded.get(), notifications.last_error.with(Option::is_some)) {
        (true, _) => Some(view! { <p class="notifications-empty">"No notifications yet. Key requests and decisions appear here."</p> }.into_any()),
        (false, true) => None,
        (false, false) => Some(view! { <p class="notifications-empty" role="status">"Loading…"</p> }.into_any()),
    };
    view! {
        <div class="notifications" role="dialog" aria-label="Notifications" tabindex="-1" node_ref=list>
            <p class="notifications-head" aria-hidden="true">"Notifications"</p>
            {move || notifications.last_error.get().map(|error| view! { <p class="notifications-error" role="alert">{error.to_string()}</p> })}
            <Show when=move || !is_empty.get() fallback=move || placeholder>
                <ul>
                    <For each=move || notifications.list.get() key=|notice| (notice.seq, notice.is_read) let(notice)>
                        <NoticeItem notice close/>
                    </For>
                </ul>
            </Show>
        </div>
    }
}

#[component]
fn NoticeItem(notice: Notification, close: Callback<()>) -> impl IntoView {
    let is_new = !notice.is_read;
    let comment = (!notice.comment.is_empty()).then(|| view! { <span class="notification-comment">{format!("“{}”", notice.comment)}</span> });
    view! {
        <li class:notification-new=is_new>
            <a href=notice.path() on:click=move |_| close.run(())>
                {is_new.then(|| view! { <span class="visually-hidden">"New: "</span> })}
                <span class="notification-text">{notice.sentence()}</span>
                {comment}
                <span class="notification-time"><Time at=notice.created_at/></span>
            </a>
        </li>
    }
}
