//! Removes discarded content from the sample store.

use tokio::time::sleep;

use super::{ImportWorker, POLL};
use latchkey_store as store;
use latchkey_types::{error::Error, id::SampleId};

/// Number of samples whose removal is recorded at once.
const BATCH: i64 = 100;

/// Removes discarded content until it is aborted.
pub(super) async fn remove_discarded(worker: &ImportWorker) {
    loop {
        if let Err(error) = worker.remove_all_discarded().await {
            tracing::warn!(%error, "cannot read or record which samples to remove");
            sleep(POLL).await;
        }
        tokio::select! {
            () = worker.samples.discarded_changed() => {}
            () = sleep(POLL * 30) => {}
        }
    }
}

impl ImportWorker {
    /// Removes the content of all discarded samples, except those that are being written and those whose removal fails: they are tried again
    /// later.
    pub(crate) async fn remove_all_discarded(&self) -> Result<(), Error> {
        let mut last = None;
        loop {
            let batch = store::samples::discarded(&self.store, last, BATCH).await?;
            let Some(end) = batch.last() else { return Ok(()) };
            last = Some(end.sample_id);
            let mut removed: Vec<SampleId> = Vec::new();
            for sample in batch.into_iter().filter(|sample| !self.samples.is_writing(sample.sample_id)) {
                match self.samples.remove(sample.organization_id, sample.sample_id, sample.chunks).await {
                    Ok(()) => removed.push(sample.sample_id),
                    Err(error) => tracing::warn!(%error, sample = %sample.sample_id, "cannot remove content from the sample store"),
                }
            }
            if !removed.is_empty() {
                let mut tx = self.store.begin().await?;
                store::samples::forget_discarded(&mut tx, &removed).await?;
                tx.commit().await?;
            }
        }
    }
}
