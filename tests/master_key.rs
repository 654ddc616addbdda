//! The key over all other keys: rotated, also by a program that is killed at any moment.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use latchkey_core::{
    credentials::{NewGeneral, Secrets, create_general, open},
    public_url::PublicUrl,
};
use latchkey_program::{
    config::{DataOptions, OutgoingOptions},
    data_dir::Data,
};
use latchkey_types::id::CredentialId;
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde_json::json;
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};

use crate::support::{Api, PASSWORD, TestServer, data_options, latchkey, program, projects::project, text};

const NEW_KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn rotate(data: &Path) -> Output {
    latchkey(data, &["admin", "rotate-master-key"], "")
}

pub async fn store_general(api: &Api, name: &str) -> String {
    let (status, made) = api.post("/credentials", json!({ "kind": "llm", "name": name, "value": format!("sk-{name}-0123456789") })).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    text(&made["credential"]["id"])
}

async fn is_readable(api: &Api, id: &str) -> bool {
    api.get(&format!("/credentials/{id}")).await.1["readable"] == true
}

/// Every secret of a data folder, by its credential's name.
pub async fn open_all(options: &DataOptions) -> HashMap<String, String> {
    let data = Data::open_beside(options).await.unwrap();
    let url = PublicUrl::new(None, ([127, 0, 0, 1], 1).into()).unwrap();
    let state = data.core(url, OutgoingOptions::default()).unwrap();
    let rows: Vec<(String, String, String)> = sqlx::query_as("select id, organization_id, name from credentials where deleted_at is null")
        .fetch_all(data.store.read().unwrap())
        .await
        .unwrap();
    let mut secrets = HashMap::new();
    for (id, organization, name) in rows {
        let opened = open(&state, organization.parse().unwrap(), id.parse::<CredentialId>().unwrap()).await;
        let Secrets::General { value } = opened.unwrap_or_else(|error| panic!("{name}: {error}")).secrets else { panic!("{name}") };
        secrets.insert(name, value.expose_secret().to_owned());
    }
    data.store.close().await;
    secrets
}

#[tokio::test]
async fn a_running_server_goes_on_through_a_rotation() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let first = store_general(&api, "first").await;
    let project = project(&owner, "Reads").await;
    let (status, made) = owner.call("projects/create-secret", json!({ "id": project, "name": "token", "value": "kept through it" })).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let key_file = server.data.path().join("master.key");
    for round in 0..3 {
        let before = fs::read(&key_file).unwrap();
        let rotated = server.latchkey(&["admin", "rotate-master-key"], "");
        assert!(rotated.status.success(), "{rotated:?}");
        assert_ne!(fs::read(&key_file).unwrap(), before);
        assert_eq!(fs::metadata(&key_file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!server.data.path().join("master.key.next").exists());
        // What is stored first is wrapped under the new key, what is read first is opened with it.
        if round % 2 == 0 {
            store_general(&api, &format!("after-{round}")).await;
        }
        assert!(is_readable(&api, &first).await);
        let (_, secret) = api.get(&format!("/projects/{project}/secrets/token")).await;
        assert_eq!(secret["value"], "kept through it");
        assert_eq!(api.get("/credentials?kind=llm").await.0, StatusCode::OK, "issued keys are as they were");
    }
    let secrets = open_all(&server.data_options()).await;
    assert_eq!(secrets.len(), 3);
    assert!(secrets.iter().all(|(name, secret)| *secret == format!("sk-{name}-0123456789")));
    let audit = server.latchkey(&["admin", "verify-audit"], "");
    assert!(audit.status.success(), "{audit:?}");
    let rotations: i64 = sqlx::query_scalar("select count(*) from audit_events where action = 'master_key.rotated' and actor_kind = 'console'")
        .fetch_one(&server.database().await)
        .await
        .unwrap();
    assert_eq!(rotations, 3);
}

#[tokio::test]
async fn what_is_stored_while_the_key_is_rotated_opens_afterwards() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (mut stored, writing) = store_without_end(&api, "during");
    for round in 0..6 {
        let (folder, seen) = (server.data.path().to_owned(), *stored.borrow());
        let rotated = tokio::task::spawn_blocking(move || rotate(&folder)).await.unwrap();
        assert!(rotated.status.success(), "{round}: {rotated:?}");
        stored.wait_for(|now| *now > seen + 2).await.unwrap();
    }
    writing.abort();
    let secrets = open_all(&data_options(server.data.path())).await;
    assert!(secrets.len() >= *stored.borrow(), "each that was answered is there");
    assert!(secrets.iter().all(|(name, secret)| *secret == format!("sk-{name}-0123456789")));
}

