//! The dialog that creates or edits a project.

use leptos::prelude::*;

use crate::api::projects::{create_project, edit_project};
use latchkey_types::{
    error::Error,
    id::ProjectId,
    project::{ProjectRequest, ProjectRow, Visibility},
    validate,
};
use latchkey_ui::{
    field::{Field, TextArea},
    form::{Form, FormError},
    form_dialog::FormDialog,
    select::SelectField,
};

#[component]
pub(super) fn DraftDialog(
    /// The project to edit; `None` creates one.
    #[prop(optional_no_strip)]
    project: Option<ProjectRow>,
    on_dismiss: Callback<()>,
    /// Called with the saved project.
    on_done: Callback<ProjectRow>,
) -> impl IntoView {
    let form = Form::new();
    let id = project.as_ref().map(|project| project.id);
    let initial =
        project.map(|ProjectRow { name, description, visibility, .. }| ProjectRequest { name, description, visibility }).unwrap_or_default();
    let submit = move |()| {
        let fields = (
            form.check("name", validate::name),
            form.check("description", validate::description),
            form.check("visibility", |_, value| parse_visibility(value)),
        );
        let request = match fields {
            (Some(name), Some(description), Some(visibility)) => Some(save(id, ProjectRequest { name, description, visibility })),
            _ => None,
        };
        form.send(request, move |project| on_done.run(project));
    };
    let options = Visibility::ALL.iter().map(|visibility| (visibility.as_str().to_owned(), visibility.label().to_owned())).collect();
    view! {
        <FormDialog title=if id.is_some() { "Edit project" } else { "New project" } form submit="Save" on_submit=submit on_dismiss>
            <Field form name="name" label="Name" value=initial.name autofocus=true/>
            <TextArea form name="description" label="Description" value=initial.description hint="Shown to everyone who can see the project."/>
            <SelectField form name="visibility" label="Visibility" options value=initial.visibility.as_str().to_owned()
                hint="Who can see this project and request keys."/>
            <FormError form about="project"/>
        </FormDialog>
    }
}

fn parse_visibility(value: &str) -> Result<Visibility, Error> {
    value.parse().map_err(|_| Error::invalid("visibility", "Choose who can see this project."))
}

async fn save(id: Option<ProjectId>, project: ProjectRequest) -> Result<ProjectRow, Error> {
    match id {
        Some(id) => edit_project(id, project).await,
        None => create_project(project).await,
    }
}
