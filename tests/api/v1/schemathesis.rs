//! Compares the API with its OpenAPI document: schemathesis sends valid and invalid requests for each operation.

use std::process::Command;

use serde_json::json;

use crate::support::{TestServer, projects::create_project, text};

#[tokio::test]
async fn every_operation_conforms_to_its_description() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let project = create_project(&owner, "Genomes").await;
    assert_eq!(api.post("/corpora", json!({ "name": "the first" })).await.1["id"], 1);
    let own_key = text(&api.get("/whoami").await.1["key"]["id"]);
    let root = crate::support::repository();
    let mut command = Command::new(root.join("target/schemathesis/bin/schemathesis"));
    command.arg("--config-file").arg(root.join("tests/schemathesis.toml"));
    command.args(["run", &format!("{}/api/v1/openapi.json", server.url), "--header", &format!("x-api-key: {}", api.key)]);
    // Deterministic requests, so that failures can be reproduced.
    command.args(["--max-examples", "30", "--generation-deterministic", "--no-shrink", "--no-color"]);
    // schemathesis writes its files to the current folder.
    command.current_dir(server.data.path()).env("PYTHONPATH", root.join("tests")).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("SCHEMATHESIS_HOOKS", "schemathesis_hooks").env("OWN_KEY_ID", own_key).env("PROJECT_ID", project);
    let output =
        tokio::task::spawn_blocking(move || command.output().expect("schemathesis is not installed: run `cargo xtask setup`")).await.unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}{}", String::from_utf8_lossy(&output.stderr));
    assert!(report.contains("Stateful") && !report.contains("Errored"), "{report}");
}
