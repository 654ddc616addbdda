//! Keys that 16 callers create in a second on three instances, relative to an earlier version if one is given.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::{runtime::Builder, task::JoinSet};

use super::{
    super::{Row, Settings, post},
    COUNT, FIGURE, replace_folder, start_instances, start_postgres,
};
use crate::{
    ab::{median, thousands},
    load::Connection,
    paths,
    postgres::Postgres,
    programs::Program,
};

const CALLERS: usize = 16;
/// Goal: least ratio to the earlier version.
const GOAL: f64 = 10.0;
const PASSWORD: &str = "correct horse battery";

/// Instances of one version.
struct Version {
    instances: Vec<Program>,
    caller: String,
    _postgres: Postgres,
}

pub(super) fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let current = Version::start(&paths::latchkey(), "data-instances-writes")?;
    let before = settings.before.as_deref().map(|program| Version::start(program, "data-instances-writes-before")).transpose()?;
    let (mut of_three, mut of_one, mut of_earlier) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..settings.pairs {
        if let Some(before) = &before {
            of_earlier.push(before.rate(settings.round, COUNT)?);
        }
        of_three.push(current.rate(settings.round, COUNT)?);
        of_one.push(current.rate(settings.round, 1)?);
    }
    let [rate, single_rate] = [of_three, of_one].map(|rates| median(rates.into_iter()));
    let what = "keys that 16 callers create in a second on three instances";
    let detail = format!("{}; on one of them {}", thousands(rate), thousands(single_rate));
    if before.is_none() {
        return Ok(vec![Row::without_goal(FIGURE, what, detail)]);
    }
    let earlier_rate = median(of_earlier.into_iter());
    let what = format!("{what}, relative to the version before");
    Ok(vec![Row::at_least(FIGURE, what, GOAL, rate / earlier_rate, &format!("{detail}; before {}", thousands(earlier_rate)))])
}

impl Version {
    fn start(program: &Path, folder: &str) -> Result<Self> {
        let ((postgres, url), folder) = (start_postgres()?, paths::work(folder));
        replace_folder(&folder)?;
        let admin = |arguments: &[&str], input: &str| administer(program, &folder, &url, arguments, input);
        admin(
            &["create-user", "--email", "owner@bench.test", "--name", "Owner", "--role", "owner", "--organization", "Bench", "--password-stdin"],
            PASSWORD,
        )?;
        let caller = admin(&["create-key", "--name", "Caller", "--days", "30"], "")?;
        let instances = start_instances(program, &folder, &url, COUNT)?;
        Ok(Self { instances, caller, _postgres: postgres })
    }

    /// Keys per second that are created on this number of instances.
    fn rate(&self, time: Duration, instances: usize) -> Result<f64> {
        let request: Arc<[u8]> = post("/api/v1/keys", &self.caller, &json!({ "kind": "client", "name": "Service" }).to_string()).into();
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            let (mut callers, started) = (JoinSet::new(), Instant::now());
            let end = started + time;
            for number in 0..CALLERS {
                let (address, request) = (self.instances[number % instances].address, Arc::clone(&request));
                callers.spawn(async move {
                    let (mut connection, mut created) = (Connection::open(address).await?, 0_u32);
                    while Instant::now() < end {
                        let response = connection.call(&request).await?;
                        ensure!(response.status == 201, "creating a key failed with status {}", response.status);
                        created += 1;
                    }
                    Ok(created)
                });
            }
            let mut created = 0;
            while let Some(caller) = callers.join_next().await {
                created += caller??;
            }
            let rate = f64::from(created) / started.elapsed().as_secs_f64();
            eprintln!("    {rate:.0} per second on {instances} instances");
            Ok(rate)
        })
    }
}

/// Runs an admin command of a program. Returns its output.
fn administer(program: &Path, folder: &Path, url: &str, arguments: &[&str], input: &str) -> Result<String> {
    let mut command = Command::new(program);
    command.arg("admin").args(arguments).args(["--database", url, "--data"]).arg(folder);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {}", program.display()))?;
    // Dropped at the end of the statement, so that the command finds the end of its input.
    child.stdin.take().context("a command has no input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{} failed: {}", arguments[0], output.status);
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
