//! The body of a query call.

use serde_json::{Map, Value, value::RawValue};

use super::{
    json::{self, CorpusIds, Integer, Members},
    refusal::Refusal,
};
use latchkey_types::corpus::{QUERY_MAX, RESULTS_MAX};

/// Number of results of a query without a number.
const RESULTS_DEFAULT: usize = 10;
/// Maximum number of corpora that one call may search; a corpus counts once for each query.
const SEARCHES_MAX: usize = 32;

/// Further fields of Vectara that are passed on to an upstream: folded name and name. All others are dropped, so that none can name another corpus.
type Options = &'static [(&'static str, &'static str)];

const QUERY_OPTIONS: Options =
    &[("querycontext", "query_context"), ("contextconfig", "context_config"), ("rerankingconfig", "reranking_config"), ("summary", "summary")];
const KEY_OPTIONS: Options = &[
    ("semantics", "semantics"),
    ("metadatafilter", "metadata_filter"),
    ("lexicalinterpolationconfig", "lexical_interpolation_config"),
    ("dim", "dim"),
];

/// A query call as it was sent, with every occurrence of every id.
pub(super) struct QueryRequest(Vec<QueryMembers>);

#[derive(Default)]
struct QueryMembers {
    texts: Vec<String>,
    starts: Vec<Integer>,
    counts: Vec<Integer>,
    keys: Vec<KeyMembers>,
    options: Map<String, Value>,
}

#[derive(Default)]
struct KeyMembers {
    ids: CorpusIds,
    options: Map<String, Value>,
}

/// A query whose corpora were checked.
#[derive(Debug, PartialEq)]
pub(super) struct Query {
    pub(super) text: String,
    /// Results to skip.
    pub(super) start: usize,
    /// Results to return after them; with the skipped ones at most [`RESULTS_MAX`].
    pub(super) count: usize,
    pub(super) keys: Vec<CorpusKey>,
    /// Fields that only an upstream understands.
    pub(super) options: Map<String, Value>,
}

/// A corpus to search.
#[derive(Debug, PartialEq)]
pub(super) struct CorpusKey {
    pub(super) corpus: i64,
    /// Fields that only an upstream understands.
    pub(super) options: Map<String, Value>,
}

impl CorpusKey {
    /// Whether the search is restricted to a part of the corpus.
    pub(super) fn has_filter(&self) -> bool {
        self.options.get("metadata_filter").is_some_and(|filter| filter.as_str() != Some(""))
    }
}

impl QueryRequest {
    /// # Errors
    /// `MALFORMED`.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let mut queries = Vec::new();
        for (field, value) in json::object(body)?.0 {
            if field == "query" {
                queries.extend(json::objects("query", value, QueryMembers::parse)?);
            }
        }
        if queries.is_empty() { Err(Refusal::malformed("The field “query” must be a list with at least one query.")) } else { Ok(Self(queries)) }
    }

    /// The ids of all corpora, in every occurrence.
    pub(super) fn named(&self) -> Vec<&CorpusIds> {
        self.0.iter().flat_map(|query| &query.keys).map(|key| &key.ids).collect()
    }

    /// The queries. Call it after checking [`Self::named`].
    ///
    /// # Errors
    /// `MALFORMED`, `INVALID_ARGUMENT`.
    pub(super) fn into_queries(self) -> Result<Vec<Query>, Refusal> {
        let queries = self.0.into_iter().map(QueryMembers::into_query).collect::<Result<Vec<_>, _>>()?;
        if queries.iter().map(|query| query.keys.len()).sum::<usize>() > SEARCHES_MAX {
            return Err(Refusal::invalid_argument(format!("One call may search at most {SEARCHES_MAX} corpora. Each query counts separately.")));
        }
        Ok(queries)
    }
}

impl QueryMembers {
    fn parse(members: Members<'_>) -> Result<Self, Refusal> {
        let mut query = Self::default();
        for (field, value) in members.0 {
            match &*field {
                "query" => query.texts.extend(json::value::<String>("query", value)?),
                "start" => query.starts.extend(json::value::<Integer>("start", value)?),
                "numresults" => query.counts.extend(json::value::<Integer>("num_results", value)?),
                "corpuskey" => query.keys.extend(json::objects("corpus_key", value, KeyMembers::parse)?),
                _ => add_option(&mut query.options, QUERY_OPTIONS, &field, value)?,
            }
        }
        if query.keys.is_empty() {
            // Refused like a query whose corpora have no id.
            query.keys.push(KeyMembers::default());
        }
        Ok(query)
    }

