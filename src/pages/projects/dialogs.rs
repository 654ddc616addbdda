//! The dialog that makes a project, and changes one.

use leptos::prelude::*;

use crate::{
    api::projects::{create_project, edit_project},
    model::{
        fault::Fault,
        id::ProjectId,
        project::{ProjectRow, Visibility, WantedProject},
        text,
    },
    ui::{
        field::{Field, TextArea},
        form::{Form, FormWrong},
        form_dialog::FormDialog,
        select::SelectField,
    },
};

/// Asks for a project as it is wanted, then makes or changes it.
#[component]
pub fn DraftDialog(
    /// The project that is to be changed; `None` makes one.
    #[prop(optional_no_strip)]
    project: Option<ProjectRow>,
    /// Leaves it as it is.
    on_dismiss: Callback<()>,
    /// Called with what came of it.
    on_done: Callback<ProjectRow>,
) -> impl IntoView {
    let form = Form::new();
    let id = project.as_ref().map(|project| project.id);
    let before = project.map(|ProjectRow { name, description, visibility, .. }| WantedProject { name, description, visibility }).unwrap_or_default();
    let submit = move |()| {
        let fields = (
            form.check("name", text::name),
            form.check("description", text::description),
            form.check("visibility", |_, word| chosen_visibility(word)),
        );
        let call = match fields {
            (Some(name), Some(description), Some(visibility)) => Some(save(id, WantedProject { name, description, visibility })),
            _ => None,
        };
        form.send(call, move |project| on_done.run(project));
    };
    let options = Visibility::ALL.iter().map(|visibility| (visibility.word().to_owned(), visibility.label().to_owned())).collect();
    view! {
        <FormDialog title=if id.is_some() { "Edit project" } else { "New project" } form submit="Save" on_submit=submit on_dismiss>
            <Field form name="name" label="Name" value=before.name autofocus=true/>
            <TextArea form name="description" label="Description" value=before.description hint="What it is for. Whoever sees the project reads it."/>
            <SelectField form name="visibility" label="Visibility" options value=before.visibility.word().to_owned()
                hint="Who sees the project and may ask for its keys."/>
            <FormWrong form about="project"/>
        </FormDialog>
    }
}

fn chosen_visibility(word: &str) -> Result<Visibility, Fault> {
    word.parse().map_err(|_| Fault::invalid("visibility", "Choose who sees it."))
}

async fn save(id: Option<ProjectId>, wanted: WantedProject) -> Result<ProjectRow, Fault> {
    match id {
        Some(id) => edit_project(id, wanted).await,
        None => create_project(wanted).await,
    }
}
