//! `/projects`

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::dialogs::DraftDialog;
use crate::{
    api::projects::projects,
    pages::{error_page::LoadFailed, viewer::use_viewer},
    routes,
};
use latchkey_types::{account::Viewer, permission::Permission, project::ProjectRow};
use latchkey_ui::{
    badge::Badge,
    button::{Button, ButtonVariant},
    icon::Glyph,
    message::EmptyState,
    suspend::suspend,
    table::Table,
    toast::use_toasts,
};

/// The projects that the viewer can see.
#[component]
pub(crate) fn ProjectsPage() -> impl IntoView {
    let viewer = use_viewer();
    let projects = OnceResource::new(projects());
    view! {
        <Title text=routes::PROJECTS.label/>
        <Suspense>
            {suspend(
                async move { Ok((viewer.await?, projects.await?)) },
                |(viewer, projects)| view! { <Projects viewer projects/> },
                |error| view! { <LoadFailed error/> },
            )}
        </Suspense>
    }
}

#[component]
fn Projects(viewer: Viewer, projects: Vec<ProjectRow>) -> impl IntoView {
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
    let is_empty = projects.is_empty();
    let list = if is_empty {
        empty_state(can_create, create)
    } else {
        let rows = projects.into_iter().map(project_row).collect_view();
        view! { <Table label="Projects" columns=vec!["Name", "Description", "Visibility", "Your role", "Requests"]>{rows}</Table> }.into_any()
    };
    view! {
        <div class="page page-settings">
            <div class="settings-head">
                <h1>"Projects"</h1>
                {(can_create && !is_empty).then(|| view! { <Button label="New project" variant=ButtonVariant::Primary on_click=create/> })}
            </div>
            <div class="panel">
                <p class="settings-lead">
                    "Projects let people request API keys from templates that you approve."
                </p>
                {list}
            </div>
        </div>
        {move || is_creating.get().then(|| view! { <DraftDialog project=None on_dismiss=dismiss on_done=done/> })}
    }
}

fn empty_state(can_create: bool, create: Callback<()>) -> AnyView {
    if can_create {
        view! {
            <EmptyState glyph=Glyph::Folder title="No projects yet" text="Create a project, add a key template, and let others request access.">
                <Button label="New project" variant=ButtonVariant::Primary on_click=create/>
            </EmptyState>
        }
        .into_any()
    } else {
        let text = "You’ll see projects here once someone adds you, or shares one with the organization.";
        view! { <EmptyState glyph=Glyph::Folder title="No projects yet" text/> }.into_any()
    }
}

fn project_row(project: ProjectRow) -> impl IntoView {
    let (waiting, name) = (project.waiting, project.name.clone());
    let description = match project.description {
        empty if empty.is_empty() => view! { <span class="no-value">"None"</span> }.into_any(),
        text => view! { <span class="cell-text"><span class="line-clamp">{text}</span></span> }.into_any(),
    };
    let role = match project.role {
        Some(role) => view! { <span class="role-name">{role}</span> }.into_any(),
        None => view! { <span class="no-value">"Not a member"</span> }.into_any(),
    };
    view! {
        <tr aria-label=name>
            <td class="cell-name"><a class="cell-text" href=routes::PROJECT.path_with(project.id)>{project.name}</a></td>
            <td class="cell-soft cell-long" data-label="Description">{description}</td>
            <td class="cell-soft" data-label="Visibility">{project.visibility.label()}</td>
            <td class="cell-soft" data-label="Your role">{role}</td>
            <td data-label="Requests">
                {if waiting > 0 { view! { <Badge count=waiting/> }.into_any() } else { view! { <span class="no-value">"None"</span> }.into_any() }}
            </td>
        </tr>
    }
}
