//! Dialogs to create, edit and delete a role.

use leptos::prelude::*;

use crate::{
    api::roles::{create_role, delete_role, edit_role},
    pages::receipt_text::receipt_text,
};
use latchkey_types::{
    error::Error,
    id::RoleId,
    member::RoleRow,
    permission::{Permission, Permissions},
    receipt::WithReceipt,
    validate,
};
use latchkey_ui::{
    checkbox::{CheckboxGroup, CheckboxOption},
    confirm_dialog::{ConfirmDialog, ConfirmObject},
    field::Field,
    form::{Form, FormError},
    form_dialog::FormDialog,
    number::pluralize,
    toast::ToastText,
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
    on_done: Callback<ToastText>,
) -> impl IntoView {
    let form = Form::new();
    let (id, name) = role.map(|role| (role.id, role.name)).unzip();
    let submit = move |()| {
        let fields = (form.check("name", validate::name), form.check_group("permissions", |_, selected| Ok::<_, Error>(selected)));
        let request = match fields {
            (Some(name), Some(permissions)) => Some(save(id, name, permissions)),
            _ => None,
        };
        form.send(request, move |saved| on_done.run(receipt_text(if id.is_some() { "Role updated" } else { "Role created" }, &saved)));
    };

    let option = |permission: Permission| CheckboxOption {
        value: permission.as_str().to_owned(),
        label: permission.label().to_owned(),
        checked: permissions.has(permission),
    };
    let options = own.iter().map(option).collect();
    let (title, verb) = if id.is_some() { ("Edit role", "Save") } else { ("Create role", "Create role") };
    let hint =
        if own == Permissions::of(Permission::ALL) { "What members with this role can do." } else { "You can only grant permissions you have." };
    view! {
        <FormDialog title form submit=verb on_submit=submit on_dismiss>
            <Field form name="name" label="Name" value=name.unwrap_or_default() autofocus=true/>
            // Above the group, which is long.
            <p class="field-hint">{hint}</p>
            <CheckboxGroup form name="permissions" label="Permissions" options/>
            <FormError form about="role"/>
        </FormDialog>
    }
}

async fn save(id: Option<RoleId>, name: String, permissions: Vec<String>) -> Result<WithReceipt<RoleRow>, Error> {
    match id {
        Some(id) => edit_role(id, name, permissions).await,
        None => create_role(name, permissions).await.map(Into::into),
    }
}

#[component]
pub(super) fn DeleteDialog(
    role: RoleRow,
    on_dismiss: Callback<()>,
    /// Called with the toast text.
    on_done: Callback<ToastText>,
) -> impl IntoView {
    let form = Form::new();
    let submit = Callback::new(move |()| form.send(Some(delete_role(role.id)), move |deleted| on_done.run(receipt_text("Role deleted", &deleted))));
    view! {
        <ConfirmDialog title="Delete this role?" objects=vec![ConfirmObject { name: role.name, facts: pluralize(role.members, "member", "members") }]
            effect="A role can be deleted only when no member, invitation, template or project key uses it."
            verb="Delete" form on_confirm=submit on_dismiss>
            <FormError form about="role"/>
        </ConfirmDialog>
    }
}
