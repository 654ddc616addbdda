//! Figure 5: keys are disabled one by one under load. No verify call that starts after the disable call has returned may answer VALID.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use bench::fixtures::Fixtures;
use serde_json::Value;

use super::{Outcome, Row, Settings, VALID, post};
use crate::{
    ab::thousands,
    load::{Connection, Requests},
    paths,
    programs::Program,
};

const FIGURE: u8 = 5;
/// Number of concurrent verifying callers.
const CALLERS: usize = 8;

/// State shared by all callers.
struct Shared {
    requests: Requests,
    /// Index of the key that is being disabled.
    current: AtomicUsize,
    /// Number of keys, from the first on, whose disable call has returned.
    disabled: AtomicUsize,
    is_done: AtomicBool,
    /// Responses to verify calls that started after the disable call returned.
    answers_after: AtomicU64,
    /// Number of those that were VALID.
    wrong: AtomicU64,
}

pub(super) fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let fixtures = Fixtures::create(&paths::work("data-disabled"), settings.disabled_keys, 0)?;
    let latchkey = Program::latchkey(&fixtures.folder)?;
    let shared = Arc::new(Shared {
        requests: Requests::verify(&fixtures.caller, fixtures.keys),
        current: AtomicUsize::new(0),
        disabled: AtomicUsize::new(0),
        is_done: AtomicBool::new(false),
        answers_after: AtomicU64::new(0),
        wrong: AtomicU64::new(0),
    });
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let callers: Vec<_> = (0..CALLERS).map(|number| tokio::spawn(verify_until_done(Arc::clone(&shared), latchkey.address, number))).collect();
        let result = disable_each(&shared, latchkey.address, &fixtures.caller).await;
        shared.is_done.store(true, Ordering::SeqCst);
        for caller in callers {
            caller.await??;
        }
        result
    })?;
    let (answers, wrong) = (shared.answers_after.load(Ordering::SeqCst), shared.wrong.load(Ordering::SeqCst));
    let keys = shared.requests.count();
    let measured = format!("{wrong} of {answers} answers ({keys} keys, {CALLERS} callers, {:.0} s)", started.elapsed().as_secs_f64());
    let outcome = if wrong == 0 { Outcome::Met } else { Outcome::NotMet(format!("{} too many", thousands(f64::from(u32::try_from(wrong)?)))) };
    let what = "VALID answers to calls that began after the disabling call returned".to_owned();
    Ok(vec![Row { figure: FIGURE, what, goal: "0".to_owned(), measured, outcome }])
}

/// Disables the keys one by one. Each is verified immediately before, when it must be valid, and immediately after.
async fn disable_each(shared: &Shared, address: std::net::SocketAddr, caller: &str) -> Result<()> {
    let (mut connection, mut request) = (Connection::open(address).await?, Vec::new());
    for index in 0..shared.requests.count() {
        shared.current.store(index, Ordering::SeqCst);
        shared.requests.write(&mut request, index);
        let response = connection.call(&request).await?;
        ensure!(response.body.starts_with(VALID.as_bytes()), "a key is not valid before it is disabled");
        let id = serde_json::from_slice::<Value>(response.body)?["key_id"].as_str().context("the verdict has no key_id")?.to_owned();
        let response = connection.call(&post(&format!("/api/v1/keys/{id}/disable"), caller, "")).await?;
        ensure!(response.status == 200, "disabling a key failed with status {}", response.status);
        shared.disabled.store(index + 1, Ordering::SeqCst);
        shared.record(true, connection.call(&request).await?.body);
    }
    Ok(())
}

/// Verifies the key that is being disabled and the one before it, alternately.
async fn verify_until_done(shared: Arc<Shared>, address: std::net::SocketAddr, number: usize) -> Result<()> {
    let (mut connection, mut request) = (Connection::open(address).await?, Vec::new());
    for turn in number.. {
        if shared.is_done.load(Ordering::SeqCst) {
            break;
        }
        let index = shared.current.load(Ordering::SeqCst).saturating_sub(turn % 2);
        shared.requests.write(&mut request, index);
        // Read before the call starts.
        let is_disabled = index < shared.disabled.load(Ordering::SeqCst);
        shared.record(is_disabled, connection.call(&request).await?.body);
    }
    Ok(())
}

impl Shared {
    fn record(&self, was_disabled: bool, body: &[u8]) {
        if was_disabled {
            self.answers_after.fetch_add(1, Ordering::SeqCst);
            self.wrong.fetch_add(u64::from(body.starts_with(VALID.as_bytes())), Ordering::SeqCst);
        }
    }
}
