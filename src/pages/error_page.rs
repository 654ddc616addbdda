//! The error states of a page: no permission, signed out, or loading failed.

use leptos::prelude::*;
use leptos_meta::Title;

use super::answer_with;
use latchkey_types::error::Fault;
use latchkey_ui::{browser, message::AlertWithRetry};

/// Shown when the page's data can't be loaded. Names the missing permission, redirects to the sign-in page, or offers a retry.
#[component]
pub fn Unread(fault: Fault) -> impl IntoView {
    answer_with(fault.status());
    match fault {
        Fault::Forbidden { permission } => view! { <Forbidden permission/> }.into_any(),
        Fault::SignedOut => {
            Effect::new(browser::go_to_sign_in);
            view! { <div class="page"></div> }.into_any()
        }
        fault => view! {
            <div class="page page-narrow">
                <h1>"This page could not be loaded"</h1>
                <AlertWithRetry message=fault.to_string() on_retry=|()| browser::go(&browser::path_and_query())/>
            </div>
        }
        .into_any(),
    }
}

#[component]
fn Forbidden(permission: String) -> impl IntoView {
    view! {
        <Title text="Not allowed"/>
        <div class="page page-narrow">
            <h1>"You don’t have access"</h1>
            <p>"You need the permission “" {permission} "”. Ask an owner or admin of your organization."</p>
        </div>
    }
}
