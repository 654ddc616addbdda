//! Sign-in: limits on failures, known devices, number of sessions, digests of tokens, and the audit log.

use latchkey_core::auth::session::{self, Device};
use latchkey_store as store;
use reqwest::{StatusCode, header::SET_COOKIE};
use serde_json::json;
use sqlx::AnyPool;

use crate::support::{BrowserClient, PASSWORD, TestServer, audit_chained, eventually, text};

const OWNER: &str = "owner@acme.test";
/// The limit on failures of an account or a device.
const FAILURES_MAX: usize = 10;

async fn sign_in(client: &BrowserClient, email: &str, password: &str) -> StatusCode {
    client.call("account/sign-in", json!({ "email": email, "password": password })).await.0
}

async fn fail_to_sign_in(client: &BrowserClient, email: &str) {
    for _ in 0..FAILURES_MAX {
        assert_eq!(sign_in(client, email, "wrong horse battery").await, StatusCode::UNAUTHORIZED);
    }
}

/// A browser without a session that signed in to this account before.
async fn known_device(server: &TestServer, email: &str) -> BrowserClient {
    let client = server.visitor();
    let response = client.function("account/sign-in", &json!({ "email": email, "password": PASSWORD })).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut lines = response.headers().get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap());
    let cookie = lines.find(|line| line.starts_with("latchkey-device=")).expect("the device gets a cookie");
    assert!(cookie.ends_with("; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax"), "{cookie}");
    BrowserClient { cookie: Some(cookie.split(';').next().unwrap().to_owned()), ..client }
}

async fn count_events(database: &AnyPool, action: &str) -> i64 {
    audit_chained(database).await;
    sqlx::query_scalar("select count(*) from audit_events where action = $1").bind(action).fetch_one(database).await.unwrap()
}

#[tokio::test]
async fn others_cannot_lock_out_a_device_that_signed_in_before() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    server.user("admin", "acme").await;
    let (own, other) = (known_device(&server, OWNER).await, known_device(&server, "admin@acme.test").await);
    let stranger = server.visitor();
    fail_to_sign_in(&stranger, OWNER).await;
    assert_eq!(sign_in(&stranger, OWNER, PASSWORD).await, StatusCode::TOO_MANY_REQUESTS);
    let forged = BrowserClient { cookie: Some("latchkey-device=AAAA.AAAA".to_owned()), ..server.visitor() };
    for unknown in [&other, &forged] {
        assert_eq!(sign_in(unknown, OWNER, PASSWORD).await, StatusCode::TOO_MANY_REQUESTS, "only a device of this account");
    }
    assert_eq!(sign_in(&own, OWNER, PASSWORD).await, StatusCode::OK);
}

