//! `/profile`

use leptos::{html, prelude::*};
use leptos_meta::Title;

use super::refused::Unread;
use crate::{
    api::account::{sign_out_everywhere, viewer},
    model::{account::Viewer, fault::Fault},
    ui::{
        browser,
        button::{Button, SubmitButton},
        copy::CopyButton,
        dialog::{Dialog, DialogRole},
        form::{Form, FormView},
    },
};

/// Who one is here, what one may do, and the way out of every session.
#[component]
pub fn ProfilePage() -> impl IntoView {
    // Read anew, since the number of sessions changes.
    let viewer = OnceResource::new(viewer());
    view! {
        <Title text="Profile"/>
        <Suspense>
            {Suspend::new(async move {
                match viewer.await {
                    Ok(viewer) => view! { <Profile viewer/> }.into_any(),
                    Err(fault) => view! { <Unread fault/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Profile(viewer: Viewer) -> impl IntoView {
    let asked = RwSignal::new(false);
    let customer_shown_in = NodeRef::<html::Code>::new();

    let customer_id = viewer.customer_id.to_string();
    let sessions = match viewer.sessions {
        1 => "You are signed in here only.".to_owned(),
        count => format!("You are signed in {count} times, this one included."),
    };
    let permissions = viewer.permissions.iter().map(|permission| view! { <li>{permission.label()}</li> }).collect_view();
    view! {
        <div class="page page-narrow">
            <h1>"Profile"</h1>
            <section class="sheet" aria-labelledby="profile-you">
                <h2 id="profile-you">"You"</h2>
                <dl class="facts">
                    <div><dt>"Name"</dt><dd>{viewer.name}</dd></div>
                    <div><dt>"Email"</dt><dd>{viewer.email}</dd></div>
                </dl>
            </section>
            <section class="sheet" aria-labelledby="profile-organization">
                <h2 id="profile-organization">"Organization"</h2>
                <dl class="facts">
                    <div><dt>"Organization"</dt><dd>{viewer.organization}</dd></div>
                    <div>
                        <dt>"Customer ID"</dt>
                        <dd class="fact-copy">
                            <code node_ref=customer_shown_in>{customer_id.clone()}</code>
                            <CopyButton text=customer_id shown_in=customer_shown_in/>
                        </dd>
                    </div>
                    <div><dt>"Role"</dt><dd class="fact-role">{viewer.role}</dd></div>
                    <div><dt>"Permissions"</dt><dd><ul class="permissions">{permissions}</ul></dd></div>
                </dl>
            </section>
            <section class="sheet" aria-labelledby="profile-sessions">
                <h2 id="profile-sessions">"Sessions"</h2>
                <div class="sheet-row">
                    <p>{sessions}</p>
                    <Button label="Sign out everywhere" on_click=move |()| asked.set(true)/>
                </div>
            </section>
        </div>
        <Show when=move || asked.get()>
            <SignOutEverywhere close=move |()| asked.set(false)/>
        </Show>
    }
}

/// Ends every session; there being none any more is as good.
async fn end_sessions() -> Result<(), Fault> {
    match sign_out_everywhere().await {
        Err(Fault::SignedOut) => Ok(()),
        outcome => outcome,
    }
}

/// Asks before every session ends.
#[component]
fn SignOutEverywhere(#[prop(into)] close: Callback<()>) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| form.send(Some(end_sessions()), |()| browser::go("/sign-in"));
    view! {
        <Dialog title="Sign out everywhere?" role=DialogRole::Alert on_dismiss=close>
            <FormView form on_submit=submit>
                <p>"Every session of yours ends, on this and on all other devices. API keys keep working."</p>
                <footer class="dialog-foot">
                    <Button label="Cancel" on_click=close autofocus=true/>
                    <SubmitButton label="Sign out" pending=form.pending()/>
                </footer>
            </FormView>
        </Dialog>
    }
}
