//! The log of `latchkey serve` as JSON: one line a call, and never a secret.

use std::cell::RefCell;

use reqwest::{Client, redirect::Policy};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{PASSWORD, latchkey, running::Running, text};

const PLANTED: &str = "lka_plantedPlantedPlantedPlantedPlantedPlanted0123456789";

/// Every line, each an object.
fn lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn of_calls(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line["message"] == "call").collect()
}

#[tokio::test]
async fn each_call_is_one_line_of_json_that_names_it_as_its_answer_does_and_holds_no_secret() {
    let data = TempDir::new().unwrap();
    let running = Running::start_with(data.path(), |command| _ = command.env("LATCHKEY_LOG_FORMAT", "json"));
    let url = text(&lines(&format!("{}\n", running.line_of_log("Latchkey is at ")))[0]["message"])
        .split_once("at ")
        .unwrap()
        .1
        .trim_end_matches('/')
        .to_owned();
    let made = ["admin", "create-user", "--email", "a@b", "--name", "A", "--role", "owner", "--organization", "B", "--password-stdin"];
    assert!(latchkey(data.path(), &made, PASSWORD).status.success());
    let key = String::from_utf8(latchkey(data.path(), &["admin", "create-key", "--name", "k", "--days", "30"], "").stdout).unwrap();
    let (key, client) = (key.trim(), Client::builder().redirect(Policy::none()).build().unwrap());

    let answers = RefCell::new(Vec::new());
    let call = async |request: reqwest::RequestBuilder| {
        let answer = request.header("x-request-id", PLANTED).header("cookie", format!("latchkey={PLANTED}")).send().await.unwrap();
        let (status, id) = (answer.status().as_u16(), answer.headers()["x-request-id"].to_str().unwrap().to_owned());
        let body = answer.text().await.unwrap();
        answers.borrow_mut().push((status, id, body));
    };
    let at = |path: &str| format!("{url}{path}");
    call(client.post(at("/api/v1/keys")).bearer_auth(key).json(&json!({ "kind": "agent", "name": "n" }))).await;
    call(client.get(at(&format!("/api/v1/keys?q={PLANTED}"))).header("x-api-key", key)).await;
    call(client.get(at(&format!("/api/v1/keys/{PLANTED}?key={key}"))).header("x-api-key", key)).await;
    call(client.get(at("/api/v1/keys")).header("x-api-key", PLANTED)).await;
    call(client.post(at("/api/v1/keys")).header("x-api-key", key).body(format!("{{\"name\":\"{PLANTED}"))).await;
    call(client.post(at("/api/v1/keys/import")).header("x-api-key", key).json(&json!({ "sha256": PLANTED, "name": "n" }))).await;
    call(client.post(at("/fn/account/sign-in")).header("origin", &url).json(&json!({ "email": "a@b", "password": PASSWORD }))).await;
    call(client.post(at("/fn/account/sign-in")).header("origin", &url).json(&json!({ "email": "a@b", "password": PLANTED }))).await;
    call(client.get(at(&format!("/nowhere/{PLANTED}?key={PLANTED}")))).await;
    call(client.get(at("/keys/agent"))).await;
    call(client.post(at("/api/v1/verify")).header("x-api-key", PLANTED).json(&json!({ "key": PLANTED }))).await;
    call(client.post(at("/api/v1/verify")).header("x-api-key", key).body(PLANTED)).await;
    call(client.post(at("/api/v1/verify")).header("x-api-key", key).json(&json!({ "key": PLANTED }))).await;
    let log = running.ended_log();

    let (answers, lines) = (answers.into_inner(), lines(&log));
    let calls = of_calls(&lines);
    assert_eq!(calls.len(), answers.len() - 1, "a judgement has no line: {log}");
    for ((status, id, body), line) in answers.iter().zip(&calls) {
        assert_eq!((line["status"].as_u64(), line["request_id"].as_str()), (Some(u64::from(*status)), Some(id.as_str())), "{line}");
        assert!(line["method"].is_string() && line["route"].is_string() && line["ms"].is_number() && line["timestamp"].is_string(), "{line}");
        let problem = serde_json::from_str::<Value>(body).unwrap_or_default();
        assert!(problem["type"].is_null() || problem["request_id"] == **id, "{body} of {id}");
    }
    assert_eq!(calls[2]["route"], "/api/v1/keys/{id}");
    assert!(calls[0]["organization"].as_str().unwrap().starts_with("org_") && calls[0]["key"].as_str().unwrap().starts_with("key_"), "{}", calls[0]);
    assert!(calls[0]["user"].as_str().unwrap().starts_with("usr_") && calls[3]["key"].is_null());
    assert_eq!((&calls[3]["code"], &calls[0]["code"]), (&json!("invalid_api_key"), &Value::Null));
    assert_eq!((&calls[10]["code"], &calls[10]["route"]), (&json!("invalid_api_key"), &json!("/api/v1/verify")));
    let made = serde_json::from_str::<Value>(&answers[0].2).unwrap();
    for secret in [PLANTED, key, made["secret"].as_str().unwrap(), PASSWORD] {
        assert!(!log.contains(secret) && !log.contains(&secret[4..]), "{}… is in the log", &secret[..8]);
    }
}

#[tokio::test]
async fn whoever_is_refused_without_end_fills_no_disk() {
    let data = TempDir::new().unwrap();
    let running = Running::start_with(data.path(), |command| _ = command.env("LATCHKEY_LOG_FORMAT", "json").env("LATCHKEY_LOG", "info"));
    let url = text(&lines(&format!("{}\n", running.line_of_log("Latchkey is at ")))[0]["message"]).split_once("at ").unwrap().1.to_owned();
    let client = Client::new();
    let begun = std::time::Instant::now();
    for _ in 0..500 {
        assert_eq!(client.post(format!("{url}api/v1/verify")).header("x-api-key", PLANTED).send().await.unwrap().status(), 401);
    }
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap() + 2;
    let lines = lines(&running.ended_log());
    let told = of_calls(&lines).len();
    assert!((10..=10 * seconds).contains(&told), "{told} lines in {seconds} s");
}
