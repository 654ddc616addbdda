//! `latchkey keys import`.

use std::path::{Path, PathBuf};

use clap::Args;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{Context, traits::TraitOptions, view};
use crate::cli::{input, print, trouble::Trouble};

/// One key by its arguments, or many from a file.
#[derive(Debug, Args)]
pub(super) struct ImportOptions {
    /// The key's SHA-256, in hexadecimal or base64
    #[arg(long, value_name = "DIGEST", required_unless_present = "file", requires = "name")]
    sha256: Option<String>,
    /// Its name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    traits: TraitOptions,
    /// Many keys, all or none of them: a file with a JSON object a line, as the API takes it, at most 1,000; - for standard input
    #[arg(long, value_name = "PATH", conflicts_with_all = ["sha256", "name"])]
    file: Option<PathBuf>,
}

impl ImportOptions {
    fn call(&self, stdin_is_taken: bool) -> Result<Value, Trouble> {
        let mut fields = self.traits.fields();
        let Some(file) = &self.file else {
            fields.insert("sha256".to_owned(), json!(self.sha256));
            fields.insert("name".to_owned(), json!(self.name));
            return Ok(Value::Object(fields));
        };
        if !fields.is_empty() {
            return Err(Trouble::usage("what the keys of a file are stands in its lines, not in arguments"));
        }
        if stdin_is_taken && file == Path::new("-") {
            return Err(Trouble::usage("standard input can't hold both the API key and the keys to import"));
        }
        Ok(json!({ "keys": keys_of(&input::text_of(file)?)? }))
    }
}

/// The objects of JSON lines; blank lines count for nothing.
fn keys_of(text: &str) -> Result<Vec<Map<String, Value>>, Trouble> {
    let lines = text.trim_start_matches('\u{FEFF}').lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    // The line is not repeated: it may hold a key in the place of its digest.
    let read = |(at, line)| serde_json::from_str(line).map_err(|_| Trouble::usage(format!("line {} is no JSON object", at + 1)));
    lines.map(read).collect()
}

/// Takes over keys.
pub(super) async fn run(options: &ImportOptions, stdin_is_taken: bool, context: impl FnOnce() -> Result<Context, Trouble>) -> Result<(), Trouble> {
    let call = options.call(stdin_is_taken)?;
    let context = context()?;
    let answer = context.client.send(context.client.request(Method::POST, "keys/import").json(&call)).await?;
    if context.json {
        return print::line(&answer.text);
    }
    match answer.json["items"].as_array() {
        Some(keys) => print::line(&view::table(keys)),
        None => print::line(&view::facts(&answer.json["key"])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_no_object_is_named_and_not_repeated() {
        assert_eq!(keys_of("\u{FEFF}{\"name\":\"a\"}\n\n {\"name\":\"b\"}\r\n").unwrap().len(), 2);
        for bad in ["{\"name\":\"a\"}\nlkc_secret", "{}\n[\"lkc_secret\"]", "{}\n{\"lkc_secret\""] {
            let told = keys_of(bad).unwrap_err().to_string();
            assert!(told.contains("line 2") && !told.contains("secret"), "{told}");
        }
    }
}
