//! Masking of secrets that an upstream repeats in its response.
//!
//! The secret is searched in the forms that servers commonly produce (see [`forms`]). Each occurrence is replaced by as many `*`, so that lengths
//! do not change. Only bytes that may begin an occurrence are held back, so that a stream is not delayed.

mod automaton;
mod forms;

use std::{mem, sync::Arc};

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use automaton::{Automaton, START, State};

/// Replaces each byte of an occurrence.
const MASK: u8 = b'*';

/// Shorter values are not masked, because they would occur by chance.
pub(crate) const MASKED_MIN: usize = 4;

/// Masks all forms of some secrets.
pub(crate) struct Masker(Automaton);

impl Masker {
    /// Searches all forms of these secrets. Secrets of less than [`MASKED_MIN`] bytes are not searched.
    pub(crate) fn new(secrets: &[&[u8]]) -> Self {
        let long_enough = secrets.iter().filter(|secret| secret.len() >= MASKED_MIN);
        Self(Automaton::new(long_enough.flat_map(|secret| forms::of(secret))))
    }

    /// Whether there is nothing to search.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Masks complete bytes, such as a header value. Returns the number of occurrences.
    pub(crate) fn mask_all(&self, bytes: &mut [u8]) -> u64 {
        let mut state = START;
        self.mask(&mut state, bytes, 0)
    }

    /// Masks a stream.
    pub(crate) fn stream(self: &Arc<Self>) -> MaskStream {
        MaskStream { masker: Arc::clone(self), state: START, held: Vec::new(), occurrences: 0 }
    }

    /// Masks the occurrences that end in `bytes[from..]`. The state is that of the search after `bytes[..from]`. Returns their number.
    fn mask(&self, state: &mut State, bytes: &mut [u8], from: usize) -> u64 {
        let mut occurrences = 0;
        for at in from..bytes.len() {
            *state = self.0.next(*state, bytes[at]);
            let length = self.0.match_length(*state);
            if length > 0 {
                bytes[at + 1 - length..=at].fill(MASK);
                occurrences += 1;
            }
        }
        occurrences
    }
}

/// Masks these secrets, also in lower case, because names of headers are. `None` if there is nothing to mask.
pub(crate) fn masker(secrets: &[SecretString]) -> Option<Arc<Masker>> {
    let lower: Vec<Zeroizing<String>> = secrets.iter().map(|secret| Zeroizing::new(secret.expose_secret().to_ascii_lowercase())).collect();
    let exact = secrets.iter().map(|secret| secret.expose_secret().as_bytes());
    let all: Vec<&[u8]> = exact.chain(lower.iter().map(|secret| secret.as_bytes())).collect();
    let masker = Masker::new(&all);
    (!masker.is_empty()).then(|| Arc::new(masker))
}

/// The masking of one body.
pub(crate) struct MaskStream {
    masker: Arc<Masker>,
    /// The state after the original bytes, before masking.
    state: State,
    /// Bytes that may begin an occurrence; complete occurrences in them are already masked.
    held: Vec<u8>,
    occurrences: u64,
}

impl MaskStream {
    /// The bytes that can be passed on after this chunk: everything but a suffix that may begin an occurrence.
    pub(crate) fn push(&mut self, chunk: Bytes) -> Bytes {
        let (end, has_match) = self.search(&chunk);
        if !has_match && self.held.is_empty() {
            self.state = end;
            let passed = chunk.len() - self.masker.0.prefix_length(end);
            self.held.extend_from_slice(&chunk[passed..]);
            return chunk.slice(..passed);
        }
        let mut bytes = mem::take(&mut self.held);
        let from = bytes.len();
        bytes.extend_from_slice(&chunk);
        self.occurrences += self.masker.mask(&mut self.state, &mut bytes, from);
        self.held = bytes.split_off(bytes.len() - self.masker.0.prefix_length(self.state));
        bytes.into()
    }

    /// The bytes that were held back, at the end of the body.
    pub(crate) fn finish(&mut self) -> Bytes {
        self.state = START;
        mem::take(&mut self.held).into()
    }

    /// The number of occurrences so far.
    pub(crate) const fn occurrences(&self) -> u64 {
        self.occurrences
    }

