//! The format of a segment file: frames, each with the calls of one write. A frame is a skippable zstd frame with a header, then a zstd frame with
//! one JSON object per line. So `zstdcat` prints a file, and a header says which keys a frame has without decompressing it. Numbers are
//! little-endian.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
};

use latchkey_types::{id::KeyId, model_call::CallEvent, time::Timestamp};

/// The first of the magic numbers of skippable frames (RFC 8878, section 3.1.2).
const SKIPPABLE: u32 = 0x184D_2A50;
/// Bytes of a skippable frame before its content: magic number and length.
const PREFIX: usize = 8;
/// Bytes of the header without the keys: checksum of the rest of the header, length and checksum of the compressed calls, length of the
/// uncompressed ones, time of the first and the last call.
const FIXED: usize = 4 * 4 + 2 * 8;
/// Bytes for each key.
const KEY: usize = 4;
/// Maximum number of keys in a header; more than there are calls in a frame.
const KEYS_MAX: usize = 16 * 1024;
/// Maximum length of the calls of a frame. Longer ones are not read.
const CALLS_MAX: u32 = 64 * 1024 * 1024;
/// The fastest of the usual levels: a frame has at most a few thousand calls, which compress well at any level.
const LEVEL: i32 = 1;

/// The header of a frame.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Where the compressed calls begin in the file.
    offset: u64,
    length: u32,
    checksum: u32,
    /// Length of the uncompressed calls.
    pub(crate) raw_length: u32,
    /// Times of the first and the last call.
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
    /// Hashes of the keys, sorted.
    keys: Vec<u32>,
}

impl Frame {
    /// Whether the frame may have calls of this key. Sometimes wrong, because keys can have the same hash.
    pub(crate) fn may_have(&self, key: KeyId) -> bool {
        self.keys.binary_search(&hash_of(key)).is_ok()
    }

    fn end(&self) -> u64 {
        self.offset + u64::from(self.length)
    }

