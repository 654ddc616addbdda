//! The bytes of a request, but for the key.

use std::sync::atomic::{AtomicUsize, Ordering};

use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

/// What is written round a key.
pub struct Requests {
    /// The keys in an order drawn by lot, one behind the other: they are asked for in a row, so that a caller with a million keys has no
    /// more work than one with a thousand.
    keys: String,
    /// Where each ends.
    ends: Vec<usize>,
    next: AtomicUsize,
    before: String,
    after: &'static str,
    /// How long each request is: shorter ones are filled up with blanks, which JSON takes at its end.
    length: usize,
}

impl Requests {
    /// `POST /api/v1/verify` with the caller's key, and a key in a body of JSON.
    pub fn verify(caller: &str, keys: Vec<Box<str>>) -> Self {
        Self::in_body(&format!("POST /api/v1/verify HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: {caller}\r\n"), keys)
    }

    /// A call with these first lines, and a key in a body of JSON.
    pub fn in_body(head: &str, keys: Vec<Box<str>>) -> Self {
        const OPEN: &str = "{\"key\":\"";
        const CLOSE: &str = "\"}";
        let longest = longest(&keys);
        let body = OPEN.len() + longest + CLOSE.len();
        let before = format!("{head}content-type: application/json\r\ncontent-length: {body}\r\n\r\n{OPEN}");
        Self::new(before, keys, CLOSE)
    }

    /// A call with these first lines, the last of which a key ends; all keys are of one length.
    pub fn in_header(head: String, keys: Vec<Box<str>>) -> Self {
        const END: &str = "\r\ncontent-length: 0\r\n\r\n";
        let longest = longest(&keys);
        assert!(keys.iter().all(|key| key.len() == longest), "a header can't be filled up");
        Self::new(head, keys, END)
    }

    fn new(before: String, mut keys: Vec<Box<str>>, after: &'static str) -> Self {
        let length = before.len() + longest(&keys) + after.len();
        // The same in each run.
        keys.shuffle(&mut StdRng::seed_from_u64(1));
        let ends = keys.iter().scan(0, |end, key| {
            *end += key.len();
            Some(*end)
        });
        Self { ends: ends.collect(), keys: keys.concat(), next: AtomicUsize::new(0), before, after, length }
    }

    /// How many keys there are.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// The place of the key that is asked for next: each as often as any other.
    pub fn next(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed) % self.count()
    }

    /// Writes the request with the key at this place.
    pub fn write(&self, request: &mut Vec<u8>, at: usize) {
        request.clear();
        request.extend_from_slice(self.before.as_bytes());
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        request.extend_from_slice(&self.keys.as_bytes()[begin..self.ends[at]]);
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
    fn each_key_is_asked_for_as_often_as_any_other_and_not_in_the_order_in_which_they_are_stored() {
        let keys: Vec<Box<str>> = (0..100).map(|number| format!("key{number}").into()).collect();
        let requests = Requests::verify("caller", keys.clone());
        let (mut request, mut asked) = (Vec::new(), Vec::new());
        for _ in 0..300 {
            requests.write(&mut request, requests.next());
            let text = str::from_utf8(&request).unwrap();
            asked.push(Box::<str>::from(text.split('"').nth(3).unwrap()));
        }
        assert_ne!(asked[..100], keys);
        asked.sort();
        let mut thrice = [&keys[..], &keys[..], &keys[..]].concat();
        thrice.sort();
        assert_eq!(asked, thrice);
    }
}
