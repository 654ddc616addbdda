//! Dialogs to create, edit and delete a role.

use leptos::prelude::*;

use crate::api::roles::{create_role, delete_role, edit_role};
use latchkey_types::{
    error::Fault,
    id::RoleId,
    member::RoleRow,
    permission::{Permission, Permissions},
    validate,
};
use latchkey_ui::{
    button::Weight,
    checkbox::{CheckGroup, Tick},
    field::Field,
    form::{Form, FormWrong},
    form_dialog::FormDialog,
};

#[component]
pub(super) fn DraftDialog(
    /// The viewer's permissions: only these can be granted.
    own: Permissions,
    /// The role to edit; `None` creates one.
    role: Option<RoleRow>,
    /// The permissions that are selected initially.
    permissions: Permissions,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<String>,
) -> impl IntoView {
    let form = Form::new();
    let (id, name) = role.map(|role| (role.id, role.name)).unzip();
    let submit = move |()| {
        let fields = (form.check("name", validate::name), form.check_ticked("permissions", |_, selected| Ok::<_, Fault>(selected)));
        let request = match fields {
            (Some(name), Some(permissions)) => Some(save(id, name, permissions)),
            _ => None,
        };
        form.send(request, move |_| on_done.run(if id.is_some() { "Role updated" } else { "Role created" }.to_owned()));
    };

    let option = |permission: Permission| Tick {
        value: permission.word().to_owned(),
        label: permission.label().to_owned(),
        ticked: permissions.has(permission),
    };
    let ticks = own.iter().map(option).collect();
    let hint =
        if own == Permissions::of(Permission::ALL) { "What members with this role can do." } else { "You can only grant permissions you have." };
    view! {
        <FormDialog title=if id.is_some() { "Edit role" } else { "Create role" } form submit="Save" on_submit=submit on_dismiss>
            <Field form name="name" label="Name" value=name.unwrap_or_default() autofocus=true/>
            <CheckGroup form name="permissions" label="Permissions" ticks hint/>
            <FormWrong form about="role"/>
        </FormDialog>
    }
}

async fn save(id: Option<RoleId>, name: String, permissions: Vec<String>) -> Result<RoleRow, Fault> {
    match id {
        Some(id) => edit_role(id, name, permissions).await,
        None => create_role(name, permissions).await,
    }
}

#[component]
pub(super) fn DeleteDialog(
    role: RoleRow,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<String>,
) -> impl IntoView {
    let form = Form::new();
    let submit = Callback::new(move |()| form.send(Some(delete_role(role.id)), move |()| on_done.run("Role deleted".to_owned())));
    view! {
        <FormDialog title="Delete this role?" form submit="Delete" weight=Weight::Danger on_submit=submit on_dismiss>
            <p><strong class="quoted">{role.name}</strong></p>
            <p>"A role can be deleted only when no member, invitation, template or project key uses it."</p>
            <FormWrong form about="role"/>
        </FormDialog>
    }
}
