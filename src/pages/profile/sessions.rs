//! The viewer's sessions, with sign-out of one or all.

use leptos::{prelude::*, task::spawn_local};

use crate::{
    api::{
        account::{sign_out, sign_out_everywhere},
        profile::{end_session, sessions},
    },
    routes,
};
use latchkey_types::{error::Error, member::SessionRow};
use latchkey_ui::{
    browser,
    button::{Button, ButtonVariant},
    form::Form,
    form_dialog::FormDialog,
    message::AlertWithRetry,
    resource::Refetchable,
    rows::ForRows,
    time::Time,
    toast::use_toasts,
};

#[component]
pub(super) fn Sessions(
    /// The sessions loaded with the page.
    first: Vec<SessionRow>,
    /// A change of this counter reloads the list.
    refetch: RwSignal<u32>,
) -> impl IntoView {
    let toasts = use_toasts();
    let list = Refetchable::new(first);
    let is_confirming = RwSignal::new(false);

    // Actions
    let reload = Callback::new(move |()| list.refetch(sessions));
    Effect::new(move |before: Option<u32>| {
        let count = refetch.get();
        if before.is_some_and(|before| before != count) {
            reload.run(());
        }
        count
    });
    let end = Callback::new(move |session: SessionRow| {
        spawn_local(async move {
            match end(&session).await {
                Ok(()) if session.is_this => browser::go(routes::SIGN_IN.path),
                // An expired session is the requested result.
                Ok(()) | Err(Error::NotFound) => toasts.success("Session ended".to_owned()),
                Err(error) => toasts.error(error.to_string()),
            }
            list.refetch(sessions);
        });
    });

    // View
    let summary = move || match list.with(Vec::len) {
        1 => "1 active session".to_owned(),
        count => format!("{count} active sessions"),
    };
    let rows = list.rows(|sessions| sessions, |session| session.id);
    view! {
        <section class="card" aria-labelledby="profile-sessions">
            <h2 id="profile-sessions">"Sessions"</h2>
            <div class="card-head">
                <p>{summary}</p>
                <Button label="Sign out everywhere" on_click=move |()| is_confirming.set(true)/>
            </div>
            {move || list.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=reload/> })}
            <ul class="sessions" aria-label="Sessions">
                <ForRows rows let(session)>
                    <SessionItem session end/>
                </ForRows>
            </ul>
        </section>
        <Show when=move || is_confirming.get()>
            <SignOutEverywhere close=move |()| is_confirming.set(false)/>
        </Show>
    }
}

#[component]
fn SessionItem(session: Memo<SessionRow>, end: Callback<SessionRow>) -> impl IntoView {
    let from = move || session.with(|session| if session.address.is_empty() { "Unknown address".to_owned() } else { session.address.clone() });
    view! {
        <li class="session">
            <div>
                <p class="session-name">
                    {move || session.with(|session| session.browser.clone())}
                    {move || session.with(|session| session.is_this).then(|| view! { <span class="tag">"This device"</span> })}
                </p>
                <p class="session-details">{from} " · last seen " {move || view! { <Time at=session.with(|session| session.last_seen_at)/> }}</p>
            </div>
            <Button label="Sign out" on_click=move |()| end.run(session.get_untracked())/>
        </li>
    }
}

/// Ends a session. For the current session this also clears the cookie.
async fn end(session: &SessionRow) -> Result<(), Error> {
    if session.is_this { sign_out().await } else { end_session(session.id).await }
}

/// Ends all sessions. Succeeds if the viewer is signed out already.
async fn end_all() -> Result<(), Error> {
    match sign_out_everywhere().await {
        Err(Error::SignedOut) => Ok(()),
        result => result,
    }
}

#[component]
fn SignOutEverywhere(#[prop(into)] close: Callback<()>) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| form.send(Some(end_all()), |()| browser::go(routes::SIGN_IN.path));
    view! {
        <FormDialog title="Sign out everywhere?" form submit="Sign out" variant=ButtonVariant::Danger on_submit=submit on_dismiss=close>
            <p>"You’ll be signed out on all devices, including this one. API keys keep working."</p>
        </FormDialog>
    }
}
