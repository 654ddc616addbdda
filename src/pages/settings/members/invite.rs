//! The dialog that invites somebody.

use leptos::prelude::*;

use super::Desk;
use crate::{
    api::members::invite,
    model::{fault::Fault, id::RoleId, text},
    ui::{
        field::{Field, Typed},
        form::Form,
        form_dialog::FormDialog,
        select::SelectField,
    },
};

/// The role that most who are invited are to have.
const USUAL_ROLE: &str = "member";

/// Asks for address and role, then makes the link.
#[component]
pub fn InviteDialog(
    /// What the page shares.
    desk: Desk,
    /// Leaves without inviting anybody.
    on_dismiss: Callback<()>,
) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let call = form.check("email", text::email).zip(form.check("role", chosen_role)).map(|(email, role)| invite(email, role));
        let done = move |link| {
            desk.asked.set(None);
            desk.reveal(link);
        };
        form.send_for_keeps(call, done, move |link| desk.reveal(link));
    };
    let options = desk.choices();
    let usual = options.iter().find(|(_, name)| name == USUAL_ROLE).map(|(id, _)| id.clone()).unwrap_or_default();
    view! {
        <FormDialog title="Invite a member" form submit="Invite" on_submit=submit on_dismiss>
            <Field form name="email" label="Email" typed=Typed::Email hint="They will sign in with it. Latchkey sends no mail: you give them the link." autofocus=true/>
            <SelectField form name="role" label="Role" options value=usual/>
        </FormDialog>
    }
}

/// The role that was chosen.
///
/// # Errors
/// `Invalid` where there was none to choose.
pub fn chosen_role(field: &str, value: &str) -> Result<RoleId, Fault> {
    value.parse().map_err(|_| Fault::invalid(field, "Choose a role."))
}
