//! Three instances behind `HAProxy` are replaced one after the other, under load: no call fails.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{task::JoinSet, time::sleep};

use super::{
    cluster::Cluster,
    report::{figure, scaled},
    schema::expand,
};
use crate::support::{ApiClient, eventually, text};

const CONFIGURATION: &str = include_str!("../../docs/proxies/haproxy-instances.cfg");
const CALLERS: usize = 4;

/// `HAProxy` with the documented configuration. It is killed on drop.
struct Balancer {
    url: String,
    socket: PathBuf,
    process: Child,
    _folder: TempDir,
}

impl Balancer {
    async fn start(cluster: &Cluster) -> Self {
        let (folder, listen) = (TempDir::new().unwrap(), TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
        let socket = folder.path().join("admin.sock");
        let mut configuration = CONFIGURATION.to_owned();
        let mut replace = |documented: &str, actual: &str| {
            assert_eq!(configuration.matches(documented).count(), 1, "{documented}");
            configuration = configuration.replace(documented, actual);
        };
        replace("/run/haproxy/admin.sock", socket.to_str().unwrap());
        replace("127.0.0.1:8000", &listen.to_string());
        for (port, instance) in (3001..).zip(&cluster.instances) {
            replace(&format!("127.0.0.1:{port}"), instance.api.url.trim_start_matches("http://"));
        }
        let file = folder.path().join("haproxy.cfg");
        fs::write(&file, configuration).unwrap();
        let mut command = Command::new("haproxy");
        // Debian installs it in a folder that may be missing in `PATH`. `-db`: in the foreground and in one process, so that killing it stops it.
        command.env("PATH", std::env::var("PATH").unwrap_or_default() + ":/usr/sbin").arg("-db").arg("-f").arg(file);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = process.expect("haproxy is not installed: run `cargo xtask setup`");
        let balancer = Self { url: format!("http://{listen}"), socket, process, _folder: folder };
        eventually("the balancer listens", async || tokio::net::TcpStream::connect(listen).await.is_ok()).await;
        balancer
    }

    /// Sends a command to the socket. Returns the response.
    fn command(&self, command: &str) -> String {
        let (mut stream, mut response) = (UnixStream::connect(&self.socket).unwrap(), String::new());
        writeln!(stream, "{command}").unwrap();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    /// Whether an instance gets calls.
    fn is_up(&self, name: &str) -> bool {
        let row = format!("latchkey,{name},");
        self.command("show stat").lines().any(|line| line.starts_with(&row) && line.contains(",UP,"))
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A caller that creates, uses and deletes keys, one call after the other.
struct Caller {
    api: ApiClient,
    calls: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl Caller {
    async fn run(self) {
        while !self.is_over.load(Ordering::SeqCst) {
            let created = self.call(Method::POST, "/keys", Some(json!({ "kind": "client", "name": "upgrade" }))).await;
            let (path, secret) = (format!("/keys/{}", text(&created["key"]["id"])), text(&created["secret"]));
            for _ in 0..10 {
                let verdict = self.call(Method::POST, "/verify", Some(json!({ "key": secret }))).await;
                assert_eq!(verdict["code"], "VALID", "{verdict}");
            }
            self.call(Method::GET, &path, None).await;
            self.call(Method::PATCH, &path, Some(json!({ "name": "upgraded" }))).await;
            self.call(Method::DELETE, &path, None).await;
            let verdict = self.call(Method::POST, "/verify", Some(json!({ "key": secret }))).await;
            assert_eq!(verdict["code"], "NOT_FOUND");
        }
    }

    /// The response of a call, which must succeed.
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, response) = self.api.call(method.clone(), path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {response}");
        self.calls.fetch_add(1, Ordering::SeqCst);
        response
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_while_instances_are_upgraded_one_by_one() {
    let cluster = Cluster::start().await;
    let balancer = Balancer::start(&cluster).await;
    let names = ["web-1", "web-2", "web-3"];
    eventually("all instances get calls", async || names.iter().all(|name| balancer.is_up(name))).await;
    let (calls, is_over) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
    let api = ApiClient { url: balancer.url.clone(), ..cluster.instances[0].api.clone() };
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(Caller { api: api.clone(), calls: Arc::clone(&calls), is_over: Arc::clone(&is_over) }.run());
    }
    let (started, rounds) = (Instant::now(), scaled(1, 20));
    for round in 0..rounds {
        for (name, instance) in names.into_iter().zip(&cluster.instances) {
            balancer.command(&format!("set server latchkey/{name} state drain"));
            // Real time: calls that the balancer had already given to it.
            sleep(Duration::from_millis(200)).await;
            instance.stop();
            if round == 0 && name == names[0] {
                // As the first instance of a newer version does.
                expand(&cluster.installation.connect().await).await;
            }
            instance.start();
            eventually("the instance is ready", async || instance.is_ready().await).await;
            balancer.command(&format!("set server latchkey/{name} state ready"));
            eventually("the instance gets calls", async || balancer.is_up(name)).await;
            let before = calls.load(Ordering::SeqCst);
            eventually("calls succeed", async || calls.load(Ordering::SeqCst) > before + 50).await;
        }
    }
    is_over.store(true, Ordering::SeqCst);
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    cluster.installation.admin(&["verify-audit"], "");
    figure(
        "rolling upgrade of three instances",
        format_args!(
            "{} instances stopped and started one after the other, {} calls in {} s, 0 failed",
            rounds * names.len(),
            calls.load(Ordering::SeqCst),
            started.elapsed().as_secs()
        ),
    );
}
