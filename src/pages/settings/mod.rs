//! `/settings/…`: settings of the organization.

pub mod audit;
pub mod calls;
mod card_search;
pub mod corpora;
pub mod instances;
mod key_field;
mod log;
pub mod members;
pub mod organization;
pub mod providers;
pub mod roles;
pub mod services;

use leptos::prelude::*;
use leptos_meta::Title;

use super::{error_page::LoadFailed, viewer::use_viewer};
use crate::routes::{self, Page};
use latchkey_types::{account::Viewer, error::Error};
use latchkey_ui::{
    browser,
    message::AlertWithRetry,
    skeleton::{PageSkeleton, TableSkeleton},
    suspend::suspend,
    tabs::{OPEN_TAB_ID, Tab, Tabs},
};

/// Heading, tabs and content of a settings page; an error page for viewers without the permission.
///
/// Create resources outside of `content`: it is rendered inside a `Suspense`, where the server may create them twice.
#[component]
pub fn SettingsPage<Content: Fn(Viewer) -> AnyView + Clone + Send + Sync + 'static>(
    page: &'static Page,
    /// Renders the page for a viewer with the permission.
    content: Content,
) -> impl IntoView {
    let viewer = use_viewer();
    view! {
        <Title text=format!("{} · {}", page.label, routes::SETTINGS.label)/>
        <Suspense fallback=|| view! { <PageSkeleton heading=routes::SETTINGS.label/> }>
            {move || {
                let content = content.clone();
                suspend(
                    async move { viewer.await.and_then(|viewer| page.access.require(viewer.permissions).map(|()| viewer)) },
                    move |viewer| view! { <Settings page viewer=viewer.clone() content=content(viewer)/> },
                    |error| view! { <LoadFailed error/> },
                )
            }}
        </Suspense>
    }
}

#[component]
fn Settings(page: &'static Page, viewer: Viewer, content: AnyView) -> impl IntoView {
    let permitted = routes::section(routes::SETTINGS.path).filter(|page| page.permits(viewer.permissions));
    let tabs = permitted.map(|page| Tab { label: page.label, path: page.path }).collect();
    view! {
        <div class="page page-settings">
            <h1>{routes::SETTINGS.label}</h1>
            <Tabs label=routes::SETTINGS.label tabs open=page.path/>
            <section class="panel" role="tabpanel" aria-labelledby=OPEN_TAB_ID>{content}</section>
        </div>
    }
}

/// Renders loaded data with `show`, or the load error with a retry button.
fn loaded_view<T, V>(resource: OnceResource<Result<T, Error>>, show: impl FnOnce(T) -> V + Send + 'static) -> AnyView
where
    T: Clone + Send + Sync + 'static,
    V: IntoView + 'static,
{
    view! {
        <Suspense fallback=TableSkeleton>
            {suspend(resource, show, |error| match error {
                Error::SignedOut => view! { <LoadFailed error/> }.into_any(),
                error => view! { <AlertWithRetry message=error.to_string() on_retry=|()| browser::go(&browser::path_and_query())/> }.into_any(),
            })}
        </Suspense>
    }
    .into_any()
}
