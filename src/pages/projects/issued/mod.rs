//! `/projects/{id}/keys/issued`: `ISSUED KEYS`.

mod actions;
mod context;
mod export_format;
mod pager;
mod query_state;
mod table;
mod toolbar;

use leptos::prelude::*;

use super::frame::{ProjectPage, use_project_resource};
use crate::{
    api::issued_keys::issued_keys,
    pages::{error_page::LoadFailed, notifications::use_notifications},
    routes,
};
use context::IssuedContext;
use latchkey_types::{error::Error, id::ProjectId, issued_key::IssuedPage, project::ProjectRow};
use latchkey_ui::{empty_state::EmptyState, icon::Glyph, message::AlertWithRetry, skeleton::TableSkeleton};
use pager::Pager;
use query_state::{IssuedListQuery, IssuedQueryState};
use table::IssuedTable;
use toolbar::Toolbar;

type FirstPage = Resource<Result<IssuedPage, Error>>;

/// Issued keys with usage and cost.
#[component]
pub fn IssuedKeysPage() -> impl IntoView {
    let query_state = IssuedQueryState::from_url();
    provide_context(query_state);
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    provide_context::<FirstPage>(use_project_resource(move |project| issued_keys(query_state.now().query(project))));
    view! { <ProjectPage page=&routes::ISSUED_KEYS content/> }
}

fn content(project: ProjectRow) -> AnyView {
    let (query_state, first) = (expect_context::<IssuedQueryState>(), expect_context::<FirstPage>());
    let project = project.id;
    view! {
        <Suspense fallback=TableSkeleton>
            {move || Suspend::new(async move {
                match first.await {
                    Ok(first) => view! { <Issued project query_state first=Ok(first)/> }.into_any(),
                    // An invalid period in the URL: the toolbar shows the field error.
                    Err(error @ Error::Invalid { .. }) => view! { <Issued project query_state first=Err(error)/> }.into_any(),
                    Err(error) => view! { <LoadFailed error/> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}

#[component]
fn Issued(project: ProjectId, query_state: IssuedQueryState, first: Result<IssuedPage, Error>) -> impl IntoView {
    // Data
    let context = IssuedContext::new(project, query_state, first);
    Effect::new(move |previous: Option<IssuedListQuery>| {
        let query = query_state.get();
        if previous.is_some_and(|previous| previous != query) {
            context.read();
        }
        query
    });
    use_notifications().on_project(project, move || context.read());

    // View
    let count = Memo::new(move |_| context.page.with(|page| page.as_ref().map(|page| page.count)));
    let alert = move || {
        let error = context.last_error.get().filter(|error| error.field_error().is_none())?;
        Some(view! { <AlertWithRetry message=error.to_string() on_retry=move |()| context.read() pending=context.pending/> })
    };
    let is_searching = Memo::new(move |_| !query_state.get().search.is_empty());
    let list = move || match count.get() {
        None => ().into_any(),
        Some(0) if is_searching.get() => {
            let text = "No key or user has a name like this. Try another search or period.";
            view! { <EmptyState glyph=Glyph::Search title="No matching keys" text/> }.into_any()
        }
        Some(0) => view! {
            <EmptyState glyph=Glyph::Key title="No keys in this period" text="Approved keys appear here with their usage and cost."/>
        }
        .into_any(),
        Some(_) => view! {
            <IssuedTable context/>
            <Pager context/>
        }
        .into_any(),
    };
    view! {
        <Toolbar context/>
        {alert}
        <div class="issued" aria-busy=move || context.pending.get().to_string()>{list}</div>
    }
}
