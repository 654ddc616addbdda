//! The dialog that creates a project.

use leptos::prelude::*;

use crate::api::projects::create_project;
use latchkey_types::{
    error::Error,
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
pub(super) fn CreateDialog(
    on_dismiss: Callback<()>,
    /// Called with the new project.
    on_done: Callback<ProjectRow>,
) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let fields = (
            form.check("name", validate::name),
            form.check("description", validate::description),
            form.check("visibility", |_, value| parse_visibility(value)),
        );
        let request = match fields {
            (Some(name), Some(description), Some(visibility)) => Some(create_project(ProjectRequest { name, description, visibility })),
            _ => None,
        };
        form.send(request, move |project| on_done.run(project));
    };
    let options = Visibility::ALL.iter().map(|visibility| (visibility.as_str().to_owned(), visibility.label().to_owned())).collect();
    view! {
        <FormDialog title="Create project" form submit="Create project" on_submit=submit on_dismiss>
            <Field form name="name" label="Name" autofocus=true/>
            <TextArea form name="description" label="Description" hint="Shown to everyone who can see the project." optional=true/>
            <SelectField form name="visibility" label="Visibility" options value=Visibility::default().as_str().to_owned()
                hint="Who can see this project and request keys."/>
            <FormError form about="project"/>
        </FormDialog>
    }
}

fn parse_visibility(value: &str) -> Result<Visibility, Error> {
    value.parse().map_err(|_| Error::invalid("visibility", "Choose who can see this project."))
}
