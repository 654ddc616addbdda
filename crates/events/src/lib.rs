//! The log of model calls. Recording a call only adds it to a bounded queue; a background task writes the queue once a second to segment files
//! beside the database, or on PostgreSQL to a table that all instances share.

mod files;
mod newest;
mod segment;
mod table;
#[cfg(test)]
mod testing;

use std::{
    fs::File,
    io, mem,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
    vec,
};

use tokio::{
    sync::{Notify, Semaphore, oneshot},
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use files::SegmentFiles;
use latchkey_store::Store;
use latchkey_types::{
    error::Error,
    id::OrganizationId,
    model_call::{CallEvent, CallFilter, CallPage},
    time::Timestamp,
};
use newest::{NewestCalls, Selection};
use segment::Frame;

/// Maximum number of calls that wait to be written. Further ones are not recorded: the log never slows a call.
const QUEUE_MAX: usize = 10_000;
/// Number of waiting calls at which they are written without waiting for the second to end.
const WRITE_AT: usize = 2_500;
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Interval between preparations of the table for the calls of the next day.
const PREPARE_EVERY: Duration = Duration::from_hours(1);
/// Maximum number of pages that are read from files concurrently: each keeps a decompressed part of a file in memory.
const READERS_MAX: usize = 2;

/// The log of calls; cheap to clone.
#[derive(Clone)]
pub struct EventLog(Arc<Shared>);

struct Shared {
    backend: Backend,
    queue: Mutex<Vec<CallEvent>>,
    is_filling: Notify,
    /// Held during a write, so that calls are written in order.
    writing: tokio::sync::Mutex<()>,
    readers: Semaphore,
    dropped: AtomicU64,
}

enum Backend {
    /// Records nothing.
    Disabled,
    Files(Arc<SegmentFiles>),
    Table(Store),
}

/// A disabled log.
impl Default for EventLog {
    fn default() -> Self {
        Self::disabled()
    }
}

impl EventLog {
    /// A log that records nothing, for commands and tests without calls.
    pub fn disabled() -> Self {
        Self::new(Backend::Disabled)
    }

    /// A log in the files of a folder, which is created. One process at a time may write to it.
    ///
    /// # Errors
    /// If the folder cannot be created. A message for the operator.
    pub fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self::new(Backend::Files(Arc::new(SegmentFiles::open(folder)?))))
    }

    /// A log in a table of the database, which several instances share.
    pub fn in_database(store: Store) -> Self {
        Self::new(Backend::Table(store))
    }

    fn new(backend: Backend) -> Self {
        Self(Arc::new(Shared {
            backend,
            queue: Mutex::default(),
            is_filling: Notify::new(),
            writing: tokio::sync::Mutex::default(),
            readers: Semaphore::new(READERS_MAX),
            dropped: AtomicU64::new(0),
        }))
    }

    /// Adds a call. It is written within about a second; if too many calls are waiting, it is counted as dropped instead.
    pub fn record(&self, event: CallEvent) {
        if matches!(self.0.backend, Backend::Disabled) {
            return;
        }
        let mut queue = self.queue();
        if queue.len() >= QUEUE_MAX {
            drop(queue);
            self.count_dropped(1);
            return;
        }
        queue.push(event);
        if queue.len() == WRITE_AT {
            self.0.is_filling.notify_one();
        }
    }

    /// Number of calls that were not recorded since the start of this process.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Writes the waiting calls until `end` fires, then once more. Also prepares the table for later calls.
    pub async fn run(self, mut end: oneshot::Receiver<()>) {
        let [mut timer, mut preparations] = [WRITE_EVERY, PREPARE_EVERY].map(interval);
        for timer in [&mut timer, &mut preparations] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        loop {
            let has_ended = tokio::select! {
                _ = timer.tick() => false,
                _ = preparations.tick() => {
                    self.prepare().await;
                    false
                }
                () = self.0.is_filling.notified() => false,
                _ = &mut end => true,
            };
            self.flush().await;
            if has_ended {
                return;
            }
        }
    }

    /// A failure is only logged: what is missing is created when it is needed.
    async fn prepare(&self) {
        if let Backend::Table(store) = &self.0.backend
            && let Err(error) = table::prepare(store, Timestamp::now()).await
        {
            tracing::warn!(%error, "cannot prepare the log of calls for the next day");
        }
    }

    /// Writes the waiting calls.
    pub async fn flush(&self) {
        let log = self.clone();
        // In a task of its own: a cancelled caller must not lose what was taken from the queue.
        if let Err(panic) = tokio::spawn(async move { log.write_waiting().await }).await {
            tracing::error!(%panic, "writing the log of calls panicked");
        }
    }

    async fn write_waiting(&self) {
        let _writing = self.0.writing.lock().await;
        let events = mem::take(&mut *self.queue());
        if events.is_empty() {
            return;
        }
        match &self.0.backend {
            Backend::Disabled => {}
            Backend::Files(files) => {
                let (files, count) = (Arc::clone(files), events.len());
                let dropped = spawn_blocking(move || files.append(events)).await.unwrap_or(count);
                self.count_dropped(dropped);
            }
            Backend::Table(store) => match table::insert(store, &events).await {
                Ok(()) => {}
                // Writing a call again does not duplicate it.
                Err(Error::Unavailable | Error::Uncertain) => self.keep(events),
                Err(_) => self.count_dropped(events.len()),
            },
        }
    }

    /// Returns calls that could not be written to the queue, as far as there is room.
    fn keep(&self, mut events: Vec<CallEvent>) {
        let mut queue = self.queue();
        let room = QUEUE_MAX.saturating_sub(queue.len());
        let dropped = events.len().saturating_sub(room);
        events.truncate(room);
        events.append(&mut queue);
        *queue = events;
        drop(queue);
        self.count_dropped(dropped);
    }

    fn count_dropped(&self, count: usize) {
        self.0.dropped.fetch_add(count as u64, Ordering::Relaxed);
    }

    fn queue(&self) -> MutexGuard<'_, Vec<CallEvent>> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// At most `limit` calls that the filter accepts, newest first. A page can have fewer although there are more: the work for one page is
    /// limited.
    ///
    /// # Errors
    /// `Invalid` at `cursor`; `Unavailable`.
    pub async fn list(&self, organization: OrganizationId, filter: CallFilter, cursor: Option<&str>, limit: usize) -> Result<CallPage, Error> {
        let selection = Selection::new(organization, filter, cursor, limit)?;
        // So that a call is listed as soon as it has ended.
        self.flush().await;
        let found = match &self.0.backend {
            Backend::Disabled => NewestCalls::default(),
            Backend::Files(files) => {
                let _permit = self.0.readers.acquire().await.map_err(|_| Error::Unavailable)?;
                let files = Arc::clone(files);
                let read = spawn_blocking(move || files.select(&selection)).await;
                read.map_err(|_| Error::Internal)?.map_err(|error| {
                    tracing::error!(%error, "cannot read the log of calls");
                    Error::Internal
                })?
            }
            Backend::Table(store) => table::select(store, &selection).await?,
        };
        let (items, next) = found.into_page(limit);
        Ok(CallPage { items, next_cursor: next.map(|position| position.to_string()), dropped: self.dropped() })
    }

    /// Deletes the calls that organizations no longer keep, given the days that each of them keeps: in files only whole hours, in the table only whole
    /// days of the organizations that keep the most.
    ///
    /// # Errors
    /// `Unavailable`, `Internal`. What can be deleted is deleted nevertheless.
    pub async fn delete_old(&self, days_kept: &[(OrganizationId, i64)], now: Timestamp) -> Result<(), Error> {
        match &self.0.backend {
            Backend::Disabled => Ok(()),
            Backend::Files(files) => {
                let mut result = Ok(());
                for (organization, days) in days_kept {
                    result = result.and(delete_files(files, *organization, now.plus_days(-days)).await);
                }
                result
            }
            Backend::Table(store) => table::delete_old(store, days_kept, now).await,
        }
    }
}

