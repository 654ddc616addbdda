//! Figure 10: three instances on one PostgreSQL database, and what many stored keys cost. The figure of faults is measured by `cargo xtask soak`.

mod limits;
mod lists;
mod many_keys;
mod revocations;
mod verify_cost;
mod writes;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use bench::fixtures::Fixtures;
use tempfile::TempDir;
use tokio::runtime::Builder;

use super::{Row, Settings};
use crate::{paths, postgres::Postgres, programs::Program};

pub(super) const FIGURE: u8 = 10;
/// Number of instances.
const COUNT: usize = 3;

type Part = (&'static str, fn(&Settings) -> Result<Vec<Row>>);

const PARTS: [Part; 6] = [
    ("time of a revocation", revocations::measure),
    ("limits", limits::measure),
    ("CPU time per verify call", verify_cost::measure),
    ("writes per second", writes::measure),
    ("many keys", many_keys::measure),
    ("lists of many keys, PostgreSQL", lists::measure_on_postgres),
];

/// Measures each part on a database of its own. One that fails is reported as a row.
#[expect(clippy::unnecessary_wraps, reason = "all figures are measured by functions of this type")]
pub(super) fn measure(settings: &Settings) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, part) in PARTS {
        eprintln!("    {name}");
        rows.extend(part(settings).unwrap_or_else(|error| vec![Row::failed(FIGURE, name, &format!("{error:#}"))]));
    }
    Ok(rows)
}

/// Instances on one database.
struct Cluster {
    instances: Vec<Program>,
    /// The key that calls.
    caller: String,
    /// Client keys, each with a rate limit that is never reached.
    keys: Vec<Box<str>>,
    _postgres: Postgres,
}

impl Cluster {
    /// Starts this number of instances with this number of keys.
    fn start(name: &str, instances: usize, keys: usize) -> Result<Self> {
        let (postgres, url) = start_postgres()?;
        let fixtures = Fixtures::create_on(Some(&url), &paths::work(&format!("data-instances-{name}")), keys, 0)?;
        let instances = start_instances(&paths::latchkey(), &fixtures.folder, &url, instances)?;
        Ok(Self { instances, caller: fixtures.caller, keys: fixtures.keys, _postgres: postgres })
    }
}

/// Starts a server with an empty database. Returns the URL of the database.
fn start_postgres() -> Result<(Postgres, String)> {
    // On disk, and open to the user that runs the server, while target/ may not be.
    let folder = TempDir::new_in("/var/tmp")?;
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let postgres = Postgres::start(folder).await?;
        let url = postgres.create_database("latchkey").await?;
        Ok((postgres, url))
    })
}

/// Starts instances of a program, the first one on this folder.
fn start_instances(program: &Path, folder: &Path, url: &str, count: usize) -> Result<Vec<Program>> {
    let start = |number| {
        let folder = if number == 0 { folder.to_owned() } else { copy_master_key(folder, number)? };
        Program::latchkey_from(program, &folder, &["--database", url])
    };
    (0..count).map(start).collect()
}

/// Creates another data folder with the same master key.
fn copy_master_key(folder: &Path, number: usize) -> Result<PathBuf> {
    let name = folder.file_name().context("a data folder has a name")?.to_string_lossy();
    let copy = folder.with_file_name(format!("{name}-{number}"));
    replace_folder(&copy)?;
    fs::copy(folder.join("master.key"), copy.join("master.key"))?;
    Ok(copy)
}

/// Creates an empty folder in place of an existing one.
fn replace_folder(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}
