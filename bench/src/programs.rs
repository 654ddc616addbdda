//! The programs that are measured: started, waited for, looked at, ended.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{load::Connection, places};

/// How long one may take until it answers.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long one that nobody asks may go on working: what it has gathered is written behind the calls.
const AFTERWARDS: Duration = Duration::from_mins(3);
/// How long all must be quiet: uses are written once a second.
const QUIET: Duration = Duration::from_millis(1200);
/// How much they may work in that time all the same, in hundredths of a second.
const QUIET_TICKS: u64 = 8;
/// How long one may take to end.
const FAREWELL: Duration = Duration::from_secs(10);

/// One that runs.
pub struct Program {
    /// Where it listens.
    pub address: SocketAddr,
    /// How long it took from its start to its first 200.
    pub started_in: Duration,
    child: Child,
}

impl Program {
    /// Latchkey itself, on this data.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn latchkey(data: &Path) -> Result<Self> {
        Self::start("latchkey", "/readyz", |port| {
            let mut command = Command::new(places::latchkey());
            command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data"]).arg(data);
            command
        })
    }

    /// The handler that does nothing.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn bare() -> Result<Self> {
        Self::start("bare", "/readyz", |port| {
            let mut command = Command::new(places::bare());
            command.arg(port.to_string());
            command
        })
    }

    /// The program of a command that is told its port, once it answers this path with 200.
    ///
    /// # Errors
    /// When it does not: its last words are in `target/bench/NAME.log`.
    pub fn start(name: &str, ready: &str, command: impl FnOnce(u16) -> Command) -> Result<Self> {
        let address = free_address()?;
        let log = places::log(name);
        let mut command = command(address.port());
        command.stdout(File::create(&log)?).stderr(File::options().append(true).open(&log)?);
        let begun = Instant::now();
        let child = command.spawn().with_context(|| format!("{name} can't be started"))?;
        let mut program = Self { address, started_in: Duration::ZERO, child };
        program.wait_for(name, ready, begun).with_context(|| format!("{name} did not start: see {}", log.display()))?;
        program.started_in = begun.elapsed();
        Ok(program)
    }

    fn wait_for(&mut self, name: &str, ready: &str, begun: Instant) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        while !runtime.block_on(is_ready(self.address, ready)) {
            if let Some(status) = self.child.try_wait()? {
                bail!("{name} ended: {status}");
            }
            if begun.elapsed() > PATIENCE {
                bail!("no answer in {} s", PATIENCE.as_secs());
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// How much memory it holds, in bytes.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("this system does not tell a program's memory")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024)
    }

    /// How many seconds it has worked, on all cores together; without the workers that it may have started.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn worked(&self) -> Result<f64> {
        Ok(Duration::from_millis(self.ticks()? * 10).as_secs_f64())
    }

    /// The same in hundredths of a second.
    fn ticks(&self) -> Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind the name, which may have blanks: from the third field on.
        let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<u64>().ok());
        field(14).zip(field(15)).map(|(user, system)| user + system).context("this system does not tell how long a program has worked")
    }
}

/// Waits until none of them has anything left to do, lest what is done for one round be done in the next.
///
/// # Errors
/// When that takes too long.
pub fn settle(programs: &[&Program]) -> Result<()> {
    let worked = || programs.iter().map(|program| program.ticks()).sum::<Result<u64>>();
    let begun = Instant::now();
    while begun.elapsed() < AFTERWARDS {
        let before = worked()?;
        thread::sleep(QUIET);
        if worked()? - before < QUIET_TICKS {
            return Ok(());
        }
    }
    bail!("programs that nobody asks are not quiet after {} s", AFTERWARDS.as_secs())
}

impl Drop for Program {
    /// Asks it to end, so that it takes its own workers with it.
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let begun = Instant::now();
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) && begun.elapsed() < FAREWELL {
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn is_ready(address: SocketAddr, path: &str) -> bool {
    let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
    let asked = async { Connection::open(address).await?.call(request.as_bytes()).await.map(|answer| answer.status) };
    matches!(tokio::time::timeout(Duration::from_secs(5), asked).await, Ok(Ok(200)))
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
