//! The measured programs: starting them, waiting until they are ready, reading their resource usage, stopping them.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{load::Connection, paths};

/// Time limit from the start of a program to its first 200 response.
const START_TIMEOUT: Duration = Duration::from_mins(2);
/// Time limit for background work, such as writing collected usage counts, once no requests come in.
const IDLE_TIMEOUT: Duration = Duration::from_mins(3);
/// Sampling interval of CPU time. Longer than a second, because usage counts are written once a second.
const IDLE_INTERVAL: Duration = Duration::from_millis(1200);
/// CPU time below which the programs count as idle in one interval, in hundredths of a second.
const IDLE_TICKS: u64 = 8;
/// Time limit for a graceful stop before the program is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// A running program. It is stopped when this is dropped.
pub(crate) struct Program {
    pub address: SocketAddr,
    /// Time from the start of the process to its first 200 response.
    pub startup_time: Duration,
    child: Child,
}

impl Program {
    /// Starts Latchkey on a data folder.
    pub(crate) fn latchkey(data: &Path) -> Result<Self> {
        Self::latchkey_with(data, &[])
    }

    /// Starts Latchkey on a data folder, with these options.
    pub(crate) fn latchkey_with(data: &Path, options: &[&str]) -> Result<Self> {
        Self::latchkey_from(&paths::latchkey(), data, options)
    }

    /// Starts this program of Latchkey, which may be of another version.
    pub(crate) fn latchkey_from(program: &Path, data: &Path, options: &[&str]) -> Result<Self> {
        Self::start("latchkey", "/readyz", |port| {
            let mut command = Command::new(program);
            command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data"]).arg(data).args(options);
            command
        })
    }

    /// Starts the baseline: a handler that only parses and serializes JSON. It is also the upstream of the gateway.
    pub(crate) fn bare() -> Result<Self> {
        Self::start("bare", "/readyz", |port| {
            let mut command = Command::new(paths::bare());
            command.arg(port.to_string());
            command
        })
    }

    /// Starts the baseline reverse proxy in front of an upstream, which answers `/readyz`.
    pub(crate) fn proxy(upstream: SocketAddr) -> Result<Self> {
        Self::start("proxy", "/readyz", |port| {
            let mut command = Command::new(paths::proxy());
            command.args([port.to_string(), upstream.to_string()]);
            command
        })
    }

    /// Starts a program and waits until it answers `ready` with 200. `command` receives the port to listen on; output goes to
    /// `target/bench/NAME.log`.
    pub(crate) fn start(name: &str, ready: &str, command: impl FnOnce(u16) -> Command) -> Result<Self> {
        let address = free_address()?;
        let log = paths::log(name);
        let mut command = command(address.port());
        command.stdout(File::create(&log)?).stderr(File::options().append(true).open(&log)?);
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let mut program = Self { address, startup_time: Duration::ZERO, child };
        program.wait_for(name, ready, started).with_context(|| format!("{name} did not start: see {}", log.display()))?;
        program.startup_time = started.elapsed();
        Ok(program)
    }

    fn wait_for(&mut self, name: &str, ready: &str, started: Instant) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        while !runtime.block_on(is_ready(self.address, ready)) {
            if let Some(status) = self.child.try_wait()? {
                bail!("{name} exited: {status}");
            }
            if started.elapsed() > START_TIMEOUT {
                bail!("no 200 response within {} s", START_TIMEOUT.as_secs());
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("this system does not report the memory of a process")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024)
    }

    /// CPU time so far in seconds, on all cores together, without child processes.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        Ok(Duration::from_millis(self.ticks()? * 10).as_secs_f64())
    }

    /// CPU time so far in hundredths of a second.
    fn ticks(&self) -> Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field is the program name, which may contain spaces: start at the third.
        let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<u64>().ok());
        field(14).zip(field(15)).map(|(user, system)| user + system).context("this system does not report the CPU time of a process")
    }
}

/// Waits until all programs are idle, so that background work of one round does not fall into the next.
pub(crate) fn wait_until_idle(programs: &[&Program]) -> Result<()> {
    let worked = || programs.iter().map(|program| program.ticks()).sum::<Result<u64>>();
    let started = Instant::now();
    while started.elapsed() < IDLE_TIMEOUT {
        let before = worked()?;
        thread::sleep(IDLE_INTERVAL);
        if worked()? - before < IDLE_TICKS {
            return Ok(());
        }
    }
    bail!("the programs are not idle after {} s without requests", IDLE_TIMEOUT.as_secs())
}

impl Drop for Program {
    /// Sends SIGTERM first, so that the program can stop its worker processes.
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let started = Instant::now();
        while self.child.try_wait().is_ok_and(|status| status.is_none()) && started.elapsed() < STOP_TIMEOUT {
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn is_ready(address: SocketAddr, path: &str) -> bool {
    let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
    let response = async { Connection::open(address).await?.call(request.as_bytes()).await.map(|response| response.status) };
    matches!(tokio::time::timeout(Duration::from_secs(5), response).await, Ok(Ok(200)))
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
