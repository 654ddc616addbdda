//! `/projects` and the pages of each project.

pub mod about;
mod about_context;
pub mod cards;
mod create;
mod danger_zone;
mod details;
pub mod frame;
pub mod issued;
mod list;
mod live_updates;
mod members;
mod nodes;
pub mod samples;
mod secrets;
pub mod templates;
mod unsaved_edits;

pub(crate) use list::ProjectsPage;
