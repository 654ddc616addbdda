//! `/join`: the target of an invitation link.

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;

use super::{auth_layout::Entry, setup::new_password};
use crate::api::account::{invitation, join};
use latchkey_types::{error::Fault, member::Offer, secret::TypedSecret, validate};
use latchkey_ui::{
    browser,
    button::SubmitButton,
    field::{Field, Typed},
    form::{Form, FormView, FormWrong},
    message::Alert,
};

const NOT_VALID: &str = "This invitation is no longer valid: it was used, withdrawn or has expired. Ask for a new link.";

/// The state of the invitation.
#[derive(Clone)]
enum InvitationState {
    /// Being checked.
    Loading,
    /// Valid.
    Valid(TypedSecret, Offer),
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
                Err(fault) => InvitationState::Invalid(error_message(&fault)),
            });
        });
    });

    view! {
        <Title text="Join"/>
        <noscript><p class="note">"This page needs JavaScript."</p></noscript>
        {move || match state.get() {
            InvitationState::Loading => view! { <Entry title="Join" lead="You’ve been invited."><p role="status">"Checking your invitation…"</p></Entry> }.into_any(),
            InvitationState::Invalid(reason) => view! { <Entry title="Join" lead="You need an invitation to join."><Alert message=reason/></Entry> }.into_any(),
            InvitationState::Valid(token, offer) => view! { <JoinForm token offer state/> }.into_any(),
        }}
    }
}

#[component]
fn JoinForm(token: TypedSecret, offer: Offer, state: RwSignal<InvitationState>) -> impl IntoView {
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
        <Entry title="Join" lead>
            <FormView form on_submit=submit>
                <p class="entry-fact">"You will sign in as " <strong class="quoted">{offer.email.clone()}</strong> "."</p>
                // For password managers, which would otherwise store the name.
                <input type="hidden" name="username" autocomplete="username" value=offer.email/>
                <Field form name="name" label="Name" autocomplete="name" autofocus=true/>
                <Field form name="password" label="Password" typed=Typed::Password autocomplete="new-password"
                    hint=format!("At least {} characters.", validate::PASSWORD_LENGTH.start())/>
                <FormWrong form about="email"/>
                <SubmitButton label="Join" pending=form.pending()/>
            </FormView>
        </Entry>
    }
}

/// False if the invitation was used or withdrawn in the meantime.
fn has_joined(result: Result<(), Fault>) -> Result<bool, Fault> {
    match result {
        Ok(()) => Ok(true),
        Err(Fault::NotFound) => Ok(false),
        Err(other) => Err(other),
    }
}

fn error_message(fault: &Fault) -> String {
    if *fault == Fault::NotFound { NOT_VALID.to_owned() } else { fault.to_string() }
}
