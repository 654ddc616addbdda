//! Prebuilt request bytes, into which only the key is inserted.

use std::sync::atomic::{AtomicUsize, Ordering};

use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

/// A request template and the keys to insert.
pub(crate) struct Requests {
    /// All keys in shuffled order, concatenated. They are read sequentially, so that a million keys cost the load generator no more than a
    /// thousand.
    keys: String,
    /// The end offset of each key in `keys`.
    ends: Vec<usize>,
    next: AtomicUsize,
    before: String,
    after: String,
    /// Length of every request. Shorter ones are padded with spaces, which are valid after a JSON document.
    length: usize,
}

impl Requests {
    /// `POST /api/v1/verify`, authenticated with the caller's key.
    pub(crate) fn verify(caller: &str, keys: Vec<Box<str>>) -> Self {
        Self::in_body(&format!("POST /api/v1/verify HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: {caller}\r\n"), keys)
    }

    /// A request with these first lines and the key in a JSON body.
    pub(crate) fn in_body(head: &str, keys: Vec<Box<str>>) -> Self {
        const OPEN: &str = "{\"key\":\"";
        const CLOSE: &str = "\"}";
        let longest = longest(&keys);
        let body = OPEN.len() + longest + CLOSE.len();
        let before = format!("{head}content-type: application/json\r\ncontent-length: {body}\r\n\r\n{OPEN}");
        Self::new(before, keys, CLOSE.to_owned())
    }

    /// A request with these first lines, the last of which ends with the key. All keys must have the same length.
    pub(crate) fn in_header(head: String, keys: Vec<Box<str>>) -> Self {
        Self::in_header_with_end(head, keys, "\r\ncontent-length: 0\r\n\r\n".to_owned())
    }

    /// Same as [`Self::in_header`], with this JSON body.
    pub(crate) fn in_header_with_body(head: String, keys: Vec<Box<str>>, body: &str) -> Self {
        let length = body.len();
        Self::in_header_with_end(head, keys, format!("\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"))
    }

    fn in_header_with_end(head: String, keys: Vec<Box<str>>, end: String) -> Self {
        let longest = longest(&keys);
        assert!(keys.iter().all(|key| key.len() == longest), "keys in a header cannot be padded, so they must have one length");
        Self::new(head, keys, end)
    }

    fn new(before: String, mut keys: Vec<Box<str>>, after: String) -> Self {
        let length = before.len() + longest(&keys) + after.len();
        // A fixed seed: the same order in every run.
        keys.shuffle(&mut StdRng::seed_from_u64(1));
        let ends = keys.iter().scan(0, |end, key| {
            *end += key.len();
            Some(*end)
        });
        Self { ends: ends.collect(), keys: keys.concat(), next: AtomicUsize::new(0), before, after, length }
    }

    /// Number of keys.
    pub(crate) fn count(&self) -> usize {
        self.ends.len()
    }

    /// The index of the next key. Keys are used in turn, so each is used equally often.
    pub(crate) fn next(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed) % self.count()
    }

    /// Writes the request for the key at this index.
    pub(crate) fn write(&self, request: &mut Vec<u8>, index: usize) {
        request.clear();
        request.extend_from_slice(self.before.as_bytes());
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        request.extend_from_slice(&self.keys.as_bytes()[start..self.ends[index]]);
        request.extend_from_slice(self.after.as_bytes());
        request.resize(self.length, b' ');
    }
}

fn longest(keys: &[Box<str>]) -> usize {
    keys.iter().map(|key| key.len()).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_used_equally_often_in_shuffled_order() {
        let keys: Vec<Box<str>> = (0..100).map(|number| format!("key{number}").into()).collect();
        let requests = Requests::verify("caller", keys.clone());
        let (mut request, mut sent) = (Vec::new(), Vec::new());
        for _ in 0..300 {
            requests.write(&mut request, requests.next());
            let text = str::from_utf8(&request).unwrap();
            sent.push(Box::<str>::from(text.split('"').nth(3).unwrap()));
        }
        assert_ne!(sent[..100], keys);
        sent.sort();
        let mut expected = [&keys[..], &keys[..], &keys[..]].concat();
        expected.sort();
        assert_eq!(sent, expected);
    }
}
