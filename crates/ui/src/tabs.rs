//! Tabs that link to pages.

use leptos::{ev, html, prelude::*};

use super::{badge::Badge, browser};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tab {
    pub label: &'static str,
    pub path: &'static str,
}

/// The id of the open tab, which labels the panel below it.
pub const OPEN_TAB_ID: &str = "open-tab";

/// The id of the badge on a tab, which describes the tab.
const WAITING_ID: &str = "tab-waiting";

/// A tab list. Only the open tab is in the Tab order; arrow keys, Home and End move between tabs.
#[component]
pub fn Tabs(
    label: &'static str,
    tabs: Vec<Tab>,
    /// The path of the open tab.
    open: &'static str,
    /// Returns the URL for a tab's path, if it has more than the path.
    #[prop(optional, into)]
    address: Option<Callback<&'static str, String>>,
    /// Returns a number for a tab's path, as text. It is not part of the tab's name.
    #[prop(optional, into)]
    numbers: Option<Callback<&'static str, String>>,
    /// The path of a tab and the count on its badge.
    #[prop(optional, into)]
    waiting: Option<(&'static str, Signal<i64>)>,
    /// The paths of the last tabs, which are of another sort: a line is before the first of them.
    #[prop(optional)]
    apart: &'static [&'static str],
) -> impl IntoView {
    let list = NodeRef::<html::Div>::new();

    // In a narrow viewport the tab list scrolls: center the open tab.
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
        if let Some(to) = neighbor(&event.key(), at, tabs.len()) {
            event.prevent_default();
            browser::focus(&tabs[to]);
        }
    };
    let divided = tabs.iter().position(|tab| apart.contains(&tab.path)).filter(|index| *index > 0);
    let tab_view = |(index, tab): (usize, Tab)| {
        let is_open = tab.path == open;
        let waiting = waiting.filter(|(path, _)| *path == tab.path).map(|(_, count)| count);
        let href = address.map_or_else(|| tab.path.to_owned(), |address| address.run(tab.path));
        view! {
            {(divided == Some(index)).then(|| view! { <span class="tab-divider" aria-hidden="true"></span> })}
            <a role="tab" class="tab" href=href aria-selected=is_open.to_string() id=is_open.then_some(OPEN_TAB_ID)
                tabindex=if is_open { "0" } else { "-1" } aria-label=tab.label aria-describedby=waiting.map(|_| WAITING_ID)>
                {tab.label}
                // CSS draws it, as in a badge.
                {numbers.map(|numbers| view! { <span class="tab-number" data-number=move || numbers.run(tab.path)></span> })}
                {waiting.map(|count| view! { <span id=WAITING_ID><Badge count/></span> })}
            </a>
        }
    };
    view! {
        <div class="tabs" role="tablist" aria-label=label node_ref=list on:keydown=on_keydown>
            {tabs.into_iter().enumerate().map(tab_view).collect_view()}
        </div>
    }
}

/// The tab that a key press leads to.
pub(super) fn neighbor(key: &str, at: usize, count: usize) -> Option<usize> {
    match key {
        _ if count == 0 => None,
        "ArrowRight" => Some((at + 1) % count),
        "ArrowLeft" => Some((at + count - 1) % count),
        "Home" => Some(0),
        "End" => Some(count - 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::neighbor;

    #[test]
    fn arrow_keys_wrap_around() {
        assert_eq!(neighbor("ArrowRight", 2, 3), Some(0));
        assert_eq!(neighbor("ArrowLeft", 0, 3), Some(2));
        assert_eq!((neighbor("Home", 1, 3), neighbor("End", 1, 3)), (Some(0), Some(2)));
        assert_eq!((neighbor("Tab", 1, 3), neighbor("End", 0, 0)), (None, None));
    }
}
