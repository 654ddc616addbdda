//! Empty states of the key list.

use leptos::prelude::*;

use super::query_state::{Filter, QueryState};
use latchkey_types::key_kind::KindSpec;
use latchkey_ui::{button::Button, icon::Glyph, message::EmptyState};

/// No keys yet. The button's label differs from the toolbar's, so that each can be found by its name.
#[component]
pub(super) fn NoKeys(
    spec: &'static KindSpec,
    /// Whether the user can create keys of this kind.
    may_manage: bool,
    create: Callback<()>,
) -> impl IntoView {
    let verb = if spec.is_inbound() { "create" } else { "add" };
    let no_permission = || format!("You need the “{}” permission to {verb} one.", spec.manage.label());
    let text = if may_manage { spec.list_spec().empty_text.to_owned() } else { no_permission() };
    let label = if spec.is_inbound() { "Create your first key" } else { "Add your first key" };
    view! {
        <EmptyState glyph=Glyph::Key title="No keys yet" text>
            {may_manage.then(|| view! { <Button label on_click=create/> })}
        </EmptyState>
    }
}

/// No key matches the search and filters.
#[component]
pub(super) fn NoMatch(query_state: QueryState) -> impl IntoView {
    let query = query_state.get_untracked();
    let (text, label) = if query.is_search_only() {
        (format!("No keys match “{}”.", query.filter(Filter::Search)), "Clear search")
    } else {
        ("No keys match your search and filters.".to_owned(), "Clear search and filters")
    };
    view! {
        <EmptyState glyph=Glyph::Search title="No match" text>
            <Button label on_click=move |()| query_state.clear_filters()/>
        </EmptyState>
    }
}
