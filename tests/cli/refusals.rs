//! What can't be done: each with its exit code and one sentence, and never with a secret.

use std::time::Duration;

use super::{Cli, made, run, start};
use crate::support::services::{Neighbour, Script, Seen};

const SECRET: &str = "lkp_not_a_key_but_a_secret_all_the_same";

/// One sentence, whatever went wrong.
fn is_sentence(err: &str) -> bool {
    err.starts_with("latchkey: ") && err.lines().count() == 1 && !err.contains(SECRET)
}

#[tokio::test]
async fn what_the_server_refuses_is_told_in_its_own_words() {
    let (server, _api, cli) = start().await;
    let (id, _) = made(&cli, "taken").await;
    let reader = Cli { key: server.api("owner@acme.test", "keys:read").key, ..cli.clone() };
    let stranger = Cli { key: SECRET.to_owned(), ..cli.clone() };
    let unknown = "key_00000000000000000000000000000000";
    for (cli, arguments, says) in [
        (&stranger, &["keys", "list"][..], "invalid_api_key"),
        (&reader, &["keys", "disable", &id], "insufficient_scope"),
        (&cli, &["keys", "get", unknown], "not_found"),
        (&cli, &["keys", "create", "--kind", "agent", "--name", "TAKEN"], "name: "),
        (&cli, &["keys", "create", "--kind", "storage", "--name", "a"], "kind: "),
        (&cli, &["keys", "create", "--kind", "agent", "--name", "a", "--credits", "5"], "invalid"),
        (&cli, &["keys", "create", "--kind", "client", "--name", "a", "--allow-ip", "everywhere"], "allowed_ips"),
        (&cli, &["keys", "edit", &id, "--days", "5"], "invalid"),
        (&cli, &["keys", "list", "--status", "tired"], "status: "),
        (&cli, &["keys", "rotate", &id, "--grace", "30d"], "grace_seconds"),
    ] {
        let refused = cli.run(arguments).await;
        assert!(refused.exit == 3 && refused.out.is_empty(), "{arguments:?}: {} {}", refused.exit, refused.out);
        assert!(is_sentence(&refused.err) && refused.err.contains(says) && refused.err.contains(", req_"), "{arguments:?}: {}", refused.err);
    }
    let as_json = cli.run(&["keys", "get", unknown, "--json"]).await;
    assert!(as_json.exit == 3 && as_json.out.is_empty(), "a refusal is no document");
}

#[tokio::test]
async fn what_cant_be_asked_is_said_before_anything_is_asked() {
    let neighbour = Neighbour::start().await;
    let cli = Cli { url: neighbour.url.clone(), key: SECRET.to_owned() };
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
        (&["keys", "list", "--url", "http://ada:lkp_not_a_key_but_a_secret_all_the_same@127.0.0.1"], ""),
    ] {
        let refused = cli.run_with(arguments, input).await;
        assert!(refused.exit == 2 && refused.out.is_empty() && is_sentence(&refused.err), "{arguments:?}: {} {}", refused.exit, refused.err);
    }
    let mut without_key = cli.command(&["keys", "list"]);
    without_key.env_remove("LATCHKEY_API_KEY");
    let refused = run(without_key, "").await;
    assert!(refused.exit == 2 && refused.err.contains("LATCHKEY_API_KEY"), "{}", refused.err);
    for arguments in [
        &["keys", "create", "--kind", "client"][..],
        &["keys", "list", "--api-key=lkp_not_a_key_but_a_secret_all_the_same"],
        &["keys", "create", "--kind", "client", "--name", "a", "--rate-limit", "burst"],
        &["keys", "list", "--all", "--cursor", "a"],
    ] {
        let refused = cli.run(arguments).await;
        assert!(refused.exit == 2 && !refused.err.contains(SECRET), "{arguments:?}: {}", refused.err);
    }
    assert!(neighbour.seen().is_empty(), "nobody was called");
}

