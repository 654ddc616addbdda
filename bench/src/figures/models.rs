//! Figure 8: calls of language models through the gateway, against a bare reverse proxy and against `LiteLLM`'s proxy, all in front of the same upstream.

use std::{fs, net::SocketAddr, path::Path, process::Command, sync::Arc};

use anyhow::{Context, Result};
use bench::fixtures::Fixtures;
use serde_json::json;
use sqlx::AnyPool;
use tokio::runtime::Builder;

use super::{Row, Settings, Side, compare, compare_rounds, gateway::create, verify_all};
use crate::{
    ab::median,
    load::{Connection, Load, Requests, Streams},
    paths,
    programs::{Program, wait_until_idle},
};

pub(super) const FIGURE: u8 = 8;
/// Number of keys that call the model.
const KEYS: usize = 1000;
/// Goal: least ratio of the gateway's throughput to the bare proxy's.
const THROUGHPUT: f64 = 0.80;
/// Goals: greatest median and p99 above the bare proxy's at half of its throughput, in milliseconds.
const ADDED_P50_MS: f64 = 0.2;
const ADDED_P99_MS: f64 = 0.9;
/// The part of the bare proxy's throughput at which response times are compared.
const PART: f64 = 0.5;
/// Goal: least ratio of throughputs with large bodies.
const LARGE_THROUGHPUT: f64 = 0.70;
/// Size of a large body, in bytes.
const LARGE: usize = 300_000;
/// Goal: least ratio of the gateway's throughput to `LiteLLM`'s.
const LITELLM: f64 = 50.0;
/// Goal: greatest memory of an open stream, in KiB.
const STREAM_KIB: f64 = 32.0;
/// Goal: greatest p99 of the time to the first event above the bare proxy's, in milliseconds.
const ADDED_FIRST_MS: f64 = 0.5;
/// Number of pairs in which streams are opened: each takes thousands of connections.
const STREAM_PAIRS: u32 = 3;

const PATH: &str = "/v1/chat/completions";
/// The beginning of a response of the upstream.
const COMPLETION: &str = r#"{"id":"chatcmpl-1","#;
/// The beginning of the first event of a stream of the upstream.
const EVENT: &str = r#"data: {"id":"chatcmpl-1","#;
const SECRET: &str = "sk-proj-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL";
/// The key of `LiteLLM`'s callers.
const LITELLM_KEY: &str = "sk-bench-0123456789abcdefghijklmnopqrstuvwxyz";

/// Limits that are never reached, of every key, and the budgets of the member and the organization: everything is checked in each call.
const KEY_LIMITS: &str =
    r#"{"models":["*"],"budget":{"limit":100000000000000,"unit":"usd","period":"month"},"tokens_per_minute":1000000000000,"max_parallel":10000}"#;
const BUDGET: &str = r#"{"limit":1000000000000000,"unit":"usd","period":"month"}"#;

