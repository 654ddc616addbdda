//! Figure 4: widely used API key packages with the same keys in SQLite.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use bench::fixtures::Fixtures;

use super::{Row, Settings, Side, VALID, compare, verify_all};
use crate::{
    load::{Load, Requests},
    paths,
    programs::Program,
};

const FIGURE: u8 = 4;
/// Goal: least ratio of Latchkey's throughput to the peer's.
const GOAL: f64 = 40.0;

struct Peer {
    name: &'static str,
    start: Start,
}

type Start = fn(&[Box<str>]) -> Result<Side>;

const PEERS: [Peer; 2] =
    [Peer { name: "better-auth's api-key plugin", start: better_auth }, Peer { name: "djangorestframework-api-key", start: rest_framework }];

pub(super) fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let fixtures = Fixtures::create(&paths::work("data-peers"), settings.peer_keys, 0)?;
    let latchkey = Program::latchkey(&fixtures.folder)?;
    verify_all(&latchkey, &fixtures.caller, &fixtures.keys)?;
    let latchkey = Side::verifying(latchkey, &Arc::new(Requests::verify(&fixtures.caller, fixtures.keys.clone())));
    Ok(PEERS.iter().map(|peer| compare_with(settings, peer, &latchkey, &fixtures.keys)).collect())
}

fn compare_with(settings: &Settings, peer: &Peer, latchkey: &Side, keys: &[Box<str>]) -> Row {
    eprintln!("    {}", peer.name);
    let what = format!("throughput relative to {}", peer.name);
    let measured = (peer.start)(keys).and_then(|side| compare(settings, latchkey, &side));
    match measured {
        Ok(comparison) => Row::at_least(FIGURE, what, GOAL, comparison.throughput(), &comparison.summary()),
        Err(error) => Row::failed(FIGURE, what, &format!("{error:#}")),
    }
}

/// Node.js with one worker per core.
fn better_auth(keys: &[Box<str>]) -> Result<Side> {
    let (source, folder) = (paths::source("better-auth"), empty_folder("better-auth")?);
    let node = |script: &str| {
        let mut command = Command::new("node");
        command.arg(source.join(script)).current_dir(&source).env("NODE_ENV", "production").env("BENCH_DATABASE", folder.join("keys.db"));
        command
    };
    store_keys(node("fill.mjs").arg(write_keys(&folder, keys)?))?;
    let program = Program::start("better-auth", "/", |port| {
        let mut command = node("server.mjs");
        command.arg(port.to_string());
        command
    })?;
    let requests = Arc::new(Requests::in_body("POST /verify HTTP/1.1\r\nhost: 127.0.0.1\r\n", keys.to_vec()));
    let load = Load { address: program.address, requests, expected_prefix: VALID };
    Ok(Side { program, load })
}

/// gunicorn with one worker per core. Its keys start with an additional part, by which they are looked up.
fn rest_framework(keys: &[Box<str>]) -> Result<Side> {
    let (source, folder) = (paths::source("drf"), empty_folder("drf")?);
    let keys: Vec<Box<str>> = keys.iter().enumerate().map(|(number, key)| format!("{number:08}.{key}").into()).collect();
    let python = || {
        let mut command = Command::new(paths::python());
        command.current_dir(&source).env("BENCH_DATABASE", folder.join("keys.db")).env("DJANGO_SETTINGS_MODULE", "settings");
        command
    };
    store_keys(python().arg("fill.py").arg(write_keys(&folder, &keys)?))?;
    let program = Program::start("drf", "/ready", |port| {
        let mut command = python();
        command.args(["-m", "gunicorn", "--config", "gunicorn.conf.py", "--bind", &format!("127.0.0.1:{port}"), "wsgi:application"]);
        command
    })?;
    let requests = Arc::new(Requests::in_header("POST /verify HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Api-Key ".to_owned(), keys));
    let load = Load { address: program.address, requests, expected_prefix: VALID };
    Ok(Side { program, load })
}

/// An empty folder in target/bench.
fn empty_folder(name: &str) -> Result<PathBuf> {
    let folder = paths::work(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Writes the keys to a file, one per line.
fn write_keys(folder: &Path, keys: &[Box<str>]) -> Result<PathBuf> {
    let file = folder.join("keys.txt");
    fs::write(&file, keys.join("\n")).context("cannot write the keys for a peer")?;
    Ok(file)
}

fn store_keys(command: &mut Command) -> Result<()> {
    let status = command.status().context("cannot store the keys of a peer: is it installed?")?;
    ensure!(status.success(), "storing the keys of a peer failed ({status})");
    Ok(())
}
