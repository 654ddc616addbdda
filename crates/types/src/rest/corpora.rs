//! `/api/v1/corpora`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[cfg(feature = "openapi")]
use super::schema::PageLimit;
use super::{
    is_default,
    values::{Name, Rfc3339},
};
use crate::{
    corpus::{self, DocumentRow, SearchHit, UploadResult, UpstreamRequest, UpstreamRow},
    id::CredentialId,
};

/// A corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Corpus {
    pub id: i64,
    pub name: String,
    pub created_at: Rfc3339,
    /// The number of documents in the built-in index.
    pub documents: i64,
    /// Whether an upstream answers instead of the built-in index.
    pub has_upstream: bool,
}

/// The corpora of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Corpora {
    pub items: Vec<Corpus>,
}

/// A corpus to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateCorpus {
    pub name: Name,
}

/// A corpus and its upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CorpusWithUpstream {
    pub id: i64,
    pub name: String,
    pub created_at: Rfc3339,
    /// The number of documents in the built-in index.
    pub documents: i64,
    /// The server that answers instead of the built-in index; null for none.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub upstream: Option<Upstream>,
}

/// The server that answers for a corpus instead of the built-in index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Upstream {
    pub base_url: String,
    /// The customer id that the upstream expects.
    pub customer_id: String,
    /// The corpus id that the upstream expects.
    pub corpus_id: String,
    /// The general key that is sent; null for none.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub credential: Option<CredentialId>,
    /// Whether the linked key was deleted, or unlinked because the base URL changed.
    pub unlinked: bool,
}

impl From<UpstreamRow> for Upstream {
    fn from(upstream: UpstreamRow) -> Self {
        Self {
            base_url: upstream.base_url,
            customer_id: upstream.customer_id,
            corpus_id: upstream.corpus_id,
            credential: upstream.credential.map(|credential| credential.id),
            unlinked: upstream.is_unlinked,
        }
    }
}

/// The upstream to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetUpstream {
    /// An https URL, or an http URL in a network that the operator allows, without user, query and fragment.
    #[cfg_attr(feature = "openapi", schema(max_length = 2048, example = "https://search.example.com"))]
    pub base_url: String,
    /// The customer id that the upstream expects.
    #[cfg_attr(feature = "openapi", schema(pattern = "^\\s*[!-~]{1,100}\\s*$"))]
    pub customer_id: String,
    /// The corpus id that the upstream expects.
    #[cfg_attr(feature = "openapi", schema(pattern = "^\\s*[!-~]{1,100}\\s*$"))]
    pub corpus_id: String,
    /// A general key to send; null for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialId>,
}

impl From<SetUpstream> for UpstreamRequest {
    fn from(request: SetUpstream) -> Self {
        let SetUpstream { base_url, customer_id, corpus_id, credential } = request;
        Self { base_url, customer_id, corpus_id, credential }
    }
}

/// Query parameters of the list of documents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct DocumentsQuery {
    /// Only documents whose id follows this one: the `next` of the previous page.
    #[cfg_attr(feature = "openapi", param(max_length = 200, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"))]
    pub after: Option<String>,
    /// The maximum number of items per page; 50 by default.
    #[cfg_attr(feature = "openapi", param(value_type = Option<PageLimit>, inline))]
    pub limit: Option<usize>,
}

/// A document in a list, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Document {
    pub id: String,
    pub title: String,
    /// The number of sections.
    pub sections: i64,
    /// The size of the text, in bytes.
    pub bytes: i64,
    pub updated_at: Rfc3339,
}

impl From<DocumentRow> for Document {
    fn from(document: DocumentRow) -> Self {
        let DocumentRow { id, title, sections, bytes, updated_at } = document;
        Self { id, title, sections, bytes, updated_at: updated_at.into() }
    }
}

/// A page of documents, sorted by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Documents {
    pub items: Vec<Document>,
    /// The value of `after` for the next page; null on the last page.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next: Option<String>,
}

/// A document to add. Replaces the one with the same id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AddDocument {
    /// Your own id of the document, without control characters; not `.` or `..`.
    #[cfg_attr(feature = "openapi", schema(max_length = 200, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"))]
    pub id: String,
    /// Its words are found in the first section.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    pub title: String,
    /// Returned with each result; at most 4096 bytes of JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub metadata: Option<Map<String, Value>>,
    /// The texts, in order; together at most 1 MiB.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 1000))]
    pub sections: Vec<String>,
}

impl From<AddDocument> for corpus::NewDocument {
    fn from(document: AddDocument) -> Self {
        let AddDocument { id, title, metadata, sections } = document;
        Self { id, title, metadata: metadata.map(|metadata| Value::Object(metadata).to_string()).unwrap_or_default(), sections }
    }
}

/// Documents to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AddDocuments {
    /// With distinct ids.
    #[cfg_attr(feature = "openapi", schema(min_items = 1))]
    pub documents: Vec<AddDocument>,
}

/// What was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AddedDocuments {
    /// The number of documents that were not in the corpus before.
    pub added: usize,
    /// The number of documents that were replaced.
    pub replaced: usize,
}

impl From<UploadResult> for AddedDocuments {
    fn from(UploadResult { added, replaced }: UploadResult) -> Self {
        Self { added, replaced }
    }
}

/// A query of the built-in index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchRequest {
    /// Words to find. There is no query syntax.
    #[cfg_attr(feature = "openapi", schema(max_length = 1000))]
    pub query: String,
    /// The maximum number of results; 10 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 100))]
    pub limit: Option<usize>,
}

/// Results of a query, best first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchResults {
    pub items: Vec<SearchResult>,
}

/// A section that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchResult {
    pub document_id: String,
    pub title: String,
    /// The document's metadata; null for none.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<Object>))]
    pub metadata: Option<Map<String, Value>>,
    /// The position of the section in the document, from 0.
    pub section: i64,
    /// The text around the words that were found.
    pub text: String,
    /// From 0 to 1; higher is better. At least 0.5 if all words were found.
    pub score: f64,
}

impl From<SearchHit> for SearchResult {
    fn from(hit: SearchHit) -> Self {
        Self {
            document_id: hit.document_id,
            title: hit.title,
            metadata: serde_json::from_str(&hit.metadata).ok(),
            section: hit.section,
            text: hit.text,
            score: hit.score,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_an_object_in_the_api_and_text_inside() {
        let typed = r#"{"id":"a","metadata":{"lang":"en","tags":["x"]},"sections":["b"]}"#;
        let document = corpus::NewDocument::from(serde_json::from_str::<AddDocument>(typed).unwrap());
        assert_eq!((document.title.as_str(), document.metadata.as_str()), ("", r#"{"lang":"en","tags":["x"]}"#));
        let hit = |metadata: &str| SearchHit {
            document_id: "a".to_owned(),
            title: String::new(),
            metadata: metadata.to_owned(),
            section: 0,
            text: String::new(),
            score: 0.5,
        };
        assert_eq!(SearchResult::from(hit(&document.metadata)).metadata.unwrap()["lang"], "en");
        assert_eq!(SearchResult::from(hit("")).metadata, None);
    }

    #[test]
    fn a_document_has_no_other_fields() {
        for wrong in [
            r#"{"id":"a"}"#,
            r#"{"id":"a","sections":["b"],"text":"c"}"#,
            r#"{"id":"a","sections":"b"}"#,
            r#"{"id":"a","metadata":[],"sections":[]}"#,
        ] {
            assert!(serde_json::from_str::<AddDocument>(wrong).is_err(), "{wrong}");
        }
    }
}
