//! The API against its own description: schemathesis calls each operation in the ways that it allows, and in many that it does not.

use std::{path::Path, process::Command};

use serde_json::json;

use crate::support::{TestServer, projects::project, text};

#[tokio::test]
async fn every_operation_does_what_its_description_says() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let project = project(&owner, "Genomes").await;
    assert_eq!(api.post("/corpora", json!({ "name": "the first" })).await.1["id"], 1);
    let own = text(&api.get("/whoami").await.1["key"]["id"]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(root.join("target/schemathesis/bin/schemathesis"));
    command.arg("--config-file").arg(root.join("tests/schemathesis.toml"));
    command.args(["run", &format!("{}/api/v1/openapi.json", server.url), "--header", &format!("x-api-key: {}", api.key)]);
    // The same calls in each run: what fails here fails everywhere.
    command.args(["--max-examples", "30", "--generation-deterministic", "--no-shrink", "--no-color"]);
    // It leaves what it noted where it runs.
    command.current_dir(server.data.path()).env("PYTHONPATH", root.join("tests")).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("SCHEMATHESIS_HOOKS", "schemathesis_hooks").env("OWN_KEY_ID", own).env("PROJECT_ID", project);
    let output = tokio::task::spawn_blocking(move || command.output().expect("it is installed: `cargo xtask setup` does it")).await.unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("Stateful") && !told.contains("Errored"), "{told}");
}
