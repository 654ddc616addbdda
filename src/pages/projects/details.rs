//! Details of a project, with its edit and delete dialogs.

use leptos::{html, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::{about_context::AboutContext, dialogs::DraftDialog};
use crate::{api::projects::delete_project, routes};
use latchkey_types::project::ProjectRow;
use latchkey_ui::{
    button::{Button, ButtonVariant},
    copy::CopyButton,
    dialog::use_dialogs,
    form::{Form, ignore_not_found},
    form_dialog::FormDialog,
    time::{Time, TimeFormat},
    toast::use_toasts,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum OpenDialog {
    Edit,
    Delete,
}

#[component]
pub(super) fn Details(context: AboutContext) -> impl IntoView {
    let dialogs = use_dialogs::<OpenDialog>();
    let project = context.project.row();
    let id_shown_in = NodeRef::<html::Code>::new();

    // Actions
    let edited = dialogs.done(move |row| {
        context.project.set(row);
        context.notify("Changes saved".to_owned());
    });

    // View
    let description = move || match project.with(|project| project.description.clone()) {
        empty if empty.is_empty() => view! { <span class="no-value">"None"</span> }.into_any(),
        text => view! { <span class="preserve-lines">{text}</span> }.into_any(),
    };
    let role = move || project.with(|project| project.role.clone());
    let created = project.with_untracked(|project| (project.created_by.clone(), project.created_at));
    let dialog = move |open| match open {
        OpenDialog::Edit => view! { <DraftDialog project=Some(project.get_untracked()) on_dismiss=dialogs.dismiss on_done=edited/> }.into_any(),
        OpenDialog::Delete => view! { <DeleteDialog project=project.get_untracked() on_dismiss=dialogs.dismiss/> }.into_any(),
    };
    view! {
        <section class="card card-first" aria-labelledby="project-details">
            <h2 id="project-details">"Details"</h2>
            <dl class="properties">
                <div><dt>"Name"</dt><dd>{move || project.with(|project| project.name.clone())}</dd></div>
                <div><dt>"Description"</dt><dd>{description}</dd></div>
                <div><dt>"Visibility"</dt><dd>{move || project.with(|project| project.visibility.label())}</dd></div>
                <div>
                    <dt>"ID"</dt>
                    <dd class="property-copy">
                        <code node_ref=id_shown_in>{context.id.to_string()}</code>
                        <CopyButton text=context.id.to_string() shown_in=id_shown_in/>
                    </dd>
                </div>
                <div><dt>"Created by"</dt><dd>{created.0} ", " <Time at=created.1 format=TimeFormat::Date/></dd></div>
                {move || role().map(|role| view! { <div><dt>"Your role"</dt><dd class="property-role">{role}</dd></div> })}
            </dl>
            {context.is_managed.then(|| view! {
                <p class="card-actions">
                    <Button label="Edit project" on_click=dialogs.opener(OpenDialog::Edit)/>
                    <Button label="Delete project" on_click=dialogs.opener(OpenDialog::Delete)/>
                </p>
            })}
        </section>
        {dialogs.render(dialog)}
    }
}

#[component]
fn DeleteDialog(project: ProjectRow, on_dismiss: Callback<()>) -> impl IntoView {
    let form = Form::new();
    let toasts = use_toasts();
    let navigate = use_navigate();
    let id = project.id;
    let submit = move |()| {
        let navigate = navigate.clone();
        form.send(Some(ignore_not_found(delete_project(id))), move |()| {
            toasts.success("Project deleted".to_owned());
            navigate(routes::PROJECTS.path, NavigateOptions::default());
        });
    };
    view! {
        <FormDialog title="Delete this project?" form submit="Delete" variant=ButtonVariant::Danger on_submit=submit on_dismiss>
            <p><strong class="quoted">{project.name}</strong></p>
            <p>
                "All its keys stop working immediately, open requests are closed and secrets are deleted. Billing history is kept. \
                This cannot be undone."
            </p>
        </FormDialog>
    }
}