#[tokio::test]
async fn who_does_not_answer_or_is_no_latchkey_is_told_from_who_refuses() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = Cli { url: format!("http://{gone}"), key: SECRET.to_owned() };
    let refused = away.run(&["keys", "list"]).await;
    assert!(refused.exit == 4 && is_sentence(&refused.err) && refused.err.contains("can't be reached"), "{}", refused.err);

    let neighbour = Neighbour::start().await;
    let cli = Cli { url: neighbour.url.clone(), key: SECRET.to_owned() };
    let redirect = Script { location: Some("http://127.0.0.1:1/".to_owned()), ..Script::new(307, "") };
    for (script, exit, says) in [
        (Script::new(503, r#"{"code":"unavailable","detail":"The database is lost.","request_id":"req_1"}"#), 4, "(unavailable, req_1)"),
        (Script::new(502, "<html>"), 4, "502"),
        (Script::new(200, "<html>"), 4, "not Latchkey"),
        (redirect, 4, "redirects"),
        (Script::new(404, "<html>"), 3, "404"),
        (Script::new(400, r#"{"code":"a","detail":"\u001b[2Jgone"}"#), 3, "\u{FFFD}[2Jgone"),
    ] {
        neighbour.answers(script);
        let refused = cli.run(&["keys", "list"]).await;
        assert!(refused.exit == exit && is_sentence(&refused.err) && refused.err.contains(says), "{says}: {} {}", refused.exit, refused.err);
        assert_eq!(neighbour.seen().len(), 1, "it is asked once and follows nobody");
    }
}

#[tokio::test]
async fn no_secret_stands_among_the_arguments_that_everybody_sees() {
    let neighbour = Neighbour::start().await;
    neighbour.answers(Script { delay: Duration::from_secs(2), ..Script::new(200, r#"{"valid":true}"#) });
    let cli = Cli { url: neighbour.url.clone(), key: SECRET.to_owned() };
    let mut command = cli.command(&["verify", "--json"]);
    let child = command.env("LATCHKEY_KEY", "lka_another_secret").spawn().unwrap();
    let seen = format!("/proc/{}/cmdline", child.id());
    let answered = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let is_it = |call: &Seen| call.body.contains("lka_another_secret") && call.headers["x-api-key"] == SECRET && !call.line.contains("lk");
    crate::support::eventually(Duration::from_secs(20), "the call came", async || neighbour.seen().iter().any(is_it)).await;
    // It waits for its answer now.
    let arguments = std::fs::read_to_string(&seen).unwrap();
    assert!(arguments.ends_with("verify\0--json\0") && !arguments.contains("lk"), "{arguments:?}");
    assert!(answered.await.unwrap().status.success());
}

#[tokio::test]
async fn a_reader_that_has_gone_is_no_failure() {
    let (_server, _api, cli) = start().await;
    for arguments in [&["keys", "list"][..], &["keys", "list", "--json"], &["completion", "bash"]] {
        let mut command = cli.command(arguments);
        let ended = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            drop(child.stdout.take());
            child.wait_with_output().unwrap()
        });
        let ended = super::Done::from(ended.await.unwrap());
        assert_eq!((ended.exit, ended.err.as_str()), (0, ""), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_shell_learns_the_commands_and_help_tells_the_exit_codes() {
    let cli = Cli { url: String::new(), key: String::new() };
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = cli.run(&["completion", shell]).await;
        assert!(script.exit == 0 && script.out.contains("rotate") && script.err.is_empty(), "{shell}: {}", script.err);
    }
    for arguments in [&["keys", "--help"][..], &["keys", "create", "--help"], &["verify", "--help"]] {
        let help = cli.run(arguments).await.out;
        assert!(arguments[0] != "verify" || help.contains("LATCHKEY_KEY"), "{help}");
        assert!(help.contains("Exit codes:") && help.contains("LATCHKEY_API_KEY"), "{help}");
    }
}