/// Stores one general key after another. Answers how many were stored.
pub fn store_without_end(api: &Api, prefix: &'static str) -> (watch::Receiver<usize>, JoinHandle<()>) {
    let (api, (said, stored)) = (api.clone(), watch::channel(0));
    let writing = tokio::spawn(async move {
        for number in 0.. {
            store_general(&api, &format!("{prefix}-{number}")).await;
            let _ = said.send(number + 1);
        }
    });
    (stored, writing)
}

#[tokio::test]
async fn what_did_not_open_before_is_left_and_told_of() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (whole, broken) = (store_general(&api, "whole").await, store_general(&api, "broken").await);
    sqlx::query("update sealed_secrets set wrapped_key = substr(wrapped_key, 2) where credential_id = $1")
        .bind(&broken)
        .execute(&server.database().await)
        .await
        .unwrap();
    let rotated = server.latchkey(&["admin", "rotate-master-key"], "");
    let told = String::from_utf8(rotated.stdout).unwrap();
    assert!(rotated.status.success() && told.contains("1 stored secret") && told.contains("1 could not be decrypted before"), "{told}");
    assert!(is_readable(&api, &whole).await && !is_readable(&api, &broken).await);
}

#[tokio::test]
async fn a_secret_of_a_project_opens_in_its_own_row_alone() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let project = project(&owner, "Reads").await;
    for name in ["one", "other", "broken"] {
        let (status, _) = owner.call("projects/create-secret", json!({ "id": project, "name": name, "value": format!("value of {name}") })).await;
        assert_eq!(status, StatusCode::OK);
    }
    let database = server.database().await;
    let stored: Vec<(Vec<u8>,)> = sqlx::query_as("select ciphertext from project_secrets").fetch_all(&database).await.unwrap();
    assert!(stored.iter().all(|(bytes,)| !String::from_utf8_lossy(bytes).contains("value of")));
    sqlx::query("update project_secrets set wrapped_key = substr(wrapped_key, 2) where name = 'broken'").execute(&database).await.unwrap();
    let swap = "update project_secrets set (wrapped_key, ciphertext) = (select wrapped_key, ciphertext from project_secrets where name = 'one') \
         where name = 'other'";
    sqlx::query(swap).execute(&database).await.unwrap();
    let read = async |name: &str| api.get(&format!("/projects/{project}/secrets/{name}")).await;
    assert_eq!(read("one").await.1["value"], "value of one");
    for name in ["other", "broken"] {
        let (status, answer) = read(name).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{answer}");
    }
    let rotated = server.latchkey(&["admin", "rotate-master-key"], "");
    let told = String::from_utf8(rotated.stdout).unwrap();
    assert!(rotated.status.success() && told.contains("1 stored secret") && told.contains("2 could not be decrypted before"), "{told}");
    assert_eq!(read("one").await.1["value"], "value of one");
}

