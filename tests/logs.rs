//! The JSON log of `latchkey serve`: one line per request, without secrets.

use std::cell::RefCell;

use reqwest::{Client, redirect::Policy};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{PASSWORD, latchkey, serve_process::ServeProcess, text};

const PLANTED: &str = "lka_plantedPlantedPlantedPlantedPlantedPlanted0123456789";

/// Parses each line as a JSON object.
fn lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn request_lines(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line["message"] == "call").collect()
}

#[tokio::test]
async fn each_request_logs_one_json_line_without_secrets() {
    let data = TempDir::new().unwrap();
    let running = ServeProcess::start_with(data.path(), |command| _ = command.env("LATCHKEY_LOG_FORMAT", "json"));
    let url = text(&lines(&format!("{}\n", running.log_line("Latchkey is at ")))[0]["message"])
        .split_once("at ")
        .unwrap()
        .1
        .trim_end_matches('/')
        .to_owned();
    let create_user = ["admin", "create-user", "--email", "a@b", "--name", "A", "--role", "owner", "--organization", "B", "--password-stdin"];
    assert!(latchkey(data.path(), &create_user, PASSWORD).status.success());
    let key = String::from_utf8(latchkey(data.path(), &["admin", "create-key", "--name", "k", "--days", "30"], "").stdout).unwrap();
    let (key, client) = (key.trim(), Client::builder().redirect(Policy::none()).build().unwrap());

    let responses = RefCell::new(Vec::new());
    let send = async |request: reqwest::RequestBuilder| {
        let response = request.header("x-request-id", PLANTED).header("cookie", format!("latchkey={PLANTED}")).send().await.unwrap();
        let (status, id) = (response.status().as_u16(), response.headers()["x-request-id"].to_str().unwrap().to_owned());
        let body = response.text().await.unwrap();
        responses.borrow_mut().push((status, id, body));
    };
    let at = |path: &str| format!("{url}{path}");
    send(client.post(at("/api/v1/keys")).bearer_auth(key).json(&json!({ "kind": "agent", "name": "n" }))).await;
    send(client.get(at(&format!("/api/v1/keys?q={PLANTED}"))).header("x-api-key", key)).await;
    send(client.get(at(&format!("/api/v1/keys/{PLANTED}?key={key}"))).header("x-api-key", key)).await;
    send(client.get(at("/api/v1/keys")).header("x-api-key", PLANTED)).await;
    send(client.post(at("/api/v1/keys")).header("x-api-key", key).body(format!("{{\"name\":\"{PLANTED}"))).await;
    send(client.post(at("/api/v1/keys/import")).header("x-api-key", key).json(&json!({ "sha256": PLANTED, "name": "n" }))).await;
    send(client.post(at("/fn/account/sign-in")).header("origin", &url).json(&json!({ "email": "a@b", "password": PASSWORD }))).await;
    send(client.post(at("/fn/account/sign-in")).header("origin", &url).json(&json!({ "email": "a@b", "password": PLANTED }))).await;
    send(client.get(at(&format!("/nowhere/{PLANTED}?key={PLANTED}")))).await;
    send(client.get(at("/keys/agent"))).await;
    send(client.post(at("/api/v1/verify")).header("x-api-key", PLANTED).json(&json!({ "key": PLANTED }))).await;
    send(client.post(at("/api/v1/verify")).header("x-api-key", key).body(PLANTED)).await;
    send(client.post(at("/api/v1/verify")).header("x-api-key", key).json(&json!({ "key": PLANTED }))).await;
    let log = running.stop_and_read_log();

    let (responses, lines) = (responses.into_inner(), lines(&log));
    let requests = request_lines(&lines);
    assert_eq!(requests.len(), responses.len() - 1, "a verification is not logged: {log}");
    for ((status, id, body), line) in responses.iter().zip(&requests) {
        assert_eq!((line["status"].as_u64(), line["request_id"].as_str()), (Some(u64::from(*status)), Some(id.as_str())), "{line}");
        assert!(line["method"].is_string() && line["route"].is_string() && line["ms"].is_number() && line["timestamp"].is_string(), "{line}");
        let problem = serde_json::from_str::<Value>(body).unwrap_or_default();
        assert!(problem["type"].is_null() || problem["request_id"] == **id, "{body} of {id}");
    }
    assert_eq!(requests[2]["route"], "/api/v1/keys/{id}");
    assert!(
        requests[0]["organization"].as_str().unwrap().starts_with("org_") && requests[0]["key"].as_str().unwrap().starts_with("key_"),
        "{}",
        requests[0]
    );
    assert!(requests[0]["user"].as_str().unwrap().starts_with("usr_") && requests[3]["key"].is_null());
    assert_eq!((&requests[3]["code"], &requests[0]["code"]), (&json!("invalid_api_key"), &Value::Null));
    assert_eq!((&requests[10]["code"], &requests[10]["route"]), (&json!("invalid_api_key"), &json!("/api/v1/verify")));
    let created = serde_json::from_str::<Value>(&responses[0].2).unwrap();
    for secret in [PLANTED, key, created["secret"].as_str().unwrap(), PASSWORD] {
        assert!(!log.contains(secret) && !log.contains(&secret[4..]), "{}… is in the log", &secret[..8]);
    }
}

#[tokio::test]
async fn log_lines_of_rejected_requests_are_limited() {
    let data = TempDir::new().unwrap();
    let running = ServeProcess::start_with(data.path(), |command| _ = command.env("LATCHKEY_LOG_FORMAT", "json").env("LATCHKEY_LOG", "info"));
    let url = text(&lines(&format!("{}\n", running.log_line("Latchkey is at ")))[0]["message"]).split_once("at ").unwrap().1.to_owned();
    let client = Client::new();
    let started = std::time::Instant::now();
    for _ in 0..500 {
        assert_eq!(client.post(format!("{url}api/v1/verify")).header("x-api-key", PLANTED).send().await.unwrap().status(), 401);
    }
    let seconds = usize::try_from(started.elapsed().as_secs()).unwrap() + 2;
    let lines = lines(&running.stop_and_read_log());
    let count = request_lines(&lines).len();
    assert!((10..=10 * seconds).contains(&count), "{count} lines in {seconds} s");
}
