//! The body of an index call.

use serde_json::{Value, value::RawValue};

use super::{
    json::{self, CorpusIds, Members},
    refusal::Refusal,
};
use latchkey_types::corpus::{NewDocument, SECTIONS_MAX};

/// Maximum depth of nested sections. Limited, because each level is parsed again.
const DEPTH_MAX: usize = 16;

/// An index call as it was sent, with every occurrence of every id.
pub(super) struct IndexRequest<'a> {
    ids: CorpusIds,
    document: &'a RawValue,
}

impl<'a> IndexRequest<'a> {
    /// # Errors
    /// `MALFORMED`.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Refusal> {
        let (mut ids, mut documents) = (CorpusIds::default(), Vec::new());
        for (field, value) in json::object(body)?.0 {
            if field == "document" {
                documents.push(value);
            } else {
                ids.read(&field, value)?;
            }
        }
        match documents[..] {
            [document] if document.get().starts_with('{') => Ok(Self { ids, document }),
            _ => Err(Refusal::malformed("The field “document” must occur once, as an object.")),
        }
    }

    /// The ids, in every occurrence.
    pub(super) const fn named(&self) -> &CorpusIds {
        &self.ids
    }

    /// The corpus and the document. Call it after checking [`Self::named`].
    ///
    /// # Errors
    /// `MALFORMED`.
    pub(super) fn into_parts(self) -> Result<(i64, DocumentJson<'a>), Refusal> {
        Ok((self.ids.into_corpus()?, DocumentJson(self.document)))
    }
}

/// A document in Vectara's form.
#[derive(Clone, Copy)]
pub(super) struct DocumentJson<'a>(&'a RawValue);

impl DocumentJson<'_> {
    /// The document for an upstream.
    pub(super) fn value(self) -> Result<Value, Refusal> {
        Ok(json::value("document", self.0)?.unwrap_or_default())
    }

    /// The document for the built-in index. Nested sections follow the text of the section that contains them; the title of a section becomes
    /// part of its text.
    ///
    /// # Errors
    /// `MALFORMED`, `INVALID_ARGUMENT`.
    pub(super) fn document(self) -> Result<NewDocument, Refusal> {
        let (mut ids, mut titles, mut metadata, mut sections) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (field, value) in json::value::<Members<'_>>("document", self.0)?.map(|members| members.0).unwrap_or_default() {
            match &*field {
                "documentid" => ids.extend(json::value::<String>("document_id", value)?),
                "title" => titles.extend(json::value::<String>("title", value)?),
                "metadatajson" => metadata.extend(json::value::<String>("metadata_json", value)?),
                "section" => add_sections(&mut sections, value, 0)?,
                _ => {}
            }
        }
        let id = json::single("document_id", ids)?.ok_or_else(|| Refusal::malformed("The field “document_id” is missing."))?;
        let title = json::single("title", titles)?.unwrap_or_default();
        Ok(NewDocument { id, title, metadata: json::single("metadata_json", metadata)?.unwrap_or_default(), sections })
    }
}

/// Adds the texts of a list of sections, in reading order.
fn add_sections(texts: &mut Vec<String>, list: &RawValue, depth: usize) -> Result<(), Refusal> {
    if depth > DEPTH_MAX {
        return Err(Refusal::invalid_argument(format!("Sections are nested more than {DEPTH_MAX} deep.")));
    }
    for section in json::value::<Vec<Members<'_>>>("section", list)?.unwrap_or_default() {
        add_section(texts, section, depth)?;
    }
    Ok(())
}

