//! Many callers at once on a key with $1.00, with random usage and a kill in the middle: the budget is never overspent, and no call is refused that
//! what is left covers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use latchkey_crypto::random;
use latchkey_types::dollars::Dollars;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{task::JoinSet, time::sleep};

use super::{
    installation::{Clients, Installation, Running},
    postgres::Postgres,
    report::{figure, scaled},
};
use crate::support::{
    text,
    upstream::{Script, Upstream, head},
};

/// In billionths of a dollar, as all amounts here.
const LIMIT: i64 = 1_000_000_000;
/// Of a token.
const INPUT_PRICE: i64 = 10_000;
const OUTPUT_PRICE: i64 = 1_000_000;
const OUTPUT_MAX: i64 = 10;
const BODY: &str = r#"{"model":"llm","messages":[{"role":"user","content":"Hi"}],"max_tokens":10}"#;
/// How often a caller repeats a call whose refusal is not final.
const TRIES_MAX: u32 = 40;

/// The most that a call can cost: each byte may be a token.
fn worst_case() -> i64 {
    i64::try_from(BODY.len()).unwrap() * INPUT_PRICE + OUTPUT_MAX * OUTPUT_PRICE
}

/// What the provider has counted.
#[derive(Default)]
struct Provider {
    spent: AtomicI64,
    calls: AtomicU64,
}

impl Provider {
    /// Uses a random number of tokens, whether the response is received or not.
    fn respond(&self) -> Script {
        let (input, output) = (random::number(1, i64::try_from(BODY.len()).unwrap()), random::number(0, OUTPUT_MAX));
        self.spent.fetch_add(input * INPUT_PRICE + output * OUTPUT_PRICE, Ordering::SeqCst);
        self.calls.fetch_add(1, Ordering::SeqCst);
        let choices = json!([{ "index": 0, "message": { "role": "assistant", "content": "Hi" }, "finish_reason": "stop" }]);
        let usage = json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output });
        let body = json!({ "id": "chatcmpl-1", "object": "chat.completion", "choices": choices, "usage": usage }).to_string();
        let length = body.len().to_string();
        // Real time: a model that thinks.
        let wait = Duration::from_millis(random::number(0, 30).unsigned_abs());
        Script::new().wait(wait).send(head(200, &[("content-type", "application/json"), ("content-length", length.as_str())])).send(body)
    }
}

/// Calls until a refusal is final, or the server is gone. Returns the number of answers.
async fn call(client: Client, url: String, key: String) -> u64 {
    let (mut answers, mut tries) = (0, 0);
    while tries < TRIES_MAX {
        let sent = client.post(&url).bearer_auth(&key).body(BODY).send().await;
        let Ok(response) = sent else { return answers };
        let (status, headers) = (response.status(), response.headers().clone());
        let Ok(body) = response.json::<Value>().await else { return answers };
        if status == StatusCode::OK {
            (answers, tries) = (answers + 1, 0);
            continue;
        }
        assert_eq!(headers["x-latchkey-code"], "budget_exceeded", "{status} {body}");
        let message = text(&body["error"]["message"]);
        let (left, cost) = amounts(&message);
        assert!(left < cost && cost == worst_case(), "refused although the rest covers the call: {message}");
        if headers.contains_key("x-should-retry") {
            return answers;
        }
        tries += 1;
        // Real time: until a call in progress ends.
        sleep(Duration::from_millis(50)).await;
    }
    answers
}

/// What is left, and what the call may cost, according to a refusal.
fn amounts(message: &str) -> (i64, i64) {
    let left = message.split_once('$').and_then(|(_, rest)| rest.split_once(' '));
    let cost = message.split_once("may cost up to $").and_then(|(_, rest)| rest.split_once(". "));
    let amount = |text: Option<(&str, &str)>| text.and_then(|(amount, _)| amount.parse::<Dollars>().ok()).unwrap_or_else(|| panic!("{message}")).0;
    (amount(left), amount(cost))
}

/// An installation with a model of a provider that counts.
struct Race {
    installation: Installation,
    provider: Arc<Provider>,
    callers: usize,
    upstream: Upstream,
}

