//! `/api/v1/corpora/{id}/documents` and `/api/v1/corpora/{id}/search`.

use latchkey_test_db::is_skipped_on_postgresql;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{AnyPool, AssertSqlSafe};

use crate::support::{ApiClient, PASSWORD, TestServer, eventually, serve_process::ServeProcess, text};

/// A server with a corpus: its API client and the path of the corpus.
async fn setup() -> (TestServer, ApiClient, String) {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let id = api.post("/corpora", json!({ "name": "manuals" })).await.1["id"].as_i64().unwrap();
    (server, api, format!("/corpora/{id}"))
}

async fn add(api: &ApiClient, corpus: &str, documents: Value) -> Value {
    let (status, added) = api.post(&format!("{corpus}/documents"), json!({ "documents": documents })).await;
    assert_eq!(status, StatusCode::OK, "{added}");
    added
}

async fn search(api: &ApiClient, corpus: &str, query: &str) -> Vec<Value> {
    let (status, found) = api.post(&format!("{corpus}/search"), json!({ "query": query })).await;
    assert_eq!(status, StatusCode::OK, "{found}");
    found["items"].as_array().unwrap().clone()
}

async fn found_ids(api: &ApiClient, corpus: &str, query: &str) -> Vec<String> {
    search(api, corpus, query).await.iter().map(|found| text(&found["document_id"])).collect()
}

async fn count(database: &AnyPool, table: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {table}"))).fetch_one(database).await.unwrap()
}

