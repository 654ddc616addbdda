//! Empty states of the key list.

use leptos::prelude::*;

use super::{
    query_state::{Filter, ListPlace},
    tabs::KeyTab,
};
use latchkey_ui::{button::Button, icon::Glyph, message::Blank};

/// No keys yet. The button's label differs from the toolbar's, so that each can be found by its name.
#[component]
pub(super) fn NoKeys(
    tab: &'static KeyTab,
    /// Whether the user can create keys of this kind.
    may_manage: bool,
    create: Callback<()>,
) -> impl IntoView {
    let verb = if tab.is_inbound() { "create" } else { "add" };
    let no_permission = || format!("You need the “{}” permission to {verb} one.", tab.policy().manage.label());
    let text = if may_manage { tab.advice.to_owned() } else { no_permission() };
    let label = if tab.is_inbound() { "Create your first key" } else { "Add your first key" };
    view! {
        <Blank glyph=Glyph::Key title="No keys yet" text>
            {may_manage.then(|| view! { <Button label on_click=create/> })}
        </Blank>
    }
}

/// No key matches the search and filters.
#[component]
pub(super) fn NoMatch(place: ListPlace) -> impl IntoView {
    let query = place.get_untracked();
    let (text, label) = if query.is_search_alone() {
        (format!("No keys match “{}”.", query.filter(Filter::Search)), "Clear search")
    } else {
        ("No keys match your search and filters.".to_owned(), "Clear search and filters")
    };
    view! {
        <Blank glyph=Glyph::Search title="No match" text>
            <Button label on_click=move |()| place.widen()/>
        </Blank>
    }
}
