//! The part of a query call that is sent to one account of an upstream.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    query_request::{CorpusKey, Query},
    refusal::Refusal,
    response_set::{Document, SearchResult},
    upstream::{self, UpstreamStatus, failed},
};
use latchkey_core::{Core, corpora::backends::Upstream};

/// One call of an upstream.
pub(super) struct UpstreamCall {
    /// The upstream of the first corpus; those of the others differ only in the corpus id.
    account: Arc<Upstream>,
    /// Named in errors.
    corpus: i64,
    parts: Vec<Part>,
}

/// A query, restricted to the corpora of the account.
struct Part {
    /// Position in the call.
    query: usize,
    /// The largest number of results.
    requested: usize,
    body: Value,
    corpora: Vec<MappedCorpus>,
}

/// A corpus and its id at the upstream.
struct MappedCorpus {
    corpus: i64,
    upstream_id: String,
}

/// The results of the upstream for one query.
#[derive(Debug)]
pub(super) struct PartAnswer {
    /// Position of the query in the call.
    pub(super) query: usize,
    pub(super) results: Vec<SearchResult>,
    pub(super) summary: Vec<Value>,
}

/// Adds a corpus of a query to the call of its account.
pub(super) fn add(calls: &mut Vec<UpstreamCall>, position: usize, query: &Query, key: &CorpusKey, upstream: &Arc<Upstream>) {
    let same = calls.iter().position(|call| upstream::is_same_account(&call.account, upstream));
    let index = same.unwrap_or_else(|| {
        calls.push(UpstreamCall { account: Arc::clone(upstream), corpus: key.corpus, parts: Vec::new() });
        calls.len() - 1
    });
    let parts = &mut calls[index].parts;
    if parts.last().is_none_or(|part| part.query != position) {
        parts.push(Part { query: position, requested: query.start + query.count, body: body_without_corpora(query), corpora: Vec::new() });
    }
    let part = parts.last_mut().expect("the part of this query was just added");
    let mut corpus_key = key.options.clone();
    corpus_key.insert("customer_id".to_owned(), upstream::id(&upstream.customer_id));
    corpus_key.insert("corpus_id".to_owned(), upstream::id(&upstream.corpus_id));
    if let Some(keys) = part.body["corpus_key"].as_array_mut() {
        keys.push(Value::Object(corpus_key));
    }
    part.corpora.push(MappedCorpus { corpus: key.corpus, upstream_id: upstream::id_text(&upstream::id(&upstream.corpus_id)) });
}

/// Requests the skipped results too, because results are skipped after the sources are merged.
fn body_without_corpora(query: &Query) -> Value {
    let mut body = query.options.clone();
    body.insert("query".to_owned(), query.text.as_str().into());
    body.insert("num_results".to_owned(), (query.start + query.count).into());
    body.insert("corpus_key".to_owned(), json!([]));
    Value::Object(body)
}

impl UpstreamCall {
    /// # Errors
    /// `UPSTREAM_FAILED`, also if only one of the queries failed; those of [`upstream::call`].
    pub(super) async fn send(self, core: &Core) -> Result<Vec<PartAnswer>, Refusal> {
        let bodies: Vec<_> = self.parts.iter().map(|part| &part.body).collect();
        let body = json!({ "query": bodies });
        let answer: Answer = upstream::call(core, &self.account, self.corpus, "query", &body).await?;
        self.read(answer).map_err(|error| failed(self.corpus, error.0))
    }

    fn read(&self, answer: Answer) -> Result<Vec<PartAnswer>, InvalidAnswer> {
        let mut statuses = answer.status.iter().chain(answer.response_set.iter().flat_map(|set| &set.status));
        if !statuses.all(UpstreamStatus::is_ok) {
            return Err(InvalidAnswer("could not answer the query."));
        }
        if answer.response_set.len() != self.parts.len() {
            return Err(InvalidAnswer("did not answer every query."));
        }
        self.parts.iter().zip(answer.response_set).map(|(part, set)| part.answer(set)).collect()
    }
}

impl Part {
    fn answer(&self, set: AnswerSet) -> Result<PartAnswer, InvalidAnswer> {
        let AnswerSet { response, document, summary, .. } = set;
        // More than was requested would only cost memory: each result has a copy of its document.
        let results = response.into_iter().take(self.requested).map(|item| self.result(item, &document)).collect::<Result<_, _>>()?;
        Ok(PartAnswer { query: self.query, results, summary })
    }

    fn result(&self, item: AnswerItem, documents: &[Document]) -> Result<SearchResult, InvalidAnswer> {
        let document = documents.get(item.document_index).cloned().ok_or(InvalidAnswer("sent a result without its document."))?;
        let corpus = self.corpus_of(item.corpus_key.as_ref()).ok_or(InvalidAnswer("sent a result from another corpus."))?;
        Ok(SearchResult { corpus, text: item.text, score: item.score, metadata: item.metadata, document, further: item.further })
    }

    /// The corpus of a result. Results of a query over one corpus may omit it.
    fn corpus_of(&self, key: Option<&AnswerKey>) -> Option<i64> {
        let found = match key {
            Some(key) => {
                let id = upstream::id_text(&key.corpus_id);
                self.corpora.iter().find(|corpus| corpus.upstream_id == id)
            }
            None => self.corpora.first().filter(|first| self.corpora.iter().all(|other| other.corpus == first.corpus)),
        };
        found.map(|corpus| corpus.corpus)
    }
}

