//! `latchkey keys import`.

use std::path::{Path, PathBuf};

use clap::Args;
use reqwest::Method;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Context, attributes::AttributeOptions, view};
use crate::{error::CliError, input, print};
use latchkey_types::rest::{
    keys::{ImportKey, ImportKeysResponse},
    values::{Name, Sha256},
};

/// Imports one key from arguments, or many from a file.
#[derive(Debug, Args)]
pub(super) struct ImportOptions {
    /// SHA-256 of the key, in hexadecimal or base64
    #[arg(long, value_name = "DIGEST", required_unless_present = "file", requires = "name")]
    sha256: Option<String>,
    /// Name of the key
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    attributes: AttributeOptions,
    /// JSON Lines file with up to 1,000 keys in the format of the API, imported all or none; - for standard input
    #[arg(long, value_name = "PATH", conflicts_with_all = ["sha256", "name"])]
    file: Option<PathBuf>,
}

/// The request body.
#[derive(Serialize)]
#[serde(untagged)]
enum Import {
    One(Box<ImportKey>),
    /// The lines of a file, which only the server validates: it reports the index of an invalid key.
    Lines {
        keys: Vec<Map<String, Value>>,
    },
}

impl ImportOptions {
    fn body(&self, is_stdin_used: bool) -> Result<Import, CliError> {
        let Some(file) = &self.file else {
            let [sha256, name] = [&self.sha256, &self.name].map(|text| text.clone().unwrap_or_default());
            return Ok(Import::One(Box::new(ImportKey { sha256: Sha256(sha256), name: Name(name), ..self.attributes.import() })));
        };
        if !self.attributes.is_empty() {
            return Err(CliError::usage("with --file, set the fields in the file, not as arguments"));
        }
        if is_stdin_used && file == Path::new("-") {
            return Err(CliError::usage("standard input can't provide both the API key and the keys to import"));
        }
        Ok(Import::Lines { keys: keys_of(&input::read_text(file)?)? })
    }
}

/// Parses JSON Lines; blank lines are ignored.
fn keys_of(text: &str) -> Result<Vec<Map<String, Value>>, CliError> {
    let lines = text.trim_start_matches('\u{FEFF}').lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    // The message does not repeat the line: it can contain a key instead of its digest.
    let parse = |(index, line)| serde_json::from_str(line).map_err(|_| CliError::usage(format!("line {} is not a JSON object", index + 1)));
    lines.map(parse).collect()
}

pub(super) async fn run(options: &ImportOptions, is_stdin_used: bool, context: impl FnOnce() -> Result<Context, CliError>) -> Result<(), CliError> {
    let body = options.body(is_stdin_used)?;
    let context = context()?;
    let response = context.client.send(context.client.request(Method::POST, "keys/import").json(&body)).await?;
    if context.json {
        return print::line(&response.text);
    }
    print::line(&match response.read()? {
        ImportKeysResponse::One(imported) => view::facts(&imported.key),
        ImportKeysResponse::Several(imported) => view::table(&imported.items),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_line_is_numbered_and_not_repeated() {
        assert_eq!(keys_of("\u{FEFF}{\"name\":\"a\"}\n\n {\"name\":\"b\"}\r\n").unwrap().len(), 2);
        for bad in ["{\"name\":\"a\"}\nlkc_secret", "{}\n[\"lkc_secret\"]", "{}\n{\"lkc_secret\""] {
            let message = keys_of(bad).unwrap_err().to_string();
            assert!(message.contains("line 2") && !message.contains("secret"), "{message}");
        }
    }
}
