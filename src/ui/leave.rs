//! Asks before a page is left whose reader would lose something.

use leptos::{ev, prelude::*};
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Element, Event, HtmlAnchorElement, MouseEvent};

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
    /// One step back in the history.
    Back,
}

/// Asks before another page of this site is opened, before a step back, and before the tab is closed.
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

    // Before the router hears of either: it listens at the same place, but not while events are still on their way down.
    Effect::new(move || {
        let guards = move || active.get_untracked() && !leaving.get_value();
        listen("click", move |event| {
            if let Some(address) = guards().then(|| link_of(&event)).flatten() {
                event.prevent_default();
                event.stop_propagation();
                asked.set(Some(Way::To(address)));
            }
        });
        let (path, search) = (location.pathname, location.search);
        listen("popstate", move |event| {
            let leaves = browser::path_and_query().split('?').next() != Some(path.get_untracked().as_str());
            if guards() && leaves {
                event.stop_immediate_propagation();
                let here = untrack(|| match search.get() {
                    search if search.is_empty() => path.get(),
                    search => format!("{}?{}", path.get(), search.trim_start_matches('?')),
                });
                if let Ok(history) = window().history() {
                    let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&here));
                }
                asked.set(Some(Way::Back));
            }
        });
    });

    let stay = move |()| asked.set(None);
    let go = move |()| {
        leaving.set_value(true);
        match asked.get_untracked() {
            Some(Way::To(address)) => navigate(&address, NavigateOptions::default()),
            Some(Way::Back) => {
                let _ = window().history().and_then(|history| history.back());
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

/// Listens at the window before anybody else, until the effect that this is called in ends.
fn listen(name: &'static str, heard: impl Fn(Event) + 'static) {
    let heard = Closure::<dyn Fn(Event)>::new(heard);
    // Fails never: the window takes every name.
    let _ = window().add_event_listener_with_callback_and_bool(name, heard.as_ref().unchecked_ref(), true);
    let kept = StoredValue::new_local(heard);
    on_cleanup(move || {
        kept.with_value(|heard| {
            let _ = window().remove_event_listener_with_callback_and_bool(name, heard.as_ref().unchecked_ref(), true);
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
