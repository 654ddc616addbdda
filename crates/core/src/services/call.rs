//! Services as the gateway calls them: cached in memory with their decrypted credentials until they change.

use std::{
    any::Any,
    hash::{BuildHasher, RandomState},
    sync::{Arc, OnceLock},
    time::Duration,
};

use moka::{policy::EvictionPolicy, sync::Cache};
use tokio::sync::Mutex;
use url::Url;

use crate::{
    Core,
    credentials::{self, Secrets},
    idle_secrets::IDLE_TIMEOUT,
};
use latchkey_store::{self as store, services::ServiceRecord};
use latchkey_types::{
    error::Error,
    id::{CredentialId, OrganizationId, ServiceId},
    service::{AllowRule, Injection, ServiceCaller, UnlinkReason},
    service_rules::is_service_name,
    time::Timestamp,
};

/// Maximum number of services in memory.
const CAPACITY: u64 = 10_000;
/// Period in which at most one echoed credential of a service is audited.
const ECHO_PERIOD: Duration = Duration::from_mins(1);
/// Number of locks among which reads are distributed.
const READ_LOCKS: usize = 16;

/// A service with its decrypted credential.
pub struct CallableService {
    pub id: ServiceId,
    pub organization: OrganizationId,
    pub name: String,
    /// Without a trailing slash, unless the URL has no path.
    pub base_url: Url,
    pub injection: Injection,
    pub credential: CallCredential,
    /// What the gateway derives from the credential for each call. Here, so that it is dropped with the credential.
    pub prepared: OnceLock<Arc<dyn Any + Send + Sync>>,
    pub allow: Vec<AllowRule>,
    pub callers: Vec<ServiceCaller>,
    /// Time limit until the headers of a response.
    pub timeout: Duration,
    /// The largest request body, in bytes.
    pub body_max: u64,
}

/// The credential of a service.
pub enum CallCredential {
    /// There never was one: calls are forwarded without a credential.
    None,
    /// It was unlinked: calls must be refused.
    Unlinked(UnlinkReason),
    /// Its secrets cannot be decrypted.
    Unreadable,
    /// It may have expired.
    Usable(UsableCredential),
}

impl CallCredential {
    /// Whether both are the same, or equally missing.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) | (Self::Unreadable, Self::Unreadable) => true,
            (Self::Unlinked(reason), Self::Unlinked(other)) => reason == other,
            (Self::Usable(usable), Self::Usable(other)) => {
                (usable.id, usable.expires_at) == (other.id, other.expires_at) && usable.secrets.is_same_general(&other.secrets)
            }
            _ => false,
        }
    }
}

/// A decrypted credential.
pub struct UsableCredential {
    pub id: CredentialId,
    pub secrets: Secrets,
    pub expires_at: Option<Timestamp>,
}

impl CallableService {
    /// Whether a rule allows the request. `path` begins with `/` and is compared as it is sent, percent-encoded.
    pub fn allows(&self, method: &str, path: &str) -> bool {
        self.allow.iter().any(|rule| (rule.method == "*" || rule.method == method) && matches(&rule.path, path))
    }
}

/// Unlike in `glob_match` alone, `*` as the last segment matches at least one character: `/items/` may list what `/items/*` reads one by one.
fn matches(pattern: &str, path: &str) -> bool {
    let may_end_with_slash = pattern.ends_with('/') || pattern.ends_with("**");
    (may_end_with_slash || !path.ends_with('/')) && fast_glob::glob_match(pattern, path)
}

type Key = (OrganizationId, String);

/// The services in memory.
pub struct ServiceCache {
    entries: Cache<Key, Entry>,
    hasher: RandomState,
    /// The lock of a service is held while it is read; other callers wait for the result.
    reading: [Mutex<()>; READ_LOCKS],
    /// Services whose echoed credential was audited recently.
    echoes: Cache<ServiceId, ()>,
}

#[derive(Clone)]
struct Entry {
    /// The [`latchkey_verify::Verifier::gateway_epoch`] before the service was read.
    epoch: u64,
    service: Arc<CallableService>,
}

impl Default for ServiceCache {
    fn default() -> Self {
        let entries = Cache::builder().eviction_policy(EvictionPolicy::lru()).max_capacity(CAPACITY).time_to_idle(IDLE_TIMEOUT).build();
        let echoes = Cache::builder().max_capacity(CAPACITY).time_to_live(ECHO_PERIOD).build();
        Self { entries, hasher: RandomState::new(), reading: Default::default(), echoes }
    }
}

