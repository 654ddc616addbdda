//! Server functions of the profile page.

use reqwest::{StatusCode, header::SET_COOKIE};
use serde_json::{Value, json};

use crate::support::{BrowserClient, PASSWORD, TestServer, text};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";
const NEW_PASSWORD: &str = "another horse battery";

async fn sessions(page: &BrowserClient) -> Vec<Value> {
    let (status, sessions) = page.call("profile/sessions", json!({})).await;
    assert_eq!(status, StatusCode::OK, "{sessions}");
    sessions.as_array().unwrap().clone()
}

async fn is_signed_in(page: &BrowserClient) -> bool {
    page.call("account/viewer", json!({})).await.0 == StatusCode::OK
}

/// Signs in with this user agent.
async fn sign_in_with(server: &TestServer, agent: &str) -> BrowserClient {
    let visitor = server.visitor();
    let call = json!({ "email": "owner@acme.test", "password": PASSWORD });
    let response = visitor.function("account/sign-in", &call).header("user-agent", agent).send().await.unwrap();
    with_cookie(visitor, &response)
}

fn with_cookie(page: BrowserClient, response: &reqwest::Response) -> BrowserClient {
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    BrowserClient { cookie: Some(cookie), ..page }
}

#[tokio::test]
async fn sessions_are_distinguished_and_end_individually() {
    let server = TestServer::start().await;
    let here = server.user("owner", "acme").await;
    let there = sign_in_with(&server, FIREFOX).await;
    let other = server.user("admin", "acme").await;
    let list = sessions(&here).await;
    assert_eq!(list.len(), 2);
    let (this, that) = if list[0]["is_this"] == true { (&list[0], &list[1]) } else { (&list[1], &list[0]) };
    assert_eq!((&this["is_this"], &that["is_this"]), (&json!(true), &json!(false)));
    assert_eq!((&that["browser"], &that["address"]), (&json!("Firefox on Linux"), &json!("127.0.0.1")));
    assert_eq!(this["browser"], "Unknown browser");

    // Sessions of other users cannot be ended.
    let (status, _) = other.call("profile/end-session", json!({ "id": that["id"] })).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(is_signed_in(&there).await);
    assert_eq!(here.call("profile/end-session", json!({ "id": that["id"] })).await.0, StatusCode::OK);
    assert!(!is_signed_in(&there).await && is_signed_in(&here).await);
    assert_eq!(here.call("profile/end-session", json!({ "id": that["id"] })).await.0, StatusCode::NOT_FOUND);
    assert_eq!(here.call("profile/end-session", json!({ "id": "ses_1" })).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(sessions(&here).await.len(), 1);
}

#[tokio::test]
async fn other_sessions_end_together() {
    let server = TestServer::start().await;
    let here = server.user("owner", "acme").await;
    let (there, elsewhere) = (sign_in_with(&server, FIREFOX).await, sign_in_with(&server, FIREFOX).await);
    let other = server.user("admin", "acme").await;
    assert_eq!(here.call("profile/end-other-sessions", json!({})).await.0, StatusCode::OK);
    assert!(!is_signed_in(&there).await && !is_signed_in(&elsewhere).await);
    assert!(is_signed_in(&here).await && is_signed_in(&other).await);
    assert_eq!(sessions(&here).await.len(), 1);
    let row: (String, String) =
        sqlx::query_as("select action, detail from audit_events order by seq desc limit 1").fetch_one(&server.database().await).await.unwrap();
    assert_eq!(row, ("sessions.others_ended".into(), r#"{"sessions":2}"#.into()));
}

#[tokio::test]
async fn user_agent_is_truncated() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    sign_in_with(&server, &"a\t".repeat(1000)).await;
    let agent: String =
        sqlx::query_scalar("select user_agent from sessions where user_agent <> ''").fetch_one(&server.database().await).await.unwrap();
    assert_eq!(agent, "a".repeat(256));
}

#[tokio::test]
async fn rename_is_visible_and_audited() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    for name in ["", " \t", "a\u{202E}", &"a".repeat(101)] {
        let (status, error) = page.call("profile/rename", json!({ "name": name })).await;
        assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("name")), "{name:?}");
    }
    assert_eq!(page.call("profile/rename", json!({ "name": " Ada Lovelace " })).await.0, StatusCode::OK);
    assert_eq!(page.call("account/viewer", json!({})).await.1["name"], "Ada Lovelace");
    let row: (String, String, String) = sqlx::query_as("select action, object_name, detail from audit_events order by seq desc limit 1")
        .fetch_one(&server.database().await)
        .await
        .unwrap();
    assert_eq!(row, ("user.renamed".into(), "Ada Lovelace".into(), r#"{"from":"owner of acme"}"#.into()));
}

#[tokio::test]
async fn password_change_ends_other_sessions_and_renews_this_one() {
    let server = TestServer::start().await;
    let here = server.user("owner", "acme").await;
    let there = sign_in_with(&server, FIREFOX).await;
    let call = json!({ "current": PASSWORD, "password": NEW_PASSWORD });
    let response = here.function("profile/change-password", &call).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let renewed = with_cookie(here.clone(), &response);
    assert_ne!(renewed.cookie, here.cookie);
    assert!(is_signed_in(&renewed).await && !is_signed_in(&here).await && !is_signed_in(&there).await);
    let sign_in = async |password: &str| {
        let call = json!({ "email": "owner@acme.test", "password": password });
        server.visitor().call("account/sign-in", call).await.0
    };
    assert_eq!((sign_in(PASSWORD).await, sign_in(NEW_PASSWORD).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));
    let events: Vec<(String, String)> =
        sqlx::query_as("select action, detail from audit_events order by seq").fetch_all(&server.database().await).await.unwrap();
    assert!(events.contains(&("user.password_changed".into(), r#"{"sessions":2}"#.into())), "{events:?}");
    assert!(events.iter().all(|(_, detail)| !detail.contains(NEW_PASSWORD)));
}

#[tokio::test]
async fn password_change_needs_the_current_one_and_is_throttled() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let change =
        async |current: &str, password: &str| page.call("profile/change-password", json!({ "current": current, "password": password })).await;
    for (current, password, field) in [
        (PASSWORD, "short", "password"),
        (PASSWORD, &*"a".repeat(257), "password"),
        ("", NEW_PASSWORD, "current"),
        ("wrong", NEW_PASSWORD, "current"),
        (&*"a".repeat(1000), NEW_PASSWORD, "current"),
    ] {
        let (status, error) = change(current, password).await;
        assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{current:.9}");
    }
    for _ in 0..7 {
        assert_eq!(change("wrong", NEW_PASSWORD).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let (status, error) = change(PASSWORD, NEW_PASSWORD).await;
    assert_eq!((status, text(&error["code"])), (StatusCode::TOO_MANY_REQUESTS, "throttled".to_owned()));
    assert!(is_signed_in(&page).await);
}

#[tokio::test]
async fn one_of_two_concurrent_password_changes_succeeds() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let change = async |password: &str| page.call("profile/change-password", json!({ "current": PASSWORD, "password": password })).await;
    let (first, second) = tokio::join!(change("first horse battery"), change("second horse battery"));
    let mut statuses = [first.0, second.0];
    statuses.sort();
    // The slower call has the wrong current password or an ended session.
    assert_eq!(statuses[0], StatusCode::OK);
    assert!([StatusCode::UNAUTHORIZED, StatusCode::UNPROCESSABLE_ENTITY].contains(&statuses[1]), "{statuses:?}");
}
