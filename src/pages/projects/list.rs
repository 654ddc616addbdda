//! `/projects`

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::{dialogs::DraftDialog, frame::ABOUT};
use crate::{
    api::projects::projects,
    model::{account::Viewer, permission::Permission, project::ProjectRow},
    pages::{frame::use_viewer, refused::Unread},
    ui::{
        badge::Badge,
        button::{Button, Weight},
        icon::Glyph,
        message::Blank,
        toast::use_toasts,
    },
};

/// The projects that the reader sees.
#[component]
pub fn ProjectsPage() -> impl IntoView {
    let viewer = use_viewer();
    let projects = OnceResource::new(projects());
    view! {
        <Title text="Projects"/>
        <Suspense>
            {Suspend::new(async move {
                match (viewer.await, projects.await) {
                    (Ok(viewer), Ok(projects)) => view! { <Projects viewer projects/> }.into_any(),
                    (Err(fault), _) | (_, Err(fault)) => view! { <Unread fault/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Projects(viewer: Viewer, projects: Vec<ProjectRow>) -> impl IntoView {
    let asked = RwSignal::new(false);
    let navigate = use_navigate();
    let toasts = use_toasts();
    let may_make = viewer.may(Permission::ManageProjects);

    // Actions
    let create = Callback::new(move |()| asked.set(true));
    let dismiss = Callback::new(move |()| asked.set(false));
    let done = Callback::new(move |made: ProjectRow| {
        asked.set(false);
        toasts.say(format!("“{}” was made.", made.name));
        navigate(&ABOUT.of(made.id), NavigateOptions::default());
    });

    // View
    let is_empty = projects.is_empty();
    let list = if is_empty { none(may_make, create) } else { view! { <Table projects/> }.into_any() };
    view! {
        <div class="page page-settings">
            <div class="settings-head">
                <h1>"Projects"</h1>
                {(may_make && !is_empty).then(|| view! { <Button label="New project" weight=Weight::Primary on_click=create/> })}
            </div>
            <div class="panel">
                <p class="settings-lead">
                    "A project gives its keys to those who ask for them: by a template that says what a key may do and what a request costs."
                </p>
                {list}
            </div>
        </div>
        {move || asked.get().then(|| view! { <DraftDialog project=None on_dismiss=dismiss on_done=done/> })}
    }
}

/// What to do where there is nothing yet.
fn none(may_make: bool, create: Callback<()>) -> AnyView {
    if may_make {
        view! {
            <Blank glyph=Glyph::Folder title="No projects yet" text="Make one for what others are to have keys for, then design a key for them to ask for.">
                <Button label="New project" weight=Weight::Primary on_click=create/>
            </Blank>
        }
        .into_any()
    } else {
        let text = "Once somebody adds you to a project, or shows one to everyone in the organization, it stands here. Ask whoever manages it.";
        view! { <Blank glyph=Glyph::Folder title="No projects for you yet" text/> }.into_any()
    }
}

#[component]
fn Table(projects: Vec<ProjectRow>) -> impl IntoView {
    view! {
        <div class="table-frame">
            <table class="table" aria-label="Projects">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Description"</th>
                        <th scope="col">"Visibility"</th>
                        <th scope="col">"Your role"</th>
                        <th scope="col">"Requests"</th>
                    </tr>
                </thead>
                <tbody>{projects.into_iter().map(line).collect_view()}</tbody>
            </table>
        </div>
    }
}

fn line(project: ProjectRow) -> impl IntoView {
    let (waiting, name) = (project.waiting, project.name.clone());
    let description = match project.description {
        none if none.is_empty() => view! { <span class="never">"None"</span> }.into_any(),
        text => view! { <span class="cell-text"><span class="clamped">{text}</span></span> }.into_any(),
    };
    let role = match project.role {
        Some(role) => view! { <span class="role-name">{role}</span> }.into_any(),
        None => view! { <span class="never">"Not a member"</span> }.into_any(),
    };
    view! {
        <tr aria-label=name>
            <td class="cell-name"><a class="cell-text" href=ABOUT.of(project.id)>{project.name}</a></td>
            <td class="cell-soft cell-long" data-label="Description">{description}</td>
            <td class="cell-soft" data-label="Visibility">{project.visibility.label()}</td>
            <td class="cell-soft" data-label="Your role">{role}</td>
            <td data-label="Requests">
                {if waiting > 0 { view! { <Badge count=waiting/> }.into_any() } else { view! { <span class="never">"None"</span> }.into_any() }}
            </td>
        </tr>
    }
}
