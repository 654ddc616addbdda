//! `latchkey verify`: is this key good?

use std::net::IpAddr;

use clap::Args;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::Value;

use super::{
    AFTER_HELP,
    client::{Client, ClientOptions},
    input, print, table,
    trouble::Trouble,
};
use crate::model::time::Timestamp;

/// What `--help` says of the key itself.
const BEFORE_HELP: &str = "The key comes from LATCHKEY_KEY, or else from standard input: typed unseen, or the first line of what is piped in.";

/// What to ask of a key.
#[derive(Debug, Args)]
#[command(before_help = BEFORE_HELP, after_help = AFTER_HELP)]
pub struct VerifyOptions {
    #[command(flatten)]
    client: ClientOptions,
    /// It must have this scope
    #[arg(long)]
    scope: Option<String>,
    /// It must open the corpus with this id
    #[arg(long, value_name = "ID")]
    corpus: Option<i64>,
    /// It must be a key of the project with this id
    #[arg(long, value_name = "ID")]
    project: Option<String>,
    /// How many credits to take, if it is valid; 0 takes none [default: 1]
    #[arg(long, value_name = "N")]
    cost: Option<u32>,
    /// The address from which it was presented
    #[arg(long)]
    ip: Option<IpAddr>,
    /// Taken only to be refused: clap would repeat it on standard error.
    #[arg(hide = true)]
    misplaced: Option<String>,
}

#[derive(Serialize)]
struct Ask<'a> {
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

/// Asks, and prints the verdict.
///
/// # Errors
/// [`Trouble::NotValid`] for a key that was judged and is not valid; the others when it was not judged.
pub async fn run(options: VerifyOptions) -> Result<(), Trouble> {
    if options.misplaced.is_some() {
        return Err(Trouble::usage("a key is never an argument, which everybody on the machine sees: pipe it in, or put it into LATCHKEY_KEY"));
    }
    let key = match input::from_environment("LATCHKEY_KEY") {
        Some(key) => key,
        None if options.client.reads_stdin() => {
            return Err(Trouble::usage("standard input can't be both keys: put the one to verify into LATCHKEY_KEY"));
        }
        None => input::typed_secret("Key to verify: ")?,
    };
    let client = Client::new(&options.client)?;
    let VerifyOptions { scope, corpus, project, cost, ip, client: ClientOptions { json, .. }, .. } = &options;
    let ask = Ask { key: key.expose_secret(), scope, corpus: *corpus, project, cost: *cost, ip: *ip };
    let answer = client.send(client.request(Method::POST, "verify").json(&ask)).await?;
    print::line(&if *json { answer.text } else { told(&answer.json) })?;
    if answer.json["valid"] == true { Ok(()) } else { Err(Trouble::NotValid) }
}

fn told(verdict: &Value) -> String {
    let text = |field: &str| verdict[field].as_str().map(ToOwned::to_owned);
    table::of_facts(vec![
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
        ("ends", table::moment(verdict["expires_at"].as_str(), Timestamp::now())),
        ("request", text("request_id")),
    ])
}
