//! The pages. Each file reads from top to bottom: data, actions, view.

pub mod billing;
pub mod entry;
pub mod frame;
pub mod join;
pub mod keys;
pub mod not_found;
pub mod notices;
pub mod profile;
pub mod projects;
pub mod reference;
pub mod refused;
pub mod secret;
pub mod settings;
pub mod setup;
pub mod sign_in;

/// Where somebody who is signed in begins: the server leads from here to the first page that they may open.
pub const HOME: &str = "/";

/// Sets the HTTP status of the page that is being rendered. In the browser there is none to set.
#[cfg_attr(not(feature = "ssr"), expect(unused_variables, clippy::missing_const_for_fn, reason = "only the server has a status to set"))]
fn answer_with(status: u16) {
    #[cfg(feature = "ssr")]
    if let (Some(response), Ok(status)) = (leptos::prelude::use_context::<leptos_axum::ResponseOptions>(), status.try_into()) {
        response.set_status(status);
    }
}
