//! `latchkey keys` and `latchkey verify` against a running server.

mod errors;
mod models;
mod receipts;
mod services;

use std::{
    io::Write,
    process::{Command, Output, Stdio},
    thread,
};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{ApiClient, TestServer};

const ALL_SCOPES: &str = "keys:read,keys:write,verify";

/// The command-line client, with the URL and the key that it uses.
#[derive(Clone)]
pub struct Cli {
    pub url: String,
    pub key: String,
}

pub struct CommandResult {
    pub exit: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for CommandResult {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { exit: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl CommandResult {
    pub fn json(&self) -> Value {
        assert_eq!((self.exit, self.err.as_str()), (0, ""), "{}", self.out);
        serde_json::from_str(&self.out).unwrap()
    }
}

impl Cli {
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        command.args(arguments).env("LATCHKEY_URL", &self.url).env("LATCHKEY_API_KEY", &self.key).env_remove("COLUMNS");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> CommandResult {
        self.run_with(arguments, "").await
    }

    pub async fn run_with(&self, arguments: &[&str], input: &str) -> CommandResult {
        run(self.command(arguments), input).await
    }
}

/// Runs a command on another thread, because the server needs this one.
pub async fn run(mut command: Command, input: &str) -> CommandResult {
    let input = input.to_owned();
    let output = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that does not read its input may exit before all of it is written.
        thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        child.wait_with_output().unwrap()
    });
    output.await.unwrap().into()
}

pub async fn start() -> (TestServer, ApiClient, Cli) {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", ALL_SCOPES);
    let cli = Cli { url: server.url.clone(), key: api.key.clone() };
    (server, api, cli)
}

async fn create_key(cli: &Cli, name: &str) -> (String, String) {
    let created = cli.run(&["keys", "create", "--kind", "agent", "--name", name, "--json"]).await.json();
    (crate::support::text(&created["key"]["id"]), crate::support::text(&created["secret"]))
}

#[tokio::test]
async fn create_prints_only_the_secret_to_stdout() {
    let (_server, api, cli) = start().await;
    let created = cli.run(&["keys", "create", "--kind", "agent", "--name", "nightly build"]).await;
    assert_eq!(created.exit, 0, "{}", created.err);
    let secret = created.out.trim();
    assert!(secret.starts_with("lka_") && created.out.lines().count() == 1);
    assert!(created.err.contains("“nightly build” (key_") && !created.err.contains(secret), "{}", created.err);
    assert_eq!(api.verify(secret).await, "VALID");
}

#[tokio::test]
async fn options_cover_every_attribute_of_the_api() {
    let (_server, api, cli) = start().await;
    let arguments = [
        "keys",
        "create",
        "--kind",
        "client",
        "--name",
        "日本",
        "--days",
        "30",
        "--scope",
        "read",
        "--scope",
        "write",
        "--external-id",
        "c-1",
        "--metadata",
        r#"{"plan":"pro"}"#,
        "--rate-limit",
        "burst=100/60s",
        "--rate-limit",
        "day=5000/1d",
        "--credits",
        "500",
        "--refill",
        "daily=1000",
        "--allow-ip",
        "192.0.2.0/24",
        "--json",
    ];
    let key = cli.run(&arguments).await.json()["key"].clone();
    let id = key["id"].as_str().unwrap();
    assert_eq!(key["scopes"], json!(["read", "write"]));
    assert_eq!(
        key["rate_limits"],
        json!([{ "name": "burst", "limit": 100, "duration_ms": 60_000 }, { "name": "day", "limit": 5000, "duration_ms": 86_400_000 }])
    );
    assert_eq!(key["credits"], json!({ "remaining": 500, "refill": "daily", "amount": 1000 }));
    assert_eq!((&key["external_id"], &key["metadata"], &key["allowed_ips"]), (&json!("c-1"), &json!({ "plan": "pro" }), &json!(["192.0.2.0/24"])));
    assert_eq!(cli.run(&["keys", "get", id, "--json"]).await.json(), api.get(&format!("/keys/{id}")).await.1, "the API's own JSON");
    let shown = cli.run(&["keys", "get", id]).await.out;
    for text in ["日本", "burst=100/1m, day=5000/1d", "500 left, refilled daily to 1000", r#"{"plan":"pro"}"#, "(in 29 d)", "192.0.2.0/24"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    let arguments =
        ["keys", "edit", id, "--name", "b", "--clear", "days", "--clear", "credits", "--clear", "rate-limits", "--scope", "read", "--json"];
    let edited = cli.run(&arguments).await.json();
    assert_eq!((&edited["name"], &edited["expires_at"], &edited["credits"]), (&json!("b"), &Value::Null, &Value::Null));
    assert_eq!((&edited["rate_limits"], &edited["scopes"], &edited["external_id"]), (&json!([]), &json!(["read"]), &json!("c-1")));
}

#[tokio::test]
async fn limits_of_a_corpus_key_are_set_and_cleared() {
    let (_server, api, cli) = start().await;
    assert_eq!(api.post("/corpora", json!({ "name": "manuals" })).await.1["id"], 1);
    let limits = ["--rate-limit", "all=1000/1m", "--address-rate-limit", "each=20/60s", "--allow-origin", "https://Example.com/"];
    let key = cli.run(&[&["keys", "create", "--kind", "corpus", "--name", "search", "--corpus", "1", "--json"][..], &limits].concat()).await.json();
    let id = key["key"]["id"].as_str().unwrap();
    assert_eq!(key["key"]["address_rate_limits"], json!([{ "name": "each", "limit": 20, "duration_ms": 60_000 }]));
    assert_eq!(key["key"]["allowed_origins"], json!(["https://example.com"]));
    let shown = cli.run(&["keys", "get", id]).await.out;
    for text in ["all=1000/1m", "each=20/1m", "https://example.com"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    let edited = cli.run(&["keys", "edit", id, "--allow-origin", "http://localhost:1", "--clear", "address-rate-limits", "--json"]).await.json();
    assert_eq!((&edited["address_rate_limits"], &edited["allowed_origins"]), (&json!([]), &json!(["http://localhost:1"])));
    let cleared = cli.run(&["keys", "edit", id, "--clear", "allow-origin", "--clear", "rate-limits", "--json"]).await.json();
    assert_eq!((&cleared["allowed_origins"], &cleared["rate_limits"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn key_is_disabled_enabled_rotated_and_deleted() {
    let (_server, api, cli) = start().await;
    let (id, secret) = create_key(&cli, "a").await;
    assert_eq!(cli.run(&["keys", "disable", &id, "--json"]).await.json()["status"], "disabled");
    assert_eq!(api.verify(&secret).await, "DISABLED");
    let enabled = cli.run(&["keys", "enable", &id]).await;
    assert!(enabled.exit == 0 && enabled.out == format!("“a” ({id}) is active.\n"), "{}", enabled.out);
    let rotated = cli.run(&["keys", "rotate", &id, "--grace", "1h"]).await;
    let next = rotated.out.trim();
    assert!(next != secret && !rotated.err.contains(next));
    assert_eq!((api.verify(&secret).await.as_str(), api.verify(next).await.as_str()), ("VALID", "VALID"));
    assert!(cli.run(&["keys", "get", &id]).await.out.contains("valid until"));

    let unconfirmed = cli.run(&["keys", "delete", &id]).await;
    assert!(unconfirmed.exit == 2 && unconfirmed.err.contains("--yes"), "{}", unconfirmed.err);
    assert_eq!(api.verify(next).await, "VALID", "nothing is deleted without a confirmation");
    let (second, _) = create_key(&cli, "b").await;
    let unknown = "key_00000000000000000000000000000000";
    let deleted = cli.run(&["keys", "delete", "--yes", "--json", &id, unknown, &second]).await;
    assert_eq!(serde_json::from_str::<Value>(&deleted.out).unwrap(), json!({ "deleted": [id, second] }), "an unknown key does not stop the others");
    assert!(deleted.exit == 3 && deleted.err.contains(unknown) && deleted.err.contains("not_found"), "{}", deleted.err);
    assert_eq!(api.verify(next).await, "NOT_FOUND");
}

#[tokio::test]
async fn lists_are_filtered_and_paged_and_fit_a_terminal() {
    let (_server, api, cli) = start().await;
    for name in ["first", "second", "\u{65e5}\u{672c}"] {
        create_key(&cli, name).await;
    }
    let listed = |out: &Value| out["items"].as_array().unwrap().iter().map(|key| key["name"].clone()).collect::<Vec<_>>();
    let page = cli.run(&["keys", "list", "--kind", "agent", "--sort=-name", "--limit", "2", "--json"]).await.json();
    assert_eq!((page["total"].clone(), listed(&page).len()), (json!(3), 2));
    let next = cli.run(&["keys", "list", "--cursor", page["next_cursor"].as_str().unwrap(), "--json"]).await.json();
    assert_eq!((listed(&next).len(), &next["next_cursor"]), (1, &Value::Null));
    let all = cli.run(&["keys", "list", "--kind", "agent", "--sort=-name", "--limit", "1", "--all", "--json"]).await.json();
    assert_eq!(listed(&all), [listed(&page), listed(&next)].concat());
    assert_eq!((&all["total"], &all["next_cursor"]), (&json!(3), &Value::Null));
    assert_eq!(listed(&cli.run(&["keys", "list", "--q", "FIRST", "--status", "active", "--json"]).await.json()), ["first"]);
    assert_eq!(cli.run(&["keys", "list", "--kind", "agent", "--json"]).await.json(), api.get("/keys?kind=agent").await.1);

    let table = cli.run(&["keys", "list", "--kind", "agent", "--limit", "2"]).await;
    assert!(table.err.contains("2 of 3 keys") && table.err.contains("--cursor "), "{}", table.err);
    let lines: Vec<_> = table.out.lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("ID") && lines[1].contains("in 89 d"), "{}", table.out);
    assert!(lines.iter().all(|line| line.chars().count() <= 80) && !table.out.contains('\u{1b}'), "{}", table.out);
    let mut wide = cli.command(&["keys", "list"]);
    wide.env("COLUMNS", "160");
    assert!(run(wide, "").await.out.contains("LAST USED"));
}

#[tokio::test]
async fn keys_are_imported_individually_or_in_bulk() {
    let (server, api, cli) = start().await;
    // SHA-256 of "a", "b" and "c".
    let digests = [
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
        "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d",
        "2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6",
    ];
    let one = cli.run(&["keys", "import", "--sha256", digests[0], "--name", "one", "--scope", "read", "--json"]).await.json();
    assert_eq!((&one["key"]["name"], &one["key"]["scopes"]), (&json!("one"), &json!(["read"])));
    assert_eq!(api.verify("a").await, "VALID");

    let lines =
        |names: &[(&str, &str)]| names.iter().map(|(sha256, name)| json!({ "sha256": sha256, "name": name }).to_string() + "\n").collect::<String>();
    let again = cli.run_with(&["keys", "import", "--file", "-"], &lines(&[(digests[1], "two"), (digests[0], "one again")])).await;
    assert!(again.exit == 3 && again.err.contains("keys[1].sha256") && again.err.contains("conflict"), "{}", again.err);
    assert_eq!(api.verify("b").await, "NOT_FOUND", "all or nothing");
    let file = server.data.path().join("keys.jsonl");
    std::fs::write(&file, lines(&[(digests[1], "two"), (digests[2], "three")])).unwrap();
    let both = cli.run(&["keys", "import", "--file", file.to_str().unwrap(), "--json"]).await.json();
    assert_eq!(both["items"].as_array().unwrap().len(), 2);
    assert_eq!((api.verify("b").await.as_str(), api.verify("c").await.as_str()), ("VALID", "VALID"));
}

#[tokio::test]
async fn verify_reports_validity_in_its_exit_code() {
    let (_server, api, cli) = start().await;
    let (status, created) = api
        .post("/keys", json!({ "kind": "client", "name": "c", "scopes": ["read"], "allowed_ips": ["192.0.2.0/24"], "credits": { "remaining": 5 } }))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    let secret = created["secret"].as_str().unwrap();
    let valid = cli.run_with(&["verify", "--scope", "read", "--ip", "192.0.2.7", "--cost", "2", "--json"], &format!("{secret}\n")).await.json();
    assert_eq!((&valid["valid"], &valid["code"], &valid["name"]), (&json!(true), &json!("VALID"), &json!("c")));

    let mut by_environment = cli.command(&["verify", "--scope", "write", "--ip", "192.0.2.7"]);
    by_environment.env("LATCHKEY_KEY", secret);
    let missing_scope = run(by_environment, "").await;
    assert_eq!(missing_scope.exit, 1);
    assert!(
        missing_scope.out.contains("INSUFFICIENT_PERMISSIONS") && missing_scope.err.is_empty() && !missing_scope.out.contains(secret),
        "{}",
        missing_scope.out
    );
    for (arguments, code) in [
        (&["--cost", "9", "--ip", "192.0.2.7"][..], "USAGE_EXCEEDED"),
        (&[], "FORBIDDEN"),
        (&["--project", "prj_1", "--ip", "192.0.2.7"], "FORBIDDEN"),
        (&["--kind", "corpus", "--ip", "192.0.2.7"], "FORBIDDEN"),
    ] {
        let rejected = cli.run_with(&[&["verify"][..], arguments].concat(), secret).await;
        assert!(rejected.exit == 1 && rejected.out.contains(code), "{arguments:?}: {}", rejected.out);
    }
    let unknown = cli.run_with(&["verify", "--json"], "unknown").await;
    assert_eq!((unknown.exit, &serde_json::from_str::<Value>(&unknown.out).unwrap()["code"]), (1, &json!("NOT_FOUND")));
}