fn add_section(texts: &mut Vec<String>, section: Members<'_>, depth: usize) -> Result<(), Refusal> {
    let (mut titles, mut own, mut nested) = (Vec::new(), Vec::new(), Vec::new());
    for (field, value) in section.0 {
        match &*field {
            "title" => titles.extend(json::value::<String>("title", value)?),
            "text" => own.extend(json::value::<String>("text", value)?),
            "section" => nested.push(value),
            _ => {}
        }
    }
    let parts = [json::single("title", titles)?, json::single("text", own)?];
    let text = parts.into_iter().flatten().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join("\n");
    if !text.is_empty() {
        texts.push(text);
    }
    if texts.len() > SECTIONS_MAX {
        return Err(Refusal::invalid_argument(format!("A document may have at most {SECTIONS_MAX} sections.")));
    }
    nested.into_iter().try_for_each(|list| add_sections(texts, list, depth + 1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(body: &str) -> Result<NewDocument, &'static str> {
        let parse = || IndexRequest::parse(body.as_bytes())?.into_parts()?.1.document();
        parse().map_err(|refusal| refusal.code())
    }

    #[test]
    fn both_spellings_are_parsed() {
        let sections =
            json!([{ "title": "One", "text": "first", "section": [{ "text": "inner" }] }, { "title": "", "text": "second" }, { "text": " " }]);
        let expected = NewDocument {
            id: "a".to_owned(),
            title: "T".to_owned(),
            metadata: "{\"b\":1}".to_owned(),
            sections: ["One\nfirst", "inner", "second"].map(ToOwned::to_owned).into(),
        };
        for body in [
            json!({ "customer_id": 7, "corpus_id": 1, "document": { "document_id": "a", "title": "T", "metadata_json": "{\"b\":1}", "section": sections } }),
            json!({ "customerId": "7", "corpusId": "1", "document": { "documentId": "a", "title": "T", "metadataJson": "{\"b\":1}", "section": sections } }),
        ] {
            assert_eq!(document(&body.to_string()), Ok(expected.clone()), "{body}");
        }
    }

    #[test]
    fn every_occurrence_of_an_id_is_kept() {
        let body = r#"{"corpus_id":1,"document":{"corpus_id":9},"corpusId":"2","customer_id":3,"customerId":4}"#;
        let request = IndexRequest::parse(body.as_bytes()).ok().unwrap();
        let integers = |ids: &[json::Integer]| ids.iter().filter_map(|id| id.0).collect::<Vec<_>>();
        assert_eq!((integers(&request.named().corpora), integers(&request.named().customers)), (vec![1, 2], vec![3, 4]));
        assert_eq!(request.into_parts().err().unwrap().code(), "MALFORMED");
    }

    #[test]
    fn a_body_of_another_form_is_malformed() {
        for (body, code) in [
            (r#"{"corpus_id":1}"#, "MALFORMED"),
            (r#"{"corpus_id":1,"document":null}"#, "MALFORMED"),
            (r#"{"corpus_id":1,"document":[]}"#, "MALFORMED"),
            (r#"{"corpus_id":1,"document":{"document_id":"a"},"document":{"document_id":"b"}}"#, "MALFORMED"),
            (r#"{"document":{"document_id":"a"}}"#, "INVALID_CORPUS_ID"),
            (r#"{"corpus_id":1,"document":{}}"#, "MALFORMED"),
            (r#"{"corpus_id":1,"document":{"document_id":1}}"#, "MALFORMED"),
            (r#"{"corpus_id":1,"document":{"document_id":"a","documentId":"b"}}"#, "MALFORMED"),
            (r#"{"corpus_id":1,"document":{"document_id":"a","metadata_json":{}}}"#, "MALFORMED"),
            (r#"{"corpus_id":1,"document":{"document_id":"a","section":{"text":"b"}}}"#, "MALFORMED"),
            (r#"{"corpus_id":1,"document":{"document_id":"a","section":["b"]}}"#, "MALFORMED"),
        ] {
            assert_eq!(document(body).unwrap_err(), code, "{body}");
        }
        let nested = |depth| ["[{\"section\":".repeat(depth), "[]".to_owned(), "}]".repeat(depth)].concat();
        let body = |sections: &str| format!(r#"{{"corpus_id":1,"document":{{"document_id":"a","section":{sections}}}}}"#);
        assert!(document(&body(&nested(DEPTH_MAX))).is_ok());
        assert_eq!(document(&body(&nested(DEPTH_MAX + 1))).unwrap_err(), "INVALID_ARGUMENT");
        assert!(document(&body(&nested(50_000))).is_err(), "no stack overflow");
        let many = format!("[{}]", vec![r#"{"text":"a"}"#; SECTIONS_MAX + 1].join(","));
        assert_eq!(document(&body(&many)).unwrap_err(), "INVALID_ARGUMENT");
    }
}
