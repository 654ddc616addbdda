//! `/settings/calls`

mod bodies;
mod details;
mod filters;
mod query_state;
mod table;
mod text;

use leptos::prelude::*;

use super::{SettingsPage, loaded_view, log::LoadedPage};
use crate::{
    api::calls::{CallChoices, call_choices, list_calls},
    code_samples::server_url,
    routes,
};
use bodies::BodiesDialog;
use details::DetailsDialog;
use filters::Filters;
use latchkey_types::{
    account::Viewer,
    error::Error,
    id::RequestId,
    model_call::{CallEvent, CallPage},
    permission::Permission,
};
use latchkey_ui::{
    button::{Button, IconButton},
    dialog::use_dialogs,
    empty_state::EmptyState,
    icon::{Glyph, Icon},
    message::AlertWithRetry,
    number::pluralize,
    page::PageLead,
};
use query_state::{CallQuery, CallQueryState};
use table::CallTable;

type FirstPage = OnceResource<Result<(CallPage, CallChoices), Error>>;

/// Calls of language models, newest first.
#[component]
pub fn CallsPage() -> impl IntoView {
    let query_state = CallQueryState::from_url();
    provide_context(query_state);
    let query = query_state.get_untracked();
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    provide_context(FirstPage::new(async move { Ok((read(query).await?, call_choices().await?)) }));
    view! { <SettingsPage page=&routes::CALLS content/> }
}

fn content(viewer: Viewer) -> AnyView {
    let query_state = expect_context::<CallQueryState>();
    let can_read_bodies = viewer.can(Permission::ReadCallBodies);
    loaded_view(expect_context::<FirstPage>(), move |(first, choices)| view! { <Log query_state first choices can_read_bodies/> })
}

async fn read(query: CallQuery) -> Result<CallPage, Error> {
    list_calls(query.filter(), query.period, query.cursor()).await
}

#[component]
fn Log(
    query_state: CallQueryState,
    first: CallPage,
    choices: CallChoices,
    /// Whether the viewer may read the logged bodies of calls.
    can_read_bodies: bool,
) -> impl IntoView {
    // Data
    let list = LoadedPage::new(first);
    let details = use_dialogs::<CallEvent>();
    let bodies = use_dialogs::<RequestId>();
    let members = StoredValue::new(choices.members.clone());

    // Actions
    let reload = list.follow(query_state, read);

    // View
    let has_calls = Memo::new(move |_| list.page.with(|page| !page.items.is_empty()));
    let dropped = Memo::new(move |_| list.page.with(|page| i64::try_from(page.dropped).unwrap_or(i64::MAX)));
    view! {
        <PageLead text="Every call to a language model, with prompts and answers only for keys that log them. The organization’s settings say how long calls are kept." docs="/docs/models"/>
        <div class="log-toolbar">
            <Filters query_state choices_of_log=choices page=list.page/>
            <IconButton label="Reload" glyph=Glyph::Reload on_click=move |_| reload.run(()) pending=list.pending/>
        </div>
        {move || list.last_error.get().map(|error| view! {
            <AlertWithRetry message=error.to_string() on_retry=reload pending=list.pending/>
        })}
        {move || Some(dropped.get()).filter(|dropped| *dropped > 0).map(|dropped| view! {
            <p class="caution">
                <Icon glyph=Glyph::Warning/>
                <span>{pluralize(dropped, "call is", "calls are")} " missing from the logs of this server since it started, because too many came at the same time. Usage and budgets include them."</span>
            </p>
        })}
        <Show when=move || has_calls.get() fallback=move || view! { <NoCalls query_state list/> }>
            <CallTable page=list.page details bodies=can_read_bodies.then_some(bodies)/>
        </Show>
        <Pager query_state list/>
        {details.render(move |call| view! { <DetailsDialog call members=members.get_value() query_state on_dismiss=details.dismiss/> })}
        {bodies.render(move |call| view! { <BodiesDialog call on_dismiss=bodies.dismiss/> })}
    }
}

/// Opens older and the newest pages of the log; empty if there is only one.
#[component]
fn Pager(query_state: CallQueryState, list: LoadedPage<CallPage>) -> impl IntoView {
    let next = Memo::new(move |_| list.page.with(|page| page.next_cursor.clone()));
    let is_first = Memo::new(move |_| query_state.get().cursor.is_empty());
    let is_last = Memo::new(move |_| next.with(Option::is_none));
    let pending = list.pending;
    view! {
        <Show when=move || !is_first.get() || !is_last.get()>
            <nav class="log-pager" aria-label="Pages of the log">
                <Button label="Newest" disabled=is_first pending on_click=move |()| query_state.turn_to(String::new())/>
                <Button label="Older" disabled=is_last pending on_click=move |()| query_state.turn_to(next.get_untracked().unwrap_or_default())/>
            </nav>
        </Show>
    }
}

/// What the page shows instead of the table.
#[component]
fn NoCalls(query_state: CallQueryState, list: LoadedPage<CallPage>) -> impl IntoView {
    let show_all = move |()| query_state.change(|query| *query = CallQuery::default());
    let has_older = Memo::new(move |_| list.page.with(|page| page.next_cursor.is_some()));
    let is_empty = Memo::new(move |_| query_state.get().is_default() && !has_older.get());
    let url = server_url();
    move || {
        if is_empty.get() {
            let code = move || format!("curl {}/v1/models \\\n  -H \"Authorization: Bearer lka_…\"", url.get());
            let sample = view! { <pre class="empty-state-code"><code>{code}</code></pre> }.into_any();
            view! {
                <EmptyState glyph=Glyph::Documents title="No calls yet" text="Calls appear here as soon as an agent or client key calls a model."
                    sample=Some(sample)/>
            }
            .into_any()
        } else {
            let text = if has_older.get() { "No calls on this page match. Older ones may." } else { "No calls match your filters." };
            view! {
                <EmptyState glyph=Glyph::Search title="No match" text>
                    <Button label="Show everything" on_click=show_all/>
                </EmptyState>
            }
            .into_any()
        }
    }
}
