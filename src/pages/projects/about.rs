//! `/projects/{id}`: `About Project`.

use leptos::prelude::*;

use super::{
    cards::{ApiKeys, TilesRead, first_tiles},
    details::Details,
    frame::{ABOUT, OpenProject, ProjectPage, of_project, use_project},
    members::Members,
    nodes::Nodes,
    secrets::Secrets,
};
use crate::{api::project_resources::project_belongings, pages::error_page::Unread};
use latchkey_types::{
    error::Fault,
    id::ProjectId,
    permission::Permissions,
    project::{Belongings, ManagedBelongings, ProjectRow},
};
use latchkey_ui::{
    message::AlertWithRetry,
    resource::Loaded,
    toast::{Toasts, use_toasts},
};

type BelongingsResource = Resource<Result<Belongings, Fault>>;

/// State shared by the sections of the page.
#[derive(Clone, Copy)]
pub struct Desk {
    pub id: ProjectId,
    pub project: OpenProject,
    pub belongings: Loaded<Belongings>,
    /// Whether the viewer can manage the project.
    pub is_managed: bool,
    toasts: Toasts,
}

// A response may arrive after the page was closed: the layout still shows the toast; the page's own signals are gone.
impl Desk {
    /// Shows a toast and reloads the lists.
    pub fn tell(self, message: String) {
        self.toasts.say(message);
        self.read_again();
    }

    pub fn read_again(self) {
        self.belongings.read_again(move || project_belongings(self.id));
    }

    /// The viewer's permissions in the organization.
    pub fn own(self) -> Permissions {
        self.project.viewer().permissions
    }

    /// Reads the data that only project managers receive; `None` for other viewers.
    pub fn with_managed<T>(self, read: impl FnOnce(&ManagedBelongings) -> T) -> Option<T> {
        self.belongings.with(|belongings| belongings.managed.as_ref().map(read))
    }
}

/// Details, API keys, members, nodes and secrets of a project.
#[component]
pub fn AboutPage() -> impl IntoView {
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    let (read, tiles) = (of_project(project_belongings), first_tiles());
    view! { <ProjectPage tab=&ABOUT content=move |project| content(read, tiles, project)/> }
}

fn content(read: BelongingsResource, tiles: TilesRead, project: ProjectRow) -> AnyView {
    view! {
        <Suspense>
            {move || {
                let project = project.clone();
                Suspend::new(async move {
                    match read.await {
                        Ok(belongings) => view! { <About project belongings tiles/> }.into_any(),
                        Err(fault) => view! { <Unread fault/> }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
    .into_any()
}

#[component]
fn About(project: ProjectRow, belongings: Belongings, tiles: TilesRead) -> impl IntoView {
    let is_managed = project.is_managed();
    let desk = Desk { id: project.id, project: use_project(), belongings: Loaded::new(belongings), is_managed, toasts: use_toasts() };
    let reload = Callback::new(move |()| desk.read_again());
    view! {
        {move || desk.belongings.trouble().get().map(|fault| view! { <AlertWithRetry message=fault.to_string() on_retry=reload/> })}
        <Details desk/>
        <ApiKeys project first=tiles/>
        <Members desk/>
        <Nodes desk/>
        {is_managed.then(|| view! { <Secrets desk/> })}
    }
}
