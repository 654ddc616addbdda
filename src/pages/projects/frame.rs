//! Layout of the pages of one project: heading, tabs and access check.

use std::future::Future;

use leptos::{html, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::{
    api::projects::project,
    pages::{error_page::LoadFailed, set_status, viewer::use_viewer},
    routes::{self, Page},
};
use latchkey_types::{account::Viewer, error::Error, id::ProjectId, project::ProjectRow};
use latchkey_ui::{
    copy::CopyButton,
    icon::{Glyph, Icon},
    skeleton::{PageSkeleton, TableSkeleton},
    tabs::{OPEN_TAB_ID, Tab, Tabs},
};

/// The pages of a project, in the order of the tabs.
const TABS: &[&Page] = &[&routes::PROJECT, &routes::SAMPLES, &routes::PROJECT_KEYS, &routes::ISSUED_KEYS];

/// Longest name of a project in a title, in characters.
const TITLE_NAME_MAX: usize = 32;

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

/// The project that was open last, provided by the layout: its heading and tabs stay while another of its pages is loading.
#[derive(Clone, Copy, Default)]
pub struct LastProject(StoredValue<Option<ProjectRow>>);

impl LastProject {
    /// The project with this id, as it was last seen.
    fn of(self, id: Option<ProjectId>) -> Option<ProjectRow> {
        self.0.with_value(Clone::clone).filter(|last| Some(last.id) == id)
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
    Resource::new(use_project_id(), move |id| {
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

/// The id in the URL; `None` if it is malformed.
fn use_project_id() -> impl Fn() -> Option<ProjectId> + Copy + Send + Sync + 'static {
    let params = use_params_map();
    move || params.with(|params| params.get("id").and_then(|id| id.parse().ok()))
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
    let (last, id) = (expect_context::<LastProject>(), use_project_id());
    let fallback = move || match last.of(untrack(id)) {
        Some(project) => view! { <Frame page project=Signal::stored(project) content=view! { <TableSkeleton/> }.into_any()/> }.into_any(),
        None => view! { <PageSkeleton/> }.into_any(),
    };
    view! {
        <Suspense fallback>
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
    let last = expect_context::<LastProject>();
    Effect::new(move || last.0.set_value(Some(open.row.get())));
    let content = content(project);
    view! {
        <Title text=move || format!("{} · {}", title_label(page), open.row.with(|row| shorten(&row.name)))/>
        <Frame page project=open.row() content/>
    }
}

/// Heading and tabs around the content.
#[component]
fn Frame(page: &'static Page, project: Signal<ProjectRow>, content: AnyView) -> impl IntoView {
    let (id, permissions) = project.with_untracked(|project| (project.id, project.permissions));
    let permitted = TABS.iter().filter(|page| page.permits(permissions));
    let tabs = permitted.map(|page| Tab { label: page.label, path: page.path }).collect();
    let waiting = Signal::derive(move || project.with(|project| project.waiting));
    let description = Memo::new(move |_| project.with(|project| project.description.clone()));
    let id_shown_in = NodeRef::<html::Code>::new();
    view! {
        <div class="page page-settings page-project">
            <a class="back" href=routes::PROJECTS.path><Icon glyph=Glyph::Back/>"All projects"</a>
            <div class="project-head">
                <h1 dir="auto">{move || project.with(|project| project.name.clone())}</h1>
                <span class="project-id">
                    <code node_ref=id_shown_in>{id.to_string()}</code>
                    <CopyButton text=id.to_string() shown_in=id_shown_in compact=true/>
                </span>
            </div>
            {move || Some(description.get()).filter(|text| !text.is_empty()).map(|text| view! { <p class="project-description" dir="auto">{text}</p> })}
            <Tabs
                label="Project"
                tabs
                open=page.path
                address=move |path: &'static str| routes::with_id(path, id)
                waiting=(routes::PROJECT_KEYS.path, waiting)
            />
            <section class="panel" role="tabpanel" aria-labelledby=OPEN_TAB_ID>{content}</section>
        </div>
    }
}

/// The page's label in sentence case: some tabs are in capitals.
fn title_label(page: &Page) -> &'static str {
    match page.label {
        "API KEYS" => "API keys",
        "ISSUED KEYS" => "Issued keys",
        label => label,
    }
}

/// The beginning of a long name, so that a browser's tab also has room for the rest of the title.
fn shorten(name: &str) -> String {
    match name.char_indices().nth(TITLE_NAME_MAX) {
        Some((end, _)) => format!("{}…", name[..end].trim_end()),
        None => name.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_in_sentence_case_and_short() {
        assert_eq!(title_label(&routes::PROJECT_KEYS), "API keys");
        assert_eq!(title_label(&routes::ISSUED_KEYS), "Issued keys");
        assert_eq!(title_label(&routes::PROJECT), routes::PROJECT.label);
        assert_eq!(shorten("Genomics"), "Genomics");
        assert_eq!(shorten(&"é".repeat(33)), "é".repeat(32) + "…");
    }
}
