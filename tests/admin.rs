//! `latchkey admin`, with and without a running server.

use std::process::Output;

use reqwest::StatusCode;
use serde_json::json;
use sqlx::AnyPool;
use tempfile::TempDir;

use crate::support::{PASSWORD, TestServer, audit_chained, latchkey, serve_process::ServeProcess};

fn create_user(data: &TempDir, email: &str, role: &str, organization: &[&str], password: &str) -> Output {
    latchkey(data.path(), &user_arguments(email, role, organization), password)
}

fn user_arguments<'a>(email: &'a str, role: &'a str, organization: &[&'a str]) -> Vec<&'a str> {
    [&["admin", "create-user", "--email", email, "--name", "Ada", "--role", role, "--password-stdin"], organization].concat()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn user_and_key_created_beside_a_server_work_immediately() {
    let server = TestServer::start().await;
    let arguments = user_arguments("ada@acme.test", "owner", &["--organization", "Acme"]);
    let created = server.latchkey(&arguments, &format!("{PASSWORD}\n"));
    assert!(created.status.success(), "{created:?}");
    let page = server.visitor().sign_in("Ada@acme.test", PASSWORD).await;
    let (_, secret) = page.agent_key("a").await;

    let created = server.latchkey(&["admin", "create-key", "--name", "service", "--days", "30"], "");
    let printed = String::from_utf8(created.stdout).unwrap();
    assert!(printed.starts_with("lki_") && printed.lines().count() == 1, "only the secret is printed");
    assert!(!String::from_utf8_lossy(&created.stderr).contains(printed.trim()));
    let api = server.api("ada@acme.test", "verify").with_key(printed.trim());
    assert_eq!(api.verify(&secret).await, "VALID");
}

#[tokio::test]
async fn password_reset_ends_all_sessions() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let reset = server.latchkey(&["admin", "reset-password", "--email", "owner@acme.test", "--password-stdin"], "another horse battery\n");
    assert!(reset.status.success(), "{reset:?}");
    assert_eq!(page.call("account/viewer", json!({})).await.0, StatusCode::UNAUTHORIZED);
    server.visitor().sign_in("owner@acme.test", "another horse battery").await;
    let (status, _) = server.visitor().call("account/sign-in", json!({ "email": "owner@acme.test", "password": PASSWORD })).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[test]
fn first_user_of_an_organization_must_be_an_owner() {
    let data = TempDir::new().unwrap();
    let acme = ["--organization", "Acme"];
    assert!(stderr(&create_user(&data, "a@b", "owner", &[], PASSWORD)).contains("--organization"));
    assert!(stderr(&create_user(&data, "a@b", "member", &acme, PASSWORD)).contains("must be an owner"));
    assert!(create_user(&data, "a@b", "owner", &acme, PASSWORD).status.success());
    assert!(create_user(&data, "c@b", "member", &[], PASSWORD).status.success(), "a single organization is the default");
    assert!(create_user(&data, "d@b", "owner", &["--organization", "Globex"], PASSWORD).status.success());
    assert!(stderr(&create_user(&data, "e@b", "member", &[], PASSWORD)).contains("several organizations"));
    assert!(create_user(&data, "e@b", "member", &["--organization", "ACME"], PASSWORD).status.success());
}

#[test]
fn invalid_arguments_are_rejected_with_a_message() {
    let data = TempDir::new().unwrap();
    let acme = ["--organization", "Acme"];
    for (email, password, expected) in [("not-an-address", PASSWORD, "email: "), ("a@b", "short", "password: "), ("a@b", "", "password: ")] {
        let refused = create_user(&data, email, "owner", &acme, password);
        assert!(!refused.status.success() && stderr(&refused).contains(expected), "{refused:?}");
        assert!(password.is_empty() || !stderr(&refused).contains(password));
    }
    assert!(create_user(&data, "a@b", "owner", &acme, PASSWORD).status.success());
    assert!(stderr(&create_user(&data, "A@B", "owner", &acme, PASSWORD)).contains("email: This email address is already in use"));
    for (arguments, expected) in [
        (&["--name", "", "--days", "30"][..], "name: "),
        (&["--name", "a", "--days", "0"], "duration_days: "),
        (&["--name", "a", "--days", "99999"], "duration_days: "),
        (&["--name", "a", "--days", "30", "--user", "z@b"], "no user has the email address z@b"),
        (&["--name", "a", "--days", "30", "--scopes", "verify,fly"], "scopes: Unknown scope “fly”"),
    ] {
        let refused = latchkey(data.path(), &[&["admin", "create-key"], arguments].concat(), "");
        assert!(!refused.status.success() && stderr(&refused).contains(expected) && refused.stdout.is_empty(), "{refused:?}");
    }
    assert!(stderr(&latchkey(data.path(), &["admin", "reset-password", "--email", "z@b", "--password-stdin"], PASSWORD)).contains("email: "));
}

