//! Errors: their exit code and one-line message, without secrets.

use std::time::Duration;

use super::{Cli, create_key, run, start};
use crate::support::services::{MockResponse, MockService, RecordedRequest};

const SECRET: &str = "lki_not_a_key_but_a_secret_all_the_same";

fn is_one_line_error(err: &str) -> bool {
    err.starts_with("latchkey: ") && err.lines().count() == 1 && !err.contains(SECRET)
}

#[tokio::test]
async fn server_errors_are_passed_through() {
    let (server, _api, cli) = start().await;
    let (id, _) = create_key(&cli, "taken").await;
    let reader = Cli { key: server.api("owner@acme.test", "keys:read").key, ..cli.clone() };
    let invalid_key = Cli { key: SECRET.to_owned(), ..cli.clone() };
    let unknown = "key_00000000000000000000000000000000";
    for (cli, arguments, expected) in [
        (&invalid_key, &["keys", "list"][..], "invalid_api_key"),
        (&reader, &["keys", "disable", &id], "insufficient_scope"),
        (&cli, &["keys", "get", unknown], "not_found"),
        (&cli, &["keys", "create", "--kind", "agent", "--name", "TAKEN"], "name: "),
        (&cli, &["keys", "create", "--kind", "external", "--name", "a"], "kind: "),
        (&cli, &["keys", "create", "--kind", "internal", "--name", "a", "--days", "5", "--credits", "5"], "invalid"),
        (&cli, &["keys", "create", "--kind", "client", "--name", "a", "--allow-ip", "everywhere"], "allowed_ips"),
        (&cli, &["keys", "edit", &id, "--days", "5"], "invalid"),
        (&cli, &["keys", "list", "--status", "tired"], "status: "),
        (&cli, &["keys", "rotate", &id, "--grace", "30d"], "grace_seconds"),
    ] {
        let rejected = cli.run(arguments).await;
        assert!(rejected.exit == 3 && rejected.out.is_empty(), "{arguments:?}: {} {}", rejected.exit, rejected.out);
        assert!(
            is_one_line_error(&rejected.err) && rejected.err.contains(expected) && rejected.err.contains(", req_"),
            "{arguments:?}: {}",
            rejected.err
        );
    }
    let as_json = cli.run(&["keys", "get", unknown, "--json"]).await;
    assert!(as_json.exit == 3 && as_json.out.is_empty(), "an error is not printed as JSON");
}

#[tokio::test]
async fn invalid_usage_is_reported_before_any_request() {
    let mock = MockService::start().await;
    let cli = Cli { url: mock.url.clone(), key: SECRET.to_owned() };
    let id = "key_00000000000000000000000000000000";
    for (arguments, input) in [
        (&["keys", "get", SECRET][..], ""),
        (&["keys", "delete", "--yes", id, SECRET], ""),
        (&["keys", "get", "../corpora"], ""),
        (&["keys", "edit", id], ""),
        (&["keys", "edit", id, "--days", "5", "--clear", "days"], ""),
        (&["keys", "rotate", id, "--grace", "1500ms"], ""),
        (&["keys", "import", "--file", "-"], SECRET),
        (&["keys", "import", "--file", "/nowhere/keys.jsonl"], ""),
        (&["keys", "import", "--file", "-", "--api-key-file", "-"], ""),
        (&["verify"], ""),
        (&["verify", SECRET], ""),
        (&["verify", "--api-key-file", "-"], SECRET),
        (&["keys", "list", "--api-key-file", "/nowhere/key"], ""),
        (&["keys", "list", "--url", "http://192.0.2.1:3000"], ""),
        (&["keys", "list", "--url", "ftp://127.0.0.1"], ""),
        (&["keys", "list", "--url", "nonsense"], ""),
        (&["keys", "list", "--url", "http://ada:lki_not_a_key_but_a_secret_all_the_same@127.0.0.1"], ""),
    ] {
        let rejected = cli.run_with(arguments, input).await;
        assert!(
            rejected.exit == 2 && rejected.out.is_empty() && is_one_line_error(&rejected.err),
            "{arguments:?}: {} {}",
            rejected.exit,
            rejected.err
        );
    }
    let mut without_key = cli.command(&["keys", "list"]);
    without_key.env_remove("LATCHKEY_API_KEY");
    let rejected = run(without_key, "").await;
    assert!(rejected.exit == 2 && rejected.err.contains("LATCHKEY_API_KEY"), "{}", rejected.err);
    for arguments in [
        &["keys", "create", "--kind", "client"][..],
        &["keys", "list", "--api-key=lki_not_a_key_but_a_secret_all_the_same"],
        &["keys", "create", "--kind", "client", "--name", "a", "--rate-limit", "burst"],
        &["keys", "list", "--all", "--cursor", "a"],
    ] {
        let rejected = cli.run(arguments).await;
        assert!(rejected.exit == 2 && !rejected.err.contains(SECRET), "{arguments:?}: {}", rejected.err);
    }
    assert!(mock.take_requests().is_empty(), "no request is sent");
}

