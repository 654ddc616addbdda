//! `/api/v1/corpora`, and the access of corpus keys.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{ApiClient, TestServer, text};

async fn verdict_code(api: &ApiClient, key: &str, scope: Option<&str>, corpus: Option<i64>) -> String {
    text(&api.post("/verify", json!({ "key": key, "scope": scope, "corpus": corpus })).await.1["code"])
}

#[tokio::test]
async fn corpus_key_gives_access_only_to_its_corpora() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let corpus = async |name: &str| {
        let (status, created) = api.post("/corpora", json!({ "name": name })).await;
        assert_eq!(status, StatusCode::CREATED);
        created["id"].as_i64().unwrap()
    };
    let (first, second) = (corpus("manuals").await, corpus("letters").await);
    let key = async |scopes: Value| {
        let (status, created) = api.post("/keys", json!({ "kind": "corpus", "name": "a", "scopes": scopes, "corpora": [first, second] })).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        (text(&created["key"]["id"]), text(&created["secret"]))
    };
    let ((id, query), (_, index)) = (key(json!(["query"])).await, key(json!(["query", "index"])).await);
    assert_eq!(api.get(&format!("/keys/{id}")).await.1["corpora"], json!([first, second]));
    let later = corpus("later").await;
    for (key, scope, corpus, code) in [
        (&query, Some("query"), Some(first), "VALID"),
        (&query, Some("index"), Some(first), "INSUFFICIENT_PERMISSIONS"),
        (&index, Some("index"), Some(second), "VALID"),
        (&index, Some("admin"), Some(second), "INSUFFICIENT_PERMISSIONS"),
        (&index, Some("query"), Some(later), "INSUFFICIENT_PERMISSIONS"),
        (&index, None, Some(99), "INSUFFICIENT_PERMISSIONS"),
        (&index, None, None, "VALID"),
    ] {
        assert_eq!(verdict_code(&api, key, scope, corpus).await, code, "{scope:?} {corpus:?}");
    }

    // Corpus keys cannot manage corpora.
    for (method, path, body) in
        [(Method::POST, "/corpora".to_owned(), Some(json!({ "name": "x" }))), (Method::DELETE, format!("/corpora/{first}"), None)]
    {
        let (status, problem) = api.with_key(&index).call(method, &path, body).await;
        assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("wrong_kind")));
    }

    // No key has access to a deleted corpus, and its id is never reused.
    assert_eq!(api.call(Method::DELETE, &format!("/corpora/{later}"), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(api.call(Method::DELETE, &format!("/corpora/{second}"), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(verdict_code(&api, &index, Some("query"), Some(second)).await, "INSUFFICIENT_PERMISSIONS");
    assert_eq!(verdict_code(&api, &index, Some("query"), Some(first)).await, "VALID");
    assert_eq!(api.get(&format!("/keys/{id}")).await.1["corpora"], json!([first]));
    assert_eq!(corpus("later").await, later + 1);
}

#[tokio::test]
async fn admins_create_corpora_for_their_organization() {
    let server = TestServer::start().await;
    for role in ["owner", "admin", "member", "viewer"] {
        server.user(role, "acme").await;
    }
    server.user("owner", "globex").await;
    let (owner, other_organization) = (server.api("owner@acme.test", ""), server.api("owner@globex.test", ""));
    let id = owner.post("/corpora", json!({ "name": "Manuals" })).await.1["id"].as_i64().unwrap();
    let path = format!("/corpora/{id}");
    for role in ["member", "viewer"] {
        let api = server.api(&format!("{role}@acme.test"), "");
        assert_eq!(api.post("/corpora", json!({ "name": "x" })).await.0, StatusCode::FORBIDDEN);
        for path in [path.as_str(), "/corpora/99", "/corpora/nonsense"] {
            assert_eq!(api.call(Method::DELETE, path, None).await.0, StatusCode::FORBIDDEN, "{role} {path}");
        }
        assert_eq!(api.get("/corpora").await.1["items"].as_array().unwrap().len(), 1, "{role} can list corpora");
    }
    assert_eq!(other_organization.get("/corpora").await.1["items"], json!([]));
    for path in [path.as_str(), "/corpora/99", "/corpora/nonsense", "/corpora/99999999999999999999"] {
        assert_eq!(other_organization.call(Method::DELETE, path, None).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    for (name, status) in [("manuals", 409), ("MANUALS ", 409), ("", 422), (&*"a".repeat(101), 422), ("a\u{0}", 422)] {
        assert_eq!(owner.post("/corpora", json!({ "name": name })).await.0.as_u16(), status, "{name}");
    }
    let admin = server.api("admin@acme.test", "");
    assert_eq!(admin.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(admin.post("/corpora", json!({ "name": "manuals" })).await.0, StatusCode::CREATED, "the name is available again");
}
