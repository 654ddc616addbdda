//! Where the reader stands: may ask, waits, or holds the key.

use std::{future::Future, time::Duration};

use leptos::{html, prelude::*, task::spawn_local};

use super::board::{Board, Imported};
use crate::{
    api::{
        issued::reveal_key,
        requests::{ask_for_key, withdraw_request},
    },
    model::{
        fault::Fault,
        policy::Status,
        template::{HeldKey, KeyTile, Rejection, Waiting},
    },
    pages::secret::use_reveal,
    ui::{
        browser,
        button::{Button, Weight},
        message::Alert,
        time::Time,
        toast::use_toasts,
    },
};

/// The foot of a tile: the state, and what can be done about it.
#[component]
pub fn Standing(
    /// The tiles.
    board: Board,
    /// The tile.
    tile: Memo<KeyTile>,
) -> impl IntoView {
    let pending = RwSignal::new(false);
    let trouble = RwSignal::new(None::<Fault>);
    let has_acted = StoredValue::new(false);
    let doing = Doing { board, pending, trouble, has_acted };
    let foot = NodeRef::<html::Footer>::new();
    let waiting = Memo::new(move |_| tile.with(|tile| tile.waiting.clone()));
    let held = Memo::new(move |_| tile.with(|tile| tile.key.clone().filter(HeldKey::is_live)));
    let state = move || match (held.get(), waiting.get()) {
        (Some(key), _) => view! { <Confirmed doing tile key/> }.into_any(),
        (None, Some(waiting)) => view! { <Asked doing tile waiting/> }.into_any(),
        (None, None) => view! { <Open doing tile/> }.into_any(),
    };
    // The button that was pressed goes with the state that it ended: the next one gets the focus. A dialog gives it back by itself.
    Effect::new(move |before: Option<()>| {
        held.track();
        waiting.track();
        if before.is_some() && has_acted.get_value() {
            has_acted.set_value(false);
            set_timeout(move || focus_first_button(foot), Duration::ZERO);
        }
    });
    // No live region: its times go on. What was done a message says, what was decided a notice.
    view! {
        <footer class="tile-foot" node_ref=foot>
            {state}
            {move || trouble.get().map(|fault| view! { <Alert message=fault.to_string()/> })}
        </footer>
    }
}

fn focus_first_button(foot: NodeRef<html::Footer>) {
    // The tile may be gone.
    let foot = foot.try_get_untracked().flatten();
    if browser::focused().is_none() && !foot.is_some_and(|foot| browser::focus_first(&foot, "button:not(:disabled)")) {
        browser::focus_something();
    }
}

/// What is on its way from a tile, and what went wrong.
#[derive(Clone, Copy)]
struct Doing {
    board: Board,
    pending: RwSignal<bool>,
    trouble: RwSignal<Option<Fault>>,
    /// Whether the state that comes next is the reader's own doing.
    has_acted: StoredValue<bool>,
}

impl Doing {
    /// Does one thing at a time.
    fn run<T: 'static>(self, call: impl Future<Output = Result<T, Fault>> + 'static, on_done: impl FnOnce(T) + 'static) {
        if self.pending.get_untracked() {
            return;
        }
        self.pending.set(true);
        self.has_acted.set_value(true);
        spawn_local(async move {
            let answer = call.await;
            let wrong = answer.as_ref().err().cloned();
            // First of all: nothing brings back what an answer may hold.
            let heard = match answer {
                Ok(answer) => {
                    on_done(answer);
                    Ok(())
                }
                Err(fault) => Err(fault),
            };
            if wrong.is_some() {
                let _ = self.has_acted.try_set_value(false);
            }
            let _ = self.pending.try_set(false);
            let _ = self.trouble.try_set(wrong);
            let _ = self.board.heard(heard);
        });
    }
}

