//! Test server and its clients.

pub mod credentials;
pub mod dnanexus;
pub mod model_upstream;
pub mod projects;
pub mod s3;
pub mod serve_process;
pub mod services;
pub mod statements;
pub mod storage;
pub mod upstream;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use latchkey_core::accounts::{self, NewAccount};
use latchkey_http::{AppState, ModelLimits};
use latchkey_program::{
    config::{ConnectionLimits, DataOptions, MailOptions, OutgoingOptions, SampleOptions, ServeOptions},
    serve::Server,
    telemetry::LogFormat,
};
use latchkey_test_db::{TestData, is_on_postgresql};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header::SET_COOKIE, redirect::Policy};
use serde_json::{Value, json};
use sqlx::{AnyPool, AssertSqlSafe};
use tokio::{
    runtime::{self, Runtime},
    sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, oneshot},
    task::JoinHandle,
};

/// The root folder of the repository.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// All files below a folder; none if it is missing.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

pub const PASSWORD: &str = "correct horse battery";

/// Read lock: shared by every running server. Write lock: held by a test that measures time or memory and needs the process for itself.
static RUNNING: LazyLock<Arc<RwLock<()>>> = LazyLock::new(Arc::default);

/// A server in this process, with its own data: on SQLite, or on PostgreSQL if `LATCHKEY_TEST_POSTGRES` names a server.
pub struct TestServer {
    pub url: String,
    pub state: AppState,
    shutdown: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<anyhow::Result<()>>>,
    _runtime: ServerRuntime,
    // After the runtime, whose tasks use it.
    pub data: TestData,
    _shared: Option<OwnedRwLockReadGuard<()>>,
}

/// A runtime of its own, so that a test can wait for a child process without stopping the server: a transaction that stops halfway locks the
/// database.
struct ServerRuntime(Option<Runtime>);

impl ServerRuntime {
    fn new() -> Self {
        Self(Some(runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()))
    }

    fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.0.as_ref().unwrap().spawn(task)
    }
}

impl Drop for ServerRuntime {
    fn drop(&mut self) {
        // Waiting for the tasks is not possible in the asynchronous context of the test.
        self.0.take().unwrap().shutdown_background();
    }
}

