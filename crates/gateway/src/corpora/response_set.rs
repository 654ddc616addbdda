//! The response to a query call.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use latchkey_types::corpus::SearchHit;

/// The body of a response.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QueryResponse {
    /// One per query, in the same order.
    pub(super) response_set: Vec<ResponseSet>,
    /// Empty: a call is answered as a whole or refused.
    pub(super) status: [(); 0],
}

/// The results of one query.
#[derive(Debug, Serialize)]
pub(super) struct ResponseSet {
    response: Vec<ResponseItem>,
    status: [(); 0],
    document: Vec<Document>,
    /// Only from upstreams.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    summary: Vec<Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseItem {
    text: String,
    score: f64,
    metadata: Vec<Value>,
    /// Position in [`ResponseSet::document`].
    document_index: usize,
    corpus_key: CorpusKey,
    #[serde(flatten)]
    further: Map<String, Value>,
}

/// Latchkey's ids, also for results of an upstream.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CorpusKey {
    customer_id: i64,
    corpus_id: i64,
}

/// A document of the results.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Document {
    #[serde(default)]
    pub(super) id: String,
    /// Each is an [`Attribute`].
    #[serde(default)]
    pub(super) metadata: Vec<Value>,
}

#[derive(Serialize)]
struct Attribute<'a> {
    name: &'a str,
    value: String,
}

/// A result, before it is put into a response set.
#[derive(Debug)]
pub(super) struct SearchResult {
    pub(super) corpus: i64,
    pub(super) text: String,
    pub(super) score: f64,
    pub(super) metadata: Vec<Value>,
    pub(super) document: Document,
    /// Further fields of an upstream.
    pub(super) further: Map<String, Value>,
}

impl SearchResult {
    /// A result of the built-in index.
    pub(super) fn of_hit(corpus: i64, hit: SearchHit) -> Self {
        let section = Attribute { name: "section", value: (hit.section + 1).to_string() };
        Self {
            corpus,
            text: hit.text,
            score: hit.score,
            metadata: vec![json!(section)],
            document: Document { metadata: document_metadata(&hit.title, &hit.metadata), id: hit.document_id },
            further: Map::new(),
        }
    }
}

/// The title and the metadata, a JSON object or nothing, as attributes. Values that are not text are written as JSON.
fn document_metadata(title: &str, metadata: &str) -> Vec<Value> {
    let metadata: Map<String, Value> = serde_json::from_str(metadata).unwrap_or_default();
    let mut all = Vec::new();
    if !title.is_empty() && !metadata.contains_key("title") {
        all.push(Attribute { name: "title", value: title.to_owned() });
    }
    all.extend(metadata.iter().map(|(name, value)| Attribute { name, value: value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned) }));
    all.iter().map(|attribute| json!(attribute)).collect()
}

/// The results from each source of a query, best first.
#[derive(Debug, Default)]
pub(super) struct Found {
    sources: Vec<Vec<SearchResult>>,
    summary: Vec<Value>,
}

impl Found {
    pub(super) fn add(&mut self, source: Vec<SearchResult>, summary: Vec<Value>) {
        self.sources.push(source);
        self.summary.extend(summary);
    }

    /// Merges the sources by score; those of equal score stay in the order of the sources. A single source keeps its order, which a reranking
    /// upstream may have chosen. Skips `start` results and returns `count`.
    pub(super) fn into_response_set(self, customer_id: i64, start: usize, count: usize) -> ResponseSet {
        let is_merged = self.sources.len() > 1;
        let mut results: Vec<_> = self.sources.into_iter().flatten().collect();
        if is_merged {
            results.sort_by(|one, other| other.score.total_cmp(&one.score));
        }
        let (mut document, mut indices) = (Vec::new(), HashMap::new());
        let item = |result: SearchResult| {
            let document_index = *indices.entry((result.corpus, result.document.id.clone())).or_insert_with(|| {
                document.push(result.document);
                document.len() - 1
            });
            ResponseItem {
                text: result.text,
                score: result.score,
                metadata: result.metadata,
                document_index,
                corpus_key: CorpusKey { customer_id, corpus_id: result.corpus },
                further: result.further,
            }
        };
        let response = results.into_iter().skip(start).take(count).map(item).collect();
        ResponseSet { response, status: [], document, summary: self.summary }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(corpus: i64, document: &str, score: f64) -> SearchResult {
        SearchResult {
            corpus,
            text: format!("{document} of {corpus}"),
            score,
            metadata: Vec::new(),
            document: Document { id: document.to_owned(), metadata: Vec::new() },
            further: Map::new(),
        }
    }

    fn texts(found: Found, start: usize, count: usize) -> Vec<(String, usize)> {
        let set = found.into_response_set(7, start, count);
        set.response.into_iter().map(|item| (item.text, item.document_index)).collect()
    }

    #[test]
    fn sources_are_merged_by_score() {
        let found = || {
            let mut found = Found::default();
            found.add(vec![result(1, "a", 0.5), result(1, "b", 0.1), result(1, "a", 0.1)], vec![]);
            found.add(vec![result(2, "a", 0.9), result(2, "b", 0.5)], vec![]);
            found
        };
        let text = |text: &str, index| (text.to_owned(), index);
        assert_eq!(texts(found(), 0, 10), [text("a of 2", 0), text("a of 1", 1), text("b of 2", 2), text("b of 1", 3), text("a of 1", 1)]);
        assert_eq!(texts(found(), 1, 2), [text("a of 1", 0), text("b of 2", 1)]);
        assert!(texts(found(), 5, 2).is_empty());
    }

    #[test]
    fn a_single_source_keeps_its_order() {
        let mut found = Found::default();
        found.add(vec![result(1, "a", 0.1), result(1, "b", 0.5)], vec![json!({ "text": "both" })]);
        let set = serde_json::to_value(found.into_response_set(7, 0, 10)).unwrap();
        assert_eq!(set["response"][0]["text"], "a of 1");
        assert_eq!(set["response"][0]["corpusKey"], json!({ "customerId": 7, "corpusId": 1 }));
        assert_eq!(set["document"], json!([{ "id": "a", "metadata": [] }, { "id": "b", "metadata": [] }]));
        assert_eq!((&set["status"], &set["summary"]), (&json!([]), &json!([{ "text": "both" }])));
    }

    #[test]
    fn metadata_are_attributes() {
        let hit = SearchHit {
            document_id: "a".to_owned(),
            title: "Title".to_owned(),
            metadata: r#"{"author":"Ada","year":1843}"#.to_owned(),
            section: 0,
            text: "text".to_owned(),
            score: 0.5,
        };
        let result = SearchResult::of_hit(1, hit);
        assert_eq!(result.metadata, [json!({ "name": "section", "value": "1" })]);
        let attribute = |name: &str, value: &str| json!({ "name": name, "value": value });
        assert_eq!(result.document.metadata, [attribute("title", "Title"), attribute("author", "Ada"), attribute("year", "1843")]);
        assert!(document_metadata("", "").is_empty());
        assert_eq!(document_metadata("a", r#"{"title":"b"}"#), [attribute("title", "b")]);
    }
}
