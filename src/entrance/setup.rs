//! `/setup`

use leptos::prelude::*;

use super::auth_layout::AuthLayout;
use crate::{api::account::set_up, routes};
use latchkey_types::{error::Error, validate};
use latchkey_ui::{
    browser,
    button::SubmitButton,
    field::{Field, InputKind},
    form::{Form, FormView},
};

/// Creates the organization and its owner. Requires the one-time setup link.
#[component]
pub fn SetupPage() -> impl IntoView {
    // The token is in the URL fragment, which is never sent to a server or logged. It is removed from the address bar immediately.
    let token = RwSignal::new(None::<String>);
    let is_token_missing = RwSignal::new(false);
    Effect::new(move || {
        token.set(browser::take_fragment());
        is_token_missing.set(token.get_untracked().is_none());
    });

    let form = Form::new();
    let submit = move |()| {
        let fields = (
            form.check("organization", validate::name),
            form.check("name", validate::name),
            form.check("email", validate::email),
            form.check("password", new_password),
        );
        let call = match (fields, token.get_untracked()) {
            ((Some(organization), Some(name), Some(email), Some(password)), token) => {
                Some(set_up(token.unwrap_or_default(), organization, name, email, password))
            }
            _ => None,
        };
        form.send(call, |()| browser::go(routes::HOME.path));
    };

    view! {
        <AuthLayout title="Set up Latchkey" lead="Create your organization and your account as its owner. You can invite others later.">
            <noscript><p class="note">"This page needs JavaScript."</p></noscript>
            <Show when=move || is_token_missing.get()>
                <p class="note">
                    "Open the one-time setup link from the server log. Look for the line starting with "
                    <code>"Set up Latchkey:"</code>
                    ". A restart prints a new one."
                </p>
            </Show>
            <FormView form on_submit=submit>
                <Field form name="organization" label="Organization" autocomplete="organization" autofocus=true/>
                <Field form name="name" label="Name" autocomplete="name"/>
                <Field form name="email" label="Email" kind=InputKind::Email autocomplete="username"/>
                <Field form name="password" label="Password" kind=InputKind::Password autocomplete="new-password"
                    hint=format!("At least {} characters.", validate::PASSWORD_LENGTH.start())/>
                <SubmitButton label="Create account" pending=form.pending()/>
            </FormView>
        </AuthLayout>
    }
}

/// Validates a new password.
pub fn new_password(field: &str, typed: &str) -> Result<String, Error> {
    validate::password(field, typed).map(|()| typed.to_owned())
}
