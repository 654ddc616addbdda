//! `/settings/audit`

mod place;
mod table;

use leptos::{prelude::*, task::spawn_local};

use self::{place::AuditPlace, table::EventTable};
use super::{AUDIT, SettingsPage, when_read};
use crate::{
    api::audit::read_audit_log,
    model::{
        account::Viewer,
        audit::{AuditEventRow, AuditPage as Page, AuditQuery, Period},
        fault::Fault,
    },
    ui::{
        browser,
        button::Button,
        icon::Glyph,
        message::{AlertWithRetry, Blank},
        search::SearchField,
        select::{Select, choices},
    },
};

type FirstRead = OnceResource<Result<Page, Fault>>;

/// What was done, by whom, from where.
#[component]
pub fn AuditPage() -> impl IntoView {
    let place = AuditPlace::of_address();
    provide_context(place);
    // Made here: what stands in the page waits, and is made more than once on the server.
    provide_context(FirstRead::new(read_audit_log(place.query())));
    view! { <SettingsPage tab=&AUDIT content/> }
}

fn content(_: Viewer) -> AnyView {
    let place = expect_context::<AuditPlace>();
    when_read(expect_context::<FirstRead>(), move |first| view! { <Log place first/> }.into_any())
}

/// The rows that were read so far, and how the reading stands.
#[derive(Clone, Copy)]
struct Reading {
    events: RwSignal<Vec<AuditEventRow>>,
    next: RwSignal<Option<i64>>,
    trouble: RwSignal<Option<Fault>>,
    pending: RwSignal<bool>,
    /// Counts what was asked for: an answer that comes too late is dropped.
    turn: StoredValue<u32>,
}

impl Reading {
    fn new(first: Page) -> Self {
        Self {
            events: RwSignal::new(first.events),
            next: RwSignal::new(first.next),
            trouble: RwSignal::new(None),
            pending: RwSignal::new(false),
            turn: StoredValue::new(0),
        }
    }

    /// Reads rows: more of the same, or others in their place.
    fn read(self, query: AuditQuery) {
        let more = query.before.is_some();
        self.turn.update_value(|turn| *turn += 1);
        let turn = self.turn.get_value();
        self.pending.set(true);
        spawn_local(async move {
            let answer = read_audit_log(query).await;
            if self.turn.try_get_value() != Some(turn) {
                return;
            }
            self.pending.set(false);
            match answer {
                Ok(page) => {
                    self.trouble.set(None);
                    self.next.set(page.next);
                    self.events.update(|events| if more { events.extend(page.events) } else { *events = page.events });
                }
                Err(Fault::SignedOut) => browser::go_to_sign_in(),
                Err(fault) => self.trouble.set(Some(fault)),
            }
        });
    }
}

#[component]
fn Log(place: AuditPlace, first: Page) -> impl IntoView {
    // Data
    let reading = Reading::new(first);
    Effect::new(move |before: Option<(String, Period)>| {
        let wish = place.get();
        if before.is_some_and(|before| before != wish) {
            reading.read(place.query());
        }
        wish
    });

    // Actions
    let more = Callback::new(move |()| reading.read(AuditQuery { before: reading.next.get_untracked(), ..place.query() }));
    let again = Callback::new(move |()| reading.read(place.query()));

    // View
    let periods = choices(&Period::ALL.iter().map(|period| (period.word(), period.label())).collect::<Vec<_>>());
    let any = Memo::new(move |_| reading.events.with(|events| !events.is_empty()));
    view! {
        <div class="toolbar">
            <SearchField placeholder="Search by person, action, name, id or address" search=Signal::derive(move || place.get().0)
                on_search=move |search| place.search(search)/>
            <Select label="Period" options=periods value=Signal::derive(move || place.get().1.word().to_owned())
                on_change=move |word: String| place.period(word.parse().unwrap_or_default())/>
        </div>
        {move || reading.trouble.get().map(|fault| view! {
            <AlertWithRetry message=fault.to_string() on_retry=again pending=reading.pending/>
        })}
        <Show when=move || any.get() fallback=move || view! { <Nothing place/> }>
            <EventTable events=reading.events/>
        </Show>
        <Show when=move || reading.next.get().is_some()>
            <p class="more"><Button label="Load more" on_click=more pending=reading.pending/></p>
        </Show>
    }
}

/// No row is like this. An organization without any row can't be: its making is one.
#[component]
fn Nothing(place: AuditPlace) -> impl IntoView {
    view! {
        <Blank glyph=Glyph::Search title="No match" text="Nothing in this period is about what you search for.">
            <Button label="Show everything" on_click=move |()| place.clear()/>
        </Blank>
    }
}