#[tokio::test]
async fn documents_are_added_found_replaced_and_deleted() {
    let (_server, api, corpus) = setup().await;
    assert_eq!(found_ids(&api, &corpus, "whale").await, [""; 0]);
    let whales =
        json!({ "id": "animals/whales", "title": "Whales", "metadata": { "lang": "en" }, "sections": ["The sea is deep.", "A blue whale sings."] });
    let sharks = json!({ "id": "sharks", "sections": ["The white shark lives in the sea."] });
    assert_eq!(add(&api, &corpus, json!([whales, sharks])).await, json!({ "added": 2, "replaced": 0 }));
    assert_eq!(api.get(&corpus).await.1["documents"], 2);
    let found = &search(&api, &corpus, "Sings WHÁLE").await[0];
    assert_eq!(
        (&found["document_id"], &found["title"], &found["metadata"], &found["section"], &found["text"]),
        (&json!("animals/whales"), &json!("Whales"), &json!({ "lang": "en" }), &json!(1), &json!("A blue whale sings."))
    );
    let score = found["score"].as_f64().unwrap();
    assert!((0.5..=1.0).contains(&score), "{score}");
    assert_eq!(found_ids(&api, &corpus, "white sea").await, ["sharks", "animals/whales"], "all words first");
    assert_eq!(search(&api, &corpus, "sea").await.iter().filter(|found| found["metadata"].is_null()).count(), 1);

    let replacement = json!({ "id": "sharks", "title": "Sharks", "sections": ["They have no bones."] });
    assert_eq!(add(&api, &corpus, json!([replacement])).await, json!({ "added": 0, "replaced": 1 }));
    assert_eq!(found_ids(&api, &corpus, "white").await, [""; 0]);
    assert_eq!(found_ids(&api, &corpus, "sharks").await, ["sharks"], "by the title");

    let path = format!("{corpus}/documents/animals%2Fwhales");
    assert_eq!(api.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(api.call(Method::DELETE, &path, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(found_ids(&api, &corpus, "whale").await, [""; 0]);
    assert_eq!(api.get(&corpus).await.1["documents"], 1);
}

#[tokio::test]
async fn words_of_a_query_are_never_syntax() {
    let (_server, api, corpus) = setup().await;
    add(&api, &corpus, json!([{ "id": "a", "sections": ["one or two, not near: 50% (x)"] }, { "id": "b", "sections": ["three"] }])).await;
    for (query, ids) in [
        ("\"one", &["a"][..]),
        ("one AND three", &["a", "b"]),
        ("three NOT three", &["b", "a"]),
        ("words: {one} ^two* NEAR(a b, 2)", &["a"]),
        ("'one' | !two & <-> :*", &["a"]),
        ("on*", &[]),
        ("", &[]),
        ("\u{0} ?", &[]),
    ] {
        let mut found = found_ids(&api, &corpus, query).await;
        found.sort();
        let mut expected = ids.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{query}");
    }
}

#[tokio::test]
async fn documents_are_listed_page_by_page() {
    let (_server, api, corpus) = setup().await;
    let documents: Vec<Value> = (0..250).map(|number| json!({ "id": format!("{number:03}"), "sections": ["text", "more"] })).collect();
    assert_eq!(add(&api, &corpus, json!(documents)).await["added"], 250);
    let mut listed = Vec::new();
    let mut after = String::new();
    loop {
        let (status, page) = api.get(&format!("{corpus}/documents?limit=100{after}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        listed.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(listed.len(), 250);
    assert!(listed.iter().enumerate().all(|(number, document)| document["id"] == format!("{number:03}")));
    assert_eq!((&listed[0]["sections"], &listed[0]["bytes"]), (&json!(2), &json!(8)));
    for query in ["limit=0", "limit=101", "after=%00", "colour=red"] {
        assert!(api.get(&format!("{corpus}/documents?{query}")).await.0.is_client_error(), "{query}");
    }
}

#[tokio::test]
async fn the_largest_document_is_stored_in_parts() {
    let (_server, api, corpus) = setup().await;
    let line = "words that fill the page and say nothing at all\n";
    let filler = line.repeat(1024 * 1024 / line.len() - 1);
    for (word, replaced) in [("narwhal", 0), ("beluga", 1)] {
        let sections = [format!("{filler}{word}"), "the end".to_owned()];
        let added = add(&api, &corpus, json!([{ "id": "large", "sections": sections }])).await;
        assert_eq!(added, json!({ "added": 1 - replaced, "replaced": replaced }));
        let found = search(&api, &corpus, word).await;
        assert_eq!((found.len(), &found[0]["section"]), (1, &json!(0)));
        let snippet = text(&found[0]["text"]);
        assert!(snippet.contains(word) && snippet.len() < 600, "{snippet}");
    }
    assert_eq!(found_ids(&api, &corpus, "narwhal").await, [""; 0]);
    let listed = &api.get(&format!("{corpus}/documents")).await.1["items"];
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["sections"]), (1, &json!(2)));
}

#[tokio::test]
async fn nothing_remains_of_a_replaced_document_of_many_sections() {
    let (server, api, corpus) = setup().await;
    let database = server.database().await;
    for replaced in [0, 1] {
        let added = add(&api, &corpus, json!([{ "id": "many", "sections": vec!["a"; 1000] }])).await;
        assert_eq!(added, json!({ "added": 1 - replaced, "replaced": replaced }));
        assert_eq!(search(&api, &corpus, "a").await.len(), 10);
        assert_eq!((count(&database, "document_sections").await, count(&database, "hidden_sections").await), (1000, 0));
    }
    assert_eq!(api.call(Method::DELETE, &format!("{corpus}/documents/many"), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!((count(&database, "document_sections").await, count(&database, "hidden_sections").await), (0, 0));
}

#[tokio::test]
async fn an_interrupted_document_is_never_found_and_removed_after_a_restart() {
    if is_skipped_on_postgresql("it writes to the index of SQLite") {
        return;
    }
    let (mut server, api, corpus) = setup().await;
    add(&api, &corpus, json!([{ "id": "whales", "sections": ["A blue whale sings in the sea."] }])).await;
    let database = server.database().await;
    let customer: i64 = sqlx::query_scalar("select customer_id from organizations").fetch_one(&database).await.unwrap();
    // What a process leaves that is killed while it stores a large document.
    for sql in [
        "update corpora set last_section_number = 3".to_owned(),
        "insert into hidden_sections select organization_id, id, 2, 3, 4102444800000 from corpora".to_owned(),
        "insert into document_sections select organization_id, id, 2, 'whales', 0, 'whale' from corpora".to_owned(),
        format!("insert into corpus_words_{customer}_1 (rowid, words) values (2, 'whale')"),
    ] {
        sqlx::query(AssertSqlSafe(sql)).execute(&database).await.unwrap();
    }
    let (status, found) = api.post(&format!("{corpus}/search"), json!({ "query": "whale", "limit": 1 })).await;
    assert_eq!((status, &found["items"][0]["text"]), (StatusCode::OK, &json!("A blue whale sings in the sea.")));
    server.stop().await;
    sqlx::query("update hidden_sections set kept_until = 1").execute(&database).await.unwrap();
    let _process = ServeProcess::start(server.data.path());
    eventually("the parts are removed", async || count(&database, "hidden_sections").await == 0).await;
    assert_eq!(count(&database, "document_sections").await, 1);
}

#[tokio::test]
async fn one_invalid_document_adds_none() {
    let (_server, api, corpus) = setup().await;
    let good = json!({ "id": "good", "sections": ["text"] });
    for (bad, field) in [
        (json!({ "id": "", "sections": ["a"] }), "documents[1].id"),
        (json!({ "id": "a".repeat(201), "sections": ["a"] }), "documents[1].id"),
        (json!({ "id": "a\u{0}", "sections": ["a"] }), "documents[1].id"),
        (json!({ "id": "..", "sections": ["a"] }), "documents[1].id"),
        (json!({ "id": "good", "sections": ["a"] }), "documents[1].id"),
        (json!({ "id": "a", "title": "a".repeat(501), "sections": ["a"] }), "documents[1].title"),
        (json!({ "id": "a", "metadata": { "b": "c".repeat(4096) }, "sections": ["a"] }), "documents[1].metadata"),
        (json!({ "id": "a", "metadata": [], "sections": ["a"] }), "documents[1].metadata"),
        (json!({ "id": "a", "sections": [] }), "documents[1].sections"),
        (json!({ "id": "a", "sections": vec!["b"; 1001] }), "documents[1].sections"),
        (json!({ "id": "a", "sections": ["b".repeat(1024 * 1024 + 1)] }), "documents[1].sections"),
        (json!({ "id": "a", "sections": ["a"], "text": "b" }), "text"),
    ] {
        let (status, problem) = api.post(&format!("{corpus}/documents"), json!({ "documents": [good, bad] })).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{problem}");
    }
    assert_eq!(api.post(&format!("{corpus}/documents"), json!({ "documents": [] })).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(api.get(&corpus).await.1["documents"], 0);
    for body in [json!({ "query": "a".repeat(1001) }), json!({ "query": "a", "limit": 0 }), json!({ "query": "a", "limit": 101 }), json!({})] {
        assert_eq!(api.post(&format!("{corpus}/search"), body.clone()).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    }
}

#[tokio::test]
async fn documents_belong_to_their_corpus_and_organization() {
    let (server, api, corpus) = setup().await;
    server.user("owner", "globex").await;
    let foreign = server.api("owner@globex.test", "");
    let other = api.post("/corpora", json!({ "name": "other" })).await.1["id"].to_string();
    add(&api, &corpus, json!([{ "id": "a", "sections": ["whale"] }])).await;
    assert_eq!(found_ids(&api, &format!("/corpora/{other}"), "whale").await, [""; 0]);
    let document = format!("{corpus}/documents/a");
    for (method, path, body) in [
        (Method::GET, corpus.clone(), None),
        (Method::GET, format!("{corpus}/documents"), None),
        (Method::POST, format!("{corpus}/documents"), Some(json!({ "documents": [{ "id": "a", "sections": ["x"] }] }))),
        (Method::POST, format!("{corpus}/search"), Some(json!({ "query": "whale" }))),
        (Method::DELETE, document, None),
    ] {
        assert_eq!(foreign.call(method, &path, body).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(found_ids(&api, &corpus, "whale").await, ["a"]);
}

#[tokio::test]
async fn documents_are_removed_with_their_corpus() {
    let (server, api, corpus) = setup().await;
    add(&api, &corpus, json!([{ "id": "a", "sections": ["whale"] }])).await;
    assert_eq!(api.call(Method::DELETE, &corpus, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(api.post(&format!("{corpus}/search"), json!({ "query": "whale" })).await.0, StatusCode::NOT_FOUND);
    let database = server.database().await;
    for table in ["documents", "document_sections"] {
        eventually("the documents are removed", async || count(&database, table).await == 0).await;
    }
}

#[tokio::test]
async fn changes_of_documents_are_audited() {
    let (server, api, corpus) = setup().await;
    add(&api, &corpus, json!([{ "id": "a", "title": "Apples", "sections": ["text"] }, { "id": "b", "sections": ["text"] }])).await;
    api.call(Method::DELETE, &format!("{corpus}/documents/a"), None).await;
    let page = server.visitor().sign_in("owner@acme.test", PASSWORD).await;
    let (_, log) = page.call("audit/read", json!({ "query": { "search": "", "period": "all" } })).await;
    let actions = log["events"].as_array().unwrap().iter().map(|event| text(&event["action"]));
    assert_eq!(actions.filter(|action| action.starts_with("document")).collect::<Vec<_>>(), ["document.deleted", "documents.uploaded"]);
}
