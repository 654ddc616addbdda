//! Uploads of local files. They continue while other pages of the application are open.

use std::cell::{Cell, RefCell};

use futures_util::future::join3;
use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};
use serde::Deserialize;

use crate::api::samples::get_import;
use latchkey_types::{
    error::Error,
    id::{ImportId, ProjectId},
    sample::{FileState, ImportDetails, ImportFile, ImportState, UPLOAD_PART_MAX},
};
use latchkey_ui::{browser, fetch, local_file::LocalFile, navigation_guard::warn_before_unload, number::format_count, toast::Toasts};

/// Delays before a failed request is repeated, in milliseconds. The last one is repeated.
const RETRY_DELAYS_MS: [u32; 4] = [1_000, 3_000, 10_000, 30_000];
/// Larger files are sent one by one, so that a part can use the whole bandwidth. In bytes.
const SMALL_FILE_MAX: i64 = 1024 * 1024;
/// Maximum number of consecutive rounds in which no part was accepted.
const IDLE_ROUNDS_MAX: u32 = 3;
/// More names would not fit into a toast.
const NAMES_SHOWN: usize = 3;

/// The uploads of this tab.
#[derive(Clone, Copy)]
pub struct Uploads {
    active: RwSignal<Vec<ImportId>>,
    toasts: Toasts,
}

impl Uploads {
    /// Provides the context for [`use_uploads`], and shows the browser's confirmation before an upload is interrupted.
    pub fn provide(toasts: Toasts) {
        let active = RwSignal::new(Vec::new());
        provide_context(Self { active, toasts });
        warn_before_unload(Signal::derive(move || active.with(|active: &Vec<ImportId>| !active.is_empty())));
    }

    /// Whether this tab uploads files of an import.
    pub fn is_active(self, import: ImportId) -> bool {
        self.active.with(|active| active.contains(&import))
    }

    /// Uploads files of an import, each from where its earlier upload ended. Files that do not belong to the import, or have changed since, are
    /// ignored.
    pub fn begin(self, project: ProjectId, import: ImportId, files: Vec<LocalFile>) {
        if self.active.with_untracked(|active| active.contains(&import)) {
            return;
        }
        self.active.update(|active| active.push(import));
        let upload = Upload { project, import, files: RefCell::new(files), unreadable: RefCell::default(), accepted: Cell::new(0) };
        spawn_local(async move {
            let result = upload.run().await;
            let _ = self.active.try_update(|active| active.retain(|other| *other != import));
            match result {
                Ok(()) => {}
                Err(Failure::SignedOut) => browser::go_to_sign_in(),
                Err(Failure::Message(message)) => self.toasts.error(message),
            }
        });
    }
}

pub fn use_uploads() -> Uploads {
    expect_context()
}

/// Why an upload ended before all files were sent.
enum Failure {
    SignedOut,
    /// A sentence.
    Message(String),
}

/// The outcome of a part.
enum Part {
    Accepted,
    /// The server expects another part, or none: the job has to be read again.
    Unexpected,
}

/// A chosen file that belongs to a file of the job.
struct Match {
    file: LocalFile,
    position: i64,
    /// Bytes that the server has stored.
    stored: i64,
}

struct Upload {
    project: ProjectId,
    import: ImportId,
    /// The chosen files that were not sent yet.
    files: RefCell<Vec<LocalFile>>,
    /// Names of files whose content can't be read.
    unreadable: RefCell<Vec<String>>,
    /// Number of accepted parts in this round.
    accepted: Cell<u32>,
}

impl Upload {
    /// Sends the chosen files that the job still needs, until there are none.
    async fn run(&self) -> Result<(), Failure> {
        let mut idle_rounds = 0;
        loop {
            let Some(job) = self.job().await?.filter(|job| job.import.state == ImportState::Running) else { return Ok(()) };
            let matches = self.take_matches(&job.files);
            if matches.is_empty() {
                return self.missing(&job.files);
            }
            self.accepted.set(0);
            self.send_all(matches).await?;
            idle_rounds = if self.accepted.get() == 0 { idle_rounds + 1 } else { 0 };
            if idle_rounds > IDLE_ROUNDS_MAX {
                return Err(Failure::Message("The upload can't be continued. Stop the import and start a new one.".to_owned()));
            }
            if idle_rounds > 0 {
                TimeoutFuture::new(RETRY_DELAYS_MS[0]).await;
            }
        }
    }

