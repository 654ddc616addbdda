//! `latchkey serve`: start, shutdown and start-up errors.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use latchkey_store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{PASSWORD, TestServer, eventually, latchkey, program, serve_process::ServeProcess, text};

fn start_error(data: &Path, arguments: &[&str]) -> String {
    let output = latchkey(data, &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat(), "");
    assert!(!output.status.success(), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    stderr.lines().find(|line| line.starts_with("latchkey: ")).unwrap_or_else(|| panic!("no error message: {stderr}")).to_owned()
}

#[test]
fn first_start_creates_data_and_a_second_server_is_refused() {
    let data = TempDir::new().unwrap();
    let folder = data.path().join("new").join("data");
    let first = ServeProcess::start(&folder);
    let link = first.text_after("Set up Latchkey: ");
    assert!(link.starts_with("http://127.0.0.1:"));
    assert!(link.contains("/setup#") && link.split('#').nth(1).unwrap().len() == 32);
    assert!(first.output().contains("keep a copy elsewhere"));
    for (path, mode) in [("", 0o700), ("master.key", 0o600), ("latchkey.db", 0o600), ("latchkey.db-wal", 0o600)] {
        assert_eq!(fs::metadata(folder.join(path)).unwrap().permissions().mode() & 0o777, mode, "{path}");
    }
    assert!(start_error(&folder, &[]).contains("another latchkey server uses"));
    first.stop();
    let second = ServeProcess::start(&folder);
    assert!(!second.text_after("Latchkey is at ").is_empty() && !second.output().contains("keep a copy"));
    second.stop();
}

#[tokio::test]
async fn one_database_has_one_server_but_allows_admin_commands() {
    let (data, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut waiting = program(data.path())
        .args(["admin", "create-user", "--email", "a@b", "--name", "A", "--role", "owner", "--organization", "B", "--password-stdin"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the command creates the data", async || data.path().join("master.key").exists()).await;
    let lock = Store::lock_file(None, data.path()).unwrap();
    eventually("the command waits for the password", async || fs::File::open(&lock).unwrap().try_lock().is_ok()).await;
    let server = ServeProcess::start(data.path());
    server.text_after("Latchkey is at ");
    let same = format!("sqlite:{}", data.path().join("latchkey.db").display());
    fs::copy(data.path().join("master.key"), other.path().join("master.key")).unwrap();
    assert!(start_error(other.path(), &["--database", &same]).contains("another latchkey server uses"));
    waiting.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(waiting.wait().unwrap().success());
    server.stop();
}

#[test]
fn idle_and_incomplete_connections_are_closed() {
    let data = TempDir::new().unwrap();
    let server = ServeProcess::start(data.path());
    let address = server.text_after("Latchkey is at http://").trim_end_matches('/').to_owned();
    let connections = ["", "P", "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "].map(|beginning| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(beginning.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        (beginning, stream)
    });
    for (beginning, mut stream) in connections {
        let mut rest = Vec::new();
        assert!(stream.read_to_end(&mut rest).is_ok(), "still open after “{beginning}”");
    }
    server.stop();
}

#[test]
fn missing_or_wrong_master_key_is_refused_and_not_replaced() {
    let data = TempDir::new().unwrap();
    let created = latchkey(
        data.path(),
        &["admin", "create-user", "--email", "a@b", "--name", "A", "--role", "owner", "--organization", "B", "--password-stdin"],
        PASSWORD,
    );
    assert!(created.status.success(), "{created:?}");
    let path = data.path().join("master.key");
    let key = fs::read_to_string(&path).unwrap();

    fs::remove_file(&path).unwrap();
    assert!(start_error(data.path(), &[]).contains("the master key is missing: put it back at"));
    assert!(!path.exists());
    write_private(&path, &BASE64_STANDARD.encode([7; 32]));
    assert!(start_error(data.path(), &[]).contains("does not fit this data"));
    for broken in ["", "rubbish", &key[1..]] {
        write_private(&path, broken);
        assert!(start_error(data.path(), &[]).contains("does not contain a master key"), "{broken}");
    }
    fs::remove_file(&path).unwrap();
    let from_environment = program(data.path()).args(["admin", "verify-audit"]).env("LATCHKEY_MASTER_KEY", key.trim()).output().unwrap();
    assert!(from_environment.status.success(), "the environment can provide the key: {from_environment:?}");
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_master_key_open_to_other_users_is_refused() {
    let data = TempDir::new().unwrap();
    let (folder, path) = (data.path().join("data"), data.path().join("data").join("master.key"));
    ServeProcess::start(&folder).text_after("Latchkey is at ");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = start_error(&folder, &[]);
    assert!(refused.contains("is open to other users (mode 0644): run `chmod 600"), "{refused}");
    assert!(!latchkey(&folder, &["admin", "verify-audit"], "").status.success());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();

    let private = ServeProcess::start(&folder);
    private.text_after("Latchkey is at ");
    assert!(!private.stop().contains("chmod"));
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let open = ServeProcess::start(&folder);
    open.text_after("Latchkey is at ");
    assert!(open.stop().contains("is open to other users (mode 0755): run `chmod 700"));
}

#[test]
fn start_up_errors_say_what_to_do() {
    let data = TempDir::new().unwrap();
    let file = data.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    assert!(start_error(&file, &[]).contains("can't be used as a data folder"));

    let corrupt = TempDir::new().unwrap();
    fs::write(corrupt.path().join("latchkey.db"), "not a database, but long enough to be read as if it were one".repeat(100)).unwrap();
    assert!(start_error(corrupt.path(), &[]).contains("the database in"));
    assert!(start_error(data.path(), &["--database", "mysql://localhost/a"]).contains("must begin with sqlite: or postgres://"));
    assert!(start_error(data.path(), &["--database", "postgres://127.0.0.1:1/a"]).contains("the database can't be opened"));
    assert!(start_error(data.path(), &["--public-url", "keys.example.com"]).contains("public URL"));
    let occupied = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let output = latchkey(data.path(), &["serve", "--listen", &occupied.local_addr().unwrap().to_string()], "");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot listen on"));
}

#[tokio::test]
async fn database_of_a_newer_version_is_refused() {
    let mut server = TestServer::start().await;
    sqlx::query("insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'later', 1, x'00', 0)")
        .execute(&server.database().await)
        .await
        .unwrap();
    let admin = server.latchkey(&["admin", "verify-audit"], "");
    assert!(String::from_utf8_lossy(&admin.stderr).contains("has another version"), "{admin:?}");
    server.stop().await;
    assert!(start_error(server.data.path(), &[]).contains("created by a newer version"));
}

/// Every encoding in which a secret could leak.
fn encodings(secret: &str) -> Vec<Vec<u8>> {
    let bare = if secret.starts_with("lk") { &secret[4..] } else { secret };
    let forms = [secret, bare].into_iter().flat_map(|secret| {
        let bytes = secret.as_bytes();
        let hex_with = |before: &str| bytes.iter().flat_map(|byte| [before.to_owned(), format!("{byte:02x}")]).collect::<String>();
        let (hex, percent) = (hex_with(""), hex_with("%").to_uppercase());
        // The middle of its base64 form, for each alignment.
        let base64 =
            (0..3).map(move |shift| BASE64_STANDARD.encode([&b"xx"[..shift], bytes].concat())).map(|text| text[4..text.len() - 4].to_owned());
        [secret.to_owned(), secret.to_uppercase(), hex.to_uppercase(), hex, percent].into_iter().chain(base64)
    });
    forms.map(String::into_bytes).collect()
}

#[tokio::test]
async fn usage_older_than_two_seconds_survives_a_kill() {
    let data = TempDir::new().unwrap();
    let create_user = ["admin", "create-user", "--email", "a@b", "--name", "A", "--role", "owner", "--organization", "B", "--password-stdin"];
    assert!(latchkey(data.path(), &create_user, PASSWORD).status.success());
    let key = String::from_utf8(latchkey(data.path(), &["admin", "create-key", "--name", "k", "--days", "30"], "").stdout).unwrap();
    let (running, client) = (ServeProcess::start(data.path()), reqwest::Client::new());
    let url = running.text_after("Latchkey is at ");
    for _ in 0..50 {
        let response =
            client.post(format!("{url}api/v1/verify")).header("x-api-key", key.trim()).json(&json!({ "key": key.trim() })).send().await.unwrap();
        assert_eq!(response.json::<Value>().await.unwrap()["code"], "VALID");
    }
    // Real time: the test is about the age of the usage.
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop(running);
    let database = sqlx::SqlitePool::connect(&format!("sqlite:{}", data.path().join("latchkey.db").display())).await.unwrap();
    for table in ["usage_by_minute", "usage_by_day"] {
        let sql = sqlx::AssertSqlSafe(format!("select sum(requests) from {table}"));
        let counted: i64 = sqlx::query_scalar(sql).fetch_one(&database).await.unwrap();
        assert_eq!(counted, 100, "{table}: each call counts once for the caller's key and once for the verified key");
    }
}

fn contains_secret(text: &[u8], secret: &str) -> bool {
    encodings(secret).iter().any(|form| text.windows(form.len()).any(|window| window == form))
}

#[tokio::test]
async fn secrets_are_never_stored_or_logged_in_plain_text() {
    let data = TempDir::new().unwrap();
    let running = ServeProcess::start(data.path());
    let url = running.text_after("Latchkey is at ").trim_end_matches('/').to_owned();
    let token = running.text_after("/setup#");
    let client = reqwest::Client::new();
    let function = |name: &str, cookie: &str, body: Value| {
        client.post(format!("{url}/fn/{name}")).header("origin", &url).header("cookie", cookie).json(&body).send()
    };
    let setup = json!({ "token": token, "organization": "Acme", "name": "Ada", "email": "ada@acme.test", "password": PASSWORD });
    let response = function("account/set-up", "", setup).await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let created: Value =
        function("keys/create", &cookie, json!({ "request": { "kind": "agent", "name": "planted" } })).await.unwrap().json().await.unwrap();
    let agent = text(&created["secret"]);
    let printed = latchkey(data.path(), &["admin", "create-key", "--name", "service", "--days", "30"], "");
    let internal = String::from_utf8(printed.stdout).unwrap().trim().to_owned();

    // Sends secrets to every input, well formed and malformed.
    let mut responses = Vec::new();
    let api = |body: String, key: &str| client.post(format!("{url}/api/v1/verify")).header("x-api-key", key.to_owned()).body(body).send();
    for body in [json!({ "key": agent }).to_string(), json!({ "key": [agent] }).to_string(), format!("{{\"key\":\"{agent}")] {
        responses.push(api(body, &internal).await.unwrap().text().await.unwrap());
    }
    // The error for an unknown field repeats its name, which the caller chose, once and nowhere else.
    let mut unknown_field: Value = api(json!({ &*agent: 1, "key": agent }).to_string(), &internal).await.unwrap().json().await.unwrap();
    assert_eq!((unknown_field["field"].take(), &unknown_field["detail"]), (json!(agent), &json!("Unknown field.")));
    responses.push(unknown_field.to_string());
    responses.push(api(json!({ "key": agent }).to_string(), &agent).await.unwrap().text().await.unwrap());
    let malformed = function("keys/create", &cookie, json!({ "request": { "kind": agent, "name": "a" } })).await.unwrap();
    responses.push(malformed.text().await.unwrap());
    for path in ["/keys/agent", "/keys/agent?q=planted", "/profile", "/nowhere"] {
        responses.push(client.get(format!("{url}{path}")).header("cookie", &cookie).send().await.unwrap().text().await.unwrap());
    }
    let refused = function("account/sign-in", "", json!({ "email": "ada@acme.test", "password": "an0ther-wr0ng-passw0rd" })).await.unwrap();
    responses.push(refused.text().await.unwrap());
    // The usage of a later key is written, so that of the others was written before.
    let created: Value =
        function("keys/create", &cookie, json!({ "request": { "kind": "agent", "name": "later" } })).await.unwrap().json().await.unwrap();
    let verdict: Value = api(json!({ "key": created["secret"] }).to_string(), &internal).await.unwrap().json().await.unwrap();
    assert_eq!(verdict["code"], "VALID");
    let database = sqlx::SqlitePool::connect(&format!("sqlite:{}", data.path().join("latchkey.db").display())).await.unwrap();
    let sql = "select last_used_at is not null from api_keys where name = 'later'";
    eventually("usage is written", async || sqlx::query_scalar::<_, bool>(sql).fetch_one(&database).await.unwrap()).await;
    database.close().await;
    let stored = |ending: &str| fs::read(data.path().join(format!("latchkey.db{ending}"))).unwrap_or_default();
    let while_running = [stored(""), stored("-wal"), stored("-shm")].concat();
    assert!(while_running.len() > 10_000);
    let output = running.stop();
    let session = cookie.split('=').nth(1).unwrap();
    for secret in [&*agent, &*internal, PASSWORD, "an0ther-wr0ng-passw0rd", session] {
        let prefix = &secret[..4];
        for response in &responses {
            assert!(!contains_secret(response.as_bytes(), secret), "{prefix}… in a response: {response}");
        }
        assert!(!contains_secret(output.as_bytes(), secret), "{prefix}… in the log");
        assert!(!contains_secret(&while_running, secret), "{prefix}… in the database while it runs");
        assert!(!contains_secret(&[stored(""), stored("-wal")].concat(), secret), "{prefix}… in the database after the stop");
    }
}
