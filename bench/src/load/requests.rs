//! The bytes of a request, but for the key.

/// What is written round a key.
pub struct Requests {
    /// The keys that are drawn from.
    pub keys: Vec<Box<str>>,
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
        let longest = keys.iter().map(|key| key.len()).max().unwrap_or_default();
        let body = OPEN.len() + longest + CLOSE.len();
        let before = format!("{head}content-type: application/json\r\ncontent-length: {body}\r\n\r\n{OPEN}");
        Self { length: before.len() + longest + CLOSE.len(), before, keys, after: CLOSE }
    }

    /// A call with these first lines, the last of which a key ends; all keys are of one length.
    pub fn in_header(head: String, keys: Vec<Box<str>>) -> Self {
        const END: &str = "\r\ncontent-length: 0\r\n\r\n";
        let longest = keys.first().map_or(0, |key| key.len());
        assert!(keys.iter().all(|key| key.len() == longest), "a header can't be filled up");
        Self { length: head.len() + longest + END.len(), before: head, keys, after: END }
    }

    /// Writes the request with the key at this place.
    pub fn write(&self, request: &mut Vec<u8>, at: usize) {
        request.clear();
        request.extend_from_slice(self.before.as_bytes());
        request.extend_from_slice(self.keys[at].as_bytes());
        request.extend_from_slice(self.after.as_bytes());
        request.resize(self.length, b' ');
    }
}
