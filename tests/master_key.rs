//! Rotation of the master key, including interrupted rotations.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use latchkey_core::{
    credentials::{NewGeneralKey, create_general},
    public_url::PublicUrl,
};
use latchkey_program::{
    config::{DataOptions, OutgoingOptions},
    data_dir::Data,
};
use latchkey_test_db::is_skipped_on_postgresql;
use reqwest::StatusCode;
use serde_json::json;
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};

use crate::support::{
    ApiClient, PASSWORD, TestServer, credentials::decrypt_all, data_options, files_below, latchkey, program, projects::create_project, text,
};

const NEW_KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn rotate(mut program: Command) -> Output {
    program.args(["admin", "rotate-master-key"]).output().unwrap()
}

pub async fn store_general(api: &ApiClient, name: &str) -> String {
    let (status, created) = api.post("/credentials", json!({ "kind": "general", "name": name, "value": format!("sk-{name}-0123456789") })).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    text(&created["credential"]["id"])
}

async fn is_readable(api: &ApiClient, id: &str) -> bool {
    api.get(&format!("/credentials/{id}")).await.1["readable"] == true
}

#[tokio::test]
async fn running_server_keeps_working_during_rotation() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let first = store_general(&api, "first").await;
    let project = create_project(&owner, "Reads").await;
    let (status, created) = owner.call("projects/create-secret", json!({ "id": project, "name": "token", "value": "kept through rotation" })).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    let key_file = server.data.path().join("master.key");
    for round in 0..3 {
        let before = fs::read(&key_file).unwrap();
        let rotated = server.latchkey(&["admin", "rotate-master-key"], "");
        assert!(rotated.status.success(), "{rotated:?}");
        assert_ne!(fs::read(&key_file).unwrap(), before);
        assert_eq!(fs::metadata(&key_file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!server.data.path().join("master.key.next").exists());
        // Alternates whether the first access after a rotation writes or reads.
        if round % 2 == 0 {
            store_general(&api, &format!("after-{round}")).await;
        }
        assert!(is_readable(&api, &first).await);
        let (_, secret) = api.get(&format!("/projects/{project}/secrets/token")).await;
        assert_eq!(secret["value"], "kept through rotation");
        assert_eq!(api.get("/credentials?kind=general").await.0, StatusCode::OK, "credentials can still be listed");
    }
    let secrets = decrypt_all(&server.data_options()).await;
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
async fn secrets_stored_during_rotation_can_be_decrypted() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (mut stored, writer) = store_continuously(&api, "during");
    for round in 0..6 {
        let (program, seen) = (server.program(), *stored.borrow());
        let rotated = tokio::task::spawn_blocking(move || rotate(program)).await.unwrap();
        assert!(rotated.status.success(), "{round}: {rotated:?}");
        stored.wait_for(|now| *now > seen + 2).await.unwrap();
    }
    writer.abort();
    let secrets = decrypt_all(&server.data_options()).await;
    assert!(secrets.len() >= *stored.borrow(), "every acknowledged secret is stored");
    assert!(secrets.iter().all(|(name, secret)| *secret == format!("sk-{name}-0123456789")));
}

/// Stores general keys until the task is aborted. The receiver holds how many are stored.
pub fn store_continuously(api: &ApiClient, prefix: &'static str) -> (watch::Receiver<usize>, JoinHandle<()>) {
    let (api, (sender, stored)) = (api.clone(), watch::channel(0));
    let writer = tokio::spawn(async move {
        for number in 0.. {
            store_general(&api, &format!("{prefix}-{number}")).await;
            let _ = sender.send(number + 1);
        }
    });
    (stored, writer)
}

#[tokio::test]
async fn undecryptable_secrets_are_skipped_and_reported() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let (intact, broken) = (store_general(&api, "whole").await, store_general(&api, "broken").await);
    sqlx::query("update sealed_secrets set wrapped_key = substr(wrapped_key, 2) where credential_id = $1")
        .bind(&broken)
        .execute(&server.database().await)
        .await
        .unwrap();
    let rotated = server.latchkey(&["admin", "rotate-master-key"], "");
    let stdout = String::from_utf8(rotated.stdout).unwrap();
    assert!(rotated.status.success() && stdout.contains("1 stored secret") && stdout.contains("1 could not be decrypted before"), "{stdout}");
    assert!(is_readable(&api, &intact).await && !is_readable(&api, &broken).await);
}

