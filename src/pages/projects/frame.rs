//! Layout of the pages of one project: heading, tabs and access check.

use std::future::Future;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::{
    api::projects::project,
    pages::{error_page::LoadFailed, set_status, viewer::use_viewer},
    routes::{self, Page},
};
use latchkey_types::{account::Viewer, error::Error, id::ProjectId, project::ProjectRow};
use latchkey_ui::{
    icon::{Glyph, Icon},
    tabs::{OPEN_TAB_ID, Tab, Tabs},
};

/// The pages of a project, in the order of the tabs.
const TABS: &[&Page] = &[&routes::PROJECT, &routes::PROJECT_KEYS, &routes::ISSUED_KEYS];

/// The open project, provided as context to its pages.
#[derive(Clone, Copy)]
pub struct OpenProject {
    row: RwSignal<ProjectRow>,
    viewer: StoredValue<Viewer>,
}

impl OpenProject {
    /// The project as the viewer sees it.
    pub fn row(self) -> Signal<ProjectRow> {
        self.row.into()
    }

    /// Replaces the project; the heading and the count on the tab follow.
    pub fn set(self, row: ProjectRow) {
        let _ = self.row.try_set(row);
    }

    /// Sets the number of pending access requests.
    pub fn set_pending_requests(self, count: i64) {
        let _ = self.row.try_update(|row| row.waiting = count);
    }

    pub fn viewer(self) -> Viewer {
        self.viewer.get_value()
    }
}

/// Only available inside [`ProjectPage`].
pub fn use_project() -> OpenProject {
    expect_context()
}

/// A resource of the project in the URL, reloaded when the project changes. Create it outside of the page's content: that is rendered
/// inside a `Suspense`, where the server may create it twice.
pub fn use_project_resource<T, Response>(read: impl Fn(ProjectId) -> Response + Send + Sync + Clone + 'static) -> Resource<Result<T, Error>>
where
    T: Clone + Send + Sync + serde::Serialize + serde::de::DeserializeOwned + 'static,
    Response: Future<Output = Result<T, Error>> + Send + 'static,
{
    let params = use_params_map();
    let id = move || params.with(|params| params.get("id").and_then(|id| id.parse::<ProjectId>().ok()));
    Resource::new(id, move |id| {
        let read = read.clone();
        async move {
            match id {
                Some(id) => read(id).await,
                // A malformed id matches no project.
                None => Err(Error::NotFound),
            }
        }
    })
}

/// Heading, tabs and content of a project page; an error page for viewers without access.
#[component]
pub fn ProjectPage<Content: Fn(ProjectRow) -> AnyView + Clone + Send + Sync + 'static>(
    page: &'static Page,
    /// Renders the page for the project; see also [`use_project`].
    content: Content,
) -> impl IntoView {
    let viewer = use_viewer();
    let project = use_project_resource(project);
    view! {
        <Suspense>
            {move || {
                let content = content.clone();
                Suspend::new(async move {
                    // The page's permissions are also required in the project.
                    let project = project.await.and_then(|project| page.access.require(project.permissions).map(|()| project));
                    match (viewer.await, project) {
                        (Ok(viewer), Ok(project)) => view! { <Project page viewer project content/> }.into_any(),
                        (_, Err(Error::NotFound)) => view! { <NoProject/> }.into_any(),
                        (Err(error), _) | (_, Err(error)) => view! { <LoadFailed error/> }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
}

#[component]
fn Project<Content: Fn(ProjectRow) -> AnyView + 'static>(
    page: &'static Page,
    viewer: Viewer,
    project: ProjectRow,
    content: Content,
) -> impl IntoView {
    let open = OpenProject { row: RwSignal::new(project.clone()), viewer: StoredValue::new(viewer) };
    provide_context(open);
    let id = project.id;
    let permitted = TABS.iter().filter(|page| page.permits(project.permissions));
    let tabs = permitted.map(|page| Tab { label: page.label, path: page.path }).collect();
    let name = move || open.row.with(|row| row.name.clone());
    let waiting = Signal::derive(move || open.row.with(|row| row.waiting));
    view! {
        <Title text=move || format!("{} · {}", page.label, name())/>
        <div class="page page-settings page-project">
            <a class="back" href=routes::PROJECTS.path><Icon glyph=Glyph::Back/>"All projects"</a>
            <h1>{name}</h1>
            <Tabs
                label="Project"
                tabs
                open=page.path
                address=move |path: &'static str| routes::with_id(path, id)
                waiting=(routes::PROJECT_KEYS.path, waiting)
            />
            <section class="panel" role="tabpanel" aria-labelledby=OPEN_TAB_ID>{content(project)}</section>
        </div>
    }
}

#[component]
fn NoProject() -> impl IntoView {
    set_status(Error::NotFound.status());
    view! {
        <Title text="Not found"/>
        <div class="page page-narrow">
            <h1>"Project not found"</h1>
            <p>"The project may have been deleted, or you are not a member. Ask a project manager to add you."</p>
            <p class="card-actions"><a class="button" href=routes::PROJECTS.path>"All projects"</a></p>
        </div>
    }
}
