//! Notification mails, against a local mail server.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use latchkey_core::mail::{Mailer, send_mails};
use latchkey_program::config::MailOptions;
use latchkey_store::notifications::NewNotification;
use latchkey_types::notification::NotificationEvent;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    notifications::{notification, notify},
    support::{BrowserClient, TestServer, eventually, latchkey, program, projects, services::MailServer, text, within},
};

/// A server that sends through this mail server, its owner and a project.
async fn start(mail: &MailServer) -> (TestServer, BrowserClient, String) {
    let options = options(mail);
    let server = TestServer::start_with(move |all| all.mail = options).await;
    let owner = server.user("owner", "acme").await;
    let project = projects::create_project(&owner, "Genomics").await;
    (server, owner, project)
}

fn options(mail: &MailServer) -> MailOptions {
    MailOptions { smtp: Some(mail.url.clone().into()), mail_from: Some("Latchkey <keys@example.com>".to_owned()) }
}

async fn notify_owner(server: &TestServer, notification: NewNotification) {
    notify(server, "owner@acme.test", notification).await;
}

/// The number of queued mails and of their delivery attempts.
async fn queue(server: &TestServer) -> (i64, i64) {
    let sql = "select count(*), cast(coalesce(sum(attempts), 0) as bigint) from mail_queue";
    sqlx::query_as(sql).fetch_one(&server.database().await).await.unwrap()
}

fn is_marker(mail: &Value) -> bool {
    text(&mail["subject"]).contains("marker ")
}

/// The received mails without the markers of [`delivered`].
fn received(mail: &MailServer) -> Vec<Value> {
    mail.messages().into_iter().filter(|mail| !is_marker(mail)).collect()
}

/// The received mails, once there are `count` and the queue is empty.
async fn delivered(server: &TestServer, mail: &MailServer, count: usize) -> Vec<Value> {
    eventually("the mails are delivered", async || received(mail).len() >= count && queue(server).await.0 == 0).await;
    // No mail arrives twice: a later mail shows that the queue was read again after the other attempts had ended.
    let marker = format!("marker {}", mail.messages().len());
    let project: String = sqlx::query_scalar("select id from projects").fetch_one(&server.database().await).await.unwrap();
    notify_owner(server, NewNotification { template: marker.clone(), ..notification(&project, NotificationEvent::Approved) }).await;
    eventually("the marker is delivered", async || mail.messages().iter().any(|mail| text(&mail["subject"]).contains(&marker))).await;
    let mails = received(mail);
    assert_eq!(mails.len(), count, "{mails:?}");
    mails
}

#[tokio::test]
async fn notification_is_mailed_with_a_link() {
    let mail = MailServer::start(&["250"]);
    let (server, _, project) = start(&mail).await;
    notify_owner(
        &server,
        NewNotification { comment: "For the nightly run.\nThanks!".to_owned(), ..notification(&project, NotificationEvent::Requested) },
    )
    .await;
    let received = &delivered(&server, &mail, 1).await[0];
    assert_eq!((&received["from"], &received["to"]), (&json!("keys@example.com"), &json!(["owner@acme.test"])));
    assert_eq!(received["subject"], "Mia requested “Read access” in Genomics");
    assert_eq!((&received["type"], &received["to_header"]), (&json!("text/plain"), &json!("owner of acme <owner@acme.test>")));
    let body = text(&received["body"]).replace("\r\n", "\n");
    assert!(body.contains(&format!("{}/projects/{project}/keys#requests\n", server.url)), "{body}");
    assert!(body.contains("“For the nightly run.\nThanks!”"), "{body}");
    assert!(text(&received["id"]).ends_with("@example.com>"));
}

#[tokio::test]
async fn temporary_failure_is_retried_later() {
    let mail = MailServer::start(&["450", "250"]);
    let (server, _, project) = start(&mail).await;
    let started = Instant::now();
    notify_owner(&server, notification(&project, NotificationEvent::Approved)).await;
    let received = delivered(&server, &mail, 2).await;
    assert!(started.elapsed() > Duration::from_secs(5), "not immediately: {:?}", started.elapsed());
    assert_eq!((&received[0]["reply"], &received[1]["reply"]), (&json!("450"), &json!("250")));
    assert_eq!(received[0]["id"], received[1]["id"], "the message id stays the same");
}

#[tokio::test]
async fn permanent_failure_is_not_retried() {
    let mail = MailServer::start(&["550", "250"]);
    let (server, _, project) = start(&mail).await;
    notify_owner(&server, notification(&project, NotificationEvent::Approved)).await;
    assert_eq!(delivered(&server, &mail, 1).await[0]["reply"], "550");
    notify_owner(&server, notification(&project, NotificationEvent::Rejected)).await;
    assert_eq!(delivered(&server, &mail, 2).await[1]["reply"], "250", "the next mail is sent");
}

#[tokio::test]
async fn slow_mail_server_delays_only_the_mail() {
    let mail = MailServer::start(&["slow"]);
    let (mut server, owner, project) = start(&mail).await;
    notify_owner(&server, notification(&project, NotificationEvent::Approved)).await;
    eventually("delivery has started", async || mail.messages().len() == 1).await;
    let started = Instant::now();
    assert_eq!(owner.call("notifications/list", json!({})).await.1.as_array().unwrap().len(), 1);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    within(Duration::from_mins(1), "the attempt timed out and was retried", async || mail.messages().len() == 2).await;
    assert_eq!(queue(&server).await, (1, 2));
    let started = Instant::now();
    server.stop().await;
    assert!(started.elapsed() < Duration::from_secs(25), "{:?}", started.elapsed());
}

