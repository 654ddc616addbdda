//! The commands of docs/getting-started.md, which README.md repeats.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::support::TestServer;

const DOCS: &str = include_str!("../docs/getting-started.md");
const README: &str = include_str!("../README.md");
const LATCHKEY: &str = "http://127.0.0.1:3000";

#[tokio::test]
async fn documented_commands_verify_a_key() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let section = DOCS.split_once("## Create and verify a key\n").unwrap().1;
    let commands = section.split_once("```sh\n").unwrap().1.split_once("```").unwrap().0;
    assert!(commands.contains(LATCHKEY));
    assert!(README.contains(commands));

    let folder = Path::new(env!("CARGO_BIN_EXE_latchkey")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &commands.replace(LATCHKEY, &server.url)]).env("PATH", path);
    shell.env("LATCHKEY_URL", &server.url).env("LATCHKEY_DATA", server.data.path()).env_remove("LATCHKEY_MASTER_KEY");
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&verdict["code"], &verdict["name"]), (&"VALID".into(), &"mobile-app".into()), "{verdict}");
}
