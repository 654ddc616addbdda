//! A button that opens a menu.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, Node};

use super::{
    browser,
    icon::{Glyph, Icon},
};

/// Between a menu, its button and the edges of the window, in pixels.
const GAP: i32 = 6;

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

/// A menu that is open: the id of its button, and its lines.
#[derive(Clone)]
struct Opened {
    button: String,
    items: Vec<MenuItem>,
}

/// A list that opens below one of many buttons, such as those of a grid's rows: the rows need not carry a list each.
#[derive(Clone, Copy)]
pub struct SharedMenu(RwSignal<Option<Opened>>);

impl SharedMenu {
    /// A menu that is closed.
    pub fn new() -> Self {
        Self(RwSignal::new(None))
    }

    fn is_open_at(self, button: &str) -> bool {
        self.0.with(|opened| opened.as_ref().is_some_and(|opened| opened.button == button))
    }

    fn close(self) {
        let button = self.0.with_untracked(|opened| opened.as_ref().and_then(|opened| element(&opened.button)));
        self.0.set(None);
        if let Some(button) = button {
            browser::focus(&button);
        }
    }
}

impl Default for SharedMenu {
    fn default() -> Self {
        Self::new()
    }
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
    let menu = SharedMenu::new();
    view! {
        <MenuButton menu id=format!("{id}-button") class items=Callback::new(move |()| items.clone())>{children()}</MenuButton>
        <MenuList menu id/>
    }
}

/// A button of a [`SharedMenu`].
#[component]
pub fn MenuButton(
    /// The menu.
    menu: SharedMenu,
    /// The button's id, one in the page.
    id: String,
    /// The class of the button.
    class: &'static str,
    /// Its name, where no words stand on it.
    #[prop(optional)]
    label: Option<&'static str>,
    /// The lines, asked for when it opens.
    items: Callback<(), Vec<MenuItem>>,
    /// What stands on the button.
    children: Children,
) -> impl IntoView {
    let open = {
        let button = id.clone();
        move || menu.0.set(Some(Opened { button: button.clone(), items: items.run(()) }))
    };
    let on_keydown = {
        let open = open.clone();
        move |event: ev::KeyboardEvent| {
            if event.key() == "ArrowDown" {
                event.prevent_default();
                event.stop_propagation();
                open();
            }
        }
    };
    let on_click = {
        let id = id.clone();
        move |_| if untrack(|| menu.is_open_at(&id)) { menu.close() } else { open() }
    };
    let expanded = {
        let id = id.clone();
        move || menu.is_open_at(&id).to_string()
    };
    view! {
        <button type="button" id=id class=class aria-label=label title=label aria-haspopup="menu" aria-expanded=expanded
            on:keydown=on_keydown on:click=on_click>
            {children()}
        </button>
    }
}

/// The list of a [`SharedMenu`]: in the browser's top layer, so that no scroller cuts it off.
#[component]
pub fn MenuList(
    /// The menu.
    menu: SharedMenu,
    /// The list's id, one in the page.
    id: &'static str,
) -> impl IntoView {
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

    // The list is drawn before an effect runs, so its first item is there to take the focus.
    Effect::new(move || {
        let (Some(list), Some(opened)) = (list.get(), menu.0.get()) else { return };
        // Fails only where it is shown already.
        let _ = list.show_popover();
        if let Some(button) = element(&opened.button) {
            place_below(&list, &button);
        }
        item_at(to_first);
    });
    // It would stay behind while its button scrolls away.
    Effect::new(move || {
        let close = move || {
            if menu.0.with_untracked(Option::is_some) {
                menu.0.set(None);
            }
        };
        let listeners = [
            window_event_listener(ev::wheel, move |_| close()),
            window_event_listener(ev::touchmove, move |_| close()),
            window_event_listener(ev::resize, move |_| close()),
        ];
        on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
    });

    let on_keydown = move |event: ev::KeyboardEvent| {
        match event.key().as_str() {
            "ArrowDown" => item_at(|at, count| (at + 1) % count.max(1)),
            "ArrowUp" => item_at(|at, count| (at + count).saturating_sub(1) % count.max(1)),
            "Home" => item_at(to_first),
            "End" => item_at(to_last),
            "Escape" => menu.close(),
            "Tab" => return menu.close(),
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    };
    // A click or a Tab that leaves takes the focus elsewhere. A click on its own button closes it by itself.
    let on_focusout = move |event: ev::FocusEvent| {
        let goes_to = event.related_target().and_then(|target| target.dyn_into::<Node>().ok());
        let stays = list.get_untracked().is_some_and(|list| list.contains(goes_to.as_ref()));
        let button = menu.0.with_untracked(|opened| opened.as_ref().and_then(|opened| element(&opened.button)));
        if !stays && button.map(Node::from) != goes_to {
            menu.0.set(None);
        }
    };
    let lines = move |Opened { items, .. }: Opened| {
        view! {
            <div class="menu-list" role="menu" id=id popover="manual" node_ref=list on:keydown=on_keydown on:focusout=on_focusout>
                {items.into_iter().map(|item| view! { <MenuLine item close=Callback::new(move |()| menu.close())/> }).collect_view()}
            </div>
        }
    };
    move || menu.0.get().map(lines)
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

fn element(id: &str) -> Option<HtmlElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

/// Puts a list below its button, their right edges in line; above it where there is no room below.
#[expect(clippy::cast_possible_truncation, reason = "places in a window are far below 2^31 pixels")]
fn place_below(list: &HtmlElement, button: &HtmlElement) {
    let at = button.get_bounding_client_rect();
    let window_height = document().document_element().map_or(0, |root| root.client_height());
    let (above, below) = (at.top() as i32, at.bottom() as i32 + GAP);
    let top = if below + list.offset_height() <= window_height { below } else { (above - GAP - list.offset_height()).max(GAP) };
    let left = (at.right() as i32 - list.offset_width()).max(GAP);
    browser::set_style(list, "top", &format!("{top}px"));
    browser::set_style(list, "left", &format!("{left}px"));
}
