//! Corpora that an upstream answers for.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Fixture, body_of, document_ids, refusal};
use crate::support::{
    services::{MockResponse, MockService, allow_loopback},
    text,
};

const UPSTREAM_KEY: &str = "zqt_upstream-key-0123456789";

/// The organization of [`Fixture`] with an upstream for one of its corpora.
struct Upstreams {
    fixture: Fixture,
    /// A general key with [`UPSTREAM_KEY`].
    credential: Value,
}

impl Upstreams {
    async fn start() -> Self {
        let fixture = Fixture::start_with(allow_loopback).await;
        let (status, key) = fixture.page.call("credentials/create-general", json!({ "name": "vectara", "value": UPSTREAM_KEY })).await;
        assert_eq!(status, StatusCode::OK, "{key}");
        Self { fixture, credential: key["id"].clone() }
    }

    async fn corpus(&self, name: &str, service: &MockService, corpus_id: &str) -> i64 {
        let corpus = self.fixture.corpus(name).await;
        self.set_upstream(corpus, &service.url, corpus_id).await;
        corpus
    }

    async fn set_upstream(&self, corpus: i64, url: &str, corpus_id: &str) {
        let upstream = json!({ "base_url": url, "customer_id": "9000017", "corpus_id": corpus_id, "credential": self.credential });
        let (status, problem) = self.fixture.api.call(Method::PUT, &format!("/corpora/{corpus}/upstream"), Some(upstream)).await;
        assert!(status.is_success(), "{problem}");
    }
}

/// The answer of an upstream to one query with one result.
fn set(corpus: &Value, document: &str, score: f64) -> Value {
    json!({
        "response": [{ "text": format!("text of {document}"), "score": score, "metadata": [{ "name": "lang", "value": "eng" }], "documentIndex": 0,
            "corpusKey": { "customerId": 9_000_017, "corpusId": corpus, "semantics": 0, "metadataFilter": "", "dim": [] } }],
        "status": [], "document": [{ "id": document, "metadata": [{ "name": "author", "value": "Ada" }] }],
    })
}

fn answer(sets: &[Value]) -> MockResponse {
    MockResponse::new(200, json!({ "responseSet": sets, "status": [] }).to_string())
}

