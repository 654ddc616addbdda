//! Notices by mail, against a real mail server.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use latchkey_core::mail::{Mailer, send_mails};
use latchkey_program::config::MailOptions;
use latchkey_store::notifications::NewNotice;
use latchkey_types::notification::NoticeEvent;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    notices::{notice, tell},
    support::{Page, TestServer, eventually, latchkey, program, projects, services::MailServer, text},
};

/// A server that sends mail by that one, an owner and a project of theirs.
async fn start(mail: &MailServer) -> (TestServer, Page, String) {
    let options = options(mail);
    let server = TestServer::start_with(move |all| all.mail = options).await;
    let owner = server.user("owner", "acme").await;
    let project = projects::project(&owner, "Genomics").await;
    (server, owner, project)
}

fn options(mail: &MailServer) -> MailOptions {
    MailOptions { smtp: Some(mail.url.clone().into()), mail_from: Some("Latchkey <keys@example.com>".to_owned()) }
}

/// Tells the owner.
async fn tell_owner(server: &TestServer, notice: NewNotice) {
    tell(server, "owner@acme.test", notice).await;
}

/// How many wait, and how often they were tried.
async fn queue(server: &TestServer) -> (i64, i64) {
    let sql = "select count(*), cast(coalesce(sum(attempts), 0) as bigint) from mails";
    sqlx::query_as(sql).fetch_one(&server.database().await).await.unwrap()
}

/// The mails, once there are so many and none is waiting.
async fn sent(server: &TestServer, mail: &MailServer, count: usize) -> Vec<Value> {
    eventually(Duration::from_secs(20), "the mail has come", async || mail.mails().len() >= count && queue(server).await.0 == 0).await;
    // Nothing comes twice.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let mails = mail.mails();
    assert_eq!(mails.len(), count, "{mails:?}");
    mails
}

#[tokio::test]
async fn who_is_told_gets_a_mail_with_a_link() {
    let mail = MailServer::start(&["250"]);
    let (server, _, project) = start(&mail).await;
    tell_owner(&server, NewNotice { word: "For the nightly run.\nThanks!".to_owned(), ..notice(&project, NoticeEvent::Requested) }).await;
    let got = &sent(&server, &mail, 1).await[0];
    assert_eq!((&got["from"], &got["to"]), (&json!("keys@example.com"), &json!(["owner@acme.test"])));
    assert_eq!(got["subject"], "Mia requested “Read access” in Genomics");
    assert_eq!((&got["type"], &got["addressed"]), (&json!("text/plain"), &json!("owner of acme <owner@acme.test>")));
    let body = text(&got["body"]).replace("\r\n", "\n");
    assert!(body.contains(&format!("{}/projects/{project}/keys\n", server.url)), "{body}");
    assert!(body.contains("“For the nightly run.\nThanks!”"), "{body}");
    assert!(text(&got["id"]).ends_with("@example.com>"));
}

