//! What a project is.

use leptos::{html, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::{PROJECTS, about::Desk, dialogs::DraftDialog};
use crate::{
    api::projects::delete_project,
    model::project::ProjectRow,
    ui::{
        button::{Button, Weight},
        copy::CopyButton,
        form::{Form, or_gone},
        form_dialog::FormDialog,
        time::{Telling, Time},
        toast::use_toasts,
    },
};

/// What somebody asked for, in a dialog over the page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Edit,
    Delete,
}

/// Its name, what it is for, who sees it, its id, and who made it.
#[component]
pub fn Details(
    /// What the page shares.
    desk: Desk,
) -> impl IntoView {
    let asked = RwSignal::new(None::<Asked>);
    let project = desk.project.row();
    let id_shown_in = NodeRef::<html::Code>::new();

    // Actions
    let dismiss = Callback::new(move |()| asked.set(None));
    let edited = Callback::new(move |row: ProjectRow| {
        asked.set(None);
        desk.project.set(row);
        desk.tell("The project was changed.".to_owned());
    });

    // View
    let description = move || match project.with(|project| project.description.clone()) {
        none if none.is_empty() => view! { <span class="never">"None"</span> }.into_any(),
        text => view! { <span class="as-typed">{text}</span> }.into_any(),
    };
    let role = move || project.with(|project| project.role.clone());
    let made = project.with_untracked(|project| (project.created_by.clone(), project.created_at));
    let dialog = move |wanted| match wanted {
        Asked::Edit => view! { <DraftDialog project=Some(project.get_untracked()) on_dismiss=dismiss on_done=edited/> }.into_any(),
        Asked::Delete => view! { <DeleteDialog project=project.get_untracked() on_dismiss=dismiss/> }.into_any(),
    };
    view! {
        <section class="sheet sheet-first" aria-labelledby="project-details">
            <h2 id="project-details">"Details"</h2>
            <dl class="facts">
                <div><dt>"Name"</dt><dd>{move || project.with(|project| project.name.clone())}</dd></div>
                <div><dt>"Description"</dt><dd>{description}</dd></div>
                <div><dt>"Visibility"</dt><dd>{move || project.with(|project| project.visibility.label())}</dd></div>
                <div>
                    <dt>"ID"</dt>
                    <dd class="fact-copy">
                        <code node_ref=id_shown_in>{desk.id.to_string()}</code>
                        <CopyButton text=desk.id.to_string() shown_in=id_shown_in/>
                    </dd>
                </div>
                <div><dt>"Made by"</dt><dd>{made.0} ", " <Time at=made.1 telling=Telling::Date/></dd></div>
                {move || role().map(|role| view! { <div><dt>"Your role"</dt><dd class="fact-role">{role}</dd></div> })}
            </dl>
            {desk.is_managed.then(|| view! {
                <p class="sheet-actions">
                    <Button label="Edit project" on_click=move |()| asked.set(Some(Asked::Edit))/>
                    <Button label="Delete project" on_click=move |()| asked.set(Some(Asked::Delete))/>
                </p>
            })}
        </section>
        {move || asked.get().map(dialog)}
    }
}

/// Asks, then deletes the project.
#[component]
fn DeleteDialog(project: ProjectRow, on_dismiss: Callback<()>) -> impl IntoView {
    let form = Form::new();
    let toasts = use_toasts();
    let navigate = use_navigate();
    let said = format!("“{}” was deleted.", project.name);
    let id = project.id;
    let submit = move |()| {
        let (said, navigate) = (said.clone(), navigate.clone());
        form.send(Some(or_gone(delete_project(id))), move |()| {
            toasts.say(said);
            navigate(PROJECTS, NavigateOptions::default());
        });
    };
    view! {
        <FormDialog title="Delete this project?" form submit="Delete" weight=Weight::Danger on_submit=submit on_dismiss>
            <p><strong class="quoted">{project.name}</strong></p>
            <p>
                "Every key of it is refused at once, its open requests are closed, and its secrets are removed. Nothing brings any of it back. \
                What its keys have cost stays in Billing."
            </p>
        </FormDialog>
    }
}
