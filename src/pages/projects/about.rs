//! `/projects/{id}`: `About Project`.

use leptos::prelude::*;

use super::{
    frame::{ABOUT, ProjectPage},
    tiles::{ApiKeys, first_tiles},
};
use crate::model::project::ProjectRow;

/// What the project is, and who and what belongs to it.
#[component]
pub fn AboutPage() -> impl IntoView {
    let first = first_tiles();
    let content = move |project: ProjectRow| {
        view! {
            <p>{project.description.clone()}</p>
            <ApiKeys project first/>
        }
        .into_any()
    };
    view! { <ProjectPage tab=&ABOUT content/> }
}
