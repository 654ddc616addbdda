//! Changes in a body that is otherwise passed on byte for byte.

use std::ops::Range;

use bytes::Bytes;

/// A part of a body, and what replaces it. The span of an insertion is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) span: Range<usize>,
    pub(super) text: Bytes,
}

/// The body with these edits, as chunks that share its memory. The spans must not overlap.
pub(super) fn apply(body: &Bytes, mut edits: Vec<Edit>) -> Vec<Bytes> {
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let mut chunks = Vec::with_capacity(2 * edits.len() + 1);
    let mut start = 0;
    for Edit { span, text } in edits {
        chunks.push(body.slice(start..span.start));
        chunks.push(text);
        start = span.end;
    }
    chunks.push(body.slice(start..));
    chunks.retain(|chunk| !chunk.is_empty());
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(edits: &[(Range<usize>, &'static str)]) -> String {
        let edits = edits.iter().map(|(span, text)| Edit { span: span.clone(), text: Bytes::from_static(text.as_bytes()) }).collect();
        String::from_utf8(apply(&Bytes::from_static(b"0123456789"), edits).concat()).unwrap()
    }

    #[test]
    fn edits_replace_insert_and_remove() {
        assert_eq!(edited(&[]), "0123456789");
        assert_eq!(edited(&[(5..7, "x")]), "01234x789");
        assert_eq!(edited(&[(7..7, "y"), (5..7, "x")]), "01234xy789");
        assert_eq!(edited(&[(0..10, "")]), "");
        assert_eq!(edited(&[(10..10, "z"), (0..0, "a")]), "a0123456789z");
    }

    #[test]
    fn a_body_without_edits_is_not_copied() {
        let body = Bytes::from(vec![b'x'; 100]);
        let chunks = apply(&body, Vec::new());
        assert_eq!((chunks.len(), chunks[0].as_ptr()), (1, body.as_ptr()));
    }
}
