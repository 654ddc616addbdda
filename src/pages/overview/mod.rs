//! `/overview`

mod checklist;
mod chooser;
mod figures;

use leptos::prelude::*;
use leptos_meta::Title;

use super::{error_page::LoadFailed, viewer::use_viewer};
use crate::{api::overview::overview, routes};
use checklist::Checklist;
use chooser::Chooser;
use figures::{Attention, Figures};
use latchkey_types::{account::Viewer, overview::Overview};
use latchkey_ui::{skeleton::PageSkeleton, suspend::suspend};

/// What the viewer needs first: the first steps, what needs attention, and how many keys there are.
#[component]
pub fn OverviewPage() -> impl IntoView {
    let viewer = use_viewer();
    let data = OnceResource::new(async {
        // Part of the resource, so that the server and the browser render the same.
        let is_dismissed = checklist::is_dismissed();
        overview().await.map(|overview| (overview, is_dismissed))
    });
    view! {
        <Title text=routes::OVERVIEW.label/>
        <Suspense fallback=|| view! { <PageSkeleton heading=routes::OVERVIEW.label/> }>
            {suspend(
                async move { Ok((viewer.await?, data.await?)) },
                |(viewer, (overview, is_dismissed))| view! { <Content viewer overview is_dismissed/> },
                |error| view! { <LoadFailed error/> },
            )}
        </Suspense>
    }
}

#[component]
fn Content(
    viewer: Viewer,
    overview: Overview,
    /// Whether the user has hidden the checklist in this browser.
    is_dismissed: bool,
) -> impl IntoView {
    let permissions = viewer.permissions;
    // A checklist that is complete already is of no use, but one that has just been completed says so.
    let has_checklist = RwSignal::new(!is_dismissed && checklist::is_incomplete(permissions, &overview));
    let has_keys = !overview.has_no_keys();
    let data = RwSignal::new(overview);
    view! {
        <div class="page overview">
            <h1>{routes::OVERVIEW.label}</h1>
            {move || has_checklist.get().then(|| view! { <Checklist permissions data is_shown=has_checklist/> })}
            <Attention data/>
            {has_keys.then(|| view! { <Figures data/> })}
            <Chooser permissions/>
        </div>
    }
}
