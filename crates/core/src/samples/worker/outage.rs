//! Import jobs whose source can't be reached. This is kept in memory: after a restart, the time limit begins again.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use latchkey_types::id::ImportId;

/// For how long the files of an import job stay open.
const OUTAGE_LIMIT: Duration = Duration::from_mins(30);
/// The first and the longest pause between two attempts.
const PAUSE_MIN: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// What follows for a file whose source did not respond to several requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreachable {
    /// The import job waits, and is then continued.
    Pause,
    /// The file fails: meanwhile other files of the import job were read.
    FailFile,
    /// The import job fails: it has waited for [`OUTAGE_LIMIT`].
    FailJob,
}

#[derive(Default)]
pub(super) struct Outages(Mutex<HashMap<ImportId, Reachability>>);

#[derive(Default)]
struct Reachability {
    /// When a chunk was last read.
    read_at: Option<Instant>,
    /// Removed when a chunk is read.
    outage: Option<Outage>,
}

struct Outage {
    since: Instant,
    pause: Duration,
    next_attempt: Instant,
}

impl Outages {
    fn lock(&self) -> MutexGuard<'_, HashMap<ImportId, Reachability>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a chunk of an import job was read.
    pub(super) fn record_read(&self, job: ImportId, now: Instant) {
        self.lock().insert(job, Reachability { read_at: Some(now), outage: None });
    }

    /// Records that the source of an import job has not responded since `began`.
    pub(super) fn record_failure(&self, job: ImportId, began: Instant, now: Instant) -> Unreachable {
        let mut jobs = self.lock();
        let Reachability { read_at, outage } = jobs.entry(job).or_default();
        if read_at.is_some_and(|read_at| read_at >= began) {
            return Unreachable::FailFile;
        }
        let outage = outage.get_or_insert(Outage { since: began, pause: PAUSE_MIN, next_attempt: began });
        if now.duration_since(outage.since) >= OUTAGE_LIMIT {
            return Unreachable::FailJob;
        }
        // Otherwise another file of the import job has begun the pause.
        if outage.next_attempt <= now {
            outage.next_attempt = now + outage.pause;
            outage.pause = (outage.pause * 2).min(PAUSE_MAX);
        }
        Unreachable::Pause
    }

    /// Whether an import job waits for its next attempt.
    pub(super) fn is_paused(&self, job: ImportId, now: Instant) -> bool {
        self.lock().get(&job).and_then(|job| job.outage.as_ref()).is_some_and(|outage| now < outage.next_attempt)
    }

    /// Forgets all other import jobs.
    pub(super) fn retain(&self, is_running: impl Fn(ImportId) -> bool) {
        self.lock().retain(|job, _| is_running(*job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_outage_fails_the_job_after_its_limit() {
        let (outages, job, began) = (Outages::default(), ImportId::new(), Instant::now());
        let (mut now, mut pauses) = (began, Vec::new());
        while outages.record_failure(job, began, now) == Unreachable::Pause {
            let paused_at = now;
            while outages.is_paused(job, now) {
                now += SECOND;
            }
            pauses.push((now - paused_at).as_secs());
        }
        assert_eq!(pauses[..7], [2, 4, 8, 16, 32, 60, 60]);
        assert!(now - began >= OUTAGE_LIMIT && now - began < OUTAGE_LIMIT + PAUSE_MAX);
        assert_eq!(outages.record_failure(job, now, now), Unreachable::FailJob);
        assert!(!outages.is_paused(ImportId::new(), now), "other import jobs do not wait");
    }

    #[test]
    fn files_that_fail_together_pause_once() {
        let (outages, job, began) = (Outages::default(), ImportId::new(), Instant::now());
        for milliseconds in [0, 10, 20] {
            assert_eq!(outages.record_failure(job, began, began + Duration::from_millis(milliseconds)), Unreachable::Pause);
        }
        assert!(!outages.is_paused(job, began + PAUSE_MIN));
    }

    #[test]
    fn a_read_chunk_ends_an_outage() {
        let (outages, job, began) = (Outages::default(), ImportId::new(), Instant::now());
        assert_eq!(outages.record_failure(job, began, began), Unreachable::Pause);
        let read_at = began + OUTAGE_LIMIT.saturating_sub(SECOND);
        outages.record_read(job, read_at);
        assert!(!outages.is_paused(job, began));
        assert_eq!(outages.record_failure(job, began, read_at + SECOND), Unreachable::FailFile, "only this file does not respond");
        assert_eq!(outages.record_failure(job, read_at + SECOND, read_at + SECOND), Unreachable::Pause);
        assert_eq!(outages.record_failure(job, read_at + SECOND, began + OUTAGE_LIMIT), Unreachable::Pause, "the limit began again");
        outages.retain(|_| false);
        assert!(!outages.is_paused(job, began + OUTAGE_LIMIT));
    }
}
