//! `/projects/{id}`: `About Project`.

use leptos::prelude::*;

use super::{
    cards::{ApiKeys, TilesResource, first_tiles},
    details::Details,
    frame::{ABOUT, OpenProject, ProjectPage, use_project, use_project_resource},
    members::Members,
    nodes::Nodes,
    secrets::Secrets,
};
use crate::{api::project_resources::list_project_resources, pages::error_page::LoadFailed};
use latchkey_types::{
    error::Error,
    id::ProjectId,
    permission::Permissions,
    project::{ManagedResources, ProjectResources, ProjectRow},
};
use latchkey_ui::{
    message::AlertWithRetry,
    resource::Refetchable,
    toast::{Toasts, use_toasts},
};

type BelongingsResource = Resource<Result<ProjectResources, Error>>;

/// State shared by the sections of the page.
#[derive(Clone, Copy)]
pub struct AboutContext {
    pub id: ProjectId,
    pub project: OpenProject,
    pub belongings: Refetchable<ProjectResources>,
    /// Whether the viewer can manage the project.
    pub is_managed: bool,
    toasts: Toasts,
}

// A response may arrive after the page was closed: the layout still shows the toast; the page's own signals are gone.
impl AboutContext {
    /// Shows a toast and reloads the lists.
    pub fn notify(self, message: String) {
        self.toasts.success(message);
        self.refetch();
    }

    pub fn refetch(self) {
        self.belongings.refetch(move || list_project_resources(self.id));
    }

    /// The viewer's permissions in the organization.
    pub fn viewer_permissions(self) -> Permissions {
        self.project.viewer().permissions
    }

    /// Reads the data that only project managers receive; `None` for other viewers.
    pub fn with_managed<T>(self, read: impl FnOnce(&ManagedResources) -> T) -> Option<T> {
        self.belongings.with(|belongings| belongings.managed.as_ref().map(read))
    }
}

/// Details, API keys, members, nodes and secrets of a project.
#[component]
pub fn AboutPage() -> impl IntoView {
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    let (read, tiles) = (use_project_resource(list_project_resources), first_tiles());
    view! { <ProjectPage tab=&ABOUT content=move |project| content(read, tiles, project)/> }
}

fn content(read: BelongingsResource, tiles: TilesResource, project: ProjectRow) -> AnyView {
    view! {
        <Suspense>
            {move || {
                let project = project.clone();
                Suspend::new(async move {
                    match read.await {
                        Ok(belongings) => view! { <About project belongings tiles/> }.into_any(),
                        Err(error) => view! { <LoadFailed error/> }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
    .into_any()
}

#[component]
fn About(project: ProjectRow, belongings: ProjectResources, tiles: TilesResource) -> impl IntoView {
    let is_managed = project.is_managed();
    let context = AboutContext { id: project.id, project: use_project(), belongings: Refetchable::new(belongings), is_managed, toasts: use_toasts() };
    let reload = Callback::new(move |()| context.refetch());
    view! {
        {move || context.belongings.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=reload/> })}
        <Details context/>
        <ApiKeys project first=tiles/>
        <Members context/>
        <Nodes context/>
        {is_managed.then(|| view! { <Secrets context/> })}
    }
}
