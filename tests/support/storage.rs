//! What the local servers of storage providers share: contents of files, and requests for them that wait.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

/// The size of the parts in which Latchkey reads and stores files, in bytes.
pub const CHUNK: usize = 8 * 1024 * 1024;

/// Bytes that do not repeat; other ones for another `seed`.
pub fn content(size: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes.into()
}

/// In hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Holds requests for contents back, so that a test can act in the middle of an import.
#[derive(Clone)]
pub struct Gate {
    /// Requests from this position of a file on wait.
    from: Arc<watch::Sender<usize>>,
    waiting: Arc<AtomicUsize>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { from: Arc::new(watch::channel(usize::MAX).0), waiting: Arc::default() }
    }
}

impl Gate {
    /// Lets only requests for bytes before this position of a file pass.
    pub fn close_from(&self, position: usize) {
        self.from.send_replace(position);
    }

    pub fn open(&self) {
        self.from.send_replace(usize::MAX);
    }

    /// The number of requests that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Waits until requests from this position on may pass.
    pub async fn pass(&self, position: usize) {
        let mut from = self.from.subscribe();
        if position >= *from.borrow() {
            let _waiting = Waiting::new(&self.waiting);
            let _ = from.wait_for(|from| position < *from).await;
        }
    }
}

/// Counted until it is dropped, also when the client disconnects.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The first and last position of `Range: bytes=0-9`.
pub fn requested_range(headers: &HeaderMap) -> Option<(usize, usize)> {
    let (first, last) = headers.get(header::RANGE)?.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().unwrap_or(usize::MAX)))
}

/// The content of a file, or the requested range of it.
pub fn respond(content: &Bytes, headers: &HeaderMap) -> Response {
    let size = content.len();
    match requested_range(headers) {
        None => Body::from(content.clone()).into_response(),
        Some((first, _)) if first >= size => {
            (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, format!("bytes */{size}"))]).into_response()
        }
        Some((first, last)) => {
            let last = last.min(size - 1);
            let range = [(header::CONTENT_RANGE, format!("bytes {first}-{last}/{size}"))];
            (StatusCode::PARTIAL_CONTENT, range, Body::from(content.slice(first..=last))).into_response()
        }
    }
}
