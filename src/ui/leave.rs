//! Asks before a page is left whose reader would lose something.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use js_sys::Reflect;
use leptos::{ev, prelude::*};
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Element, Event, EventTarget, HtmlAnchorElement, MouseEvent};

use super::{
    browser,
    button::{Button, Weight},
    dialog::{Dialog, DialogRole},
};

/// Lets the browser ask, in its own words, before the tab is closed or loaded anew.
pub fn warn_before_unload(active: Signal<bool>) {
    Effect::new(move || {
        if !active.get() {
            return;
        }
        let guard = window_event_listener(ev::beforeunload, |event| {
            event.prevent_default();
            event.set_return_value("Something would be lost.");
        });
        on_cleanup(move || guard.remove());
    });
}

/// Where somebody was going.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    /// To an address of this site.
    To(String),
    /// So many steps in the history: below zero those are steps back.
    Steps(i32),
}

/// Asks before another page of this site is opened, before a step in the history, and before the tab is closed.
#[component]
pub fn LeaveGuard(
    /// Whether something would be lost.
    #[prop(into)]
    active: Signal<bool>,
    /// The question.
    title: &'static str,
    /// What would be lost.
    text: &'static str,
    /// The words on the button that leaves all the same.
    leave: &'static str,
) -> impl IntoView {
    let location = use_location();
    let navigate = use_navigate();
    let asked = RwSignal::new(None::<Way>);
    let leaving = StoredValue::new(false);
    warn_before_unload(active);

    // Before the router hears of either: it hears of clicks on their way up, of steps in the history after `watch_history`.
    Effect::new(move || {
        let guards = move || active.get_untracked() && !leaving.get_value();
        guard_clicks(move |event| {
            if let Some(address) = guards().then(|| link_of(&event)).flatten() {
                event.prevent_default();
                event.stop_propagation();
                asked.set(Some(Way::To(address)));
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
                asked.set(Some(Way::Steps(undo_step(&here))));
            }
        });
    });

    let stay = move |()| asked.set(None);
    let go = move |()| {
        leaving.set_value(true);
        match asked.get_untracked() {
            Some(Way::To(address)) => navigate(&address, NavigateOptions::default()),
            Some(Way::Steps(steps)) => {
                let _ = window().history().and_then(|history| history.go_with_delta(steps));
            }
            None => {}
        }
        asked.set(None);
    };
    let go = Callback::new(go);
    move || {
        asked.get().map(|_| {
            view! {
                <Dialog title role=DialogRole::Alert on_dismiss=stay>
                    <p>{text}</p>
                    <footer class="dialog-foot">
                        <Button label=leave weight=Weight::Danger on_click=go/>
                        <Button label="Stay" weight=Weight::Primary on_click=stay autofocus=true/>
                    </footer>
                </Dialog>
            }
        })
    }
}

thread_local! {
    /// What hears of steps in the history before the router does.
    static HISTORY_GUARD: RefCell<Option<HistoryGuard>> = const { RefCell::new(None) };
    /// How many entries of the history the last step went over; 0 where the browser does not tell.
    static LAST_STEP: Cell<i32> = const { Cell::new(0) };
}

type HistoryGuard = Rc<dyn Fn(&Event)>;

/// Lets a [`LeaveGuard`] hear of steps in the history before the router does: the window tells its listeners in the order in which they
/// came, so this is called before there is a router.
pub fn watch_history() {
    let heard = Closure::<dyn Fn(Event)>::new(|event: Event| {
        if let Some(guard) = HISTORY_GUARD.with_borrow(Clone::clone) {
            guard(&event);
        }
    });
    // Fails never: the window takes every name.
    let _ = window().add_event_listener_with_callback("popstate", heard.as_ref().unchecked_ref());
    let moved = Closure::<dyn Fn(Event)>::new(|event: Event| {
        let step = event.target().and_then(|navigation| Some(index_of(&navigation, "currentEntry")? - index_of(&event, "from")?));
        LAST_STEP.set(step.unwrap_or_default());
    });
    if let Some(navigation) = member(&window(), "navigation").and_then(|navigation| navigation.dyn_into::<EventTarget>().ok()) {
        let _ = navigation.add_event_listener_with_callback("currententrychange", moved.as_ref().unchecked_ref());
    }
    // They listen for as long as the page lives.
    heard.forget();
    moved.forget();
}

/// Goes back to where the last step in the history began. Answers how many steps lead to its end again.
fn undo_step(here: &str) -> i32 {
    let Ok(history) = window().history() else { return 0 };
    match LAST_STEP.get() {
        // Most likely a step back. What lay ahead is lost.
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

/// The place in the history of the entry that something names.
#[expect(clippy::cast_possible_truncation, reason = "a place in the history is a small whole number")]
fn index_of(object: &JsValue, entry: &str) -> Option<i32> {
    Some(member(&member(object, entry)?, "index")?.as_f64()? as i32)
}

fn member(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into()).ok()
}

/// Hears of steps in the history until the effect that this is called in ends.
fn guard_history(heard: impl Fn(&Event) + 'static) {
    HISTORY_GUARD.set(Some(Rc::new(heard)));
    on_cleanup(|| HISTORY_GUARD.set(None));
}

/// Hears of clicks before anything in the page does, until the effect that this is called in ends.
fn guard_clicks(heard: impl Fn(Event) + 'static) {
    let heard = Closure::<dyn Fn(Event)>::new(heard);
    let _ = window().add_event_listener_with_callback_and_bool("click", heard.as_ref().unchecked_ref(), true);
    let kept = StoredValue::new_local(heard);
    on_cleanup(move || {
        kept.with_value(|heard| {
            let _ = window().remove_event_listener_with_callback_and_bool("click", heard.as_ref().unchecked_ref(), true);
        });
    });
}

/// The address of the link to another page of this site that a click would open in this tab.
fn link_of(event: &Event) -> Option<String> {
    let click = event.dyn_ref::<MouseEvent>()?;
    if click.button() != 0 || click.ctrl_key() || click.meta_key() || click.shift_key() || click.alt_key() {
        return None;
    }
    let link: HtmlAnchorElement = event.target()?.dyn_ref::<Element>()?.closest("a[href]").ok()??.dyn_into().ok()?;
    let here = window().location();
    let is_ours = link.target().is_empty() && link.origin() == here.origin().ok()?;
    let stays = link.pathname() == here.pathname().ok()?;
    (is_ours && !stays).then(|| link.pathname() + &link.search())
}