#[tokio::test]
async fn a_server_that_puts_us_off_gets_it_later() {
    let mail = MailServer::start(&["450", "250"]);
    let (server, _, project) = start(&mail).await;
    tell_owner(&server, notice(&project, NoticeEvent::Approved)).await;
    eventually(Duration::from_secs(5), "it was tried", async || mail.mails().len() == 1).await;
    let begun = Instant::now();
    let got = sent(&server, &mail, 2).await;
    assert!(begun.elapsed() > Duration::from_secs(4), "not at once: {:?}", begun.elapsed());
    assert_eq!((&got[0]["answer"], &got[1]["answer"]), (&json!("450"), &json!("250")));
    assert_eq!(got[0]["id"], got[1]["id"], "one mail, whoever asks");
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_tried_again() {
    let mail = MailServer::start(&["550", "250"]);
    let (server, _, project) = start(&mail).await;
    tell_owner(&server, notice(&project, NoticeEvent::Approved)).await;
    assert_eq!(sent(&server, &mail, 1).await[0]["answer"], "550");
    tell_owner(&server, notice(&project, NoticeEvent::Rejected)).await;
    assert_eq!(sent(&server, &mail, 2).await[1]["answer"], "250", "and the next one goes out");
}

#[tokio::test]
async fn a_slow_server_holds_up_nothing_but_the_mail() {
    let mail = MailServer::start(&["slow"]);
    let (mut server, owner, project) = start(&mail).await;
    tell_owner(&server, notice(&project, NoticeEvent::Approved)).await;
    eventually(Duration::from_secs(5), "it is being tried", async || mail.mails().len() == 1).await;
    let begun = Instant::now();
    assert_eq!(owner.call("notices/list", json!({})).await.1.as_array().unwrap().len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    eventually(Duration::from_secs(25), "it was given up and tried anew", async || mail.mails().len() == 2).await;
    assert_eq!(queue(&server).await, (1, 2));
    let begun = Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_server_that_is_not_there_loses_nothing() {
    let mail = MailServer::start(&["250"]);
    let (server, _, project) = {
        let options = MailOptions { smtp: Some("smtp://127.0.0.1:1?tls=none".into()), ..options(&mail) };
        let server = TestServer::start_with(move |all| all.mail = options).await;
        let owner = server.user("owner", "acme").await;
        let project = projects::project(&owner, "Genomics").await;
        (server, owner, project)
    };
    tell_owner(&server, notice(&project, NoticeEvent::Approved)).await;
    eventually(Duration::from_secs(5), "it was tried", async || queue(&server).await.1 >= 1).await;
    assert_eq!(queue(&server).await.0, 1);
    // Three days later, without an answer.
    sqlx::query("update notices set created_at = created_at - 300000000").execute(&server.database().await).await.unwrap();
    eventually(Duration::from_secs(15), "it is given up", async || queue(&server).await.0 == 0).await;
}

#[tokio::test]
async fn names_are_no_heads_and_may_be_in_any_script() {
    let mail = MailServer::start(&["250"]);
    let (server, _, project) = start(&mail).await;
    let evil = "Genomics\r\nBcc: eve@example.com\u{2028}X-Evil: 1\r\n\r\n<b>".to_owned();
    let evil = NewNotice { template: evil.clone(), person: evil.clone(), project: evil, ..notice(&project, NoticeEvent::Requested) };
    tell_owner(&server, evil).await;
    let unicode = NewNotice { project: "Геномика 🧬".to_owned(), person: "Zoë".to_owned(), ..notice(&project, NoticeEvent::Rejected) };
    tell_owner(&server, unicode).await;
    let got = sent(&server, &mail, 2).await;
    for mail in &got {
        assert_eq!(mail["to"], json!(["owner@acme.test"]));
        let heads = mail["heads"].as_array().unwrap();
        assert!(heads.iter().all(|head| !matches!(head.as_str().unwrap(), "Bcc" | "X-Evil")), "{heads:?}");
    }
    assert!(text(&got[0]["subject"]).contains("Genomics Bcc: eve@example.com X-Evil: 1 <b>"), "{got:?}");
    assert_eq!(got[1]["subject"], "Zoë rejected your request for “Read access” in Геномика 🧬");
}

#[tokio::test]
async fn two_processes_send_each_mail_once() {
    let mail = MailServer::start(&["250"]);
    let (server, _, project) = start(&mail).await;
    let (_end, ending) = watch::channel(false);
    for _ in 0..2 {
        let mailer = Mailer::new(options(&mail).smtp.as_ref(), options(&mail).mail_from.as_deref()).unwrap().unwrap();
        tokio::spawn(send_mails(server.state.store.clone(), server.state.public_url.clone(), mailer, ending.clone()));
    }
    for _ in 0..20 {
        tell_owner(&server, notice(&project, NoticeEvent::Requested)).await;
    }
    let ids: HashSet<_> = sent(&server, &mail, 20).await.iter().map(|mail| text(&mail["id"])).collect();
    assert_eq!(ids.len(), 20);
}

#[tokio::test]
async fn nothing_is_queued_without_a_mail_server_nor_sent_to_who_is_shut_out() {
    let server = TestServer::start().await;
    let project = projects::project(&server.user("owner", "acme").await, "Genomics").await;
    tell_owner(&server, notice(&project, NoticeEvent::Requested)).await;
    assert_eq!(queue(&server).await.0, 0);

    let mail = MailServer::start(&["250"]);
    let (server, _, project) = start(&mail).await;
    server.user("member", "acme").await;
    sqlx::query("update users set disabled_at = 1 where email = 'member@acme.test'").execute(&server.database().await).await.unwrap();
    tell(&server, "member@acme.test", notice(&project, NoticeEvent::Approved)).await;
    sent(&server, &mail, 0).await;
}

#[test]
fn the_program_refuses_what_it_could_not_use() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, says) in [
        (&["--smtp", "smtp://user:hunter2@mail.example.com"][..], "--mail-from"),
        (&["--smtp", "smtp://user:hunter2@mail.example.com?tls=none", "--mail-from", "a@example.com"], "a mail server on this machine"),
        (&["--smtp", "user:hunter2@mail.example.com", "--mail-from", "a@example.com"], "smtp://USER:PASSWORD@HOST:587"),
    ] {
        let refused = latchkey(folder.path(), &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat(), "");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && said.contains(says) && !said.contains("hunter2"), "{said}");
    }
    let mut help = program(folder.path());
    let help = help.env("LATCHKEY_SMTP", "smtp://user:hunter2@mail.example.com").args(["serve", "--help"]).output().unwrap();
    let said = String::from_utf8(help.stdout).unwrap();
    assert!(said.contains("LATCHKEY_SMTP") && !said.contains("hunter2"), "{said}");
}
