//! Signs and stores receipts. Those that wait at the same time are stored in one transaction: a revocation waits for one more commit, however many
//! there are.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prometheus::{Histogram, HistogramOpts};
use tokio::{sync::oneshot, time::timeout};

use super::{
    keys::{CurrentKey, ReceiptKeys},
    record,
};
use crate::vault::Vault;
use latchkey_crypto::{
    receipt_token::{self, ReceiptClaims},
    signing_key::SigningKey,
};
use latchkey_store::{self as store, Confirmation, ConfirmationState, Effect, Store, WriteLock, WriteTask, receipts::NewReceipt};
use latchkey_types::{
    error::Error,
    id::{OrganizationId, ReceiptId},
    receipt::ReceiptSummary,
    rest::receipts::{ReceiptChange, ReceiptInstance},
    time::Timestamp,
};

/// For how long a revocation, which is effective by then, waits for its receipt.
const STORE_LIMIT: Duration = Duration::from_secs(2);

/// The upper bounds of the histogram, in seconds.
const BOUNDS: [f64; 11] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.2, 5.0];

#[derive(Clone)]
pub(crate) struct ReceiptIssuer(Arc<Shared>);

struct Shared {
    store: Store,
    vault: Arc<Vault>,
    /// The issuer claim.
    url: String,
    keys: ReceiptKeys,
    waiting: Mutex<Vec<WaitingReceipt>>,
    /// Held while receipts are stored. Those that are added meanwhile follow together.
    storing: tokio::sync::Mutex<()>,
    /// How long revocations took to be effective.
    durations: Histogram,
}

struct WaitingReceipt {
    receipt: UnsignedReceipt,
    stored: oneshot::Sender<()>,
}

impl ReceiptIssuer {
    pub(crate) fn new(store: Store, vault: Arc<Vault>, url: String) -> prometheus::Result<Self> {
        let help = "From the commit of a change that takes access away until it is effective on every instance.";
        let durations = Histogram::with_opts(HistogramOpts::new("latchkey_revocation_seconds", help).buckets(BOUNDS.to_vec()))?;
        let (keys, waiting, storing) = (ReceiptKeys::default(), Mutex::default(), tokio::sync::Mutex::default());
        Ok(Self(Arc::new(Shared { store, vault, url, keys, waiting, storing, durations })))
    }

    pub(crate) fn durations(&self) -> &Histogram {
        &self.0.durations
    }

    pub(super) fn keys(&self) -> &ReceiptKeys {
        &self.0.keys
    }

    /// Issues the receipt of a change. The change is effective all the same if that fails, so a failure is only logged.
    pub(crate) async fn issue(&self, organization: OrganizationId, change: ReceiptChange, effect: Effect) {
        let receipt = UnsignedReceipt::new(organization, change, effect);
        self.0.durations.observe(Duration::from_millis(u64::try_from(receipt.took_ms).unwrap_or_default()).as_secs_f64());
        let summary = ReceiptSummary::new(receipt.id, &receipt.instances, receipt.took_ms);
        let (stored, is_stored) = oneshot::channel();
        self.waiting().push(WaitingReceipt { receipt, stored });
        let issuer = self.clone();
        // In a separate task: a cancelled caller must not take the receipts of others with it.
        tokio::spawn(async move { issuer.store_waiting().await });
        match timeout(STORE_LIMIT, is_stored).await {
            Ok(Ok(())) => record(summary),
            // Logged where it failed.
            Ok(Err(_)) => {}
            Err(_) => tracing::warn!(id = %summary.id, "a receipt was not stored in time"),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<WaitingReceipt>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores all receipts that wait; none if an earlier call has stored them.
    async fn store_waiting(&self) {
        let _storing = self.0.storing.lock().await;
        let waiting = mem::take(&mut *self.waiting());
        if waiting.is_empty() {
            return;
        }
        let (receipts, callers): (Vec<_>, Vec<_>) = waiting.into_iter().map(|waiting| (waiting.receipt, waiting.stored)).unzip();
        match self.store(receipts).await {
            Ok(()) => {
                for caller in callers {
                    // The caller may have stopped waiting.
                    let _ = caller.send(());
                }
            }
            Err(error) => tracing::error!(%error, receipts = callers.len(), "cannot store the receipts of revocations, which are effective"),
        }
    }

    async fn store(&self, receipts: Vec<UnsignedReceipt>) -> Result<(), Error> {
        let Shared { store, vault, url, keys, .. } = &*self.0;
        let mut tx = store.begin_locked(WriteLock::Task(WriteTask::Receipts)).await?;
        let now = Timestamp::now();
        let CurrentKey { key, is_new } = keys.current(&mut tx, vault, now).await?;
        let receipts = receipts.into_iter().map(|receipt| receipt.sign(url, &key, now)).collect::<Result<Vec<_>, _>>()?;
        store::receipts::insert(&mut tx, &receipts).await?;
        tx.commit().await?;
        if is_new {
            keys.reread().await;
        }
        Ok(())
    }
}

/// A receipt before it is signed.
struct UnsignedReceipt {
    id: ReceiptId,
    organization: OrganizationId,
    change: ReceiptChange,
    committed_at: Timestamp,
    effective_at: Timestamp,
    took_ms: i64,
    instances: Vec<ReceiptInstance>,
}

impl UnsignedReceipt {
    fn new(organization: OrganizationId, change: ReceiptChange, effect: Effect) -> Self {
        let Effect { committed_at, effective_at, took_ms, instances } = effect;
        let instances = instances.into_iter().map(instance_of).collect();
        Self { id: ReceiptId::new(), organization, change, committed_at, effective_at, took_ms, instances }
    }

    fn sign(self, url: &str, key: &SigningKey, now: Timestamp) -> Result<NewReceipt, Error> {
        let Self { id, organization, change, committed_at, effective_at, took_ms, instances } = self;
        let claims = ReceiptClaims {
            iss: url.to_owned(),
            jti: id,
            iat: now.0.div_euclid(1000),
            org: organization,
            change,
            committed_at,
            effective_at,
            instances: instances.iter().map(Into::into).collect(),
        };
        let jws = receipt_token::sign(key, &claims)?;
        let (change, instances) = (json_of(&claims.change)?, json_of(&instances)?);
        Ok(NewReceipt { id, organization, committed_at, effective_at, took_ms, change, instances, jws, kid: key.kid.clone() })
    }
}

fn json_of(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|_| Error::Internal)
}

fn instance_of(confirmation: Confirmation) -> ReceiptInstance {
    let Confirmation { id, name, state } = confirmation;
    let (confirmed_at, lease_ended_at) = match state {
        ConfirmationState::Confirmed { at } => (Some(at.into()), None),
        ConfirmationState::LeaseEnded { at } => (None, Some(at.into())),
    };
    ReceiptInstance { id, name, confirmed_at, lease_ended_at }
}
