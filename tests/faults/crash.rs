//! The server is killed at random moments while clients change everything; every acknowledged change survives.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use latchkey_crypto::random;
use reqwest::StatusCode;
use tempfile::TempDir;

use super::{
    installation::Installation,
    postgres::Postgres,
    report::{figure, scaled},
    workload::{UsageLoss, Workload},
};

const CLIENTS: usize = 6;

/// The shortest duration of the first round, in milliseconds: more than [`USAGE_LOSS`] permits to lose, so that a larger loss shows.
const FIRST_ROUND_MIN: i64 = 4000;

/// Usage is written every second; the rest is the time that a write takes on a loaded machine.
const USAGE_LOSS: UsageLoss = UsageLoss::AtMost(Duration::from_secs(2));

#[tokio::test]
async fn acknowledged_changes_survive_kills_on_sqlite() {
    let folder = TempDir::new().unwrap();
    let installation = Installation::create(folder.path(), None);
    kill_repeatedly(&installation, "crash on SQLite", scaled(6, 500)).await;
}

#[tokio::test]
async fn acknowledged_changes_survive_kills_on_postgresql() {
    let (folder, postgres) = (TempDir::new().unwrap(), Postgres::start(TempDir::new().unwrap()).await.unwrap());
    let database = postgres.create_database("latchkey").await.unwrap();
    let installation = Installation::create(folder.path(), Some(database));
    kill_repeatedly(&installation, "crash on PostgreSQL", scaled(2, 200)).await;
}

async fn kill_repeatedly(installation: &Installation, name: &str, rounds: u32) {
    let mut running = installation.serve();
    let mut clients = installation.clients(&running).await;
    let mut workload = Workload::create(&clients, CLIENTS).await;
    let (mut acknowledged, mut failed, mut oldest_loss) = (0, 0, Duration::ZERO);
    for round in 1..=rounds {
        let load = workload.start(&clients);
        let shared = load.shared.clone();
        let (shortest, longest) = if round == 1 { (FIRST_ROUND_MIN, FIRST_ROUND_MIN + 1000) } else { (100, 2500) };
        // Real time: any moment, some of them after usage was written.
        tokio::time::sleep(Duration::from_millis(random::number(shortest, longest).unsigned_abs())).await;
        let (survivors, killed_at) = load.end(|| drop(running)).await;
        workload = survivors;
        let database = installation.connect().await;
        oldest_loss = oldest_loss.max(workload.check_usage(&database, killed_at, USAGE_LOSS).await);
        database.close().await;
        installation.admin(&["verify-audit"], "");
        running = installation.serve();
        clients = clients.of(&running);
        workload.check(&clients, round == rounds).await;
        acknowledged += shared.acknowledged.load(Ordering::SeqCst);
        failed += shared.failed.load(Ordering::SeqCst);
    }
    assert!(acknowledged > u64::from(rounds) * 10 && workload.revoked() > 0, "{acknowledged} requests acknowledged");
    figure(
        name,
        format_args!(
            "{rounds} kills, {acknowledged} acknowledged requests, {} of them revocations of project keys, {failed} answered 5xx; no acknowledged \
             change lost, the audit log whole each time, no credit granted twice, the oldest lost usage {} ms old",
            workload.revoked(),
            oldest_loss.as_millis()
        ),
    );
}

/// The time from the start of the process to its first answer, after a kill.
#[tokio::test]
async fn server_answers_soon_after_a_kill() {
    let folder = TempDir::new().unwrap();
    let installation = Installation::create(folder.path(), None);
    let running = installation.serve();
    let clients = installation.clients(&running).await;
    let load = Workload::create(&clients, CLIENTS).await.start(&clients);
    // Real time: enough writes for a write-ahead log.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (mut workload, _) = load.end(|| drop(running)).await;
    let started = Instant::now();
    let running = installation.serve();
    let clients = clients.of(&running);
    assert_eq!(clients.api.get("/whoami").await.0, StatusCode::OK);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    workload.check(&clients, true).await;
    figure("crash and start", format_args!("the first answer {} ms after the start that follows a kill", took.as_millis()));
}
