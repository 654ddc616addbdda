//! Dialogs to change the viewer's name and password.

use leptos::prelude::*;

use crate::{
    api::profile::{change_password, rename},
    entrance::setup::new_password,
};
use latchkey_types::{error::Error, secret::TypedSecret, validate};
use latchkey_ui::{
    field::{Field, InputKind},
    form::Form,
    form_dialog::FormDialog,
};

#[component]
pub(super) fn NameDialog(name: String, on_dismiss: Callback<()>, on_done: Callback<()>) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| form.send(form.check("name", validate::name).map(rename), move |()| on_done.run(()));
    view! {
        <FormDialog title="Change name" form submit="Save" on_submit=submit on_dismiss>
            <Field form name="name" label="Name" value=name autocomplete="name" autofocus=true/>
        </FormDialog>
    }
}

/// Requires the current password.
#[component]
pub(super) fn PasswordDialog(on_dismiss: Callback<()>, on_done: Callback<()>) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let fields = form.check("current", current_password).zip(form.check("password", new_password));
        let request = fields.map(|(current, password)| change_password(TypedSecret::new(current), TypedSecret::new(password)));
        form.send(request, move |()| on_done.run(()));
    };
    view! {
        <FormDialog title="Change password" form submit="Save" on_submit=submit on_dismiss>
            <Field form name="current" label="Current password" kind=InputKind::Password autocomplete="current-password" autofocus=true/>
            <Field form name="password" label="New password" kind=InputKind::Password autocomplete="new-password"
                hint=format!("At least {} characters. You’ll be signed out on other devices.", validate::PASSWORD_LENGTH.start())/>
        </FormDialog>
    }
}

fn current_password(field: &str, typed: &str) -> Result<String, Error> {
    if typed.is_empty() { Err(Error::invalid(field, "Enter your password.")) } else { Ok(typed.to_owned()) }
}
