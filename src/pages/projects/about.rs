//! `/projects/{id}`: `About Project`.

use leptos::prelude::*;

use super::{
    details::Details,
    frame::{ABOUT, OpenProject, ProjectPage, of_project, use_project},
    members::Members,
    nodes::Nodes,
    secrets::Secrets,
    tiles::{ApiKeys, TilesRead, first_tiles},
};
use crate::{
    api::belongings::project_belongings,
    model::{
        fault::Fault,
        id::ProjectId,
        permission::Permissions,
        project::{Belongings, ManagedBelongings, ProjectRow},
    },
    pages::refused::Unread,
    ui::{
        loaded::Loaded,
        message::AlertWithRetry,
        toast::{Toasts, use_toasts},
    },
};

type BelongingsRead = Resource<Result<Belongings, Fault>>;

/// What the sections of this page share.
#[derive(Clone, Copy)]
pub struct Desk {
    /// The project.
    pub id: ProjectId,
    /// The project as it stands.
    pub project: OpenProject,
    /// Who and what belongs to it.
    pub belongings: Loaded<Belongings>,
    /// Whether the reader manages it.
    pub is_managed: bool,
    toasts: Toasts,
}

// An answer may come when the page was left already: the frame still says what was done, the page's own part is dropped.
impl Desk {
    /// Says what was done, and reads the lists anew.
    pub fn tell(self, words: String) {
        self.toasts.say(words);
        self.read_again();
    }

    /// Reads the lists anew.
    pub fn read_again(self) {
        self.belongings.read_again(move || project_belongings(self.id));
    }

    /// What the reader may do in the organization.
    pub fn own(self) -> Permissions {
        self.project.viewer().permissions
    }

    /// Looks at what those see alone who manage it.
    pub fn with_managed<T>(self, look: impl FnOnce(&ManagedBelongings) -> T) -> Option<T> {
        self.belongings.with(|belongings| belongings.managed.as_ref().map(look))
    }
}

/// What the project is, and who and what belongs to it.
#[component]
pub fn AboutPage() -> impl IntoView {
    // Made here: what stands in the page waits, and is made more than once on the server.
    let (read, tiles) = (of_project(project_belongings), first_tiles());
    view! { <ProjectPage tab=&ABOUT content=move |project| content(read, tiles, project)/> }
}

fn content(read: BelongingsRead, tiles: TilesRead, project: ProjectRow) -> AnyView {
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
    let read_again = Callback::new(move |()| desk.read_again());
    view! {
        {move || desk.belongings.trouble().get().map(|fault| view! { <AlertWithRetry message=fault.to_string() on_retry=read_again/> })}
        <Details desk/>
        <ApiKeys project first=tiles/>
        <Members desk/>
        <Nodes desk/>
        {is_managed.then(|| view! { <Secrets desk/> })}
    }
}
