//! The dialogs that make, change and delete a role.

use leptos::prelude::*;

use crate::{
    api::roles::{create_role, delete_role, edit_role},
    model::{
        fault::Fault,
        id::RoleId,
        people::RoleRow,
        permission::{Permission, Permissions},
        text,
    },
    ui::{
        button::Weight,
        check::{CheckGroup, Tick},
        field::Field,
        form::{Form, FormWrong},
        form_dialog::FormDialog,
    },
};

/// Asks for a role's name and permissions, then makes or changes it.
#[component]
pub fn DraftDialog(
    /// What the reader may do: nobody gives what they lack.
    own: Permissions,
    /// The role to change; `None` to make one.
    role: Option<RoleRow>,
    /// What is ticked at first.
    permissions: Permissions,
    /// Leaves everything as it is.
    on_dismiss: Callback<()>,
    /// Called with what was done.
    on_done: Callback<String>,
) -> impl IntoView {
    let form = Form::new();
    let (id, name) = role.map(|role| (role.id, role.name)).unzip();
    let submit = move |()| {
        let fields = (form.check("name", text::name), form.check_ticked("permissions", |_, ticked| Ok::<_, Fault>(ticked)));
        let call = match fields {
            (Some(name), Some(permissions)) => Some(save(id, name, permissions)),
            _ => None,
        };
        form.send(call, move |role: RoleRow| {
            on_done.run(if id.is_some() { format!("“{}” was changed.", role.name) } else { format!("“{}” was made.", role.name) });
        });
    };

    let tick = |permission: Permission| Tick {
        value: permission.word().to_owned(),
        label: permission.label().to_owned(),
        ticked: permissions.has(permission),
    };
    let ticks = own.iter().map(tick).collect();
    let hint = if own == Permissions::of(Permission::ALL) { "What its members may do." } else { "You can give only what you may do yourself." };
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

/// Asks, then deletes.
#[component]
pub fn DeleteDialog(
    /// The role.
    role: RoleRow,
    /// Leaves it as it is.
    on_dismiss: Callback<()>,
    /// Called with what was done.
    on_done: Callback<String>,
) -> impl IntoView {
    let form = Form::new();
    let told = format!("“{}” was deleted.", role.name);
    let submit = Callback::new(move |()| {
        let told = told.clone();
        form.send(Some(delete_role(role.id)), move |()| on_done.run(told));
    });
    view! {
        <FormDialog title="Delete this role?" form submit="Delete" weight=Weight::Danger on_submit=submit on_dismiss>
            <p><strong class="quoted">{role.name}</strong></p>
            <p>"Only a role that no member, no open invitation, no template and no project key has can be deleted."</p>
            <FormWrong form about="role"/>
        </FormDialog>
    }
}
