//! Finds what must be known of a request body in one pass, without building a tree.
//!
//! What is found here must be what the provider finds. So the structure is checked as strictly as by any parser, and a field that is read may occur
//! only once and in only one spelling: of two, another parser may use the one that was not read here.

mod bounds;
mod part;
#[cfg(test)]
mod tests;

use std::ops::Range;

use memchr::memchr2;

use self::{bounds::Item, part::Part};
use super::request::RequestError;

/// Maximum nesting of objects and arrays.
const DEPTH_MAX: usize = 128;

/// What was found in a body.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    body: &'a [u8],
    found: Vec<(&'static str, Range<usize>)>,
    include_usage: Option<Range<usize>>,
    unbounded: Option<&'static str>,
    has_long_ttl: bool,
}

impl<'a> Fields<'a> {
    /// Position of the value of a field of the body.
    pub(super) fn span(&self, name: &str) -> Option<Range<usize>> {
        self.found.iter().find(|(found, _)| *found == name).map(|(_, span)| span.clone())
    }

    /// Value of a field of the body, as JSON; `None` if it is missing or null.
    pub(super) fn raw(&self, name: &str) -> Option<&'a [u8]> {
        let body = self.body;
        self.span(name).map(|span| &body[span]).filter(|value| *value != b"null")
    }

    /// Position of the value of `include_usage` in `stream_options`.
    pub(super) fn include_usage(&self) -> Option<Range<usize>> {
        self.include_usage.clone()
    }

    /// A part of the body that a provider may replace by more tokens than the body has bytes.
    pub(super) const fn unbounded(&self) -> Option<&'static str> {
        self.unbounded
    }

    /// Whether a part of the body may be kept in the cache for an hour.
    pub(super) const fn has_long_ttl(&self) -> bool {
        self.has_long_ttl
    }
}

/// Scans a body.
///
/// # Errors
/// It is not a JSON object, or a field that is read occurs twice or in another spelling.
pub(super) fn scan(body: &[u8]) -> Result<Fields<'_>, RequestError> {
    if str::from_utf8(body).is_err() {
        return Err(RequestError::Malformed("The request body is not valid UTF-8.".to_owned()));
    }
    let mut scanner = Scanner { body, at: 0, fields: Fields { body, found: Vec::new(), include_usage: None, unbounded: None, has_long_ttl: false } };
    scanner.skip_whitespace();
    if scanner.peek() != Some(b'{') {
        return Err(RequestError::Malformed("The request body is not a JSON object.".to_owned()));
    }
    scanner.value(Part::Body, 0)?;
    scanner.skip_whitespace();
    if scanner.at < body.len() { Err(scanner.unexpected()) } else { Ok(scanner.fields) }
}

struct Scanner<'a> {
    body: &'a [u8],
    at: usize,
    fields: Fields<'a>,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    fn unexpected(&self) -> RequestError {
        RequestError::Malformed(match self.peek() {
            Some(_) => format!("The request body is not valid JSON: the error is at byte {}.", self.at),
            None => "The request body is not valid JSON: it is incomplete.".to_owned(),
        })
    }

    fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Skips this byte, if it is the next one.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Result<(), RequestError> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn value(&mut self, part: Part, depth: usize) -> Result<(), RequestError> {
        match self.peek() {
            Some(b'{' | b'[') if depth == DEPTH_MAX => {
                Err(RequestError::Malformed(format!("The request body is nested more than {DEPTH_MAX} levels deep.")))
            }
            Some(b'{') => self.object(part, depth + 1),
            Some(b'[') => self.array(part, depth + 1),
            Some(b'"') => {
                self.string()?;
                Ok(())
            }
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => self.number(),
        }
    }

    fn object(&mut self, part: Part, depth: usize) -> Result<(), RequestError> {
        self.expect(b'{')?;
        self.skip_whitespace();
        if self.take(b'}') {
            return Ok(());
        }
        let mut item = Item::default();
        loop {
            let key = self.string()?;
            let field = part.field(key)?;
            self.skip_whitespace();
            self.expect(b':')?;
            self.skip_whitespace();
            let start = self.at;
            self.value(part.of_value(key), depth)?;
            if let Some(name) = field {
                self.record(part, name, start..self.at, &mut item)?;
            }
            self.skip_whitespace();
            if !self.take(b',') {
                break;
            }
            self.skip_whitespace();
        }
        if item.is_stored() {
            self.fields.unbounded = self.fields.unbounded.or(Some(bounds::STORED));
        }
        self.expect(b'}')
    }

    fn array(&mut self, part: Part, depth: usize) -> Result<(), RequestError> {
        self.expect(b'[')?;
        self.skip_whitespace();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.value(part, depth)?;
            self.skip_whitespace();
            if !self.take(b',') {
                return self.expect(b']');
            }
            self.skip_whitespace();
        }
    }

    /// The text between the quotes, with its escapes.
    fn string(&mut self) -> Result<&'a [u8], RequestError> {
        self.expect(b'"')?;
        let (body, start) = (self.body, self.at);
        loop {
            let rest = &body[self.at..];
            let length = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
            // The lowest byte, because the compiler can compare many bytes at once.
            if rest[..length].iter().fold(u8::MAX, |lowest, byte| lowest.min(*byte)) < b' ' {
                return Err(self.unexpected());
            }
            self.at += length;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(&body[start..self.at - 1]);
                }
                Some(_) => self.escape()?,
                None => return Err(self.unexpected()),
            }
        }
    }

    fn escape(&mut self) -> Result<(), RequestError> {
        let digits = |at: usize| self.body.get(at..at + 4).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let length = match self.body.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if digits(self.at + 2) => 6,
            _ => return Err(self.unexpected()),
        };
        self.at += length;
        Ok(())
    }

    fn literal(&mut self, text: &[u8]) -> Result<(), RequestError> {
        if !self.body[self.at..].starts_with(text) {
            return Err(self.unexpected());
        }
        self.at += text.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), RequestError> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(())
    }

    /// Skips at least one digit.
    fn digits(&mut self) -> Result<(), RequestError> {
        let length = self.body[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += length;
        if length == 0 { Err(self.unexpected()) } else { Ok(()) }
    }

    /// `item` is the object of the field, if it is content.
    fn record(&mut self, part: Part, name: &'static str, span: Range<usize>, item: &mut Item) -> Result<(), RequestError> {
        let is_repeated = match part {
            Part::Body => {
                let is_repeated = self.fields.span(name).is_some();
                self.fields.found.push((name, span));
                is_repeated
            }
            Part::StreamOptions => self.fields.include_usage.replace(span).is_some(),
            Part::Content | Part::Opaque => {
                let (body, unbounded) = (self.body, self.fields.unbounded);
                let value = &body[span];
                self.fields.unbounded = unbounded.or_else(|| bounds::unbounded(name, value));
                self.fields.has_long_ttl |= name == "ttl" && bounds::is_long_ttl(value);
                item.add(name, value)
            }
        };
        if is_repeated { Err(RequestError::Duplicate(name)) } else { Ok(()) }
    }
}