#[tokio::test]
async fn a_known_device_has_the_same_limit_of_its_own() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let (first, second) = (known_device(&server, OWNER).await, known_device(&server, OWNER).await);
    fail_to_sign_in(&first, OWNER).await;
    assert_eq!(sign_in(&first, OWNER, PASSWORD).await, StatusCode::TOO_MANY_REQUESTS);
    for client in [&second, &server.visitor()] {
        assert_eq!(sign_in(client, OWNER, PASSWORD).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn others_cannot_prevent_a_password_change() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    fail_to_sign_in(&server.visitor(), OWNER).await;
    let call = json!({ "current": PASSWORD, "password": "another horse battery" });
    let (status, error) = owner.call("profile/change-password", call).await;
    assert_eq!(status, StatusCode::OK, "{error}");
}

#[tokio::test]
async fn a_sign_in_ends_the_oldest_of_fifty_sessions() {
    let server = TestServer::start().await;
    let oldest = server.user("owner", "acme").await;
    let second = server.visitor().sign_in(OWNER, PASSWORD).await;
    let user = store::users::find_user_by_email(&server.state.store, OWNER).await.unwrap().unwrap();
    let mut tx = server.state.store.begin().await.unwrap();
    for _ in 2..50 {
        session::create(&mut tx, &server.state.pepper, user.id, &user.password_hash, &Device::default()).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(oldest.call("account/viewer", json!({})).await.1["sessions"], 50);
    let newest = server.visitor().sign_in(OWNER, PASSWORD).await;
    assert_eq!(oldest.call("account/viewer", json!({})).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(second.call("account/viewer", json!({})).await.0, StatusCode::OK);
    assert_eq!(newest.call("account/viewer", json!({})).await.1["sessions"], 50);
    let sql = "select detail from audit_events where action = 'session.begun' order by seq desc limit 1";
    let detail: String = sqlx::query_scalar(sql).fetch_one(&server.database().await).await.unwrap();
    assert_eq!(detail, r#"{"oldest_sessions_ended":1}"#);
}

#[tokio::test]
async fn a_digest_that_was_written_without_the_pepper_is_not_accepted() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let database = server.database().await;
    let (_, roles) = owner.call("roles/list", json!({})).await;
    let role = roles.as_array().unwrap().iter().find(|role| role["name"] == "viewer").unwrap();
    let (status, created) = owner.call("invitations/create", json!({ "email": "grace@acme.test", "role": role["id"] })).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    let token = text(&created["link"]).split_once('#').unwrap().1.to_owned();
    let visitor = server.visitor();
    assert_eq!(visitor.call("account/invitation", json!({ "token": token })).await.0, StatusCode::OK);
    // The SHA-256 of the token "planted".
    let digest = hex::decode("372eb3774802a8d97badd0f3afdabbf7a17ef8a1f900b394db99a460b893406c").unwrap();
    for sql in ["update sessions set digest = $1", "update invitations set digest = $1"] {
        sqlx::query(sql).bind(&digest).execute(&database).await.unwrap();
    }
    let planted = BrowserClient { cookie: Some("latchkey=planted".to_owned()), ..server.visitor() };
    assert_eq!(planted.call("account/viewer", json!({})).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(visitor.call("account/invitation", json!({ "token": "planted" })).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn refused_sign_ins_are_in_the_audit_log_of_the_account_only() {
    let server = TestServer::start().await;
    for organization in ["acme", "globex"] {
        server.user("owner", organization).await;
    }
    let (visitor, database) = (server.visitor(), server.database().await);
    fail_to_sign_in(&visitor, "unknown@acme.test").await;
    fail_to_sign_in(&visitor, OWNER).await;
    for _ in 0..3 {
        assert_eq!(sign_in(&visitor, OWNER, PASSWORD).await, StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(sign_in(&visitor, "owner@globex.test", &"a".repeat(1000)).await, StatusCode::UNAUTHORIZED);
    let failures = i64::try_from(FAILURES_MAX).unwrap() + 1;
    eventually("the failures are recorded", async || {
        count_events(&database, "sign_in.failed").await == failures && count_events(&database, "sign_in.throttled").await == 1
    })
    .await;
    let sql = "select e.action, e.actor_name, e.object_name, e.address, e.detail, count(*) from audit_events e join organizations o on \
        o.id = e.organization_id where e.action like 'sign_in.%' and o.name = $1 group by 1, 2, 3, 4, 5 order by 1";
    let events = async |organization: &str| -> Vec<(String, String, String, String, String, i64)> {
        sqlx::query_as(sql).bind(organization.to_owned()).fetch_all(&database).await.unwrap()
    };
    let event = |action: &str, name: &str, count: usize| {
        let count = i64::try_from(count).unwrap();
        (action.to_owned(), "unauthenticated".to_owned(), name.to_owned(), "127.0.0.1".to_owned(), "{}".to_owned(), count)
    };
    let of_acme = [event("sign_in.failed", "owner of acme", FAILURES_MAX), event("sign_in.throttled", "owner of acme", 1)];
    assert_eq!(events("acme").await, of_acme);
    assert_eq!(events("globex").await, [event("sign_in.failed", "owner of globex", 1)]);
}