    /// Reads the job; `None` if it no longer exists.
    async fn job(&self) -> Result<Option<ImportDetails>, Failure> {
        let mut retries = Retries::default();
        loop {
            match get_import(self.project, self.import).await {
                Ok(details) => return Ok(Some(details)),
                Err(Error::NotFound) => return Ok(None),
                Err(Error::SignedOut) => return Err(Failure::SignedOut),
                Err(Error::Offline | Error::ForeignResponse | Error::Unavailable | Error::Internal | Error::Throttled { .. }) => retries.wait().await,
                Err(error) => return Err(Failure::Message(error.to_string())),
            }
        }
    }

    /// Removes and returns the chosen files that the job still needs.
    fn take_matches(&self, files: &[ImportFile]) -> Vec<Match> {
        let mut chosen = self.files.borrow_mut();
        let matches = files.iter().filter(|file| is_incomplete(file)).filter_map(|file| {
            let index = chosen.iter().position(|chosen| is_same(file, &chosen.name, chosen.size, &etag_of(chosen)))?;
            Some(Match { file: chosen.remove(index), position: file.position, stored: file.copied })
        });
        matches.collect()
    }

    /// Fails with the names of the files that the import still needs.
    fn missing(&self, files: &[ImportFile]) -> Result<(), Failure> {
        let unreadable = self.unreadable.borrow();
        if !unreadable.is_empty() {
            let names = list_names(&unreadable);
            return Err(Failure::Message(format!("These files were changed or can’t be read: {names}. Choose them again.")));
        }
        let missing: Vec<_> = files.iter().filter(|file| is_incomplete(file)).map(|file| file.name.clone()).collect();
        let chosen = self.files.borrow();
        let other: Vec<_> = missing.iter().filter(|name| chosen.iter().any(|file| file.name == **name)).cloned().collect();
        if !other.is_empty() {
            let names = list_names(&other);
            return Err(Failure::Message(format!(
                "These files are not those with which the import began: {names}. Choose the original files, or start a new import."
            )));
        }
        if missing.is_empty() { Ok(()) } else { Err(Failure::Message(format!("Choose these files too: {}.", list_names(&missing)))) }
    }

    async fn send_all(&self, matches: Vec<Match>) -> Result<(), Failure> {
        let (small, large): (Vec<_>, Vec<_>) = matches.into_iter().partition(|each| each.file.size <= SMALL_FILE_MAX);
        let small = RefCell::new(small);
        let (first, second, third) = join3(self.send_each(&small), self.send_each(&small), self.send_each(&small)).await;
        first.and(second).and(third)?;
        self.send_each(&RefCell::new(large)).await
    }

    /// Sends one file after the other. After a failure the rest is not sent.
    async fn send_each(&self, waiting: &RefCell<Vec<Match>>) -> Result<(), Failure> {
        loop {
            let next = waiting.borrow_mut().pop();
            let Some(next) = next else { return Ok(()) };
            if let Err(failure) = self.send(next).await {
                waiting.borrow_mut().clear();
                return Err(failure);
            }
        }
    }

    /// Sends a file from its first missing byte.
    async fn send(&self, Match { file, position, mut stored }: Match) -> Result<(), Failure> {
        let part = i64::try_from(UPLOAD_PART_MAX).unwrap_or(i64::MAX);
        loop {
            let end = file.size.min(stored + part);
            let Some(bytes) = file.read(stored, end).await else {
                self.unreadable.borrow_mut().push(file.name);
                return Ok(());
            };
            let address = format!("/samples/upload/{}/{}/{position}?offset={stored}", self.project, self.import);
            match self.put(&address, &bytes).await? {
                Part::Accepted if end < file.size => stored = end,
                Part::Accepted => return Ok(()),
                Part::Unexpected => {
                    self.files.borrow_mut().push(file);
                    return Ok(());
                }
            }
        }
    }

