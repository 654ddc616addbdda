//! Empty states of the key list.

use leptos::prelude::*;

use super::query_state::{Filter, QueryState};
use crate::code_samples::{self, server_url};
use latchkey_types::key_kind::{KeyKind, Kind, KindSpec};
use latchkey_ui::{
    browser,
    button::{Button, ButtonVariant},
    empty_state::EmptyState,
    icon::Glyph,
};

/// No keys yet. The button's label differs from that beside the heading, so that each can be found by its name.
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
        <EmptyState glyph=Glyph::Key title="No keys yet" text sample=sample(spec)>
            {may_manage.then(|| view! { <Button label variant=ButtonVariant::Primary on_click=create/> })}
        </EmptyState>
    }
}

/// What a key of this kind is for, as a request. `None` for kinds that are not used in requests.
fn sample(spec: &'static KindSpec) -> Option<AnyView> {
    let Kind::Key(kind) = spec.kind else { return None };
    let key = format!("{}…", spec.prefix.unwrap_or_default());
    first_sample(kind, "", &key)?;
    let url = server_url();
    let code = move || url.with(|url| first_sample(kind, url, &key));
    Some(view! { <pre class="empty-state-code"><code>{code}</code></pre> }.into_any())
}

fn first_sample(kind: KeyKind, url: &str, key: &str) -> Option<String> {
    code_samples::samples(kind, url, key, "").into_iter().next().map(|sample| sample.code)
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
    let clear = move |()| {
        query_state.clear_filters();
        browser::focus_search();
    };
    view! {
        <EmptyState glyph=Glyph::Search title="No match" text>
            <Button label on_click=clear/>
        </EmptyState>
    }
}
