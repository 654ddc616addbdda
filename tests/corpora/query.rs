//! `POST /v1/query` against the built-in index.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Fixture, body_of, document_ids};
use crate::support::text;

#[tokio::test]
async fn a_query_returns_texts_with_score_and_document() {
    let fixture = Fixture::start().await;
    let corpus = fixture.corpus("manuals").await;
    let key = fixture.key(&[corpus]).await;
    fixture.index(&key, corpus, "reset", "To reset the password, open the profile.").await;
    fixture.index(&key, corpus, "billing", "Invoices are sent on the first of the month.").await;
    let (status, answer) = fixture.query(&key, &fixture.query_body("reset password", &[corpus])).await;
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!([])), "{answer}");
    let sets = answer["responseSet"].as_array().unwrap();
    assert_eq!((sets.len(), &sets[0]["status"], document_ids(&sets[0])), (1, &json!([]), vec!["reset".to_owned()]));
    let result = &sets[0]["response"][0];
    assert!(text(&result["text"]).contains("reset the password"));
    let score = result["score"].as_f64().unwrap();
    assert!(score > 0.0 && score <= 1.0, "{score}");
    assert_eq!(result["corpusKey"], json!({ "customerId": fixture.customer_id, "corpusId": corpus }));
    assert_eq!(result["metadata"], json!([{ "name": "section", "value": "1" }]));
    let metadata = json!([{ "name": "title", "value": "Title of reset" }, { "name": "page", "value": "7" }]);
    assert_eq!(sets[0]["document"], json!([{ "id": "reset", "metadata": metadata }]));
}

#[tokio::test]
async fn camel_case_text_ids_and_any_content_type_are_accepted() {
    let fixture = Fixture::start().await;
    let corpus = fixture.corpus("manuals").await;
    let key = fixture.key(&[corpus]).await;
    fixture.index(&key, corpus, "a", "alpha").await;
    let keys = json!([{ "customerId": fixture.customer_id.to_string(), "corpusId": corpus.to_string() }]);
    let body = json!({ "query": [{ "query": "alpha", "numResults": "3", "corpusKey": keys }] }).to_string();
    for content_type in ["application/json", "text/plain", "application/x-www-form-urlencoded"] {
        let (status, answer) = body_of(fixture.post("/v1/query", &key).header("content-type", content_type).body(body.clone())).await;
        assert_eq!((status, document_ids(&answer["responseSet"][0])), (StatusCode::OK, vec!["a".to_owned()]), "{content_type}");
    }
    let url = format!("{}/v1/query", fixture.server.url);
    let request = fixture.server.visitor().client.post(url).bearer_auth(&key).header("customer-id", fixture.customer_id).body(body);
    assert_eq!(body_of(request).await.0, StatusCode::OK, "the key may be a bearer token");
}

