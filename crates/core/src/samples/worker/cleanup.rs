//! Removes discarded content from the sample store, and ends uploads that are not continued.

use tokio::time::sleep;

use super::{ImportWorker, POLL};
use crate::claims::sample_claim;
use latchkey_store::{self as store, WriteLock};
use latchkey_types::{error::Error, id::SampleId, time::Timestamp};

/// Number of samples whose removal is recorded at once.
const BATCH: i64 = 100;
/// Local files of which no part was stored for this time fail, because their sizes are reserved in the quota.
const UPLOAD_DAYS: i64 = 7;

/// Ends unused uploads and removes discarded content until it is aborted.
pub(super) async fn remove_discarded(worker: &ImportWorker) {
    loop {
        if let Err(error) = worker.end_unused_uploads(Timestamp::now().plus_days(-UPLOAD_DAYS)).await {
            tracing::warn!(%error, "cannot end the uploads that are not continued");
        }
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
    /// Fails the local files of the imports that were not used since `before`.
    pub(crate) async fn end_unused_uploads(&self, before: Timestamp) -> Result<(), Error> {
        while let Some(found) = store::imports::find_unused_local(&mut *self.store.connection().await?, before).await? {
            let mut tx = self.store.begin_locked(WriteLock::Organization(found.organization_id)).await?;
            // Again, because a part may have been stored in the meantime.
            if let Some(job) = store::imports::find_unused_local(&mut tx, before).await?.filter(|job| job.id == found.id) {
                let reason = format!("The upload was not continued for {UPLOAD_DAYS} days. Retry the import to upload the file from its beginning.");
                store::imports::fail_open_files(&mut tx, &job, &reason).await?;
                self.commit(tx, &job).await?;
            }
        }
        Ok(())
    }

    /// Removes the content of all discarded samples, except those that are being written and those whose removal fails: they are tried again
    /// later.
    pub(crate) async fn remove_all_discarded(&self) -> Result<(), Error> {
        let mut last = None;
        loop {
            let batch = store::samples::discarded(&self.store, last, BATCH).await?;
            let Some(end) = batch.last() else { return Ok(()) };
            last = Some(end.sample_id);
            let mut removed: Vec<SampleId> = Vec::new();
            let names: Vec<String> = batch.iter().map(|sample| sample_claim(sample.sample_id)).collect();
            let claimed = self.claims.claimed(&names).await?;
            let is_written = |sample: SampleId| self.samples.is_writing(sample) || claimed.contains(&sample_claim(sample));
            for sample in batch.into_iter().filter(|sample| !is_written(sample.sample_id)) {
                match self.samples.remove(sample.organization_id, sample.sample_id, sample.chunks).await {
                    Ok(()) => removed.push(sample.sample_id),
                    Err(error) => tracing::warn!(%error, sample = %sample.sample_id, "cannot remove content from the sample store"),
                }
            }
            if !removed.is_empty() {
                let mut tx = self.store.begin_locked(WriteLock::Nothing).await?;
                store::samples::forget_discarded(&mut tx, &removed).await?;
                tx.commit().await?;
            }
        }
    }
}