#[component]
fn Open(doing: Doing, tile: Memo<KeyTile>) -> impl IntoView {
    let toasts = use_toasts();
    let ask = move |()| {
        let (id, name) = tile.with_untracked(|tile| (tile.template, tile.name.clone()));
        doing.run(ask_for_key(id), move |()| toasts.say(format!("You asked for “{name}”. Those who decide were told.")));
    };
    let ended = move || tile.with(|tile| tile.key.clone()).map(|key| ended(&key));
    let rejected = move || tile.with(|tile| tile.rejected.clone()).map(rejected);
    view! {
        {ended}
        {rejected}
        <div class="tile-actions"><Button label="Request" weight=Weight::Primary pending=doing.pending on_click=ask/></div>
    }
}

/// What became of the key before.
fn ended(key: &HeldKey) -> AnyView {
    let at = if key.status == Status::Revoked { key.revoked_at } else { key.expires_at };
    view! {
        <p class="tile-state">
            <span class="state state-ended">{key.status.label()}</span>
            {at.map(|at| view! { <Time at/> })}
        </p>
    }
    .into_any()
}

fn rejected(rejection: Rejection) -> AnyView {
    let Rejection { at, by, word } = rejection;
    view! {
        <p class="tile-state">
            <span class="state state-ended">"Rejected"</span>
            <span><Time at/> " by " {by}</span>
        </p>
        {(!word.is_empty()).then(|| view! { <blockquote class="tile-word tile-lines">{word}</blockquote> })}
    }
    .into_any()
}

#[component]
fn Asked(doing: Doing, tile: Memo<KeyTile>, waiting: Waiting) -> impl IntoView {
    let toasts = use_toasts();
    let Waiting { id, asked_at } = waiting;
    let withdraw = move |()| {
        let name = tile.with_untracked(|tile| tile.name.clone());
        doing.run(withdraw_request(id), move |()| toasts.say(format!("You no longer ask for “{name}”.")));
    };
    view! {
        <p class="tile-state">
            <span class="state state-waiting">"Waiting for approval"</span>
            <span>"Asked " <Time at=asked_at/></span>
        </p>
        <div class="tile-actions"><Button label="Withdraw" pending=doing.pending on_click=withdraw/></div>
    }
}

#[component]
fn Confirmed(doing: Doing, tile: Memo<KeyTile>, key: HeldKey) -> impl IntoView {
    let reveal = use_reveal();
    let HeldKey { id, received_at, revealed_at, expires_at, status, .. } = key;
    let name = move || tile.with_untracked(|tile| tile.name.clone());
    let show = move |()| {
        let name = name();
        doing.run(reveal_key(id), move |secret| {
            doing.board.keep(id, secret.clone());
            reveal.show_token(name, secret);
        });
    };
    let import = move |()| doing.board.asked.set(Some(Imported { key: id, name: name(), is_revealed: revealed_at.is_some() }));
    let is_disabled = status == Status::Disabled;
    let state = if is_disabled {
        view! { <span class="state state-waiting">"Disabled"</span> }.into_any()
    } else {
        view! { <span class="state state-good">"Confirmed"</span> }.into_any()
    };
    view! {
        <p class="tile-state">
            {state}
            <span>"Received " <Time at=received_at/></span>
            {revealed_at.map(|at| view! { <span>"Revealed " <Time at/></span> })}
            {expires_at.map(|at| view! { <span>"Expires " <Time at/></span> })}
        </p>
        {is_disabled.then(|| view! {
            <p class="field-hint">"It is refused, and can't be imported, until somebody who manages the project enables it again."</p>
        })}
        {move || tile.with(|tile| tile.is_deleted).then(|| view! { <p class="field-hint">"Its template was deleted. The key goes on."</p> })}
        <div class="tile-actions">
            {revealed_at.is_none().then(|| view! { <Button label="Reveal key" weight=Weight::Primary pending=doing.pending on_click=show/> })}
            <Button label="Import into a project…" disabled=is_disabled on_click=import/>
        </div>
        {revealed_at.is_none().then(|| view! { <p class="field-hint">"It is made when you reveal it, and shown once: to you alone."</p> })}
    }
}