    /// Sends a part, and repeats it while the server can't be reached.
    async fn put(&self, address: &str, bytes: &js_sys::Uint8Array) -> Result<Part, Failure> {
        let mut retries = Retries::default();
        loop {
            let response = fetch::put(address, bytes).await;
            match response.as_ref().map(|response| response.status) {
                Some(200..=299) => {
                    self.accepted.set(self.accepted.get() + 1);
                    return Ok(Part::Accepted);
                }
                Some(401) => return Err(Failure::SignedOut),
                Some(404) => return Ok(Part::Unexpected),
                None | Some(408 | 429 | 500..) => retries.wait().await,
                Some(status) => {
                    let problem = Problem::parse(&response.map(|response| response.body).unwrap_or_default());
                    // A conflict at `content` means that the disk is full.
                    let is_about_job = status == 409 && problem.field != "content";
                    return if is_about_job { Ok(Part::Unexpected) } else { Err(Failure::Message(problem.detail)) };
                }
            }
        }
    }
}

/// Pauses of increasing length between attempts.
#[derive(Default)]
struct Retries(usize);

impl Retries {
    async fn wait(&mut self) {
        let delay = RETRY_DELAYS_MS[self.0.min(RETRY_DELAYS_MS.len() - 1)];
        self.0 += 1;
        TimeoutFuture::new(delay).await;
    }
}

/// What the import records of a local file to recognize it later: the time of its last change, because its content is too large to be compared.
pub(super) fn etag_of(file: &LocalFile) -> String {
    file.modified_ms.to_string()
}

/// Whether a chosen file is that of the import. Imports that were started over the API may have no etag.
fn is_same(file: &ImportFile, name: &str, size: i64, etag: &str) -> bool {
    file.name == name && file.size == size && (file.etag.is_empty() || file.etag == etag)
}

/// Whether parts of a file are still to be sent.
fn is_incomplete(file: &ImportFile) -> bool {
    matches!(file.state, FileState::Waiting | FileState::Copying) && (file.copied < file.size || file.size == 0)
}

/// The body of an error response.
#[derive(Deserialize)]
struct Problem {
    /// A sentence.
    detail: String,
    /// The name of the field that is wrong.
    #[serde(default)]
    field: String,
}

impl Problem {
    fn parse(body: &str) -> Self {
        serde_json::from_str(body).unwrap_or_else(|_| Self { detail: Error::ForeignResponse.to_string(), field: String::new() })
    }
}

/// The first names, and the number of the others.
fn list_names(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_SHOWN).map(|name| format!("“{name}”")).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        others => format!("{shown} and {} more", format_count(others)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(state: FileState, size: i64, copied: i64) -> ImportFile {
        ImportFile { position: 0, name: "a".to_owned(), size, etag: String::new(), copied, state, error: String::new() }
    }

    #[test]
    fn only_files_with_missing_bytes_are_sent() {
        for (file, expected) in [
            (file(FileState::Waiting, 10, 0), true),
            (file(FileState::Waiting, 0, 0), true),
            (file(FileState::Copying, 10, 8), true),
            (file(FileState::Copying, 10, 10), false),
            (file(FileState::Complete, 0, 0), false),
            (file(FileState::Failed, 10, 0), false),
        ] {
            assert_eq!(is_incomplete(&file), expected, "{file:?}");
        }
    }

    #[test]
    fn a_changed_file_is_not_continued() {
        let begun = ImportFile { etag: "1795255200000".to_owned(), ..file(FileState::Copying, 10, 8) };
        assert!(is_same(&begun, "a", 10, "1795255200000"));
        assert!(!is_same(&begun, "a", 10, "1795255200001"));
        assert!(!is_same(&begun, "a", 11, "1795255200000") && !is_same(&begun, "b", 10, "1795255200000"));
        assert!(is_same(&file(FileState::Copying, 10, 8), "a", 10, "1795255200000"));
    }

    #[test]
    fn long_lists_of_names_are_shortened() {
        let names = |count: usize| list_names(&(0..count).map(|index| index.to_string()).collect::<Vec<_>>());
        assert_eq!(names(1), "“0”");
        assert_eq!(names(5), "“0”, “1”, “2” and 2 more");
    }

    #[test]
    fn the_detail_of_a_problem_is_shown() {
        assert_eq!(Problem::parse(r#"{"code": "too_large", "detail": "Too large.", "status": 413}"#).detail, "Too large.");
        assert_eq!(Problem::parse(r#"{"code": "conflict", "detail": "Full.", "field": "content"}"#).field, "content");
        assert_eq!(Problem::parse("<html>").detail, Error::ForeignResponse.to_string());
    }
}
