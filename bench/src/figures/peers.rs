//! 4: against what people use today, with the same keys in SQLite.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use bench::stock::Stock;

use super::{Row, Settings, Side, VALID, compare, verify_each};
use crate::{
    load::{Load, Requests},
    places,
    programs::Program,
};

const FIGURE: u8 = 4;
/// How many times as many verifications Latchkey is to do.
const GOAL: f64 = 40.0;

/// A peer: its program on the same keys, and how it is asked.
struct Peer {
    name: &'static str,
    start: Start,
}

type Start = fn(&[Box<str>]) -> Result<Side>;

const PEERS: [Peer; 2] =
    [Peer { name: "better-auth's api-key plugin", start: better_auth }, Peer { name: "djangorestframework-api-key", start: rest_framework }];

/// Measures it.
pub fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let stock = Stock::make(&places::work("data-peers"), settings.of_peers, 0)?;
    let latchkey = Program::latchkey(&stock.folder)?;
    verify_each(&latchkey, &stock.caller, &stock.keys)?;
    let ours = Side::verifying(latchkey, &Arc::new(Requests::verify(&stock.caller, stock.keys.clone())));
    Ok(PEERS.iter().map(|peer| against(settings, peer, &ours, &stock.keys)).collect())
}

fn against(settings: &Settings, peer: &Peer, ours: &Side, keys: &[Box<str>]) -> Row {
    eprintln!("    {}", peer.name);
    let what = format!("throughput by that of {}", peer.name);
    let measured = (peer.start)(keys).and_then(|theirs| compare(settings, ours, &theirs));
    match measured {
        Ok(comparison) => Row::at_least(FIGURE, what, GOAL, comparison.throughput(), &comparison.in_words()),
        Err(error) => Row::failed(FIGURE, what, &format!("{error:#}")),
    }
}

/// On Node, on as many workers as there are cores.
fn better_auth(keys: &[Box<str>]) -> Result<Side> {
    let (source, folder) = (places::source("better-auth"), fresh("better-auth")?);
    let node = |script: &str| {
        let mut command = Command::new("node");
        command.arg(source.join(script)).current_dir(&source).env("NODE_ENV", "production").env("BENCH_DATABASE", folder.join("keys.db"));
        command
    };
    fill(node("fill.mjs").arg(write_keys(&folder, keys)?))?;
    let program = Program::start("better-auth", "/", |port| {
        let mut command = node("server.mjs");
        command.arg(port.to_string());
        command
    })?;
    let requests = Arc::new(Requests::in_body("POST /verify HTTP/1.1\r\nhost: 127.0.0.1\r\n", keys.to_vec()));
    let load = Load { address: program.address, requests, good: VALID };
    Ok(Side { program, load })
}

/// Under gunicorn, on as many workers as there are cores. Its keys have a part in front by which they are looked up.
fn rest_framework(keys: &[Box<str>]) -> Result<Side> {
    let (source, folder) = (places::source("drf"), fresh("drf")?);
    let keys: Vec<Box<str>> = keys.iter().enumerate().map(|(number, key)| format!("{number:08}.{key}").into()).collect();
    let python = || {
        let mut command = Command::new(places::python());
        command.current_dir(&source).env("BENCH_DATABASE", folder.join("keys.db")).env("DJANGO_SETTINGS_MODULE", "settings");
        command
    };
    fill(python().arg("fill.py").arg(write_keys(&folder, &keys)?))?;
    let program = Program::start("drf", "/ready", |port| {
        let mut command = python();
        command.args(["-m", "gunicorn", "--config", "gunicorn.conf.py", "--bind", &format!("127.0.0.1:{port}"), "wsgi:application"]);
        command
    })?;
    let requests = Arc::new(Requests::in_header("POST /verify HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Api-Key ".to_owned(), keys));
    let load = Load { address: program.address, requests, good: VALID };
    Ok(Side { program, load })
}

/// A folder without anything of before.
fn fresh(name: &str) -> Result<PathBuf> {
    let folder = places::work(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// A key to a line.
fn write_keys(folder: &Path, keys: &[Box<str>]) -> Result<PathBuf> {
    let file = folder.join("keys.txt");
    fs::write(&file, keys.join("\n")).context("the keys can't be handed over")?;
    Ok(file)
}

fn fill(command: &mut Command) -> Result<()> {
    let status = command.status().context("a peer's keys can't be stored: is it installed?")?;
    ensure!(status.success(), "a peer's keys could not be stored ({status})");
    Ok(())
}
