//! What answers the queries of each corpus, cached in memory.

use std::sync::Arc;

use moka::{policy::EvictionPolicy, sync::Cache};
use secrecy::SecretString;
use url::Url;

use crate::{
    Core,
    credentials::{self, OpenError, Secrets},
    idle_secrets::IDLE_TIMEOUT,
};
use latchkey_store::{self as store, upstreams::UpstreamRecord};
use latchkey_types::{
    error::Error,
    id::{CredentialId, OrganizationId},
};

/// Largest number of cached backends.
const CACHED_MAX: u64 = 10_000;

/// What answers the queries of a corpus.
#[derive(Clone)]
pub enum Backend {
    BuiltIn,
    Upstream(Arc<Upstream>),
}

/// A server that answers instead of the built-in index.
pub struct Upstream {
    pub base_url: Url,
    /// The customer id that it expects.
    pub customer_id: String,
    /// The corpus id that it expects.
    pub corpus_id: String,
    pub key: UpstreamKey,
}

/// The key that is sent to an upstream.
pub enum UpstreamKey {
    /// The upstream needs no key.
    None,
    /// The linked key was deleted, or unlinked because the base URL changed.
    Unlinked,
    /// The stored key cannot be decrypted.
    Unreadable,
    Value(SecretString),
}

/// The backends of this instance, each with the [`latchkey_verify::Verifier::gateway_epoch`] under which it was read.
pub struct BackendCache(Cache<(OrganizationId, i64), (u64, Backend)>);

impl Default for BackendCache {
    fn default() -> Self {
        Self(Cache::builder().eviction_policy(EvictionPolicy::lru()).max_capacity(CACHED_MAX).time_to_idle(IDLE_TIMEOUT).build())
    }
}

impl BackendCache {
    pub(crate) fn evict_idle(&self) {
        self.0.run_pending_tasks();
    }
}

/// The backend of a corpus. Does not check permissions: the caller must authorize first.
///
/// # Errors
/// `NotFound` if there is no such corpus; `Unavailable`.
pub async fn of(core: &Core, organization: OrganizationId, corpus: i64) -> Result<Backend, Error> {
    // Before the store is read, so that a change in the meantime makes the result outdated.
    let epoch = core.verifier.gateway_epoch(organization);
    let cache = &core.backend_cache.0;
    if let Some((read_under, backend)) = cache.get(&(organization, corpus))
        && read_under == epoch
    {
        return Ok(backend);
    }
    let backend = read(core, organization, corpus).await?;
    // Not cached: the key becomes readable when the operator replaces the master key.
    if !matches!(&backend, Backend::Upstream(upstream) if matches!(upstream.key, UpstreamKey::Unreadable)) {
        cache.insert((organization, corpus), (epoch, backend.clone()));
    }
    Ok(backend)
}

async fn read(core: &Core, organization: OrganizationId, corpus: i64) -> Result<Backend, Error> {
    let found = {
        let mut db = core.store.connection().await?;
        store::documents::corpus(&mut db, organization, corpus).await?.ok_or(Error::NotFound)?;
        store::upstreams::find(&mut db, organization, corpus).await?
    };
    let Some(UpstreamRecord { base_url, customer_id, upstream_corpus_id: corpus_id, link }) = found else { return Ok(Backend::BuiltIn) };
    let key = match link.credential_id {
        Some(credential) => open(core, organization, credential).await?,
        None if link.unlink_reason.is_some() => UpstreamKey::Unlinked,
        None => UpstreamKey::None,
    };
    let base_url = Url::parse(&base_url).map_err(|error| {
        tracing::error!(%error, "the stored base URL of an upstream is invalid");
        Error::Internal
    })?;
    Ok(Backend::Upstream(Arc::new(Upstream { base_url, customer_id, corpus_id, key })))
}

async fn open(core: &Core, organization: OrganizationId, credential: CredentialId) -> Result<UpstreamKey, Error> {
    match credentials::open(core, organization, credential).await {
        Ok(opened) => Ok(match opened.secrets {
            Secrets::General { value } => UpstreamKey::Value(value),
            // Only general keys can be linked.
            Secrets::Aws { .. } | Secrets::Dnanexus { .. } => UpstreamKey::Unlinked,
        }),
        Err(OpenError::Deleted | OpenError::Expired) => Ok(UpstreamKey::Unlinked),
        Err(OpenError::Unreadable) => Ok(UpstreamKey::Unreadable),
        Err(OpenError::Internal(error)) => Err(error),
    }
}
