//! `/settings/roles`

mod dialogs;

use leptos::prelude::*;

use super::{SettingsPage, loaded_view};
use crate::api::roles::list_roles;
use crate::routes;
use dialogs::{DeleteDialog, DraftDialog};
use latchkey_types::{
    account::Viewer,
    error::Error,
    member::RoleRow,
    permission::{Permission, Permissions},
};
use latchkey_ui::{
    button::{Button, ButtonVariant},
    dialog::{Dialogs, use_dialogs},
    icon::{Glyph, Icon},
    menu::{MenuAction, MenuButton, MenuItem, MenuList, SharedMenu},
    message::AlertWithRetry,
    resource::Refetchable,
    table::{Column, RowTable},
    toast::use_toasts,
};

type RolesResource = OnceResource<Result<Vec<RoleRow>, Error>>;

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
    let roles = Refetchable::new(roles);
    let dialogs = use_dialogs::<OpenDialog>();
    let menu = SharedMenu::new();

    // Actions
    let reload = Callback::new(move |()| roles.refetch(list_roles));
    let dismiss = dialogs.dismiss;
    let done = dialogs.done(move |message| {
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
    let rows = roles.rows(|roles| roles, |role| role.id);
    let columns = vec!["Role".into(), "Permissions".into(), Column::Number("Members"), "Action".into()];
    view! {
        <div class="settings-head">
            <p class="settings-lead">"Roles control what members, and the keys they create, can do. Changes apply immediately."</p>
            <Button label="Create role" variant=ButtonVariant::Primary on_click=create/>
        </div>
        {move || roles.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=reload/> })}
        <RowTable label="Roles" columns rows let(role)>
            <RoleTableRow role own menu dialogs/>
        </RowTable>
        <MenuList menu id="role-actions"/>
        {dialogs.render(dialog)}
    }
}

#[component]
fn RoleTableRow(role: Memo<RoleRow>, own: Permissions, menu: SharedMenu, dialogs: Dialogs<OpenDialog>) -> impl IntoView {
    let id = role.with_untracked(|role| role.id);
    let items = Callback::new(move |()| actions(&role.get_untracked(), own, dialogs));
    view! {
        <tr aria-label=move || role.get().name>
            <td class="cell-name">
                <span class="name-with-tag">
                    <span class="cell-text role-name">{move || role.get().name}</span>
                    {move || role.get().is_built_in.then(|| view! { <span class="tag">"Built in"</span> })}
                </span>
            </td>
            <td class="cell-soft" data-label="Permissions"><span class="cell-text">{move || permission_list(role.get().permissions)}</span></td>
            <td class="cell-number" data-label="Members">{move || role.get().members}</td>
            <td class="cell-action">
                <MenuButton menu id=format!("actions-{id}") class="icon-button" label="Actions" items><Icon glyph=Glyph::More/></MenuButton>
            </td>
        </tr>
    }
}

/// `own`: the viewer's permissions, which limit the roles that they can edit.
fn actions(role: &RoleRow, own: Permissions, dialogs: Dialogs<OpenDialog>) -> Vec<MenuItem> {
    let open = |dialog| MenuAction::Run(dialogs.opener(dialog));
    let copy = MenuItem { label: "Duplicate", glyph: Glyph::Copy, action: open(OpenDialog::Create(role.permissions)) };
    if role.is_built_in || own.first_missing(role.permissions).is_some() {
        return vec![copy];
    }
    let edit = MenuItem { label: "Edit", glyph: Glyph::Edit, action: open(OpenDialog::Edit(role.clone())) };
    let delete = MenuItem { label: "Delete", glyph: Glyph::Trash, action: open(OpenDialog::Delete(role.clone())) };
    vec![edit, copy, delete]
}

fn permission_list(permissions: Permissions) -> String {
    if permissions == Permissions::of(Permission::ALL) {
        return "Everything".to_owned();
    }
    let labels: Vec<_> = permissions.iter().map(Permission::label).collect();
    if labels.is_empty() { "Nothing".to_owned() } else { labels.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_listed_by_label() {
        assert_eq!(permission_list(Permissions::of(Permission::ALL)), "Everything");
        assert_eq!(permission_list(Permissions::default()), "Nothing");
        assert_eq!(permission_list(Permissions::of(&[Permission::ViewProject, Permission::ViewKeys])), "View Keys, View Project");
    }
}
