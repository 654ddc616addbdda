//! What stands in place of rows where there are none.

use leptos::prelude::*;

use super::{
    place::{Filter, ListPlace},
    tabs::KeyTab,
};
use crate::ui::{button::Button, icon::Glyph, message::Blank};

/// There is no key yet. The button's name is not the toolbar's, so that each can be told by its name.
#[component]
pub fn NoKeys(
    /// The kind.
    tab: &'static KeyTab,
    /// Whether the reader may make one.
    may_manage: bool,
    /// Makes one.
    create: Callback<()>,
) -> impl IntoView {
    let text = if may_manage { tab.advice } else { "Somebody whose role allows it can make one." };
    let label = if tab.is_inbound() { "Make the first key" } else { "Store the first key" };
    view! {
        <Blank glyph=Glyph::Key title="No keys yet" text>
            {may_manage.then(|| view! { <Button label on_click=create/> })}
        </Blank>
    }
}

/// No key is what is looked for.
#[component]
pub fn NoMatch(
    /// What is looked for.
    place: ListPlace,
) -> impl IntoView {
    let wish = place.get_untracked();
    let (text, label) = if wish.is_search_alone() {
        (format!("No key's name contains “{}”.", wish.filter(Filter::Search)), "Clear search")
    } else {
        ("No key passes the search and the filters above.".to_owned(), "Clear search and filters")
    };
    view! {
        <Blank glyph=Glyph::Search title="No match" text>
            <Button label on_click=move |()| place.widen()/>
        </Blank>
    }
}
