//! Corpora, their documents and their upstreams.

use serde::{Deserialize, Serialize};

use super::{id::CredentialId, provider::GeneralKey, time::Timestamp};

/// Maximum length of a document's own id, in characters.
pub const DOCUMENT_ID_MAX: usize = 200;
/// Maximum length of a title, in characters.
pub const TITLE_MAX: usize = 500;
/// Maximum number of sections of a document.
pub const SECTIONS_MAX: usize = 1000;
/// Maximum size of a document's metadata, in bytes of JSON.
pub const DOCUMENT_METADATA_MAX: usize = 4096;
/// Maximum size of a document's text, in bytes.
pub const DOCUMENT_TEXT_MAX: usize = 1024 * 1024;
/// Maximum length of a query, in characters.
pub const QUERY_MAX: usize = 1000;
/// Maximum number of results of a query.
pub const RESULTS_MAX: usize = 100;
/// Number of results of a query without a number.
pub const RESULTS_DEFAULT: usize = 10;
/// Maximum length of the ids that an upstream expects, in bytes.
pub const UPSTREAM_ID_MAX: usize = 100;

/// A corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusDetails {
    /// Number, unique in the organization.
    pub id: i64,
    pub name: String,
    pub created_at: Timestamp,
    /// Name of the creator.
    pub created_by: String,
    /// Number of keys with access to it.
    pub keys: i64,
    /// Number of documents in the built-in index.
    pub documents: i64,
    /// Whether its queries are answered by an upstream.
    pub has_upstream: bool,
}

/// Data of the page of a corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusPage {
    pub corpus: CorpusDetails,
    /// The organization's number in the header `customer-id`.
    pub customer_id: i64,
    pub upstream: Option<UpstreamRow>,
    /// General keys that can be linked to an upstream, sorted by name.
    pub credentials: Vec<GeneralKey>,
}

/// The server that answers for a corpus instead of the built-in index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamRow {
    pub base_url: String,
    /// The customer id that the upstream expects.
    pub customer_id: String,
    /// The corpus id that the upstream expects.
    pub corpus_id: String,
    pub credential: Option<GeneralKey>,
    /// Whether the linked key was deleted or unlinked by a change of the base URL.
    pub is_unlinked: bool,
}

/// Request to set the upstream of a corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamRequest {
    pub base_url: String,
    pub customer_id: String,
    pub corpus_id: String,
    #[serde(default)]
    pub credential: Option<CredentialId>,
}

/// A document, as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRow {
    /// Chosen by the customer, unique in the corpus.
    pub id: String,
    pub title: String,
    pub sections: i64,
    /// Size of the text, in bytes.
    pub bytes: i64,
    pub updated_at: Timestamp,
}

/// A page of documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentList {
    /// Sorted by id.
    pub documents: Vec<DocumentRow>,
    /// The id after which the next page begins; `None` on the last page.
    pub next: Option<String>,
}

/// A document to add to a corpus. Replaces the one with the same id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDocument {
    pub id: String,
    #[serde(default)]
    pub title: String,
    /// A JSON object, as text; empty for none.
    #[serde(default)]
    pub metadata: String,
    /// The texts, in order.
    pub sections: Vec<String>,
}

/// The formats of files whose text can be added to a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UploadFormat {
    Text,
    Markdown,
    Html,
    /// A document per line, as `POST /corpora/{id}/documents` accepts them.
    JsonLines,
}

impl UploadFormat {
    /// The format of a file, by the extension of its name; `None` for other extensions.
    pub fn of_file_name(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "txt" | "text" => Some(Self::Text),
            "md" | "markdown" => Some(Self::Markdown),
            "html" | "htm" => Some(Self::Html),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

/// What an upload added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadResult {
    /// Number of documents that were not in the corpus before.
    pub added: usize,
    /// Number of documents that were replaced.
    pub replaced: usize,
}

/// A result of a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchHit {
    pub document_id: String,
    pub title: String,
    /// JSON object; empty for none.
    pub metadata: String,
    /// Position of the section in the document, from 0.
    pub section: i64,
    /// Plain text around the words that were found.
    pub text: String,
    /// Higher is better; from 0 to 1.
    pub score: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_that_of_the_last_extension() {
        for (name, format) in [
            ("a.txt", Some(UploadFormat::Text)),
            ("b.old.MD", Some(UploadFormat::Markdown)),
            ("c.htm", Some(UploadFormat::Html)),
            ("d.html.jsonl", Some(UploadFormat::JsonLines)),
            ("e.pdf", None),
            ("txt", None),
            ("", None),
        ] {
            assert_eq!(UploadFormat::of_file_name(name), format, "{name}");
        }
    }
}
