//! What people are told: in the list, and as it happens.

use std::time::{Duration, Instant};

use latchkey_core::notifications;
use latchkey_store::{self as store, notifications::NewNotice};
use latchkey_types::{id::UserId, notification::NoticeEvent};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Page, TestServer, eventually, projects};

/// A notice of this project.
pub fn notice(project: &str, event: NoticeEvent) -> NewNotice {
    NewNotice {
        event,
        project_id: project.parse().unwrap(),
        project: "Genomics".to_owned(),
        template: "Read access".to_owned(),
        person: "Mia".to_owned(),
        word: String::new(),
    }
}

/// Tells the user with this address, as a rule would.
pub async fn tell(server: &TestServer, email: &str, notice: NewNotice) {
    let row = store::users::user_by_email(&server.state.store, email).await.unwrap().unwrap();
    let user: UserId = row.id.parse().unwrap();
    server.state.store.write(move |tx| Box::pin(async move { notifications::tell(tx, &[user], &notice).await })).await.unwrap();
}

/// The next event of a stream: its word and its data. `None` at the end.
async fn next(stream: &mut Response) -> Option<(String, Value)> {
    let mut text = String::new();
    loop {
        let chunk = timeout(Duration::from_secs(25), stream.chunk()).await.expect("something comes").ok()??;
        text += std::str::from_utf8(&chunk).unwrap();
        let Some((event, _)) = text.split_once("\n\n") else { continue };
        let of = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
        if !of("event:").is_empty() {
            return Some((of("event:"), serde_json::from_str(&of("data:")).unwrap_or_default()));
        }
        text = String::new();
    }
}

async fn listen(page: &Page) -> Response {
    let stream = page.get("/events").send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    let headers = stream.headers();
    assert!(headers["content-type"] == "text/event-stream" && headers["x-accel-buffering"] == "no");
    assert!(headers.contains_key("content-security-policy") && headers["x-content-type-options"] == "nosniff");
    stream
}

#[tokio::test]
async fn everybody_hears_at_once_what_they_are_told_and_nothing_else() {
    let server = TestServer::start().await;
    let (owner, member) = (server.user("owner", "acme").await, server.user("member", "acme").await);
    let foreign = server.user("owner", "globex").await;
    let project = projects::project(&owner, "Genomics").await;
    tell(&server, "owner@acme.test", notice(&project, NoticeEvent::Withdrawn)).await;
    // What was before a stream began is in the list.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let (mut to_owner, mut to_member, mut to_foreign) = (listen(&owner).await, listen(&member).await, listen(&foreign).await);
    let begun = Instant::now();
    tell(&server, "owner@acme.test", notice(&project, NoticeEvent::Requested)).await;
    let (word, told) = next(&mut to_owner).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(
        (word.as_str(), &told["event"], &told["project_id"], &told["is_read"]),
        ("notice", &json!("Requested"), &json!(project), &json!(false))
    );

    // As another process on the same database would write it.
    let sql = "insert into notices (seq, user_id, event, project_id, project, template, person, word, created_at) \
         select 1000, id, 'approved', $1, 'Genomics', 'Read access', 'Ada', 'Welcome.', 1 from users where email = 'member@acme.test'";
    sqlx::query(sql).bind(&project).execute(&server.database().await).await.unwrap();
    let (_, told) = next(&mut to_member).await.unwrap();
    assert_eq!((&told["seq"], &told["word"]), (&json!(1000), &json!("Welcome.")));
    for stream in [&mut to_owner, &mut to_foreign] {
        assert!(timeout(Duration::from_millis(700), stream.chunk()).await.is_err(), "nothing that is told to another");
    }

    let (_, list) = owner.call("notices/list", json!({})).await;
    let events: Vec<_> = list.as_array().unwrap().iter().map(|told| told["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["Requested", "Withdrawn"]);
    assert_eq!(foreign.call("notices/list", json!({})).await.1, json!([]));
    // Nobody reads for another.
    assert_eq!(foreign.call("notices/read", json!({ "up_to": 9999 })).await.0, StatusCode::OK);
    assert_eq!(owner.call("notices/read", json!({ "up_to": list[1]["seq"] })).await.0, StatusCode::OK);
    let (_, list) = owner.call("notices/list", json!({})).await;
    assert_eq!((&list[0]["is_read"], &list[1]["is_read"]), (&json!(false), &json!(true)));
}

#[tokio::test]
async fn a_list_ends_at_its_newest_fifty() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = projects::project(&owner, "Genomics").await;
    for _ in 0..55 {
        tell(&server, "owner@acme.test", notice(&project, NoticeEvent::Requested)).await;
    }
    let (_, list) = owner.call("notices/list", json!({})).await;
    assert_eq!((list.as_array().unwrap().len(), &list[0]["seq"], &list[49]["seq"]), (50, &json!(55), &json!(6)));
}

#[tokio::test]
async fn who_is_not_signed_in_hears_nothing() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    assert_eq!(server.visitor().get("/events").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let mut stream = listen(&owner).await;
    assert_eq!(owner.call("account/sign-out", json!({})).await.0, StatusCode::OK);
    assert_eq!(owner.get("/events").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(next(&mut stream).await.unwrap().0, "signed-out");
    assert!(next(&mut stream).await.is_none());
}

#[tokio::test]
async fn a_notice_reaches_no_session_that_has_ended() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = projects::project(&owner, "Genomics").await;
    let mut stream = listen(&owner).await;
    assert_eq!(owner.call("account/sign-out", json!({})).await.0, StatusCode::OK);
    tell(&server, "owner@acme.test", notice(&project, NoticeEvent::Requested)).await;
    assert_eq!(next(&mut stream).await.unwrap().0, "signed-out");
}

#[tokio::test]
async fn listening_does_not_lengthen_a_session() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let database = server.database().await;
    sqlx::query("update sessions set last_seen_at = last_seen_at - 3600000").execute(&database).await.unwrap();
    let last_seen = async || sqlx::query_scalar::<_, i64>("select last_seen_at from sessions").fetch_one(&database).await.unwrap();
    let before = last_seen().await;
    drop(listen(&owner).await);
    drop(listen(&owner).await);
    assert_eq!(last_seen().await, before);
    assert_eq!(owner.call("profile/sessions", json!({})).await.0, StatusCode::OK);
    assert!(last_seen().await > before, "what somebody asks for does");
}

#[tokio::test]
async fn streams_do_not_hold_up_the_end_of_the_server() {
    let mut server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let mut stream = listen(&owner).await;
    let begun = Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(next(&mut stream).await.is_none());
}

#[tokio::test]
async fn a_session_has_so_many_streams_and_no_more() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let mut streams = Vec::new();
    for _ in 0..6 {
        streams.push(listen(&owner).await);
    }
    let refused = owner.get("/events").send().await.unwrap();
    assert_eq!((refused.status(), refused.json::<Value>().await.unwrap()["code"].clone()), (StatusCode::TOO_MANY_REQUESTS, json!("throttled")));
    drop(streams);
    eventually(Duration::from_secs(5), "there is room again", async || owner.get("/events").send().await.unwrap().status() == StatusCode::OK).await;
}
