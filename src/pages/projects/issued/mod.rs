//! `/projects/{id}/keys/issued`: `ISSUED KEYS`.

mod actions;
mod export_format;
mod pager;
mod query_state;
mod sparkline;
mod table;
mod toolbar;

use leptos::{prelude::*, task::spawn_local};

use super::frame::{ISSUED, ProjectPage, use_project_resource};
use crate::{
    api::issued_keys::issued_keys,
    pages::{error_page::LoadFailed, notifications::use_notifications},
};
use latchkey_types::{
    error::Error,
    id::{KeyId, ProjectId},
    issued_key::IssuedPage,
    key_kind::Status,
    project::ProjectRow,
};
use latchkey_ui::{
    browser,
    icon::Glyph,
    message::{AlertWithRetry, EmptyState},
};
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
    view! { <ProjectPage tab=&ISSUED content/> }
}

fn content(project: ProjectRow) -> AnyView {
    let (query_state, first) = (expect_context::<IssuedQueryState>(), expect_context::<FirstPage>());
    let project = project.id;
    view! {
        <Suspense fallback=|| view! { <p class="issued-waiting" role="status">"Loading…"</p> }>
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

/// The current page of the list, and the state of its loading.
#[derive(Clone, Copy)]
struct Listing {
    project: ProjectId,
    query_state: IssuedQueryState,
    page: RwSignal<Option<IssuedPage>>,
    last_error: RwSignal<Option<Error>>,
    pending: RwSignal<bool>,
    /// Number of the latest request: responses to earlier ones are dropped.
    generation: StoredValue<u32>,
}

impl Listing {
    /// Reloads the list; the current rows stay visible until the response arrives.
    fn read(self) {
        self.generation.update_value(|generation| *generation += 1);
        let generation = self.generation.get_value();
        self.pending.set(true);
        let query = self.query_state.now().query(self.project);
        spawn_local(async move {
            let result = issued_keys(query).await;
            if self.generation.try_get_value() != Some(generation) {
                return;
            }
            self.pending.set(false);
            match result {
                Ok(page) => {
                    self.last_error.set(None);
                    self.page.set(Some(page));
                }
                Err(Error::SignedOut) => browser::go_to_sign_in(),
                Err(error) => self.last_error.set(Some(error)),
            }
        });
    }

    /// Shows a revocation before the list is reloaded.
    fn mark_revoked(self, id: KeyId) {
        self.page.update(|page| {
            let mut rows = page.iter_mut().flat_map(|page| &mut page.rows);
            if let Some(row) = rows.find(|row| row.id == id) {
                row.status = Status::Revoked;
            }
        });
    }

    /// The error of a date field.
    fn field_error(self, field: &str) -> Option<String> {
        self.last_error.with(|last_error| {
            let (about, message) = last_error.as_ref()?.field_error()?;
            (about == field).then(|| message.to_owned())
        })
    }
}

#[component]
fn Issued(project: ProjectId, query_state: IssuedQueryState, first: Result<IssuedPage, Error>) -> impl IntoView {
    // Data
    let (page, last_error) = match first {
        Ok(page) => (Some(page), None),
        Err(error) => (None, Some(error)),
    };
    let listing = Listing {
        project,
        query_state,
        page: RwSignal::new(page),
        last_error: RwSignal::new(last_error),
        pending: RwSignal::new(false),
        generation: StoredValue::new(0),
    };
    Effect::new(move |previous: Option<IssuedListQuery>| {
        let query = query_state.get();
        if previous.is_some_and(|previous| previous != query) {
            listing.read();
        }
        query
    });
    use_notifications().on_project(project, move || listing.read());

    // View
    let count = Memo::new(move |_| listing.page.with(|page| page.as_ref().map(|page| page.count)));
    let alert = move || {
        let error = listing.last_error.get().filter(|error| error.field_error().is_none())?;
        Some(view! { <AlertWithRetry message=error.to_string() on_retry=move |()| listing.read() pending=listing.pending/> })
    };
    let list = move || match count.get() {
        None => ().into_any(),
        Some(0) => view! {
            <EmptyState glyph=Glyph::Key title="No keys in this period" text="Approved keys appear here with their usage and cost."/>
        }
        .into_any(),
        Some(_) => view! {
            <IssuedTable listing/>
            <Pager listing/>
        }
        .into_any(),
    };
    view! {
        <Toolbar listing/>
        {alert}
        <div class="issued" aria-busy=move || listing.pending.get().to_string()>{list}</div>
    }
}
