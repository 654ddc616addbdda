//! `/projects/{id}`: `About Project`.

use leptos::prelude::*;

use super::{
    about_context::AboutContext,
    cards::{ApiKeys, TilesResource, first_tiles},
    danger_zone::DangerZone,
    details::Details,
    frame::{ProjectPage, use_project_resource},
    members::Members,
    nodes::Nodes,
    secrets::Secrets,
    unsaved_edits::UnsavedEditsGuard,
};
use crate::{api::project_resources::list_project_resources, pages::error_page::LoadFailed, routes};
use latchkey_types::{
    error::Error,
    project::{ProjectResources, ProjectRow},
};
use latchkey_ui::{inline_edit::UnsavedEdits, message::AlertWithRetry, skeleton::TableSkeleton, suspend::suspend};

type BelongingsResource = Resource<Result<ProjectResources, Error>>;

/// API keys, details, members, nodes and secrets of a project.
#[component]
pub fn AboutPage() -> impl IntoView {
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    let (read, tiles) = (use_project_resource(list_project_resources), first_tiles());
    view! { <ProjectPage page=&routes::PROJECT content=move |project| content(read, tiles, project)/> }
}

fn content(read: BelongingsResource, tiles: TilesResource, project: ProjectRow) -> AnyView {
    view! {
        <Suspense fallback=TableSkeleton>
            {move || {
                let project = project.clone();
                suspend(read, move |belongings| view! { <About project belongings tiles/> }, |error| view! { <LoadFailed error/> })
            }}
        </Suspense>
    }
    .into_any()
}

#[component]
fn About(project: ProjectRow, belongings: ProjectResources, tiles: TilesResource) -> impl IntoView {
    let context = AboutContext::new(&project, belongings);
    let reload = Callback::new(move |()| context.refetch());
    let unsaved = UnsavedEdits::provide();
    view! {
        {move || context.belongings.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=reload/> })}
        <ApiKeys project first=tiles/>
        <Details context/>
        <Members context/>
        <Nodes context/>
        {context.is_managed.then(|| view! { <Secrets context/> <DangerZone context/> })}
        <UnsavedEditsGuard unsaved/>
    }
}
