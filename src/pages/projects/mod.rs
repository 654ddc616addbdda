//! `/projects` and the pages of each project.

pub mod about;
mod details;
mod dialogs;
pub mod frame;
mod fresh;
pub mod issued;
pub mod keys;
mod list;
mod members;
mod nodes;
mod secrets;
pub mod tiles;

pub use list::ProjectsPage;

/// Path of the project list.
pub const PROJECTS: &str = "/projects";