pub(super) fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let fixtures = Fixtures::create(&paths::work("data-models"), KEYS, 0)?;
    set_limits(&fixtures.folder)?;
    let upstream = Program::bare()?;
    let latchkey = Program::latchkey_with(&fixtures.folder, &["--allow-outgoing", "127.0.0.0/8"])?;
    add_model(latchkey.address, &fixtures.caller, upstream.address)?;
    verify_all(&latchkey, &fixtures.caller, &fixtures.keys)?;
    // With one key: its share of the budgets grows with the first streams only, and not with each of the others.
    let streams = requests(&fixtures.keys[..1], r#"{"stream":true,"model":"llm","max_tokens":100,"messages":[{"role":"user","content":"Hi"}]}"#);
    let (prompt, large) = (requests(&fixtures.keys, &body(600)), requests(&fixtures.keys, &body(LARGE)));
    let (latchkey, proxy) = (side(latchkey, &streams, EVENT), side(Program::proxy(upstream.address)?, &streams, EVENT));
    // First, because the memory of other calls would be reused.
    let of_streams = open_streams(settings, &latchkey, &proxy)
        .map_or_else(|error| vec![Row::failed(FIGURE, "memory and first events of open streams", &format!("{error:#}"))], Vec::from);

    let (latchkey, proxy) = (side(latchkey.program, &prompt, COMPLETION), side(proxy.program, &prompt, COMPLETION));
    eprintln!("    throughput");
    let throughput = compare(settings, &latchkey, &proxy)?;
    let rate = throughput.second_per_second() * PART;
    eprintln!("    {rate:.0} per second");
    let paced = compare_rounds(settings, &latchkey, &proxy, |load| load.run_paced(settings.round, rate))?;
    let mut rows = vec![
        Row::at_least(
            FIGURE,
            "throughput of calls of a model relative to a bare reverse proxy",
            THROUGHPUT,
            throughput.throughput(),
            &throughput.summary_with_cpu_time(),
        ),
        Row::at_most(
            FIGURE,
            "median above that of the bare reverse proxy, both at half of the latter's throughput, ms",
            ADDED_P50_MS,
            paced.added_p50_ms(),
            &paced.summary_with_cpu_time(),
        ),
        Row::at_most(FIGURE, "p99 above that of the bare reverse proxy, ms", ADDED_P99_MS, paced.added_p99_ms(), "from the same pairs"),
    ];
    rows.push(against_litellm(settings, &latchkey, upstream.address));
    eprintln!("    bodies of 300 kB");
    let (latchkey, proxy) = (latchkey.with_requests(&large), proxy.with_requests(&large));
    let large = compare(settings, &latchkey, &proxy)?;
    rows.push(Row::at_least(
        FIGURE,
        "throughput with bodies of 300 kB relative to the bare reverse proxy",
        LARGE_THROUGHPUT,
        large.throughput(),
        &large.summary_with_cpu_time(),
    ));
    rows.extend(of_streams);
    Ok(rows)
}

/// A request whose body has about this many bytes.
fn body(bytes: usize) -> String {
    let content = "A prompt of plain words that is as long as it must be. ".repeat(bytes / 55);
    json!({ "model": "llm", "max_tokens": 100, "messages": [{ "role": "user", "content": content }] }).to_string()
}

/// Calls with all keys.
fn requests(keys: &[Box<str>], body: &str) -> Arc<Requests> {
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ");
    Arc::new(Requests::in_header_with_body(head, keys.to_vec(), body))
}

fn side(program: Program, requests: &Arc<Requests>, expected_prefix: &'static str) -> Side {
    Side { load: Load { address: program.address, requests: Arc::clone(requests), expected_prefix }, program }
}

/// Gives limits to all keys, and budgets to their creator and the organization. No server runs yet.
fn set_limits(folder: &Path) -> Result<()> {
    sqlx::any::install_default_drivers();
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let database = AnyPool::connect(&format!("sqlite:{}", folder.join("latchkey.db").display())).await?;
        for (sql, value) in [
            ("update api_keys set model_access = $1 where kind = 'client'", KEY_LIMITS),
            ("update users set model_budget = $1", BUDGET),
            ("update organizations set model_budget = $1", BUDGET),
        ] {
            sqlx::query(sql).bind(value).execute(&database).await?;
        }
        database.close().await;
        Ok(())
    })
}

/// Creates a credential, a provider at the upstream and a model whose name is replaced in each call.
fn add_model(latchkey: SocketAddr, caller: &str, upstream: SocketAddr) -> Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut connection = Connection::open(latchkey).await?;
        let credential = json!({ "kind": "general", "name": "upstream", "value": SECRET });
        let created = create(&mut connection, "/api/v1/credentials", caller, &credential).await?;
        let provider = json!({
            "name": "Upstream", "style": "openai", "base_url": format!("http://{upstream}/v1"), "credential": created["credential"]["id"],
        });
        let created = create(&mut connection, "/api/v1/providers", caller, &provider).await?;
        let id = created["id"].as_str().context("a provider has no id")?;
        let model = json!({ "name": "llm", "upstream_name": "a-model", "price": { "input": "2", "cached_input": "1", "output": "10" } });
        create(&mut connection, &format!("/api/v1/providers/{id}/models"), caller, &model).await.map(drop)
    })
}

