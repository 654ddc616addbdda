//! What surrounds the pages of one project.

use std::future::Future;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::PROJECTS;
use crate::{
    api::projects::project,
    model::{account::Viewer, fault::Fault, id::ProjectId, permission::Permission, project::ProjectRow},
    pages::{answer_with, frame::use_viewer, refused::Unread},
    ui::{
        icon::{Glyph, Icon},
        tabs::{OPEN_TAB_ID, Tab, Tabs},
    },
};

/// A page of a project.
#[derive(Debug, PartialEq, Eq)]
pub struct ProjectTab {
    /// Its words.
    pub label: &'static str,
    /// Its address, with `{id}` for the project's.
    pub path: &'static str,
    /// What its reader must be allowed to do in the project.
    pub needs: Permission,
}

/// What it is, and who and what belongs to it.
pub const ABOUT: ProjectTab = ProjectTab { label: "About Project", path: "/projects/{id}", needs: Permission::ViewProject };
/// Its templates, and who asks for keys.
pub const KEYS: ProjectTab = ProjectTab { label: "API KEYS", path: "/projects/{id}/keys", needs: Permission::ManageProjects };
/// The keys that were issued, and what they cost.
pub const ISSUED: ProjectTab = ProjectTab { label: "ISSUED KEYS", path: "/projects/{id}/keys/issued", needs: Permission::ManageProjects };

/// Every page of a project, in the order of its tabs.
const ALL: &[&ProjectTab] = &[&ABOUT, &KEYS, &ISSUED];

impl ProjectTab {
    /// Its address in a project.
    pub fn of(&self, project: ProjectId) -> String {
        address(self.path, project)
    }
}

fn address(path: &str, project: ProjectId) -> String {
    path.replace("{id}", &project.to_string())
}

/// The project that is open, for everything on its pages.
#[derive(Clone, Copy)]
pub struct OpenProject {
    row: RwSignal<ProjectRow>,
    viewer: StoredValue<Viewer>,
}

impl OpenProject {
    /// The project, as it is to the reader now.
    pub fn row(self) -> Signal<ProjectRow> {
        self.row.into()
    }

    /// Takes over what has changed: the heading and the number on the tab follow.
    pub fn set(self, row: ProjectRow) {
        let _ = self.row.try_set(row);
    }

    /// Takes over how many requests wait to be decided.
    pub fn set_waiting(self, count: i64) {
        let _ = self.row.try_update(|row| row.waiting = count);
    }

    /// Who reads.
    pub fn viewer(self) -> Viewer {
        self.viewer.get_value()
    }
}

/// The project that is open. Only inside [`ProjectPage`].
pub fn use_project() -> OpenProject {
    expect_context()
}

/// What a page needs of the project in its address, read anew when that is another's. To be made outside of the page's content: that is
/// drawn inside a `Suspense`, where the server may make it twice.
pub fn of_project<T, Answer>(read: impl Fn(ProjectId) -> Answer + Send + Sync + Clone + 'static) -> Resource<Result<T, Fault>>
where
    T: Clone + Send + Sync + serde::Serialize + serde::de::DeserializeOwned + 'static,
    Answer: Future<Output = Result<T, Fault>> + Send + 'static,
{
    let params = use_params_map();
    let id = move || params.with(|params| params.get("id").and_then(|id| id.parse::<ProjectId>().ok()));
    Resource::new(id, move |id| {
        let read = read.clone();
        async move {
            match id {
                Some(id) => read(id).await,
                // What is no id names no project.
                None => Err(Fault::NotFound),
            }
        }
    })
}

/// Heading, tabs, and the page itself for those who may see it.
#[component]
pub fn ProjectPage<Content: Fn(ProjectRow) -> AnyView + Clone + Send + Sync + 'static>(
    /// Which page it is.
    tab: &'static ProjectTab,
    /// What stands in it. It gets the project, as it is to the reader; see also [`use_project`].
    content: Content,
) -> impl IntoView {
    let viewer = use_viewer();
    let project = of_project(project);
    view! {
        <Suspense>
            {move || {
                let content = content.clone();
                Suspend::new(async move {
                    match (viewer.await, project.await) {
                        (Ok(viewer), Ok(project)) if project.permissions.has(tab.needs) => view! { <Project tab viewer project content/> }.into_any(),
                        (Ok(_), Ok(_)) => view! { <Unread fault=Fault::forbidden(tab.needs)/> }.into_any(),
                        (_, Err(Fault::NotFound)) => view! { <NoProject/> }.into_any(),
                        (Err(fault), _) | (_, Err(fault)) => view! { <Unread fault/> }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
}

#[component]
fn Project<Content: Fn(ProjectRow) -> AnyView + 'static>(
    tab: &'static ProjectTab,
    viewer: Viewer,
    project: ProjectRow,
    content: Content,
) -> impl IntoView {
    let open = OpenProject { row: RwSignal::new(project.clone()), viewer: StoredValue::new(viewer) };
    provide_context(open);
    let id = project.id;
    let tabs = ALL.iter().filter(|tab| project.permissions.has(tab.needs)).map(|tab| Tab { label: tab.label, path: tab.path }).collect();
    let name = move || open.row.with(|row| row.name.clone());
    let waiting = Signal::derive(move || open.row.with(|row| row.waiting));
    view! {
        <Title text=move || format!("{} · {}", tab.label, name())/>
        <div class="page page-settings page-project">
            <a class="back" href=PROJECTS><Icon glyph=Glyph::Back/>"All projects"</a>
            <h1>{name}</h1>
            <Tabs label="Project" tabs open=tab.path address=move |path: &'static str| address(path, id) waiting=(KEYS.path, waiting)/>
            <section class="panel" role="tabpanel" aria-labelledby=OPEN_TAB_ID>{content(project)}</section>
        </div>
    }
}

#[component]
fn NoProject() -> impl IntoView {
    answer_with(Fault::NotFound.status());
    view! {
        <Title text="Not found"/>
        <div class="page page-narrow">
            <h1>"No such project"</h1>
            <p>"It may have been deleted, or you are not one of its members. Ask somebody who manages it to add you."</p>
            <p class="sheet-actions"><a class="button" href=PROJECTS>"All projects"</a></p>
        </div>
    }
}
