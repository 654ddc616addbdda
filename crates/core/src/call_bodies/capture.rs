//! Captures the bodies of a call in memory: each up to its size, all of them up to a common bound.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{BodyLog, LoggedCall, WaitingBodies};
use latchkey_types::model_call::{CallBodies, CallBody, REQUEST_BODY_MAX, RESPONSE_BODY_MAX};

/// Bytes of bodies in memory: those of open calls and those that wait to be written.
const MEMORY_MAX: usize = 32 * 1024 * 1024;
/// Bytes that a call uses besides its bodies. An upper bound.
const OVERHEAD: usize = 2048;

/// What is left of [`MEMORY_MAX`].
#[derive(Debug)]
pub(super) struct FreeMemory(AtomicUsize);

impl FreeMemory {
    pub(super) const fn new() -> Self {
        Self(AtomicUsize::new(MEMORY_MAX))
    }

    /// Returns whether as much was left.
    fn take(&self, bytes: usize) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes)).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// The bodies of an open call.
pub struct CapturedBodies {
    log: BodyLog,
    request: Prefix,
    response: Prefix,
    /// Of [`FreeMemory`].
    taken: usize,
    /// Nothing is kept, because there was no memory left.
    is_dropped: bool,
}

impl CapturedBodies {
    pub(super) fn new(log: BodyLog, request: &[u8]) -> Self {
        let (of_request, of_response) = (Prefix::new(REQUEST_BODY_MAX), Prefix::new(RESPONSE_BODY_MAX));
        let mut bodies = Self { log, request: of_request, response: of_response, taken: 0, is_dropped: false };
        if bodies.take(OVERHEAD + bodies.request.growth(request)) {
            bodies.request.push(request);
        }
        bodies
    }

    /// Adds a part of the response.
    pub fn push_response(&mut self, chunk: &[u8]) {
        if !self.is_dropped && self.take(self.response.growth(chunk)) {
            self.response.push(chunk);
        }
    }

    /// Queues the bodies for writing. Returns whether they are kept.
    pub fn record(self, call: LoggedCall) -> bool {
        if self.is_dropped {
            self.log.count_dropped(1);
            return false;
        }
        let log = self.log.clone();
        log.queue(WaitingBodies { call, bodies: self });
        true
    }

    /// Takes memory, or drops what is kept if there is not enough.
    fn take(&mut self, bytes: usize) -> bool {
        if self.log.free_memory().take(bytes) {
            self.taken += bytes;
            return true;
        }
        self.is_dropped = true;
        (self.request, self.response) = (Prefix::new(0), Prefix::new(0));
        self.release();
        false
    }

    fn release(&mut self) {
        self.log.free_memory().give_back(std::mem::take(&mut self.taken));
    }

    pub(super) fn bodies(&self) -> CallBodies {
        CallBodies { request: self.request.body(), response: self.response.body() }
    }

    /// Bytes of the bodies.
    pub(super) fn length(&self) -> usize {
        self.request.bytes.len() + self.response.bytes.len()
    }
}

impl Drop for CapturedBodies {
    fn drop(&mut self) {
        self.release();
    }
}

/// The beginning of a body.
struct Prefix {
    bytes: Vec<u8>,
    max: usize,
    /// Whether the body is longer.
    is_cut: bool,
}

impl Prefix {
    const fn new(max: usize) -> Self {
        Self { bytes: Vec::new(), max, is_cut: false }
    }

