//! Bodies of calls of language models, for keys that log them. They are captured in memory, and a background task seals and stores them; a call never
//! waits for it.

mod capture;

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::oneshot,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

pub use capture::CapturedBodies;

use super::{Core, actor::Actor, vault::Vault};
use capture::FreeMemory;
use latchkey_crypto::{aead, random::Secret};
use latchkey_store::{self as store, Store, WriteLock, WriteTask, call_bodies::SealedBodies};
use latchkey_types::{
    error::Error,
    id::{OrganizationId, RequestId},
    model_call::CallBodies,
    permission::Permission,
    time::Timestamp,
};

const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Bytes of bodies in one transaction, for which other changes wait.
const BATCH_MAX: usize = 1024 * 1024;
/// What a row counts for besides its bodies, in bytes: a transaction has at most a thousand rows.
const ROW: usize = 1024;
/// The key in the keyring that seals all bodies. One key, not one for each call, so that the time of a rotation of the master key does not depend on the
/// number of calls.
const KEY: &str = "call bodies";

/// The log of bodies; cheap to clone.
#[derive(Clone)]
pub struct BodyLog(Arc<Shared>);

struct Shared {
    store: Store,
    vault: Arc<Vault>,
    free_memory: FreeMemory,
    queue: Mutex<Vec<Arc<WaitingBodies>>>,
    /// Held during a write, so that [`BodyLog::flush`] returns after earlier ones have ended.
    writing: tokio::sync::Mutex<()>,
    /// Set by the first write. A rotation of the master key does not change it.
    key: OnceLock<Secret>,
    dropped: AtomicU64,
}

/// A call whose bodies are stored.
pub struct LoggedCall {
    pub organization: OrganizationId,
    pub id: RequestId,
    /// When the call began.
    pub at: Timestamp,
    /// Of the key, at that time.
    pub key_name: String,
    /// The name of the model or alias that the caller used.
    pub model: String,
}

/// Bodies that wait to be written.
struct WaitingBodies {
    call: LoggedCall,
    bodies: CapturedBodies,
}

/// What is sealed. The names are for the audit log.
#[derive(Serialize, Deserialize)]
struct Content {
    key_name: String,
    model: String,
    bodies: CallBodies,
}

impl BodyLog {
    pub(super) fn new(store: Store, vault: Arc<Vault>) -> Self {
        Self(Arc::new(Shared {
            store,
            vault,
            free_memory: FreeMemory::new(),
            queue: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            key: OnceLock::new(),
            dropped: AtomicU64::new(0),
        }))
    }

    /// Captures the bodies of a call with this request. If too many are in memory, they are dropped and counted.
    pub fn capture(&self, request: &[u8]) -> CapturedBodies {
        CapturedBodies::new(self.clone(), request)
    }

