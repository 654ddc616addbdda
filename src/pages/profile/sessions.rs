//! The viewer's sessions, with sign-out of one or all.

use leptos::{prelude::*, task::spawn_local};

use crate::{
    api::{
        account::{sign_out, sign_out_everywhere},
        profile::{end_other_sessions, end_session, sessions},
    },
    routes,
};
use latchkey_types::{error::Error, member::SessionRow};
use latchkey_ui::{
    browser, button::Button, confirm_dialog::ConfirmDialog, form::Form, message::AlertWithRetry, pending_action::PendingAction,
    resource::Refetchable, rows::ForRows, time::Time, toast::use_toasts,
};

/// The sessions that are shown at first, the most recently used ones.
const SHOWN: usize = 10;

#[component]
pub(super) fn Sessions(list: Refetchable<Vec<SessionRow>>) -> impl IntoView {
    let toasts = use_toasts();
    let is_confirming = RwSignal::new(false);
    let shows_all = RwSignal::new(false);
    let ending_others = PendingAction::new();

    // Actions
    let reload = Callback::new(move |()| list.refetch(sessions));
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
    let end_others = move |()| {
        ending_others.run(end_other_sessions(), move |result| {
            match result {
                Ok(()) => toasts.success("Other sessions ended".to_owned()),
                Err(Error::SignedOut) => browser::go_to_sign_in(),
                Err(error) => toasts.error(error.to_string()),
            }
            list.refetch(sessions);
        });
    };

    // View
    let count = Memo::new(move |_| list.with(Vec::len));
    let summary = move || match count.get() {
        1 => "1 active session".to_owned(),
        count => format!("{count} active sessions"),
    };
    let (newest, all) =
        (list.rows(|sessions| sessions.get(..SHOWN).unwrap_or(sessions), |session| session.id), list.rows(|sessions| sessions, |session| session.id));
    view! {
        <section class="card" aria-labelledby="profile-sessions">
            <h2 id="profile-sessions">"Sessions"</h2>
            <div class="card-head">
                <p>{summary}</p>
                <span class="card-buttons">
                    <Show when={move || count.get() > 1}>
                        <Button label="Sign out all others" on_click=end_others pending=ending_others.pending()/>
                    </Show>
                    <Button label="Sign out everywhere" on_click=move |()| is_confirming.set(true)/>
                </span>
            </div>
            {move || list.error().get().map(|error| view! { <AlertWithRetry message=error.to_string() on_retry=reload/> })}
            <ul class="sessions" aria-label="Sessions">
                {move || view! {
                    <ForRows rows={if shows_all.get() { all } else { newest }} let(session)>
                        <SessionItem session end/>
                    </ForRows>
                }}
            </ul>
            <Show when={move || count.get() > SHOWN && !shows_all.get()}>
                <p class="card-actions"><Button label=Signal::derive(move || format!("Show all {}", count.get())) on_click=move |()| shows_all.set(true)/></p>
            </Show>
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
        <ConfirmDialog title="Sign out everywhere?" effect="You’ll be signed out on all devices, including this one. API keys keep working."
            verb="Sign out" form on_confirm=submit on_dismiss=close/>
    }
}
