//! The log in segment files: `<folder>/<organization id>/<hour>.zst`, with the calls that began in that hour since 1970. Calls are only ever
//! appended, and deleted with the whole file.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::Context;
use rustix::fs::statvfs;

use super::{
    newest::{NewestCalls, Position, Selection},
    segment,
};
use latchkey_types::{
    id::OrganizationId,
    model_call::CallEvent,
    time::{MINUTE_MS, Timestamp},
};

const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Maximum size of a file in bytes. Further calls of the hour are not recorded.
const SEGMENT_MAX: u64 = 64 * 1024 * 1024;
/// The part of the disk that must be free for more calls, in percent. A full disk would block revocations.
const FREE_MIN_PERCENT: u64 = 5;
/// Bytes that are decompressed for one page, and how many of them the header of a frame counts as. What is read can exceed it by one file's.
const SCAN_MAX: u64 = 64 * 1024 * 1024;
const HEADER_COST: u64 = 512;
/// Number of files whose length is remembered.
const LENGTHS_MAX: usize = 10_000;

/// Segment files in a folder.
pub(crate) struct SegmentFiles {
    folder: PathBuf,
    /// The lengths of files after this process's last write to them. Held during a write and while files are deleted.
    lengths: Mutex<HashMap<PathBuf, u64>>,
}

impl SegmentFiles {
    /// # Errors
    /// If the folder cannot be created. A message for the operator.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let unusable = || format!("calls cannot be logged in {}: check that it is a folder and belongs to this user", folder.display());
        create_folder(folder).with_context(unusable)?;
        Ok(Self { folder: folder.to_owned(), lengths: Mutex::default() })
    }

    /// Writes calls. Returns how many could not be written; the reason is logged.
    pub(crate) fn append(&self, events: Vec<CallEvent>) -> usize {
        let mut segments = BTreeMap::<(OrganizationId, i64), Vec<CallEvent>>::new();
        for event in events {
            segments.entry((event.organization, hour_of(event.at))).or_default().push(event);
        }
        let mut dropped = 0;
        for ((organization, hour), calls) in segments {
            if let Err(error) = self.append_to(organization, hour, &calls) {
                tracing::warn!(%error, %organization, calls = calls.len(), "calls are missing in the log");
                dropped += calls.len();
            }
        }
        dropped
    }

    fn append_to(&self, organization: OrganizationId, hour: i64, calls: &[CallEvent]) -> io::Result<()> {
        let frame = segment::encode(calls)?;
        let mut lengths = self.lengths.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_space()?;
        let folder = self.folder_of(organization);
        create_folder(&folder)?;
        let path = file_in(&folder, hour);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        let length = match lengths.get(&path) {
            Some(length) if *length == file.metadata()?.len() => *length,
            // The first write of this process, or the file was deleted.
            _ => segment::complete_length(&file)?,
        };
        if length.saturating_add(frame.len() as u64) > SEGMENT_MAX {
            return Err(io::Error::other("the log of this hour is full"));
        }
        file.set_len(length)?;
        if let Err(error) = file.write_all_at(&frame, length) {
            let _ = file.set_len(length);
            return Err(error);
        }
        if lengths.len() >= LENGTHS_MAX {
            lengths.clear();
        }
        lengths.insert(path, length + frame.len() as u64);
        Ok(())
    }

    fn check_space(&self) -> io::Result<()> {
        let space = statvfs(&self.folder)?;
        let is_enough = u128::from(space.f_bavail) * 100 >= u128::from(space.f_blocks) * u128::from(FREE_MIN_PERCENT);
        if is_enough { Ok(()) } else { Err(io::Error::new(ErrorKind::StorageFull, "the disk is almost full")) }
    }

    /// The newest calls of a selection.
    pub(crate) fn select(&self, selection: &Selection) -> io::Result<NewestCalls> {
        self.select_within(selection, SCAN_MAX)
    }

    /// As [`Self::select`], for another limit than [`SCAN_MAX`].
    fn select_within(&self, selection: &Selection, scan_max: u64) -> io::Result<NewestCalls> {
        let mut found = NewestCalls::default();
        let mut scanned = 0;
        let folder = self.folder_of(selection.organization);
        for hour in hours_in(&folder)?.into_iter().rev() {
            let last_at = Timestamp(hour.saturating_add(1).saturating_mul(HOUR_MS).saturating_sub(1));
            if last_at < selection.earliest() || found.is_full_after(selection, last_at) {
                break;
            }
            if Timestamp(hour.saturating_mul(HOUR_MS)) > selection.before.at {
                continue;
            }
            // Each page reads at least one file, so that the next one begins before it.
            if scanned >= scan_max {
                return Ok(found.unread_before(Position::after(last_at)));
            }
            let file = match File::open(file_in(&folder, hour)) {
                // Deleted in the meantime.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                file => file?,
            };
            if let Some(unread) = select_in(&file, selection, &mut found, (&mut scanned, scan_max))? {
                return Ok(found.unread_before(unread));
            }
        }
        Ok(found)
    }

    /// Deletes the hours of an organization that ended before this time.
    pub(crate) fn delete_before(&self, organization: OrganizationId, time: Timestamp) -> io::Result<()> {
        let folder = self.folder_of(organization);
        let mut lengths = self.lengths.lock().unwrap_or_else(PoisonError::into_inner);
        for hour in hours_in(&folder)?.into_iter().take_while(|hour| *hour < hour_of(time)) {
            let path = file_in(&folder, hour);
            fs::remove_file(&path)?;
            lengths.remove(&path);
        }
        Ok(())
    }

    fn folder_of(&self, organization: OrganizationId) -> PathBuf {
        self.folder.join(&*organization.text())
    }
}

