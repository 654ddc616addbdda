//! `/join`: the target of an invitation link.

use leptos::{prelude::*, task::spawn_local};

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

/// Session storage key of the token, which a reload needs: it is removed from the address bar.
const TOKEN_KEY: &str = "latchkey-invitation";

const NO_TOKEN: &str = "Open the link in your invitation again.";
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

/// The form in which an invited user enters a name and a password.
#[component]
pub fn JoinPage() -> impl IntoView {
    let state = RwSignal::new(InvitationState::Loading);
    // Number of the latest check: the response to an earlier one is dropped.
    let generation = StoredValue::new(0_u32);
    let check = move |token: String| {
        generation.update_value(|generation| *generation += 1);
        let current = generation.get_value();
        state.set(InvitationState::Loading);
        spawn_local(async move {
            let token = TypedSecret::new(token);
            let result = invitation(token.clone()).await;
            if generation.try_get_value() == Some(current) {
                if result == Err(Error::NotFound) {
                    browser::remove_stored(TOKEN_KEY);
                }
                state.set(match result {
                    Ok(offer) => InvitationState::Valid(token, offer),
                    Err(error) => InvitationState::Invalid(error_message(&error)),
                });
            }
        });
    };
    Effect::new(move || {
        if let Some(token) = take_token().or_else(|| browser::stored(TOKEN_KEY)) {
            check(token);
        } else {
            state.set(InvitationState::Invalid(NO_TOKEN.to_owned()));
        }
        // A link that is opened in the tab of an earlier one changes the fragment only.
        let listener = window_event_listener_untyped("hashchange", move |_| {
            if let Some(token) = take_token() {
                check(token);
            }
        });
        on_cleanup(move || listener.remove());
    });

    view! {
        <noscript><p class="note">"This page needs JavaScript."</p></noscript>
        {move || match state.get() {
            InvitationState::Loading => view! { <AuthLayout title="Join" lead="You’ve been invited."><p role="status">"Checking your invitation…"</p></AuthLayout> }.into_any(),
            InvitationState::Invalid(reason) => view! {
                <AuthLayout title="Join" lead="You need an invitation to join.">
                    <Alert message=reason/>
                    <p><a class="button" rel="external" href=routes::SIGN_IN.path>"Sign in"</a></p>
                </AuthLayout>
            }
            .into_any(),
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
            browser::remove_stored(TOKEN_KEY);
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

/// The token in the URL fragment, which is never sent to a server or logged. It is removed from the address bar immediately.
fn take_token() -> Option<String> {
    browser::take_fragment().inspect(|token| browser::store(TOKEN_KEY, token))
}

/// The reason why an invitation could not be opened.
fn error_message(error: &Error) -> String {
    if *error == Error::NotFound { NOT_VALID.to_owned() } else { error.to_string() }
}
