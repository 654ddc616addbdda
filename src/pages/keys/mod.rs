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
pub(super) mod totals;
mod view_options;

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;

use super::{
    error_page::LoadFailed,
    viewer::{LastVisited, use_viewer},
};
use crate::{
    api::keys::{key_totals, open_keys},
    routes,
};
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
use totals::KeyTotals;

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
    let (totals, read_totals) = (expect_context::<KeyTotals>(), OnceResource::new(key_totals()));
    Effect::new(move || {
        spawn_local(async move {
            // Without an answer, the numbers stay as they are.
            if let Ok(read) = read_totals.await {
                totals.set_all(read);
            }
        });
    });
    let load = async move {
        let viewer = viewer.await?;
        page.access.require(viewer.permissions)?;
        // The first page waits for the numbers: when they appear, the tabs move.
        if !totals.is_known()
            && let Ok(read) = read_totals.await
        {
            totals.set_all(read);
        }
        Ok::<_, Error>(viewer)
    };

    view! {
        <Title text=format!("{} · {}", page.label, routes::KEYS.label)/>
        <Suspense fallback=|| view! { <PageSkeleton heading=routes::KEYS.label/> }>
            {suspend(
                load,
                move |viewer| view! { <Keys kind query_state viewer first last totals/> },
                |error| view! { <LoadFailed error/> },
            )}
        </Suspense>
    }
}

/// Heading, tabs and list. Only the list waits for its rows, so that the tabs can be used meanwhile.
#[component]
fn Keys(kind: Kind, query_state: QueryState, viewer: Viewer, first: FirstOpening, last: LastVisited, totals: KeyTotals) -> impl IntoView {
    let spec = kind.spec();
    let permitted = routes::section(routes::KEYS.path).filter(|page| page.permits(viewer.permissions));
    let tabs = permitted.map(|page| Tab { label: page.label, path: page.path }).collect();
    view! {
        <div class="page page-fill">
            <h1>{routes::KEYS.label}</h1>
            <Tabs label="Kinds of keys" tabs open=routes::page_of(kind).path address=Callback::new(move |page| last.of(page))
                numbers=Callback::new(move |page| totals.text_of(page)) apart=CREDENTIAL_PAGES/>
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