/// The files of all organizations in a folder, in a fixed order; none if the folder is missing.
pub(crate) fn all_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut organizations = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>()?;
    organizations.retain(|path| path.is_dir());
    organizations.sort_unstable();
    let mut files = Vec::new();
    for organization in organizations {
        files.extend(hours_in(&organization)?.into_iter().map(|hour| file_in(&organization, hour)));
    }
    Ok(files)
}

/// Adds the calls of a file. Returns the position before which they were not all read, once `scan_max` bytes were decompressed.
fn select_in(file: &File, selection: &Selection, found: &mut NewestCalls, (scanned, scan_max): (&mut u64, u64)) -> io::Result<Option<Position>> {
    let mut frames = segment::frames(file)?;
    *scanned += frames.len() as u64 * HEADER_COST;
    frames.retain(|frame| {
        let is_in_time = frame.first_at <= selection.before.at && frame.last_at >= selection.earliest();
        is_in_time && selection.filter.key.is_none_or(|key| frame.may_have(key))
    });
    // A frame has the calls that ended in one second, which can have begun long before.
    frames.sort_unstable_by_key(|frame| std::cmp::Reverse(frame.last_at));
    for frame in frames {
        if found.is_full_after(selection, frame.last_at) {
            break;
        }
        // Each page reads at least the calls of its first millisecond, so that the next one begins before them.
        if *scanned >= scan_max && frame.last_at < selection.before.at {
            return Ok(Some(Position::after(frame.last_at)));
        }
        *scanned += u64::from(frame.raw_length);
        match frame.read(file) {
            Ok(calls) => {
                for call in calls {
                    found.add(selection, call);
                }
            }
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                tracing::warn!(%error, organization = %selection.organization, "calls are missing in the log");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn hour_of(at: Timestamp) -> i64 {
    at.0.div_euclid(HOUR_MS)
}

fn file_in(folder: &Path, hour: i64) -> PathBuf {
    folder.join(format!("{hour}.zst"))
}

/// The hours that have a file, in order; none if the folder is missing.
fn hours_in(folder: &Path) -> io::Result<Vec<i64>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut hours = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        hours.extend(name.to_str().and_then(|name| name.strip_suffix(".zst")).and_then(|hour| hour.parse::<i64>().ok()));
    }
    hours.sort_unstable();
    Ok(hours)
}

/// Creates a folder that only its owner can read.
fn create_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::call;
    use latchkey_types::{id::KeyId, model_call::CallFilter};

    fn times(files: &SegmentFiles, organization: OrganizationId, filter: CallFilter) -> Vec<i64> {
        let selection = Selection::new(organization, filter, None, 100).unwrap();
        files.select(&selection).unwrap().into_page(100).0.iter().map(|call| call.at.0).collect()
    }

    #[test]
    fn calls_are_listed_by_their_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let files = SegmentFiles::open(folder.path()).unwrap();
        let organization = OrganizationId::new();
        // A long call ends after later ones, and another one after the hour.
        for ats in [[50, 60], [20, 70], [HOUR_MS + 5, 10]] {
            assert_eq!(files.append(ats.map(|at| call(organization, at, None)).to_vec()), 0);
        }
        assert_eq!(times(&files, organization, CallFilter::default()), [HOUR_MS + 5, 70, 60, 50, 20, 10]);
        let filter = CallFilter { from: Some(Timestamp(20)), to: Some(Timestamp(70)), ..CallFilter::default() };
        assert_eq!(times(&files, organization, filter), [60, 50, 20]);
        assert_eq!(times(&files, OrganizationId::new(), CallFilter::default()), [0; 0]);
    }

    #[test]
    fn only_frames_with_the_key_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let files = SegmentFiles::open(folder.path()).unwrap();
        let (organization, key) = (OrganizationId::new(), KeyId::new());
        files.append(vec![call(organization, 1, Some(key)), call(organization, 2, None)]);
        files.append(vec![call(organization, 3, Some(KeyId::new()))]);
        let filter = CallFilter { key: Some(key), ..CallFilter::default() };
        assert_eq!(times(&files, organization, filter), [1]);
    }

    #[test]
    fn writing_continues_after_a_torn_frame() {
        let folder = tempfile::tempdir().unwrap();
        let organization = OrganizationId::new();
        let path = file_in(&folder.path().join(organization.to_string()), 0);
        SegmentFiles::open(folder.path()).unwrap().append(vec![call(organization, 1, None)]);
        let torn = segment::encode(&[call(organization, 2, None)]).unwrap();
        let complete = fs::read(&path).unwrap();
        fs::write(&path, [&complete, &torn[..torn.len() - 1]].concat()).unwrap();
        let files = SegmentFiles::open(folder.path()).unwrap();
        assert_eq!(times(&files, organization, CallFilter::default()), [1]);
        assert_eq!(files.append(vec![call(organization, 3, None)]), 0);
        assert_eq!(times(&files, organization, CallFilter::default()), [3, 1]);
    }

    #[test]
    fn whole_hours_are_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let files = SegmentFiles::open(folder.path()).unwrap();
        let organization = OrganizationId::new();
        let calls = || [1, HOUR_MS, 2 * HOUR_MS].map(|at| call(organization, at, None)).to_vec();
        files.append(calls());
        files.delete_before(organization, Timestamp(2 * HOUR_MS - 1)).unwrap();
        assert_eq!(times(&files, organization, CallFilter::default()), [2 * HOUR_MS, HOUR_MS]);
        assert_eq!(files.append(calls()), 0);
        assert_eq!(times(&files, organization, CallFilter::default()).len(), 5);
        files.delete_before(OrganizationId::new(), Timestamp(0)).unwrap();
    }

    #[test]
    fn the_files_of_all_organizations_are_found() {
        let folder = tempfile::tempdir().unwrap();
        assert!(all_in(&folder.path().join("missing")).unwrap().is_empty());
        let files = SegmentFiles::open(folder.path()).unwrap();
        for organization in [OrganizationId::new(), OrganizationId::new()] {
            files.append(vec![call(organization, 1, None), call(organization, HOUR_MS, None)]);
        }
        fs::write(folder.path().join("note.txt"), "").unwrap();
        let found = all_in(folder.path()).unwrap();
        assert!(found.len() == 4 && found.is_sorted() && found.iter().all(|path| path.is_file()), "{found:?}");
    }

    #[test]
    fn a_full_hour_drops_further_calls() {
        let folder = tempfile::tempdir().unwrap();
        let files = SegmentFiles::open(folder.path()).unwrap();
        let organization = OrganizationId::new();
        assert_eq!(files.append(vec![call(organization, 1, None)]), 0);
        let path = file_in(&folder.path().join(organization.to_string()), 0);
        File::options().write(true).open(&path).unwrap().set_len(SEGMENT_MAX).unwrap();
        files.lengths.lock().unwrap().insert(path, SEGMENT_MAX);
        assert_eq!(files.append(vec![call(organization, 2, None), call(organization, HOUR_MS, None)]), 1);
    }

    #[test]
    fn a_page_reads_only_some_of_many_files() {
        let folder = tempfile::tempdir().unwrap();
        let files = SegmentFiles::open(folder.path()).unwrap();
        let (organization, key) = (OrganizationId::new(), KeyId::new());
        files.append((0..3).map(|hour| call(organization, hour * HOUR_MS, (hour == 0).then_some(key))).collect());
        let (mut cursor, mut pages) = (None::<String>, Vec::new());
        loop {
            let filter = CallFilter { key: Some(key), ..CallFilter::default() };
            let selection = Selection::new(organization, filter, cursor.as_deref(), 10).unwrap();
            // Two headers are read for a page.
            let (page, next) = files.select_within(&selection, HEADER_COST + 1).unwrap().into_page(10);
            pages.push(page.len());
            let Some(next) = next else { break };
            cursor = Some(next.to_string());
        }
        assert_eq!(pages, [0, 1]);
    }

    #[test]
    fn a_page_reads_only_a_part_of_a_large_log() {
        let folder = tempfile::tempdir().unwrap();
        let files = SegmentFiles::open(folder.path()).unwrap();
        let organization = OrganizationId::new();
        for at in 0..5 {
            files.append(vec![call(organization, at, None)]);
        }
        let file = File::open(file_in(&folder.path().join(organization.to_string()), 0)).unwrap();
        let mut cursor = None::<String>;
        // After the first page, the budget is used up from the beginning: each page still reads one millisecond.
        for expected in [vec![4], vec![], vec![3], vec![2], vec![1], vec![0]] {
            let selection = Selection::new(organization, CallFilter::default(), cursor.as_deref(), 10).unwrap();
            let (mut found, mut scanned) = (NewestCalls::default(), if cursor.is_some() { SCAN_MAX } else { 0 });
            let unread = select_in(&file, &selection, &mut found, (&mut scanned, SCAN_MAX)).unwrap();
            let found = if let Some(unread) = unread { found.unread_before(unread) } else { found };
            let (page, next) = found.into_page(1);
            assert_eq!(page.iter().map(|call| call.at.0).collect::<Vec<_>>(), expected);
            cursor = next.map(|next| next.to_string());
        }
        assert_eq!(cursor, None);
    }
}
