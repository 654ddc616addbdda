//! The disk is full, or cannot write: no acknowledged change is lost, and verify requests are still answered.

use std::{fs, io::Write, path::PathBuf, process::Command, sync::atomic::Ordering, time::Duration};

use rustix::process::geteuid;
use tempfile::TempDir;

use super::{
    installation::{Clients, Installation, Running},
    process::start_by,
    report::{figure, is_long, scaled},
    workload::{Load, UsageLoss, Workload},
};
use crate::support::{latchkey, within};

const CLIENTS: usize = 4;

/// A full disk must refuse writes, and a free one accept them, within this time.
const LIMIT: Duration = Duration::from_secs(30);

/// A file system in memory of a limited size.
struct SmallDisk {
    path: PathBuf,
    _folder: TempDir,
}

impl SmallDisk {
    /// `None` without root, which mounting needs; the long form fails then.
    fn mount() -> Option<Self> {
        if !geteuid().is_root() && !is_long() {
            println!("skipped, because this test mounts a small tmpfs, which needs root");
            return None;
        }
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("disk");
        fs::create_dir(&path).unwrap();
        let size = format!("size={}m,mode=0700", scaled(16, 64));
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).output().unwrap();
        assert!(mounted.status.success(), "this test mounts a small tmpfs, which needs root: {mounted:?}");
        Some(Self { path, _folder: folder })
    }

    /// Fills the disk up, also when the database frees some of it.
    fn fill(&self) {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(self.filler()).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

#[tokio::test]
async fn full_disk_loses_no_acknowledged_change() {
    let Some(disk) = SmallDisk::mount() else { return };
    let installation = Installation::create(&disk.path, None);
    let mut running = installation.serve();
    let mut clients = installation.clients(&running).await;
    let mut workload = Workload::create(&clients, CLIENTS).await;
    let rounds = scaled(2, 20);
    let (mut acknowledged, mut failed) = (0, 0);
    for round in 1..=rounds {
        let load = workload.start(&clients);
        let shared = load.shared.clone();
        let count = || (shared.acknowledged.load(Ordering::SeqCst), shared.failed.load(Ordering::SeqCst));
        within(LIMIT, "clients write", async || count().0 > 50).await;
        let before = count().1;
        within(LIMIT, "writes to the full disk fail", async || {
            disk.fill();
            count().1 > before + 10
        })
        .await;
        disk.free();
        let freed = count().0;
        within(LIMIT, "clients write again", async || count().0 > freed + 50).await;
        (acknowledged, failed) = (acknowledged + count().0, failed + count().1);
        (workload, running, clients) = restart(&installation, load, running, clients, round == rounds).await;
    }
    drop(running);
    figure(
        "disk full",
        format_args!(
            "filled up {rounds} times: {acknowledged} acknowledged requests, {failed} answered 5xx; no acknowledged change lost, writes succeed again \
             once there is room"
        ),
    );
}

#[tokio::test]
async fn failing_fsync_loses_no_acknowledged_change() {
    let folder = TempDir::new().unwrap();
    let installation = Installation::create(folder.path(), None);
    let running = installation.serve();
    let mut clients = installation.clients(&running).await;
    let mut workload = Workload::create(&clients, CLIENTS).await;
    drop(running);
    let rounds = scaled(2, 50);
    let (mut acknowledged, mut failed) = (0, 0);
    for round in 1..=rounds {
        let running = installation.serve_with(with_failing_fsync);
        clients = clients.of(&running);
        let load = workload.start(&clients);
        let shared = load.shared.clone();
        let count = || (shared.acknowledged.load(Ordering::SeqCst), shared.failed.load(Ordering::SeqCst));
        within(LIMIT, "some writes fail and others succeed", async || count().0 > 100 && count().1 > 10).await;
        (acknowledged, failed) = (acknowledged + count().0, failed + count().1);
        let (survivors, restarted, current) = restart(&installation, load, running, clients, round == rounds).await;
        drop(restarted);
        (workload, clients) = (survivors, current);
    }
    figure(
        "disk with failing fsync",
        format_args!(
            "{rounds} runs in which every third fsync fails with EIO: {acknowledged} acknowledged requests, {failed} answered 5xx; no acknowledged \
             change lost"
        ),
    );
}

/// Kills the server, starts it again without a fault, and checks everything that it acknowledged.
async fn restart(installation: &Installation, load: Load, running: Running, clients: Clients, since_beginning: bool) -> (Workload, Running, Clients) {
    let (mut workload, killed_at) = load.end(|| drop(running)).await;
    let database = installation.connect().await;
    workload.check_usage(&database, killed_at, UsageLoss::Any).await;
    database.close().await;
    installation.admin(&["verify-audit"], "");
    let running = installation.serve();
    let clients = clients.of(&running);
    workload.check(&clients, since_beginning).await;
    (workload, running, clients)
}

/// Runs the server under strace, which lets every third call of each thread fail after the first 40. With `-D` the server stays the child process,
/// and strace ends with it.
fn with_failing_fsync(command: &mut Command) {
    let (traced, failing) = ("trace=fsync,fdatasync", "inject=fsync,fdatasync:error=EIO:when=40+3");
    start_by(command, "strace", &["-D", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", traced, "-e", failing]);
}

#[test]
fn full_disk_at_the_start_is_reported() {
    let Some(disk) = SmallDisk::mount() else { return };
    disk.fill();
    let output = latchkey(&disk.path, &["serve", "--listen", "127.0.0.1:0"], "");
    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.lines().any(|line| line.starts_with("latchkey: ")), "no error message: {stderr}");
}
