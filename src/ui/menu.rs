//! A button that opens a menu.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::Node;

use super::{
    browser,
    icon::{Glyph, Icon},
};

/// What a menu item does.
#[derive(Clone)]
pub enum MenuAction {
    /// Leads to another page.
    Go(&'static str),
    /// Does something here.
    Run(Callback<()>),
}

/// One line of a menu.
#[derive(Clone)]
pub struct MenuItem {
    /// Its words.
    pub label: &'static str,
    /// A drawing before them.
    pub glyph: Glyph,
    /// What it does.
    pub action: MenuAction,
}

/// A button that opens a menu below it. Arrow keys, Home and End move; Escape and Tab leave; the focus comes back.
#[component]
pub fn Menu(
    /// The menu's id, one in the page.
    id: &'static str,
    /// The class of the button.
    class: &'static str,
    /// The lines.
    items: Vec<MenuItem>,
    /// What stands on the button.
    children: Children,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let root = NodeRef::<html::Div>::new();
    let button = NodeRef::<html::Button>::new();
    let list = NodeRef::<html::Div>::new();

    let item_at = move |step: fn(usize, usize) -> usize| {
        let Some(list) = list.get_untracked() else { return };
        let items = browser::find_all(&list, "[role=menuitem]");
        let at = items.iter().position(|item| browser::focused().as_ref() == Some(item)).unwrap_or(0);
        if let Some(item) = items.get(step(at, items.len())) {
            browser::focus(item);
        }
    };
    let to_first = |_, _| 0;
    let to_last = |_, count: usize| count.saturating_sub(1);
    let close = move || {
        open.set(false);
        if let Some(button) = button.get_untracked() {
            browser::focus(&button);
        }
    };

    // The list is drawn before an effect runs, so its first item is there to take the focus.
    Effect::new(move || {
        if list.get().is_some() {
            item_at(to_first);
        }
    });

    let on_keydown = move |event: ev::KeyboardEvent| {
        let is_open = open.get_untracked();
        match event.key().as_str() {
            "ArrowDown" if !is_open => open.set(true),
            _ if !is_open => return,
            "ArrowDown" => item_at(|at, count| (at + 1) % count.max(1)),
            "ArrowUp" => item_at(|at, count| (at + count).saturating_sub(1) % count.max(1)),
            "Home" => item_at(to_first),
            "End" => item_at(to_last),
            "Escape" => close(),
            "Tab" => return close(),
            _ => return,
        }
        event.prevent_default();
    };
    // A click or a Tab that leaves takes the focus elsewhere.
    let on_focusout = move |event: ev::FocusEvent| {
        let goes_to = event.related_target().and_then(|target| target.dyn_into::<Node>().ok());
        if !root.get_untracked().is_some_and(|root| root.contains(goes_to.as_ref())) {
            open.set(false);
        }
    };
    view! {
        <div class="menu" node_ref=root on:keydown=on_keydown on:focusout=on_focusout>
            <button type="button" class=class node_ref=button aria-haspopup="menu" aria-controls=id
                aria-expanded=move || open.get().to_string() on:click=move |_| open.update(|open| *open = !*open)>
                {children()}
            </button>
            <div class="menu-list" role="menu" id=id hidden=move || !open.get()>
                <Show when=move || open.get()>
                    <div class="menu-items" role="presentation" node_ref=list>
                        {items.iter().cloned().map(|item| view! { <MenuLine item close=Callback::new(move |()| close())/> }).collect_view()}
                    </div>
                </Show>
            </div>
        </div>
    }
}

#[component]
fn MenuLine(item: MenuItem, close: Callback<()>) -> impl IntoView {
    let words = view! {
        <Icon glyph=item.glyph/>
        <span>{item.label}</span>
    };
    match item.action {
        MenuAction::Go(path) => view! {
            <a role="menuitem" tabindex="-1" href=path on:click=move |_| close.run(())>{words}</a>
        }
        .into_any(),
        // Closed first, so that what it opens gives the focus back to the menu's button.
        MenuAction::Run(run) => view! {
            <button type="button" role="menuitem" tabindex="-1" on:click=move |_| { close.run(()); run.run(()); }>{words}</button>
        }
        .into_any(),
    }
}

/// The small angle that says that a button opens a menu.
#[component]
pub fn MenuAngle() -> impl IntoView {
    view! { <Icon glyph=Glyph::Down/> }
}
