//! Mixed load: no errors, and no growing memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{task::JoinSet, time::sleep};

use super::{
    installation::{Clients, Installation},
    process::memory,
    report::{figure, is_long, scaled},
};
use crate::support::text;

const CLIENTS: usize = 6;
const VERIFICATIONS: usize = 20;
const MINUTE: Duration = Duration::from_mins(1);

/// A client that creates a key, uses it in every way and deletes it, again and again.
struct Client {
    clients: Clients,
    number: usize,
    calls: Arc<AtomicU64>,
}

impl Client {
    async fn run(self, end: Instant) {
        for round in 0.. {
            if Instant::now() >= end {
                return;
            }
            self.use_key(&format!("load {} {round}", self.number)).await;
            self.open_pages().await;
        }
    }

    async fn use_key(&self, name: &str) {
        let created = self.api(Method::POST, "/keys", Some(json!({ "kind": "client", "name": name }))).await;
        let (id, first) = (text(&created["key"]["id"]), text(&created["secret"]));
        for _ in 0..VERIFICATIONS {
            self.assert_verdict(&first, "VALID").await;
        }
        self.api(Method::GET, "/keys?kind=client&limit=50", None).await;
        self.api(Method::PATCH, &format!("/keys/{id}"), Some(json!({ "name": format!("{name} renamed") }))).await;
        let rotated = self.api(Method::POST, &format!("/keys/{id}/rotate"), Some(json!({ "grace_seconds": 0 }))).await;
        let second = text(&rotated["secret"]);
        self.assert_verdict(&second, "VALID").await;
        self.assert_verdict(&first, "NOT_FOUND").await;
        self.api(Method::DELETE, &format!("/keys/{id}"), None).await;
        self.assert_verdict(&second, "NOT_FOUND").await;
    }

    async fn open_pages(&self) {
        let query = json!({ "kind": "client", "search": "load", "sort": { "column": "name", "descending": false } });
        for (name, arguments) in [
            ("keys/open", json!({ "query": query })),
            ("audit/read", json!({ "query": { "search": "", "period": "all" } })),
            ("projects/list", json!({})),
            ("notifications/list", json!({})),
            ("account/viewer", json!({})),
        ] {
            let (status, body) = self.clients.owner.call(name, arguments).await;
            assert!(status.is_success(), "{name}: {status} {body}");
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
        for path in ["/keys/client", "/projects", "/settings/audit"] {
            let response = self.clients.owner.get(path).send().await.unwrap();
            let (status, page) = (response.status(), response.text().await.unwrap());
            assert!(status.is_success(), "{path}: {status} {page}");
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The response of a call that must succeed.
    async fn api(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, response) = self.clients.api.call(method.clone(), path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {response}");
        self.calls.fetch_add(1, Ordering::Relaxed);
        response
    }

    async fn assert_verdict(&self, secret: &str, code: &str) {
        let verdict = self.api(Method::POST, "/verify", Some(json!({ "key": secret }))).await;
        assert_eq!(verdict["code"], code, "{verdict}");
    }
}

/// The memory of the process, in KiB, once per second until `end`.
async fn sample_memory(process: u32, end: Instant) -> Vec<u64> {
    let mut samples = Vec::new();
    while Instant::now() < end {
        samples.push(memory(process));
        sleep(Duration::from_secs(1)).await;
    }
    samples
}

fn mean(samples: &[u64]) -> u64 {
    samples.iter().sum::<u64>() / u64::try_from(samples.len()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mixed_load_causes_no_errors_and_memory_does_not_grow() {
    let folder = TempDir::new().unwrap();
    let installation = Installation::create(folder.path(), None);
    let running = installation.serve();
    let clients = installation.clients(&running).await;
    let time = scaled(Duration::from_secs(10), 10 * MINUTE);
    let end = Instant::now() + time;
    let (calls, mut tasks) = (Arc::<AtomicU64>::default(), JoinSet::new());
    for number in 0..CLIENTS {
        let client = Client { clients: clients.clone(), number, calls: Arc::clone(&calls) };
        tasks.spawn(client.run(end));
    }
    let samples = sample_memory(running.process.id(), end).await;
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    let calls = calls.load(Ordering::Relaxed);
    assert!(calls > 100, "only {calls} calls");
    let growth = if is_long() {
        let (third, last) = (mean(&samples[120..180]), mean(&samples[samples.len() - 60..]));
        assert!(last * 100 <= third * 105, "the server uses {last} KiB in the last minute, {third} KiB in the third");
        format!("{} MiB of memory in the third minute, {} MiB in the last", third / 1024, last / 1024)
    } else {
        format!("{} MiB of memory", mean(&samples) / 1024)
    };
    let output = running.process.stop();
    assert!(!output.contains("panicked"), "{output}");
    figure("mixed load", format_args!("{calls} calls of {CLIENTS} clients in {} s, no error; {growth}", time.as_secs()));
}
