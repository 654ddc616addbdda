//! `ETag`, `If-Match` and `If-None-Match`.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{ApiClient, TestServer, eventually, text};

async fn setup() -> (TestServer, ApiClient) {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    (server, api)
}

fn etag(response: &Response) -> String {
    response.headers()["etag"].to_str().unwrap().to_owned()
}

async fn send(api: &ApiClient, method: Method, path: &str, if_match: &[&str], body: &Value) -> Response {
    let request = if_match.iter().fold(api.request(method, path), |request, line| request.header("if-match", *line));
    request.json(body).send().await.unwrap()
}

/// A client key with credits: its path, its secret and its ETag.
async fn client_key(api: &ApiClient) -> (String, String, String) {
    let body = json!({ "kind": "client", "name": "a", "credits": { "remaining": 9 } });
    let response = api.request(Method::POST, "/keys").json(&body).send().await.unwrap();
    let tag = etag(&response);
    let created: Value = response.json().await.unwrap();
    (format!("/keys/{}", text(&created["key"]["id"])), text(&created["secret"]), tag)
}

#[tokio::test]
async fn etag_changes_only_with_editable_fields() {
    let (_server, api) = setup().await;
    let (path, secret, first) = client_key(&api).await;
    let read = async || etag(&api.request(Method::GET, &path).send().await.unwrap());
    assert!(first.starts_with('"') && first.ends_with('"') && read().await == first);
    assert_eq!(api.verify(&secret).await, "VALID");
    eventually("last use is saved", async || api.get(&path).await.1["last_used_at"].is_string()).await;
    assert_eq!(read().await, first, "it does not depend on last use and remaining credits");
    let mut etags = vec![first];
    for change in [
        json!({ "name": "b" }),
        json!({ "duration_days": 3 }),
        json!({ "scopes": ["x"] }),
        json!({ "external_id": "e" }),
        json!({ "metadata": { "a": 1 } }),
        json!({ "rate_limits": [{ "name": "m", "limit": 5, "duration_ms": 1000 }] }),
        json!({ "credits": { "refill": "daily", "amount": 5 } }),
        json!({ "allowed_ips": ["192.0.2.0/24"] }),
    ] {
        let response = send(&api, Method::PATCH, &path, &[etags.last().unwrap()], &change).await;
        assert_eq!(response.status(), StatusCode::OK, "{change}");
        let now = etag(&response);
        assert!(!etags.contains(&now) && read().await == now, "{change}");
        etags.push(now);
    }
    for action in ["disable", "enable", "rotate"] {
        let response = send(&api, Method::POST, &format!("{path}/{action}"), &[], &json!({ "grace_seconds": 60 })).await;
        assert_ne!(etag(&response), *etags.last().unwrap(), "{action}");
        assert_eq!(etag(&response), read().await);
        etags.push(etag(&response));
    }
}

#[tokio::test]
async fn change_requires_the_current_etag() {
    let (_server, api) = setup().await;
    let (path, secret, old) = client_key(&api).await;
    let new = etag(&send(&api, Method::PATCH, &path, &[&old], &json!({ "name": "b" })).await);
    let weak = format!("W/{new}");
    let operations = [(Method::PATCH, ""), (Method::DELETE, ""), (Method::POST, "/disable"), (Method::POST, "/enable"), (Method::POST, "/rotate")];
    for (method, action) in operations {
        for tags in [&[old.as_str()][..], &[&weak], &[""], &["\"x\", \"y,z\""], &[&old, "\"x\""]] {
            let body = if action == "/rotate" { json!({ "grace_seconds": 0 }) } else { json!({ "name": "c" }) };
            let response = send(&api, method.clone(), &format!("{path}{action}"), tags, &body).await;
            assert_eq!(response.status(), StatusCode::PRECONDITION_FAILED, "{method} {action} {tags:?}");
            assert_eq!(response.json::<Value>().await.unwrap()["code"], "precondition_failed");
        }
    }
    assert_eq!((api.get(&path).await.1["name"].clone(), api.verify(&secret).await), (json!("b"), "VALID".to_owned()));
    for tags in [&["a"][..], &["*, \"a\""], &["\"a"], &["*", "*"]] {
        let response = send(&api, Method::PATCH, &path, tags, &json!({ "name": "c" })).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{tags:?}");
    }
    // Any version, the current version, one of several, one in a second header line.
    for tags in [&["*"][..], &[&new], &["\"x\", W/\"y\"", "\"z\""]] {
        let tags = if tags.len() == 2 {
            vec![tags[0].to_owned(), etag(&api.request(Method::GET, &path).send().await.unwrap())]
        } else {
            vec![tags[0].to_owned()]
        };
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let response = send(&api, Method::PATCH, &path, &tags, &json!({ "name": "b" })).await;
        assert_eq!(response.status(), StatusCode::OK, "{tags:?}");
    }
    let (missing, unauthenticated) = (format!("/keys/key_{}", "0".repeat(32)), api.with_key("lki_x"));
    assert_eq!(send(&api, Method::PATCH, &missing, &[&old], &json!({})).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(send(&unauthenticated, Method::PATCH, &path, &["a"], &json!({})).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(send(&api, Method::DELETE, &path, &[&new], &json!({})).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn one_of_many_changes_with_the_same_etag_succeeds() {
    let (_server, api) = setup().await;
    let (path, _, tag) = client_key(&api).await;
    let calls: Vec<_> = (0..16)
        .map(|number| {
            let (api, path, tag) = (api.clone(), path.clone(), tag.clone());
            tokio::spawn(async move { send(&api, Method::PATCH, &path, &[&tag], &json!({ "name": format!("by {number}") })).await.status().as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200], vec![412; 15]].concat());
}

#[tokio::test]
async fn credential_change_requires_the_current_etag() {
    let (_server, api) = setup().await;
    let body = json!({ "kind": "general", "name": "a", "value": "sk-0123456789" });
    let response = api.request(Method::POST, "/credentials").json(&body).send().await.unwrap();
    let first = etag(&response);
    let path = format!("/credentials/{}", text(&response.json::<Value>().await.unwrap()["credential"]["id"]));
    assert_eq!(etag(&api.request(Method::GET, &path).send().await.unwrap()), first);
    // The mask does not change, but the ETag does.
    let second = etag(&send(&api, Method::PATCH, &path, &[&first], &json!({ "value": "sk-0xxxxxx789" })).await);
    assert_ne!(second, first);
    for method in [Method::PATCH, Method::DELETE] {
        assert_eq!(send(&api, method, &path, &[&first], &json!({ "name": "b" })).await.status(), StatusCode::PRECONDITION_FAILED);
    }
    assert_eq!(send(&api, Method::DELETE, &path, &[&second], &json!({})).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn public_keys_are_not_sent_again_with_their_etag() {
    let (server, _) = setup().await;
    let get = async |tag: &str| server.visitor().get("/.well-known/jwks.json").header("if-none-match", tag).send().await.unwrap();
    let first = etag(&get("\"none\"").await);
    assert_eq!(get(&format!("W/{first}")).await.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(get("\"other\"").await.status(), StatusCode::OK);
}
