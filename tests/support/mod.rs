//! A real server on a real SQLite file, and what talks to it.

pub mod projects;
pub mod running;
pub mod services;

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use latchkey_core::accounts::{self, NewAccount};
use latchkey_crypto::random;
use latchkey_http::AppState;
use latchkey_program::{
    config::{DataOptions, MailOptions, OutgoingOptions, ServeOptions},
    serve::Server,
    telemetry::LogFormat,
};
use reqwest::{Client, Method, RequestBuilder, StatusCode, header::SET_COOKIE, redirect::Policy};
use serde_json::{Value, json};
use sqlx::{AnyPool, Connection};
use tempfile::TempDir;
use tokio::{
    sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, oneshot},
    task::JoinHandle,
};

pub const PASSWORD: &str = "correct horse battery";

/// Held by every server; by the one that is measured, alone.
static RUNNING: LazyLock<Arc<RwLock<()>>> = LazyLock::new(Arc::default);

/// A server in this process, with a data folder of its own.
pub struct TestServer {
    pub url: String,
    pub state: AppState,
    pub data: TempDir,
    database_url: Option<String>,
    end: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<anyhow::Result<()>>>,
    _shared: Option<OwnedRwLockReadGuard<()>>,
}

impl TestServer {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Once no other server runs in this process, and none starts while the guard lives. It waits without queueing: a test that holds
    /// one server and starts another would wait for it for ever.
    pub async fn start_alone() -> (OwnedRwLockWriteGuard<()>, Self) {
        loop {
            match Arc::clone(&RUNNING).try_write_owned() {
                Ok(alone) => return (alone, Self::start_as(|_| {}, None).await),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    pub async fn start_with(change: impl FnOnce(&mut ServeOptions)) -> Self {
        let shared = Arc::clone(&RUNNING).read_owned().await;
        Self::start_as(change, Some(shared)).await
    }

    async fn start_as(change: impl FnOnce(&mut ServeOptions), shared: Option<OwnedRwLockReadGuard<()>>) -> Self {
        let data = TempDir::new().unwrap();
        let mut options = ServeOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            public_url: None,
            trusted_proxies: Vec::new(),
            log_format: LogFormat::Text,
            serve_stale: 0,
            outgoing: OutgoingOptions::default(),
            mail: MailOptions::default(),
            data: data_options(data.path()),
        };
        options.data.database = new_postgres_database().await;
        change(&mut options);
        let database_url = options.data.database.clone();
        let server = Server::open(options).await.unwrap();
        let (end, ended) = oneshot::channel();
        let (url, state) = (format!("http://{}", server.address), server.state.clone());
        let running = tokio::spawn(server.run(async { drop(ended.await) }));
        Self { url, state, data, database_url, end: Some(end), running: Some(running), _shared: shared }
    }

    /// Ends the server as SIGTERM does; the data folder stays.
    pub async fn stop(&mut self) {
        drop(self.end.take());
        self.running.take().unwrap().await.unwrap().unwrap();
    }

    /// Makes a user of `<role>@<organization>.test` and signs them in.
    pub async fn user(&self, role: &'static str, organization: &str) -> Page {
        let account = NewAccount {
            organization: organization.to_owned(),
            name: format!("{role} of {organization}"),
            email: format!("{role}@{organization}.test"),
            password: PASSWORD.into(),
        };
        accounts::create_user(&self.state, account, role).await.unwrap();
        let page = self.visitor();
        page.sign_in(&format!("{role}@{organization}.test"), PASSWORD).await
    }

    /// Somebody who is not signed in.
    pub fn visitor(&self) -> Page {
        Page { url: self.url.clone(), client: client(), cookie: None }
    }

    /// The API, called with a new platform key of the user `<role>@<organization>.test`.
    pub fn api(&self, user: &str, scopes: &str) -> Api {
        let scopes = if scopes.is_empty() { vec![] } else { vec!["--scopes", scopes] };
        let made = self.latchkey(&[&["admin", "create-key", "--name", "test", "--days", "30", "--user", user], &scopes[..]].concat(), "");
        assert!(made.status.success(), "{made:?}");
        Api { url: self.url.clone(), client: client(), key: String::from_utf8(made.stdout).unwrap().trim().to_owned() }
    }

    /// Runs the program on this server's data.
    pub fn latchkey(&self, arguments: &[&str], input: &str) -> Output {
        let url = self.database_url.as_deref().map(|url| ["--database", url]);
        latchkey(self.data.path(), &[arguments, url.as_ref().map_or(&[][..], |url| &url[..])].concat(), input)
    }

    /// Where this server's data is, for another program beside it.
    pub fn data_options(&self) -> DataOptions {
        DataOptions { database: self.database_url.clone(), ..data_options(self.data.path()) }
    }

    /// The database, to look into or to meddle with.
    pub async fn database(&self) -> AnyPool {
        let file = || format!("sqlite:{}", self.data.path().join("latchkey.db").display());
        AnyPool::connect(&self.database_url.clone().unwrap_or_else(file)).await.unwrap()
    }
}

/// A new database on the PostgreSQL server that `LATCHKEY_TEST_POSTGRES` names, such as `postgres://postgres@localhost`; without it tests
/// run on SQLite. For tests that look at nothing but what the server answers.
async fn new_postgres_database() -> Option<String> {
    let server = std::env::var("LATCHKEY_TEST_POSTGRES").ok()?;
    let name = format!("latchkey_{:x}", u64::from_be_bytes(random::bytes()));
    let mut connection = sqlx::PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await.unwrap();
    Some(format!("{server}/{name}"))
}

pub fn data_options(folder: &Path) -> DataOptions {
    DataOptions { data: folder.to_owned(), database: None, master_key: None, new_master_key: None }
}

fn client() -> Client {
    Client::builder().redirect(Policy::none()).build().unwrap()
}

/// The program itself.
pub fn program(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    command.env("LATCHKEY_DATA", data).env_remove("LATCHKEY_MASTER_KEY");
    command
}

pub fn latchkey(data: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = program(data);
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// A browser's side of the server functions.
#[derive(Clone)]
pub struct Page {
    pub url: String,
    pub client: Client,
    pub cookie: Option<String>,
}

impl Page {
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.with_cookie(self.client.get(format!("{}{path}", self.url)))
    }

    pub fn function(&self, name: &str, arguments: &Value) -> RequestBuilder {
        self.with_cookie(self.client.post(format!("{}/fn/{name}", self.url)).header("origin", &self.url).json(arguments))
    }

    /// Calls a server function. Answers status and body.
    pub async fn call(&self, name: &str, arguments: Value) -> (StatusCode, Value) {
        let response = self.function(name, &arguments).send().await.unwrap();
        (response.status(), response.json().await.unwrap_or(Value::Null))
    }

    pub async fn sign_in(mut self, email: &str, password: &str) -> Self {
        let response = self.function("account/sign-in", &json!({ "email": email, "password": password })).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        self
    }

    /// Makes an agent key. Answers its id and its secret.
    pub async fn agent_key(&self, name: &str) -> (String, String) {
        let (status, made) = self.call("keys/create", json!({ "wanted": { "kind": "agent", "name": name } })).await;
        assert_eq!(status, StatusCode::OK, "{made}");
        (text(&made["key"]["id"]), text(&made["secret"]))
    }

    fn with_cookie(&self, request: RequestBuilder) -> RequestBuilder {
        self.cookie.iter().fold(request, |request, cookie| request.header("cookie", cookie))
    }
}

/// The API, with a key.
#[derive(Clone)]
pub struct Api {
    url: String,
    client: Client,
    pub key: String,
}

impl Api {
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/api/v1{path}", self.url)).header("x-api-key", &self.key)
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request = body.iter().fold(self.request(method, path), RequestBuilder::json);
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    /// The code that verify answers.
    pub async fn verify(&self, key: &str) -> String {
        let (status, verdict) = self.post("/verify", json!({ "key": key })).await;
        assert_eq!(status, StatusCode::OK, "{verdict}");
        assert_eq!(verdict["valid"], verdict["code"] == "VALID");
        text(&verdict["code"])
    }
}

/// Stores so many agent keys of the only organization at once.
pub async fn store_keys(database: &AnyPool, count: u32) {
    let sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < $1) \
        insert into api_keys (number, id, organization_id, kind, name, name_folded, unique_name, digest, mask, scopes, created_by, created_at, expires_at, last_used_at) \
        select i, printf('key_%032x', i * 7919), o.id, 'agent', printf('Service %06d', i), printf('service %06d', i), printf('service %06d', i), randomblob(32), \
        printf('lka_…%04d', i % 10000), '', u.id, 1790000000000 + i, 1890000000000 + (i * 31) % 1000, case when i % 3 = 0 then null else 1795000000000 + (i * 17) % 5000 end \
        from n, organizations o, users u where u.organization_id = o.id";
    sqlx::query(sql).bind(i64::from(count)).execute(database).await.unwrap();
}

/// Milliseconds since 1970 of the RFC 3339 form that the API answers.
pub fn unix_ms(moment: &Value) -> i64 {
    let moment = time::OffsetDateTime::parse(moment.as_str().unwrap(), &time::format_description::well_known::Rfc3339).unwrap();
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).unwrap()
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Asks again until it is so; fails after a while.
pub async fn eventually(within: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
