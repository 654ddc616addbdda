//! Restore drill: a backup that was taken under load is restored in another folder and used.

use std::{collections::HashMap, fs, path::Path, time::Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    installation::{Clients, Installation},
    report::{figure, scaled},
    workload::{Workload, assert_verdicts},
};
use crate::support::{credentials::decrypt_all, data_options, projects::create_project, text};

/// Objects that exist before the backup and do not change during it.
struct Stored {
    project: String,
    /// Secret, verdict code and description of each key.
    keys: Vec<(String, &'static str, &'static str)>,
    /// General credentials and project secrets, by name.
    secrets: HashMap<String, String>,
}

#[tokio::test]
async fn backup_taken_under_load_is_restored_completely() {
    let (folder, restored_folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let installation = Installation::create(folder.path(), None);
    let running = installation.serve();
    let clients = installation.clients(&running).await;
    let stored = Stored::create(&clients, scaled(20, 1000)).await;
    let load = Workload::create(&clients, 4).await.start(&clients);
    let file = folder.path().join("copy.db");
    let started = Instant::now();
    backup(&installation, &file).await;
    let backup_took = started.elapsed();
    load.end(|| drop(running)).await;

    let started = Instant::now();
    fs::copy(&file, restored_folder.path().join("latchkey.db")).unwrap();
    fs::copy(folder.path().join("master.key"), restored_folder.path().join("master.key")).unwrap();
    let restored = Installation::existing(restored_folder.path());
    restored.admin(&["verify-audit"], "");
    assert_eq!(decrypt_all(&data_options(&restored.folder)).await, stored.credentials(), "every stored credential can be decrypted");
    let running = restored.serve();
    let clients = clients.of(&running);
    stored.check(&clients).await;
    let restore_took = started.elapsed();
    // The restored server also continues: it writes, and the audit log stays whole.
    let created = clients.api.post("/keys", json!({ "kind": "client", "name": "after the restore" })).await.1;
    assert_eq!(clients.api.verify(&text(&created["secret"])).await, "VALID");
    restored.admin(&["verify-audit"], "");
    figure(
        "restore",
        format_args!(
            "backup under load in {} ms; restored, decrypted and checked in {} ms: {} keys with their verdicts, {} secrets, the audit log whole",
            backup_took.as_millis(),
            restore_took.as_millis(),
            stored.keys.len(),
            stored.secrets.len()
        ),
    );
}

/// Runs beside the load, which needs this thread.
async fn backup(installation: &Installation, file: &Path) {
    let (source, file) = (Installation::existing(&installation.folder), file.to_str().unwrap().to_owned());
    tokio::task::spawn_blocking(move || source.admin(&["backup", &file], "")).await.unwrap();
}

impl Stored {
    async fn create(clients: &Clients, count: usize) -> Self {
        let project = create_project(&clients.owner, "Restored").await;
        let (mut keys, mut secrets) = (Vec::new(), HashMap::new());
        for number in 0..count {
            keys.push(create_key(clients, number).await);
            let (name, value) = (format!("credential_{number}"), format!("sk-credential-{number}-0123456789"));
            let (status, created) = clients.api.post("/credentials", json!({ "kind": "general", "name": name, "value": value })).await;
            assert_eq!(status, StatusCode::CREATED, "{created}");
            secrets.insert(name, value);
            let (name, value) = (format!("secret_{number}"), format!("value of {number}"));
            let secret = json!({ "id": project, "name": name, "value": value });
            let (status, created) = clients.owner.call("projects/create-secret", secret).await;
            assert_eq!(status, StatusCode::OK, "{created}");
            secrets.insert(name, value);
        }
        Self { project, keys, secrets }
    }

    /// The general credentials.
    fn credentials(&self) -> HashMap<String, String> {
        self.secrets.clone().into_iter().filter(|(name, _)| name.starts_with("credential")).collect()
    }

    async fn check(&self, clients: &Clients) {
        assert_verdicts(&clients.api, self.keys.clone()).await;
        for (name, value) in self.secrets.iter().filter(|(name, _)| name.starts_with("secret")) {
            let (status, secret) = clients.api.get(&format!("/projects/{}/secrets/{name}", self.project)).await;
            assert_eq!((status, &secret["value"]), (StatusCode::OK, &json!(value)), "{name}");
        }
    }
}

/// Creates a key; some are then disabled, deleted or rotated.
async fn create_key(clients: &Clients, number: usize) -> (String, &'static str, &'static str) {
    let name = format!("restored key {number}");
    let (status, created) = clients.api.post("/keys", json!({ "kind": "client", "name": name })).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    let (path, secret) = (format!("/keys/{}", text(&created["key"]["id"])), text(&created["secret"]));
    let change = async |method: Method, path: &str, body: Option<Value>| {
        let (status, problem) = clients.api.call(method, path, body).await;
        assert!(status.is_success(), "{problem}");
    };
    match number % 4 {
        0 => (secret, "VALID", "an unchanged key"),
        1 => {
            change(Method::POST, &format!("{path}/disable"), Some(json!({}))).await;
            (secret, "DISABLED", "a disabled key")
        }
        2 => {
            change(Method::DELETE, &path, None).await;
            (secret, "NOT_FOUND", "a deleted key")
        }
        _ => {
            change(Method::POST, &format!("{path}/rotate"), Some(json!({ "grace_seconds": 0 }))).await;
            (secret, "NOT_FOUND", "a replaced secret")
        }
    }
}
