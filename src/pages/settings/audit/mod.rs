//! `/settings/audit`

mod change;
mod day;
mod details;
mod export;
mod filters;
mod query_state;
mod table;

use leptos::prelude::*;

use super::{SettingsPage, loaded_view, log::LoadedPage};
use crate::{
    api::audit::{audit_actors, read_audit_log},
    pages::export_file::Format,
    routes,
};
use details::DetailsDialog;
use export::{ExportDialog, ExportMenu};
use filters::Filters;
use latchkey_types::{
    account::Viewer,
    audit::{AuditActor, AuditEventRow, AuditPage as Page, AuditQuery},
    error::Error,
};
use latchkey_ui::{
    browser, button::Button, dialog::use_dialogs, empty_state::EmptyState, icon::Glyph, message::AlertWithRetry, page::PageLead, toast::use_toasts,
};
use query_state::AuditQueryState;
use table::EventTable;

type FirstPage = OnceResource<Result<(Page, Vec<AuditActor>), Error>>;

/// Audit events, newest first.
#[component]
pub fn AuditPage() -> impl IntoView {
    let query_state = AuditQueryState::from_url();
    provide_context(query_state);
    let query = query_state.get_untracked();
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    provide_context(FirstPage::new(async move { Ok((read_audit_log(query).await?, audit_actors().await?)) }));
    view! { <SettingsPage page=&routes::AUDIT content/> }
}

fn content(_: Viewer) -> AnyView {
    let query_state = expect_context::<AuditQueryState>();
    loaded_view(expect_context::<FirstPage>(), move |(first, actors)| view! { <Log query_state first actors/> })
}

#[component]
fn Log(query_state: AuditQueryState, first: Page, actors: Vec<AuditActor>) -> impl IntoView {
    let toasts = use_toasts();

    // Data
    let list = LoadedPage::new(first);
    let details = use_dialogs::<AuditEventRow>();
    let exports = use_dialogs::<Format>();

    // Actions
    let reload = list.follow(query_state, read_audit_log);
    let export = Callback::new(move |format| exports.open(format));
    let exported = exports.done(move |outcome: Result<bool, Error>| match outcome {
        Ok(true) => toasts.success("Export downloaded".to_owned()),
        Ok(false) => toasts.stopped("Export stopped".to_owned()),
        Err(Error::SignedOut) => browser::go_to_sign_in(),
        Err(error) => toasts.error(error.to_string()),
    });

    // View
    let has_events = Memo::new(move |_| list.page.with(|page| !page.events.is_empty()));
    view! {
        <PageLead text="Every change in your organization: who made it, and when. Entries can’t be edited or deleted." docs="/docs/security"/>
        <div class="log-toolbar">
            <Filters query_state actors page=list.page/>
            <ExportMenu on_export=export/>
        </div>
        {move || list.last_error.get().map(|error| view! {
            <AlertWithRetry message=error.to_string() on_retry=reload pending=list.pending/>
        })}
        <Show when=move || has_events.get() fallback=move || view! { <NoMatch query_state/> }>
            <EventTable page=list.page details/>
        </Show>
        <Pager query_state list/>
        {details.render(move |event| view! { <DetailsDialog event query_state on_dismiss=details.dismiss/> })}
        {exports.render(move |format| view! { <ExportDialog query=query_state.get_untracked() format on_done=exported/> })}
    }
}

/// Opens older and newer pages of the log; empty if there is only one.
#[component]
fn Pager(query_state: AuditQueryState, list: LoadedPage<Page>) -> impl IntoView {
    let next = Memo::new(move |_| list.page.with(|page| page.next));
    let previous = Memo::new(move |_| list.page.with(|page| page.previous));
    let is_first = Signal::derive(move || previous.get().is_none());
    let is_last = Signal::derive(move || next.get().is_none());
    let pending = list.pending;
    view! {
        <Show when=move || !is_first.get() || !is_last.get()>
            <nav class="log-pager" aria-label="Pages of the log">
                <Button label="Newest" disabled=is_first pending on_click=move |()| query_state.turn_to(None, None)/>
                <Button label="Newer" disabled=is_first pending on_click=move |()| query_state.turn_to(None, previous.get_untracked())/>
                <Button label="Older" disabled=is_last pending on_click=move |()| query_state.turn_to(next.get_untracked(), None)/>
            </nav>
        </Show>
    }
}

/// Without matching events. An organization always has one: its creation.
#[component]
fn NoMatch(query_state: AuditQueryState) -> impl IntoView {
    let show_all = move |()| {
        query_state.change(|query| *query = AuditQuery::default());
        browser::focus_search();
    };
    view! {
        <EmptyState glyph=Glyph::Search title="No match" text="No events match your search and filters.">
            <Button label="Show everything" on_click=show_all/>
        </EmptyState>
    }
}
