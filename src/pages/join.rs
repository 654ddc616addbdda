//! `/join`: the target of an invitation link.

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;

use super::{auth_layout::AuthLayout, setup::new_password};
use crate::{
    api::account::{invitation, join},
    routes,
};
use latchkey_types::{error::Error, member::InvitationOffer, secret::TypedSecret, validate};
use latchkey_ui::{
    browser,
    button::SubmitButton,
    field::{Field, InputKind},
    form::{Form, FormError, FormView},
    message::Alert,
};

const NOT_VALID: &str = "This invitation is no longer valid: it was used, withdrawn or has expired. Ask for a new link.";

/// The state of the invitation.
#[derive(Clone)]
enum InvitationState {
    /// Being checked.
    Loading,
    /// Valid.
    Valid(TypedSecret, InvitationOffer),
    /// Invalid, or could not be checked. With the reason.
    Invalid(String),
}

/// Asks an invited user for a name and a password.
#[component]
pub fn JoinPage() -> impl IntoView {
    // The token is in the URL fragment, which is never sent to a server or logged. It is removed from the address bar immediately.
    let state = RwSignal::new(InvitationState::Loading);
    Effect::new(move || {
        let token = TypedSecret::new(browser::take_fragment().unwrap_or_default());
        spawn_local(async move {
            state.set(match invitation(token.clone()).await {
                Ok(offer) => InvitationState::Valid(token, offer),
                Err(error) => InvitationState::Invalid(error_message(&error)),
            });
        });
    });

    view! {
        <Title text=routes::JOIN.label/>
        <noscript><p class="note">"This page needs JavaScript."</p></noscript>
        {move || match state.get() {
            InvitationState::Loading => view! { <AuthLayout title="Join" lead="You’ve been invited."><p role="status">"Checking your invitation…"</p></AuthLayout> }.into_any(),
            InvitationState::Invalid(reason) => view! { <AuthLayout title="Join" lead="You need an invitation to join."><Alert message=reason/></AuthLayout> }.into_any(),
            InvitationState::Valid(token, offer) => view! { <JoinForm token offer state/> }.into_any(),
        }}
    }
}

#[component]
fn JoinForm(token: TypedSecret, offer: InvitationOffer, state: RwSignal<InvitationState>) -> impl IntoView {
    let form = Form::new();
    let token = StoredValue::new(token);
    let submit = move |()| {
        let fields = form.check("name", validate::name).zip(form.check("password", new_password));
        let call = fields.map(|(name, password)| join(token.get_value(), name, TypedSecret::new(password)));
        form.send(call.map(|call| async { has_joined(call.await) }), move |joined| {
            if joined {
                browser::go("/");
            } else {
                state.set(InvitationState::Invalid(NOT_VALID.to_owned()));
            }
        });
    };
    let lead = format!("{} invites you to join {}.", offer.invited_by, offer.organization);
    view! {
        <AuthLayout title="Join" lead>
            <FormView form on_submit=submit>
                <p class="auth-fact">"You will sign in as " <strong class="quoted">{offer.email.clone()}</strong> "."</p>
                // For password managers, which would otherwise store the name.
                <input type="hidden" name="username" autocomplete="username" value=offer.email/>
                <Field form name="name" label="Name" autocomplete="name" autofocus=true/>
                <Field form name="password" label="Password" kind=InputKind::Password autocomplete="new-password"
                    hint=format!("At least {} characters.", validate::PASSWORD_LENGTH.start())/>
                <FormError form about="email"/>
                <SubmitButton label="Join" pending=form.pending()/>
            </FormView>
        </AuthLayout>
    }
}

/// False if the invitation was used or withdrawn in the meantime.
fn has_joined(result: Result<(), Error>) -> Result<bool, Error> {
    match result {
        Ok(()) => Ok(true),
        Err(Error::NotFound) => Ok(false),
        Err(other) => Err(other),
    }
}

fn error_message(error: &Error) -> String {
    if *error == Error::NotFound { NOT_VALID.to_owned() } else { error.to_string() }
}
