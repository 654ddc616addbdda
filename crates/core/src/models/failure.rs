//! Failures of providers: stored for the page, and, if a provider refuses its key, reported to those who can replace it.

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use moka::sync::Cache;

use super::catalog::Target;
use crate::{Core, http_client::HttpError, notifications, services::call::CallCredential};
use latchkey_store::{self as store, Tx, WriteLock, notifications::NewNotification};
use latchkey_types::{
    error::Error,
    id::{CredentialId, ProviderId},
    key::{TestOutcome, TestResult},
    notification::NotificationEvent,
    permission::Permission,
    provider::ProviderError,
    time::Timestamp,
};

/// Maximum number of providers whose failures are remembered.
const CAPACITY: u64 = 10_000;
/// Period in which at most one failure of a provider is stored, another one if it refuses a key, and one echo of a key is audited.
const STORE_PERIOD: Duration = Duration::from_mins(1);
/// Period in which a user is notified at most once that a provider refuses its key, in milliseconds.
const NOTIFY_PERIOD_MS: i64 = 60 * 60 * 1000;
/// Page with the keys of providers.
const KEYS_PAGE: &str = "/keys/general";

/// Why a call of a provider failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFailure {
    /// The provider refused the credential with this status.
    Refused(u16),
    /// Another status that reports a failure.
    Status(u16),
    Unreachable(HttpError),
    Timeout,
    /// The response is not one of the API.
    Invalid,
}

impl CallFailure {
    const fn status(self) -> Option<u16> {
        match self {
            Self::Refused(status) | Self::Status(status) => Some(status),
            Self::Unreachable(_) | Self::Timeout | Self::Invalid => None,
        }
    }

    fn sentence(self, provider: &str) -> String {
        match self {
            Self::Refused(status) => {
                format!("{provider} refused the key with status {status}. Check it at the provider, then replace the stored key.")
            }
            Self::Status(status) => format!("{provider} responded with status {status}."),
            Self::Unreachable(error) => format!("{provider} {error}"),
            Self::Timeout => format!("{provider} did not respond in time."),
            Self::Invalid => format!("{provider} sent an invalid response. Check the URL."),
        }
    }
}

/// The failures that are stored, as far as this instance has read or stored them.
pub(super) struct Failures {
    /// Providers with a stored failure.
    failing: RwLock<HashSet<ProviderId>>,
    /// Failures that were stored recently: of providers, and of keys that they refuse.
    stored: Cache<(ProviderId, Option<CredentialId>), ()>,
    /// Providers whose echo of a credential was audited recently.
    echoes: Cache<ProviderId, ()>,
}

impl Default for Failures {
    fn default() -> Self {
        Self {
            failing: RwLock::default(),
            stored: Cache::builder().max_capacity(CAPACITY).time_to_live(STORE_PERIOD).build(),
            echoes: Cache::builder().max_capacity(CAPACITY).time_to_live(STORE_PERIOD).build(),
        }
    }
}

impl Failures {
    pub(super) fn add(&self, providers: &[ProviderId]) {
        if !providers.is_empty() {
            self.failing.write().unwrap_or_else(PoisonError::into_inner).extend(providers);
        }
    }

    /// Whether a failure of the provider is stored.
    fn has(&self, provider: ProviderId) -> bool {
        self.failing.read().unwrap_or_else(PoisonError::into_inner).contains(&provider)
    }

    /// As [`Self::has`]. Forgets it.
    fn take(&self, provider: ProviderId) -> bool {
        self.has(provider) && self.failing.write().unwrap_or_else(PoisonError::into_inner).remove(&provider)
    }

    /// Whether no such failure was stored recently. Remembers this one.
    fn is_first(&self, provider: ProviderId, refused: Option<CredentialId>) -> bool {
        let is_first = self.stored.entry((provider, refused)).or_insert(()).is_fresh();
        // A refused key is the more important failure: another one does not replace it within the period.
        self.stored.insert((provider, None), ());
        is_first
    }

