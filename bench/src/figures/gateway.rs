//! Figure 7: calls through the gateway against a bare reverse proxy in front of the same upstream.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result, ensure};
use bench::fixtures::Fixtures;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::{Row, Settings, Side, compare, compare_rounds, post, verify_all};
use crate::{
    load::{Connection, Load, Requests},
    paths,
    programs::Program,
};

pub(super) const FIGURE: u8 = 7;
/// Number of keys that call the service.
const KEYS: usize = 1000;
/// Goal: least ratio of the gateway's throughput to the bare proxy's.
const THROUGHPUT: f64 = 0.80;
/// Goal: greatest p99 above the bare proxy's at half of its throughput, in milliseconds.
const ADDED_P99_MS: f64 = 1.0;
/// The part of the bare proxy's throughput at which p99 is compared.
const PART: f64 = 0.5;
/// The beginning of the upstream's response.
const ITEM: &str = r#"{"id":1,"#;

pub(super) fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let fixtures = Fixtures::create(&paths::work("data-gateway"), KEYS, 0)?;
    let upstream = Program::bare()?;
    let latchkey = Program::latchkey_with(&fixtures.folder, &["--allow-outgoing", "127.0.0.0/8"])?;
    add_service(latchkey.address, &fixtures.caller, upstream.address)?;
    verify_all(&latchkey, &fixtures.caller, &fixtures.keys)?;
    let latchkey = side(latchkey, "/gateway/api/item", &fixtures.keys);
    let proxy = side(Program::proxy(upstream.address)?, "/item", &fixtures.keys);

    eprintln!("    throughput");
    let throughput = compare(settings, &latchkey, &proxy)?;
    let rate = throughput.second_per_second() * PART;
    eprintln!("    {rate:.0} per second");
    let paced = compare_rounds(settings, &latchkey, &proxy, |load| load.run_paced(settings.round, rate))?;
    Ok(vec![
        Row::at_least(
            FIGURE,
            "throughput of the gateway relative to a bare reverse proxy",
            THROUGHPUT,
            throughput.throughput(),
            &throughput.summary_with_cpu_time(),
        ),
        Row::at_most(
            FIGURE,
            "p99 of the gateway above that of the bare reverse proxy, both at half of the latter's throughput, ms",
            ADDED_P99_MS,
            paced.added_p99_ms(),
            &paced.summary_with_cpu_time(),
        ),
    ])
}

/// A proxy, and calls of this path with all keys.
fn side(program: Program, path: &str, keys: &[Box<str>]) -> Side {
    let requests = Requests::in_header(format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: "), keys.to_vec());
    Side { load: Load { address: program.address, requests: Arc::new(requests), expected_prefix: ITEM }, program }
}

/// Creates a credential and a service for the upstream that all client keys may call.
fn add_service(latchkey: SocketAddr, caller: &str, upstream: SocketAddr) -> Result<()> {
    let credential = json!({ "kind": "general", "name": "upstream", "value": "sk-proj-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL" });
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut connection = Connection::open(latchkey).await?;
        let created = create(&mut connection, "/api/v1/credentials", caller, &credential).await?;
        let id = created["credential"]["id"].as_str().context("a stored credential has no id")?;
        let service = json!({
            "name": "api", "base_url": format!("http://{upstream}"), "injection": { "type": "bearer" }, "credential": id,
            "allow": [{ "method": "GET", "path": "/item" }], "callers": [{ "kind": "client" }],
        });
        create(&mut connection, "/api/v1/services", caller, &service).await.map(drop)
    })
}

/// Creates something over REST, with this API key.
pub(super) async fn create(connection: &mut Connection, path: &str, caller: &str, body: &Value) -> Result<Value> {
    let response = connection.call(&post(path, caller, &body.to_string())).await?;
    ensure!(response.status == 201, "{path} failed with status {}: {}", response.status, String::from_utf8_lossy(response.body));
    Ok(serde_json::from_slice(response.body)?)
}
