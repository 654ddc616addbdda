//! `POST /v1/index` against the built-in index.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Fixture, body_of, document_ids, refusal};
use crate::support::send_large;

#[tokio::test]
async fn an_indexed_document_is_found_at_once_and_can_be_replaced() {
    let fixture = Fixture::start().await;
    let corpus = fixture.corpus("manuals").await;
    let key = fixture.key(&[corpus]).await;
    let sections = json!([{ "title": "Chapter", "text": "alpha", "section": [{ "text": "beta" }] }, { "text": "gamma" }]);
    let document = json!({ "documentId": "a", "title": "T", "metadataJson": "{\"b\":1}", "section": sections });
    let body = json!({ "customerId": fixture.customer_id.to_string(), "corpusId": corpus.to_string(), "document": document });
    let (status, answer) = body_of(fixture.post("/v1/index", &key).header("content-type", "text/plain").body(body.to_string())).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["status"], json!({ "code": "OK", "statusDetail": "" }));
    assert_eq!(answer["quotaConsumed"], json!({ "numChars": "22", "numMetadataChars": "7" }));
    let search = async |text: &str| fixture.query(&key, &fixture.query_body(text, &[corpus])).await.1["responseSet"][0].clone();
    for (word, section) in [("chapter", "1"), ("alpha", "1"), ("beta", "2"), ("gamma", "3")] {
        let set = search(word).await;
        assert_eq!(document_ids(&set), ["a"], "{word}");
        assert_eq!(set["response"][0]["metadata"][0]["value"], section, "{word}");
    }
    fixture.index(&key, corpus, "a", "delta").await;
    assert_eq!((document_ids(&search("delta").await), document_ids(&search("alpha").await)), (vec!["a".to_owned()], vec![]));
}

#[tokio::test]
async fn a_key_without_the_scope_does_not_index() {
    let fixture = Fixture::start().await;
    let corpus = fixture.corpus("manuals").await;
    let (id, key) = fixture.key_with(json!({ "scopes": ["query"], "corpora": [corpus] })).await;
    let response = fixture.post("/v1/index", &key).json(&fixture.index_body(corpus, "a", "alpha")).send().await.unwrap();
    assert_eq!(refusal(response).await, (403, "INSUFFICIENT_PERMISSIONS".to_owned()));
    assert_eq!(fixture.query(&key, &fixture.query_body("alpha", &[corpus])).await.0, StatusCode::OK);
    assert_eq!(fixture.counted(&id).await, 1);
}

#[tokio::test]
async fn every_corpus_of_an_index_call_is_checked() {
    let fixture = Fixture::start().await;
    let (own, other) = (fixture.corpus("own").await, fixture.corpus("other").await);
    let key = fixture.key(&[own]).await;
    let customer = fixture.customer_id;
    let document = r#""document":{"document_id":"a","section":[{"text":"alpha"}]}"#;
    for (ids, status, code) in [
        (format!(r#""customer_id":{customer},"corpus_id":{other}"#), 403, "INVALID_CORPUS_ID"),
        (format!(r#""customer_id":{customer},"corpus_id":{own},"corpus_id":{other}"#), 403, "INVALID_CORPUS_ID"),
        (format!(r#""customer_id":{customer},"corpus_id":{other},"corpusId":{own}"#), 403, "INVALID_CORPUS_ID"),
        (format!(r#""customer_id":{customer},"corpus_id":"x""#), 403, "INVALID_CORPUS_ID"),
        (format!(r#""customer_id":{customer}"#), 403, "INVALID_CORPUS_ID"),
        (format!(r#""customer_id":{customer},"customerId":1,"corpus_id":{own}"#), 403, "INVALID_CUSTOMER_ID"),
        (format!(r#""customer_id":1,"corpus_id":{own}"#), 403, "INVALID_CUSTOMER_ID"),
    ] {
        let response = fixture.post("/v1/index", &key).body(format!("{{{ids},{document}}}")).send().await.unwrap();
        assert_eq!(refusal(response).await, (status, code.to_owned()), "{ids}");
    }
    for corpus in [own, other] {
        let answer = fixture.query(&fixture.key(&[corpus]).await, &fixture.query_body("alpha", &[corpus])).await.1;
        assert_eq!(answer["responseSet"][0]["response"], json!([]), "nothing was indexed");
    }
}

#[tokio::test]
async fn an_invalid_document_is_refused() {
    let fixture = Fixture::start().await;
    let corpus = fixture.corpus("manuals").await;
    let key = fixture.key(&[corpus]).await;
    let valid = || fixture.index_body(corpus, "a", "alpha");
    let changed = |field: &str, value: Value| {
        let mut body = valid();
        body["document"][field] = value;
        body
    };
    for (body, code) in [
        (changed("document_id", Value::Null), "MALFORMED"),
        (changed("document_id", json!("")), "INVALID_ARGUMENT"),
        (changed("document_id", json!("a".repeat(201))), "INVALID_ARGUMENT"),
        (changed("title", json!("a".repeat(501))), "INVALID_ARGUMENT"),
        (changed("title", json!(1)), "MALFORMED"),
        (changed("metadata_json", json!("[]")), "INVALID_ARGUMENT"),
        (changed("metadata_json", json!("nonsense")), "INVALID_ARGUMENT"),
        (changed("section", json!([])), "INVALID_ARGUMENT"),
        (changed("section", json!([{ "text": "a".repeat(1024 * 1024 + 1) }])), "INVALID_ARGUMENT"),
        (json!({ "customer_id": fixture.customer_id, "corpus_id": corpus }), "MALFORMED"),
    ] {
        let response = fixture.post("/v1/index", &key).json(&body).send().await.unwrap();
        assert_eq!(refusal(response).await, (400, code.to_owned()), "{}", body.to_string().chars().take(200).collect::<String>());
    }
    let large = changed("section", json!([{ "text": "a".repeat(2 * 1024 * 1024) }])).to_string();
    let response = send_large(fixture.post("/v1/index", &key).body(large)).await;
    assert_eq!(refusal(response).await, (413, "TOO_LARGE".to_owned()));
    let answer = fixture.query(&key, &fixture.query_body("alpha", &[corpus])).await.1;
    assert_eq!(answer["responseSet"][0]["response"], json!([]), "nothing was indexed");
}
