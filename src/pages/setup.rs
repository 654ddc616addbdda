//! `/setup`

use leptos::prelude::*;
use leptos_meta::Title;

use super::{HOME, entry::Entry};
use crate::{
    api::account::set_up,
    model::{fault::Fault, text},
    ui::{
        browser,
        button::SubmitButton,
        field::{Field, Typed},
        form::{Form, FormView},
    },
};

/// Makes the organization and its owner, for whoever has the one-time link.
#[component]
pub fn SetupPage() -> impl IntoView {
    // The token is in the address's fragment, which no server and no log ever sees; it leaves the address bar at once.
    let token = RwSignal::new(None::<String>);
    let came_without = RwSignal::new(false);
    Effect::new(move || {
        token.set(browser::take_fragment());
        came_without.set(token.get_untracked().is_none());
    });

    let form = Form::new();
    let submit = move |()| {
        let fields = (
            form.check("organization", text::name),
            form.check("name", text::name),
            form.check("email", text::email),
            form.check("password", new_password),
        );
        let call = match (fields, token.get_untracked()) {
            ((Some(organization), Some(name), Some(email), Some(password)), token) => {
                Some(set_up(token.unwrap_or_default(), organization, name, email, password))
            }
            _ => None,
        };
        form.send(call, |()| browser::go(HOME));
    };

    view! {
        <Title text="Set up"/>
        <Entry title="Set up Latchkey" lead="Make your organization and the account of its owner.">
            <noscript><p class="note">"This page needs JavaScript."</p></noscript>
            <Show when=move || came_without.get()>
                <p class="note">
                    "This needs the one-time set-up link. It is in the server's log, on the line that starts with "
                    <code>"Set up Latchkey:"</code>
                    ". A restart prints a new one."
                </p>
            </Show>
            <FormView form on_submit=submit>
                <Field form name="organization" label="Organization" autocomplete="organization" autofocus=true/>
                <Field form name="name" label="Name" autocomplete="name"/>
                <Field form name="email" label="Email" typed=Typed::Email autocomplete="username"/>
                <Field form name="password" label="Password" typed=Typed::Password autocomplete="new-password"
                    hint=format!("At least {} characters.", text::PASSWORD_LENGTH.start())/>
                <SubmitButton label="Create account" pending=form.pending()/>
            </FormView>
        </Entry>
    }
}

/// A new password, as it was typed.
///
/// # Errors
/// `Invalid` for one that can't be taken.
pub fn new_password(field: &str, typed: &str) -> Result<String, Fault> {
    text::password(field, typed).map(|()| typed.to_owned())
}
