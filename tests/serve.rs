//! `latchkey serve`: how it starts, and when it refuses to.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{PASSWORD, TestServer, latchkey, program, running::Running, text};

fn refused(data: &Path, arguments: &[&str]) -> String {
    let output = latchkey(data, &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat(), "");
    assert!(!output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    said.lines().find(|line| line.starts_with("latchkey: ")).unwrap_or_else(|| panic!("no sentence: {said}")).to_owned()
}

#[test]
fn the_first_start_makes_its_data_and_prints_a_link_and_a_second_is_refused() {
    let data = TempDir::new().unwrap();
    let folder = data.path().join("new").join("data");
    let first = Running::start(&folder);
    let link = first.line("Set up Latchkey: ");
    assert!(link.starts_with("http://127.0.0.1:"));
    assert!(link.contains("/setup#") && link.split('#').nth(1).unwrap().len() == 32);
    assert!(first.said().contains("keep a copy elsewhere"));
    for (path, mode) in [("", 0o700), ("master.key", 0o600), ("latchkey.db", 0o600), ("latchkey.db-wal", 0o600)] {
        assert_eq!(fs::metadata(folder.join(path)).unwrap().permissions().mode() & 0o777, mode, "{path}");
    }
    assert!(refused(&folder, &[]).contains("another latchkey server uses"));
    first.end();
    let second = Running::start(&folder);
    assert!(!second.line("Latchkey is at ").is_empty() && !second.said().contains("keep a copy"));
    second.end();
}

#[test]
fn one_database_has_one_server_whatever_their_folders_and_a_waiting_command_is_in_nobodys_way() {
    let (data, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut waiting = program(data.path())
        .args(["admin", "create-user", "--email", "a@b", "--name", "A", "--role", "owner", "--organization", "B", "--password-stdin"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !data.path().join("master.key").exists() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(300));
    let server = Running::start(data.path());
    server.line("Latchkey is at ");
    let same = format!("sqlite:{}", data.path().join("latchkey.db").display());
    fs::copy(data.path().join("master.key"), other.path().join("master.key")).unwrap();
    assert!(refused(other.path(), &["--database", &same]).contains("another latchkey works"));
    waiting.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(waiting.wait().unwrap().success());
    server.end();
}

#[test]
fn whoever_says_nothing_or_too_little_is_hung_up_on() {
    let data = TempDir::new().unwrap();
    let server = Running::start(data.path());
    let address = server.line("Latchkey is at http://").trim_end_matches('/').to_owned();
    let silent = ["", "P", "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "].map(|beginning| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(beginning.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        (beginning, stream)
    });
    for (beginning, mut stream) in silent {
        let mut rest = Vec::new();
        assert!(stream.read_to_end(&mut rest).is_ok(), "still open after “{beginning}”");
    }
    server.end();
}

#[test]
fn data_without_its_master_key_is_refused_and_no_new_one_is_made() {
    let data = TempDir::new().unwrap();
    let made = latchkey(
        data.path(),
        &["admin", "create-user", "--email", "a@b", "--name", "A", "--role", "owner", "--organization", "B", "--password-stdin"],
        PASSWORD,
    );
    assert!(made.status.success(), "{made:?}");
    let path = data.path().join("master.key");
    let key = fs::read_to_string(&path).unwrap();

    fs::remove_file(&path).unwrap();
    assert!(refused(data.path(), &[]).contains("the master key is missing: put it back at"));
    assert!(!path.exists());
    fs::write(&path, BASE64_STANDARD.encode([7; 32])).unwrap();
    assert!(refused(data.path(), &[]).contains("does not fit this data"));
    for broken in ["", "rubbish", &key[1..]] {
        fs::write(&path, broken).unwrap();
        assert!(refused(data.path(), &[]).contains("does not contain a master key"), "{broken}");
    }
    fs::remove_file(&path).unwrap();
    let given = program(data.path()).args(["admin", "verify-audit"]).env("LATCHKEY_MASTER_KEY", key.trim()).output().unwrap();
    assert!(given.status.success(), "the environment may give it: {given:?}");
}

#[test]
fn a_start_that_cant_be_says_what_to_do() {
    let data = TempDir::new().unwrap();
    let file = data.path().join("file");
    fs::write(&file, "no folder").unwrap();
    assert!(refused(&file, &[]).contains("can't be used as a data folder"));

    let rubbish = TempDir::new().unwrap();
    fs::write(rubbish.path().join("latchkey.db"), "this is no database, but long enough to be looked at as one".repeat(100)).unwrap();
    assert!(refused(rubbish.path(), &[]).contains("the database in"));
    assert!(refused(data.path(), &["--database", "mysql://localhost/a"]).contains("must begin with sqlite: or postgres://"));
    assert!(refused(data.path(), &["--database", "postgres://127.0.0.1:1/a"]).contains("the database can't be opened"));
    assert!(refused(data.path(), &["--public-url", "keys.example.com"]).contains("public URL"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let output = latchkey(data.path(), &["serve", "--listen", &taken.local_addr().unwrap().to_string()], "");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot listen on"));
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_left_alone() {
    let mut server = TestServer::start().await;
    sqlx::query("insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'later', 1, x'00', 0)")
        .execute(&server.database().await)
        .await
        .unwrap();
    let beside = server.latchkey(&["admin", "verify-audit"], "");
    assert!(String::from_utf8_lossy(&beside.stderr).contains("of another version"), "{beside:?}");
    server.stop().await;
    assert!(refused(server.data.path(), &[]).contains("made by a newer latchkey"));
}

/// Every form in which a secret could slip out.
fn disguises(secret: &str) -> Vec<Vec<u8>> {
    let bare = if secret.starts_with("lk") { &secret[4..] } else { secret };
    let forms = [secret, bare].into_iter().flat_map(|secret| {
        let bytes = secret.as_bytes();
        let spelled = |before: &str| bytes.iter().flat_map(|byte| [before.to_owned(), format!("{byte:02x}")]).collect::<String>();
        let (hex, percent) = (spelled(""), spelled("%").to_uppercase());
        // The middle of base64, whatever stands before it.
        let base64 =
            (0..3).map(move |shift| BASE64_STANDARD.encode([&b"xx"[..shift], bytes].concat())).map(|text| text[4..text.len() - 4].to_owned());
        [secret.to_owned(), secret.to_uppercase(), hex.to_uppercase(), hex, percent].into_iter().chain(base64)
    });
    forms.map(String::into_bytes).collect()
}

#[tokio::test]
async fn what_was_counted_two_seconds_before_a_kill_is_there_after_it() {
    let data = TempDir::new().unwrap();
    let made = ["admin", "create-user", "--email", "a@b", "--name", "A", "--role", "owner", "--organization", "B", "--password-stdin"];
    assert!(latchkey(data.path(), &made, PASSWORD).status.success());
    let key = String::from_utf8(latchkey(data.path(), &["admin", "create-key", "--name", "k", "--days", "30"], "").stdout).unwrap();
    let (running, client) = (Running::start(data.path()), reqwest::Client::new());
    let url = running.line("Latchkey is at ");
    for _ in 0..50 {
        let answer =
            client.post(format!("{url}api/v1/verify")).header("x-api-key", key.trim()).json(&json!({ "key": key.trim() })).send().await.unwrap();
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "VALID");
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop(running);
    let database = sqlx::SqlitePool::connect(&format!("sqlite:{}", data.path().join("latchkey.db").display())).await.unwrap();
    for table in ["key_minutes", "key_days"] {
        let sql = sqlx::AssertSqlSafe(format!("select sum(requests) from {table}"));
        let counted: i64 = sqlx::query_scalar(sql).fetch_one(&database).await.unwrap();
        assert_eq!(counted, 100, "{table}: each call once for the caller's key and once for the key that was judged");
    }
}

fn holds(text: &[u8], secret: &str) -> bool {
    disguises(secret).iter().any(|form| text.windows(form.len()).any(|window| window == form))
}

#[tokio::test]
async fn a_secret_is_nowhere_once_it_was_told() {
    let data = TempDir::new().unwrap();
    let running = Running::start(data.path());
    let url = running.line("Latchkey is at ").trim_end_matches('/').to_owned();
    let token = running.line("/setup#");
    let client = reqwest::Client::new();
    let function = |name: &str, cookie: &str, body: Value| {
        client.post(format!("{url}/fn/{name}")).header("origin", &url).header("cookie", cookie).json(&body).send()
    };
    let setup = json!({ "token": token, "organization": "Acme", "name": "Ada", "email": "ada@acme.test", "password": PASSWORD });
    let response = function("account/set-up", "", setup).await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let made: Value =
        function("keys/create", &cookie, json!({ "wanted": { "kind": "agent", "name": "planted" } })).await.unwrap().json().await.unwrap();
    let agent = text(&made["secret"]);
    let printed = latchkey(data.path(), &["admin", "create-key", "--name", "service", "--days", "30"], "");
    let platform = String::from_utf8(printed.stdout).unwrap().trim().to_owned();

    // Everywhere a secret goes in, well and badly formed.
    let mut answers = Vec::new();
    let api = |body: String, key: &str| client.post(format!("{url}/api/v1/verify")).header("x-api-key", key.to_owned()).body(body).send();
    for body in [
        json!({ "key": agent }).to_string(),
        json!({ "key": [agent] }).to_string(),
        format!("{{\"key\":\"{agent}"),
        json!({ &*agent: 1, "key": agent }).to_string(),
    ] {
        answers.push(api(body, &platform).await.unwrap().text().await.unwrap());
    }
    answers.push(api(json!({ "key": agent }).to_string(), &agent).await.unwrap().text().await.unwrap());
    let badly = function("keys/create", &cookie, json!({ "wanted": { "kind": agent, "name": "a" } })).await.unwrap();
    answers.push(badly.text().await.unwrap());
    for path in ["/keys/agent", "/keys/agent?q=planted", "/profile", "/nowhere"] {
        answers.push(client.get(format!("{url}{path}")).header("cookie", &cookie).send().await.unwrap().text().await.unwrap());
    }
    let refused = function("account/sign-in", "", json!({ "email": "ada@acme.test", "password": "an0ther-wr0ng-passw0rd" })).await.unwrap();
    answers.push(refused.text().await.unwrap());
    thread::sleep(Duration::from_millis(1300));
    let stored = |ending: &str| fs::read(data.path().join(format!("latchkey.db{ending}"))).unwrap_or_default();
    let while_running = [stored(""), stored("-wal"), stored("-shm")].concat();
    assert!(while_running.len() > 10_000);
    let said = running.end();
    let session = cookie.split('=').nth(1).unwrap();
    for secret in [&*agent, &*platform, PASSWORD, "an0ther-wr0ng-passw0rd", session] {
        let shown = &secret[..4];
        // The field that is unknown in one of the calls above is named: its name is what the caller chose to send.
        for answer in answers.iter().filter(|answer| !answer.contains("Unknown field")) {
            assert!(!holds(answer.as_bytes(), secret), "{shown}… in an answer: {answer}");
        }
        assert!(!holds(said.as_bytes(), secret), "{shown}… in the log");
        assert!(!holds(&while_running, secret), "{shown}… in the database while it runs");
        assert!(!holds(&[stored(""), stored("-wal")].concat(), secret), "{shown}… in the database after it ended");
    }
}