#[tokio::test]
async fn unreachable_servers_and_rejections_differ_in_exit_code() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = Cli { url: format!("http://{gone}"), key: SECRET.to_owned() };
    let rejected = unreachable.run(&["keys", "list"]).await;
    assert!(rejected.exit == 4 && is_one_line_error(&rejected.err) && rejected.err.contains("can't be reached"), "{}", rejected.err);

    let mock = MockService::start().await;
    let cli = Cli { url: mock.url.clone(), key: SECRET.to_owned() };
    let redirect = MockResponse { location: Some("http://127.0.0.1:1/".to_owned()), ..MockResponse::new(307, "") };
    for (response, exit, expected) in [
        (MockResponse::new(503, r#"{"code":"unavailable","detail":"The database is lost.","request_id":"req_1"}"#), 4, "(unavailable, req_1)"),
        (MockResponse::new(502, "<html>"), 4, "502"),
        (MockResponse::new(200, "<html>"), 4, "not Latchkey"),
        (redirect, 4, "redirects"),
        (MockResponse::new(404, "<html>"), 3, "404"),
        (MockResponse::new(400, r#"{"code":"a","detail":"\u001b[2Jgone"}"#), 3, "\u{FFFD}[2Jgone"),
    ] {
        mock.respond_with(response);
        let rejected = cli.run(&["keys", "list"]).await;
        assert!(
            rejected.exit == exit && is_one_line_error(&rejected.err) && rejected.err.contains(expected),
            "{expected}: {} {}",
            rejected.exit,
            rejected.err
        );
        assert_eq!(mock.take_requests().len(), 1, "one request, and no redirect is followed");
    }
}

#[tokio::test]
async fn secrets_do_not_appear_in_process_arguments() {
    let mock = MockService::start().await;
    mock.respond_with(MockResponse { delay: Duration::from_secs(2), ..MockResponse::new(200, r#"{"valid":true}"#) });
    let cli = Cli { url: mock.url.clone(), key: SECRET.to_owned() };
    let mut command = cli.command(&["verify", "--json"]);
    let child = command.env("LATCHKEY_KEY", "lka_another_secret").spawn().unwrap();
    let path = format!("/proc/{}/cmdline", child.id());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let is_expected =
        |call: &RecordedRequest| call.body.contains("lka_another_secret") && call.headers["x-api-key"] == SECRET && !call.request_line.contains("lk");
    crate::support::eventually("the request arrives", async || mock.take_requests().iter().any(is_expected)).await;
    // The process is now waiting for its response.
    let arguments = std::fs::read_to_string(&path).unwrap();
    assert!(arguments.ends_with("verify\0--json\0") && !arguments.contains("lk"), "{arguments:?}");
    assert!(output.await.unwrap().status.success());
}

#[tokio::test]
async fn closed_stdout_is_not_an_error() {
    let (_server, _api, cli) = start().await;
    for arguments in [&["keys", "list"][..], &["keys", "list", "--json"], &["completion", "bash"]] {
        let mut command = cli.command(arguments);
        let output = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            drop(child.stdout.take());
            child.wait_with_output().unwrap()
        });
        let output = super::CommandResult::from(output.await.unwrap());
        assert_eq!((output.exit, output.err.as_str()), (0, ""), "{arguments:?}");
    }
}

#[tokio::test]
async fn completions_and_help_cover_commands_and_exit_codes() {
    let cli = Cli { url: String::new(), key: String::new() };
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let response = cli.run(&["completion", shell]).await;
        assert!(response.exit == 0 && response.out.contains("rotate") && response.err.is_empty(), "{shell}: {}", response.err);
    }
    for arguments in [&["keys", "--help"][..], &["keys", "create", "--help"], &["verify", "--help"]] {
        let help = cli.run(arguments).await.out;
        assert!(arguments[0] != "verify" || help.contains("LATCHKEY_KEY"), "{help}");
        assert!(help.contains("Exit codes:") && help.contains("LATCHKEY_API_KEY"), "{help}");
    }
}
