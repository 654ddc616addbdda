//! The error states of a page: no permission, signed out, or loading failed.

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;

use super::{set_status, viewer::ViewerResource};
use crate::{api::members::grantors, routes};
use latchkey_types::{error::Error, permission::Permission};
use latchkey_ui::{browser, button::Button, message::AlertWithRetry, toast::use_toasts};

/// Maximum number of members that a page without access names.
const NAMES_MAX: usize = 3;

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
    let names = RwSignal::new(Vec::new());
    load_grantors(&permission, names);
    view! {
        <Title text="Not allowed"/>
        <div class="page page-message">
            <h1>"You don’t have access"</h1>
            <p>"You need the permission “" {permission} "”. " {move || names.with(|names| whom_to_ask(names))}</p>
            <p class="page-message-actions">
                <StartLink/>
                <Button label="Copy a request" on_click=copy_request/>
            </p>
        </div>
    }
}

/// Sets the names of the members who can grant a permission, for viewers who manage members. Others do not see who is in the organization.
fn load_grantors(label: &str, names: RwSignal<Vec<String>>) {
    let Some(permission) = Permission::ALL.iter().find(|permission| permission.label() == label) else { return };
    let Some(viewer) = use_context::<ViewerResource>() else { return };
    Effect::new(move || {
        spawn_local(async move {
            let may_see_members = viewer.await.is_ok_and(|viewer| viewer.can(Permission::ManageMembers));
            if !may_see_members {
                return;
            }
            // Without the names, the page says whom to ask in general.
            if let Ok(grantors) = grantors(permission.as_str().to_owned()).await {
                let _ = names.try_set(grantors);
            }
        });
    });
}

/// Whom to ask for a permission: the first of these members, or an owner.
fn whom_to_ask(names: &[String]) -> AnyView {
    if names.is_empty() {
        return "Ask an owner of your organization.".into_any();
    }
    let count = names.len().min(NAMES_MAX);
    let name_view = |(index, name): (usize, &String)| view! { {separator(index, count)} <span dir="auto">{name.clone()}</span> };
    view! { "Ask " {names.iter().take(count).enumerate().map(name_view).collect_view()} "." }.into_any()
}

/// What is before a name in a list of alternatives.
const fn separator(index: usize, count: usize) -> &'static str {
    match index {
        0 => "",
        _ if index + 1 == count => " or ",
        _ => ", ",
    }
}

/// A link to the page that everybody can open.
#[component]
pub(super) fn StartLink() -> impl IntoView {
    view! { <a class="button" href=routes::OVERVIEW.path>"Go to " {routes::OVERVIEW.label}</a> }
}

#[cfg(test)]
mod tests {
    use super::separator;

    #[test]
    fn names_are_alternatives() {
        let list = |names: &[&str]| names.iter().enumerate().map(|(index, name)| separator(index, names.len()).to_owned() + name).collect::<String>();
        assert_eq!(list(&["Ada"]), "Ada");
        assert_eq!(list(&["Ada", "Bo"]), "Ada or Bo");
        assert_eq!(list(&["Ada", "Bo", "Cy"]), "Ada, Bo or Cy");
    }
}