/// Adds the calls of the files in a folder to the log in a database. Damaged ones are left out, with a warning. Returns their number.
///
/// # Errors
/// If a file cannot be read, or the database does not store the calls.
pub async fn copy_files(folder: &Path, store: &Store) -> anyhow::Result<usize> {
    let mut calls = FileCalls { paths: files::all_in(folder)?.into_iter(), frames: None };
    let (mut batch, mut copied) = (Vec::new(), 0);
    // Few calls are in one frame, so several are stored together.
    while let Some(next) = calls.next_frame()? {
        batch.extend(next);
        if batch.len() >= WRITE_AT {
            copied += store_all(store, &mut batch).await?;
        }
    }
    Ok(copied + store_all(store, &mut batch).await?)
}

/// Reads files from the first to the last frame.
struct FileCalls {
    paths: vec::IntoIter<PathBuf>,
    /// The file that is being read, and its remaining frames.
    frames: Option<(File, vec::IntoIter<Frame>)>,
}

impl FileCalls {
    /// The calls of the next frame; `None` at the end.
    fn next_frame(&mut self) -> io::Result<Option<Vec<CallEvent>>> {
        loop {
            if let Some((file, frames)) = &mut self.frames
                && let Some(frame) = frames.next()
            {
                match frame.read(file) {
                    Err(error) if error.kind() == io::ErrorKind::InvalidData => tracing::warn!(%error, "calls are missing in the log"),
                    calls => return calls.map(Some),
                }
            } else {
                let Some(path) = self.paths.next() else { return Ok(None) };
                let file = File::open(path)?;
                let frames = segment::frames(&file)?.into_iter();
                self.frames = Some((file, frames));
            }
        }
    }
}

async fn store_all(store: &Store, calls: &mut Vec<CallEvent>) -> Result<usize, Error> {
    let calls = mem::take(calls);
    for batch in calls.chunks(WRITE_AT) {
        table::insert(store, batch).await?;
    }
    Ok(calls.len())
}

