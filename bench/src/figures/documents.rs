//! Figure 9: the time of queries of a corpus with many documents, on SQLite and on PostgreSQL.

use std::{
    iter,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bench::fixtures::Fixtures;
use rand::{
    RngExt, SeedableRng,
    distr::{Distribution, weighted::WeightedIndex},
    rngs::StdRng,
    seq::IndexedRandom,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Builder;

use super::{Row, Settings, gateway::create, number, post, post_with};
use crate::{
    ab::thousands,
    load::{Connection, percentile_ms},
    paths,
    postgres::Postgres,
    programs::{Program, wait_until_idle},
};

pub(super) const FIGURE: u8 = 9;
/// Goal: greatest p95 of a query on SQLite, in milliseconds.
const P95_MS: f64 = 50.0;
/// Number of documents in one call. A call may take 30 seconds.
const BATCH: usize = 500;
/// Size of a document, in bytes.
const DOCUMENT: usize = 1024;
/// Number of different words.
const VOCABULARY: usize = 50_000;
/// Number of queries before those that are measured.
const WARM_UP: usize = 20;
/// Part of the response to a query that has found something.
const FOUND: &[u8] = br#""documentIndex":"#;

pub(super) fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let texts = Texts::new()?;
    let documents = thousands(f64::from(u32::try_from(settings.documents)?));
    let what = |database: &str| format!("p95 of queries of 2 to 5 words in {documents} documents of 1 KB, {database}, ms");
    eprintln!("    SQLite");
    let sqlite = Times::measure(settings, &texts, "data-documents", None)?;
    eprintln!("    PostgreSQL");
    let postgres = match on_postgres(settings, &texts) {
        Ok(times) => Row::without_goal(FIGURE, what("PostgreSQL"), format!("{} ({})", number(times.percentile_ms(95)), times.summary())),
        Err(error) => Row::failed(FIGURE, what("PostgreSQL"), &format!("{error:#}")),
    };
    Ok(vec![Row::at_most(FIGURE, what("SQLite"), P95_MS, sqlite.percentile_ms(95), &sqlite.summary()), postgres])
}

/// Starts a PostgreSQL server for the measurement.
fn on_postgres(settings: &Settings, texts: &Texts) -> Result<Times> {
    // On disk, and open to the user that runs the server, while target/ may not be.
    let folder = TempDir::new_in("/var/tmp")?;
    let (_postgres, url) = Builder::new_current_thread().enable_all().build()?.block_on(async {
        let postgres = Postgres::start(folder).await?;
        let url = postgres.create_database("latchkey").await?;
        anyhow::Ok((postgres, url))
    })?;
    Times::measure(settings, texts, "data-documents-postgres", Some(&url))
}

/// The times on one database.
struct Times {
    /// Sorted times of queries.
    nanoseconds: Vec<u32>,
    /// Time in which the documents were added.
    filled: Duration,
}

impl Times {
    fn measure(settings: &Settings, texts: &Texts, folder: &str, database: Option<&str>) -> Result<Self> {
        let fixtures = Fixtures::create_on(database, &paths::work(folder), 0, 0)?;
        let options: Vec<&str> = database.into_iter().flat_map(|url| ["--database", url]).collect();
        let latchkey = Program::latchkey_with(&fixtures.folder, &options)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let started = Instant::now();
        let corpus = runtime.block_on(Corpus::create(latchkey.address, &fixtures.caller, texts, settings.documents))?;
        let filled = started.elapsed();
        wait_until_idle(&[&latchkey])?;
        let queries = texts.queries(WARM_UP + settings.queries, settings.documents);
        runtime.block_on(corpus.query(latchkey.address, &queries[..WARM_UP]))?;
        let mut nanoseconds = runtime.block_on(corpus.query(latchkey.address, &queries[WARM_UP..]))?;
        nanoseconds.sort_unstable();
        Ok(Self { nanoseconds, filled })
    }

    fn percentile_ms(&self, percent: usize) -> f64 {
        percentile_ms(&self.nanoseconds, percent)
    }

    fn summary(&self) -> String {
        let seconds = self.filled.as_secs_f64();
        format!("p50 {:.2}, p99 {:.2} ms; documents added in {seconds:.0} s", self.percentile_ms(50), self.percentile_ms(99))
    }
}

/// A corpus, and a key that can search it.
struct Corpus {
    id: i64,
    customer_id: i64,
    key: String,
}

impl Corpus {
    /// Creates a corpus with this number of documents over REST.
    async fn create(address: SocketAddr, caller: &str, texts: &Texts, documents: usize) -> Result<Self> {
        let mut connection = Connection::open(address).await?;
        let created = create(&mut connection, "/api/v1/corpora", caller, &json!({ "name": "documents" })).await?;
        let id = created["id"].as_i64().context("a corpus has no id")?;
        let path = format!("/api/v1/corpora/{id}/documents");
        for first in (0..documents).step_by(BATCH) {
            let numbers = first..documents.min(first + BATCH);
            let batch: Vec<Value> =
                numbers.map(|number| json!({ "id": format!("document {number}"), "sections": [texts.document(number).join(" ")] })).collect();
            let response = connection.call(&post(&path, caller, &json!({ "documents": batch }).to_string())).await?;
            ensure!(response.status == 200, "{path} failed with status {}: {}", response.status, String::from_utf8_lossy(response.body));
        }
        let key = json!({ "kind": "corpus", "name": "documents", "scopes": ["query"], "corpora": [id] });
        let created = create(&mut connection, "/api/v1/keys", caller, &key).await?;
        let key = created["secret"].as_str().context("a created key has no secret")?.to_owned();
        let request = format!("GET /api/v1/whoami HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: {caller}\r\n\r\n");
        let whoami: Value = serde_json::from_slice(connection.call(request.as_bytes()).await?.body)?;
        let customer_id = whoami["organization"]["customer_id"].as_i64().context("an organization has no customer id")?;
        Ok(Self { id, customer_id, key })
    }

    /// Sends the queries one after the other. Returns their times.
    async fn query(&self, address: SocketAddr, queries: &[String]) -> Result<Vec<u32>> {
        let mut connection = Connection::open(address).await?;
        let headers = format!("x-api-key: {}\r\ncustomer-id: {}\r\n", self.key, self.customer_id);
        let mut nanoseconds = Vec::with_capacity(queries.len());
        for query in queries {
            let query = json!({ "query": query, "num_results": 10, "corpus_key": [{ "corpus_id": self.id }] });
            let request = post_with("/v1/query", &headers, &json!({ "query": [query] }).to_string());
            let started = Instant::now();
            let response = connection.call(&request).await?;
            let time = started.elapsed();
            let has_found = response.body.windows(FOUND.len()).any(|bytes| bytes == FOUND);
            ensure!(response.status == 200 && has_found, "{query}: status {}: {}", response.status, String::from_utf8_lossy(response.body));
            nanoseconds.push(u32::try_from(time.as_nanos()).unwrap_or(u32::MAX));
        }
        Ok(nanoseconds)
    }
}

/// Texts of words whose frequencies are those of natural languages (Zipf–Mandelbrot).
struct Texts {
    /// Frequent ones first; they are short.
    words: Vec<String>,
    positions: WeightedIndex<f64>,
}

impl Texts {
    fn new() -> Result<Self> {
        let syllables: Vec<String> =
            "bcdfghklmnprstv".chars().flat_map(|first| "aeiou".chars().map(move |second| format!("{first}{second}"))).collect();
        let (mut words, mut start) = (syllables.clone(), 0);
        while words.len() < VOCABULARY {
            let longer: Vec<String> =
                words[start..].iter().flat_map(|word| syllables.iter().map(move |syllable| format!("{word}{syllable}"))).collect();
            start = words.len();
            words.extend(longer);
        }
        words.truncate(VOCABULARY);
        let weights = (1_u32..).take(VOCABULARY).map(|rank| 1.0 / (f64::from(rank) + 2.7));
        Ok(Self { words, positions: WeightedIndex::new(weights)? })
    }

    /// The words of a document. They are the same in every run.
    fn document(&self, number: usize) -> Vec<&str> {
        let mut random = StdRng::seed_from_u64(number as u64);
        let mut bytes = 0;
        let words = iter::repeat_with(|| self.words[self.positions.sample(&mut random)].as_str());
        let is_in_document = |word: &&str| {
            bytes += word.len() + 1;
            bytes <= DOCUMENT
        };
        words.take_while(is_in_document).collect()
    }

    /// Queries of 2 to 5 different words of one document each, so that each query finds something.
    fn queries(&self, count: usize, documents: usize) -> Vec<String> {
        let mut random = StdRng::seed_from_u64(u64::MAX);
        let query = || {
            let words = self.document(random.random_range(0..documents));
            let count = random.random_range(2..=5);
            let mut different: Vec<&str> = Vec::with_capacity(count);
            while different.len() < count {
                different.extend(words.choose(&mut random).filter(|word| !different.contains(word)));
            }
            different.join(" ")
        };
        iter::repeat_with(query).take(count).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn words_have_natural_frequencies() {
        let texts = Texts::new().unwrap();
        assert_eq!(texts.words.iter().collect::<HashSet<_>>().len(), VOCABULARY);
        let documents: Vec<Vec<&str>> = (0..200).map(|number| texts.document(number)).collect();
        assert_eq!(documents[7], texts.document(7));
        assert!(documents.iter().all(|words| (DOCUMENT - 10..=DOCUMENT).contains(&words.join(" ").len())));
        let with_first = documents.iter().filter(|words| words.contains(&texts.words[0].as_str())).count();
        let different = documents.iter().flatten().collect::<HashSet<_>>().len();
        assert!(with_first > 190 && different > 5000, "{with_first} documents have the most frequent of {different} words");
    }

    #[test]
    fn queries_have_different_words_of_a_document() {
        let texts = Texts::new().unwrap();
        for query in texts.queries(50, 10) {
            let words: HashSet<&str> = query.split(' ').collect();
            assert!((2..=5).contains(&words.len()) && words.len() == query.split(' ').count(), "{query}");
            assert!((0..10).any(|number| words.iter().all(|word| texts.document(number).contains(word))), "{query}");
        }
    }
}