#[tokio::test]
async fn unreachable_mail_server_loses_no_mail() {
    let mail = MailServer::start(&["250"]);
    let (server, _, project) = {
        let options = MailOptions { smtp: Some("smtp://127.0.0.1:1?tls=none".into()), ..options(&mail) };
        let server = TestServer::start_with(move |all| all.mail = options).await;
        let owner = server.user("owner", "acme").await;
        let project = projects::create_project(&owner, "Genomics").await;
        (server, owner, project)
    };
    notify_owner(&server, notification(&project, NotificationEvent::Approved)).await;
    eventually("delivery was attempted", async || queue(&server).await.1 >= 1).await;
    assert_eq!(queue(&server).await.0, 1);
    // Mails are dropped after three days without a delivery.
    sqlx::query("update notifications set created_at = created_at - 300000000").execute(&server.database().await).await.unwrap();
    within(Duration::from_mins(1), "the mail is dropped", async || queue(&server).await.0 == 0).await;
}

#[tokio::test]
async fn names_cannot_inject_headers_and_may_be_unicode() {
    let mail = MailServer::start(&["250"]);
    let (server, _, project) = start(&mail).await;
    let malicious = "Genomics\r\nBcc: eve@example.com\u{2028}X-Evil: 1\r\n\r\n<b>".to_owned();
    let malicious = NewNotification {
        template: malicious.clone(),
        actor_name: malicious.clone(),
        project: malicious,
        ..notification(&project, NotificationEvent::Requested)
    };
    notify_owner(&server, malicious).await;
    let unicode =
        NewNotification {
            project: "Геномика 🧬".to_owned(), actor_name: "Zoë".to_owned(), ..notification(&project, NotificationEvent::Rejected)
        };
    notify_owner(&server, unicode).await;
    let received = delivered(&server, &mail, 2).await;
    for mail in &received {
        assert_eq!(mail["to"], json!(["owner@acme.test"]));
        let headers = mail["headers"].as_array().unwrap();
        assert!(headers.iter().all(|header| !matches!(header.as_str().unwrap(), "Bcc" | "X-Evil")), "{headers:?}");
    }
    assert!(text(&received[0]["subject"]).contains("Genomics Bcc: eve@example.com X-Evil: 1 <b>"), "{received:?}");
    assert_eq!(received[1]["subject"], "Zoë rejected your request for “Read access” in Геномика 🧬");
}

#[tokio::test]
async fn two_instances_send_each_mail_once() {
    let mail = MailServer::start(&["250"]);
    let (server, _, project) = start(&mail).await;
    let (shutdown, shutdown_receiver) = watch::channel(false);
    let others = [(); 2].map(|()| {
        let mailer = Mailer::new(options(&mail).smtp.as_ref(), options(&mail).mail_from.as_deref()).unwrap().unwrap();
        tokio::spawn(send_mails(server.state.store.clone(), server.state.public_url.clone(), mailer, shutdown_receiver.clone()))
    });
    for _ in 0..20 {
        notify_owner(&server, notification(&project, NotificationEvent::Requested)).await;
    }
    eventually("the mails are delivered", async || received(&mail).len() >= 20 && queue(&server).await.0 == 0).await;
    // The other instances complete their attempts, so that only one sends the marker.
    shutdown.send_replace(true);
    for other in others {
        other.await.unwrap();
    }
    let ids: HashSet<_> = delivered(&server, &mail, 20).await.iter().map(|mail| text(&mail["id"])).collect();
    assert_eq!(ids.len(), 20);
}

#[tokio::test]
async fn no_mail_without_a_mail_server_or_to_disabled_users() {
    let server = TestServer::start().await;
    let project = projects::create_project(&server.user("owner", "acme").await, "Genomics").await;
    notify_owner(&server, notification(&project, NotificationEvent::Requested)).await;
    assert_eq!(queue(&server).await.0, 0);

    let mail = MailServer::start(&["250"]);
    let (server, _, project) = start(&mail).await;
    server.user("member", "acme").await;
    sqlx::query("update users set disabled_at = 1 where email = 'member@acme.test'").execute(&server.database().await).await.unwrap();
    notify(&server, "member@acme.test", notification(&project, NotificationEvent::Approved)).await;
    delivered(&server, &mail, 0).await;
}

#[test]
fn invalid_mail_options_are_rejected_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (&["--smtp", "smtp://user:hunter2@mail.example.com"][..], "--mail-from"),
        (&["--smtp", "smtp://user:hunter2@mail.example.com?tls=none", "--mail-from", "a@example.com"], "a mail server on this machine"),
        (&["--smtp", "user:hunter2@mail.example.com", "--mail-from", "a@example.com"], "smtp://USER:PASSWORD@HOST:587"),
    ] {
        let refused = latchkey(folder.path(), &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat(), "");
        let stderr = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && stderr.contains(expected) && !stderr.contains("hunter2"), "{stderr}");
    }
    let mut help = program(folder.path());
    let help = help.env("LATCHKEY_SMTP", "smtp://user:hunter2@mail.example.com").args(["serve", "--help"]).output().unwrap();
    let stdout = String::from_utf8(help.stdout).unwrap();
    assert!(stdout.contains("LATCHKEY_SMTP") && !stdout.contains("hunter2"), "{stdout}");
}