#[tokio::test]
async fn a_batch_is_answered_in_order() {
    let fixture = Fixture::start().await;
    let (first, second) = (fixture.corpus("first").await, fixture.corpus("second").await);
    let key = fixture.key(&[first, second]).await;
    for (corpus, id, section) in [(first, "a", "alpha beta"), (first, "b", "beta"), (second, "c", "alpha"), (second, "a", "gamma")] {
        fixture.index(&key, corpus, id, section).await;
    }
    let query = |text: &str, corpora: &[i64]| fixture.query_body(text, corpora)["query"][0].clone();
    let queries = [query("alpha", &[second]), query("alpha gamma", &[first, second, first]), query("nowhere", &[first])];
    let (status, answer) = fixture.query(&key, &json!({ "query": queries })).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let sets = answer["responseSet"].as_array().unwrap();
    assert_eq!(sets.len(), 3);
    assert_eq!(document_ids(&sets[0]), ["c"]);
    let found = |set: &Value| {
        let mut found: Vec<_> = set["response"].as_array().unwrap().iter().map(|result| result["corpusKey"]["corpusId"].as_i64().unwrap()).collect();
        found.sort_unstable();
        found
    };
    assert_eq!(found(&sets[1]), [first, second, second], "a corpus that is named twice is searched once");
    assert_eq!(sets[1]["document"].as_array().unwrap().len(), 3, "documents of two corpora with the same id are two");
    let scores: Vec<_> = sets[1]["response"].as_array().unwrap().iter().map(|result| result["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|one, next| one >= next), "{scores:?}");
    assert_eq!(sets[2], json!({ "response": [], "status": [], "document": [] }));
}

#[tokio::test]
async fn results_can_be_paged() {
    let fixture = Fixture::start().await;
    let corpus = fixture.corpus("manuals").await;
    let key = fixture.key(&[corpus]).await;
    for number in 0..5 {
        fixture.index(&key, corpus, &format!("d{number}"), &format!("alpha {}", "filler ".repeat(number * 5))).await;
    }
    let page = async |start: u32, count: u32| {
        let mut body = fixture.query_body("alpha", &[corpus]);
        body["query"][0]["start"] = json!(start);
        body["query"][0]["num_results"] = json!(count);
        document_ids(&fixture.query(&key, &body).await.1["responseSet"][0])
    };
    let all = page(0, 10).await;
    assert_eq!(all.len(), 5);
    assert_eq!([page(0, 2).await, page(2, 2).await, page(4, 2).await].concat(), all);
    assert!(page(5, 2).await.is_empty());
}

#[tokio::test]
async fn query_text_is_never_query_syntax() {
    let fixture = Fixture::start().await;
    let corpus = fixture.corpus("manuals").await;
    let key = fixture.key(&[corpus]).await;
    fixture.index(&key, corpus, "a", "alpha beta").await;
    for text in [
        "\"alpha",
        "alpha NOT beta",
        "alpha AND",
        "alpha*",
        "NEAR(alpha",
        "content:alpha",
        "alpha & !",
        "alpha:*",
        "(alpha",
        "'; drop table documents; --alpha",
    ] {
        let (status, answer) = fixture.query(&key, &fixture.query_body(text, &[corpus])).await;
        assert_eq!((status, document_ids(&answer["responseSet"][0])), (StatusCode::OK, vec!["a".to_owned()]), "{text}: {answer}");
    }
    for text in ["", " ", "*", "\u{0}", "💥"] {
        let (status, answer) = fixture.query(&key, &fixture.query_body(text, &[corpus])).await;
        assert_eq!((status, &answer["responseSet"][0]["response"]), (StatusCode::OK, &json!([])), "{text:?}: {answer}");
    }
}

#[tokio::test]
async fn other_tenants_and_corpora_do_not_show() {
    let fixture = Fixture::start().await;
    fixture.server.user("owner", "globex").await;
    let other = fixture.server.api("owner@globex.test", "");
    let (corpus, elsewhere) = (fixture.corpus("manuals").await, fixture.corpus("letters").await);
    let theirs = other.post("/corpora", json!({ "name": "theirs" })).await.1["id"].as_i64().unwrap();
    assert_eq!(theirs, corpus, "numbers are counted in each organization");
    let document = |id: &str| json!({ "documents": [{ "id": id, "sections": ["alpha"] }] });
    assert!(other.post(&format!("/corpora/{theirs}/documents"), document("theirs")).await.0.is_success());
    assert!(fixture.api.post(&format!("/corpora/{elsewhere}/documents"), document("elsewhere")).await.0.is_success());
    let key = fixture.key(&[corpus, elsewhere]).await;
    let answer = fixture.query(&key, &fixture.query_body("alpha", &[corpus])).await.1;
    assert_eq!(answer["responseSet"][0]["response"], json!([]));
    fixture.index(&key, corpus, "own", "alpha").await;
    let answer = fixture.query(&key, &fixture.query_body("alpha", &[corpus])).await.1;
    assert_eq!(document_ids(&answer["responseSet"][0]), ["own"]);
}

#[tokio::test]
async fn each_call_is_counted_once_and_refusals_are_not() {
    let fixture = Fixture::start().await;
    let (first, second) = (fixture.corpus("first").await, fixture.corpus("second").await);
    let (id, key) = fixture.key_with(json!({ "corpora": [first, second] })).await;
    let (_, other) = fixture.key_with(json!({ "corpora": [first] })).await;
    fixture.index(&key, first, "a", "alpha").await;
    let query = fixture.query_body("alpha", &[first, second])["query"][0].clone();
    assert_eq!(fixture.query(&key, &json!({ "query": [query, query, query] })).await.0, StatusCode::OK);
    assert_eq!(fixture.query(&other, &json!({ "query": [query] })).await.0, StatusCode::FORBIDDEN);
    assert_eq!(fixture.query(&key, &fixture.query_body("alpha", &[99])).await.0, StatusCode::FORBIDDEN);
    assert_eq!(fixture.query(&key, &fixture.query_body(&"a".repeat(1001), &[first])).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(fixture.counted(&id).await, 2, "one index call and one query call");
}
