//! The pages. Each file has the order: data, actions, view.

pub mod billing;
mod dollars;
pub mod error_page;
pub mod export_file;
pub mod keys;
pub mod layout;
pub mod not_found;
pub mod notifications;
pub mod overview;
pub mod profile;
pub mod projects;
mod receipt_text;
pub mod reference;
pub mod secret;
pub mod settings;
mod shortcuts;
pub mod viewer;

/// Sets the HTTP status of the page that is being rendered. Does nothing in the browser.
#[cfg_attr(not(feature = "ssr"), expect(unused_variables, clippy::missing_const_for_fn, reason = "only the server sets a status"))]
fn set_status(status: u16) {
    #[cfg(feature = "ssr")]
    if let (Some(response), Ok(status)) = (leptos::prelude::use_context::<leptos_axum::ResponseOptions>(), status.try_into()) {
        response.set_status(status);
    }
}
