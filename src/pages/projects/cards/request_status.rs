//! State of a tile for the viewer: requestable, waiting for approval, or confirmed.

use std::{future::Future, time::Duration};

use leptos::{html, prelude::*};

use super::state::{KeyToImport, TilesContext};
use crate::{
    api::{
        access_requests::{request_key, withdraw_request},
        issued_keys::reveal_key,
    },
    pages::secret::use_reveal,
};
use latchkey_types::{
    error::Error,
    key_kind::Status,
    key_template::{KeyCard, PendingRequest, RejectedRequest, UserKey},
};
use latchkey_ui::{
    browser,
    button::{Button, ButtonVariant},
    click_guard,
    message::Alert,
    pending_action::PendingAction,
    time::{Time, TimeFormat},
    toast::use_toasts,
};

/// The state of a tile and its actions, directly below its title.
#[component]
pub(super) fn RequestStatus(context: TilesContext, tile: Memo<KeyCard>) -> impl IntoView {
    let call = PendingAction::new();
    let last_error = RwSignal::new(None::<Error>);
    let has_acted = StoredValue::new(false);
    let action = TileAction { context, call, last_error, has_acted };
    let status = NodeRef::<html::Div>::new();
    let waiting = Memo::new(move |_| tile.with(|tile| tile.pending.clone()));
    let held = Memo::new(move |_| tile.with(|tile| tile.key.clone().filter(UserKey::is_live)));
    let state = move || match (held.get(), waiting.get()) {
        (Some(key), _) => view! { <Confirmed action tile key/> }.into_any(),
        (None, Some(pending)) => view! { <AwaitingApproval action pending/> }.into_any(),
        (None, None) => view! { <Requestable action tile/> }.into_any(),
    };
    // The pressed button disappears with its state: focus the first button of the next state. A dialog restores the focus itself.
    Effect::new(move |previous: Option<()>| {
        held.track();
        waiting.track();
        if previous.is_none() {
            return;
        }
        // Another action takes the place of the previous one.
        click_guard::hold();
        if has_acted.get_value() {
            has_acted.set_value(false);
            set_timeout(move || focus_first_button(status), Duration::ZERO);
        }
    });
    // Not a live region: relative times in it change. Toasts and notifications announce changes.
    view! {
        <div class="tile-status" node_ref=status>
            {state}
            {move || last_error.get().map(|error| view! { <Alert message=error_message(&error)/> })}
        </div>
    }
}

fn focus_first_button(status: NodeRef<html::Div>) {
    // The tile may be gone.
    let status = status.try_get_untracked().flatten();
    if browser::focused().is_none() && !status.is_some_and(|status| browser::focus_first(&status, "button:not(:disabled)")) {
        browser::focus_fallback();
    }
}

/// The tile is still shown to a member who was removed from the project.
fn error_message(error: &Error) -> String {
    match error {
        Error::NotFound => "You no longer have access to this project, or it was deleted.".to_owned(),
        error => error.to_string(),
    }
}

/// The pending action of a tile, and its error.
#[derive(Clone, Copy)]
struct TileAction {
    context: TilesContext,
    call: PendingAction,
    last_error: RwSignal<Option<Error>>,
    /// Whether the viewer caused the next change of state.
    has_acted: StoredValue<bool>,
}

impl TileAction {
    /// Ignores the request while another one is pending.
    fn run<T: 'static>(self, request: impl Future<Output = Result<T, Error>> + 'static, on_done: impl FnOnce(T) + 'static) {
        self.has_acted.set_value(true);
        self.call.run(request, move |result| {
            let error = result.as_ref().err().cloned();
            // First: a revealed secret in the response can't be fetched again.
            let result = match result {
                Ok(value) => {
                    on_done(value);
                    Ok(())
                }
                Err(error) => Err(error),
            };
            if error.is_some() {
                let _ = self.has_acted.try_set_value(false);
            }
            let _ = self.last_error.try_set(error);
            let _ = self.context.reload_after(result);
        });
    }
}

