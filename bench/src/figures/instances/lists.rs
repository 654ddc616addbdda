//! The first page of lists of many keys, in every order, and with what a user types into the search.

use std::time::Instant;

use anyhow::{Result, ensure};
use tokio::runtime::Builder;

use super::{
    super::{Row, Settings, stored::thousands_of},
    Cluster, FIGURE,
};
use crate::{
    load::{Connection, percentile_ms},
    programs::{Program, wait_until_idle},
};

/// Goal: greatest p95 of a list, in milliseconds.
const P95_MS: f64 = 50.0;
/// Goal: greatest memory of a list of which only the first page is read, in KiB. It stands for none: the process needs some for other reasons.
const MEMORY_KIB: f64 = 16.0;
const SORTS: [&str; 8] = ["created_at", "-created_at", "name", "-name", "last_used_at", "-last_used_at", "expires_at", "-expires_at"];
/// The keys are named `Service 000001` and so on: what is typed has many hits, few, one, or none.
const SEARCHES: [&str; 4] = ["service 0012", "000777", "service 000001", "nothing"];
/// How often each list is requested.
const REPETITIONS: usize = 3;

pub(super) fn measure_on_postgres(settings: &Settings) -> Result<Vec<Row>> {
    let [.., keys] = settings.stored_keys;
    let cluster = Cluster::start("lists", 1, keys)?;
    rows(&cluster.instances[0], &cluster.caller, &format!("{} keys, PostgreSQL", thousands_of(keys)))
}

/// Measures the lists of a server with many keys.
pub(super) fn rows(server: &Program, caller: &str, keys: &str) -> Result<Vec<Row>> {
    let queries = queries();
    let request = |query: &str| format!("GET /api/v1/keys?kind=client&limit=50{query} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: {caller}\r\n\r\n");
    let measured = Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut measured = Vec::new();
        for query in queries.iter().flat_map(|query| [query; REPETITIONS]) {
            // The server closes connections that are idle.
            let mut connection = Connection::open(server.address).await?;
            let started = Instant::now();
            let response = connection.call(request(query).as_bytes()).await?;
            ensure!(response.status == 200, "{query}: status {}", response.status);
            measured.push((u32::try_from(started.elapsed().as_nanos()).unwrap_or(u32::MAX), query.as_str()));
        }
        anyhow::Ok(measured)
    })?;
    // The first lists fill caches of the database.
    let memory = memory_of(server, || repeat(server, &request("&sort=name")))?;
    let nanoseconds = |is_included: fn(&str) -> bool| {
        let mut times: Vec<u32> = measured.iter().filter(|(_, query)| is_included(query)).map(|(time, _)| *time).collect();
        times.sort_unstable();
        times
    };
    let row = |what: &str, is_included: fn(&str) -> bool| {
        let times = nanoseconds(is_included);
        let slowest = measured.iter().filter(|(_, query)| is_included(query)).max().map_or("", |(_, query)| query.trim_start_matches('&'));
        let detail = format!("p50 {:.1} ms; the slowest is {slowest}", percentile_ms(&times, 50));
        Row::at_most(FIGURE, format!("p95 of {what}, {keys}, ms"), P95_MS, percentile_ms(&times, 95), &detail)
    };
    Ok(vec![
        row("the first page in every order", |query| query.contains("sort=")),
        row("the first page of a search, letter by letter", |query| query.contains("q=")),
        Row::at_most(FIGURE, format!("memory of a list after its first page, {keys}, KiB"), MEMORY_KIB, memory, "mean of 100 lists"),
    ])
}

/// Each order, and each beginning of what is typed.
fn queries() -> Vec<String> {
    let sorts = SORTS.iter().map(|sort| format!("&sort={sort}"));
    let searches = SEARCHES.iter().flat_map(|text| (1..=text.len()).map(move |length| format!("&q={}", text[..length].replace(' ', "%20"))));
    sorts.chain(searches).collect()
}

/// Additional memory of the server for each of 100 lists, in KiB.
fn memory_of(server: &Program, open_lists: impl Fn() -> Result<()>) -> Result<f64> {
    open_lists()?;
    wait_until_idle(&[server])?;
    let before = server.memory()?;
    open_lists()?;
    wait_until_idle(&[server])?;
    Ok(f64::from(u32::try_from(server.memory()?.saturating_sub(before) / 1024)?) / 100.0)
}

/// Opens 100 lists.
fn repeat(server: &Program, request: &str) -> Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        for _ in 0..100 {
            let mut connection = Connection::open(server.address).await?;
            ensure!(connection.call(request.as_bytes()).await?.status == 200, "a list failed");
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_what_is_typed_letter_by_letter() {
        let queries = queries();
        assert_eq!(queries[..2], ["&sort=created_at", "&sort=-created_at"]);
        assert_eq!(queries[SORTS.len()..SORTS.len() + 2], ["&q=s", "&q=se"]);
        assert!(queries.contains(&"&q=service%200".to_owned()));
        assert!(queries.iter().all(|query| query.contains("sort=") != query.contains("q=")));
    }
}
