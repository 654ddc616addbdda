//! The code tabs of corpus keys and the commands of docs/corpora.md, run unchanged.

use std::{path::Path, process::Command};

use latchkey::code_samples::{CorpusTarget, corpus_samples};
use serde_json::Value;

use super::{Fixture, document_ids};

const DOCS: &str = include_str!("../../docs/corpora.md");
const LATCHKEY: &str = "http://127.0.0.1:3000";

/// Contains the words of the samples' query.
const DOCUMENT: &str = "How to reset the password: open the profile.";

#[tokio::test]
async fn every_code_tab_finds_the_document() {
    let fixture = Fixture::start().await;
    let corpus = fixture.corpus("manuals").await;
    let key = fixture.key(&[corpus]).await;
    fixture.index(&key, corpus, "reset", DOCUMENT).await;
    let samples = corpus_samples(&fixture.server.url, &key, CorpusTarget { customer_id: fixture.customer_id, corpus_id: corpus });
    assert_eq!(samples.iter().map(|sample| sample.label).collect::<Vec<_>>(), ["JavaScript", "Python", "cURL"]);
    for sample in samples {
        let mut command = match sample.label {
            "JavaScript" => Command::new("node"),
            "Python" => Command::new("python3"),
            _ => Command::new("bash"),
        };
        command.args([if sample.label == "JavaScript" { "-e" } else { "-c" }, &sample.code]);
        let output = tokio::task::spawn_blocking(move || command.output().expect("the program is not installed")).await.unwrap();
        assert!(output.status.success(), "{}: {}", sample.label, String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains("reset the password"), "{}: {printed}", sample.label);
    }
}

#[tokio::test]
async fn documented_commands_find_the_document() {
    let fixture = Fixture::start().await;
    let commands = DOCS.split_once("```sh\n").unwrap().1.split_once("```").unwrap().0;
    assert!(commands.contains(LATCHKEY));
    let folder = Path::new(env!("CARGO_BIN_EXE_latchkey")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &commands.replace(LATCHKEY, &fixture.server.url)]).env("PATH", path).env("LATCHKEY_API_KEY", &fixture.api.key);
    let output = tokio::task::spawn_blocking(move || shell.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    // The last of the responses.
    let printed = String::from_utf8(output.stdout).unwrap();
    let (_, answer) = printed.split_once("{\"responseSet\"").unwrap_or_else(|| panic!("{printed}"));
    let answer: Value = serde_json::from_str(&format!("{{\"responseSet\"{answer}")).unwrap();
    assert_eq!(document_ids(&answer["responseSet"][0]), ["password"], "{answer}");
    assert_eq!(answer["responseSet"][0]["response"][0]["text"], "To reset your password, open your profile.");
}
