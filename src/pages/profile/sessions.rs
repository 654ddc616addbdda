//! Where one is signed in, and the ways out.

use leptos::{prelude::*, task::spawn_local};

use crate::{
    api::{
        account::{sign_out, sign_out_everywhere},
        profile::{end_session, sessions},
    },
    model::{fault::Fault, id::SessionId, people::SessionRow},
    ui::{
        browser,
        button::{Button, Weight},
        form::Form,
        form_dialog::FormDialog,
        loaded::Loaded,
        message::AlertWithRetry,
        time::Time,
        toast::use_toasts,
    },
};

/// The sessions, each with the way out of it, and the way out of all.
#[component]
pub fn Sessions(
    /// The sessions as they were first read.
    first: Vec<SessionRow>,
    /// Changes whenever they are to be read anew.
    read_again: RwSignal<u32>,
) -> impl IntoView {
    let toasts = use_toasts();
    let list = Loaded::new(first);
    let asked = RwSignal::new(false);

    // Actions
    let again = Callback::new(move |()| list.read_again(sessions));
    Effect::new(move |before: Option<u32>| {
        let count = read_again.get();
        if before.is_some_and(|before| before != count) {
            again.run(());
        }
        count
    });
    let end = Callback::new(move |session: SessionRow| {
        spawn_local(async move {
            match end(&session).await {
                Ok(()) if session.is_this => browser::go("/sign-in"),
                // Where it has ended by itself, what was wanted is so.
                Ok(()) | Err(Fault::NotFound) => toasts.say(format!("{} is signed out.", session.browser)),
                Err(fault) => toasts.warn(fault.to_string()),
            }
            // The page may have been left meanwhile.
            list.read_again(sessions);
        });
    });

    // View
    let told = move || match list.with(Vec::len) {
        1 => "You are signed in here only.".to_owned(),
        count => format!("You are signed in {count} times, this one included."),
    };
    let ids = move || list.with(|sessions| sessions.iter().map(|session| session.id).collect::<Vec<_>>());
    view! {
        <section class="sheet" aria-labelledby="profile-sessions">
            <h2 id="profile-sessions">"Sessions"</h2>
            <div class="sheet-row">
                <p>{told}</p>
                <Button label="Sign out everywhere" on_click=move |()| asked.set(true)/>
            </div>
            {move || list.trouble().get().map(|fault| view! { <AlertWithRetry message=fault.to_string() on_retry=again/> })}
            <ul class="sessions" aria-label="Sessions">
                <For each=ids key=|id| *id let(id)>
                    <Line list id end/>
                </For>
            </ul>
        </section>
        <Show when=move || asked.get()>
            <SignOutEverywhere close=move |()| asked.set(false)/>
        </Show>
    }
}

/// A session. Drawn once and changed in place, so that its button keeps the focus.
#[component]
fn Line(list: Loaded<Vec<SessionRow>>, id: SessionId, end: Callback<SessionRow>) -> impl IntoView {
    let Some(session) = list.part(move |sessions| sessions.iter().find(|session| session.id == id).cloned()) else { return ().into_any() };
    let from = move || session.with(|session| if session.address.is_empty() { "Unknown address".to_owned() } else { session.address.clone() });
    view! {
        <li class="session">
            <div>
                <p class="session-name">
                    {move || session.with(|session| session.browser.clone())}
                    {move || session.with(|session| session.is_this).then(|| view! { <span class="tag">"This one"</span> })}
                </p>
                <p class="session-facts">{from} " · last seen " {move || view! { <Time at=session.with(|session| session.last_seen_at)/> }}</p>
            </div>
            <Button label="Sign out" on_click=move |()| end.run(session.get_untracked())/>
        </li>
    }
    .into_any()
}

/// Ends a session; this one's cookie goes too.
async fn end(session: &SessionRow) -> Result<(), Fault> {
    if session.is_this { sign_out().await } else { end_session(session.id).await }
}

/// Ends every session; there being none any more is as good.
async fn end_all() -> Result<(), Fault> {
    match sign_out_everywhere().await {
        Err(Fault::SignedOut) => Ok(()),
        outcome => outcome,
    }
}

/// Asks before every session ends.
#[component]
fn SignOutEverywhere(#[prop(into)] close: Callback<()>) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| form.send(Some(end_all()), |()| browser::go("/sign-in"));
    view! {
        <FormDialog title="Sign out everywhere?" form submit="Sign out" weight=Weight::Danger on_submit=submit on_dismiss=close>
            <p>"Every session of yours ends, on this and on all other devices. API keys keep working."</p>
        </FormDialog>
    }
}