impl Race {
    async fn create(installation: Installation) -> (Self, Running, Clients) {
        let (provider, upstream) = (Arc::<Provider>::default(), Upstream::start().await);
        let responding = Arc::clone(&provider);
        upstream.respond_with(move |_| responding.respond());
        let race = Self { installation, provider, callers: scaled(300, 1000), upstream };
        let running = race.serve();
        let clients = race.installation.clients(&running).await;
        let base_url = format!("{}/v1", race.upstream.url);
        let (status, created) = clients.api.post("/providers", json!({ "name": "LLM", "style": "openai", "base_url": base_url })).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        let model = json!({ "name": "llm", "price": { "input": "10", "output": "1000" } });
        let (status, created) = clients.api.post(&format!("/providers/{}/models", text(&created["id"])), model).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        (race, running, clients)
    }

    fn serve(&self) -> Running {
        self.installation.serve_with(|command| {
            command.args(["--allow-outgoing", "127.0.0.0/8"]);
        })
    }

    fn start(&self, clients: &Clients, key: &str) -> JoinSet<u64> {
        let mut calls = JoinSet::new();
        for _ in 0..self.callers {
            calls.spawn(call(clients.api.client.clone(), format!("{}/v1/chat/completions", clients.api.url), key.to_owned()));
        }
        calls
    }

    /// Spends the budget of a new key, kills the server meanwhile, and continues. Returns the server that was started again, and what the provider
    /// has counted.
    async fn run(&self, running: Running, clients: &mut Clients, round: u32) -> (Running, i64) {
        let budget = json!({ "limit": "1.00", "period": "none" });
        let (status, created) = clients.api.post("/keys", json!({ "kind": "agent", "name": format!("race {round}"), "budget": budget })).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        let (id, key) = (text(&created["key"]["id"]), text(&created["secret"]));
        self.provider.spent.store(0, Ordering::SeqCst);
        let calls = self.start(clients, &key);
        // Real time: any moment.
        sleep(Duration::from_millis(random::number(20, 500).unsigned_abs())).await;
        drop(running);
        let before: u64 = calls.join_all().await.into_iter().sum();
        let running = self.serve();
        *clients = clients.of(&running);
        let after: u64 = self.start(clients, &key).join_all().await.into_iter().sum();

        let (_, shown) = clients.api.get(&format!("/keys/{id}")).await;
        let amount = |field: &str| text(&shown["budget"][field]).parse::<Dollars>().unwrap().0;
        let (counted, used) = (self.provider.spent.load(Ordering::SeqCst), amount("spent") + amount("reserved"));
        assert!(counted <= used && used <= LIMIT, "round {round}: the provider has counted {counted}, the budget {used}");
        assert!(LIMIT - used < worst_case(), "round {round}: {} are left after {before} and {after} answers", LIMIT - used);
        (running, counted)
    }
}

async fn race(installation: Installation, name: &str, rounds: u32) {
    let (race, mut running, mut clients) = Race::create(installation).await;
    let mut counted = Vec::new();
    for round in 1..=rounds {
        let (restarted, spent) = race.run(running, &mut clients, round).await;
        running = restarted;
        counted.push(spent);
    }
    let output = running.process.stop();
    assert!(!output.contains("panicked"), "{output}");
    figure(
        name,
        format_args!(
            "{rounds} kills, {} callers at once on a budget of $1, {} calls of the provider; spent ${} to ${}, never more than $1",
            race.callers,
            race.provider.calls.load(Ordering::SeqCst),
            Dollars(counted.iter().copied().min().unwrap_or_default()),
            Dollars(counted.iter().copied().max().unwrap_or_default()),
        ),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_is_never_overspent_on_sqlite() {
    let folder = TempDir::new().unwrap();
    race(Installation::create(folder.path(), None), "budgets on SQLite", scaled(2, 100)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_is_never_overspent_on_postgresql() {
    let (folder, postgres) = (TempDir::new().unwrap(), Postgres::start(TempDir::new().unwrap()).await.unwrap());
    let database = postgres.create_database("latchkey").await.unwrap();
    race(Installation::create(folder.path(), Some(database)), "budgets on PostgreSQL", scaled(1, 100)).await;
}
