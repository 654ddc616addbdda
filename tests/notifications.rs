//! Notifications: the list and the event stream.

use std::time::{Duration, Instant};

use latchkey_core::notifications;
use latchkey_program::data_dir::Data;
use latchkey_store::{self as store, notifications::NewNotification};
use latchkey_types::notification::NotificationEvent;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    instances::Pair,
    support::{BrowserClient, PASSWORD, TestServer, eventually, projects, text},
};

pub fn notification(project: &str, event: NotificationEvent) -> NewNotification {
    NewNotification {
        event,
        project_id: Some(project.parse().unwrap()),
        request_id: None,
        link: None,
        project: "Genomics".to_owned(),
        template: "Read access".to_owned(),
        actor_name: "Mia".to_owned(),
        comment: String::new(),
    }
}

/// Notifies the user with this email address.
pub async fn notify(server: &TestServer, email: &str, notification: NewNotification) {
    let row = store::users::find_user_by_email(&server.state.store, email).await.unwrap().unwrap();
    let user = row.id;
    let mut tx = server.state.store.begin().await.unwrap();
    notifications::notify(&mut tx, &[user], &notification).await.unwrap();
    tx.commit().await.unwrap();
}

/// The next event of a stream: its name and its data. `None` at the end.
async fn next_event(stream: &mut Response) -> Option<(String, Value)> {
    let mut text = String::new();
    loop {
        let chunk = timeout(Duration::from_secs(25), stream.chunk()).await.expect("an event arrives in time").ok()??;
        text += std::str::from_utf8(&chunk).unwrap();
        let Some((event, _)) = text.split_once("\n\n") else { continue };
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
        if !field("event:").is_empty() {
            return Some((field("event:"), serde_json::from_str(&field("data:")).unwrap_or_default()));
        }
        text = String::new();
    }
}

async fn open_stream(page: &BrowserClient) -> Response {
    let stream = page.get("/events").send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    let headers = stream.headers();
    assert!(headers["content-type"] == "text/event-stream" && headers["x-accel-buffering"] == "no");
    assert!(headers.contains_key("content-security-policy") && headers["x-content-type-options"] == "nosniff");
    stream
}