    fn into_query(self) -> Result<Query, Refusal> {
        let text = json::single("query", self.texts)?.ok_or_else(|| Refusal::malformed("The field “query” with the text of a query is missing."))?;
        if text.chars().count() > QUERY_MAX {
            return Err(Refusal::invalid_argument(format!("A query is longer than {QUERY_MAX} characters.")));
        }
        let start = number("start", self.starts)?.unwrap_or_default();
        let count = number("num_results", self.counts)?.filter(|count| *count > 0).unwrap_or(RESULTS_DEFAULT);
        if start.saturating_add(count) > RESULTS_MAX {
            let detail =
                format!("A query returns only the first {RESULTS_MAX} results: “start” and “num_results” may add up to at most {RESULTS_MAX}.");
            return Err(Refusal::invalid_argument(detail));
        }
        let keys = self.keys.into_iter().map(KeyMembers::into_key).collect::<Result<_, _>>()?;
        Ok(Query { text, start, count, keys, options: self.options })
    }
}

impl KeyMembers {
    fn parse(members: Members<'_>) -> Result<Self, Refusal> {
        let mut key = Self::default();
        for (field, value) in members.0 {
            if !key.ids.read(&field, value)? {
                add_option(&mut key.options, KEY_OPTIONS, &field, value)?;
            }
        }
        Ok(key)
    }

    fn into_key(self) -> Result<CorpusKey, Refusal> {
        Ok(CorpusKey { corpus: self.ids.into_corpus()?, options: self.options })
    }
}

/// Adds a field if it is one of the options.
///
/// # Errors
/// `MALFORMED` if the field already occurred.
fn add_option(options: &mut Map<String, Value>, allowed: Options, field: &str, raw: &RawValue) -> Result<(), Refusal> {
    let Some((_, name)) = allowed.iter().find(|(folded, _)| *folded == field) else { return Ok(()) };
    let Some(value) = json::value::<Value>(name, raw)? else { return Ok(()) };
    match options.insert((*name).to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(Refusal::malformed(format!("The field “{name}” occurs twice."))),
    }
}

