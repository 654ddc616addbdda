//! The background task that copies the files of import jobs into the sample store, and removes discarded content from it.

mod cleanup;
mod copy;
mod outage;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    task::{Id, JoinError, JoinSet},
    time::sleep,
};

use super::store::SampleStore;
use crate::{
    Core,
    audit::Auditor,
    claims::{Claim, Claims, import_claim},
    credential_check::ProviderEndpoints,
    http_client::HttpClient,
    vault::Vault,
};
use latchkey_store::{
    self as store, Store, StoreError,
    imports::{FileRecord, ImportRecord},
};
use latchkey_types::id::{ImportId, SampleId};
use outage::Outages;

/// Files that are copied at once. Each holds at most two chunks in memory, one being read and one being written: together at most 64 MiB.
const COPIES_MAX: usize = 4;
/// Files of one import job that are copied at once, so that one with large files does not delay all others.
const JOB_COPIES_MAX: usize = 3;
/// How often the database is polled when no change is reported, and the pause after an error.
const POLL: Duration = Duration::from_secs(2);

/// The state of the background task.
pub struct ImportWorker {
    store: Store,
    vault: Arc<Vault>,
    auditor: Auditor,
    http_client: HttpClient,
    endpoints: ProviderEndpoints,
    samples: SampleStore,
    claims: Arc<Claims>,
    outages: Outages,
}

impl ImportWorker {
    pub fn new(core: &Core) -> Self {
        Self {
            store: core.store.clone(),
            vault: Arc::clone(&core.vault),
            auditor: core.auditor.clone(),
            http_client: core.http_client.clone(),
            endpoints: core.credential_checks.endpoints().clone(),
            samples: core.samples.clone(),
            claims: Arc::clone(&core.claims),
            outages: Outages::default(),
        }
    }
}

/// Copies files and removes discarded content until it is aborted. The next start continues interrupted work: files at their next chunk.
pub async fn run(worker: ImportWorker) {
    let worker = Arc::new(worker);
    tokio::join!(copy_files(&worker), cleanup::remove_discarded(&worker));
}

/// The files that are being copied.
#[derive(Default)]
struct Copies {
    tasks: JoinSet<()>,
    files: HashMap<Id, (ImportId, SampleId)>,
    /// Those of their import jobs. The files of one import job are copied by one instance.
    claims: HashMap<ImportId, Claim>,
}

impl Copies {
    fn start(&mut self, worker: &Arc<ImportWorker>, job: ImportRecord, file: FileRecord) {
        let key = (job.id, file.sample_id);
        let worker = Arc::clone(worker);
        let handle = self.tasks.spawn(async move { worker.copy(job, file).await });
        self.files.insert(handle.id(), key);
    }

    /// Records the end of a task. Returns `false` if it panicked.
    fn end(&mut self, result: Result<(Id, ()), JoinError>) -> bool {
        let (id, is_regular) = match result {
            Ok((id, ())) => (id, true),
            Err(error) => {
                tracing::error!(%error, "the copy of a file panicked");
                (error.id(), false)
            }
        };
        self.files.remove(&id);
        is_regular
    }

    /// Claims an import job for this instance. Returns `false` if another one has it.
    async fn claim(&mut self, worker: &ImportWorker, job: ImportId) -> Result<bool, StoreError> {
        if self.claims.get(&job).is_some_and(Claim::is_held) {
            return Ok(true);
        }
        self.claims.remove(&job);
        let claim = worker.claims.take(import_claim(job)).await?;
        let is_claimed = claim.is_some();
        self.claims.extend(claim.map(|claim| (job, claim)));
        Ok(is_claimed)
    }

    /// Releases the claims of the import jobs of which no file is being copied, except those that wait for their source.
    async fn release_unused(&mut self, worker: &ImportWorker) {
        let is_used = |job: ImportId| self.files.values().any(|(used, _)| *used == job) || worker.outages.is_paused(job, Instant::now());
        let unused: Vec<ImportId> = self.claims.keys().copied().filter(|job| !is_used(*job)).collect();
        for job in unused {
            if let Some(claim) = self.claims.remove(&job) {
                claim.release().await;
            }
        }
    }

    /// The files, by job and sample.
    fn all(&self) -> Vec<(ImportId, SampleId)> {
        self.files.values().copied().collect()
    }
}

async fn copy_files(worker: &Arc<ImportWorker>) {
    let (mut copies, mut last) = (Copies::default(), None);
    loop {
        while copies.files.len() < COPIES_MAX {
            match worker.next_file(&mut copies, last).await {
                Ok(Some((job, file))) => {
                    last = Some(job.id);
                    copies.start(worker, job, file);
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "cannot read the import jobs");
                    break;
                }
            }
        }
        copies.release_unused(worker).await;
        tokio::select! {
            Some(result) = copies.tasks.join_next_with_id() => if !copies.end(result) {
                // The file is still open, and is copied again.
                sleep(POLL).await;
            },
            () = worker.samples.imports_changed() => {}
            () = sleep(POLL) => {}
        }
    }
}

impl ImportWorker {
    /// The next file to copy, which is not among `copies`. The import jobs take turns, beginning with the one after `last`, except those that wait
    /// for their source, have enough copies or are claimed by another instance.
    async fn next_file(&self, copies: &mut Copies, last: Option<ImportId>) -> Result<Option<(ImportRecord, FileRecord)>, StoreError> {
        let taken = copies.all();
        let jobs = store::imports::running_remote(&self.store).await?;
        self.outages.retain(|id| jobs.iter().any(|job| job.id == id));
        let (before, after): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| Some(job.id) <= last);
        for job in after.into_iter().chain(before) {
            if !may_start(job.id, &taken) || self.outages.is_paused(job.id, Instant::now()) {
                continue;
            }
            // The files that are being copied could all come before the one that is not.
            let limit = i64::try_from(taken.len() + 1).unwrap_or(i64::MAX);
            let open = store::imports::open_files(&mut *self.store.connection().await?, job.id, limit).await?;
            // By sample, because a retried file has a new one, and its earlier copy may not have ended.
            if let Some(file) = open.into_iter().find(|file| !taken.contains(&(job.id, file.sample_id)))
                && copies.claim(self, job.id).await?
            {
                return Ok(Some((job, file)));
            }
        }
        Ok(None)
    }
}

/// Whether an import job may have another copy. The earlier copies of retried files count too.
fn may_start(job: ImportId, copies: &[(ImportId, SampleId)]) -> bool {
    copies.iter().filter(|(other, _)| *other == job).count() < JOB_COPIES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_job_leaves_a_slot_for_others() {
        let (job, other) = (ImportId::new(), ImportId::new());
        let copies: Vec<_> = (0..JOB_COPIES_MAX).map(|_| (job, SampleId::new())).collect();
        assert!(copies.len() < COPIES_MAX);
        assert!(may_start(job, &copies[1..]));
        assert!(!may_start(job, &copies) && may_start(other, &copies));
    }
}
