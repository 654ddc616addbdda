//! `/keys/…`: one page for every kind of key.

mod columns;
mod delete;
mod list;
mod name;
mod place;
mod row;
pub mod tabs;
mod toolbar;

use leptos::prelude::*;
use leptos_meta::Title;

use self::{list::KeyList, place::ListPlace, tabs::KeyTab};
use super::{frame::use_viewer, refused::Forbidden};
use crate::{
    api::keys::open_keys,
    ui::tabs::{OPEN_TAB_ID, Tabs},
};

/// The keys of one kind.
#[component]
pub fn KeysPage(
    /// Which kind, and what the page says of it.
    tab: &'static KeyTab,
) -> impl IntoView {
    let viewer = use_viewer();
    if !viewer.may(tab.policy().view) {
        return view! { <Forbidden needs=tab.policy().view/> }.into_any();
    }
    let place = ListPlace::of_address(tab.path);
    // Only the first opening: it is in the server's HTML. From then on the list opens itself.
    let first = OnceResource::new(open_keys(place.query(tab.kind)));

    view! {
        <Title text=format!("{} · API Keys", tab.policy().label)/>
        <div class="page page-fill">
            <h1>"API Keys"</h1>
            <Tabs label="Kinds of keys" tabs=tabs::seen_by(&viewer) open=tab.path/>
            <section class="panel" role="tabpanel" aria-labelledby=OPEN_TAB_ID>
                <p class="purpose">{tab.purpose} " " {tab.expiry_note()}</p>
                <Suspense fallback=ListSkeleton>
                    {Suspend::new(async move {
                        let first = first.await;
                        view! { <KeyList tab place first/> }
                    })}
                </Suspense>
            </section>
        </div>
    }
    .into_any()
}

/// The outline of the list while it is on its way.
#[component]
fn ListSkeleton() -> impl IntoView {
    let line = || view! { <div class="skeleton-row"><span class="skeleton"></span></div> };
    view! {
        <div class="toolbar" aria-hidden="true"><span class="skeleton skeleton-search"></span></div>
        <div class="skeleton-grid" role="status" aria-label="Loading">{(0..10).map(|_| line()).collect_view()}</div>
    }
}