/// A failure, such as a missing installation, is reported as a row.
fn against_litellm(settings: &Settings, latchkey: &Side, upstream: SocketAddr) -> Row {
    eprintln!("    LiteLLM");
    let what = "throughput relative to LiteLLM's proxy";
    match litellm(upstream).and_then(|side| compare(settings, latchkey, &side)) {
        Ok(comparison) => Row::at_least(FIGURE, what, LITELLM, comparison.throughput(), &comparison.summary()),
        Err(error) => Row::failed(FIGURE, what, &format!("{error:#}")),
    }
}

/// `LiteLLM`'s proxy with one worker per core, one key and no database, so that it neither limits nor records calls.
fn litellm(upstream: SocketAddr) -> Result<Side> {
    let config = paths::work("litellm.json");
    let model = json!({
        "model_name": "llm", "litellm_params": { "model": "openai/a-model", "api_base": format!("http://{upstream}/v1"), "api_key": SECRET },
    });
    // JSON is YAML too.
    fs::write(&config, json!({ "model_list": [model], "general_settings": { "master_key": LITELLM_KEY } }).to_string())?;
    let workers = std::thread::available_parallelism()?.to_string();
    let program = Program::start("litellm", "/health/liveliness", |port| {
        let mut command = Command::new(paths::litellm());
        command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--num_workers", &workers, "--config"]).arg(&config);
        command.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").env("LITELLM_LOG", "ERROR");
        command
    })?;
    Ok(side(program, &requests(&[LITELLM_KEY.into()], &body(600)), COMPLETION))
}

/// Memory per stream of the gateway, and the time to the first event on both sides.
fn open_streams(settings: &Settings, latchkey: &Side, proxy: &Side) -> Result<[Row; 2]> {
    let count = settings.streams;
    eprintln!("    {count} streams");
    // The time to the first event, and the memory of the program for each stream in KiB.
    let open = |side: &Side| -> Result<(f64, f64)> {
        wait_until_idle(&[&latchkey.program, &proxy.program])?;
        let before = side.program.memory()?;
        let streams = Streams::open(&side.load, count)?;
        let added = side.program.memory()?.saturating_sub(before);
        Ok((streams.p99_ms(), f64::from(u32::try_from(added / 1024)?) / f64::from(u32::try_from(count)?)))
    };
    let (mut first_events, mut memory) = (Vec::new(), None);
    for pair in 0..settings.pairs.min(STREAM_PAIRS) {
        let (own, bare) = if pair % 2 == 0 {
            let own = open(latchkey)?;
            (own, open(proxy)?)
        } else {
            let bare = open(proxy)?;
            (open(latchkey)?, bare)
        };
        eprintln!("    p99 {:.2} / {:.2} ms, {:.1} / {:.1} KiB per stream", own.0, bare.0, own.1, bare.1);
        first_events.push((own.0, bare.0));
        // Later ones reuse what the first ones have left.
        memory.get_or_insert((own.1, bare.1));
    }
    let (kib, bare_kib) = memory.unwrap_or((f64::NAN, f64::NAN));
    let medians = (median(first_events.iter().map(|pair| pair.0)), median(first_events.iter().map(|pair| pair.1)));
    Ok([
        Row::at_most(
            FIGURE,
            format!("memory of each of {count} open streams, KiB"),
            STREAM_KIB,
            kib,
            &format!("the bare reverse proxy {bare_kib:.1}"),
        ),
        Row::at_most(
            FIGURE,
            "p99 of the time to the first event of these above that of the bare reverse proxy, ms",
            ADDED_FIRST_MS,
            median(first_events.iter().map(|(own, bare)| own - bare)),
            &format!("{:.2} and {:.2} ms", medians.0, medians.1),
        ),
    ])
}
