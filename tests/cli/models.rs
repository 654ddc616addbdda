//! `latchkey models` and `latchkey providers` against a running server, and the commands of docs/models.md.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use super::Cli;
use crate::support::{
    ApiClient, TestServer,
    services::{MockService, allow_loopback},
    text,
    upstream::{Script, Upstream},
};

async fn start() -> (TestServer, ApiClient, Cli) {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let cli = Cli { url: server.url.clone(), key: api.key.clone() };
    (server, api, cli)
}

#[tokio::test]
async fn provider_is_created_shown_changed_and_deleted() {
    let (_server, api, cli) = start().await;
    let (_, created) = api.post("/credentials", json!({ "kind": "general", "name": "a", "value": "sk-0123456789" })).await;
    let credential = text(&created["credential"]["id"]);
    let arguments = ["providers", "create", "--name", "Azure", "--base-url", "https://azure.example.com/v1", "--credential-header", "api-key"];
    let created = cli.run(&[&arguments[..], &["--credential", &credential, "--json"]].concat()).await.json();
    let id = text(&created["id"]);
    assert_eq!((&created["style"], &created["credential_header"], &created["credential"]), (&json!("openai"), &json!("api-key"), &json!(credential)));
    assert_eq!(cli.run(&["providers", "get", &id, "--json"]).await.json(), api.get(&format!("/providers/{id}")).await.1, "the API's own JSON");
    let shown = cli.run(&["providers", "get", &id]).await.out;
    for text in ["Azure", "openai", "https://azure.example.com/v1", "api-key", &credential, "0 calls"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    assert_eq!(cli.run(&["providers", "list", "--json"]).await.json(), api.get("/providers").await.1);
    let table = cli.run(&["providers", "list"]).await.out;
    assert!(table.starts_with("ID") && table.contains(&id) && table.lines().count() == 2, "{table}");

    let moved = cli.run(&["providers", "edit", &id, "--base-url", "https://other.example.com"]).await;
    assert!(moved.exit == 0 && moved.out.contains("because the base URL changed"), "{} {}", moved.out, moved.err);
    let edited = cli.run(&["providers", "edit", &id, "--name", "b", "--style", "anthropic", "--clear", "credential-header", "--json"]).await.json();
    assert_eq!((&edited["name"], &edited["style"], &edited["credential_header"]), (&json!("b"), &json!("anthropic"), &Value::Null));

    let unconfirmed = cli.run(&["providers", "delete", &id]).await;
    assert!(unconfirmed.exit == 2 && unconfirmed.err.contains("--yes"), "{}", unconfirmed.err);
    assert_eq!(cli.run(&["providers", "delete", "--yes", &id]).await.out, format!("Deleted {id}.\n"));
    let unknown = cli.run(&["providers", "get", &id]).await;
    assert!(unknown.exit == 3 && unknown.err.contains("not_found"), "{}", unknown.err);
}

#[tokio::test]
async fn model_is_created_shown_changed_and_deleted() {
    let (_server, api, cli) = start().await;
    let arguments = ["providers", "create", "--name", "Local", "--base-url", "https://llm.example.com/v1", "--json"];
    let provider = text(&cli.run(&arguments).await.json()["id"]);
    let other = text(&cli.run(&["models", "create", "--provider", &provider, "--name", "other", "--json"]).await.json()["id"]);
    let arguments = [
        "models",
        "create",
        "--provider",
        &provider,
        "--name",
        "fast",
        "--upstream-name",
        "llama-3.3-70b",
        "--price",
        "input=0.59,output=0.79",
        "--context-tokens",
        "131072",
        "--output-tokens",
        "32768",
        "--fallback",
        &other,
        "--json",
    ];
    let created = cli.run(&arguments).await.json();
    let id = text(&created["id"]);
    assert_eq!((&created["upstream_name"], &created["price_source"]), (&json!("llama-3.3-70b"), &json!("own")));
    assert_eq!(created["price"], json!({ "input": "0.59", "cached_input": null, "cache_write": null, "output": "0.79" }));
    assert_eq!((&created["context_tokens"], &created["output_tokens"], &created["fallbacks"]), (&json!(131_072), &json!(32_768), &json!([other])));
    assert_eq!(cli.run(&["models", "get", &id, "--json"]).await.json(), api.get(&format!("/models/{id}")).await.1, "the API's own JSON");
    let shown = cli.run(&["models", "get", &id]).await.out;
    for text in ["fast", "llama-3.3-70b", "input=0.59,output=0.79", "131072", "32768", &other, &provider] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    assert_eq!(cli.run(&["models", "list", "--json"]).await.json(), api.get("/models").await.1);
    let table = cli.run(&["models", "list"]).await.out;
    assert!(table.starts_with("ID") && table.contains(&id) && table.contains("calls are refused") && table.lines().count() == 3, "{table}");

    let clear = ["--clear", "price", "--clear", "context-tokens", "--clear", "output-tokens", "--clear", "fallbacks", "--allow-unpriced"];
    let edited = cli.run(&[&["models", "edit", &id, "--name", "quick", "--json"][..], &clear].concat()).await.json();
    assert_eq!((&edited["name"], &edited["price"], &edited["allow_unpriced"]), (&json!("quick"), &Value::Null, &json!(true)));
    assert_eq!((&edited["has_own_limits"], &edited["fallbacks"]), (&json!(false), &json!([])));
    assert_eq!(cli.run(&["models", "edit", &id, "--clear", "allow-unpriced", "--json"]).await.json()["allow_unpriced"], false);
    assert_eq!(cli.run(&["models", "delete", "--yes", &id]).await.out, format!("Deleted {id}.\n"));
    assert_eq!(cli.run(&["models", "get", &id]).await.exit, 3);
}

#[tokio::test]
async fn alias_is_created_shown_changed_and_deleted() {
    let (_server, api, cli) = start().await;
    let arguments = ["providers", "create", "--name", "Local", "--base-url", "https://llm.example.com/v1", "--json"];
    let provider = text(&cli.run(&arguments).await.json()["id"]);
    let first = text(&cli.run(&["models", "create", "--provider", &provider, "--name", "first", "--json"]).await.json()["id"]);
    let second = text(&cli.run(&["models", "create", "--provider", &provider, "--name", "second", "--json"]).await.json()["id"]);

    let weighted = format!("{second},priority=2,weight=3");
    let arguments = ["models", "aliases", "create", "--name", "best", "--target", &weighted, "--target", &first, "--json"];
    let created = cli.run(&arguments).await.json();
    let id = text(&created["id"]);
    let targets = json!([{ "model": first, "priority": 1, "weight": 1 }, { "model": second, "priority": 2, "weight": 3 }]);
    assert_eq!((&created["name"], &created["targets"]), (&json!("best"), &targets));
    let shown = cli.run(&["models", "aliases", "get", &id, "--json"]).await.json();
    assert_eq!(shown, api.get(&format!("/aliases/{id}")).await.1, "the API's own JSON");
    let shown = cli.run(&["models", "aliases", "get", &id]).await.out;
    for text in ["best", &id, &format!("{first},priority=1,weight=1"), &weighted] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    assert_eq!(cli.run(&["models", "aliases", "list", "--json"]).await.json(), api.get("/aliases").await.1);
    let table = cli.run(&["models", "aliases", "list"]).await.out;
    assert!(table.starts_with("ID") && table.contains(&id) && table.contains(&weighted) && table.lines().count() == 2, "{table}");

    let renamed = cli.run(&["models", "aliases", "edit", &id, "--name", "fast", "--json"]).await.json();
    assert_eq!((&renamed["name"], &renamed["targets"]), (&json!("fast"), &targets));
    let edited = cli.run(&["models", "aliases", "update", &id, "--target", &second, "--json"]).await.json();
    assert_eq!((&edited["name"], &edited["targets"]), (&json!("fast"), &json!([{ "model": second, "priority": 1, "weight": 1 }])));

    let unconfirmed = cli.run(&["models", "aliases", "delete", &id]).await;
    assert!(unconfirmed.exit == 2 && unconfirmed.err.contains("--yes"), "{}", unconfirmed.err);
    assert_eq!(cli.run(&["models", "aliases", "delete", "--yes", &id]).await.out, format!("Deleted {id}.\n"));
    assert_eq!(cli.run(&["models", "aliases", "get", &id]).await.exit, 3);
    assert_eq!(cli.run(&["models", "get", &second]).await.exit, 0, "models are kept");
}

#[tokio::test]
async fn models_and_budget_of_a_key_are_set_and_cleared() {
    let (_server, _api, cli) = start().await;
    let limits = ["--model", "gpt-*", "--model", "best", "--budget", "12.50/month", "--tokens-per-minute", "1000", "--max-parallel", "4"];
    let limits = [&limits[..], &["--log-bodies", "true"]].concat();
    let key = cli.run(&[&["keys", "create", "--kind", "client", "--name", "a", "--json"][..], &limits].concat()).await.json()["key"].clone();
    let id = text(&key["id"]);
    assert_eq!((&key["models"], &key["tokens_per_minute"], &key["max_parallel"]), (&json!(["gpt-*", "best"]), &json!(1000), &json!(4)));
    assert_eq!((&key["budget"]["limit"], &key["budget"]["unit"], &key["budget"]["period"]), (&json!("12.5"), &json!("usd"), &json!("month")));
    assert_eq!(key["log_bodies"], true);
    assert_eq!(cli.run(&["keys", "edit", &id, "--log-bodies", "false", "--json"]).await.json()["log_bodies"], false);
    let edited = cli.run(&["keys", "edit", &id, "--budget", "tokens=5/day", "--json"]).await.json();
    assert_eq!((&edited["budget"]["limit"], &edited["budget"]["unit"], &edited["models"]), (&json!(5), &json!("tokens"), &key["models"]));
    let clear = ["--clear", "models", "--clear", "budget", "--clear", "tokens-per-minute", "--clear", "max-parallel"];
    let edited = cli.run(&[&["keys", "edit", &id, "--json"][..], &clear].concat()).await.json();
    for field in ["models", "budget", "tokens_per_minute", "max_parallel"] {
        assert_eq!(edited[field], Value::Null, "{field}");
    }
    assert_eq!(cli.run(&["keys", "edit", &id, "--budget", "12.50"]).await.exit, 2);
}

#[tokio::test]
async fn invalid_usage_is_reported_before_any_request() {
    let mock = MockService::start().await;
    let cli = Cli { url: mock.url.clone(), key: "lki_key".to_owned() };
    let (model, provider, secret) = ("mdl_00000000000000000000000000000000", "prv_00000000000000000000000000000000", "sk-pasted-by-mistake");
    let alias = "als_00000000000000000000000000000000";
    for arguments in [
        &["models", "get", secret][..],
        &["models", "get", provider],
        &["models", "delete", "--yes", secret],
        &["models", "edit", model],
        &["models", "edit", model, "--credential", secret],
        &["models", "edit", model, "--price", "2.5"],
        &["models", "edit", model, "--price", "input=1,output=1", "--clear", "price"],
        &["models", "edit", model, "--fallback", secret],
        &["models", "create", "--name", "a"],
        &["models", "create", "--provider", secret, "--name", "a"],
        &["models", "aliases", "get", secret],
        &["models", "aliases", "get", model],
        &["models", "aliases", "delete", "--yes", secret],
        &["models", "aliases", "edit", alias],
        &["models", "aliases", "edit", alias, "--target", secret],
        &["models", "aliases", "edit", alias, "--target", "mdl_00000000000000000000000000000000,sk-pasted-by-mistake"],
        &["models", "aliases", "create", "--name", "a"],
        &["models", "aliases", "create", "--name", "a", "--target", provider],
        &["providers", "get", secret],
        &["providers", "edit", provider],
        &["providers", "edit", provider, "--credential", secret],
        &["providers", "create", "--name", "a"],
        &["providers", "create", "--name", "a", "--base-url", "https://a", "--style", "vertex"],
    ] {
        let rejected = cli.run(arguments).await;
        assert!(rejected.exit == 2 && rejected.out.is_empty(), "{arguments:?}: {} {}", rejected.exit, rejected.out);
        assert!(!rejected.err.contains(secret), "{arguments:?}: {}", rejected.err);
    }
    assert_eq!(mock.request_count(), 0);
}

const DOCS: &str = include_str!("../../docs/models.md");
const LATCHKEY: &str = "http://127.0.0.1:3000";
const API: &str = "https://api.openai.com/v1";

#[tokio::test]
async fn documented_commands_call_a_model() {
    let (server, upstream) = (TestServer::start_with(allow_loopback).await, Upstream::start().await);
    server.user("owner", "acme").await;
    let completion = r#"{"choices":[{"message":{"content":"Hello!"}}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;
    upstream.respond(Script::response(200, &[("content-type", "application/json")], completion));
    let commands = DOCS.split_once("```sh\n").unwrap().1.split_once("```").unwrap().0;
    assert!(commands.contains(LATCHKEY) && commands.contains(API) && commands.lines().count() <= 10);

    let folder = Path::new(env!("CARGO_BIN_EXE_latchkey")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &commands.replace(LATCHKEY, &server.url).replace(API, &upstream.url)]).env("PATH", path);
    shell.env("LATCHKEY_URL", &server.url).env("LATCHKEY_DATA", server.data.path()).env_remove("LATCHKEY_MASTER_KEY");
    shell.env("OPENAI_API_KEY", "sk-0123456789");
    // On another thread, because the upstream needs this one.
    let output = tokio::task::spawn_blocking(move || shell.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.ends_with(completion.as_bytes()), "{output:?}");
    let request = upstream.last_request();
    assert_eq!((request.target(), request.header("authorization")), ("/chat/completions", Some("Bearer sk-0123456789")));
}