#[tokio::test]
async fn project_secret_decrypts_only_in_its_own_row() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let project = create_project(&owner, "Reads").await;
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
        let (status, error) = read(name).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{error}");
    }
    let rotated = server.latchkey(&["admin", "rotate-master-key"], "");
    let stdout = String::from_utf8(rotated.stdout).unwrap();
    assert!(rotated.status.success() && stdout.contains("1 stored secret") && stdout.contains("2 could not be decrypted before"), "{stdout}");
    assert_eq!(read("one").await.1["value"], "value of one");
}

#[tokio::test]
async fn rotation_killed_at_any_moment_loses_no_data() {
    const SECRETS: usize = 1000;
    /// Moments of a rotation at which it is killed, up to a little after its usual duration.
    const MOMENTS: u32 = 40;
    const MAX_ROUNDS: u32 = 10 * MOMENTS;
    if is_skipped_on_postgresql("its data is on SQLite in any case") {
        return;
    }
    let data = TempDir::new().unwrap();
    let created = latchkey(
        data.path(),
        &["admin", "create-user", "--email", "a@b", "--name", "A", "--role", "owner", "--organization", "Acme", "--password-stdin"],
        PASSWORD,
    );
    assert!(created.status.success(), "{created:?}");
    store_many(data.path(), SECRETS).await;
    let (mut full_duration, mut round, mut killed, mut left_behind) = (Duration::ZERO, 0, 0, 0);
    // At least once through all moments. How many rotations a kill interrupts depends on the load, so this is repeated until they suffice.
    while round < MOMENTS || killed < 10 || left_behind < 3 {
        assert!(round < MAX_ROUNDS, "killed {killed} times, {left_behind} times with the next key written");
        if round % MOMENTS == 0 {
            full_duration = measure_rotation(data.path());
        }
        let mut rotating = program(data.path()).args(["admin", "rotate-master-key"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Real time: any moment of the rotation.
        tokio::time::sleep(full_duration * (round % MOMENTS) / 36).await;
        let _ = rotating.kill();
        killed += u32::from(!rotating.wait().unwrap().success());
        left_behind += u32::from(data.path().join("master.key.next").exists());
        if round % 8 == 7 {
            assert_eq!(decrypt_all(&data_options(data.path())).await.len(), SECRETS, "round {round}");
        }
        round += 1;
    }
    assert!(rotate(program(data.path())).status.success());
    let secrets = decrypt_all(&data_options(data.path())).await;
    assert!(secrets.len() == SECRETS && secrets.iter().all(|(name, secret)| *secret == format!("value of {name}").replace(' ', "-")));
    assert!(latchkey(data.path(), &["admin", "verify-audit"], "").status.success());
}

/// The duration of an uninterrupted rotation.
fn measure_rotation(data: &Path) -> Duration {
    let started = std::time::Instant::now();
    assert!(rotate(program(data)).status.success());
    started.elapsed()
}

async fn store_many(folder: &Path, count: usize) {
    let data = Data::open_for_admin(&data_options(folder)).await.unwrap();
    let url = PublicUrl::new(None, ([127, 0, 0, 1], 1).into()).unwrap();
    let state = data.core(url, OutgoingOptions::default()).unwrap();
    let owner = latchkey_store::users::first_owner(&state.store).await.unwrap().unwrap();
    let console = latchkey_core::accounts::console_actor(&owner);
    for number in 0..count {
        let name = format!("key {number}");
        let value = format!("value of {name}").replace(' ', "-");
        create_general(&state, &console, NewGeneralKey { name, value: latchkey_types::secret::TypedSecret::new(value) }).await.unwrap();
    }
    data.store.close().await;
}

#[tokio::test]
async fn interrupted_rotation_is_finished_on_the_next_start() {
    let mut server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    store_general(&api, "first").await;
    server.stop().await;
    let (key, next) = (server.data.path().join("master.key"), server.data.path().join("master.key.next"));
    let old = fs::read(&key).unwrap();
    assert!(rotate(server.program()).status.success());
    let new = fs::read(&key).unwrap();
    // The state after the database is changed and before the key file is replaced.
    fs::rename(&key, &next).unwrap();
    fs::write(&key, &old).unwrap();
    let finished = server.latchkey(&["admin", "verify-audit"], "");
    assert!(finished.status.success(), "{finished:?}");
    assert_eq!((fs::read(&key).unwrap(), next.exists()), (new.clone(), false));
    // A next key that was never used has no effect.
    fs::write(&next, &old).unwrap();
    assert!(server.latchkey(&["admin", "verify-audit"], "").status.success());
    assert_eq!(fs::read(&key).unwrap(), new);
    assert!(rotate(server.program()).status.success());
    assert_eq!(decrypt_all(&server.data_options()).await.len(), 1);
    // If neither key matches, the start is refused and nothing is created.
    fs::write(&key, &old).unwrap();
    let refused = server.latchkey(&["admin", "verify-audit"], "");
    assert!(!refused.status.success() && stderr(&refused).contains("does not fit"), "{refused:?}");
    assert_eq!(fs::read(&key).unwrap(), old);
}

#[tokio::test]
async fn environment_key_is_rotated_to_a_new_environment_key() {
    let mut server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    store_general(&api, "first").await;
    server.stop().await;
    let file = server.data.path().join("master.key");
    let old = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let run = |command: &str, current: &str, next: Option<&str>| {
        let mut program = server.program();
        program.args(["admin", command]).env("LATCHKEY_MASTER_KEY", current);
        next.iter().fold(&mut program, |program, next| program.env("LATCHKEY_NEW_MASTER_KEY", next)).output().unwrap()
    };
    let refused = run("rotate-master-key", &old, None);
    assert!(!refused.status.success() && stderr(&refused).contains("LATCHKEY_NEW_MASTER_KEY"), "{refused:?}");
    assert!(stderr(&run("rotate-master-key", &old, Some("short"))).contains("LATCHKEY_NEW_MASTER_KEY is not a master key"));
    let rotated = run("rotate-master-key", &old, Some(NEW_KEY));
    assert!(rotated.status.success(), "{rotated:?}");
    assert!(!stderr(&run("verify-audit", &old, None)).is_empty(), "the old key no longer matches");
    assert!(run("verify-audit", NEW_KEY, None).status.success());
    assert!(run("verify-audit", &old, Some(NEW_KEY)).status.success(), "both keys may be set, also before a rotation");
    assert!(stderr(&run("rotate-master-key", &old, Some(NEW_KEY))).contains("already"));
    assert!(!file.exists() && !server.data.path().join("master.key.next").exists(), "no file is written");
    let options = DataOptions { master_key: Some(NEW_KEY.to_owned().into()), ..server.data_options() };
    assert_eq!(decrypt_all(&options).await["first"], "sk-first-0123456789");
}

/// Whether a file of the data folder contains these bytes.
fn is_on_disk(folder: &Path, bytes: &[u8]) -> bool {
    files_below(folder).iter().any(|file| fs::read(file).unwrap().windows(bytes.len()).any(|part| part == bytes))
}

#[tokio::test]
async fn nothing_that_the_old_master_key_unwraps_stays_on_disk() {
    if is_skipped_on_postgresql("it reads the files of SQLite") {
        return;
    }
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    store_general(&api, "first").await;
    let wrapped: Vec<u8> = sqlx::query_scalar("select wrapped_key from sealed_secrets").fetch_one(&server.database().await).await.unwrap();
    assert!(is_on_disk(server.data.path(), &wrapped));
    let rotated = server.latchkey(&["admin", "rotate-master-key"], "");
    assert!(rotated.status.success() && !String::from_utf8_lossy(&rotated.stdout).contains("write-ahead"), "{rotated:?}");
    assert!(!is_on_disk(server.data.path(), &wrapped));
}

#[tokio::test]
async fn deleted_secrets_do_not_stay_in_the_database_file() {
    if is_skipped_on_postgresql("it reads the files of SQLite") {
        return;
    }
    let mut server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let id = store_general(&api, "first").await;
    let database = server.database().await;
    let sealed: Vec<u8> = sqlx::query_scalar("select ciphertext from sealed_secrets").fetch_one(&database).await.unwrap();
    sqlx::query("pragma wal_checkpoint(truncate)").execute(&database).await.unwrap();
    assert!(is_on_disk(server.data.path(), &sealed));
    assert_eq!(api.call(reqwest::Method::DELETE, &format!("/credentials/{id}"), None).await.0, StatusCode::NO_CONTENT);
    database.close().await;
    // The write-ahead log is copied into the file and removed.
    server.stop().await;
    // The first bytes of free space are overwritten in any case.
    assert!(!is_on_disk(server.data.path(), &sealed[8..]));
}