#[tokio::test]
async fn ids_are_mapped_and_the_key_is_replaced() {
    let (upstreams, service) = (Upstreams::start().await, MockService::start().await);
    let corpus = upstreams.corpus("docs", &service, "41").await;
    let fixture = &upstreams.fixture;
    let key = fixture.key(&[corpus]).await;
    service.respond_with(answer(&[set(&json!(41), "d", 0.5)]));
    let mut body = fixture.query_body("alpha", &[corpus]);
    body["query"][0]["corpusKey"] = json!([]);
    body["query"][0]["summary"] = json!([{ "maxSummarizedResults": 3 }]);
    body["query"][0]["corpus_key"][0]["metadataFilter"] = json!("doc.a = 1");
    body["query"][0]["unknown"] = json!({ "corpus_key": [{ "corpus_id": 1 }] });
    let (status, answer) = fixture.query(&key, &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let found = &answer["responseSet"][0];
    assert_eq!((document_ids(found), &found["response"][0]["text"]), (vec!["d".to_owned()], &json!("text of d")));
    assert_eq!(found["response"][0]["corpusKey"], json!({ "customerId": fixture.customer_id, "corpusId": corpus }));
    assert_eq!(found["document"][0]["metadata"], json!([{ "name": "author", "value": "Ada" }]));
    assert!(!answer.to_string().contains("9000017"), "the upstream's customer id: {answer}");

    let [request] = &service.take_requests()[..] else { panic!() };
    assert_eq!((request.request_line.as_str(), &request.headers["x-api-key"]), ("POST /v1/query", &UPSTREAM_KEY.parse().unwrap()));
    assert_eq!(request.headers["customer-id"], "9000017");
    assert!(request.headers["via"].to_str().unwrap().starts_with("1.1 latchkey-"));
    assert!(!request.headers.contains_key("authorization") && !request.body.contains(&key));
    let sent: Value = serde_json::from_str(&request.body).unwrap();
    let corpus_key = json!([{ "customer_id": 9_000_017, "corpus_id": 41, "metadata_filter": "doc.a = 1" }]);
    let query = json!({ "query": "alpha", "num_results": 10, "corpus_key": corpus_key, "summary": [{ "maxSummarizedResults": 3 }] });
    assert_eq!(sent, json!({ "query": [query] }));
}

#[tokio::test]
async fn a_call_over_several_targets_is_split_and_merged() {
    let upstreams = Upstreams::start().await;
    let (one, two) = (MockService::start().await, MockService::start().await);
    let fixture = &upstreams.fixture;
    let (first, second) = (upstreams.corpus("first", &one, "41").await, upstreams.corpus("second", &one, "42").await);
    let (third, own) = (upstreams.corpus("third", &two, "docs").await, fixture.corpus("own").await);
    let key = fixture.key(&[first, second, third, own]).await;
    fixture.index(&key, own, "own", "alpha").await;
    one.respond_with(answer(&[set(&json!(42), "of-second", 0.9), set(&json!("41"), "of-first", 2.0)]));
    two.respond_with(answer(&[set(&json!("docs"), "of-third", 1.5)]));
    let query = |corpora: &[i64]| fixture.query_body("alpha", corpora)["query"][0].clone();
    let (status, answer) = fixture.query(&key, &json!({ "query": [query(&[first, second, third]), query(&[own]), query(&[first])] })).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let sets = answer["responseSet"].as_array().unwrap();
    assert_eq!(sets.iter().map(document_ids).collect::<Vec<_>>(), [vec!["of-third", "of-second"], vec!["own"], vec!["of-first"]]);
    let corpora: Vec<_> = sets.iter().map(|set| set["response"][0]["corpusKey"]["corpusId"].as_i64().unwrap()).collect();
    assert_eq!(corpora, [third, own, first]);
    assert_eq!((one.take_requests().len(), two.take_requests().len()), (1, 1), "one call for each upstream");
}

#[tokio::test]
async fn one_failure_fails_all_and_says_which() {
    let (upstreams, service) = (Upstreams::start().await, MockService::start().await);
    let fixture = &upstreams.fixture;
    let (corpus, own) = (upstreams.corpus("docs", &service, "41").await, fixture.corpus("own").await);
    let key = fixture.key(&[corpus, own]).await;
    fixture.index(&key, own, "own", "alpha").await;
    let query = || fixture.post("/v1/query", &key).json(&fixture.query_body("alpha", &[own, corpus]));
    let failed = json!([{ "code": "FAILURE", "statusDetail": "customer 9000017" }]);
    for response in [
        MockResponse::new(500, "{}"),
        MockResponse::new(403, "{}"),
        MockResponse::new(200, "nonsense"),
        MockResponse::new(200, json!({ "responseSet": [] }).to_string()),
        MockResponse::new(200, json!({ "responseSet": [], "status": failed }).to_string()),
        MockResponse::new(200, json!({ "responseSet": [{ "response": [], "status": failed }] }).to_string()),
        answer(&[set(&json!(99), "d", 0.5)]),
        MockResponse { location: Some("https://evil.test/".to_owned()), ..MockResponse::new(307, "") },
        MockResponse::new(200, " ".repeat(1024 * 1024 + 1)),
    ] {
        service.respond_with(response);
        let (status, body) = body_of(query()).await;
        assert_eq!((status, &body["status"][0]["code"]), (StatusCode::BAD_GATEWAY, &json!("UPSTREAM_FAILED")), "{body}");
        let detail = text(&body["status"][0]["statusDetail"]);
        assert!(detail.contains(&format!("corpus {corpus}")) && !detail.contains("9000017"), "{detail}");
    }
    service.respond_with(MockResponse { delay: Duration::from_secs(30), ..MockResponse::new(200, "{}") });
    assert_eq!(refusal(query().send().await.unwrap()).await, (504, "UPSTREAM_TIMEOUT".to_owned()));
    upstreams.set_upstream(corpus, "http://127.0.0.1:1", "41").await;
    assert_eq!(refusal(query().send().await.unwrap()).await, (503, "UPSTREAM_KEY_UNUSABLE".to_owned()), "a changed base URL unlinks the key");
    let other = fixture.page.call("credentials/create-general", json!({ "name": "other", "value": UPSTREAM_KEY })).await.1["id"].clone();
    let chosen = Upstreams { credential: other, fixture: upstreams.fixture };
    chosen.set_upstream(corpus, "http://127.0.0.1:1", "41").await;
    let response = chosen.fixture.post("/v1/query", &key).json(&chosen.fixture.query_body("alpha", &[corpus])).send().await.unwrap();
    assert_eq!(refusal(response).await, (502, "UPSTREAM_FAILED".to_owned()), "nothing listens there");
}

#[tokio::test]
async fn an_upstream_that_answers_with_the_key_gives_nothing_away() {
    let (upstreams, service) = (Upstreams::start().await, MockService::start().await);
    let corpus = upstreams.corpus("docs", &service, "41").await;
    let key = upstreams.fixture.key(&[corpus]).await;
    service.respond_with(answer(&[set(&json!(41), UPSTREAM_KEY, 0.5)]));
    let (status, body) = upstreams.fixture.query(&key, &upstreams.fixture.query_body("alpha", &[corpus])).await;
    assert_eq!((status, document_ids(&body["responseSet"][0])), (StatusCode::OK, vec!["*".repeat(UPSTREAM_KEY.len())]));
    assert!(!body.to_string().contains(UPSTREAM_KEY));
}

#[tokio::test]
async fn documents_are_indexed_upstream() {
    let (upstreams, service) = (Upstreams::start().await, MockService::start().await);
    let corpus = upstreams.corpus("docs", &service, "41").await;
    let fixture = &upstreams.fixture;
    let key = fixture.key(&[corpus]).await;
    let index = || fixture.post("/v1/index", &key).json(&fixture.index_body(corpus, "a", "alpha"));
    let quota = json!({ "numChars": "5", "numMetadataChars": "10" });
    for code in ["OK", "ALREADY_EXISTS"] {
        let answer = json!({ "status": { "code": code, "statusDetail": "for customer 9000017" }, "quotaConsumed": quota });
        service.respond_with(MockResponse::new(200, answer.to_string()));
        let (status, body) = body_of(index()).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(body, json!({ "status": { "code": code, "statusDetail": "" }, "quotaConsumed": quota }));
        let [request] = &service.take_requests()[..] else { panic!() };
        assert_eq!((request.request_line.as_str(), &request.headers["x-api-key"]), ("POST /v1/index", &UPSTREAM_KEY.parse().unwrap()));
        let document = fixture.index_body(corpus, "a", "alpha")["document"].clone();
        let sent: Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(sent, json!({ "customer_id": 9_000_017, "corpus_id": 41, "document": document }));
    }
    for response in [MockResponse::new(200, r#"{"status":{"code":"FAILURE"}}"#), MockResponse::new(500, "{}"), MockResponse::new(200, "[]")] {
        service.respond_with(response);
        assert_eq!(refusal(index().send().await.unwrap()).await, (502, "UPSTREAM_FAILED".to_owned()));
    }
}

#[tokio::test]
async fn a_deleted_key_is_not_used_any_longer() {
    let (upstreams, service) = (Upstreams::start().await, MockService::start().await);
    let corpus = upstreams.corpus("docs", &service, "41").await;
    let fixture = &upstreams.fixture;
    let key = fixture.key(&[corpus]).await;
    let query = || fixture.post("/v1/query", &key).json(&fixture.query_body("alpha", &[corpus]));
    service.respond_with(answer(&[set(&json!(41), "d", 0.5)]));
    assert_eq!(body_of(query()).await.0, StatusCode::OK);
    assert_eq!(fixture.page.call("keys/bulk", json!({ "action": "delete", "ids": [upstreams.credential] })).await.1["done"], 1);
    assert_eq!(refusal(query().send().await.unwrap()).await, (503, "UPSTREAM_KEY_UNUSABLE".to_owned()));
    assert_eq!(fixture.api.call(Method::DELETE, &format!("/corpora/{corpus}/upstream"), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(body_of(query()).await.1["responseSet"][0]["response"], json!([]), "the built-in index answers again");
    assert_eq!(service.request_count(), 1);
}