/// A number of results.
fn number(field: &str, values: Vec<Integer>) -> Result<Option<usize>, Refusal> {
    let Some(number) = json::single(field, values)? else { return Ok(None) };
    let number = number.0.and_then(|number| usize::try_from(number).ok());
    number.map(Some).ok_or_else(|| Refusal::invalid_argument(format!("The field “{field}” must be a number of results.")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn queries(body: &Value) -> Result<Vec<Query>, &'static str> {
        let request = QueryRequest::parse(body.to_string().as_bytes()).map_err(|refusal| refusal.code())?;
        request.into_queries().map_err(|refusal| refusal.code())
    }

    #[test]
    fn both_spellings_are_parsed() {
        let options = |value: Value| value.as_object().unwrap().clone();
        let expected = Query {
            text: "a b".to_owned(),
            start: 2,
            count: 5,
            keys: vec![CorpusKey { corpus: 3, options: options(json!({ "metadata_filter": "doc.a = 1" })) }],
            options: options(json!({ "summary": [] })),
        };
        let snake = json!({ "query": [{
            "query": "a b", "start": 2, "num_results": 5, "summary": [], "elsewhere": 1,
            "corpus_key": [{ "customer_id": 7, "corpus_id": 3, "metadata_filter": "doc.a = 1" }],
        }] });
        let camel = json!({ "query": [{
            "query": "a b", "start": "2", "numResults": "5", "summary": [],
            "corpusKey": [{ "customerId": "7", "corpusId": "3", "metadataFilter": "doc.a = 1" }],
        }] });
        for body in [snake, camel] {
            assert_eq!(queries(&body).unwrap(), std::slice::from_ref(&expected), "{body}");
        }
    }

    #[test]
    fn numbers_of_results_have_defaults_and_limits() {
        let counts = |fields: Value| {
            let mut query = json!({ "query": "a", "corpus_key": [{ "corpus_id": 1 }] });
            query.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            queries(&json!({ "query": [query] })).map(|queries| (queries[0].start, queries[0].count))
        };
        assert_eq!(counts(json!({})), Ok((0, 10)));
        assert_eq!(counts(json!({ "num_results": null })), Ok((0, 10)));
        assert_eq!(counts(json!({ "num_results": 0, "start": 0 })), Ok((0, 10)));
        assert_eq!(counts(json!({ "num_results": 20, "start": 80 })), Ok((80, 20)));
        assert_eq!(counts(json!({ "num_results": 101 })), Err("INVALID_ARGUMENT"));
        assert_eq!(counts(json!({ "num_results": 20, "start": 81 })), Err("INVALID_ARGUMENT"));
        assert_eq!(counts(json!({ "start": 91 })), Err("INVALID_ARGUMENT"));
        assert_eq!(counts(json!({ "start": i64::MAX, "num_results": i64::MAX })), Err("INVALID_ARGUMENT"));
        assert_eq!(counts(json!({ "num_results": -1 })), Err("INVALID_ARGUMENT"));
        assert_eq!(counts(json!({ "num_results": "many" })), Err("INVALID_ARGUMENT"));
        assert_eq!(counts(json!({ "num_results": 1.5 })), Err("MALFORMED"));
        assert_eq!(counts(json!({ "numResults": 5, "num_results": 5 })), Ok((0, 5)));
        assert_eq!(counts(json!({ "numResults": 5, "num_results": 6 })), Err("MALFORMED"));
        assert_eq!(counts(json!({ "query": "a".repeat(1001) })), Err("INVALID_ARGUMENT"));
    }

    #[test]
    fn a_body_of_another_form_is_malformed() {
        let key = json!([{ "corpus_id": 1 }]);
        for body in [
            json!({}),
            json!({ "query": [] }),
            json!({ "query": null }),
            json!({ "query": "a" }),
            json!({ "query": ["a"] }),
            json!({ "query": [{ "corpus_key": key }] }),
            json!({ "query": [{ "query": 1, "corpus_key": key }] }),
            json!({ "query": [{ "query": "a", "corpus_key": { "corpus_id": 1 } }] }),
            json!({ "query": [{ "query": "a", "corpus_key": [1] }] }),
            json!({ "query": [{ "query": "a", "corpus_key": [{ "corpus_id": 1.5 }] }] }),
            json!({ "query": [{ "query": "a", "corpus_key": [{ "corpus_id": 1, "corpusId": 2 }] }] }),
            json!({ "query": [{ "query": "a", "corpus_key": key, "query_context": "a", "queryContext": "a" }] }),
        ] {
            assert_eq!(queries(&body).unwrap_err(), "MALFORMED", "{body}");
        }
        assert_eq!(queries(&json!({ "query": [{ "query": "a" }] })), Err("INVALID_CORPUS_ID"));
        let many = json!({ "query": vec![json!({ "query": "a", "corpus_key": [{ "corpus_id": 1 }] }); 33] });
        assert_eq!(queries(&many), Err("INVALID_ARGUMENT"));
    }

    #[test]
    fn deep_nesting_is_refused_or_skipped() {
        let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
        let with = |field: &str| format!(r#"{{"query":[{{"query":"a","corpus_key":[{{"corpus_id":1}}],"{field}":{deep}}}]}}"#);
        let code = |field: &str| QueryRequest::parse(with(field).as_bytes()).err().map(|refusal| refusal.code());
        for (field, expected) in [("other", None), ("summary", Some("MALFORMED")), ("start", Some("MALFORMED")), ("corpusKey", Some("MALFORMED"))] {
            assert_eq!(code(field), expected, "{field}");
        }
    }

    fn spelling(names: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
        prop::sample::select(names)
    }

    proptest! {
        /// However the corpora are spelled, repeated and distributed over the body, none is missed.
        #[test]
        fn every_corpus_is_named(calls in prop::collection::vec(
            prop::collection::vec(
                (spelling(&["corpus_key", "corpusKey", "Corpus_Key", "corpus\\u005fkey"]), prop::collection::vec(
                    prop::collection::vec((spelling(&["corpus_id", "corpusId", "corpus\\u0049d"]), 1..100_i64, any::<bool>()), 1..3), 1..3)), 1..4),
            1..4,
        )) {
            let mut sent = Vec::new();
            let mut body = String::from("{\"query\":[");
            for (index, call) in calls.iter().enumerate() {
                // Half of the queries are in a field of their own.
                body += match index { 0 => "", _ if index % 2 == 0 => "],\"query\":[", _ => "," };
                body += "{\"query\":\"a\"";
                for (name, keys) in call {
                    let keys: Vec<_> = keys.iter().map(|ids| {
                        let fields = ids.iter().map(|(name, id, is_text)| {
                            sent.push(*id);
                            if *is_text { format!("\"{name}\":\"{id}\"") } else { format!("\"{name}\":{id}") }
                        });
                        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
                    }).collect();
                    body.extend([",\"", *name, "\":[", &keys.join(","), "]"]);
                }
                body += "}";
            }
            body += "]}";
            let request = QueryRequest::parse(body.as_bytes()).unwrap();
            let named: Vec<_> = request.named().iter().flat_map(|ids| &ids.corpora).filter_map(|id| id.0).collect();
            prop_assert_eq!(named, sent);
        }

        #[test]
        fn any_body_is_parsed_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(request) = QueryRequest::parse(&body) {
                let _ = request.into_queries();
            }
        }
    }
}
