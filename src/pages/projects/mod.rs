//! `/projects` and the pages of each project.

pub mod about;
mod about_context;
pub mod cards;
mod details;
mod dialogs;
pub mod frame;
pub mod issued;
mod list;
mod live_updates;
mod members;
mod nodes;
mod secrets;
pub mod templates;

pub(crate) use list::ProjectsPage;
