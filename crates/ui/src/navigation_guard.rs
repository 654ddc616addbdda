//! Asks for confirmation before navigation that would lose something.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use leptos::{ev, prelude::*};
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Element, Event, EventTarget, HtmlAnchorElement, MouseEvent};

use super::{
    browser,
    button::{Button, ButtonVariant},
    dialog::{Dialog, DialogRole},
};

/// Makes the browser ask for confirmation before the tab is closed or reloaded.
pub fn warn_before_unload(active: Signal<bool>) {
    Effect::new(move || {
        if !active.get() {
            return;
        }
        let guard = window_event_listener(ev::beforeunload, |event| {
            event.prevent_default();
            event.set_return_value("Unsaved changes will be lost.");
        });
        on_cleanup(move || guard.remove());
    });
}

/// The target of an interrupted navigation.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Destination {
    /// A URL of this site.
    Url(String),
    /// Steps in the history; negative is back.
    Steps(i32),
}

/// Asks for confirmation before another page of this site is opened, before a history step and before the tab is closed.
#[component]
pub fn NavigationGuard(
    #[prop(into)] active: Signal<bool>,
    /// The heading, as a question.
    title: &'static str,
    text: &'static str,
    /// Label of the button that leaves anyway.
    confirm_label: &'static str,
) -> impl IntoView {
    let location = use_location();
    let navigate = use_navigate();
    let pending = RwSignal::new(None::<Destination>);
    let leaving = StoredValue::new(false);
    warn_before_unload(active);

    // Both run before the router, which handles clicks while they bubble and history steps after `watch_history`.
    Effect::new(move || {
        let guards = move || active.get_untracked() && !leaving.get_value();
        browser::capture("click", move |event| {
            if let Some(address) = guards().then(|| link_of(&event)).flatten() {
                event.prevent_default();
                event.stop_propagation();
                pending.set(Some(Destination::Url(address)));
            }
        });
        let (path, search) = (location.pathname, location.search);
        guard_history(move |event| {
            let leaves = browser::path_and_query().split('?').next() != Some(path.get_untracked().as_str());
            if guards() && leaves {
                event.stop_immediate_propagation();
                let search = search.get_untracked();
                let query = search.trim_start_matches('?');
                let here = path.get_untracked() + if query.is_empty() { "" } else { "?" } + query;
                pending.set(Some(Destination::Steps(undo_step(&here))));
            }
        });
    });

    let stay = move |()| pending.set(None);
    let go = move |()| {
        leaving.set_value(true);
        match pending.get_untracked() {
            Some(Destination::Url(address)) => navigate(&address, NavigateOptions::default()),
            Some(Destination::Steps(steps)) => {
                let _ = window().history().and_then(|history| history.go_with_delta(steps));
            }
            None => {}
        }
        pending.set(None);
    };
    let go = Callback::new(go);
    move || {
        pending.get().map(|_| {
            view! {
                <Dialog title role=DialogRole::Alert on_dismiss=stay>
                    <div class="dialog-content"><p>{text}</p></div>
                    <footer class="dialog-foot">
                        <Button label=confirm_label variant=ButtonVariant::Danger on_click=go/>
                        <Button label="Stay" variant=ButtonVariant::Primary on_click=stay autofocus=true/>
                    </footer>
                </Dialog>
            }
        })
    }
}

thread_local! {
    /// Called on history steps before the router.
    static HISTORY_GUARD: RefCell<Option<HistoryGuard>> = const { RefCell::new(None) };
    /// The number of history entries that the last step passed; 0 if the browser does not report it.
    static LAST_STEP: Cell<i32> = const { Cell::new(0) };
}

type HistoryGuard = Rc<dyn Fn(&Event)>;

/// Lets a [`NavigationGuard`] handle history steps before the router does. Listeners run in the order of registration, so call this before
/// the router is created.
pub fn watch_history() {
    let listener = Closure::<dyn Fn(Event)>::new(|event: Event| {
        if let Some(guard) = HISTORY_GUARD.with_borrow(Clone::clone) {
            guard(&event);
        }
    });
    // Never fails: the window accepts every event name.
    let _ = window().add_event_listener_with_callback("popstate", listener.as_ref().unchecked_ref());
    let moved = Closure::<dyn Fn(Event)>::new(|event: Event| {
        let step = event.target().and_then(|navigation| Some(index_of(&navigation, "currentEntry")? - index_of(&event, "from")?));
        LAST_STEP.set(step.unwrap_or_default());
    });
    if let Some(navigation) = browser::member(&window(), "navigation").and_then(|navigation| navigation.dyn_into::<EventTarget>().ok()) {
        let _ = navigation.add_event_listener_with_callback("currententrychange", moved.as_ref().unchecked_ref());
    }
    // Both listeners live as long as the page.
    listener.forget();
    moved.forget();
}

/// Undoes the last history step. Returns the steps that repeat it.
fn undo_step(here: &str) -> i32 {
    let Ok(history) = window().history() else { return 0 };
    match LAST_STEP.get() {
        // Most likely a step back. The forward history is lost.
        0 => {
            let _ = history.push_state_with_url(&JsValue::NULL, "", Some(here));
            -1
        }
        step => {
            let _ = history.go_with_delta(-step);
            step
        }
    }
}

/// The history index of the entry in this property.
#[expect(clippy::cast_possible_truncation, reason = "a history index is a small integer")]
fn index_of(object: &JsValue, entry: &str) -> Option<i32> {
    Some(browser::member(&browser::member(object, entry)?, "index")?.as_f64()? as i32)
}

/// Calls the listener on history steps until the current effect is cleaned up.
fn guard_history(listener: impl Fn(&Event) + 'static) {
    HISTORY_GUARD.set(Some(Rc::new(listener)));
    on_cleanup(|| HISTORY_GUARD.set(None));
}

/// The URL of the link to another page of this site that a click would open in this tab.
fn link_of(event: &Event) -> Option<String> {
    let click = event.dyn_ref::<MouseEvent>()?;
    if click.button() != 0 || click.ctrl_key() || click.meta_key() || click.shift_key() || click.alt_key() {
        return None;
    }
    let link: HtmlAnchorElement = event.target()?.dyn_ref::<Element>()?.closest("a[href]").ok()??.dyn_into().ok()?;
    let here = window().location();
    let is_same_origin = link.target().is_empty() && link.origin() == here.origin().ok()?;
    let is_same_path = link.pathname() == here.pathname().ok()?;
    (is_same_origin && !is_same_path).then(|| link.pathname() + &link.search())
}
