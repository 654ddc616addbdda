//! Claims: what only one of several instances on a database does at a time. Without other instances nothing is stored, and every claim is
//! granted: callers exclude the other tasks of their own instance themselves.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::oneshot,
    time::{MissedTickBehavior, interval},
};

use latchkey_crypto::random;
use latchkey_store::{self as store, Store, StoreError, Tx};
use latchkey_types::id::{CredentialId, ImportId, SampleId};

/// How long the claims of an instance last that was killed or lost the database.
const LIFETIME_MS: i64 = 15_000;
/// Interval of extensions: two of them may fail.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// The claims of this instance.
pub struct Claims {
    store: Store,
    /// Identifies this instance.
    instance: String,
    /// The names of the claims that are extended.
    held: Mutex<HashSet<String>>,
}

/// A claim of this instance, until it is released or dropped.
pub(crate) struct Claim {
    claims: Arc<Claims>,
    /// `None` if nothing is stored.
    name: Option<String>,
}

/// The name of the claim to test a credential.
pub(crate) fn test_claim(credential: CredentialId) -> String {
    format!("test {credential}")
}

/// The name of the claim to copy the files of an import job.
pub(crate) fn import_claim(job: ImportId) -> String {
    format!("import {job}")
}

/// The name of the claim to write the content of a sample.
pub(crate) fn sample_claim(sample: SampleId) -> String {
    format!("sample {sample}")
}

impl Claims {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, instance: format!("{:032x}", u128::from_be_bytes(random::bytes())), held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, HashSet<String>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a claim; `None` while another instance has it.
    pub(crate) async fn take(self: &Arc<Self>, name: String) -> Result<Option<Claim>, StoreError> {
        if !self.store.is_shared() {
            return Ok(Some(Claim { claims: Arc::clone(self), name: None }));
        }
        if !store::claims::try_take(&self.store, &name, &self.instance, LIFETIME_MS).await? {
            return Ok(None);
        }
        self.held().insert(name.clone());
        Ok(Some(Claim { claims: Arc::clone(self), name: Some(name) }))
    }

    /// Whether this instance still has a claim. Until the end of the transaction, no other instance takes it.
    pub(crate) async fn confirm(&self, tx: &mut Tx, name: &str) -> Result<bool, StoreError> {
        if !self.store.is_shared() || store::claims::confirm(tx, name, &self.instance, LIFETIME_MS).await? {
            return Ok(true);
        }
        self.held().remove(name);
        Ok(false)
    }

    /// Those of these names that any instance has claimed.
    pub(crate) async fn claimed(&self, names: &[String]) -> Result<HashSet<String>, StoreError> {
        if !self.store.is_shared() {
            return Ok(HashSet::new());
        }
        Ok(store::claims::claimed(&self.store, names).await?.into_iter().collect())
    }

    /// Extends all claims of this instance until `end` fires, then releases them.
    pub async fn keep(self: Arc<Self>, mut end: oneshot::Receiver<()>) {
        let mut timer = interval(RENEW_EVERY);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = timer.tick() => {}
                _ = &mut end => break,
            }
            let names: Vec<String> = self.held().iter().cloned().collect();
            if names.is_empty() {
                continue;
            }
            match store::claims::renew(&self.store, &names, &self.instance, LIFETIME_MS).await {
                Ok(renewed) => self.forget_lost(&names, &renewed),
                Err(error) => tracing::warn!(%error, "cannot extend what this instance has claimed"),
            }
        }
        warn_if_kept(store::claims::release_all(&self.store, &self.instance).await);
    }

    /// Forgets the claims that another instance has taken over.
    fn forget_lost(&self, names: &[String], renewed: &[String]) {
        let mut held = self.held();
        for name in names.iter().filter(|name| !renewed.contains(name)) {
            if held.remove(name) {
                tracing::warn!(claim = name.as_str(), "another instance has taken over what this instance had claimed");
            }
        }
    }

    async fn release(&self, name: &str) {
        warn_if_kept(store::claims::release(&self.store, name, &self.instance).await);
    }
}

fn warn_if_kept(released: Result<(), StoreError>) {
    if let Err(error) = released {
        tracing::warn!(%error, "cannot release what this instance has claimed: it expires");
    }
}

impl Claim {
    /// Whether no other instance is known to have taken over the claim.
    pub(crate) fn is_held(&self) -> bool {
        self.name.as_ref().is_none_or(|name| self.claims.held().contains(name))
    }

    /// The name, if the claim is still held. It is no longer extended.
    fn take_name(&mut self) -> Option<String> {
        let name = self.name.take()?;
        self.claims.held().remove(&name).then_some(name)
    }

    /// Releases the claim. When this returns, another instance can take it.
    pub(crate) async fn release(mut self) {
        if let Some(name) = self.take_name() {
            self.claims.release(&name).await;
        }
    }
}

impl Drop for Claim {
    /// The work was cancelled: releases the claim in a task.
    fn drop(&mut self) {
        if let Some(name) = self.take_name()
            && let Ok(runtime) = Handle::try_current()
        {
            let claims = Arc::clone(&self.claims);
            runtime.spawn(async move { claims.release(&name).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::open_store;

    #[tokio::test]
    async fn nothing_is_stored_for_one_instance() {
        let (store, _folder) = open_store().await;
        if store.is_shared() {
            return;
        }
        let claims = Arc::new(Claims::new(store.clone()));
        let name = import_claim(ImportId::new());
        let claim = claims.take(name.clone()).await.unwrap().unwrap();
        assert!(claims.held().is_empty());
        let mut tx = store.begin().await.unwrap();
        assert!(claims.confirm(&mut tx, &name).await.unwrap());
        tx.commit().await.unwrap();
        assert!(store::claims::claimed(&store, &[name]).await.unwrap().is_empty());
        claim.release().await;
        store.close().await;
    }
}
