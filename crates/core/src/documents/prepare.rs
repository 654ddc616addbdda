//! Validates documents, and splits their text into the parts that are indexed.

use std::collections::HashSet;

use serde_json::{Map, Value};

use latchkey_store::{
    documents::{NewDocument as PreparedDocument, Part},
    words::joined_words,
};
use latchkey_types::{
    corpus::{DOCUMENT_ID_MAX, DOCUMENT_METADATA_MAX, DOCUMENT_TEXT_MAX, NewDocument, SECTIONS_MAX, TITLE_MAX},
    error::Error,
};

/// The largest part, in bytes. A longer section is stored and indexed in parts, because a result contains text of one part, and PostgreSQL limits
/// the words of a row.
const PART_MAX: usize = 8 * 1024;

/// Validates an id that the caller chose. Ids are the last segment of a path, where `.` and `..` are resolved.
pub(super) fn document_id(field: &str, id: &str) -> Result<(), Error> {
    let length = id.chars().count();
    if !(1..=DOCUMENT_ID_MAX).contains(&length) {
        return Err(Error::invalid(field, format!("Use 1 to {DOCUMENT_ID_MAX} characters.")));
    }
    if id.chars().any(char::is_control) || matches!(id, "." | "..") {
        return Err(Error::invalid(field, "Remove the control characters, and don't use “.” or “..” as an ID."));
    }
    Ok(())
}

/// Checks everything before anything is stored.
///
/// # Errors
/// `Invalid` at `documents[2].id` and the like.
pub(super) fn prepare_all(documents: Vec<NewDocument>) -> Result<Vec<PreparedDocument>, Error> {
    let mut ids = HashSet::with_capacity(documents.len());
    for (index, document) in documents.iter().enumerate() {
        validate(document).map_err(|error| error.with_index("documents", index))?;
        if !ids.insert(document.id.as_str()) {
            return Err(Error::invalid("id", "Another document of this upload has the same ID.").with_index("documents", index));
        }
    }
    drop(ids);
    Ok(documents.into_iter().map(prepared).collect())
}

/// Checks a single document.
///
/// # Errors
/// `Invalid` at `id`, `title`, `metadata` or `sections`.
pub(super) fn prepare(document: NewDocument) -> Result<PreparedDocument, Error> {
    validate(&document)?;
    Ok(prepared(document))
}

fn validate(document: &NewDocument) -> Result<(), Error> {
    document_id("id", &document.id)?;
    if document.title.chars().count() > TITLE_MAX {
        return Err(Error::invalid("title", format!("Use at most {TITLE_MAX} characters.")));
    }
    let metadata = &document.metadata;
    if metadata.len() > DOCUMENT_METADATA_MAX {
        return Err(Error::invalid("metadata", format!("Use at most {DOCUMENT_METADATA_MAX} bytes of JSON.")));
    }
    if !metadata.is_empty() && serde_json::from_str::<Map<String, Value>>(metadata).is_err() {
        return Err(Error::invalid("metadata", "This is not a JSON object."));
    }
    if !(1..=SECTIONS_MAX).contains(&document.sections.len()) {
        return Err(Error::invalid("sections", format!("Use 1 to {SECTIONS_MAX} sections.")));
    }
    if text_bytes(document) > DOCUMENT_TEXT_MAX {
        return Err(Error::invalid("sections", format!("The text of a document may have at most {DOCUMENT_TEXT_MAX} bytes. Split the document.")));
    }
    Ok(())
}

fn text_bytes(document: &NewDocument) -> usize {
    document.sections.iter().map(String::len).sum()
}

fn prepared(document: NewDocument) -> PreparedDocument {
    let bytes = stored_number(text_bytes(&document));
    let NewDocument { id, title, metadata, sections } = document;
    // PostgreSQL stores no zero character, and a title is one line of text.
    let title = title.replace(char::is_control, " ").trim().to_owned();
    let section_count = stored_number(sections.len());
    let mut parts = Vec::with_capacity(sections.len());
    for (section, text) in (0..).zip(sections) {
        let text = if text.contains('\0') { text.replace('\0', " ") } else { text };
        parts.extend(split(&text).map(|content| Part { section, content: content.to_owned(), words: joined_words(content) }));
    }
    match parts.first_mut() {
        // The title is found through the first part.
        Some(first) => first.words = [joined_words(&title), std::mem::take(&mut first.words)].join(" ").trim().into(),
        None => parts.push(Part { section: 0, content: String::new(), words: joined_words(&title) }),
    }
    PreparedDocument { id, title, metadata, bytes, sections: section_count, parts }
}