async fn delete_files(files: &Arc<SegmentFiles>, organization: OrganizationId, before: Timestamp) -> Result<(), Error> {
    let files = Arc::clone(files);
    let deleted = spawn_blocking(move || files.delete_before(organization, before)).await.map_err(|_| Error::Internal)?;
    deleted.map_err(|error| {
        tracing::warn!(%error, "cannot delete old calls of the log");
        Error::Internal
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use testing::{call, open_store};

    #[tokio::test]
    async fn a_full_queue_drops_and_counts() {
        let folder = tempfile::tempdir().unwrap();
        let log = EventLog::in_folder(folder.path()).unwrap();
        let organization = OrganizationId::new();
        for at in 0..12_000 {
            log.record(call(organization, at, None));
        }
        assert_eq!((log.dropped(), log.queue().len()), (2_000, QUEUE_MAX));
        let page = log.list(organization, CallFilter::default(), None, 1).await.unwrap();
        assert_eq!((page.items[0].at, page.dropped, log.queue().len()), (Timestamp(9_999), 2_000, 0));
    }

    #[tokio::test]
    async fn a_disabled_log_is_empty() {
        let log = EventLog::default();
        let organization = OrganizationId::new();
        log.record(call(organization, 1, None));
        let page = log.list(organization, CallFilter::default(), None, 10).await.unwrap();
        assert_eq!(page, CallPage { items: Vec::new(), next_cursor: None, dropped: 0 });
        log.delete_old(&[(organization, 0)], Timestamp(9)).await.unwrap();
    }

    #[tokio::test]
    async fn the_last_calls_are_written_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let log = EventLog::in_folder(folder.path()).unwrap();
        let organization = OrganizationId::new();
        let (stop, end) = oneshot::channel();
        let task = tokio::spawn(log.clone().run(end));
        log.record(call(organization, 5, None));
        drop(stop);
        task.await.unwrap();
        let reopened = EventLog::in_folder(folder.path()).unwrap();
        assert_eq!(reopened.list(organization, CallFilter::default(), None, 10).await.unwrap().items.len(), 1);
    }

    #[tokio::test]
    async fn files_and_table_list_the_same_pages() {
        let (store, folder) = open_store().await;
        let (organization, other) = (OrganizationId::new(), OrganizationId::new());
        let key = latchkey_types::id::KeyId::new();
        let calls: Vec<CallEvent> = (0..250).map(|n| call(organization, n * 100_000, (n % 3 == 0).then_some(key))).collect();
        let mut pages = Vec::new();
        for log in [EventLog::in_folder(&folder.path().join("calls")).unwrap(), EventLog::in_database(store)] {
            for event in calls.iter().cloned().chain([call(other, 7, None)]) {
                log.record(event);
            }
            let filter = CallFilter { key: Some(key), from: Some(Timestamp(1_000_000)), to: Some(Timestamp(20_000_000)), ..CallFilter::default() };
            let (mut listed, mut cursor) = (Vec::new(), None::<String>);
            loop {
                let page = log.list(organization, filter.clone(), cursor.as_deref(), 10).await.unwrap();
                listed.extend(page.items);
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            let mut expected: Vec<CallEvent> = calls.iter().filter(|call| filter.accepts(call)).cloned().collect();
            expected.reverse();
            assert_eq!((listed.len(), &listed), (63, &expected));
            log.delete_old(&[(organization, 1), (other, 2)], Timestamp(24_000_000).plus_days(1)).await.unwrap();
            let kept = log.list(organization, CallFilter::default(), None, 100).await.unwrap();
            pages.push(kept.items.len());
            let foreign = log.list(other, CallFilter::default(), None, 100).await.unwrap();
            assert_eq!(foreign.items.len(), 1);
        }
        // Files keep the whole hour.
        assert_eq!(pages, [34, 10]);
    }

    #[tokio::test]
    async fn files_are_copied_to_the_table_once() {
        let (store, folder) = open_store().await;
        let (organization, other, calls_folder) = (OrganizationId::new(), OrganizationId::new(), folder.path().join("calls"));
        assert_eq!(copy_files(&calls_folder, &store).await.unwrap(), 0);
        let log = EventLog::in_folder(&calls_folder).unwrap();
        let calls: Vec<CallEvent> = (0..5000).map(|n| call(if n % 2 == 0 { organization } else { other }, n * 10_000, None)).collect();
        for part in calls.chunks(1000) {
            for event in part {
                log.record(event.clone());
            }
            log.flush().await;
        }
        for _ in 0..2 {
            assert_eq!(copy_files(&calls_folder, &store).await.unwrap(), 5000);
        }
        let table = EventLog::in_database(store);
        let page = table.list(organization, CallFilter::default(), None, 3000).await.unwrap();
        let mut expected: Vec<CallEvent> = calls.into_iter().filter(|call| call.organization == organization).collect();
        expected.reverse();
        assert!(page.items == expected, "{} of {}", page.items.len(), expected.len());
    }

    #[tokio::test]
    async fn an_invalid_cursor_is_reported() {
        let log = EventLog::disabled();
        for bad in ["", "1", "1.x", "a.1", "1.2.3"] {
            let listed = log.list(OrganizationId::new(), CallFilter::default(), Some(bad), 10).await;
            assert_eq!(listed.unwrap_err().field_error().unwrap().0, "cursor", "{bad}");
        }
    }
}
