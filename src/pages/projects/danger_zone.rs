//! Deletes a project.

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::about_context::AboutContext;
use crate::{api::projects::delete_project, pages::receipt_text::receipt_text, routes};
use latchkey_types::project::ProjectRow;
use latchkey_ui::{
    button::Button,
    confirm_dialog::{ConfirmDialog, ConfirmObject},
    dialog::use_dialogs,
    form::{Form, ignore_not_found},
    number::{pluralize, pluralize_count},
    toast::use_toasts,
};

#[component]
pub(super) fn DangerZone(context: AboutContext) -> impl IntoView {
    let dialogs = use_dialogs::<ProjectRow>();
    let project = context.project.row();
    let open = move |()| dialogs.open(project.get_untracked());
    view! {
        <section class="section-card section-danger" aria-labelledby="project-danger">
            <div class="section-head">
                <h2 id="project-danger">"Danger zone"</h2>
                <Button label="Delete project" on_click=open/>
            </div>
            <p class="section-text">"Its keys stop working, and its templates, nodes, secrets and samples are deleted."</p>
        </section>
        {dialogs.render(move |project| view! { <DeleteDialog context project on_dismiss=dialogs.dismiss/> })}
    }
}

#[component]
fn DeleteDialog(context: AboutContext, project: ProjectRow, on_dismiss: Callback<()>) -> impl IntoView {
    let form = Form::new();
    let toasts = use_toasts();
    let navigate = use_navigate();
    let id = project.id;
    let submit = move |()| {
        let navigate = navigate.clone();
        form.send(Some(ignore_not_found(delete_project(id))), move |deleted| {
            toasts.success(receipt_text("Project deleted", &deleted));
            navigate(routes::PROJECTS.path, NavigateOptions::default());
        });
    };
    view! {
        <ConfirmDialog title="Delete this project?" objects=vec![ConfirmObject { name: project.name.clone(), facts: contents(context) }]
            effect="All its keys stop working immediately, open requests are closed, and secrets and samples are deleted. Billing history is kept. \
                This cannot be undone."
            confirm_text=Some(project.name) verb="Delete" form on_confirm=submit on_dismiss/>
    }
}

/// What is lost together with the project.
fn contents(context: AboutContext) -> String {
    let nodes = untrack(|| context.belongings.with(|belongings| belongings.nodes.len()));
    let (keys, secrets) = untrack(|| context.with_managed(|managed| (managed.keys, managed.secrets.len()))).unwrap_or_default();
    let parts =
        [pluralize(keys, "key in use", "keys in use"), pluralize_count(secrets, "secret", "secrets"), pluralize_count(nodes, "node", "nodes")];
    parts.join(" · ")
}
