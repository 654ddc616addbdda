//! Generated malformed input over kept connections: nothing is valid, no 5xx, no panic.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_crypto::random;
use proptest::{
    prelude::RngExt,
    test_runner::{RngAlgorithm, TestRng},
};
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use super::{
    installation::{Clients, Installation},
    report::{figure, scaled},
};
use crate::support::{projects::create_project, text};

/// Keys per call of verify-batch.
const BATCH: usize = 950;
/// Requests per pipelined connection, and connections per batch.
const PIPELINE: usize = 20;
const CONNECTIONS: usize = 2;
/// Requests with a damaged head per batch, each on its own connection.
const DAMAGED_HEADS: usize = 10;
/// Inputs per round.
const ROUND: usize = BATCH + PIPELINE * CONNECTIONS + DAMAGED_HEADS;

const TASKS: usize = 4;

/// Longer than every limit of the server on a request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Characters and texts that are special somewhere.
const HOSTILE: &[&str] = &[
    "\0",
    "\t",
    " ",
    "%00",
    "..",
    "/",
    "\\",
    "\"",
    "'",
    ";",
    "--",
    "=",
    "==",
    ".",
    "_",
    "-",
    "\u{202e}",
    "\u{feff}",
    "é",
    "𝕏",
    "\u{301}",
    "{{7*7}}",
    "${x}",
    "<b>",
    "true",
    "null",
    "NaN",
    "-1",
    "1e999",
    "18446744073709551616",
    "lki_",
    "lkc_",
    "lka_",
    "eyJ",
    "Bearer ",
];

/// Names of fields of some request body.
const FIELDS: &[&str] = &[
    "key",
    "keys",
    "scope",
    "kind",
    "corpus",
    "project",
    "cost",
    "ip",
    "name",
    "scopes",
    "metadata",
    "credits",
    "rate_limits",
    "address_rate_limits",
    "allowed_ips",
    "allowed_origins",
    "permissions",
    "duration_days",
    "value",
    "sha256",
    "grace_seconds",
    "external_id",
    "valid",
    "remaining",
    "refill",
    "amount",
    "limit",
    "duration_ms",
];

/// Generates inputs. The same seed generates the same ones.
struct Generator {
    random: TestRng,
    valid: Arc<HashSet<String>>,
    /// Texts that are changed, in a fixed order.
    originals: Arc<Vec<String>>,
    caller: String,
}

impl Generator {
    fn below(&mut self, limit: usize) -> usize {
        self.random.random_range(0..limit)
    }