    /// The calls of this frame of the file. Those that this version cannot read are left out.
    ///
    /// # Errors
    /// `InvalidData` if they were damaged.
    pub(crate) fn read(&self, file: &File) -> io::Result<Vec<CallEvent>> {
        let json = self.decompress(file)?;
        Ok(json.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }

    fn decompress(&self, file: &File) -> io::Result<Vec<u8>> {
        let mut compressed = vec![0; to_size(self.length)];
        file.read_exact_at(&mut compressed, self.offset)?;
        if crc32fast::hash(&compressed) != self.checksum {
            return Err(damaged());
        }
        zstd::bulk::decompress(&compressed, to_size(self.raw_length))
    }
}

fn hash_of(key: KeyId) -> u32 {
    crc32fast::hash(key.text().as_bytes())
}

fn to_size(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a segment of the log of calls is damaged")
}

/// A frame with these calls.
///
/// # Errors
/// If they are too long.
pub(crate) fn encode(calls: &[CallEvent]) -> io::Result<Vec<u8>> {
    let mut json = Vec::with_capacity(calls.len() * 512);
    for call in calls {
        serde_json::to_writer(&mut json, call)?;
        json.push(b'\n');
    }
    let compressed = zstd::bulk::compress(&json, LEVEL)?;
    let too_long = || io::Error::other("the calls are too long for one write to the log");
    let length_of = |bytes: &[u8]| u32::try_from(bytes.len()).ok().filter(|length| *length <= CALLS_MAX).ok_or_else(too_long);
    let mut keys: Vec<u32> = calls.iter().filter_map(|call| call.key).map(hash_of).collect();
    keys.sort_unstable();
    keys.dedup();

    let mut header = Vec::with_capacity(FIXED + keys.len() * KEY);
    header.extend(length_of(&compressed)?.to_le_bytes());
    header.extend(crc32fast::hash(&compressed).to_le_bytes());
    header.extend(length_of(&json)?.to_le_bytes());
    let times = || calls.iter().map(|call| call.at.0);
    for time in [times().min(), times().max()] {
        header.extend(time.unwrap_or_default().to_le_bytes());
    }
    header.extend(keys.iter().flat_map(|key| key.to_le_bytes()));

    let mut frame = Vec::with_capacity(PREFIX + KEY + header.len() + compressed.len());
    frame.extend(SKIPPABLE.to_le_bytes());
    frame.extend(length_of(&header)?.saturating_add(4).to_le_bytes());
    frame.extend(crc32fast::hash(&header).to_le_bytes());
    frame.extend(header);
    frame.extend(compressed);
    Ok(frame)
}

/// The frames of a file. Those after a torn one are left out: it is the last, or is still being written.
pub(crate) fn frames(file: &File) -> io::Result<Vec<Frame>> {
    let end = file.metadata()?.len();
    let mut reader = BufReader::new(file);
    reader.seek(SeekFrom::Start(0))?;
    let mut frames: Vec<Frame> = Vec::new();
    let mut offset = 0;
    while let Some(frame) = read_header(&mut reader, offset)? {
        if frame.end() > end {
            break;
        }
        offset = frame.end();
        reader.seek_relative(i64::from(frame.length))?;
        frames.push(frame);
    }
    Ok(frames)
}

/// The header at this offset, where the reader is; `None` if it is incomplete or invalid.
fn read_header(reader: &mut impl Read, offset: u64) -> io::Result<Option<Frame>> {
    let mut start = [0; PREFIX];
    if !read_complete(reader, &mut start)? {
        return Ok(None);
    }
    let content = to_size(number_at(&start, 4));
    if number_at(&start, 0) != SKIPPABLE || !(FIXED..=FIXED + KEYS_MAX * KEY).contains(&content) {
        return Ok(None);
    }
    let mut header = vec![0; content];
    if !read_complete(reader, &mut header)? || crc32fast::hash(&header[4..]) != number_at(&header, 0) {
        return Ok(None);
    }
    let (fixed, keys) = header.split_at(FIXED);
    let frame = Frame {
        offset: offset + (PREFIX + content) as u64,
        length: number_at(fixed, 4),
        checksum: number_at(fixed, 8),
        raw_length: number_at(fixed, 12),
        first_at: time_at(fixed, 16),
        last_at: time_at(fixed, 24),
        keys: keys.chunks_exact(KEY).map(|key| number_at(key, 0)).collect(),
    };
    Ok((frame.length <= CALLS_MAX && frame.raw_length <= CALLS_MAX).then_some(frame))
}

/// Fills the buffer; `false` at the end of the file.
fn read_complete(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn number_at(bytes: &[u8], offset: usize) -> u32 {
    bytes.get(offset..).and_then(<[u8]>::first_chunk::<4>).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn time_at(bytes: &[u8], offset: usize) -> Timestamp {
    Timestamp(bytes.get(offset..).and_then(<[u8]>::first_chunk::<8>).map_or(0, |bytes| i64::from_le_bytes(*bytes)))
}

/// The length of the file up to a last frame that was torn when the process was killed. Later frames replace it.
pub(crate) fn complete_length(file: &File) -> io::Result<u64> {
    let mut frames = frames(file)?;
    while let Some(last) = frames.pop() {
        if last.decompress(file).is_ok() {
            return Ok(last.end());
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;
    use crate::testing::call;
    use latchkey_types::id::OrganizationId;

    /// A file with a frame for each of these lists of calls.
    fn file_with(lists: &[&[CallEvent]]) -> (File, Vec<usize>) {
        let mut file = tempfile::tempfile().unwrap();
        let mut lengths = Vec::new();
        for calls in lists {
            let frame = encode(calls).unwrap();
            file.write_all(&frame).unwrap();
            lengths.push(frame.len());
        }
        (file, lengths)
    }

    #[test]
    fn frames_are_read_as_they_were_written() {
        let (organization, key) = (OrganizationId::new(), KeyId::new());
        let first = [call(organization, 7, Some(key)), call(organization, 3, None)];
        let second = [call(organization, 9, None)];
        let (file, _) = file_with(&[&first, &second]);
        let frames = frames(&file).unwrap();
        assert_eq!(frames.iter().map(|frame| (frame.first_at.0, frame.last_at.0)).collect::<Vec<_>>(), [(3, 7), (9, 9)]);
        assert_eq!((frames[0].read(&file).unwrap(), frames[1].read(&file).unwrap()), (first.to_vec(), second.to_vec()));
        assert!(frames[0].may_have(key) && !frames[0].may_have(KeyId::new()) && !frames[1].may_have(key));
    }

    #[test]
    fn a_torn_last_frame_is_ignored() {
        let organization = OrganizationId::new();
        let calls = [call(organization, 1, Some(KeyId::new()))];
        let (file, lengths) = file_with(&[&calls, &calls]);
        for missing in 1..=lengths[1] {
            file.set_len((lengths[0] + lengths[1] - missing) as u64).unwrap();
            assert_eq!((frames(&file).unwrap().len(), complete_length(&file).unwrap()), (1, lengths[0] as u64), "{missing}");
        }
        let (mut file, lengths) = file_with(&[&calls]);
        file.write_all(&[0; 300]).unwrap();
        assert_eq!(complete_length(&file).unwrap(), lengths[0] as u64);
    }

    #[test]
    fn damaged_calls_are_reported() {
        let calls = [call(OrganizationId::new(), 1, None)];
        let (file, lengths) = file_with(&[&calls]);
        let (mut byte, offset) = ([0], (lengths[0] - 9) as u64);
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[!byte[0]], offset).unwrap();
        let frames = frames(&file).unwrap();
        assert_eq!(frames[0].read(&file).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(complete_length(&file).unwrap(), 0);
    }

    #[test]
    fn a_file_is_valid_zstd() {
        let calls = [call(OrganizationId::new(), 1, None)];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zst");
        fs::write(&path, [encode(&calls).unwrap(), encode(&calls).unwrap()].concat()).unwrap();
        let text = zstd::stream::decode_all(File::open(&path).unwrap()).unwrap();
        assert_eq!(text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count(), 2);
    }
}