#[tokio::test]
async fn any_change_to_the_audit_log_is_detected() {
    for tampering in [
        "update audit_events set actor_name = 'Mallory' where seq = 2",
        "update audit_events set at = at + 1 where seq = 3",
        "update audit_events set detail = '{}' where seq = 2",
        "delete from audit_events where seq = 2",
        "delete from audit_events where seq = (select max(seq) from audit_events)",
        "delete from audit_events",
        "delete from audit_head",
        "update audit_head set seq = seq - 1",
        "insert into audit_events (seq, id, at, organization_id, actor_kind, actor_id, actor_name, action, object_kind, object_id, object_name, detail, address, mac) select seq + 1, id, at, organization_id, actor_kind, actor_id, actor_name, action, object_kind, object_id, object_name, detail, address, mac from audit_events where seq = (select max(seq) from audit_events)",
        "update audit_events set seq = case seq when 2 then 1002 when 3 then 1003 else seq end; update audit_events set seq = case seq when 1002 then 3 when 1003 then 2 else seq end",
    ] {
        let mut server = TestServer::start().await;
        let page = server.user("owner", "acme").await;
        page.agent_key("a").await;
        let intact = server.latchkey(&["admin", "verify-audit"], "");
        assert!(intact.status.success() && String::from_utf8_lossy(&intact.stdout).contains("4 rows"), "{intact:?}");
        let database = server.database().await;
        sqlx::raw_sql(tampering).execute(&database).await.unwrap();
        let altered = server.latchkey(&["admin", "verify-audit"], "");
        assert!(!altered.status.success() && stderr(&altered).contains("altered"), "{tampering}: {altered:?}");
        // Later events do not repair the chain.
        page.call("keys/create", json!({ "request": { "kind": "agent", "name": "b" } })).await;
        assert!(!server.latchkey(&["admin", "verify-audit"], "").status.success(), "{tampering}, after one more event");
        server.stop().await;
    }
}

/// The end of the audit log, as it is stored.
async fn audit_head(database: &AnyPool) -> (i64, Vec<u8>) {
    audit_chained(database).await;
    sqlx::query_as("select seq, mac from audit_head").fetch_one(database).await.unwrap()
}

#[tokio::test]
async fn an_earlier_end_of_the_audit_log_that_is_put_back_is_noticed() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    page.agent_key("a").await;
    let database = server.database().await;
    let (seq, mac) = audit_head(&database).await;
    page.agent_key("b").await;
    let (later_seq, later_mac) = audit_head(&database).await;
    let since = |seq: i64, mac: &[u8]| server.latchkey(&["admin", "verify-audit", "--since", &format!("{seq}:{}", hex::encode(mac))], "");
    for (seq, mac) in [(seq, &mac), (later_seq, &later_mac)] {
        assert!(since(seq, mac).status.success(), "the log is whole");
    }
    sqlx::query("delete from audit_events where seq > $1").bind(seq).execute(&database).await.unwrap();
    sqlx::query("update audit_head set seq = $1, mac = $2").bind(seq).bind(&mac).execute(&database).await.unwrap();

    assert!(server.latchkey(&["admin", "verify-audit"], "").status.success(), "the earlier end is authentic");
    assert!(since(seq, &mac).status.success());
    let cut_off = since(later_seq, &later_mac);
    assert!(!cut_off.status.success() && stderr(&cut_off).contains("altered"), "{cut_off:?}");
    let (status, _) = page.call("keys/create", json!({ "request": { "kind": "agent", "name": "c" } })).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "the running server has seen the later end");
    assert_eq!(audit_head(&database).await, (seq, mac));

    // A process that has not seen the later end continues the earlier one, beyond the row at which the two differ.
    for name in ["c", "d"] {
        assert!(server.latchkey(&["admin", "create-key", "--name", name, "--days", "30"], "").status.success());
    }
    assert!(audit_head(&database).await.0 > later_seq);
    let (status, _) = page.call("keys/create", json!({ "request": { "kind": "agent", "name": "e" } })).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "the row at the later end is another one");
}

#[tokio::test]
async fn another_chain_in_place_of_the_audit_log_is_noticed() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let database = server.database().await;
    let (seq, mac) = audit_head(&database).await;
    let last_row: Vec<u8> = sqlx::query_scalar("select mac from audit_events where seq = $1").bind(seq).fetch_one(&database).await.unwrap();
    page.agent_key("a").await;
    let (later_seq, later_mac) = audit_head(&database).await;
    // As if the row of the key had been replaced by an authentic one that was noted before.
    sqlx::query("update audit_events set mac = $1 where seq = $2").bind(&last_row).bind(later_seq).execute(&database).await.unwrap();
    sqlx::query("update audit_head set mac = $1").bind(&mac).execute(&database).await.unwrap();
    let (status, _) = page.call("keys/create", json!({ "request": { "kind": "agent", "name": "b" } })).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let noted = format!("{later_seq}:{}", hex::encode(&later_mac));
    assert!(!server.latchkey(&["admin", "verify-audit", "--since", &noted], "").status.success());
    let malformed = server.latchkey(&["admin", "verify-audit", "--since", "12"], "");
    assert!(stderr(&malformed).contains("SEQ:MAC"), "{malformed:?}");
}

#[test]
fn the_end_of_the_audit_log_is_logged_at_the_start() {
    let data = TempDir::new().unwrap();
    assert!(create_user(&data, "ada@acme.test", "owner", &["--organization", "Acme"], PASSWORD).status.success());
    let server = ServeProcess::start(data.path());
    let line = server.log_line("audit head");
    let field = |name: &str| line.split(name).nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let noted = format!("{}:{}", field("seq="), field("mac="));
    let verified = latchkey(data.path(), &["admin", "verify-audit", "--since", &noted], "");
    assert!(verified.status.success() && !noted.starts_with("0:"), "{noted}: {verified:?}");
    server.stop();
}
