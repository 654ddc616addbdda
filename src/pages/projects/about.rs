//! `/projects/{id}`: `About Project`.

use leptos::prelude::*;

use super::frame::{ABOUT, ProjectPage};
use crate::model::project::ProjectRow;

/// What the project is, and who and what belongs to it.
#[component]
pub fn AboutPage() -> impl IntoView {
    let content = |project: ProjectRow| view! { <p>{project.description}</p> }.into_any();
    view! { <ProjectPage tab=&ABOUT content/> }
}
