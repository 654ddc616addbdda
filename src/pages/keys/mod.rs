//! `/keys/…`: one page per kind of key.

mod actions;
pub(super) mod budget;
mod bulk;
mod cells;
mod columns;
mod confirm;
mod corpora_field;
mod create;
mod credential;
mod dialogs;
mod empty;
mod expiry_field;
mod export;
pub mod export_format;
mod fields;
mod filters;
mod keyboard;
mod limits;
mod limits_section;
mod list;
mod metadata;
mod models;
mod provider_prefix;
mod query_state;
mod recent_use;
mod revealed_secrets;
mod row;
mod row_context;
mod scope_fields;
mod selection;
mod toolbar;
mod view_options;

use leptos::prelude::*;
use leptos_meta::Title;

use super::{
    error_page::LoadFailed,
    viewer::{LastVisited, use_viewer},
};
use crate::{api::keys::open_keys, routes};
use latchkey_types::{account::Viewer, error::Error, key::KeyRow, key_kind::Kind, listing::OpenedListing};
use latchkey_ui::{
    page::PageLead,
    skeleton::{PageSkeleton, TableSkeleton},
    suspend::suspend,
    tabs::{OPEN_TAB_ID, Tab, Tabs},
};
use list::KeyList;
use query_state::QueryState;
pub(super) use query_state::expiring_address;

/// The pages of credentials, which are set apart from those of keys that Latchkey issues.
const CREDENTIAL_PAGES: &[&str] = &[routes::EXTERNAL_KEYS.path, routes::GENERAL_KEYS.path];

/// The result of the first opening of a list.
type FirstOpening = OnceResource<Result<OpenedListing<KeyRow>, Error>>;

#[component]
pub fn KeysPage(kind: Kind) -> impl IntoView {
    let last = expect_context::<LastVisited>();
    let page = routes::page_of(kind);
    let query_state = QueryState::from_url(page.path, last);
    let viewer = use_viewer();
    // Only the first opening, which the server renders. Later openings are made by the list.
    let first = FirstOpening::new(open_keys(query_state.query(kind)));

    view! {
        <Title text=format!("{} · {}", page.label, routes::KEYS.label)/>
        <Suspense fallback=|| view! { <PageSkeleton heading=routes::KEYS.label/> }>
            {suspend(
                async move { viewer.await.and_then(|viewer| page.access.require(viewer.permissions).map(|()| viewer)) },
                move |viewer| view! { <Keys kind query_state viewer first last/> },
                |error| view! { <LoadFailed error/> },
            )}
        </Suspense>
    }
}

/// Heading, tabs and list. Only the list waits for its rows, so that the tabs can be used meanwhile.
#[component]
fn Keys(kind: Kind, query_state: QueryState, viewer: Viewer, first: FirstOpening, last: LastVisited) -> impl IntoView {
    let spec = kind.spec();
    let permitted = routes::section(routes::KEYS.path).filter(|page| page.permits(viewer.permissions));
    let tabs = permitted.map(|page| Tab { label: page.label, path: page.path }).collect();
    view! {
        <div class="page page-fill">
            <h1>{routes::KEYS.label}</h1>
            <Tabs label="Kinds of keys" tabs open=routes::page_of(kind).path address=Callback::new(move |page| last.of(page)) apart=CREDENTIAL_PAGES/>
            <section class="panel key-list" role="tabpanel" aria-labelledby=OPEN_TAB_ID>
                <PageLead text=spec.lead() docs="/docs/keys"/>
                <Suspense fallback=TableSkeleton>
                    {suspend(
                        async move {
                            match first.await {
                                Err(error @ (Error::Forbidden { .. } | Error::SignedOut)) => Err(error),
                                // The list shows other errors, and can retry.
                                first => Ok(first),
                            }
                        },
                        move |first| view! { <KeyList spec query_state first viewer/> },
                        |error| view! { <LoadFailed error/> },
                    )}
                </Suspense>
            </section>
        </div>
    }
}
