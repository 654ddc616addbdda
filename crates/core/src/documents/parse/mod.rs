//! Turns files into documents.

mod html;
mod markdown;

use latchkey_types::{
    corpus::{DOCUMENT_ID_MAX, NewDocument, SECTIONS_MAX, TITLE_MAX, UploadFormat},
    error::Error,
    rest::corpora::AddDocument,
};

/// The documents in a file. A text, Markdown or HTML file is one document, whose id is the name of the file.
///
/// # Errors
/// `Invalid` at `content` if there is no text, or if a line is not a document; at `name` if it cannot be an id. The limits of documents are
/// checked when they are stored.
pub(super) fn parse_upload(name: &str, format: UploadFormat, content: &str) -> Result<Vec<NewDocument>, Error> {
    if content.contains('\0') {
        return Err(Error::invalid("content", "This is not a text file."));
    }
    let content = content.trim_start_matches('\u{FEFF}');
    let (title, sections) = match format {
        UploadFormat::JsonLines => return json_lines(content),
        UploadFormat::Text => (None, paragraphs(content)),
        UploadFormat::Markdown => markdown::parse(content),
        UploadFormat::Html => html::parse(content),
    };
    if sections.is_empty() {
        return Err(Error::invalid("content", "The file has no text."));
    }
    if name.chars().count() > DOCUMENT_ID_MAX || name.is_empty() {
        return Err(Error::invalid("name", format!("The file name becomes the ID of the document. Use 1 to {DOCUMENT_ID_MAX} characters.")));
    }
    let title = title.unwrap_or_default().chars().take(TITLE_MAX).collect();
    Ok(vec![NewDocument { id: name.to_owned(), title, metadata: String::new(), sections: at_most(SECTIONS_MAX, sections) }])
}

/// A document per line that is not blank.
fn json_lines(content: &str) -> Result<Vec<NewDocument>, Error> {
    let mut documents = Vec::new();
    for (index, line) in content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let document: AddDocument = serde_json::from_str(line).map_err(|_| {
            let form = r#"{"id": "…", "title": "…", "metadata": {}, "sections": ["…"]}"#;
            Error::invalid("content", format!("Line {} is not a document. Expected: {form}", index + 1))
        })?;
        documents.push(document.into());
    }
    if documents.is_empty() { Err(Error::invalid("content", "The file has no documents.")) } else { Ok(documents) }
}

/// The paragraphs of a text, which blank lines separate.
fn paragraphs(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for line in text.lines() {
        let Some(last) = all.last_mut() else { continue };
        match (line.trim().is_empty(), last.is_empty()) {
            (true, true) => {}
            (true, false) => all.push(String::new()),
            (false, true) => last.push_str(line),
            (false, false) => {
                last.push('\n');
                last.push_str(line);
            }
        }
    }
    all.into_iter().map(|paragraph| paragraph.trim().to_owned()).filter(|paragraph| !paragraph.is_empty()).collect()
}

/// Joins adjacent sections if there are more than `max`.
fn at_most(max: usize, sections: Vec<String>) -> Vec<String> {
    let joined = sections.len().div_ceil(max);
    if joined <= 1 {
        return sections;
    }
    sections.chunks(joined).map(|neighbours| neighbours.join("\n\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, content: &str) -> Result<Vec<NewDocument>, Error> {
        parse_upload(name, UploadFormat::of_file_name(name).unwrap(), content)
    }

    fn one(name: &str, content: &str) -> NewDocument {
        let mut documents = parse(name, content).unwrap();
        assert_eq!(documents.len(), 1);
        documents.remove(0)
    }

    #[test]
    fn a_text_has_a_section_per_paragraph() {
        let document = one("notes.txt", "\u{FEFF}First\r\nline\r\n\r\n \r\n  Second\n\n\n");
        assert_eq!((document.id.as_str(), document.title.as_str()), ("notes.txt", ""));
        assert_eq!(document.sections, ["First\nline", "Second"]);
        let many = "a\n\n".repeat(2500);
        let sections = one("many.txt", &many).sections;
        assert_eq!((sections.len(), sections[0].as_str()), (834, "a\n\na\n\na"));
    }

    #[test]
    fn each_line_of_json_is_a_document() {
        let content =
            "{\"id\":\"a\",\"metadata\":{\"lang\":\"en\"},\"sections\":[\"x\",\"y\"]}\n\n{\"id\":\"b\",\"title\":\"B\",\"sections\":[\"z\"]}\r\n";
        let documents = parse("all.jsonl", content).unwrap();
        assert_eq!(documents.len(), 2);
        assert_eq!((documents[0].metadata.as_str(), documents[0].sections.len()), (r#"{"lang":"en"}"#, 2));
        let error = parse("all.jsonl", "{\"id\":\"a\",\"sections\":[\"x\"]}\n[]").unwrap_err();
        assert!(error.to_string().starts_with("Line 2 "), "{error}");
    }

    #[test]
    fn files_without_text_are_rejected() {
        for (name, content) in [("a.txt", " \n "), ("a.md", ""), ("a.html", "<script>x</script>"), ("a.jsonl", "\n"), ("a.txt", "PK\u{0}")] {
            assert_eq!(parse(name, content).unwrap_err().field_error().unwrap().0, "content", "{name}");
        }
        assert_eq!(parse(&format!("{}.txt", "a".repeat(200)), "b").unwrap_err().field_error().unwrap().0, "name");
    }
}