/// Why a response cannot be used. The text follows the name of the upstream.
#[derive(Debug, PartialEq)]
struct InvalidAnswer(&'static str);

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "responseSet", alias = "response_set")]
    response_set: Vec<AnswerSet>,
    #[serde(default)]
    status: Vec<UpstreamStatus>,
}

#[derive(Deserialize)]
struct AnswerSet {
    #[serde(default)]
    response: Vec<AnswerItem>,
    #[serde(default)]
    status: Vec<UpstreamStatus>,
    #[serde(default)]
    document: Vec<Document>,
    #[serde(default)]
    summary: Vec<Value>,
}

#[derive(Deserialize)]
struct AnswerItem {
    #[serde(default)]
    text: String,
    #[serde(default)]
    score: f64,
    #[serde(default)]
    metadata: Vec<Value>,
    #[serde(default, rename = "documentIndex", alias = "document_index")]
    document_index: usize,
    #[serde(rename = "corpusKey", alias = "corpus_key")]
    corpus_key: Option<AnswerKey>,
    #[serde(flatten)]
    further: Map<String, Value>,
}

#[derive(Deserialize)]
struct AnswerKey {
    #[serde(rename = "corpusId", alias = "corpus_id")]
    corpus_id: Value,
}

#[cfg(test)]
mod tests {
    use latchkey_core::corpora::backends::UpstreamKey;

    use super::*;

    fn upstream(corpus_id: &str) -> Arc<Upstream> {
        Arc::new(Upstream {
            base_url: "https://api.test".parse().unwrap(),
            customer_id: "900".to_owned(),
            corpus_id: corpus_id.to_owned(),
            key: UpstreamKey::Value("upstream-key".into()),
        })
    }

    fn query(corpora: &[i64]) -> Query {
        let keys = corpora.iter().map(|corpus| CorpusKey { corpus: *corpus, options: Map::new() }).collect();
        Query { text: "a".to_owned(), start: 1, count: 2, keys, options: Map::new() }
    }

    /// A call with two queries: over the corpora 1 and 2, and over the corpus 2, which are 41 and "docs" at the upstream.
    fn call() -> UpstreamCall {
        let (mut calls, upstreams) = (Vec::new(), [upstream("41"), upstream("docs")]);
        for (position, query) in [query(&[1, 2]), query(&[2])].iter().enumerate() {
            for key in &query.keys {
                add(&mut calls, position, query, key, &upstreams[usize::try_from(key.corpus).unwrap() - 1]);
            }
        }
        assert_eq!(calls.len(), 1, "one account");
        calls.pop().unwrap()
    }

    #[test]
    fn ids_are_mapped_to_the_upstream() {
        let bodies: Vec<_> = call().parts.into_iter().map(|part| part.body).collect();
        let key = |corpus: Value| json!({ "customer_id": 900, "corpus_id": corpus });
        assert_eq!(bodies[0], json!({ "query": "a", "num_results": 3, "corpus_key": [key(json!(41)), key(json!("docs"))] }));
        assert_eq!(bodies[1], json!({ "query": "a", "num_results": 3, "corpus_key": [key(json!("docs"))] }));
    }

    #[test]
    fn answers_are_mapped_back_and_the_rest_of_them_is_kept() {
        let item = |key: Value| json!({ "text": "b", "score": 0.5, "documentIndex": 0, "corpusKey": key, "resultOffset": 7 });
        let set = |keys: &[Value]| json!({ "response": keys.iter().map(|key| item(key.clone())).collect::<Vec<_>>(), "document": [{ "id": "d" }] });
        let first = set(&[json!({ "customerId": 900, "corpusId": "docs" }), json!({ "corpus_id": 41 })]);
        let body = json!({ "responseSet": [first, set(&[Value::Null])], "status": [{ "code": "OK" }] });
        let answers = call().read(serde_json::from_value(body).unwrap()).unwrap();
        let corpora: Vec<Vec<i64>> = answers.iter().map(|answer| answer.results.iter().map(|result| result.corpus).collect()).collect();
        assert_eq!(corpora, [vec![2, 1], vec![2]]);
        assert_eq!(answers.iter().map(|answer| answer.query).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(answers[0].results[0].further["resultOffset"], 7);
    }

    #[test]
    fn one_failure_fails_the_call() {
        let empty = json!({ "response": [], "status": [], "document": [] });
        let failed = json!({ "response": [], "status": [{ "code": "FAILURE" }] });
        let foreign = json!({ "response": [{ "text": "a", "corpusKey": { "corpusId": 99 } }], "document": [{ "id": "d" }] });
        let ambiguous = json!({ "response": [{ "text": "a" }], "document": [{ "id": "d" }] });
        let without_document = json!({ "response": [{ "text": "a", "corpusKey": { "corpusId": 41 } }] });
        for answer in [
            json!({ "responseSet": [empty, failed] }),
            json!({ "responseSet": [empty, empty], "status": [{ "code": "UNAVAILABLE", "statusDetail": "…" }] }),
            json!({ "responseSet": [empty] }),
            json!({ "responseSet": [foreign, empty] }),
            json!({ "responseSet": [ambiguous, empty] }),
            json!({ "responseSet": [without_document, empty] }),
        ] {
            assert!(call().read(serde_json::from_value(answer.clone()).unwrap()).is_err(), "{answer}");
        }
        assert_eq!(call().read(serde_json::from_value(json!({ "responseSet": [empty, empty] })).unwrap()).unwrap().len(), 2);
        assert!(serde_json::from_value::<Answer>(json!({ "message": "no" })).is_err());
    }
}
