//! `/projects` and the pages of each project.

pub mod about;
mod dialogs;
pub mod frame;
mod list;

pub use list::ProjectsPage;

/// The list of projects.
pub const PROJECTS: &str = "/projects";
