//! A button that opens a menu.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, Node};

use super::{
    browser,
    grid::row_scope,
    icon::{Glyph, Icon},
};

/// Distance between a menu, its button and the window edges, in pixels.
const GAP: i32 = 6;

#[derive(Clone)]
pub enum MenuAction {
    /// Opens a page.
    Go(&'static str),
    /// Opens a page outside of the application.
    Leave(&'static str),
    Run(Callback<()>),
    /// As `Run`, for what cannot be undone: in the danger color, and below a line if it is not the first item.
    Danger(Callback<()>),
    /// A few options in one line, of which one is chosen. The menu stays open.
    Choose(Vec<MenuOption>),
}

/// An option of [`MenuAction::Choose`].
#[derive(Clone)]
pub struct MenuOption {
    pub label: &'static str,
    pub is_chosen: Signal<bool>,
    pub choose: Callback<()>,
}

#[derive(Clone)]
pub struct MenuItem {
    pub label: &'static str,
    pub glyph: Glyph,
    pub action: MenuAction,
}

/// The keys that do the same as items, by the label of the item.
pub type MenuShortcuts = &'static [(&'static str, &'static str)];

/// An open menu.
#[derive(Clone)]
struct OpenMenu {
    /// The id of the button that opened it.
    button: String,
    items: Vec<MenuItem>,
}

/// One menu list for many buttons, such as those of a grid's rows, so that each row does not need its own list.
#[derive(Clone, Copy)]
pub struct SharedMenu(RwSignal<Option<OpenMenu>>);

impl SharedMenu {
    pub fn new() -> Self {
        Self(RwSignal::new(None))
    }

    fn is_open_at(self, button: &str) -> bool {
        self.0.with(|opened| opened.as_ref().is_some_and(|opened| opened.button == button))
    }

    fn close(self) {
        let button = self.0.with_untracked(|opened| opened.as_ref().and_then(|opened| browser::element_by_id(&opened.button)));
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

/// A button that opens a menu below it. Arrow keys, Home and End move the focus; Escape and Tab close it and focus the button.
#[component]
pub fn Menu(
    /// Unique id of the list.
    id: &'static str,
    class: &'static str,
    items: Vec<MenuItem>,
    /// Shown above the items.
    #[prop(optional, into)]
    head: ViewFn,
    #[prop(optional)] shortcuts: MenuShortcuts,
    children: Children,
) -> impl IntoView {
    let menu = SharedMenu::new();
    view! {
        <MenuButton menu id=format!("{id}-button") class items=Callback::new(move |()| items.clone())>{children()}</MenuButton>
        <MenuList menu id head shortcuts/>
    }
}

/// A button of a [`SharedMenu`]. In a grid, the name of its row describes it.
#[component]
pub fn MenuButton(
    menu: SharedMenu,
    /// Unique id.
    id: String,
    class: &'static str,
    /// Accessible name of a button without text.
    #[prop(optional)]
    label: Option<&'static str>,
    /// Called when it opens.
    items: Callback<(), Vec<MenuItem>>,
    children: Children,
) -> impl IntoView {
    let open = {
        let button = id.clone();
        move || menu.0.set(Some(OpenMenu { button: button.clone(), items: items.run(()) }))
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
            aria-describedby=row_scope::described_by() tabindex=row_scope::tab_index() on:keydown=on_keydown on:click=on_click>
            {children()}
        </button>
    }
}

/// The list of a [`SharedMenu`], in the browser's top layer so that no scroll container clips it.
#[component]
pub fn MenuList(
    menu: SharedMenu,
    /// Unique id.
    id: &'static str,
    /// Shown above the items.
    #[prop(optional, into)]
    head: ViewFn,
    #[prop(optional)] shortcuts: MenuShortcuts,
) -> impl IntoView {
    let list = NodeRef::<html::Div>::new();
    let focus_item = move |step: fn(usize, usize) -> usize| {
        let Some(list) = list.get_untracked() else { return };
        let items = browser::find_all(&list, "[role^=menuitem]");
        let at = items.iter().position(|item| browser::focused().as_ref() == Some(item)).unwrap_or(0);
        if let Some(item) = items.get(step(at, items.len())) {
            browser::focus(item);
        }
    };
    let to_first = |_, _| 0;
    let to_last = |_, count: usize| count.saturating_sub(1);

    // The list is rendered before the effect runs, so its first item can be focused.
    Effect::new(move || {
        let (Some(list), Some(opened)) = (list.get(), menu.0.get()) else { return };
        // Fails only if it is already open.
        let _ = list.show_popover();
        if let Some(button) = browser::element_by_id(&opened.button) {
            place_below(&list, &button);
        }
        focus_item(to_first);
    });
    // Close on scroll and resize, because the list does not move with its button.
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
            "ArrowDown" => focus_item(|at, count| (at + 1) % count.max(1)),
            "ArrowUp" => focus_item(|at, count| (at + count).saturating_sub(1) % count.max(1)),
            "Home" => focus_item(to_first),
            "End" => focus_item(to_last),
            "Escape" => menu.close(),
            "Tab" => return menu.close(),
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    };
    // Focus moved elsewhere. A click on the menu's own button is handled by that button. Removing a focused item causes this event too, when
    // the menu may be disposed already.
    let on_focusout = move |event: ev::FocusEvent| {
        let target_node = event.related_target().and_then(|target| target.dyn_into::<Node>().ok());
        let is_inside = list.try_get_untracked().flatten().is_some_and(|list| list.contains(target_node.as_ref()));
        let button = menu.0.try_with_untracked(|opened| opened.as_ref().and_then(|opened| browser::element_by_id(&opened.button))).flatten();
        if !is_inside && button.map(Node::from) != target_node {
            let _ = menu.0.try_set(None);
        }
    };
    let close = Callback::new(move |()| menu.close());
    let list_view = move |OpenMenu { items, .. }: OpenMenu| {
        view! {
            <div class="menu-list" popover="manual" node_ref=list on:keydown=on_keydown on:focusout=on_focusout>
                {head.run()}
                <div role="menu" id=id>
                    {items
                        .into_iter()
                        .enumerate()
                        .map(|(index, item)| view! { <MenuItemView item is_first={index == 0} shortcuts close/> })
                        .collect_view()}
                </div>
            </div>
        }
    };
    move || menu.0.get().map(&list_view)
}

#[component]
fn MenuItemView(item: MenuItem, is_first: bool, shortcuts: MenuShortcuts, close: Callback<()>) -> impl IntoView {
    let MenuItem { label, glyph, action } = item;
    let shortcut = shortcuts.iter().find(|(of, _)| *of == label).map(|(_, key)| *key);
    match action {
        MenuAction::Go(path) => view! { <LinkItem label glyph path rel=None close/> }.into_any(),
        // So that the router does not open it.
        MenuAction::Leave(path) => view! { <LinkItem label glyph path rel=Some("external") close/> }.into_any(),
        MenuAction::Run(run) => view! { <RunItem label glyph is_danger=false shortcut run close/> }.into_any(),
        MenuAction::Danger(run) => view! {
            {(!is_first).then(|| view! { <div class="menu-separator" role="separator"></div> })}
            <RunItem label glyph is_danger=true shortcut run close/>
        }
        .into_any(),
        MenuAction::Choose(options) => view! { <Options label glyph options/> }.into_any(),
    }
}

#[component]
fn LinkItem(label: &'static str, glyph: Glyph, path: &'static str, rel: Option<&'static str>, close: Callback<()>) -> impl IntoView {
    view! {
        <a role="menuitem" tabindex="-1" href=path rel=rel on:click=move |_| close.run(())>
            <Icon glyph/>
            <span>{label}</span>
        </a>
    }
}

#[component]
fn RunItem(
    label: &'static str,
    glyph: Glyph,
    is_danger: bool,
    shortcut: Option<&'static str>,
    run: Callback<()>,
    close: Callback<()>,
) -> impl IntoView {
    // Close first, so that a dialog opened by the action returns the focus to the menu's button.
    view! {
        <button type="button" role="menuitem" tabindex="-1" class:menu-danger=is_danger on:click=move |_| { close.run(()); run.run(()); }>
            <Icon glyph/>
            <span>{label}</span>
            {shortcut.map(|key| view! { <kbd class="menu-shortcut" aria-hidden="true">{key}</kbd> })}
        </button>
    }
}

/// The line of [`MenuAction::Choose`], between two lines.
#[component]
fn Options(label: &'static str, glyph: Glyph, options: Vec<MenuOption>) -> impl IntoView {
    let option_view = |MenuOption { label, is_chosen, choose }: MenuOption| {
        view! {
            <button type="button" role="menuitemradio" tabindex="-1" aria-checked=move || is_chosen.get().to_string() on:click=move |_| choose.run(())>
                {label}
            </button>
        }
    };
    view! {
        <div class="menu-separator" role="separator"></div>
        <div class="menu-options" role="group" aria-label=label>
            <span class="menu-options-label" aria-hidden="true"><Icon glyph/>{label}</span>
            <span class="menu-choices" role="presentation">{options.into_iter().map(option_view).collect_view()}</span>
        </div>
        <div class="menu-separator" role="separator"></div>
    }
}

/// The chevron of a menu button.
#[component]
pub fn MenuChevron() -> impl IntoView {
    view! { <Icon glyph=Glyph::Down/> }
}

/// Places a list below its button, aligned to the right edge, or above it if there is no space below.
#[expect(clippy::cast_possible_truncation, reason = "window coordinates are far below 2^31 pixels")]
pub fn place_below(list: &HtmlElement, button: &HtmlElement) {
    let at = button.get_bounding_client_rect();
    let window_height = document().document_element().map_or(0, |root| root.client_height());
    let (above, below) = (at.top() as i32, at.bottom() as i32 + GAP);
    let top = if below + list.offset_height() <= window_height { below } else { (above - GAP - list.offset_height()).max(GAP) };
    let left = (at.right() as i32 - list.offset_width()).max(GAP);
    browser::set_style(list, "top", &format!("{top}px"));
    browser::set_style(list, "left", &format!("{left}px"));
}
