//! `/projects/{id}/keys/issued`: `ISSUED KEYS`.

mod actions;
mod export_format;
mod pager;
mod query_state;
mod sparkline;
mod table;
mod toolbar;

use leptos::{prelude::*, task::spawn_local};

use super::frame::{ISSUED, ProjectPage, of_project};
use crate::{
    api::issued_keys::issued_keys,
    pages::{error_page::Unread, notifications::use_news},
};
use latchkey_types::{
    error::Fault,
    id::{KeyId, ProjectId},
    issued_key::IssuedPage,
    key_kind::Status,
    project::ProjectRow,
};
use latchkey_ui::{
    browser,
    icon::Glyph,
    message::{AlertWithRetry, Blank},
};
use pager::Pager;
use query_state::{IssuedPlace, Wish};
use table::IssuedTable;
use toolbar::Toolbar;

type FirstPage = Resource<Result<IssuedPage, Fault>>;

/// Issued keys with usage and cost.
#[component]
pub fn IssuedKeysPage() -> impl IntoView {
    let place = IssuedPlace::of_address();
    provide_context(place);
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    provide_context::<FirstPage>(of_project(move |project| issued_keys(place.now().query(project))));
    view! { <ProjectPage tab=&ISSUED content/> }
}

fn content(project: ProjectRow) -> AnyView {
    let (place, first) = (expect_context::<IssuedPlace>(), expect_context::<FirstPage>());
    let project = project.id;
    view! {
        <Suspense fallback=|| view! { <p class="issued-waiting" role="status">"Loading…"</p> }>
            {move || Suspend::new(async move {
                match first.await {
                    Ok(first) => view! { <Issued project place first=Ok(first)/> }.into_any(),
                    // An invalid period in the URL: the toolbar shows the field error.
                    Err(fault @ Fault::Invalid { .. }) => view! { <Issued project place first=Err(fault)/> }.into_any(),
                    Err(fault) => view! { <Unread fault/> }.into_any(),
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
    place: IssuedPlace,
    page: RwSignal<Option<IssuedPage>>,
    last_error: RwSignal<Option<Fault>>,
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
        let query = self.place.now().query(self.project);
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
                Err(Fault::SignedOut) => browser::go_to_sign_in(),
                Err(fault) => self.last_error.set(Some(fault)),
            }
        });
    }

    /// Shows a revocation before the list is reloaded.
    fn note_revoked(self, id: KeyId) {
        self.page.update(|page| {
            let mut rows = page.iter_mut().flat_map(|page| &mut page.rows);
            if let Some(row) = rows.find(|row| row.id == id) {
                row.status = Status::Revoked;
            }
        });
    }

    /// The error of a date field.
    fn wrong_with(self, field: &str) -> Option<String> {
        self.last_error.with(|last_error| {
            let (about, message) = last_error.as_ref()?.about_field()?;
            (about == field).then(|| message.to_owned())
        })
    }
}

#[component]
fn Issued(project: ProjectId, place: IssuedPlace, first: Result<IssuedPage, Fault>) -> impl IntoView {
    // Data
    let (page, last_error) = match first {
        Ok(page) => (Some(page), None),
        Err(fault) => (None, Some(fault)),
    };
    let listing = Listing {
        project,
        place,
        page: RwSignal::new(page),
        last_error: RwSignal::new(last_error),
        pending: RwSignal::new(false),
        generation: StoredValue::new(0),
    };
    Effect::new(move |previous: Option<Wish>| {
        let query = place.get();
        if previous.is_some_and(|previous| previous != query) {
            listing.read();
        }
        query
    });
    use_news().on_project(project, move || listing.read());

    // View
    let count = Memo::new(move |_| listing.page.with(|page| page.as_ref().map(|page| page.count)));
    let alert = move || {
        let fault = listing.last_error.get().filter(|fault| fault.about_field().is_none())?;
        Some(view! { <AlertWithRetry message=fault.to_string() on_retry=move |()| listing.read() pending=listing.pending/> })
    };
    let list = move || match count.get() {
        None => ().into_any(),
        Some(0) => view! {
            <Blank glyph=Glyph::Key title="No keys in this period" text="Approved keys appear here with their usage and cost."/>
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