    /// Whether no echo of this provider was audited recently. Remembers this one.
    pub(super) fn is_first_echo(&self, provider: ProviderId) -> bool {
        self.echoes.entry(provider).or_insert(()).is_fresh()
    }
}

/// Stores the failure of a call as the provider's last error, at most once a minute. If the provider refused the credential, marks it as
/// refused, and notifies those who manage credentials, at most once an hour. Needs no permission. Errors are logged.
pub async fn record_failure(core: &Core, target: &Target, failure: CallFailure) {
    let refused = if matches!(failure, CallFailure::Refused(_)) { credential_of(target) } else { None };
    if !core.catalogs.failures.is_first(target.provider, refused) {
        return;
    }
    match store_failure(core, target, failure, refused).await {
        Ok(()) => remember_failure(core, target.provider),
        Err(error) => tracing::warn!(%error, provider = %target.provider, "cannot store the failure of a provider"),
    }
}

/// Remembers that a failure of the provider is stored, so that the next successful call clears it.
pub(crate) fn remember_failure(core: &Core, provider: ProviderId) {
    core.catalogs.failures.add(&[provider]);
}

/// Whether the provider has a last error, as this instance has read or stored it.
pub fn has_failed(core: &Core, target: &Target) -> bool {
    core.catalogs.failures.has(target.provider)
}

/// Clears the provider's last error, if there is one. Costs no access to the database otherwise. Needs no permission. Errors are logged.
pub async fn record_success(core: &Core, target: &Target) {
    let failures = &core.catalogs.failures;
    if !failures.take(target.provider) {
        return;
    }
    if let Err(error) = clear_failure(core, target.provider).await {
        failures.add(&[target.provider]);
        tracing::warn!(%error, provider = %target.provider, "cannot clear the failure of a provider");
    }
}

fn credential_of(target: &Target) -> Option<CredentialId> {
    if let CallCredential::Usable(usable) = &target.credential { Some(usable.id) } else { None }
}

async fn store_failure(core: &Core, target: &Target, failure: CallFailure, refused: Option<CredentialId>) -> Result<(), Error> {
    let error = ProviderError { at: Timestamp::now(), status: failure.status(), message: failure.sentence(&target.provider_name) };
    // Another instance may be about to notify of the same refusal.
    let mut tx = core.store.begin_locked(WriteLock::Organization(target.organization)).await?;
    store::providers::set_last_error(&mut tx, target.provider, Some(&error)).await?;
    // Not a key that replaced the refused one.
    if let Some(credential) = refused
        && core.catalogs.get(core, target.organization).await?.contains(target)
    {
        mark_refused(&mut tx, target, credential).await?;
    }
    tx.commit().await
}

async fn clear_failure(core: &Core, provider: ProviderId) -> Result<(), Error> {
    let mut tx = core.store.begin_locked(WriteLock::Nothing).await?;
    store::providers::set_last_error(&mut tx, provider, None).await?;
    tx.commit().await
}

async fn mark_refused(tx: &mut Tx, target: &Target, credential: CredentialId) -> Result<(), Error> {
    let Some(record) = store::credentials::find(&mut *tx, target.organization, credential).await? else { return Ok(()) };
    let now = Timestamp::now();
    store::credentials::set_test_result(tx, &record, &TestResult { at: now, outcome: TestOutcome::Refused }).await?;
    let notification = NewNotification::without_project(NotificationEvent::CredentialRefused, &target.provider_name, record.name, KEYS_PAGE);
    for (user, permissions) in store::members::active(tx, target.organization).await? {
        let can_replace = permissions.has(Permission::ManageCredentials);
        if can_replace && !store::notifications::was_sent(tx, user, &notification, now.plus_ms(-NOTIFY_PERIOD_MS)).await? {
            notifications::notify(tx, &[user], &notification).await?;
        }
    }
    Ok(())
}