    fn pick(&mut self, texts: &[&'static str]) -> &'static str {
        texts[self.below(texts.len())]
    }

    fn original(&mut self) -> String {
        let index = self.below(self.originals.len());
        self.originals[index].clone()
    }

    /// A key or token that is not valid.
    fn presented(&mut self) -> String {
        loop {
            let candidate = match self.below(10) {
                0..4 => self.changed_text(),
                4..8 => self.changed_token(),
                8 => self.pick(HOSTILE).repeat(1 + self.below(40)),
                _ => {
                    let length = self.below(120);
                    (0..length).map(|_| char::from(self.random.random_range(0x20..0x7f_u8))).collect()
                }
            };
            if !self.valid.contains(candidate.trim()) {
                return candidate;
            }
        }
    }

    /// An original with one to three changes.
    fn changed_text(&mut self) -> String {
        let mut characters: Vec<char> = self.original().chars().collect();
        for _ in 0..=self.below(3) {
            let position = self.below(characters.len().max(1)).min(characters.len().saturating_sub(1));
            match self.below(7) {
                0 if !characters.is_empty() => characters[position] = char::from(self.random.random_range(0x20..0x7f_u8)),
                1 if !characters.is_empty() => {
                    characters.remove(position);
                }
                2 => characters.truncate(position),
                3 => characters = [&characters[position..], &characters[..position]].concat(),
                4 => characters.extend(self.original().chars()),
                5 if !characters.is_empty() => characters[position] = characters[position].to_ascii_uppercase(),
                _ => {
                    let inserted = self.pick(HOSTILE);
                    drop(characters.splice(position..position, inserted.chars()));
                }
            }
        }
        characters.into_iter().collect()
    }

    /// A token with another header, payload, signature or number of parts.
    fn changed_token(&mut self) -> String {
        let token = self.originals.iter().find(|text| text.starts_with("eyJ")).cloned().unwrap_or_default();
        let mut parts: Vec<String> = token.split('.').map(ToOwned::to_owned).collect();
        let part = self.below(parts.len());
        match self.below(6) {
            0 => parts[0] = encode(&self.header()),
            1 => parts[1] = self.payload(&parts[1]),
            2 => parts[part] = String::new(),
            3 => parts.push(parts[part].clone()),
            4 => drop(parts.remove(part)),
            _ => parts[part] = self.changed_text(),
        }
        parts.join(".")
    }

    fn header(&mut self) -> Value {
        let algorithm = self.pick(&["none", "None", "HS256", "RS256", "ES256", "EdDSA", ""]);
        let name = self.pick(&["kid", "jwk", "jku", "x5u", "crit", "typ"]);
        json!({ "alg": algorithm, "typ": "JWT", name: self.value(2) })
    }

    /// The payload with one claim more, less or changed.
    fn payload(&mut self, original: &str) -> String {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(original).unwrap();
        let mut claims: Map<String, Value> = serde_json::from_slice(&bytes).unwrap();
        let names: Vec<String> = claims.keys().cloned().collect();
        let name = names[self.below(names.len())].clone();
        if self.below(3) == 0 {
            claims.remove(&name);
        } else {
            // An object, which no claim was before.
            claims.insert(name, json!({ "a": self.value(1) }));
        }
        encode(&Value::Object(claims))
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 5 } else { 7 }) {
            0 => Value::Null,
            1 => json!(self.random.random_range(i64::MIN..i64::MAX)),
            2 => json!(f64::from(self.random.random_range(-1000..1000_i32)) / 7.0),
            3 => json!(self.pick(HOSTILE).repeat(1 + self.below(20))),
            4 => json!(self.presented()),
            5 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => self.object(depth - 1),
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        let fields = 1 + self.below(5);
        Value::Object((0..fields).map(|_| (self.pick(FIELDS).to_owned(), self.value(depth))).collect())
    }

    /// A request body: JSON of the wrong form, or damaged JSON.
    fn body(&mut self) -> Vec<u8> {
        let mut object = self.object(3);
        if self.below(2) == 0 {
            object["key"] = json!(self.presented());
        }
        let mut body = object.to_string().into_bytes();
        let position = self.below(body.len());
        match self.below(8) {
            0 => body.truncate(position),
            1 => body[position] = self.random.random_range(0..=u8::MAX),
            2 => body = b"[{\"a\":".repeat(1 + self.below(3000)),
            3 => drop(body.splice(position..position, [0xff, 0xfe])),
            4 => body.extend_from_slice(b"}"),
            _ => {}
        }
        body
    }

    /// A header value without line breaks that is no valid key.
    fn header_value(&mut self) -> String {
        let value: String = self.presented().chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        if self.valid.contains(value.trim()) { "lka_unknown".to_owned() } else { value }
    }

    /// A request to some route with a well-formed head, except for the values of its headers.
    fn request(&mut self, routes: &[(Method, String)], is_last: bool) -> Vec<u8> {
        let (method, path) = &routes[self.below(routes.len())];
        let path = self.path(path);
        // Most requests are authorized, so that their bodies are read.
        let key = if self.below(8) == 0 { self.header_value() } else { self.caller.clone() };
        let body = if *method == Method::GET || *method == Method::HEAD { Vec::new() } else { self.body() };
        let connection = if is_last { "close" } else { "keep-alive" };
        // Forward auth takes the key to verify from `authorization` and the caller's from another header.
        let authorization = if path.contains("/forward-auth") {
            format!("x-latchkey-caller: {key}\r\nauthorization: Bearer {}\r\nx-forwarded-for: {}", self.header_value(), self.header_value())
        } else {
            format!("x-api-key: {key}")
        };
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: {connection}\r\n{authorization}\r\ncontent-length: {length}\r\n\r\n");
        [head.into_bytes(), body].concat()
    }

    /// The path with generated parameters, in visible ASCII, so that the request line stays well-formed.
    fn path(&mut self, template: &str) -> String {
        let mut path = template.to_owned();
        while let (Some(start), Some(end)) = (path.find('{'), path.find('}')) {
            let parameter = self.presented();
            let encoded: String = parameter.bytes().take(100).flat_map(|byte| ["%".to_owned(), format!("{byte:02x}")]).collect();
            path.replace_range(start..=end, if encoded.is_empty() { "%00" } else { &encoded });
        }
        if self.below(4) == 0 {
            path = format!("{path}?{}={}", self.pick(FIELDS), self.pick(&["%00", "%ff", "-1", "%", "1e9", "", "a&a=b"]));
        }
        path
    }

    /// A request with some bytes of its head changed.
    fn damaged_request(&mut self, routes: &[(Method, String)]) -> Vec<u8> {
        let mut request = self.request(routes, true);
        let head = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        for _ in 0..=self.below(4) {
            request[self.below(head)] = self.random.random_range(0..=u8::MAX);
        }
        request
    }
}

fn encode(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

/// The number of answers to some requests; they contain neither a valid verdict nor a 5xx status.
async fn exchange(address: &str, requests: &[u8], half_close: bool) -> usize {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let mut answers = Vec::new();
    let send = async {
        // The server may disconnect before it has read everything.
        let is_sent = writing.write_all(requests).await.is_ok();
        if is_sent && half_close {
            let _ = writing.shutdown().await;
        }
    };
    let receive = async {
        let _ = reading.read_to_end(&mut answers).await;
    };
    timeout(TIMEOUT, async { tokio::join!(send, receive) }).await.expect("the server closes the connection");
    let answers = String::from_utf8_lossy(&answers).to_ascii_lowercase();
    let shown = || String::from_utf8_lossy(requests);
    assert!(!answers.contains("http/1.1 5"), "{answers}\nto\n{}", shown());
    for verdict in [r#""valid":true"#, r#""code":"valid""#, "x-latchkey-code: valid"] {
        assert!(!answers.contains(verdict), "{answers}\nto\n{}", shown());
    }
    answers.matches("http/1.1 ").count()
}

/// Sends `rounds` rounds of malformed input. Returns the number of requests that were answered.
async fn attack(mut generator: Generator, clients: Clients, routes: Arc<Vec<(Method, String)>>, rounds: usize) -> usize {
    let address = clients.api.url.trim_start_matches("http://").to_owned();
    let mut answered = 0;
    for _ in 0..rounds {
        let keys: Vec<Value> = (0..BATCH).map(|_| json!({ "key": generator.presented() })).collect();
        let (status, verdicts) = clients.api.post("/verify-batch", json!({ "keys": keys })).await;
        assert_eq!(status, StatusCode::OK, "{verdicts}");
        let verdicts = verdicts["items"].as_array().unwrap();
        assert_eq!(verdicts.len(), BATCH);
        for (key, verdict) in keys.iter().zip(verdicts) {
            assert!(verdict["valid"] == false && verdict["code"] != "VALID", "{key}: {verdict}");
        }
        for _ in 0..CONNECTIONS {
            let requests: Vec<u8> = (1..=PIPELINE).flat_map(|number| generator.request(&routes, number == PIPELINE)).collect();
            answered += exchange(&address, &requests, false).await;
        }
        for _ in 0..DAMAGED_HEADS {
            let request = generator.damaged_request(&routes);
            exchange(&address, &request, true).await;
        }
    }
    answered
}

/// Every route except those that describe verdicts in their response.
fn routes() -> Vec<(Method, String)> {
    let all = latchkey_rest::route_table().into_iter().map(|route| (route.method, route.path));
    all.filter(|(_, path)| !matches!(path.as_str(), "/api/v1/openapi.json" | "/openapi.json" | "/metrics")).collect()
}

/// The token of a project key.
async fn project_token(clients: &Clients) -> String {
    let project = create_project(&clients.owner, "Genomes").await;
    let (_, template) = clients.owner.call("templates/create", json!({ "project": project })).await;
    let edit = json!({ "which": "name", "before": template["name"], "after": "Reader" });
    let (status, named) = clients.owner.call("templates/edit", json!({ "id": template["id"], "edit": edit })).await;
    assert_eq!(status, StatusCode::OK, "{named}");
    let (status, requested) = clients.viewer.call("access-requests/create", json!({ "template": template["id"] })).await;
    assert_eq!(status, StatusCode::OK, "{requested}");
    let card = async || {
        let (_, cards) = clients.viewer.call("access-requests/cards", json!({ "project": project })).await;
        cards["tiles"][0].clone()
    };
    let (status, approved) = clients.owner.call("access-requests/approve", json!({ "id": card().await["pending"]["id"] })).await;
    assert_eq!(status, StatusCode::OK, "{approved}");
    let (status, token) = clients.viewer.call("issued/reveal", json!({ "id": card().await["key"]["id"] })).await;
    assert_eq!(status, StatusCode::OK, "{token}");
    text(&token)
}

/// The seed of an earlier run in `LATCHKEY_SEED`, or a new one.
fn seed() -> u64 {
    std::env::var("LATCHKEY_SEED").map_or_else(|_| u64::from_be_bytes(random::bytes()), |seed| seed.parse().unwrap())
}

fn generator(seed: u64, task: usize, valid: &Arc<HashSet<String>>, originals: &Arc<Vec<String>>, caller: &str) -> Generator {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    bytes[8..16].copy_from_slice(&u64::try_from(task).unwrap().to_be_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    Generator { random, valid: Arc::clone(valid), originals: Arc::clone(originals), caller: caller.to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_input_is_never_valid_and_never_a_server_error() {
    let folder = TempDir::new().unwrap();
    let installation = Installation::create(folder.path(), None);
    let running = installation.serve_with(|command| {
        // A line for each rejected request would fill the memory of this process.
        command.env("LATCHKEY_LOG", "error,latchkey_program=info");
    });
    let clients = installation.clients(&running).await;
    let agent = clients.owner.agent_key("agent").await.1;
    let (_, client) = clients.api.post("/keys", json!({ "kind": "client", "name": "client" })).await;
    let token = project_token(&clients).await;
    let originals = Arc::new(vec![clients.api.key.clone(), agent, text(&client["secret"]), token]);
    let valid = Arc::new(originals.iter().cloned().collect::<HashSet<_>>());
    let (seed, started) = (seed(), Instant::now());
    println!("LATCHKEY_SEED={seed}");
    let rounds = scaled(100_000, 10_000_000) / ROUND / TASKS;
    let (routes, mut tasks) = (Arc::new(routes()), JoinSet::new());
    for task in 0..TASKS {
        let generator = generator(seed, task, &valid, &originals, &clients.api.key);
        tasks.spawn(attack(generator, clients.clone(), Arc::clone(&routes), rounds));
    }
    let mut answered = 0;
    while let Some(result) = tasks.join_next().await {
        answered += result.unwrap();
    }
    let (inputs, pipelined) = (rounds * TASKS * ROUND, rounds * TASKS * PIPELINE * CONNECTIONS);
    assert!(answered * 10 >= pipelined, "only {answered} of {pipelined} pipelined requests were answered");
    for key in &*originals {
        assert_eq!(clients.api.verify(key).await, "VALID", "the server still works");
    }
    let output = running.process.stop();
    assert!(!output.contains("panicked"), "{output}");
    figure(
        "malformed input",
        format_args!(
            "{inputs} inputs in {} s, {answered} of {pipelined} pipelined requests answered: none valid, no 5xx, no panic",
            started.elapsed().as_secs()
        ),
    );
}
