//! `/projects`

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::{create::CreateDialog, live_updates::on_window_focus};
use crate::{
    api::projects::projects,
    pages::{error_page::LoadFailed, notifications::use_notifications, viewer::use_viewer},
    routes,
};
use latchkey_types::{
    account::Viewer,
    permission::{Permission, role_label},
    project::ProjectRow,
};
use latchkey_ui::{
    badge::Badge,
    button::{Button, ButtonVariant},
    empty_state::EmptyState,
    icon::Glyph,
    message::AlertWithRetry,
    number::pluralize,
    page::{PageActions, PageLead},
    resource::Refetchable,
    skeleton::PageSkeleton,
    suspend::suspend,
    table::RowTable,
    toast::use_toasts,
};

/// The projects that the viewer can see.
#[component]
pub(crate) fn ProjectsPage() -> impl IntoView {
    let viewer = use_viewer();
    let projects = OnceResource::new(projects());
    view! {
        <Title text=routes::PROJECTS.label/>
        <Suspense fallback=|| view! { <PageSkeleton heading=routes::PROJECTS.label/> }>
            {suspend(
                async move { Ok((viewer.await?, projects.await?)) },
                |(viewer, first)| view! { <Projects viewer first/> },
                |error| view! { <LoadFailed error/> },
            )}
        </Suspense>
    }
}

#[component]
fn Projects(viewer: Viewer, first: Vec<ProjectRow>) -> impl IntoView {
    // Data
    let data = Refetchable::new(first);
    let rows = data.rows(|projects| projects, |project| project.id);
    let is_empty = Memo::new(move |_| rows.is_empty());
    let reload = move || data.refetch(projects);
    // Those who approve requests are notified of each. Others see changes when they return to the window.
    use_notifications().on_any_project(reload);
    on_window_focus(reload);

    let is_creating = RwSignal::new(false);
    let navigate = use_navigate();
    let toasts = use_toasts();
    let can_create = viewer.can(Permission::ManageProjects);

    // Actions
    let create = Callback::new(move |()| is_creating.set(true));
    let dismiss = Callback::new(move |()| is_creating.set(false));
    let done = Callback::new(move |project: ProjectRow| {
        is_creating.set(false);
        toasts.success("Project created".to_owned());
        navigate(&routes::PROJECT.path_with(project.id), NavigateOptions::default());
    });

    // View
    let columns = vec!["Name", "Description", "Visibility", "Your role", "Requests"];
    view! {
        <div class="page page-settings">
            <h1>"Projects"</h1>
            // While there are none, the empty state has the button.
            {move || (can_create && !is_empty.get()).then(|| view! {
                <PageActions><Button label="Create project" variant=ButtonVariant::Primary on_click=create/></PageActions>
            })}
            <PageLead text="Projects let people request API keys from templates that you approve."/>
            <div class="panel">
                {move || data.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=move |()| reload()/> })}
                <RowTable label="Projects" columns rows empty=move || view! { <NoProjects can_create create/> } let(project)>
                    <ProjectTableRow project/>
                </RowTable>
            </div>
        </div>
        {move || is_creating.get().then(|| view! { <CreateDialog on_dismiss=dismiss on_done=done/> })}
    }
}

#[component]
fn NoProjects(can_create: bool, create: Callback<()>) -> impl IntoView {
    if can_create {
        view! {
            <EmptyState glyph=Glyph::Folder title="No projects yet" text="Create a project, add a key template, and let others request access.">
                <Button label="Create project" variant=ButtonVariant::Primary on_click=create/>
            </EmptyState>
        }
        .into_any()
    } else {
        let text = "You’ll see projects here once someone adds you, or shares one with the organization.";
        view! { <EmptyState glyph=Glyph::Folder title="No projects yet" text/> }.into_any()
    }
}

#[component]
fn ProjectTableRow(project: Memo<ProjectRow>) -> impl IntoView {
    let id = project.with_untracked(|project| project.id);
    let name = move || project.with(|project| project.name.clone());
    let description = move || match project.with(|project| project.description.clone()) {
        empty if empty.is_empty() => view! { <span class="no-value">"None"</span> }.into_any(),
        text => view! { <span class="cell-text"><span class="line-clamp" dir="auto">{text}</span></span> }.into_any(),
    };
    let role = move || match project.with(|project| project.role.clone()) {
        Some(role) => view! { <span class="cell-text">{role_label(&role)}</span> }.into_any(),
        None => view! { <span class="no-value">"Not a member"</span> }.into_any(),
    };
    let pending = Memo::new(move |_| project.with(|project| project.waiting));
    let requests = move || match pending.get() {
        0 => view! { <span class="no-value">"None"</span> }.into_any(),
        count => view! {
            <a class="project-requests" href=format!("{}#requests", routes::PROJECT_KEYS.path_with(id))
                aria-label=pluralize(count, "pending request", "pending requests")><Badge count/></a>
        }
        .into_any(),
    };
    view! {
        <tr aria-label=name>
            <td class="cell-name"><a class="cell-text" href=routes::PROJECT.path_with(id) dir="auto">{name}</a></td>
            <td class="cell-soft cell-long" data-label="Description">{description}</td>
            <td class="cell-soft" data-label="Visibility">{move || project.with(|project| project.visibility.label())}</td>
            <td class="cell-soft" data-label="Your role">{role}</td>
            <td data-label="Requests">{requests}</td>
        </tr>
    }
}