#[tokio::test]
async fn users_receive_only_their_own_notifications_immediately() {
    let server = TestServer::start().await;
    let (owner, member) = (server.user("owner", "acme").await, server.user("member", "acme").await);
    let other_organization = server.user("owner", "globex").await;
    let project = projects::create_project(&owner, "Genomics").await;
    let mut deliveries = server.state.notification_hub.subscribe();
    notify(&server, "owner@acme.test", notification(&project, NotificationEvent::Withdrawn)).await;
    // Notifications from before the stream are only in the list.
    eventually("the hub has delivered it", async || deliveries.try_recv().is_ok()).await;
    let (mut to_owner, mut to_member, mut to_other_organization) =
        (open_stream(&owner).await, open_stream(&member).await, open_stream(&other_organization).await);
    let started = Instant::now();
    notify(&server, "owner@acme.test", notification(&project, NotificationEvent::Requested)).await;
    let (name, notification) = next_event(&mut to_owner).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(
        (name.as_str(), &notification["event"], &notification["project_id"], &notification["is_read"]),
        ("notice", &json!("Requested"), &json!(project), &json!(false))
    );

    // Written by another process on the same database.
    let data = Data::open_for_admin(&server.data_options()).await.unwrap();
    let member_id = store::users::find_user_by_email(&data.store, "member@acme.test").await.unwrap().unwrap().id;
    let welcome = NewNotification { comment: "Welcome.".to_owned(), ..crate::notifications::notification(&project, NotificationEvent::Approved) };
    let mut tx = data.store.begin().await.unwrap();
    notifications::notify(&mut tx, &[member_id], &welcome).await.unwrap();
    tx.commit().await.unwrap();
    let (_, notification) = next_event(&mut to_member).await.unwrap();
    assert_eq!((&notification["seq"], &notification["comment"]), (&json!(3), &json!("Welcome.")));
    data.store.close().await;

    let (_, list) = owner.call("notifications/list", json!({})).await;
    let events: Vec<_> = list.as_array().unwrap().iter().map(|notification| notification["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["Requested", "Withdrawn"]);
    assert_eq!(other_organization.call("notifications/list", json!({})).await.1, json!([]));
    // A user marks only their own notifications as read.
    assert_eq!(other_organization.call("notifications/mark-read", json!({ "from": 0, "up_to": 9999 })).await.0, StatusCode::OK);
    let read_states = async || {
        let (_, list) = owner.call("notifications/list", json!({})).await;
        list.as_array().unwrap().iter().map(|notification| notification["is_read"] == true).collect::<Vec<_>>()
    };
    let mark = async |from: &Value, up_to: &Value| owner.call("notifications/mark-read", json!({ "from": from, "up_to": up_to })).await.0;
    assert_eq!(mark(&list[0]["seq"], &list[0]["seq"]).await, StatusCode::OK);
    assert_eq!(read_states().await, [true, false]);
    assert_eq!(mark(&json!(0), &list[0]["seq"]).await, StatusCode::OK);
    assert_eq!(read_states().await, [true, true]);

    // The next notification of each other stream is the user's own later one, so none of another user came before it.
    for (email, stream) in [("owner@acme.test", &mut to_owner), ("owner@globex.test", &mut to_other_organization)] {
        let own = NewNotification { comment: email.to_owned(), ..crate::notifications::notification(&project, NotificationEvent::Approved) };
        notify(&server, email, own).await;
        let (_, notification) = next_event(stream).await.unwrap();
        assert_eq!((&notification["event"], &notification["comment"]), (&json!("Approved"), &json!(email)));
    }
}

#[tokio::test]
async fn a_stream_delivers_what_another_instance_wrote() {
    let Some(pair) = Pair::start().await else { return };
    let owner = pair.first.user("owner", "acme").await;
    let project = projects::create_project(&owner, "Genomics").await;
    let mut streams = [open_stream(&owner).await, open_stream(&pair.at_second(&owner)).await];
    for (server, event) in [(&pair.first, NotificationEvent::Requested), (&pair.second, NotificationEvent::Withdrawn)] {
        notify(server, "owner@acme.test", notification(&project, event)).await;
    }
    for stream in &mut streams {
        // In any order: an instance learns of its own ones first.
        let mut events = [next_event(stream).await.unwrap().1, next_event(stream).await.unwrap().1].map(|notification| text(&notification["event"]));
        events.sort();
        assert_eq!(events, ["Requested", "Withdrawn"]);
    }
}

#[tokio::test]
async fn list_holds_the_newest_fifty() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = projects::create_project(&owner, "Genomics").await;
    for _ in 0..55 {
        notify(&server, "owner@acme.test", notification(&project, NotificationEvent::Requested)).await;
    }
    let (_, list) = owner.call("notifications/list", json!({})).await;
    assert_eq!((list.as_array().unwrap().len(), &list[0]["seq"], &list[49]["seq"]), (50, &json!(55), &json!(6)));
    let (_, rest) = owner.call("notifications/list", json!({ "before": list[49]["seq"] })).await;
    assert_eq!((rest.as_array().unwrap().len(), &rest[0]["seq"]), (5, &json!(5)));
}

#[tokio::test]
async fn stream_requires_a_session() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    assert_eq!(server.visitor().get("/events").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let mut stream = open_stream(&owner).await;
    assert_eq!(owner.call("account/sign-out", json!({})).await.0, StatusCode::OK);
    assert_eq!(owner.get("/events").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(next_event(&mut stream).await.unwrap().0, "signed-out");
    assert!(next_event(&mut stream).await.is_none());
}

#[tokio::test]
async fn stream_closes_within_a_second_when_its_session_ends() {
    let (_guard, server) = TestServer::start_exclusive().await;
    let database = server.database().await;
    let ends = [
        ("owner", "delete from sessions"),
        ("admin", "update users set disabled_at = 1 where email like 'admin@%'"),
        ("member", "update sessions set last_seen_at = last_seen_at - 86400001"),
        ("viewer", "update sessions set created_at = created_at - 1209600001"),
    ];
    for (role, sql) in ends {
        let page = server.user(role, "acme").await;
        let mut stream = open_stream(&page).await;
        sqlx::query(sql).execute(&database).await.unwrap();
        let started = Instant::now();
        assert_eq!(next_event(&mut stream).await.unwrap().0, "signed-out", "{sql}");
        // Twice as long as promised, for a loaded machine.
        assert!(started.elapsed() < Duration::from_secs(2), "{sql}: {:?}", started.elapsed());
        assert!(next_event(&mut stream).await.is_none());
    }
}

#[tokio::test]
async fn ended_session_receives_no_notification() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = projects::create_project(&owner, "Genomics").await;
    let mut stream = open_stream(&owner).await;
    assert_eq!(owner.call("account/sign-out", json!({})).await.0, StatusCode::OK);
    notify(&server, "owner@acme.test", notification(&project, NotificationEvent::Requested)).await;
    assert_eq!(next_event(&mut stream).await.unwrap().0, "signed-out");
}

#[tokio::test]
async fn streaming_does_not_extend_a_session() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let database = server.database().await;
    sqlx::query("update sessions set last_seen_at = last_seen_at - 3600000").execute(&database).await.unwrap();
    let last_seen = async || sqlx::query_scalar::<_, i64>("select last_seen_at from sessions").fetch_one(&database).await.unwrap();
    let before = last_seen().await;
    drop(open_stream(&owner).await);
    drop(open_stream(&owner).await);
    assert_eq!(last_seen().await, before);
    assert_eq!(owner.call("profile/sessions", json!({})).await.0, StatusCode::OK);
    assert!(last_seen().await > before, "a call by the user does");
}

#[tokio::test]
async fn open_streams_do_not_delay_shutdown() {
    let mut server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let mut stream = open_stream(&owner).await;
    let started = Instant::now();
    server.stop().await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(next_event(&mut stream).await.is_none());
}

#[tokio::test]
async fn streams_per_session_are_limited() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let mut streams = Vec::new();
    for _ in 0..6 {
        streams.push(open_stream(&owner).await);
    }
    let refused = owner.get("/events").send().await.unwrap();
    assert_eq!((refused.status(), refused.json::<Value>().await.unwrap()["code"].clone()), (StatusCode::TOO_MANY_REQUESTS, json!("throttled")));
    drop(streams);
    eventually("another stream is accepted", async || owner.get("/events").send().await.unwrap().status() == StatusCode::OK).await;
}

#[tokio::test]
async fn streams_per_user_are_limited() {
    let server = TestServer::start().await;
    let (owner, other) = (server.user("owner", "acme").await, server.user("admin", "acme").await);
    let mut streams = Vec::new();
    for _ in 0..4 {
        let page = server.visitor().sign_in("owner@acme.test", PASSWORD).await;
        for _ in 0..6 {
            streams.push(open_stream(&page).await);
        }
    }
    assert_eq!(owner.get("/events").send().await.unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
    drop(open_stream(&other).await);
    streams.pop();
    eventually("another stream is accepted", async || owner.get("/events").send().await.unwrap().status() == StatusCode::OK).await;
}
