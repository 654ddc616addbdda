//! The rules for calls that their callers gave a name: each changes things once, and a repetition is answered as the first was.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::{MissedTickBehavior, interval};

use super::{
    actor::{Actor, Means},
    state::AppState,
    store::{self, named_calls::NamedCall},
};
use crate::model::{
    fault::Fault,
    permission::Permissions,
    time::{DAY_MS, Timestamp},
};

/// A call that goes on for longer than this was interrupted: none may take half of it.
const LONGEST_MS: i64 = 60_000;
/// How often calls that are a day old are forgotten, besides whenever one begins.
const CLEAN_EVERY: Duration = Duration::from_hours(1);

/// A call and the name that its caller gave it, both as HMACs: neither can be read back.
#[derive(Clone, Copy)]
pub struct Named {
    name: [u8; 32],
    call: [u8; 32],
}

/// What an answer is, to be repeated.
pub struct Kept {
    /// Its status.
    pub status: u16,
    /// Its headers, as JSON.
    pub headers: String,
    /// Its body, without a secret.
    pub body: Vec<u8>,
}

/// What is known of a call when it comes.
pub enum Known {
    /// Nothing: it may go on, and is noted.
    New,
    /// It goes on.
    Running,
    /// It ended, or broke off, without an answer: whether it changed something is not known.
    Interrupted,
    /// The name is another call's.
    Another,
    /// It was answered.
    Answered(Kept),
}

impl Named {
    /// A call of this actor, by method, path and body.
    pub fn new(state: &AppState, actor: &Actor, name: &str, call: &[&[u8]]) -> Self {
        let caller = match actor.means {
            Means::Key(id) => id.to_string(),
            Means::Session | Means::Console => actor.user.to_string(),
        };
        let digest = |parts: &[&[u8]]| {
            // Their lengths keep the parts apart; the word keeps them apart from what else is digested under the pepper.
            let hash = parts
                .iter()
                .fold(Sha256::new_with_prefix("named call"), |hash, part| hash.chain_update((part.len() as u64).to_be_bytes()).chain_update(part));
            *state.pepper.digest_of_sha256(&hash.finalize().into()).as_bytes()
        };
        Self { name: digest(&[caller.as_bytes(), name.as_bytes()]), call: digest(call) }
    }
}

/// Begins a call, unless it was begun before.
///
/// # Errors
/// `Forbidden` where the actor may no longer do what they could when they were answered; `Unavailable`.
pub async fn begin(state: &AppState, actor: &Actor, named: Named) -> Result<Known, Fault> {
    let permissions = actor.permissions;
    let now = Timestamp::now();
    let found = state
        .store
        .write(move |tx| {
            Box::pin(async move {
                store::named_calls::delete_before(tx, now.plus_ms(-DAY_MS)).await?;
                let found = store::named_calls::find(tx, &named.name).await?;
                if found.is_none() {
                    store::named_calls::insert(tx, &named.name, &named.call, permissions, now).await?;
                }
                Ok(found)
            })
        })
        .await?;
    found.map_or(Ok(Known::New), |found| known(actor, named, found, now))
}

fn known(actor: &Actor, named: Named, found: NamedCall, now: Timestamp) -> Result<Known, Fault> {
    if found.call_digest != named.call {
        return Ok(Known::Another);
    }
    match found.status.map(u16::try_from) {
        None if now.0 - found.started_at < LONGEST_MS => Ok(Known::Running),
        Some(Ok(status @ 200..500)) => {
            actor.require_all(Permissions::from_words(&found.permissions))?;
            Ok(Known::Answered(Kept { status, headers: found.headers.unwrap_or_default(), body: found.body.unwrap_or_default() }))
        }
        None | Some(_) => Ok(Known::Interrupted),
    }
}

/// Notes how a call ended: what it answered, so that it can be repeated, or that it can't be.
///
/// # Errors
/// `Unavailable`: then it counts as interrupted.
pub async fn end(state: &AppState, named: Named, kept: Kept) -> Result<(), Fault> {
    let write = state
        .store
        .write(move |tx| Box::pin(async move { Ok(store::named_calls::finish(tx, &named.name, kept.status, &kept.headers, &kept.body).await?) }));
    write.await
}

/// Frees the name of a call that was refused: it changed nothing, and may be made again.
///
/// # Errors
/// `Unavailable`: then it counts as interrupted.
pub async fn undo(state: &AppState, named: Named) -> Result<(), Fault> {
    state.store.write(move |tx| Box::pin(async move { Ok(store::named_calls::delete(tx, &named.name).await?) })).await
}

/// Forgets calls that are a day old, for ever.
pub async fn clean(state: AppState) {
    let mut turns = interval(CLEAN_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let before = Timestamp::now().plus_ms(-DAY_MS);
        // The next turn does what this one can't.
        let _ = state.store.write(move |tx| Box::pin(async move { Ok(store::named_calls::delete_before(tx, before).await?) })).await;
    }
}
