//! What a page shows in place of its content when it may not, or cannot, be shown.

use leptos::prelude::*;
use leptos_meta::Title;

use super::answer_with;
use crate::{
    model::{fault::Fault, permission::Permission},
    ui::{browser, message::{AlertWithRetry, Blank}},
};

/// The reader's role does not allow this page.
#[component]
pub fn Forbidden(
    /// What their role lacks.
    needs: Permission,
) -> impl IntoView {
    answer_with(403);
    view! {
        <Title text="Not allowed"/>
        <div class="page">
            <Blank title="You may not see this" text=format!("Your role lacks the permission “{}”. Ask an owner or admin of your organization.", needs.label())/>
        </div>
    }
}

/// The page's data could not be read. Loads the whole page again; whoever is signed out is led to sign in.
#[component]
pub fn Unread(
    /// Why.
    fault: Fault,
) -> impl IntoView {
    answer_with(fault.status());
    let is_signed_out = fault == Fault::SignedOut;
    Effect::new(move || if is_signed_out { browser::go_to_sign_in() });
    view! {
        <div class="page">
            <AlertWithRetry message=fault.to_string() on_retry=|()| browser::go(&browser::path_and_query())/>
        </div>
    }
}
