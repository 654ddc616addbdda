//! Details of a project, which its managers edit in place.

use leptos::prelude::*;

use super::about_context::AboutContext;
use crate::api::projects::{edit_project, project as read_project};
use latchkey_types::{
    error::Error,
    permission::role_label,
    project::{ProjectRequest, ProjectRow, Visibility},
};
use latchkey_ui::{
    browser,
    inline_edit::{Change, InlineEdit, InlineEditor, SaveFuture, select::InlineSelect},
    select::Choice,
    time::{Time, TimeFormat},
};

#[component]
pub(super) fn Details(context: AboutContext) -> impl IntoView {
    let project = context.project.row();
    let role = move || project.with(|project| project.role.clone());
    let created = project.with_untracked(|project| (project.created_by.clone(), project.created_at));
    let values = if context.is_managed { view! { <EditableValues context/> }.into_any() } else { view! { <Values project/> }.into_any() };
    view! {
        <section class="section-card" aria-labelledby="project-details">
            <div class="section-head"><h2 id="project-details">"Details"</h2></div>
            <dl class="section-properties">
                {values}
                <div><dt>"Created by"</dt><dd>{created.0} ", " <Time at=created.1 format=TimeFormat::Date/></dd></div>
                {move || role().map(|role| view! { <div><dt>"Your role"</dt><dd>{role_label(&role)}</dd></div> })}
            </dl>
        </section>
    }
}

/// For viewers who can't change them. The name is the heading of the page.
#[component]
fn Values(project: Signal<ProjectRow>) -> impl IntoView {
    let description = move || Some(project.with(|project| project.description.clone())).filter(|text| !text.is_empty());
    view! {
        {move || description().map(|text| view! {
            <div><dt>"Description"</dt><dd class="preserve-lines" dir="auto">{text}</dd></div>
        })}
        <div><dt>"Visibility"</dt><dd>{move || project.with(|project| project.visibility.label())}</dd></div>
    }
}

#[component]
fn EditableValues(context: AboutContext) -> impl IntoView {
    let editor = move |value: Value| InlineEditor::new(value.signal(context), save_callback(context, value));
    let (name, description) = (editor(Value::Name), editor(Value::Description));
    let visibilities: Vec<Choice> =
        Visibility::ALL.iter().map(|visibility| (visibility.as_str().to_owned(), visibility.label().to_owned())).collect();
    view! {
        <div>
            <dt>"Name"</dt>
            <dd><InlineEdit editor=name label="Name" id="project-name" placeholder="No name"/></dd>
        </div>
        <div>
            <dt>"Description"</dt>
            <dd>
                <InlineEdit editor=description label="Description" id="project-description" placeholder="Add a description" multiline=true
                    hint="Shown to everyone who can see the project. Shift+Enter starts a new line."/>
            </dd>
        </div>
        <div>
            <dt>"Visibility"</dt>
            <dd>
                <InlineSelect label="Visibility" id="project-visibility" options=Signal::stored(visibilities)
                    value=Value::Visibility.signal(context) save=save_callback(context, Value::Visibility)/>
            </dd>
        </div>
    }
}

/// A value of a project that is edited on its own.
#[derive(Clone, Copy)]
enum Value {
    Name,
    Description,
    Visibility,
}

impl Value {
    fn text(self, project: &ProjectRow) -> String {
        match self {
            Self::Name => project.name.clone(),
            Self::Description => project.description.clone(),
            Self::Visibility => project.visibility.as_str().to_owned(),
        }
    }

    fn signal(self, context: AboutContext) -> Signal<String> {
        let project = context.project.row();
        Signal::derive(move || project.with(|project| self.text(project)))
    }

    /// The values of a project, with another one for this.
    fn replaced(self, project: &ProjectRow, text: String) -> ProjectRequest {
        let ProjectRow { name, description, visibility, .. } = project.clone();
        let request = ProjectRequest { name, description, visibility };
        match self {
            Self::Name => ProjectRequest { name: text, ..request },
            Self::Description => ProjectRequest { description: text, ..request },
            // The drop-down offers no unknown ones.
            Self::Visibility => ProjectRequest { visibility: text.parse().unwrap_or(request.visibility), ..request },
        }
    }
}

fn save_callback(context: AboutContext, value: Value) -> Callback<Change, SaveFuture> {
    Callback::new(move |Change { before, after }| -> SaveFuture {
        let project = context.project.row().get_untracked();
        let (before, after) = (value.replaced(&project, before), value.replaced(&project, after));
        Box::pin(async move {
            match edit_project(context.id, Some(before), after).await {
                Ok(saved) => {
                    context.project.set(saved);
                    Ok(())
                }
                Err(error) => {
                    handle_error(context, &error).await;
                    Err(error)
                }
            }
        })
    })
}

/// Shows what somebody else has saved, and redirects a signed-out viewer.
async fn handle_error(context: AboutContext, error: &Error) {
    match error {
        Error::Conflict { .. } => {
            if let Ok(now) = read_project(context.id).await {
                context.project.set(now);
            }
        }
        Error::SignedOut => browser::go_to_sign_in(),
        _ => {}
    }
}
