//! `/join`: where the link of an invitation leads.

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;

use super::{entry::Entry, setup::new_password};
use crate::{
    api::account::{invitation, join},
    model::{fault::Fault, people::Offer, secret::TypedSecret, text},
    ui::{
        browser,
        button::SubmitButton,
        field::{Field, Typed},
        form::{Form, FormView, FormWrong},
        message::Alert,
    },
};

const NOT_VALID: &str = "This invitation is no longer valid: it was used, withdrawn or has expired. Ask for a new link.";

/// How far the look at the invitation is.
#[derive(Clone)]
enum Looked {
    /// Under way.
    NotYet,
    /// It is good.
    At(TypedSecret, Offer),
    /// It is not, or could not be read.
    Refused(String),
}

/// Asks whoever was invited for their name and a password.
#[component]
pub fn JoinPage() -> impl IntoView {
    // The token is in the address's fragment, which no server and no log ever sees; it leaves the address bar at once.
    let looked = RwSignal::new(Looked::NotYet);
    Effect::new(move || {
        let token = TypedSecret::new(browser::take_fragment().unwrap_or_default());
        spawn_local(async move {
            looked.set(match invitation(token.clone()).await {
                Ok(offer) => Looked::At(token, offer),
                Err(fault) => Looked::Refused(in_words(&fault)),
            });
        });
    });

    view! {
        <Title text="Join"/>
        <noscript><p class="note">"This page needs JavaScript."</p></noscript>
        {move || match looked.get() {
            Looked::NotYet => view! { <Entry title="Join" lead="You were invited."><p role="status">"Looking at your invitation…"</p></Entry> }.into_any(),
            Looked::Refused(why) => view! { <Entry title="Join" lead="You need an invitation to join."><Alert message=why/></Entry> }.into_any(),
            Looked::At(token, offer) => view! { <JoinForm token offer looked/> }.into_any(),
        }}
    }
}

#[component]
fn JoinForm(token: TypedSecret, offer: Offer, looked: RwSignal<Looked>) -> impl IntoView {
    let form = Form::new();
    let token = StoredValue::new(token);
    let submit = move |()| {
        let fields = form.check("name", text::name).zip(form.check("password", new_password));
        let call = fields.map(|(name, password)| join(token.get_value(), name, TypedSecret::new(password)));
        form.send(call.map(|call| async { used_up(call.await) }), move |joined| {
            if joined {
                browser::go("/");
            } else {
                looked.set(Looked::Refused(NOT_VALID.to_owned()));
            }
        });
    };
    let lead = format!("{} invites you to join {}.", offer.invited_by, offer.organization);
    view! {
        <Entry title="Join" lead>
            <FormView form on_submit=submit>
                <p class="entry-fact">"You will sign in as " <strong class="quoted">{offer.email.clone()}</strong> "."</p>
                // For password managers, which else would keep the name.
                <input type="hidden" name="username" autocomplete="username" value=offer.email/>
                <Field form name="name" label="Name" autocomplete="name" autofocus=true/>
                <Field form name="password" label="Password" typed=Typed::Password autocomplete="new-password"
                    hint=format!("At least {} characters.", text::PASSWORD_LENGTH.start())/>
                <FormWrong form about="email"/>
                <SubmitButton label="Join" pending=form.pending()/>
            </FormView>
        </Entry>
    }
}

/// Whether the person has joined; not where somebody else was faster.
fn used_up(answer: Result<(), Fault>) -> Result<bool, Fault> {
    match answer {
        Ok(()) => Ok(true),
        Err(Fault::NotFound) => Ok(false),
        Err(other) => Err(other),
    }
}

fn in_words(fault: &Fault) -> String {
    if *fault == Fault::NotFound { NOT_VALID.to_owned() } else { fault.to_string() }
}
