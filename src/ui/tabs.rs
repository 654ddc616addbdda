//! Tabs that are pages.

use leptos::{ev, html, prelude::*};

use super::{badge::Badge, browser};

/// A tab: its words and its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tab {
    /// The words.
    pub label: &'static str,
    /// The page.
    pub path: &'static str,
}

/// The id of the tab that is open, which names the panel below it.
pub const OPEN_TAB_ID: &str = "open-tab";

/// The id of the number on a tab, which describes it.
const WAITING_ID: &str = "tab-waiting";

/// A row of tabs. Only the open one can be reached with Tab; the arrow keys move among them.
#[component]
pub fn Tabs(
    /// What the row is called.
    label: &'static str,
    /// The tabs.
    tabs: Vec<Tab>,
    /// The page of the open one.
    open: &'static str,
    /// Where a tab leads, given its page, where that is more than the page alone.
    #[prop(optional, into)]
    address: Option<Callback<&'static str, String>>,
    /// What waits behind one of them: its page, and how many.
    #[prop(optional, into)]
    waiting: Option<(&'static str, Signal<i64>)>,
) -> impl IntoView {
    let list = NodeRef::<html::Div>::new();

    // In a narrow page the row scrolls.
    Effect::new(move || {
        let Some(list) = list.get() else { return };
        if let Some(tab) = browser::find_all(&list, "[aria-selected=true]").first() {
            list.set_scroll_left(tab.offset_left() - (list.client_width() - tab.offset_width()) / 2);
        }
    });

    let on_keydown = move |event: ev::KeyboardEvent| {
        let Some(list) = list.get_untracked() else { return };
        let tabs = browser::find_all(&list, "[role=tab]");
        let at = tabs.iter().position(|tab| browser::focused().as_ref() == Some(tab)).unwrap_or(0);
        let to = match event.key().as_str() {
            "ArrowRight" => (at + 1) % tabs.len(),
            "ArrowLeft" => (at + tabs.len() - 1) % tabs.len(),
            "Home" => 0,
            "End" => tabs.len() - 1,
            _ => return,
        };
        event.prevent_default();
        browser::focus(&tabs[to]);
    };
    let line = |tab: Tab| {
        let is_open = tab.path == open;
        let waiting = waiting.filter(|(path, _)| *path == tab.path).map(|(_, count)| count);
        let href = address.map_or_else(|| tab.path.to_owned(), |address| address.run(tab.path));
        view! {
            <a role="tab" class="tab" href=href aria-selected=is_open.to_string() id=is_open.then_some(OPEN_TAB_ID)
                tabindex=if is_open { "0" } else { "-1" } aria-label=tab.label aria-describedby=waiting.map(|_| WAITING_ID)>
                {tab.label}
                {waiting.map(|count| view! { <span id=WAITING_ID><Badge count/></span> })}
            </a>
        }
    };
    view! {
        <div class="tabs" role="tablist" aria-label=label node_ref=list on:keydown=on_keydown>
            {tabs.into_iter().map(line).collect_view()}
        </div>
    }
}
