//! Idempotency keys: a request with such a key takes effect once, and a repetition gets the stored response.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::{MissedTickBehavior, interval};

use super::{
    Core,
    actor::{Actor, AuthMethod},
};
use latchkey_store::{self as store, Store, WriteLock, idempotency_keys::IdempotencyRecord};
use latchkey_types::{error::Error, time::DAY_MS};

/// A request that is in progress for longer than this counts as interrupted. Requests must finish within it.
const MAX_DURATION_MS: i64 = 60_000;
/// How often records older than a day are deleted. Until then they do not count.
const CLEANUP_INTERVAL: Duration = Duration::from_hours(1);

/// A request and its idempotency key, both as HMACs, so that neither can be recovered.
#[derive(Clone, Copy)]
pub struct IdempotencyKey {
    key: [u8; 32],
    request: [u8; 32],
}

/// A stored response.
pub struct StoredResponse {
    pub status: u16,
    /// JSON.
    pub headers: String,
    /// Without secrets.
    pub body: Vec<u8>,
}

/// State of an idempotency key when a request arrives.
pub enum KeyState {
    /// Unused: the request was recorded and can proceed.
    New,
    /// Its first request is in progress.
    InProgress,
    /// Its first request ended without a response that can be repeated; whether it took effect is unknown.
    Interrupted,
    /// It was used for a different request.
    OtherRequest,
    /// Its first request has a stored response.
    Completed(StoredResponse),
}

impl IdempotencyKey {
    /// The key `name` of this actor, for a request of these parts: method, path and body.
    pub fn new(core: &Core, actor: &Actor, name: &str, request: &[&[u8]]) -> Self {
        let caller = match actor.auth_method {
            AuthMethod::Key { id, .. } => id.to_string(),
            AuthMethod::Session(_) | AuthMethod::Password | AuthMethod::Console => actor.user.to_string(),
        };
        let digest = |parts: &[&[u8]]| {
            // Lengths keep the parts apart; the prefix separates these digests from others under the pepper.
            let hash = parts
                .iter()
                .fold(Sha256::new_with_prefix("named call"), |hash, part| hash.chain_update((part.len() as u64).to_be_bytes()).chain_update(part));
            *core.pepper.digest_of_sha256(&hash.finalize().into()).as_bytes()
        };
        Self { key: digest(&[caller.as_bytes(), name.as_bytes()]), request: digest(request) }
    }
}

/// Starts a request unless its key was used before. Of concurrent calls with one key, on any instance, one starts.
///
/// # Errors
/// `Forbidden` if the actor lost a permission since the stored response; `Unavailable`.
pub async fn begin(core: &Core, actor: &Actor, named: IdempotencyKey) -> Result<KeyState, Error> {
    let mut tx = core.store.begin_locked(WriteLock::Nothing).await?;
    let found = loop {
        if store::idempotency_keys::try_insert(&mut tx, &named.key, &named.request, actor.permissions, DAY_MS).await? {
            break None;
        }
        // Otherwise the key was released in the meantime.
        if let Some(found) = store::idempotency_keys::find(&mut tx, &named.key).await? {
            break Some(found);
        }
    };
    tx.commit().await?;
    found.map_or(Ok(KeyState::New), |found| classify(actor, named, found))
}

fn classify(actor: &Actor, named: IdempotencyKey, found: IdempotencyRecord) -> Result<KeyState, Error> {
    if found.request_digest != named.request {
        return Ok(KeyState::OtherRequest);
    }
    match found.status.map(u16::try_from) {
        None if found.age_ms < MAX_DURATION_MS => Ok(KeyState::InProgress),
        Some(Ok(status @ 200..500)) => {
            actor.require_all(found.permissions)?;
            Ok(KeyState::Completed(StoredResponse { status, headers: found.headers.unwrap_or_default(), body: found.body.unwrap_or_default() }))
        }
        None | Some(_) => Ok(KeyState::Interrupted),
    }
}

/// Stores the response of a request, so that it can be repeated.
///
/// # Errors
/// `Unavailable`: the request then counts as interrupted.
pub async fn complete(core: &Core, named: IdempotencyKey, kept: StoredResponse) -> Result<(), Error> {
    let mut tx = core.store.begin_locked(WriteLock::Nothing).await?;
    store::idempotency_keys::finish(&mut tx, &named.key, kept.status, &kept.headers, &kept.body).await?;
    tx.commit().await
}

/// Releases the key of a request that was rejected without effect, so that it can be retried.
///
/// # Errors
/// `Unavailable`: the request then counts as interrupted.
pub async fn release(core: &Core, named: IdempotencyKey) -> Result<(), Error> {
    let mut tx = core.store.begin_locked(WriteLock::Nothing).await?;
    store::idempotency_keys::delete(&mut tx, &named.key).await?;
    tx.commit().await
}

/// Background task that deletes records older than a day.
pub async fn run_cleanup(store: Store) {
    let mut ticks = interval(CLEANUP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // If this fails, the next tick retries.
        let _ = delete_old(&store).await;
    }
}

async fn delete_old(store: &Store) -> Result<(), Error> {
    let mut tx = store.begin_locked(WriteLock::Nothing).await?;
    store::idempotency_keys::delete_old(&mut tx, DAY_MS).await?;
    tx.commit().await
}
