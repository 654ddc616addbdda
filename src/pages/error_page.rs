//! The error states of a page: no permission, signed out, or loading failed.

use leptos::prelude::*;
use leptos_meta::Title;

use super::set_status;
use crate::routes;
use latchkey_types::error::Error;
use latchkey_ui::{browser, button::Button, message::AlertWithRetry, toast::use_toasts};

/// Shown when the page's data can't be loaded. Names the missing permission, redirects to the sign-in page, or offers a retry.
#[component]
pub fn LoadFailed(error: Error) -> impl IntoView {
    set_status(error.status());
    match error {
        Error::Forbidden { permission } => view! { <Forbidden permission/> }.into_any(),
        Error::SignedOut => {
            Effect::new(browser::go_to_sign_in);
            view! { <div class="page"></div> }.into_any()
        }
        error => view! {
            <div class="page page-narrow">
                <h1>"This page could not be loaded"</h1>
                <AlertWithRetry message=error.to_string() on_retry=|()| browser::go(&browser::path_and_query())/>
            </div>
        }
        .into_any(),
    }
}

#[component]
fn Forbidden(permission: String) -> impl IntoView {
    let toasts = use_toasts();
    let request = StoredValue::new(format!("I need the permission “{permission}” in Latchkey: "));
    let copy_request = move |()| {
        toasts.copy(request.get_value() + &browser::origin() + &browser::path_and_query(), "Request copied");
    };
    view! {
        <Title text="Not allowed"/>
        <div class="page page-message">
            <h1>"You don’t have access"</h1>
            <p>"You need the permission “" {permission} "”. Ask an owner or admin of your organization."</p>
            <p class="page-message-actions">
                <StartLink/>
                <Button label="Copy a request" on_click=copy_request/>
            </p>
        </div>
    }
}

/// A link to the page that everybody can open.
#[component]
pub(super) fn StartLink() -> impl IntoView {
    view! { <a class="button" href=routes::OVERVIEW.path>"Go to " {routes::OVERVIEW.label}</a> }
}
