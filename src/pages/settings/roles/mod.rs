//! `/settings/roles`

mod dialogs;
mod matrix;

use leptos::prelude::*;

use super::{SettingsPage, loaded_view};
use crate::api::roles::list_roles;
use crate::routes;
use dialogs::{DeleteDialog, DraftDialog};
use latchkey_types::{account::Viewer, error::Error, member::RoleRow, permission::Permissions};
use latchkey_ui::{
    button::{Button, ButtonVariant},
    dialog::use_dialogs,
    message::AlertWithRetry,
    page::{PageActions, PageLead},
    resource::Refetchable,
    toast::{ToastText, use_toasts},
};
use matrix::RoleMatrix;

type RolesResource = OnceResource<Result<Vec<RoleRow>, Error>>;

/// The roles of the organization, built-in ones first.
type RoleList = Refetchable<Vec<RoleRow>>;

#[derive(Clone)]
enum OpenDialog {
    /// A new role with these permissions selected.
    Create(Permissions),
    Edit(RoleRow),
    Delete(RoleRow),
}

#[component]
pub fn RolesPage() -> impl IntoView {
    // Created outside of the content: inside its `Suspense` the server may create resources more than once.
    provide_context(RolesResource::new(list_roles()));
    view! { <SettingsPage page=&routes::ROLES content/> }
}

fn content(viewer: Viewer) -> AnyView {
    loaded_view(expect_context::<RolesResource>(), move |roles| view! { <Roles viewer roles/> })
}

#[component]
fn Roles(viewer: Viewer, roles: Vec<RoleRow>) -> impl IntoView {
    let toasts = use_toasts();

    // Data
    let own = viewer.permissions;
    let roles = RoleList::new(roles);
    let dialogs = use_dialogs::<OpenDialog>();

    // Actions
    let reload = Callback::new(move |()| roles.refetch(list_roles));
    let dismiss = dialogs.dismiss;
    let done = dialogs.done(move |message: ToastText| {
        toasts.success(message);
        reload.run(());
    });
    let create = dialogs.opener(OpenDialog::Create(Permissions::default()));

    // View
    let dialog = move |open| match open {
        OpenDialog::Create(permissions) => view! { <DraftDialog own role=None permissions on_dismiss=dismiss on_done=done/> }.into_any(),
        OpenDialog::Edit(role) => {
            view! { <DraftDialog own permissions=role.permissions role=Some(role) on_dismiss=dismiss on_done=done/> }.into_any()
        }
        OpenDialog::Delete(role) => view! { <DeleteDialog role on_dismiss=dismiss on_done=done/> }.into_any(),
    };
    view! {
        <PageActions><Button label="Create role" variant=ButtonVariant::Primary on_click=create/></PageActions>
        <PageLead text="Roles control what members, and the keys they create, can do. Changes apply immediately." docs="/docs/security"/>
        {move || roles.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=reload/> })}
        <RoleMatrix roles own dialogs/>
        {dialogs.render(dialog)}
    }
}