    /// The state after a chunk, and whether an occurrence ends in it.
    fn search(&self, chunk: &[u8]) -> (State, bool) {
        let automaton = &self.masker.0;
        let mut state = self.state;
        for byte in chunk {
            state = automaton.next(state, *byte);
            if automaton.match_length(state) > 0 {
                return (state, true);
            }
        }
        (state, false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bytes masked by comparing every form at every position, and the number of bytes at the end that may begin an occurrence.
    fn expected(needles: &[Vec<u8>], bytes: &[u8]) -> (Vec<u8>, usize) {
        let mut masked = bytes.to_vec();
        for needle in needles {
            for start in 0..bytes.len() {
                if bytes[start..].starts_with(needle) {
                    masked[start..start + needle.len()].fill(MASK);
                }
            }
        }
        let is_beginning = |length: &usize| needles.iter().any(|needle| needle.len() > *length && bytes.ends_with(&needle[..*length]));
        (masked, (1..=bytes.len()).rev().find(is_beginning).unwrap_or(0))
    }

    fn needles_of(secrets: &[&[u8]]) -> Vec<Vec<u8>> {
        secrets.iter().flat_map(|secret| forms::of(secret)).map(|form| form.to_vec()).collect()
    }

    fn masked(secret: &str, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        Masker::new(&[secret.as_bytes()]).mask_all(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn common_forms_are_masked() {
        let secret = "sk-a/b+c\"d<é>";
        for form in [
            secret,
            "sk-a%2Fb%2Bc%22d%3C%C3%A9%3E",
            "sk-a%2fb%2bc%22d%3c%c3%a9%3e",
            "736b2d612f622b6322643cc3a93e",
            "736B2D612F622B6322643CC3A93E",
            r#"sk-a/b+c\"d<é>"#,
            r#"sk-a\/b+c\"d<é>"#,
            r#"sk-a/b+c\"d\u003cé\u003e"#,
            r#"sk-a/b+c\"d<\u00e9>"#,
            "sk-a/b+c&quot;d&lt;é&gt;",
        ] {
            assert_eq!(masked(secret, form), "*".repeat(form.len()), "{form}");
        }
    }

    #[test]
    fn base64_is_masked_in_every_alignment() {
        use base64::{
            Engine,
            engine::general_purpose::{STANDARD, URL_SAFE},
        };
        let secret = "sk-0123456789?>?>";
        for before in ["", "a", "ab", "user:", "token="] {
            for after in ["", "z", "zz", "zzz"] {
                let plain = format!("{before}{secret}{after}");
                for text in [STANDARD.encode(&plain), URL_SAFE.encode(&plain)] {
                    let masked = masked(secret, &text);
                    // At each end one character has bits of the secret and of its neighbour.
                    let stars = masked.matches('*').count();
                    assert!(stars >= secret.len() * 8 / 6 - 1, "{text}: {masked}");
                }
            }
        }
    }

    #[test]
    fn short_values_are_not_masked() {
        assert!(Masker::new(&[b"abc"]).is_empty());
        assert!(!Masker::new(&[b"abcd"]).is_empty());
        assert_eq!(masked("abc", "abcabc"), "abcabc");
    }

    #[test]
    fn a_chunk_without_an_occurrence_is_not_copied() {
        let masker = Arc::new(Masker::new(&[b"sk-0123456789"]));
        let mut stream = masker.stream();
        let chunk = Bytes::from_static(b"nothing here: [ ] ( )");
        assert_eq!(stream.push(chunk.clone()).as_ptr(), chunk.as_ptr());
        assert!(stream.finish().is_empty() && stream.occurrences() == 0);
    }

    #[test]
    fn only_a_possible_beginning_is_held_back() {
        let masker = Arc::new(Masker::new(&[b"sk-0123456789"]));
        let mut stream = masker.stream();
        assert_eq!(stream.push(Bytes::from_static(b"key: sk-01")), "key: ");
        assert_eq!(stream.push(Bytes::from_static(b"x and sk-0123")), "sk-01x and ");
        assert_eq!(stream.push(Bytes::from_static(b"456789!")), "*************!");
        assert_eq!(stream.occurrences(), 1);
        assert_eq!(stream.push(Bytes::from_static(b"sk-")), "");
        assert_eq!(stream.finish(), "sk-");
    }

    proptest! {
        /// Few letters, so that occurrences and beginnings overlap.
        #[test]
        fn chunks_do_not_matter(secret in "[ab]{4,8}", other in "[ab]{4,6}", text in "[abYWJi6=%12\\\\]{0,80}", cuts in prop::collection::vec(0usize..80, 0..8)) {
            let secrets = [secret.as_bytes(), other.as_bytes()];
            let text = format!("{text}{secret}{other}{text}");
            let needles = needles_of(&secrets);
            let masker = Arc::new(Masker::new(&secrets));
            let mut stream = masker.stream();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let mut output = Vec::new();
            for pair in cuts.windows(2) {
                output.extend_from_slice(&stream.push(Bytes::copy_from_slice(&text.as_bytes()[pair[0]..pair[1]])));
                let (_, held) = expected(&needles, &text.as_bytes()[..pair[1]]);
                prop_assert_eq!(pair[1] - output.len(), held);
            }
            output.extend_from_slice(&stream.finish());
            let (masked, _) = expected(&needles, text.as_bytes());
            prop_assert_eq!(String::from_utf8(output).unwrap(), String::from_utf8(masked).unwrap());
            prop_assert!(stream.occurrences() > 0);
        }

        #[test]
        fn any_secret_is_masked_in_any_form(secret in "\\PC{2,40}", before in "\\PC{0,10}", after in "\\PC{0,10}") {
            prop_assume!(secret.len() >= MASKED_MIN);
            for form in needles_of(&[secret.as_bytes()]) {
                let mut bytes = [before.as_bytes(), &form, after.as_bytes()].concat();
                Masker::new(&[secret.as_bytes()]).mask_all(&mut bytes);
                prop_assert!(bytes[before.len()..before.len() + form.len()].iter().all(|byte| *byte == MASK));
            }
        }
    }
}