fn stored_number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Splits a text into pieces of at most [`PART_MAX`] bytes: after a blank line if there is one in the second half, otherwise after white space. Blank
/// pieces are left out.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = rest.split_at(end_of_piece(rest));
        rest = after.trim_start();
        Some(piece.trim_end())
    })
}

/// Where the first piece of a text ends that is not empty and does not begin with white space.
fn end_of_piece(text: &str) -> usize {
    if text.len() <= PART_MAX {
        return text.len();
    }
    let limit = text.floor_char_boundary(PART_MAX);
    let piece = &text[..limit];
    let paragraph = piece.rfind("\n\n").filter(|end| *end > PART_MAX / 2);
    paragraph.or_else(|| piece.rfind(char::is_whitespace)).filter(|end| *end > 0).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(sections: &[&str]) -> NewDocument {
        let sections = sections.iter().map(|section| (*section).to_owned()).collect();
        NewDocument { id: "a".to_owned(), title: "The title".to_owned(), metadata: String::new(), sections }
    }

    fn field(document: NewDocument) -> Option<String> {
        prepare(document).err().and_then(|error| error.field_error().map(|(field, _)| field.to_owned()))
    }

    #[test]
    fn every_limit_is_checked() {
        assert_eq!(field(document(&["text"])), None);
        let edited = |edit: fn(&mut NewDocument)| {
            let mut document = document(&["text"]);
            edit(&mut document);
            field(document)
        };
        for id in [String::new(), "é".repeat(DOCUMENT_ID_MAX + 1), "a\nb".to_owned(), "..".to_owned()] {
            assert_eq!(field(NewDocument { id, ..document(&["text"]) }).as_deref(), Some("id"));
        }
        assert_eq!(edited(|document| document.id = "é/?#% ".repeat(33)), None);
        assert_eq!(edited(|document| document.title = "a".repeat(TITLE_MAX + 1)).as_deref(), Some("title"));
        for metadata in ["[]", "1", "{", r#"{"a":}"#] {
            let mut document = document(&["text"]);
            document.metadata = metadata.to_owned();
            assert_eq!(field(document).as_deref(), Some("metadata"), "{metadata}");
        }
        assert_eq!(edited(|document| document.metadata = format!(r#"{{"a":"{}"}}"#, "b".repeat(4096))).as_deref(), Some("metadata"));
        assert_eq!(edited(|document| document.sections.clear()).as_deref(), Some("sections"));
        assert_eq!(edited(|document| document.sections = vec![String::new(); SECTIONS_MAX + 1]).as_deref(), Some("sections"));
        assert_eq!(edited(|document| document.sections = vec!["a".repeat(DOCUMENT_TEXT_MAX / 2 + 1); 2]).as_deref(), Some("sections"));
    }

    #[test]
    fn errors_name_the_document() {
        let error = prepare_all(vec![document(&["a"]), document(&["b"])]).unwrap_err();
        assert_eq!(error.field_error().unwrap().0, "documents[1].id");
    }

    #[test]
    fn long_sections_are_split_at_white_space() {
        let long = "word ".repeat(PART_MAX / 4);
        let pieces: Vec<&str> = split(&long).collect();
        assert_eq!(pieces.len(), 2);
        assert!(pieces.iter().all(|piece| piece.len() <= PART_MAX && piece.starts_with("word") && piece.ends_with("word")));
        let paragraphs = format!("{}\n\n{}", "a ".repeat(PART_MAX / 3), "b ".repeat(PART_MAX / 3));
        assert!(split(&paragraphs).next().unwrap().ends_with('a'));
        let unbroken = "é".repeat(PART_MAX);
        assert_eq!(split(&unbroken).map(str::len).collect::<Vec<_>>(), [PART_MAX, PART_MAX]);
        assert_eq!(split(" \n ").count(), 0);
    }

    #[test]
    fn parts_keep_the_position_of_their_section() {
        let long = "word ".repeat(PART_MAX / 4);
        let prepared = prepare(document(&["first\0line", "", &long])).unwrap();
        assert_eq!(prepared.parts.iter().map(|part| part.section).collect::<Vec<_>>(), [0, 2, 2]);
        assert_eq!((prepared.parts[0].content.as_str(), prepared.parts[0].words.as_str()), ("first line", "the title first line"));
        assert_eq!((prepared.sections, prepared.bytes), (3, 10 + stored_number(long.len())));
        let blank = prepare(document(&[" "])).unwrap();
        assert_eq!((blank.parts.len(), blank.parts[0].words.as_str()), (1, "the title"));
    }
}
