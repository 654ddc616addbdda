//! The bell: number of unread notifications, and their list.

use std::time::Duration;

use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, Node};

use super::{
    Notifications,
    entry::{EntryItem, grouped},
};
use crate::routes;
use latchkey_ui::{
    browser,
    button::IconButton,
    icon::{Glyph, Icon},
};

/// A button that opens the list of notifications. Escape and a loss of focus close it.
#[component]
pub(crate) fn Bell(notifications: Notifications) -> impl IntoView {
    let root = NodeRef::<html::Div>::new();
    let button = NodeRef::<html::Button>::new();
    let unread = Memo::new(move |_| notifications.unread());
    let name = move || unread.get().text().map_or_else(|| "Notifications".to_owned(), |count| format!("Notifications, {count} unread"));
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
                {move || unread.get().text().map(|count| view! { <span class="bell-count">{count}</span> })}
            </button>
            {move || notifications.is_open.get().then(|| view! {
                <List notifications close=Callback::new(move |()| close()) close_and_focus=Callback::new(move |()| close_and_focus())/>
            })}
        </div>
    }
}

#[component]
fn List(
    notifications: Notifications,
    close: Callback<()>,
    /// Also focuses the bell.
    close_and_focus: Callback<()>,
) -> impl IntoView {
    let list = NodeRef::<html::Div>::new();
    Effect::new(move || {
        if let Some(list) = list.get() {
            browser::focus(&list);
        }
    });

    // Actions
    let mark_visible = move || {
        if let Some(oldest) = list.try_get_untracked().flatten().and_then(|list| oldest_visible(&list)) {
            notifications.mark_read_from(oldest);
        }
    };
    Effect::new(move || {
        notifications.list.track();
        // After the list is rendered.
        set_timeout(mark_visible, Duration::ZERO);
    });
    let mark_all = move |_| {
        // The button disappears, and without the focus the list would close.
        if let Some(list) = list.get_untracked() {
            browser::focus(&list);
        }
        notifications.mark_read_from(0);
    };

    // View
    let is_empty = Memo::new(move |_| notifications.list.with(Vec::is_empty));
    let has_unread = Memo::new(move |_| notifications.unread().count > 0);
    let placeholder = move || match (notifications.is_loaded.get(), notifications.last_error.with(Option::is_some)) {
        (true, _) => Some(view! { <p class="notifications-empty">"No notifications yet. Key requests and decisions appear here."</p> }.into_any()),
        (false, true) => None,
        (false, false) => Some(view! { <p class="notifications-empty" role="status">"Loading…"</p> }.into_any()),
    };
    view! {
        <div class="notifications" role="dialog" aria-label="Notifications" tabindex="-1" node_ref=list on:scroll=move |_| mark_visible()>
            <div class="notifications-head">
                <span aria-hidden="true">"Notifications"</span>
                <Show when=move || has_unread.get()>
                    <button type="button" class="notifications-mark" on:click=mark_all>"Mark all as read"</button>
                </Show>
                <span class="notifications-close"><IconButton label="Close" glyph=Glyph::Close on_click=move |_| close_and_focus.run(())/></span>
            </div>
            {move || notifications.last_error.get().map(|error| view! { <p class="notifications-error" role="alert">{error.to_string()}</p> })}
            <Show when=move || !is_empty.get() fallback=move || placeholder>
                <ul class="notification-list">
                    <For each=move || notifications.list.with(|list| grouped(list)) key=|entry| entry.key() let(entry)>
                        <EntryItem entry on_open=close/>
                    </For>
                </ul>
                <p class="notifications-foot"><a href=routes::NOTIFICATIONS.path on:click=move |_| close.run(())>"Show all"</a></p>
            </Show>
        </div>
    }
}

/// The `seq` of the last notification whose beginning is in view.
fn oldest_visible(list: &Element) -> Option<i64> {
    /// One line of text.
    const BEGINNING_PX: f64 = 24.0;
    let bottom = list.get_bounding_client_rect().bottom();
    let is_visible = |item: &&HtmlElement| item.get_bounding_client_rect().top() + BEGINNING_PX < bottom;
    browser::find_all(list, "[data-seq]").iter().rev().find(is_visible)?.get_attribute("data-seq")?.parse().ok()
}
