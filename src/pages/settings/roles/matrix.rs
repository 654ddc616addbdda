//! The table of permissions and roles.

use leptos::prelude::*;

use super::{OpenDialog, RoleList};
use latchkey_types::{
    member::RoleRow,
    permission::{Permission, Permissions, role_label},
};
use latchkey_ui::{
    dialog::Dialogs,
    icon::{Glyph, Icon},
    menu::{MenuAction, MenuButton, MenuItem, MenuList, SharedMenu},
    number::pluralize,
    rows::ForRows,
};

/// The permissions by what they are about.
const GROUPS: &[(&str, &[Permission])] = {
    use Permission::{
        ManageApiKeys, ManageCorpora, ManageCredentials, ManageMembers, ManageOrganization, ManageProjects, ManageRoles, ManageServices,
        ReadCallBodies, ViewAuditLog, ViewBilling, ViewKeys, ViewProject,
    };
    &[
        ("API keys", &[ViewKeys, ManageApiKeys]),
        ("Credentials, corpora and services", &[ManageCredentials, ManageCorpora, ManageServices]),
        ("Projects", &[ViewProject, ManageProjects]),
        ("Organization", &[ViewBilling, ReadCallBodies, ViewAuditLog, ManageMembers, ManageRoles, ManageOrganization]),
    ]
};

/// A row for each permission and a column for each role, with the role's actions in its heading.
#[component]
pub(super) fn RoleMatrix(
    roles: RoleList,
    /// The viewer's permissions, which limit the roles that they can edit.
    own: Permissions,
    dialogs: Dialogs<OpenDialog>,
) -> impl IntoView {
    let menu = SharedMenu::new();
    let rows = roles.rows(|roles| roles, |role| role.id);
    let columns = move || roles.with(|roles| roles.len() + 1).to_string();
    let permission_row = move |permission: Permission| {
        view! {
            <tr aria-label=permission.label()>
                <th scope="row">{permission.label()}</th>
                <ForRows rows let(role)>{permission_cell(role, permission)}</ForRows>
            </tr>
        }
    };
    let group = move |(label, permissions): &(&'static str, &'static [Permission])| {
        view! {
            <tbody>
                <tr class="matrix-group"><th scope="rowgroup" colspan=columns>{*label}</th></tr>
                {permissions.iter().copied().map(permission_row).collect_view()}
            </tbody>
        }
    };
    view! {
        <div class="table-frame">
            <table class="matrix" aria-label="Roles">
                <thead>
                    <tr>
                        <th scope="col">"Permission"</th>
                        <ForRows rows let(role)><RoleHeading role own menu dialogs/></ForRows>
                    </tr>
                </thead>
                {GROUPS.iter().map(group).collect_view()}
            </table>
        </div>
        <MenuList menu id="role-actions"/>
    }
}

#[component]
fn RoleHeading(role: Memo<RoleRow>, own: Permissions, menu: SharedMenu, dialogs: Dialogs<OpenDialog>) -> impl IntoView {
    let id = role.with_untracked(|role| role.id);
    let name = move || role.with(|role| role_label(&role.name));
    let items = Callback::new(move |()| actions(&role.get_untracked(), own, dialogs));
    view! {
        <th scope="col" aria-label=name>
            <div class="matrix-role">
                <span class="matrix-name" dir="auto" title=name>{name}</span>
                {move || role.with(|role| role.is_built_in).then(|| view! { <span class="tag">"Built in"</span> })}
                <span class="matrix-members">{move || pluralize(role.with(|role| role.members), "member", "members")}</span>
                <MenuButton menu id=format!("actions-{id}") class="icon-button" label="Actions" items><Icon glyph=Glyph::More/></MenuButton>
            </div>
        </th>
    }
}

fn permission_cell(role: Memo<RoleRow>, permission: Permission) -> impl IntoView {
    let is_granted = Memo::new(move |_| role.with(|role| role.permissions.has(permission)));
    let mark = move || {
        if is_granted.get() {
            view! { <Icon glyph=Glyph::Check/> <span class="visually-hidden">"Yes"</span> }.into_any()
        } else {
            view! { <span class="visually-hidden">"No"</span> }.into_any()
        }
    };
    view! { <td>{mark}</td> }
}

fn actions(role: &RoleRow, own: Permissions, dialogs: Dialogs<OpenDialog>) -> Vec<MenuItem> {
    let open = |dialog| MenuAction::Run(dialogs.opener(dialog));
    let copy = MenuItem { label: "Duplicate", glyph: Glyph::Copy, action: open(OpenDialog::Create(role.permissions)) };
    if role.is_built_in || own.first_missing(role.permissions).is_some() {
        return vec![copy];
    }
    let edit = MenuItem { label: "Edit", glyph: Glyph::Edit, action: open(OpenDialog::Edit(role.clone())) };
    let delete = MenuItem { label: "Delete", glyph: Glyph::Trash, action: MenuAction::Danger(dialogs.opener(OpenDialog::Delete(role.clone()))) };
    vec![edit, copy, delete]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_permission_is_in_one_group() {
        let listed: Vec<_> = GROUPS.iter().flat_map(|(_, permissions)| permissions.iter().copied()).collect();
        assert_eq!(listed.len(), Permission::ALL.len());
        assert_eq!(Permissions::of(&listed), Permissions::of(Permission::ALL));
    }
}