#[component]
fn Requestable(action: TileAction, tile: Memo<KeyCard>) -> impl IntoView {
    let toasts = use_toasts();
    let request = move |()| {
        let id = tile.with_untracked(|tile| tile.template);
        action.run(request_key(id), move |()| toasts.success("Request sent".to_owned()));
    };
    let ended = move || tile.with(|tile| tile.key.clone()).map(|key| ended(&key));
    let rejected = move || tile.with(|tile| tile.rejected.clone()).map(rejected);
    view! {
        {ended}
        {rejected}
        <div class="tile-actions"><Button label="Request" variant=ButtonVariant::Primary pending=action.call.pending() on_click=request/></div>
    }
}

/// The state of the viewer's previous key.
fn ended(key: &UserKey) -> AnyView {
    let at = if key.status == Status::Revoked { key.revoked_at } else { key.expires_at };
    view! {
        <p class="tile-state">
            <span class="state state-ended">{key.status.label()}</span>
            {at.map(|at| view! { <Time at/> })}
        </p>
    }
    .into_any()
}

fn rejected(rejection: RejectedRequest) -> AnyView {
    let RejectedRequest { at, by, comment } = rejection;
    view! {
        <p class="tile-state">
            <span class="state state-ended">"Rejected"</span>
            <span><Time at/> " by " {by}</span>
        </p>
        {(!comment.is_empty()).then(|| view! { <blockquote class="tile-comment tile-lines">{comment}</blockquote> })}
    }
    .into_any()
}

#[component]
fn AwaitingApproval(action: TileAction, pending: PendingRequest) -> impl IntoView {
    let toasts = use_toasts();
    let PendingRequest { id, requested_at } = pending;
    let withdraw = move |()| action.run(withdraw_request(id), move |()| toasts.success("Request withdrawn".to_owned()));
    // At the other end than `Request`, which it would otherwise replace under the pointer.
    view! {
        <div class="tile-waiting">
            <p class="tile-state">
                <span class="state state-pending">"Waiting for approval"</span>
                <span>"Requested " <Time at=requested_at/></span>
            </p>
            <Button label="Withdraw" pending=action.call.pending() on_click=withdraw/>
        </div>
    }
}

#[component]
fn Confirmed(action: TileAction, tile: Memo<KeyCard>, key: UserKey) -> impl IntoView {
    let reveal = use_reveal();
    let UserKey { id, received_at, revealed_at, expires_at, status, .. } = key;
    let name = move || tile.with_untracked(|tile| tile.name.clone());
    let show = move |()| {
        let name = name();
        action.run(reveal_key(id), move |secret| {
            action.context.remember_secret(id, secret.clone());
            reveal.show_token(name, secret, action.context.project);
        });
    };
    let import = move |()| action.context.import_dialog.open(KeyToImport { key: id, name: name(), is_revealed: revealed_at.is_some() });
    let is_disabled = status == Status::Disabled;
    let state = if is_disabled {
        view! { <span class="state state-pending">"Disabled"</span> }.into_any()
    } else {
        view! { <span class="state state-good">"Confirmed"</span> }.into_any()
    };
    view! {
        <p class="tile-state">
            {state}
            <span>"Received " <Time at=received_at/></span>
            {revealed_at.map(|at| view! { <span>"Revealed " <Time at/></span> })}
            {expires_at.map(|at| view! { <span>"Expires " <Time at format=TimeFormat::Date/></span> })}
        </p>
        {is_disabled.then(|| view! {
            <p class="field-hint">"Disabled by a project manager. It can’t be used or imported until re-enabled."</p>
        })}
        {move || tile.with(|tile| tile.is_deleted).then(|| view! { <p class="field-hint">"Its template was deleted; the key still works."</p> })}
        <div class="tile-actions">
            {revealed_at.is_none().then(|| view! { <Button label="Reveal key" variant=ButtonVariant::Primary pending=action.call.pending() on_click=show/> })}
            <Button label="Import into a project…" disabled=is_disabled on_click=import/>
        </div>
        {revealed_at.is_some().then(|| view! {
            <p class="field-hint">"Lost it? Ask a project manager to revoke it, then request a new key."</p>
        })}
        {revealed_at.is_none().then(|| view! { <p class="field-hint">"Generated when you reveal it. Shown once, only to you."</p> })}
    }
}
