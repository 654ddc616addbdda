//! `latchkey verify`: verifies a key.

use std::net::IpAddr;

use clap::Args;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::{
    AFTER_HELP,
    client::{Client, ClientOptions},
    error::CliError,
    input, print, table,
};
use latchkey_types::{
    key_kind::KeyKind,
    rest::{
        values::{CorpusNumber, Cost, IpAddress, Metadata},
        verify::{Verdict, VerifyRequest},
    },
    secret::TypedSecret,
    time::Timestamp,
};

/// Help text about the key to verify.
const BEFORE_HELP: &str =
    "The key to verify comes from LATCHKEY_KEY, or from standard input: a prompt without echo on a terminal, else the first line.";

#[derive(Debug, Args)]
#[command(before_help = BEFORE_HELP, after_help = AFTER_HELP)]
pub struct VerifyOptions {
    #[command(flatten)]
    client: ClientOptions,
    /// Require a key of this kind: internal, client, corpus, agent or project
    #[arg(long)]
    kind: Option<KeyKind>,
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

/// The part of a verdict that determines the exit code, also with `--json`.
#[derive(Deserialize)]
struct Validity {
    valid: bool,
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
    let VerifyOptions { kind, scope, corpus, project, cost, ip, client: ClientOptions { json, .. }, .. } = options;
    let request = VerifyRequest {
        key: TypedSecret::new(key.expose_secret().to_owned()),
        kind,
        scope,
        corpus: corpus.map(CorpusNumber),
        project,
        cost: cost.map(Cost),
        ip: ip.map(IpAddress),
    };
    let response = client.send(client.request(Method::POST, "verify").json(&request)).await?;
    let Validity { valid } = response.read()?;
    print::line(&if json { response.text } else { facts(&response.read()?) })?;
    if valid { Ok(()) } else { Err(CliError::NotValid) }
}

fn facts(verdict: &Verdict) -> String {
    table::format_fields(vec![
        ("verdict", Some(verdict.code.clone())),
        ("key", verdict.key_id.map(|id| id.to_string())),
        ("name", verdict.name.clone()),
        ("kind", verdict.kind.map(|kind| kind.spec().name.to_owned())),
        ("scopes", verdict.scopes.as_ref().map(|scopes| scopes.join(", "))),
        ("corpora", verdict.corpora.as_deref().map(super::keys::view::numbers)),
        ("external id", verdict.external_id.clone()),
        ("metadata", verdict.metadata.clone().map(Metadata::into_text)),
        ("project", verdict.project_id.map(|id| id.to_string())),
        ("role", verdict.role.clone()),
        ("expires", verdict.expires_at.map(|at| table::moment(at, Timestamp::now()))),
        ("request", Some(verdict.request_id.to_string())),
    ])
}