    /// The part of the next chunk that is kept.
    fn kept<'a>(&self, chunk: &'a [u8]) -> &'a [u8] {
        &chunk[..chunk.len().min(self.max - self.bytes.len())]
    }

    /// The capacity that [`Self::push`] adds.
    fn growth(&self, chunk: &[u8]) -> usize {
        let (length, capacity) = (self.bytes.len() + self.kept(chunk).len(), self.bytes.capacity());
        // At least doubled, so that a body in many chunks is not copied for each of them.
        if length > capacity { length.max(capacity.saturating_mul(2)).min(self.max).saturating_sub(capacity) } else { 0 }
    }

    fn push(&mut self, chunk: &[u8]) {
        let (growth, kept) = (self.growth(chunk), self.kept(chunk));
        self.is_cut |= kept.len() < chunk.len();
        self.bytes.reserve_exact(self.bytes.capacity() - self.bytes.len() + growth);
        self.bytes.extend_from_slice(kept);
    }

    /// Without a character that was cut off in the middle.
    fn body(&self) -> CallBody {
        let end = match str::from_utf8(&self.bytes) {
            Err(error) if self.is_cut && error.error_len().is_none() => error.valid_up_to(),
            Ok(_) | Err(_) => self.bytes.len(),
        };
        CallBody { text: String::from_utf8_lossy(&self.bytes[..end]).into_owned(), is_cut: self.is_cut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::new_core;

    fn prefix(max: usize, chunks: &[&[u8]]) -> (String, bool) {
        let mut prefix = Prefix::new(max);
        for chunk in chunks {
            let before = prefix.bytes.capacity();
            let growth = prefix.growth(chunk);
            prefix.push(chunk);
            assert_eq!((prefix.bytes.capacity(), prefix.bytes.len() <= max), (before + growth, true));
        }
        let CallBody { text, is_cut } = prefix.body();
        (text, is_cut)
    }

    #[test]
    fn a_body_is_cut_at_its_size_and_not_within_a_character() {
        let cases: [(usize, &[&[u8]], &str, bool); 7] = [
            (4, &[], "", false),
            (4, &[b"ab", b"cd"], "abcd", false),
            (4, &[b"abc", b"de"], "abcd", true),
            (4, &[b"abcdef", b"g"], "abcd", true),
            (4, &["abcé".as_bytes()], "abc", true),
            (4, &["abé".as_bytes(), b""], "abé", false),
            (0, &[b"a"], "", true),
        ];
        for (max, chunks, text, is_cut) in cases {
            assert_eq!(prefix(max, chunks), (text.to_owned(), is_cut), "{chunks:?}");
        }
        assert_eq!(prefix(9, &[b"a\xffb\xc3"]), ("a\u{fffd}b\u{fffd}".to_owned(), false), "bytes that are not UTF-8 are replaced");
    }

    #[tokio::test]
    async fn the_sizes_of_bodies_are_limited() {
        let (core, _folder) = new_core().await;
        let mut bodies = core.body_log.capture(&vec![b'a'; REQUEST_BODY_MAX + 1]);
        for _ in 0..RESPONSE_BODY_MAX / 1024 {
            bodies.push_response(&[b'b'; 1024]);
        }
        let kept = bodies.bodies();
        assert_eq!((kept.request.text.len(), kept.request.is_cut), (REQUEST_BODY_MAX, true));
        assert_eq!((kept.response.text.len(), kept.response.is_cut), (RESPONSE_BODY_MAX, false));
        bodies.push_response(b"c");
        assert!(bodies.bodies().response.is_cut);
        assert_eq!(bodies.taken, OVERHEAD + REQUEST_BODY_MAX + RESPONSE_BODY_MAX);
    }

    #[tokio::test]
    async fn memory_is_limited_and_given_back() {
        let (core, _folder) = new_core().await;
        let log = &core.body_log;
        let request = vec![b'a'; REQUEST_BODY_MAX];
        let mut open: Vec<CapturedBodies> = (0..MEMORY_MAX / (OVERHEAD + REQUEST_BODY_MAX)).map(|_| log.capture(&request)).collect();
        assert!(open.iter().all(|bodies| !bodies.is_dropped));
        let beyond = log.capture(&request);
        assert!(beyond.is_dropped && beyond.length() == 0 && beyond.taken == 0);
        assert!(!beyond.record(LoggedCall::example()));
        // The response does not fit either: then the request is dropped too.
        open[0].push_response(&vec![b'b'; RESPONSE_BODY_MAX]);
        assert!(open[0].is_dropped && open[0].length() == 0);
        drop(open);
        assert_eq!((log.dropped(), log.free_memory().0.load(Ordering::Relaxed)), (1, MEMORY_MAX));
    }
}
