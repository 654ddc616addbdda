//! `ETag`, `If-Match` and `If-None-Match`.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{Api, TestServer, eventually, text};

async fn desk() -> (TestServer, Api) {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    (server, api)
}

fn tag(response: &Response) -> String {
    response.headers()["etag"].to_str().unwrap().to_owned()
}

async fn send(api: &Api, method: Method, path: &str, if_match: &[&str], body: &Value) -> Response {
    let request = if_match.iter().fold(api.request(method, path), |request, line| request.header("if-match", *line));
    request.json(body).send().await.unwrap()
}

/// A client key with credits: its path, its secret and its tag.
async fn client_key(api: &Api) -> (String, String, String) {
    let wanted = json!({ "kind": "client", "name": "a", "credits": { "remaining": 9 } });
    let response = api.request(Method::POST, "/keys").json(&wanted).send().await.unwrap();
    let tag = tag(&response);
    let made: Value = response.json().await.unwrap();
    (format!("/keys/{}", text(&made["key"]["id"])), text(&made["secret"]), tag)
}

#[tokio::test]
async fn the_tag_changes_with_what_can_be_edited_and_with_nothing_else() {
    let (_server, api) = desk().await;
    let (path, secret, first) = client_key(&api).await;
    let read = async || tag(&api.request(Method::GET, &path).send().await.unwrap());
    assert!(first.starts_with('"') && first.ends_with('"') && read().await == first);
    assert_eq!(api.verify(&secret).await, "VALID");
    eventually(Duration::from_secs(5), "the use is written", async || api.get(&path).await.1["last_used_at"].is_string()).await;
    assert_eq!(read().await, first, "neither its last use nor what is left of its credits is in it");
    let mut seen = vec![first];
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
        let response = send(&api, Method::PATCH, &path, &[seen.last().unwrap()], &change).await;
        assert_eq!(response.status(), StatusCode::OK, "{change}");
        let now = tag(&response);
        assert!(!seen.contains(&now) && read().await == now, "{change}");
        seen.push(now);
    }
    for action in ["disable", "enable", "rotate"] {
        let response = send(&api, Method::POST, &format!("{path}/{action}"), &[], &json!({ "grace_seconds": 60 })).await;
        assert_ne!(tag(&response), *seen.last().unwrap(), "{action}");
        assert_eq!(tag(&response), read().await);
        seen.push(tag(&response));
    }
}

#[tokio::test]
async fn a_change_is_made_only_to_what_was_seen() {
    let (_server, api) = desk().await;
    let (path, secret, old) = client_key(&api).await;
    let new = tag(&send(&api, Method::PATCH, &path, &[&old], &json!({ "name": "b" })).await);
    let weak = format!("W/{new}");
    let refused = [(Method::PATCH, ""), (Method::DELETE, ""), (Method::POST, "/disable"), (Method::POST, "/enable"), (Method::POST, "/rotate")];
    for (method, action) in refused {
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
    // What does not matter any more, what is there, one of many, one in another line.
    for tags in [&["*"][..], &[&new], &["\"x\", W/\"y\"", "\"z\""]] {
        let tags = if tags.len() == 2 {
            vec![tags[0].to_owned(), tag(&api.request(Method::GET, &path).send().await.unwrap())]
        } else {
            vec![tags[0].to_owned()]
        };
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let response = send(&api, Method::PATCH, &path, &tags, &json!({ "name": "b" })).await;
        assert_eq!(response.status(), StatusCode::OK, "{tags:?}");
    }
    let (missing, of_nobody) = (format!("/keys/key_{}", "0".repeat(32)), api.with_key("lkp_x"));
    assert_eq!(send(&api, Method::PATCH, &missing, &[&old], &json!({})).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(send(&of_nobody, Method::PATCH, &path, &["a"], &json!({})).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(send(&api, Method::DELETE, &path, &[&new], &json!({})).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn of_many_changes_to_the_same_sight_one_is_made() {
    let (_server, api) = desk().await;
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
async fn a_credential_is_changed_only_as_it_was_seen() {
    let (_server, api) = desk().await;
    let wanted = json!({ "kind": "llm", "name": "a", "value": "sk-0123456789" });
    let response = api.request(Method::POST, "/credentials").json(&wanted).send().await.unwrap();
    let first = tag(&response);
    let path = format!("/credentials/{}", text(&response.json::<Value>().await.unwrap()["credential"]["id"]));
    assert_eq!(tag(&api.request(Method::GET, &path).send().await.unwrap()), first);
    // Its mask stays what it was: the tag knows better.
    let second = tag(&send(&api, Method::PATCH, &path, &[&first], &json!({ "value": "sk-0xxxxxx789" })).await);
    assert_ne!(second, first);
    for method in [Method::PATCH, Method::DELETE] {
        assert_eq!(send(&api, method, &path, &[&first], &json!({ "name": "b" })).await.status(), StatusCode::PRECONDITION_FAILED);
    }
    assert_eq!(send(&api, Method::DELETE, &path, &[&second], &json!({})).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn public_keys_are_sent_once() {
    let (server, _) = desk().await;
    let get = async |tag: &str| server.visitor().get("/.well-known/jwks.json").header("if-none-match", tag).send().await.unwrap();
    let first = tag(&get("\"none\"").await);
    assert_eq!(get(&format!("W/{first}")).await.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(get("\"other\"").await.status(), StatusCode::OK);
}
