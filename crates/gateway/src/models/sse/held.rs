//! Removes events from a stream. The event that is being received is held back, because it may have to be removed.

use std::mem;

use bytes::Bytes;

use super::EndOfEvent;

/// A longer event is passed on before it is complete: that of the usage is short.
const HELD_MAX: usize = 64 * 1024;

#[derive(Default)]
pub(super) struct Held {
    /// The event that is being received.
    event: Vec<u8>,
    /// Whether it is passed on before it is complete, because it is too long.
    is_released: bool,
}

impl Held {
    /// Ends the event that is being received. Returns whether it is removed.
    pub(super) fn end_event(&mut self, has_only_usage: bool) -> bool {
        !mem::take(&mut self.is_released) && has_only_usage
    }

    /// The bytes that can be passed on after this chunk, in which these events end.
    pub(super) fn push(&mut self, chunk: Bytes, ends: &[EndOfEvent]) -> Bytes {
        let complete = ends.last().map_or(0, |event| event.end);
        if self.event.is_empty() && !ends.iter().any(|event| event.is_removed) {
            self.is_released |= chunk.len() - complete > HELD_MAX;
            if self.is_released {
                return chunk;
            }
            self.event.extend_from_slice(&chunk[complete..]);
            return chunk.slice(..complete);
        }
        let mut event = mem::take(&mut self.event);
        let (mut passed, mut start) = (Vec::new(), 0);
        for EndOfEvent { end, is_removed } in ends {
            event.extend_from_slice(&chunk[start..*end]);
            if !is_removed {
                passed.extend_from_slice(&event);
            }
            event.clear();
            start = *end;
        }
        event.extend_from_slice(&chunk[start..]);
        self.is_released |= event.len() > HELD_MAX;
        if self.is_released {
            passed.append(&mut event);
        }
        self.event = event;
        passed.into()
    }

    /// The incomplete event at the end of the stream.
    pub(super) fn into_bytes(self) -> Bytes {
        self.event.into()
    }
}
