//! Approves access requests.

use leptos::prelude::*;

use super::{context::TemplatesContext, request_list::Outcome, requests::show_decision};
use crate::api::access_requests::approve_request;
use latchkey_types::{error::Error, id::AccessRequestId, permission::Permission};
use latchkey_ui::{
    button::{Button, ButtonVariant},
    checkbox::Checkbox,
    number::{format_count, pluralize_count},
    pending_action::PendingAction,
    toast::use_toasts,
};

pub(super) fn approve_one(context: TemplatesContext, approval: PendingAction, id: AccessRequestId) {
    approval.run(approve_request(id), move |approved| match context.handle_errors(approved) {
        Ok(()) => {
            show_decision(context, id, Outcome::Approved);
            context.reload();
        }
        Err(error) => {
            let _ = context.request_error.try_set(Some(error));
        }
    });
}

/// Selects and approves several requests. Not shown for a single one.
#[component]
pub(super) fn ApproveSelected(context: TemplatesContext) -> impl IntoView {
    let list = context.request_list;
    let toasts = use_toasts();
    let approval = PendingAction::new();
    let total = Memo::new(move |_| list.pending().len());
    let count = Memo::new(move |_| list.selected().len());
    let is_shown = Memo::new(move |_| total.get() > 1);
    let checked = Signal::derive(move || match count.get() {
        0 => Some(false),
        count if count == total.get() => Some(true),
        _ => None,
    });
    let toggle_all = move |_| list.select(if count.get_untracked() == total.get_untracked() { Vec::new() } else { untrack(|| list.pending()) });
    let approve = move |()| {
        approval.run(approve_each(context, untrack(|| list.selected())), move |(approved, error)| {
            if approved > 0 {
                toasts.success(pluralize_count(approved, "request approved", "requests approved"));
            }
            let _ = context.request_error.try_set(error);
            context.reload();
        });
    };
    let label = Signal::derive(move || match count.get() {
        0 => "Approve selected".to_owned(),
        count => format!("Approve {}", format_count(count)),
    });
    view! {
        <Show when=move || is_shown.get()>
            <div class="requests-bar" role="group" aria-label="Selected requests">
                <Checkbox label="Select all" checked on_click=toggle_all/>
                <span class="selection-status" role="status">{move || format!("{} selected", format_count(count.get()))}</span>
                <Button label variant=ButtonVariant::Primary pending=approval.pending() disabled=Signal::derive(move || count.get() == 0) on_click=approve/>
            </div>
        </Show>
    }
}

/// Approves one request after the other. Returns the number of approved ones, and the first error.
async fn approve_each(context: TemplatesContext, ids: Vec<AccessRequestId>) -> (usize, Option<Error>) {
    let (mut approved, mut first_error) = (0, None);
    for id in ids {
        match context.handle_errors(approve_request(id).await) {
            Ok(()) => {
                approved += 1;
                show_decision(context, id, Outcome::Approved);
            }
            // The others may be approved all the same.
            Err(error @ (Error::Conflict { .. } | Error::Forbidden { .. } | Error::NotFound)) => first_error = first_error.or(Some(error)),
            Err(error) => return (approved, Some(error)),
        }
    }
    (approved, first_error)
}

/// Explains that a role with a permission that the approver lacks cannot be given.
pub(super) fn error_message(error: &Error) -> String {
    match error {
        Error::Forbidden { permission } if permission != Permission::ManageProjects.label() => {
            format!("You can’t give this role, because you lack its permission “{permission}”.")
        }
        error => error.to_string(),
    }
}
