//! `latchkey verify`: verifies a key.

use std::net::IpAddr;

use clap::Args;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::Value;

use super::{
    AFTER_HELP,
    client::{Client, ClientOptions},
    error::CliError,
    input, print, table,
};
use latchkey_types::time::Timestamp;

/// Help text about the key to verify.
const BEFORE_HELP: &str =
    "The key to verify comes from LATCHKEY_KEY, or from standard input: a prompt without echo on a terminal, else the first line.";

#[derive(Debug, Args)]
#[command(before_help = BEFORE_HELP, after_help = AFTER_HELP)]
pub struct VerifyOptions {
    #[command(flatten)]
    client: ClientOptions,
    /// Require this scope
    #[arg(long)]
    scope: Option<String>,
    /// Require access to the corpus with this id
    #[arg(long, value_name = "ID")]
    corpus: Option<i64>,
    /// Require a key of the project with this id
    #[arg(long, value_name = "ID")]
    project: Option<String>,
    /// Credits to use if the key is valid; 0 uses none [default: 1]
    #[arg(long, value_name = "N")]
    cost: Option<u32>,
    /// IP address of the key's caller
    #[arg(long)]
    ip: Option<IpAddr>,
    /// Accepted only to reject it without repeating it: clap would print it to standard error.
    #[arg(hide = true)]
    misplaced: Option<String>,
}

#[derive(Serialize)]
struct VerifyRequest<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    corpus: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<IpAddr>,
}

/// Verifies a key and prints the verdict.
///
/// # Errors
/// [`CliError::NotValid`] if the verdict is not VALID; other variants if there is no verdict.
pub async fn run(options: VerifyOptions) -> Result<(), CliError> {
    if options.misplaced.is_some() {
        return Err(CliError::usage("keys are not accepted as arguments, which other users can see: set LATCHKEY_KEY or use standard input"));
    }
    let key = match input::from_environment("LATCHKEY_KEY") {
        Some(key) => key,
        None if options.client.reads_stdin() => {
            return Err(CliError::usage("standard input can't provide both keys: set LATCHKEY_KEY to the key to verify"));
        }
        None => input::prompt_secret("Key to verify: ")?,
    };
    let client = Client::new(&options.client)?;
    let VerifyOptions { scope, corpus, project, cost, ip, client: ClientOptions { json, .. }, .. } = &options;
    let request = VerifyRequest { key: key.expose_secret(), scope, corpus: *corpus, project, cost: *cost, ip: *ip };
    let response = client.send(client.request(Method::POST, "verify").json(&request)).await?;
    print::line(&if *json { response.text } else { facts(&response.json) })?;
    if response.json["valid"] == true { Ok(()) } else { Err(CliError::NotValid) }
}

fn facts(verdict: &Value) -> String {
    let text = |field: &str| verdict[field].as_str().map(ToOwned::to_owned);
    table::format_fields(vec![
        ("verdict", text("code")),
        ("key", text("key_id")),
        ("name", text("name")),
        ("kind", text("kind")),
        ("scopes", super::keys::view::listed(&verdict["scopes"])),
        ("corpora", super::keys::view::listed(&verdict["corpora"])),
        ("external id", text("external_id")),
        ("metadata", super::keys::view::json(&verdict["metadata"])),
        ("project", text("project_id")),
        ("role", text("role")),
        ("expires", table::moment(verdict["expires_at"].as_str(), Timestamp::now())),
        ("request", text("request_id")),
    ])
}