    /// Number of calls since the start of this process whose bodies were dropped.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Writes the waiting bodies until `end` fires, then once more.
    pub async fn run(self, mut end: oneshot::Receiver<()>) {
        let mut timer = interval(WRITE_EVERY);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let has_ended = tokio::select! {
                _ = timer.tick() => false,
                _ = &mut end => true,
            };
            self.flush().await;
            if has_ended {
                return;
            }
        }
    }

    /// Writes the waiting bodies.
    pub async fn flush(&self) {
        let log = self.clone();
        // In a task of its own: a cancelled caller must not lose what was taken from the queue.
        if let Err(panic) = tokio::spawn(async move { log.write_waiting().await }).await {
            tracing::error!(%panic, "writing the bodies of calls panicked");
        }
    }

    async fn write_waiting(&self) {
        let _writing = self.0.writing.lock().await;
        loop {
            let batch = self.next_batch();
            if batch.is_empty() {
                return;
            }
            match self.write(&batch).await {
                Ok(()) => {}
                // Writing bodies again does not duplicate them. They stay within the bound of memory.
                Err(Error::Unavailable | Error::Uncertain) => {
                    self.put_back(batch);
                    return;
                }
                Err(error) => {
                    tracing::error!(%error, "cannot store the bodies of calls");
                    self.count_dropped(batch.len());
                }
            }
        }
    }

    /// Takes the oldest bodies from the queue, up to [`BATCH_MAX`], but at least those of one call.
    fn next_batch(&self) -> Vec<Arc<WaitingBodies>> {
        let mut waiting = self.waiting();
        let (mut count, mut length) = (0, 0);
        for next in waiting.iter() {
            length += next.bodies.length() + ROW;
            if count > 0 && length > BATCH_MAX {
                break;
            }
            count += 1;
        }
        let rest = waiting.split_off(count);
        mem::replace(&mut *waiting, rest)
    }

    /// Returns bodies that could not be written to the queue.
    fn put_back(&self, mut batch: Vec<Arc<WaitingBodies>>) {
        let mut waiting = self.waiting();
        batch.append(&mut waiting);
        *waiting = batch;
    }

    async fn write(&self, batch: &[Arc<WaitingBodies>]) -> Result<(), Error> {
        let (key, waiting) = (self.key().await?, batch.to_vec());
        let sealed = spawn_blocking(move || waiting.iter().map(|waiting| seal(&key, waiting)).collect::<Result<Vec<_>, Error>>());
        let sealed = sealed.await.map_err(|_| Error::Internal)??;
        let mut tx = self.0.store.begin_locked(WriteLock::Nothing).await?;
        store::call_bodies::insert(&mut tx, &sealed).await?;
        tx.commit().await
    }

    /// The key that seals bodies. The first write of the installation creates it.
    async fn key(&self) -> Result<Secret, Error> {
        if let Some(key) = self.0.key.get() {
            return Ok(key.clone());
        }
        let mut tx = self.0.store.begin_locked(WriteLock::Task(WriteTask::CallLog)).await?;
        let key = self.0.vault.unwrap_or_create(&mut tx, KEY).await?;
        tx.commit().await?;
        Ok(self.0.key.get_or_init(|| key).clone())
    }

    fn queue(&self, bodies: WaitingBodies) {
        self.waiting().push(Arc::new(bodies));
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Arc<WaitingBodies>>> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn free_memory(&self) -> &FreeMemory {
        &self.0.free_memory
    }

    fn count_dropped(&self, count: usize) {
        self.0.dropped.fetch_add(count as u64, Ordering::Relaxed);
    }
}

fn seal(key: &Secret, waiting: &WaitingBodies) -> Result<SealedBodies, Error> {
    let LoggedCall { organization, id, at, key_name, model } = &waiting.call;
    let content = Content { key_name: key_name.clone(), model: model.clone(), bodies: waiting.bodies.bodies() };
    let json = serde_json::to_vec(&content).map_err(|_| Error::Internal)?;
    let sealed = aead::seal(key, &binding(&organization.text(), &id.text()), &json);
    Ok(SealedBodies { organization: *organization, call: *id, at: *at, sealed })
}

fn open(key: &Secret, organization: OrganizationId, call: RequestId, sealed: &[u8]) -> Result<Content, Error> {
    let json = aead::open(key, &binding(&organization.text(), &call.text()), sealed).map_err(|_| {
        tracing::error!(%call, "cannot decrypt the bodies of a call");
        Error::Internal
    })?;
    serde_json::from_slice(&json).map_err(|_| Error::Internal)
}

/// So that bodies cannot be read as those of another call or organization.
const fn binding<'a>(organization: &'a str, call: &'a str) -> [&'a str; 3] {
    ["latchkey call bodies", organization, call]
}

/// The bodies of a call. Each read is recorded in the audit log before they are returned. Needs *Read Call Bodies*.
///
/// # Errors
/// `NotFound` also if the bodies of the call were not logged, or were deleted; `Internal` if they cannot be decrypted.
pub async fn read(core: &Core, actor: &Actor, call: RequestId) -> Result<CallBodies, Error> {
    actor.require(Permission::ReadCallBodies)?;
    // So that they can be read as soon as the call is listed.
    core.body_log.flush().await;
    let mut change = core.begin(actor, &[Permission::ReadCallBodies]).await?;
    let organization = change.actor.organization;
    let sealed = store::call_bodies::find(&mut change.tx, organization, call).await?.ok_or(Error::NotFound)?;
    let key = core.vault.unwrap(&mut change.tx, KEY).await?;
    let Content { key_name, model, bodies } = open(&key, organization, call, &sealed)?;
    let event = change.event("call.bodies_read", "call", call, &call.text()).with("key", key_name).with("model", model);
    change.commit([event]).await?;
    Ok(bodies)
}

