//! `/keys/…`: one page per kind of key.

mod actions;
mod bulk;
mod cells;
mod columns;
mod confirm;
mod create;
mod credential;
mod dialogs;
mod empty;
mod expiry_field;
mod export;
pub mod export_format;
mod fields;
mod filters;
mod limits;
mod list;
mod query_state;
mod revealed_secrets;
mod row;
mod row_context;
mod selection;
mod toolbar;

use leptos::prelude::*;
use leptos_meta::Title;

use super::{
    error_page::LoadFailed,
    viewer::{LastVisited, use_viewer},
};
use crate::{api::keys::open_keys, routes};
use latchkey_types::{account::Viewer, error::Error, key::KeyRow, key_kind::Kind, listing::OpenedListing};
use latchkey_ui::{
    suspend::suspend,
    tabs::{OPEN_TAB_ID, Tab, Tabs},
};
use list::KeyList;
use query_state::QueryState;

#[component]
pub fn KeysPage(kind: Kind) -> impl IntoView {
    let last = expect_context::<LastVisited>();
    let page = routes::page_of(kind);
    let query_state = QueryState::from_url(page.path, last);
    let viewer = use_viewer();
    // Only the first opening, which the server renders. Later openings are made by the list.
    let first = OnceResource::new(open_keys(query_state.query(kind)));

    view! {
        <Title text=format!("{} · {}", page.label, routes::KEYS.label)/>
        <Suspense fallback=PageSkeleton>
            {suspend(
                async move {
                    let viewer = viewer.await?;
                    match first.await {
                        Err(error @ (Error::Forbidden { .. } | Error::SignedOut)) => Err(error),
                        // The list shows other errors, and can retry.
                        first => Ok((viewer, first)),
                    }
                },
                move |(viewer, first)| view! { <Keys kind query_state viewer first last/> },
                |error| view! { <LoadFailed error/> },
            )}
        </Suspense>
    }
}

/// Heading, tabs and list.
#[component]
fn Keys(kind: Kind, query_state: QueryState, viewer: Viewer, first: Result<OpenedListing<KeyRow>, Error>, last: LastVisited) -> impl IntoView {
    let spec = kind.spec();
    let permitted = routes::section(routes::KEYS.path).filter(|page| page.permits(viewer.permissions));
    let tabs = permitted.map(|page| Tab { label: page.label, path: page.path }).collect();
    view! {
        <div class="page page-fill">
            <h1>{routes::KEYS.label}</h1>
            <Tabs label="Kinds of keys" tabs open=routes::page_of(kind).path address=Callback::new(move |page| last.of(page))/>
            <section class="panel" role="tabpanel" aria-labelledby=OPEN_TAB_ID>
                <p class="purpose">{spec.list_spec().purpose} " " {spec.expiry_note()}</p>
                <KeyList spec query_state first viewer/>
            </section>
        </div>
    }
}

/// Shown while the page is loading.
#[component]
fn PageSkeleton() -> impl IntoView {
    let skeleton_row = || view! { <div class="skeleton-row"><span class="skeleton"></span></div> };
    view! {
        <div class="page page-fill" role="status" aria-label="Loading">
            <h1>{routes::KEYS.label}</h1>
            <div class="tabs"><span class="tab"><span class="skeleton skeleton-tab"></span></span></div>
            <div class="panel">
                <p class="purpose"><span class="skeleton skeleton-line"></span></p>
                <div class="toolbar"><span class="skeleton skeleton-search"></span></div>
                <div class="skeleton-grid">{(0..10).map(|_| skeleton_row()).collect_view()}</div>
            </div>
        </div>
    }
}
