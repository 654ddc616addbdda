//! What a page shows in place of its content when it may not, or cannot, be shown.

use leptos::prelude::*;
use leptos_meta::Title;

use super::answer_with;
use crate::{
    model::fault::Fault,
    ui::{browser, message::AlertWithRetry},
};

/// The page's data could not be read. Says what the reader's role lacks, leads to the sign-in page, or lets them try again.
#[component]
pub fn Unread(
    /// Why.
    fault: Fault,
) -> impl IntoView {
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
            <h1>"You may not see this"</h1>
            <p>"Your role lacks the permission “" {permission} "”. Ask an owner or admin of your organization."</p>
        </div>
    }
}
