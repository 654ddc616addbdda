//! `/projects/{id}/keys/issued`: `ISSUED KEYS`.

mod actions;
mod file;
mod pager;
mod place;
mod spark;
mod table;
mod toolbar;

use leptos::{prelude::*, task::spawn_local};

use self::{
    pager::Pager,
    place::{IssuedPlace, Wish},
    table::IssuedTable,
    toolbar::Toolbar,
};
use super::frame::{ISSUED, ProjectPage, of_project};
use crate::{
    api::issued::issued_keys,
    model::{
        fault::Fault,
        id::{KeyId, ProjectId},
        issued::IssuedPage,
        policy::Status,
        project::ProjectRow,
    },
    pages::{notices::use_news, refused::Unread},
    ui::{
        browser,
        icon::Glyph,
        message::{AlertWithRetry, Blank},
    },
};

type FirstRead = Resource<Result<IssuedPage, Fault>>;

/// The keys that were issued, how often they were used and what that costs.
#[component]
pub fn IssuedKeysPage() -> impl IntoView {
    let place = IssuedPlace::of_address();
    provide_context(place);
    // Made here: what stands in the page waits, and is made more than once on the server.
    provide_context::<FirstRead>(of_project(move |project| issued_keys(place.now().query(project))));
    view! { <ProjectPage tab=&ISSUED content/> }
}

fn content(project: ProjectRow) -> AnyView {
    let (place, first) = (expect_context::<IssuedPlace>(), expect_context::<FirstRead>());
    let project = project.id;
    view! {
        <Suspense fallback=|| view! { <p class="issued-waiting" role="status">"Counting…"</p> }>
            {move || Suspend::new(async move {
                match first.await {
                    Ok(first) => view! { <Issued project place first=Ok(first)/> }.into_any(),
                    // A period in the address that is none: the fields that say so are there.
                    Err(fault @ Fault::Invalid { .. }) => view! { <Issued project place first=Err(fault)/> }.into_any(),
                    Err(fault) => view! { <Unread fault/> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}

/// The list, and how the reading of it stands.
#[derive(Clone, Copy)]
struct Listing {
    project: ProjectId,
    place: IssuedPlace,
    page: RwSignal<Option<IssuedPage>>,
    trouble: RwSignal<Option<Fault>>,
    pending: RwSignal<bool>,
    /// Counts what was asked for: an answer that comes too late is dropped.
    turn: StoredValue<u32>,
}

impl Listing {
    /// Reads the list anew; what is shown stays meanwhile.
    fn read(self) {
        self.turn.update_value(|turn| *turn += 1);
        let turn = self.turn.get_value();
        self.pending.set(true);
        let query = self.place.now().query(self.project);
        spawn_local(async move {
            let answer = issued_keys(query).await;
            if self.turn.try_get_value() != Some(turn) {
                return;
            }
            self.pending.set(false);
            match answer {
                Ok(page) => {
                    self.trouble.set(None);
                    self.page.set(Some(page));
                }
                Err(Fault::SignedOut) => browser::go_to_sign_in(),
                Err(fault) => self.trouble.set(Some(fault)),
            }
        });
    }

    /// Shows what is known before it is read.
    fn note_revoked(self, id: KeyId) {
        self.page.update(|page| {
            let mut rows = page.iter_mut().flat_map(|page| &mut page.rows);
            if let Some(row) = rows.find(|row| row.id == id) {
                row.status = Status::Revoked;
            }
        });
    }

    /// What is wrong with one of the days.
    fn wrong_with(self, field: &str) -> Option<String> {
        self.trouble.with(|trouble| {
            let (about, message) = trouble.as_ref()?.about_field()?;
            (about == field).then(|| message.to_owned())
        })
    }
}

#[component]
fn Issued(project: ProjectId, place: IssuedPlace, first: Result<IssuedPage, Fault>) -> impl IntoView {
    // Data
    let (page, trouble) = match first {
        Ok(page) => (Some(page), None),
        Err(fault) => (None, Some(fault)),
    };
    let listing = Listing {
        project,
        place,
        page: RwSignal::new(page),
        trouble: RwSignal::new(trouble),
        pending: RwSignal::new(false),
        turn: StoredValue::new(0),
    };
    Effect::new(move |before: Option<Wish>| {
        let wish = place.get();
        if before.is_some_and(|before| before != wish) {
            listing.read();
        }
        wish
    });
    use_news().on_project(project, move || listing.read());

    // View
    let count = Memo::new(move |_| listing.page.with(|page| page.as_ref().map(|page| page.count)));
    let alert = move || {
        let fault = listing.trouble.get().filter(|fault| fault.about_field().is_none())?;
        Some(view! { <AlertWithRetry message=fault.to_string() on_retry=move |()| listing.read() pending=listing.pending/> })
    };
    let list = move || {
        match count.get() {
        None => ().into_any(),
        Some(0) => view! {
            <Blank glyph=Glyph::Key title="No keys in this period" text="Keys appear here as soon as a request for one is approved, with what they were used for and what that costs."/>
        }
        .into_any(),
        Some(_) => view! {
            <IssuedTable listing/>
            <Pager listing/>
        }
        .into_any(),
    }
    };
    view! {
        <Toolbar listing/>
        {alert}
        <div class="issued" aria-busy=move || listing.pending.get().to_string()>{list}</div>
    }
}
