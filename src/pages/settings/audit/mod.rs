//! `/settings/audit`

mod query_state;
mod table;

use leptos::{prelude::*, task::spawn_local};

use super::{SettingsPage, loaded_view};
use crate::api::audit::read_audit_log;
use crate::routes;
use latchkey_types::{
    account::Viewer,
    audit::{AuditEventRow, AuditPage as Page, AuditPeriod, AuditQuery},
    error::Error,
};
use latchkey_ui::{
    browser,
    button::Button,
    icon::Glyph,
    message::{AlertWithRetry, EmptyState},
    search::SearchField,
    select::{Select, choices},
};
use query_state::AuditQueryState;
use table::EventTable;

type FirstPage = OnceResource<Result<Page, Error>>;

/// Audit events, newest first.
#[component]
pub fn AuditPage() -> impl IntoView {
    let query_state = AuditQueryState::from_url();
    provide_context(query_state);
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    provide_context(FirstPage::new(read_audit_log(query_state.query())));
    view! { <SettingsPage page=&routes::AUDIT content/> }
}

fn content(_: Viewer) -> AnyView {
    let query_state = expect_context::<AuditQueryState>();
    loaded_view(expect_context::<FirstPage>(), move |first| view! { <Log query_state first/> })
}

/// The loaded events, and the state of loading.
#[derive(Clone, Copy)]
struct EventList {
    events: RwSignal<Vec<AuditEventRow>>,
    next: RwSignal<Option<i64>>,
    last_error: RwSignal<Option<Error>>,
    pending: RwSignal<bool>,
    /// Number of the latest request: responses to earlier ones are dropped.
    generation: StoredValue<u32>,
}

impl EventList {
    fn new(first: Page) -> Self {
        Self {
            events: RwSignal::new(first.events),
            next: RwSignal::new(first.next),
            last_error: RwSignal::new(None),
            pending: RwSignal::new(false),
            generation: StoredValue::new(0),
        }
    }

    /// Loads events: appends a further page, or replaces the list.
    fn load(self, query: AuditQuery) {
        let append = query.before.is_some();
        self.generation.update_value(|generation| *generation += 1);
        let generation = self.generation.get_value();
        self.pending.set(true);
        spawn_local(async move {
            let result = read_audit_log(query).await;
            if self.generation.try_get_value() != Some(generation) {
                return;
            }
            self.pending.set(false);
            match result {
                Ok(page) => {
                    self.last_error.set(None);
                    self.next.set(page.next);
                    self.events.update(|events| if append { events.extend(page.events) } else { *events = page.events });
                }
                Err(Error::SignedOut) => browser::go_to_sign_in(),
                Err(error) => self.last_error.set(Some(error)),
            }
        });
    }
}

#[component]
fn Log(query_state: AuditQueryState, first: Page) -> impl IntoView {
    // Data
    let list = EventList::new(first);
    Effect::new(move |previous: Option<(String, AuditPeriod)>| {
        let filter = query_state.get();
        if previous.is_some_and(|previous| previous != filter) {
            list.load(query_state.query());
        }
        filter
    });

    // Actions
    let load_more = Callback::new(move |()| list.load(AuditQuery { before: list.next.get_untracked(), ..query_state.query() }));
    let reload = Callback::new(move |()| list.load(query_state.query()));

    // View
    let periods = choices(&AuditPeriod::ALL.iter().map(|period| (period.as_str(), period.label())).collect::<Vec<_>>());
    let has_events = Memo::new(move |_| list.events.with(|events| !events.is_empty()));
    view! {
        <div class="toolbar">
            <SearchField placeholder="Search events" search=Signal::derive(move || query_state.get().0)
                on_search=move |search| query_state.search(search)/>
            <Select label="Period" options=periods value=Signal::derive(move || query_state.get().1.as_str().to_owned())
                on_change=move |value: String| query_state.period(value.parse().unwrap_or_default())/>
        </div>
        {move || list.last_error.get().map(|error| view! {
            <AlertWithRetry message=error.to_string() on_retry=reload pending=list.pending/>
        })}
        <Show when=move || has_events.get() fallback=move || view! { <NoMatch query_state/> }>
            <EventTable events=list.events/>
        </Show>
        <Show when=move || list.next.get().is_some()>
            <p class="more"><Button label="Load more" on_click=load_more pending=list.pending/></p>
        </Show>
    }
}

/// Without matching events. An organization always has one: its creation.
#[component]
fn NoMatch(query_state: AuditQueryState) -> impl IntoView {
    view! {
        <EmptyState glyph=Glyph::Search title="No match" text="No events match your search in this period.">
            <Button label="Show everything" on_click=move |()| query_state.clear()/>
        </EmptyState>
    }
}