impl ServiceCache {
    /// The service of this name, as it is now; `None` if there is none. Does not check permissions.
    ///
    /// # Errors
    /// `Unavailable` while the database is unavailable, unless keys are still verified and the service is in memory; `Internal` if a stored
    /// value is invalid.
    pub async fn find(&self, core: &Core, organization: OrganizationId, name: &str) -> Result<Option<Arc<CallableService>>, Error> {
        if !is_service_name(name) {
            return Ok(None);
        }
        if core.store.is_unavailable() && core.verifier.stale_seconds_left().is_none() {
            return Err(Error::Unavailable);
        }
        let key = (organization, name.to_owned());
        if let Some(service) = self.get(core.verifier.gateway_epoch(organization), &key) {
            return Ok(Some(service));
        }
        let _reading = self.lock_of(&key).lock().await;
        // Before the read, so that a change during it makes the result outdated.
        let epoch = core.verifier.gateway_epoch(organization);
        if let Some(service) = self.get(epoch, &key) {
            return Ok(Some(service));
        }
        let Some(service) = read(core, organization, name).await? else {
            self.entries.invalidate(&key);
            return Ok(None);
        };
        let service = Arc::new(service);
        if matches!(service.credential, CallCredential::Unreadable) {
            // Not cached: a secret becomes readable without a change in the database when the operator restores the master key.
            self.entries.invalidate(&key);
        } else {
            self.entries.insert(key, Entry { epoch, service: Arc::clone(&service) });
        }
        Ok(Some(service))
    }

    fn get(&self, epoch: u64, key: &Key) -> Option<Arc<CallableService>> {
        self.entries.get(key).filter(|entry| entry.epoch == epoch).map(|entry| entry.service)
    }

    fn lock_of(&self, key: &Key) -> &Mutex<()> {
        let index = self.hasher.hash_one(key) % READ_LOCKS as u64;
        &self.reading[usize::try_from(index).unwrap_or_default()]
    }

    pub(crate) fn evict_idle(&self) {
        self.entries.run_pending_tasks();
    }

    /// Whether no echo of this service was recorded in the last minute. Records one.
    pub(super) fn is_first_echo(&self, service: ServiceId) -> bool {
        self.echoes.entry(service).or_insert(()).is_fresh()
    }
}

async fn read(core: &Core, organization: OrganizationId, name: &str) -> Result<Option<CallableService>, Error> {
    let Some(record) = store::services::find_by_name(&core.store, organization, name).await? else { return Ok(None) };
    let credential = read_credential(core, organization, &record).await?;
    let base_url = Url::parse(&record.base_url).map_err(|_| invalid(record.id))?;
    Ok(Some(CallableService {
        id: record.id,
        organization,
        name: record.name,
        base_url,
        injection: record.injection,
        credential,
        prepared: OnceLock::new(),
        allow: record.allow,
        callers: record.callers,
        timeout: Duration::from_secs(u64::try_from(record.timeout_seconds).map_err(|_| invalid(record.id))?),
        body_max: u64::try_from(record.body_max).map_err(|_| invalid(record.id))?,
    }))
}

async fn read_credential(core: &Core, organization: OrganizationId, record: &ServiceRecord) -> Result<CallCredential, Error> {
    let linked = match (&record.credential, record.unlink_reason) {
        (Some(linked), _) => linked,
        (None, Some(reason)) => return Ok(CallCredential::Unlinked(reason)),
        (None, None) => return Ok(CallCredential::None),
    };
    let Some(credential) = store::credentials::find(core.store.read()?, organization, linked.id).await? else {
        // Deleted since the service was read.
        return Ok(CallCredential::Unlinked(UnlinkReason::CredentialDeleted));
    };
    Ok(match credentials::open_record(&core.store, &core.vault, &credential).await? {
        Some(secrets) => CallCredential::Usable(UsableCredential { id: credential.id, secrets, expires_at: credential.expires_at }),
        None => CallCredential::Unreadable,
    })
}

fn invalid(id: ServiceId) -> Error {
    tracing::error!(service = %id, "stored service has an invalid value");
    Error::Internal
}
