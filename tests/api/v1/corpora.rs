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

#[tokio::test]
async fn a_corpus_has_an_upstream_until_it_is_removed() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    server.user("owner", "globex").await;
    let (api, foreign) = (server.api("owner@acme.test", ""), server.api("owner@globex.test", ""));
    let corpus = format!("/corpora/{}", api.post("/corpora", json!({ "name": "manuals" })).await.1["id"]);
    let upstream = format!("{corpus}/upstream");
    let general = async |api: &ApiClient, name: &str| {
        text(&api.post("/credentials", json!({ "kind": "general", "name": name, "value": "sk-0123456789" })).await.1["credential"]["id"])
    };
    let (key, foreign_key) = (general(&api, "key").await, general(&foreign, "key").await);
    let set = async |base_url: &str, credential: Option<&str>| {
        let body = json!({ "base_url": base_url, "customer_id": " 1526022105 ", "corpus_id": "232", "credential": credential });
        api.call(Method::PUT, &upstream, Some(body)).await
    };
    let (status, created) = set("https://search.example.com/v1/", Some(&key)).await;
    let expected = json!({
        "base_url": "https://search.example.com/v1", "customer_id": "1526022105", "corpus_id": "232", "credential": key, "unlinked": false,
    });
    assert_eq!((status, &created), (StatusCode::OK, &expected));
    assert_eq!(api.get(&corpus).await.1["upstream"], expected);
    assert_eq!(api.get("/corpora").await.1["items"][0]["has_upstream"], true);

    // A changed base URL unlinks the key, unless another one is linked to it.
    let (_, moved) = set("https://other.example.com", Some(&key)).await;
    assert_eq!((&moved["credential"], &moved["unlinked"]), (&json!(null), &json!(true)));
    assert_eq!(set("https://other.example.com", Some(&key)).await.1["unlinked"], false);
    let second = general(&api, "second").await;
    assert_eq!(set("https://third.example.com", Some(&second)).await.1["credential"], json!(second));

    for (base_url, credential, field) in [
        ("http://search.example.com", None, "base_url"),
        ("https://a:b@search.example.com", None, "base_url"),
        ("https://third.example.com", Some(&*foreign_key), "credential"),
        ("https://third.example.com", Some("crd_00000000000070008000000000000000"), "credential"),
    ] {
        let (status, problem) = set(base_url, credential).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{base_url}");
    }
    assert_eq!(foreign.call(Method::DELETE, &upstream, None).await.0, StatusCode::NOT_FOUND);

    // The key can be deleted, and the upstream remains without it.
    assert_eq!(api.call(Method::DELETE, &format!("/credentials/{second}"), None).await.0, StatusCode::NO_CONTENT);
    let remaining = &api.get(&corpus).await.1["upstream"];
    assert_eq!((&remaining["credential"], &remaining["unlinked"]), (&json!(null), &json!(true)));
    for _ in 0..2 {
        assert_eq!(api.call(Method::DELETE, &upstream, None).await.0, StatusCode::NO_CONTENT);
    }
    assert_eq!(api.get(&corpus).await.1["upstream"], json!(null));
}

#[tokio::test]
async fn linking_a_key_to_an_upstream_needs_the_permission_for_keys() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let owner = server.api("owner@acme.test", "");
    let corpus = format!("/corpora/{}", owner.post("/corpora", json!({ "name": "manuals" })).await.1["id"]);
    let credential = owner.post("/credentials", json!({ "kind": "general", "name": "key", "value": "sk-0123456789" })).await.1["credential"].clone();
    server.user("member", "acme").await;
    let permissions = ["manage_corpora", "manage_api_keys", "view_keys"];
    let (status, role) = page.call("roles/create", json!({ "name": "librarian", "permissions": permissions })).await;
    assert_eq!(status, StatusCode::OK, "{role}");
    let (_, members) = page.call("members/list", json!({})).await;
    let member = members["members"].as_array().unwrap().iter().find(|row| row["email"] == "member@acme.test").unwrap();
    let (status, changed) = page.call("members/set-role", json!({ "id": member["id"], "role": role["id"] })).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    let librarian = server.api("member@acme.test", "keys:read,keys:write");
    let set = async |api: &ApiClient, corpus_id: &str, credential: &Value| {
        let body = json!({ "base_url": "https://search.example.com", "customer_id": "1", "corpus_id": corpus_id, "credential": credential });
        api.call(Method::PUT, &format!("{corpus}/upstream"), Some(body)).await
    };
    let key = &credential["id"];
    assert_eq!(set(&librarian, "1", key).await.0, StatusCode::FORBIDDEN);
    assert_eq!(set(&librarian, "1", &Value::Null).await.0, StatusCode::OK);
    assert_eq!(set(&owner, "1", key).await.0, StatusCode::OK);
    assert_eq!(set(&librarian, "2", key).await.1["credential"], *key, "a link that does not change needs no further permission");
}
