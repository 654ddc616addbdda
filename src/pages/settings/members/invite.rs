//! The dialog that invites a member.

use leptos::prelude::*;

use super::context::MembersContext;
use crate::api::members::invite;
use latchkey_types::{error::Error, id::RoleId, validate};
use latchkey_ui::{
    field::{Field, InputKind},
    form::Form,
    form_dialog::FormDialog,
    select::SelectField,
};

/// The preselected role.
const DEFAULT_ROLE: &str = "Member";

#[component]
pub(super) fn InviteDialog(context: MembersContext, on_dismiss: Callback<()>) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let request = form.check("email", validate::email).zip(form.check("role", chosen_role)).map(|(email, role)| invite(email, role));
        let done = move |link| {
            context.dialogs.close();
            context.reveal(link);
        };
        form.send_with_fallback(request, done, move |link| context.reveal(link));
    };
    let options = context.choices();
    let default_role = options.iter().find(|(_, name)| name == DEFAULT_ROLE).map(|(id, _)| id.clone()).unwrap_or_default();
    view! {
        <FormDialog title="Invite a member" form submit="Invite" on_submit=submit on_dismiss>
            <Field form name="email" label="Email" kind=InputKind::Email hint="Latchkey doesn’t send an e-mail: copy the link and send it yourself." autofocus=true/>
            <SelectField form name="role" label="Role" options value=default_role/>
        </FormDialog>
    }
}

/// Parses the selected role.
pub(super) fn chosen_role(field: &str, value: &str) -> Result<RoleId, Error> {
    value.parse().map_err(|_| Error::invalid(field, "Choose a role."))
}