/// Deletes the bodies of an organization's calls that began before this time, in transactions of about a hundred.
pub(crate) async fn delete_before(store: &Store, organization: OrganizationId, time: Timestamp) -> Result<(), Error> {
    while store::call_bodies::has_before(store, organization, time).await? {
        let mut tx = store.begin_locked(WriteLock::Task(WriteTask::CallLog)).await?;
        store::call_bodies::delete_before(&mut tx, organization, time).await?;
        tx.commit().await?;
    }
    Ok(())
}

#[cfg(test)]
impl LoggedCall {
    fn example() -> Self {
        let (key_name, model) = ("build".to_owned(), "fast".to_owned());
        Self { organization: OrganizationId::new(), id: RequestId::new(), at: Timestamp(1000), key_name, model }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{beside_another_change, new_core, new_owner};
    use latchkey_types::model_call::RESPONSE_BODY_MAX;

    /// Records the bodies of a call. Returns its id.
    fn record(core: &Core, organization: OrganizationId, at: i64, response: &[u8]) -> RequestId {
        let call = LoggedCall { organization, at: Timestamp(at), ..LoggedCall::example() };
        let (id, mut bodies) = (call.id, core.body_log.capture(b"A secret plan"));
        bodies.push_response(response);
        assert!(bodies.record(call));
        id
    }

    #[tokio::test]
    async fn bodies_are_sealed_for_one_call() {
        let (core, _folder) = new_core().await;
        let actor = new_owner(&core).await;
        let id = record(&core, actor.organization, 1000, b"A secret answer");
        let bodies = read(&core, &actor, id).await.unwrap();
        assert_eq!((bodies.request.text.as_str(), bodies.response.text.as_str()), ("A secret plan", "A secret answer"));
        let mut connection = core.store.connection().await.unwrap();
        let sealed = store::call_bodies::find(&mut connection, actor.organization, id).await.unwrap().unwrap();
        assert!(sealed.windows(8).all(|part| part != b"A secret"));
        let key = core.body_log.key().await.unwrap();
        assert!(open(&key, actor.organization, id, &sealed).is_ok());
        assert!(open(&key, actor.organization, RequestId::new(), &sealed).is_err());
        assert!(open(&key, OrganizationId::new(), id, &sealed).is_err());
    }

    #[tokio::test]
    async fn the_key_is_created_once() {
        let (core, _folder) = new_core().await;
        let other = BodyLog::new(core.store.clone(), Arc::clone(&core.vault));
        let keys = Box::pin(async { tokio::join!(core.body_log.key(), other.key()) });
        let (key, same) = beside_another_change(&core.store, keys).await;
        assert!(key.is_ok() && key == same);
    }

    #[tokio::test]
    async fn many_bodies_are_written_in_batches() {
        let (core, _folder) = new_core().await;
        let actor = new_owner(&core).await;
        let response = vec![b'a'; RESPONSE_BODY_MAX];
        let ids: Vec<RequestId> = (0..10).map(|at| record(&core, actor.organization, at, &response)).collect();
        let batch = core.body_log.next_batch();
        assert_eq!((batch.len(), batch[0].call.id, core.body_log.waiting().len()), (3, ids[0], 7));
        core.body_log.put_back(batch);
        for id in ids {
            assert_eq!(read(&core, &actor, id).await.unwrap().response.text.len(), RESPONSE_BODY_MAX);
        }
        assert!(core.body_log.waiting().is_empty() && core.body_log.dropped() == 0);
    }

    #[tokio::test]
    async fn old_bodies_are_deleted() {
        let (core, _folder) = new_core().await;
        let actor = new_owner(&core).await;
        let ids: Vec<RequestId> = (0..250).map(|at| record(&core, actor.organization, at, b"")).collect();
        core.body_log.flush().await;
        delete_before(&core.store, OrganizationId::new(), Timestamp(1000)).await.unwrap();
        delete_before(&core.store, actor.organization, Timestamp(240)).await.unwrap();
        assert_eq!(read(&core, &actor, ids[239]).await, Err(Error::NotFound));
        assert!(read(&core, &actor, ids[240]).await.is_ok());
    }
}
