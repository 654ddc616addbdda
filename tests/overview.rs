//! The overview: counts by status, pending requests and first steps, as far as each user may see them.

use latchkey_types::time::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    BrowserClient, TestServer,
    projects::{create_project, insert_template},
    text,
};

async fn overview(page: &BrowserClient) -> Value {
    let (status, overview) = page.call("overview/get", json!({})).await;
    assert_eq!(status, StatusCode::OK, "{overview}");
    overview
}

/// Active, disabled, expired and expiring keys of a kind; `None` if the user does not see the kind.
fn counts(overview: &Value, kind: &str) -> Option<[i64; 4]> {
    let of_kind = overview["kinds"].as_array().unwrap().iter().find(|counts| counts["kind"] == kind)?;
    Some(["active", "disabled", "expired", "expiring"].map(|part| of_kind[part].as_i64().unwrap()))
}

/// Creates a key of a kind with these columns. Returns its secret.
async fn create(server: &TestServer, page: &BrowserClient, kind: &str, columns: &str) -> String {
    let (status, created) = page.call("keys/create", json!({ "request": { "kind": kind, "name": "a", "expiry": { "Days": 90 } } })).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    if !columns.is_empty() {
        let sql = sqlx::AssertSqlSafe(format!("update api_keys set {columns} where id = '{}'", text(&created["key"]["id"])));
        sqlx::query(sql).execute(&server.database().await).await.unwrap();
    }
    text(&created["secret"])
}

#[tokio::test]
async fn keys_are_counted_by_status() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let in_a_week = format!("expires_at = {}", Timestamp::now().plus_days(7).0);
    for columns in ["", &in_a_week, &format!("disabled_at = 1, {in_a_week}"), "disabled_at = 1", "expires_at = 1", "expires_at = 1, disabled_at = 1"]
    {
        create(&server, &page, "client", columns).await;
    }
    create(&server, &page, "client", "deleted_at = 1").await;
    server.user("owner", "globex").await.agent_key("of another organization").await;
    let (status, stored) = page.call("credentials/create-general", json!({ "name": "b", "value": "sk-0123456789" })).await;
    assert_eq!(status, StatusCode::OK, "{stored}");

    let seen = overview(&page).await;
    assert_eq!(counts(&seen, "client"), Some([2, 2, 2, 2]));
    assert_eq!(counts(&seen, "agent"), Some([0; 4]));
    assert_eq!(counts(&seen, "general"), Some([1, 0, 0, 0]));
    let kinds: Vec<_> = seen["kinds"].as_array().unwrap().iter().map(|counts| text(&counts["kind"])).collect();
    assert_eq!(kinds, ["internal", "client", "corpus", "agent", "external", "general"]);

    // The keys of a disabled user are disabled.
    let member = server.user("member", "acme").await;
    create(&server, &member, "client", "").await;
    create(&server, &member, "client", "disabled_at = 1").await;
    sqlx::query("update users set disabled_at = 1 where email = 'member@acme.test'").execute(&server.database().await).await.unwrap();
    assert_eq!(counts(&overview(&page).await, "client"), Some([2, 4, 2, 2]));
}

#[tokio::test]
async fn each_user_sees_what_they_may_open() {
    let server = TestServer::start().await;
    let (owner, member) = (server.user("owner", "acme").await, server.user("member", "acme").await);
    for page in [&owner, &member] {
        create(&server, page, "internal", "").await;
        create(&server, page, "client", "").await;
    }
    let seen = overview(&owner).await;
    assert_eq!((counts(&seen, "internal"), counts(&seen, "client")), (Some([2, 0, 0, 0]), Some([2, 0, 0, 0])));
    let seen = overview(&member).await;
    assert_eq!((counts(&seen, "internal"), counts(&seen, "client")), (Some([1, 0, 0, 0]), Some([2, 0, 0, 0])), "internal keys are personal");
    assert_eq!(counts(&seen, "general"), None);
    let seen = overview(&server.user("viewer", "acme").await).await;
    assert_eq!((counts(&seen, "internal"), counts(&seen, "client")), (None, Some([2, 0, 0, 0])));
}

#[tokio::test]
async fn keys_of_each_kind_are_counted_for_the_tabs() {
    let server = TestServer::start().await;
    let (owner, member) = (server.user("owner", "acme").await, server.user("member", "acme").await);
    for page in [&owner, &member] {
        create(&server, page, "internal", "").await;
        create(&server, page, "client", "disabled_at = 1").await;
    }
    create(&server, &owner, "client", "deleted_at = 1").await;
    server.user("owner", "globex").await.agent_key("of another organization").await;
    let totals = async |page: &BrowserClient, kind: &str| {
        let (status, totals) = page.call("keys/totals", json!({})).await;
        assert_eq!(status, StatusCode::OK, "{totals}");
        totals.as_array().unwrap().iter().find(|each| each["kind"] == kind).map(|each| each["total"].clone())
    };
    let exactly = |count: i64| Some(json!({ "count": count, "is_exact": true }));
    for (page, kind, expected) in [
        (&owner, "internal", exactly(2)),
        (&owner, "client", exactly(2)),
        (&owner, "agent", exactly(0)),
        (&owner, "general", exactly(0)),
        (&member, "internal", exactly(1)),
        (&member, "client", exactly(2)),
        (&member, "general", None),
    ] {
        assert_eq!(totals(page, kind).await, expected, "{kind}");
    }
}

#[tokio::test]
async fn pending_requests_are_listed_for_those_who_decide() {
    let server = TestServer::start().await;
    let (owner, viewer) = (server.user("owner", "acme").await, server.user("viewer", "acme").await);
    let project = create_project(&owner, "Apollo").await;
    create_project(&owner, "Idle").await;
    let template = insert_template(&server, &project, "Reader", "viewer", 0).await.to_string();
    let (status, requested) = viewer.call("access-requests/create", json!({ "template": template })).await;
    assert_eq!(status, StatusCode::OK, "{requested}");
    assert_eq!(overview(&owner).await["requests"], json!([{ "id": project, "name": "Apollo", "pending": 1 }]));
    assert_eq!(overview(&viewer).await["requests"], json!([]));
}

#[tokio::test]
async fn first_steps_are_ticked_by_what_was_done() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let progress = async || overview(&page).await["progress"].clone();
    let steps = |verified: bool, invited: bool, mail: bool| json!({ "has_verified": verified, "has_invited": invited, "has_mail": mail });
    assert_eq!(progress().await, steps(false, false, false));
    let api = server.api("owner@acme.test", "");
    let secret = create(&server, &page, "client", "").await;
    assert_eq!(progress().await, steps(false, false, false), "the internal key was not verified, but used");
    assert_eq!(api.verify(&secret).await, "VALID");
    server.state.verifier.flush().await;
    assert_eq!(progress().await, steps(true, false, false));
    server.user("viewer", "acme").await;
    assert_eq!(progress().await, steps(true, true, false));
    server.state.store.enable_mail();
    assert_eq!(progress().await, steps(true, true, true));
    let viewer = server.visitor().sign_in("viewer@acme.test", crate::support::PASSWORD).await;
    assert_eq!(overview(&viewer).await["progress"], steps(true, false, false), "members and mail are not for viewers");
}
