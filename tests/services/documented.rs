//! The commands of docs/services.md.

use std::{path::Path, process::Command};

use crate::support::{
    TestServer,
    services::allow_loopback,
    upstream::{Script, Upstream},
};

const DOCS: &str = include_str!("../../docs/services.md");
const LATCHKEY: &str = "http://127.0.0.1:3000";
const API: &str = "https://api.github.com";

#[tokio::test]
async fn documented_commands_call_a_service() {
    let (server, upstream) = (TestServer::start_with(allow_loopback).await, Upstream::start().await);
    server.user("owner", "acme").await;
    upstream.respond(Script::response(200, &[], r#"{"full_name":"rust-lang/rust"}"#));
    let commands = DOCS.split_once("```sh\n").unwrap().1.split_once("```").unwrap().0;
    assert!(commands.contains(LATCHKEY) && commands.contains(API));

    let folder = Path::new(env!("CARGO_BIN_EXE_latchkey")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &commands.replace(LATCHKEY, &server.url).replace(API, &upstream.url)]).env("PATH", path);
    shell.env("LATCHKEY_URL", &server.url).env("LATCHKEY_DATA", server.data.path()).env_remove("LATCHKEY_MASTER_KEY");
    shell.env("GITHUB_TOKEN", "ghp_0123456789");
    // On another thread, because the upstream needs this one.
    let output = tokio::task::spawn_blocking(move || shell.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.ends_with(br#"{"full_name":"rust-lang/rust"}"#), "{output:?}");
    let request = upstream.last_request();
    assert_eq!((request.target(), request.header("authorization")), ("/repos/rust-lang/rust", Some("Bearer ghp_0123456789")));
}
