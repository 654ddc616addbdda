//! 5: keys are disabled one after the other while callers ask for them. No answer that was begun after a key's call returned may be VALID.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use bench::stock::Stock;
use serde_json::Value;

use super::{Outcome, Row, Settings, VALID, post};
use crate::{
    load::{Connection, Requests},
    pairs::thousands,
    places,
    programs::Program,
};

const FIGURE: u8 = 5;
/// How many others ask meanwhile.
const CALLERS: usize = 8;

/// What all of them know.
struct Scene {
    requests: Requests,
    /// The key that is being disabled.
    current: AtomicUsize,
    /// So many keys, from the first on, were disabled: their calls have returned.
    disabled: AtomicUsize,
    ended: AtomicBool,
    /// Answers to calls that were begun after that.
    asked_after: AtomicU64,
    /// Those of them that said VALID.
    wrong: AtomicU64,
}

/// Measures it.
pub fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let stock = Stock::make(&places::work("data-disabled"), settings.disabled, 0)?;
    let latchkey = Program::latchkey(&stock.folder)?;
    let scene = Arc::new(Scene {
        requests: Requests::verify(&stock.caller, stock.keys),
        current: AtomicUsize::new(0),
        disabled: AtomicUsize::new(0),
        ended: AtomicBool::new(false),
        asked_after: AtomicU64::new(0),
        wrong: AtomicU64::new(0),
    });
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let callers: Vec<_> = (0..CALLERS).map(|number| tokio::spawn(ask(Arc::clone(&scene), latchkey.address, number))).collect();
        let done = disable_each(&scene, latchkey.address, &stock.caller).await;
        scene.ended.store(true, Ordering::SeqCst);
        for caller in callers {
            caller.await??;
        }
        done
    })?;
    let (asked, wrong) = (scene.asked_after.load(Ordering::SeqCst), scene.wrong.load(Ordering::SeqCst));
    let tries = scene.requests.count();
    let measured = format!("{wrong} of {asked} answers ({tries} keys, {CALLERS} callers, {:.0} s)", begun.elapsed().as_secs_f64());
    let outcome = if wrong == 0 { Outcome::Met } else { Outcome::NotMet(format!("{} too many", thousands(f64::from(u32::try_from(wrong)?)))) };
    let what = "VALID answers begun after the call that disables the key returned".to_owned();
    Ok(vec![Row { figure: FIGURE, what, goal: "0".to_owned(), measured, outcome }])
}

/// Disables one key after the other: each was valid just before, and is asked for again at once.
async fn disable_each(scene: &Scene, address: std::net::SocketAddr, caller: &str) -> Result<()> {
    let (mut connection, mut request) = (Connection::open(address).await?, Vec::new());
    for at in 0..scene.requests.count() {
        scene.current.store(at, Ordering::SeqCst);
        scene.requests.write(&mut request, at);
        let answer = connection.call(&request).await?;
        ensure!(answer.body.starts_with(VALID.as_bytes()), "a key is not valid before it is disabled");
        let id = serde_json::from_slice::<Value>(answer.body)?["key_id"].as_str().context("a verdict without a key")?.to_owned();
        let answer = connection.call(&post(&format!("/api/v1/keys/{id}/disable"), caller, "")).await?;
        ensure!(answer.status == 200, "a key can't be disabled: {}", answer.status);
        scene.disabled.store(at + 1, Ordering::SeqCst);
        scene.note(true, connection.call(&request).await?.body);
    }
    Ok(())
}

/// Asks for the key that is being disabled, and for the one before it, in turn.
async fn ask(scene: Arc<Scene>, address: std::net::SocketAddr, number: usize) -> Result<()> {
    let (mut connection, mut request) = (Connection::open(address).await?, Vec::new());
    for turn in number.. {
        if scene.ended.load(Ordering::SeqCst) {
            break;
        }
        let at = scene.current.load(Ordering::SeqCst).saturating_sub(turn % 2);
        scene.requests.write(&mut request, at);
        // Looked at before the call begins.
        let is_disabled = at < scene.disabled.load(Ordering::SeqCst);
        scene.note(is_disabled, connection.call(&request).await?.body);
    }
    Ok(())
}

impl Scene {
    fn note(&self, was_disabled: bool, body: &[u8]) {
        if was_disabled {
            self.asked_after.fetch_add(1, Ordering::SeqCst);
            self.wrong.fetch_add(u64::from(body.starts_with(VALID.as_bytes())), Ordering::SeqCst);
        }
    }
}