#[tokio::test]
async fn a_rotation_that_is_killed_at_any_moment_loses_nothing() {
    const SECRETS: usize = 1000;
    let data = TempDir::new().unwrap();
    let made = latchkey(
        data.path(),
        &["admin", "create-user", "--email", "a@b", "--name", "A", "--role", "owner", "--organization", "Acme", "--password-stdin"],
        PASSWORD,
    );
    assert!(made.status.success(), "{made:?}");
    fill(data.path(), SECRETS).await;
    let whole = measure(data.path());
    let (mut killed, mut left_behind) = (0, 0);
    for round in 0..40u32 {
        let mut rotating = program(data.path()).args(["admin", "rotate-master-key"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(whole * round / 36).await;
        let _ = rotating.kill();
        killed += u32::from(!rotating.wait().unwrap().success());
        left_behind += u32::from(data.path().join("master.key.next").exists());
        if round % 8 == 7 {
            assert_eq!(open_all(&data_options(data.path())).await.len(), SECRETS, "round {round}");
        }
    }
    assert!(killed >= 10 && left_behind >= 3, "killed {killed} times, {left_behind} times with the next key laid");
    assert!(rotate(data.path()).status.success());
    let secrets = open_all(&data_options(data.path())).await;
    assert!(secrets.len() == SECRETS && secrets.iter().all(|(name, secret)| *secret == format!("value of {name}").replace(' ', "-")));
    assert!(latchkey(data.path(), &["admin", "verify-audit"], "").status.success());
}

/// How long a rotation takes that is left alone.
fn measure(data: &Path) -> Duration {
    let begun = std::time::Instant::now();
    assert!(rotate(data).status.success());
    begun.elapsed()
}

async fn fill(folder: &Path, count: usize) {
    let data = Data::open_beside(&data_options(folder)).await.unwrap();
    let url = PublicUrl::new(None, ([127, 0, 0, 1], 1).into()).unwrap();
    let state = data.core(url, OutgoingOptions::default()).unwrap();
    let owner = latchkey_store::users::first_owner(&state.store).await.unwrap().unwrap();
    let console = latchkey_core::accounts::console(&owner).unwrap();
    for number in 0..count {
        let name = format!("key {number}");
        let value = format!("value of {name}").replace(' ', "-");
        create_general(&state, &console, NewGeneral { name, value: latchkey_types::secret::TypedSecret::new(value) }).await.unwrap();
    }
    data.store.close().await;
}

#[tokio::test]
async fn an_interrupted_rotation_is_finished_by_whoever_opens_the_data() {
    let mut server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    store_general(&api, "first").await;
    server.stop().await;
    let (key, next) = (server.data.path().join("master.key"), server.data.path().join("master.key.next"));
    let old = fs::read(&key).unwrap();
    assert!(rotate(server.data.path()).status.success());
    let new = fs::read(&key).unwrap();
    // As it stands between the data and the file.
    fs::rename(&key, &next).unwrap();
    fs::write(&key, &old).unwrap();
    let finished = latchkey(server.data.path(), &["admin", "verify-audit"], "");
    assert!(finished.status.success(), "{finished:?}");
    assert_eq!((fs::read(&key).unwrap(), next.exists()), (new.clone(), false));
    // A next key that never came into use stays without effect.
    fs::write(&next, &old).unwrap();
    assert!(latchkey(server.data.path(), &["admin", "verify-audit"], "").status.success());
    assert_eq!(fs::read(&key).unwrap(), new);
    assert!(rotate(server.data.path()).status.success());
    assert_eq!(open_all(&data_options(server.data.path())).await.len(), 1);
    // And neither of them fits: refused, nothing is made.
    fs::write(&key, &old).unwrap();
    let refused = latchkey(server.data.path(), &["admin", "verify-audit"], "");
    assert!(!refused.status.success() && said(&refused).contains("does not fit"), "{refused:?}");
    assert_eq!(fs::read(&key).unwrap(), old);
}

#[tokio::test]
async fn a_key_from_the_environment_is_rotated_to_another_one_from_there() {
    let mut server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    store_general(&api, "first").await;
    server.stop().await;
    let file = server.data.path().join("master.key");
    let old = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let run = |command: &str, current: &str, next: Option<&str>| {
        let mut program = program(server.data.path());
        program.args(["admin", command]).env("LATCHKEY_MASTER_KEY", current);
        next.iter().fold(&mut program, |program, next| program.env("LATCHKEY_NEW_MASTER_KEY", next)).output().unwrap()
    };
    let refused = run("rotate-master-key", &old, None);
    assert!(!refused.status.success() && said(&refused).contains("LATCHKEY_NEW_MASTER_KEY"), "{refused:?}");
    assert!(said(&run("rotate-master-key", &old, Some("short"))).contains("LATCHKEY_NEW_MASTER_KEY is not a master key"));
    let rotated = run("rotate-master-key", &old, Some(NEW_KEY));
    assert!(rotated.status.success(), "{rotated:?}");
    assert!(!said(&run("verify-audit", &old, None)).is_empty(), "the old one no longer fits");
    assert!(run("verify-audit", NEW_KEY, None).status.success());
    assert!(run("verify-audit", &old, Some(NEW_KEY)).status.success(), "a server may be given both before");
    assert!(said(&run("rotate-master-key", &old, Some(NEW_KEY))).contains("already"));
    assert!(!file.exists() && !server.data.path().join("master.key.next").exists(), "no file is written");
    let options = DataOptions { master_key: Some(NEW_KEY.to_owned().into()), ..data_options(server.data.path()) };
    assert_eq!(open_all(&options).await["first"], "sk-first-0123456789");
}
