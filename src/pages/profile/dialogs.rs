//! The dialogs that change one's name and one's password.

use leptos::prelude::*;

use super::super::setup::new_password;
use crate::{
    api::profile::{change_password, rename},
    model::{fault::Fault, secret::TypedSecret, text},
    ui::{
        field::{Field, Typed},
        form::Form,
        form_dialog::FormDialog,
    },
};

/// Asks for another name, then takes it.
#[component]
pub fn NameDialog(
    /// The name.
    name: String,
    /// Leaves it as it is.
    on_dismiss: Callback<()>,
    /// Called once it is changed.
    on_done: Callback<()>,
) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| form.send(form.check("name", text::name).map(rename), move |()| on_done.run(()));
    view! {
        <FormDialog title="Change name" form submit="Save" on_submit=submit on_dismiss>
            <Field form name="name" label="Name" value=name autocomplete="name" autofocus=true/>
        </FormDialog>
    }
}

/// Asks for the password and another one, then takes that.
#[component]
pub fn PasswordDialog(
    /// Leaves it as it is.
    on_dismiss: Callback<()>,
    /// Called once it is changed.
    on_done: Callback<()>,
) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let fields = form.check("current", given).zip(form.check("password", new_password));
        let call = fields.map(|(current, password)| change_password(TypedSecret::new(current), TypedSecret::new(password)));
        form.send(call, move |()| on_done.run(()));
    };
    view! {
        <FormDialog title="Change password" form submit="Save" on_submit=submit on_dismiss>
            <Field form name="current" label="Current password" typed=Typed::Password autocomplete="current-password" autofocus=true/>
            <Field form name="password" label="New password" typed=Typed::Password autocomplete="new-password"
                hint=format!("At least {} characters. Every other session of yours ends.", text::PASSWORD_LENGTH.start())/>
        </FormDialog>
    }
}

fn given(field: &str, typed: &str) -> Result<String, Fault> {
    if typed.is_empty() { Err(Fault::invalid(field, "Enter your password.")) } else { Ok(typed.to_owned()) }
}