impl TestServer {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Waits until no other server runs in this process; none starts while the guard is held. It polls instead of queueing for the
    /// write lock: a queued writer would block a test that holds one server and starts another, and neither would finish.
    pub async fn start_exclusive() -> (OwnedRwLockWriteGuard<()>, Self) {
        loop {
            match Arc::clone(&RUNNING).try_write_owned() {
                Ok(guard) => return (guard, Self::start_as(|_| {}, None).await),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    pub async fn start_with(change: impl FnOnce(&mut ServeOptions)) -> Self {
        let shared = Arc::clone(&RUNNING).read_owned().await;
        Self::start_as(change, Some(shared)).await
    }

    async fn start_as(change: impl FnOnce(&mut ServeOptions), shared: Option<OwnedRwLockReadGuard<()>>) -> Self {
        let data = TestData::create().await;
        let mut options = ServeOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            public_url: None,
            trusted_proxies: Vec::new(),
            log_format: LogFormat::Text,
            serve_stale: 0,
            instance_name: None,
            connections: ConnectionLimits::default(),
            outgoing: OutgoingOptions::default(),
            samples: SampleOptions::default(),
            mail: MailOptions::default(),
            data: DataOptions { database: data.database_url().map(ToOwned::to_owned), ..data_options(data.path()) },
            model_limits: ModelLimits::default(),
        };
        change(&mut options);
        let runtime = ServerRuntime::new();
        let server = runtime.spawn(Server::open(options)).await.unwrap().unwrap();
        let (shutdown, shutdown_signal) = oneshot::channel();
        let (url, state) = (format!("http://{}", server.address), server.state.clone());
        let running = runtime.spawn(server.run(async { drop(shutdown_signal.await) }));
        Self { url, state, shutdown: Some(shutdown), running: Some(running), _runtime: runtime, data, _shared: shared }
    }

    /// Shuts down the server as SIGTERM does; the data folder is kept.
    pub async fn stop(&mut self) {
        drop(self.shutdown.take());
        self.running.take().unwrap().await.unwrap().unwrap();
    }

    /// Waits until the background task has applied every change so far to the key cache; keys that are cached after that stay cached.
    ///
    /// Each of its reads of the changes resets the mark of an unavailable database. The first read may have started before the call, the
    /// second one started after it.
    pub async fn changes_applied(&self) {
        for _ in 0..2 {
            self.state.store.set_unavailable(true);
            eventually("the changes are read", async || !self.state.store.is_unavailable()).await;
        }
    }

    /// Creates the user `<role>@<organization>.test` and signs in.
    pub async fn user(&self, role: &'static str, organization: &str) -> BrowserClient {
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

    /// A client without a session.
    pub fn visitor(&self) -> BrowserClient {
        BrowserClient { url: self.url.clone(), client: client(), cookie: None }
    }

    /// An API client with a new internal key of this user (an e-mail address). Empty `scopes` means all scopes.
    pub fn api(&self, user: &str, scopes: &str) -> ApiClient {
        let scopes = if scopes.is_empty() { vec![] } else { vec!["--scopes", scopes] };
        let output = self.latchkey(&[&["admin", "create-key", "--name", "test", "--days", "30", "--user", user], &scopes[..]].concat(), "");
        assert!(output.status.success(), "{output:?}");
        ApiClient { url: self.url.clone(), client: client(), key: String::from_utf8(output.stdout).unwrap().trim().to_owned() }
    }

    /// The `latchkey` binary, on this server's data.
    pub fn program(&self) -> Command {
        let mut command = program(self.data.path());
        command.envs(self.data.database_url().map(|url| ("LATCHKEY_DATABASE_URL", url)));
        command
    }

    /// Runs `latchkey` on this server's data.
    pub fn latchkey(&self, arguments: &[&str], input: &str) -> Output {
        run(self.program().args(arguments), input)
    }

    /// Data options of this server, for a second process on the same data.
    pub fn data_options(&self) -> DataOptions {
        DataOptions { database: self.data.database_url().map(ToOwned::to_owned), ..data_options(self.data.path()) }
    }

    /// A direct connection to the database, to inspect or change it.
    pub async fn database(&self) -> AnyPool {
        let file = || format!("sqlite:{}", self.data.path().join("latchkey.db").display());
        let database = AnyPool::connect(&self.data.database_url().map_or_else(file, ToOwned::to_owned)).await.unwrap();
        if self.data.database_url().is_some() {
            audit_chained(&database).await;
        }
        database
    }
}

/// Waits until the audit events of all earlier calls are in the chain. On SQLite they are.
pub async fn audit_chained(database: &AnyPool) {
    let count = async || sqlx::query_scalar::<_, i64>("select count(*) from audit_entries").fetch_one(database).await.unwrap();
    eventually("the audit events are chained", async || count().await == 0).await;
}

pub fn data_options(folder: &Path) -> DataOptions {
    DataOptions::in_folder(folder)
}

fn client() -> Client {
    Client::builder().redirect(Policy::none()).build().unwrap()
}

/// The `latchkey` binary.
pub fn program(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    command.env("LATCHKEY_DATA", data).env_remove("LATCHKEY_MASTER_KEY");
    command
}

pub fn latchkey(data: &Path, arguments: &[&str], input: &str) -> Output {
    run(program(data).args(arguments), input)
}

fn run(command: &mut Command, input: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Sends a request whose body the server may reject before it has read all of it. The response is lost if the server has closed the connection
/// while the client still sends (RFC 9112, section 9.6), so the request is repeated then.
pub async fn send_large(request: RequestBuilder) -> Response {
    for _ in 0..100 {
        if let Ok(response) = request.try_clone().unwrap().send().await {
            return response;
        }
    }
    panic!("the connection is always closed before the response");
}

/// Calls pages and server functions as a browser does, with a session cookie if signed in.
#[derive(Clone)]
pub struct BrowserClient {
    pub url: String,
    pub client: Client,
    pub cookie: Option<String>,
}

impl BrowserClient {
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.with_cookie(self.client.get(format!("{}{path}", self.url)))
    }

    /// A request with the origin of the page.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.with_cookie(self.client.request(method, format!("{}{path}", self.url)).header("origin", &self.url))
    }

    pub fn function(&self, name: &str, arguments: &Value) -> RequestBuilder {
        self.request(Method::POST, &format!("/fn/{name}")).json(arguments)
    }

    /// Calls a server function. Returns status and body.
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

    /// Creates an agent key. Returns its id and its secret.
    pub async fn agent_key(&self, name: &str) -> (String, String) {
        let (status, created) = self.call("keys/create", json!({ "request": { "kind": "agent", "name": name } })).await;
        assert_eq!(status, StatusCode::OK, "{created}");
        (text(&created["key"]["id"]), text(&created["secret"]))
    }

    fn with_cookie(&self, request: RequestBuilder) -> RequestBuilder {
        self.cookie.iter().fold(request, |request, cookie| request.header("cookie", cookie))
    }
}

/// Calls the API with a key.
#[derive(Clone)]
pub struct ApiClient {
    pub url: String,
    pub client: Client,
    pub key: String,
}

impl ApiClient {
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

    /// The `code` of the verdict.
    pub async fn verify(&self, key: &str) -> String {
        let (status, verdict) = self.post("/verify", json!({ "key": key })).await;
        assert_eq!(status, StatusCode::OK, "{verdict}");
        assert_eq!(verdict["valid"], verdict["code"] == "VALID");
        text(&verdict["code"])
    }
}

/// Inserts `count` agent keys into the only organization with one statement.
pub async fn store_keys(database: &AnyPool, count: u32) {
    // Numbers continue those of keys that exist.
    let (random, number) = if is_on_postgresql() {
        ("sha256(cast(cast(random() as text) as bytea))", "nextval('api_keys_number')")
    } else {
        ("randomblob(32)", "i + (select coalesce(max(number), 0) from api_keys)")
    };
    // The digits of a larger number without its first one are zero-padded.
    let sql = format!(
        "with recursive n(i) as (select cast(1 as bigint) union all select i + 1 from n where i < $1), \
        named(i, id, digits) as (select i, 'key_00000000000000000000' || substr(cast(i * 7919 + 1000000000000 as text), 2), substr(cast(i + 1000000 as text), 2) from n) \
        insert into api_keys (number, id, organization_id, kind, name, name_folded, unique_name, digest, mask, scopes, created_by, created_at, expires_at, last_used_at, sorted_use_at) \
        select {number}, named.id, o.id, 'agent', 'Service ' || digits, 'service ' || digits, 'service ' || digits, {random}, \
        'lka_…' || substr(digits, 3), '', u.id, 1790000000000 + i, 1890000000000 + (i * 31) % 1000, case when i % 3 = 0 then null else 1795000000000 + (i * 17) % 5000 end, case when i % 3 = 0 then 0 else 1795000000000 + (i * 17) % 5000 end \
        from named, organizations o, users u where u.organization_id = o.id"
    );
    sqlx::query(AssertSqlSafe(sql)).bind(i64::from(count)).execute(database).await.unwrap();
}

/// Milliseconds since 1970 of an RFC 3339 timestamp of the API.
pub fn unix_ms(timestamp: &Value) -> i64 {
    let timestamp = time::OffsetDateTime::parse(timestamp.as_str().unwrap(), &time::format_description::well_known::Rfc3339).unwrap();
    i64::try_from(timestamp.unix_timestamp_nanos() / 1_000_000).unwrap()
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a string")).to_owned()
}

/// For how long a test waits for a condition whose time it does not assert: long enough for a loaded machine.
const WAIT_LIMIT: Duration = Duration::from_secs(20);

/// Polls the condition until it is true; fails after [`WAIT_LIMIT`].
pub async fn eventually(description: &str, condition: impl AsyncFnMut() -> bool) {
    within(WAIT_LIMIT, description, condition).await;
}

/// Polls the condition until it is true; fails after `limit`, for tests that assert the time and for slow conditions.
pub async fn within(limit: Duration, description: &str, mut condition: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < limit, "not within {limit:?}: {description}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
