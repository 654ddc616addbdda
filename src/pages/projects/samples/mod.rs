//! `/projects/{id}/samples`: `Samples`.

mod context;
mod dialogs;
mod import;
mod import_card;
mod query_state;
mod table;
mod toolbar;
pub mod uploads;

use std::time::Duration;

use leptos::prelude::*;

use super::{
    frame::{ProjectPage, use_project_resource},
    live_updates::on_window_focus,
};
use crate::{api::samples::list_samples, pages::error_page::LoadFailed, routes};
use context::{OpenDialog, SamplesContext};
use dialogs::dialog;
use import_card::ImportCard;
use latchkey_types::{
    error::Error,
    project::ProjectRow,
    sample::{ImportState, SampleList},
};
use latchkey_ui::{
    button::{Button, ButtonVariant},
    empty_state::EmptyState,
    icon::Glyph,
    message::AlertWithRetry,
    number::format_bytes,
    rows::ForRows,
    skeleton::TableSkeleton,
    suspend::suspend,
};
use query_state::SampleSearch;
use table::{Pager, SampleTable};
use toolbar::Toolbar;

/// Pause between reloads of the list while an import is running.
const POLL_INTERVAL: Duration = Duration::from_millis(1500);

type FirstList = Resource<Result<SampleList, Error>>;

/// The samples of a project, and its imports.
#[component]
pub fn SamplesPage() -> impl IntoView {
    let search = SampleSearch::from_url();
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    let first: FirstList = use_project_resource(move |project| list_samples(project, search.now(), None));
    view! { <ProjectPage page=&routes::SAMPLES content=move |project| content(search, first, project)/> }
}

fn content(search: SampleSearch, first: FirstList, project: ProjectRow) -> AnyView {
    view! {
        <Suspense fallback=TableSkeleton>
            {move || {
                let project = project.clone();
                suspend(first, move |first| view! { <Samples project search first/> }, |error| view! { <LoadFailed error/> })
            }}
        </Suspense>
    }
    .into_any()
}

#[component]
fn Samples(project: ProjectRow, search: SampleSearch, first: SampleList) -> impl IntoView {
    // Data
    let context = SamplesContext::new(&project, search, first);
    let reload = Callback::new(move |()| context.reload());
    Effect::new(move |before: Option<String>| {
        let search = search.get();
        if before.is_some_and(|before| before != search) {
            context.restart();
        }
        search
    });
    poll_while_importing(context);
    // A key may have been created in another tab.
    on_window_focus(move || context.reload());

    // View
    let is_blank = Memo::new(move |_| context.list.with(|list| list.total == 0 && list.imports.is_empty()) && search.get().is_empty());
    view! {
        {move || context.list.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=reload/> })}
        <Show when=move || !is_blank.get() fallback=move || view! { <NoSamples context/> }>
            <Toolbar context/>
            <Imports context/>
            <SampleTable context/>
            <Pager context/>
            <StorageUse context/>
        </Show>
        {context.dialogs.render(move |open| dialog(context, open))}
    }
}

/// Reloads the list periodically while an import is running, and opens the previous page if the current one has become empty.
fn poll_while_importing(context: SamplesContext) {
    Effect::new(move || {
        let (is_running, is_past_end) = context.list.with(|list| {
            let is_running = list.imports.iter().any(|import| import.state == ImportState::Running);
            (is_running, list.samples.is_empty() && list.total > 0)
        });
        if is_past_end && untrack(|| context.page()) > 1 {
            context.go_to_previous_page();
        } else if is_running && let Ok(timer) = set_timeout_with_handle(move || context.reload(), POLL_INTERVAL) {
            on_cleanup(move || timer.clear());
        }
    });
}

#[component]
fn NoSamples(context: SamplesContext) -> impl IntoView {
    if context.is_managed {
        let text = "Import files from your disk, from Amazon S3 or from DNAnexus.";
        view! {
            <EmptyState glyph=Glyph::Documents title="No samples yet" text>
                <Button label="Import Samples" variant=ButtonVariant::Primary on_click=context.dialogs.opener(OpenDialog::Import)/>
            </EmptyState>
        }
        .into_any()
    } else {
        let text = "Samples that a manager of the project imports appear here.";
        view! { <EmptyState glyph=Glyph::Documents title="No samples yet" text/> }.into_any()
    }
}

/// The running imports, and those with failed files.
#[component]
fn Imports(context: SamplesContext) -> impl IntoView {
    let rows = context.list.rows(|list| &list.imports, |import| import.id);
    view! {
        <Show when=move || !rows.is_empty()>
            <section class="imports" aria-label="Imports">
                <ForRows rows let(import)><ImportCard context import/></ForRows>
            </section>
        </Show>
    }
}

/// The used part of the quota.
#[component]
fn StorageUse(context: SamplesContext) -> impl IntoView {
    let text = move || {
        context.list.with(|list| {
            let used = format_bytes(list.used);
            if list.quota > 0 { format!("{used} of {}", format_bytes(list.quota)) } else { used }
        })
    };
    view! { <p class="samples-storage">"Samples of all projects use " {text} "."</p> }
}
