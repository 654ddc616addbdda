//! On what it was measured, without a name of the machine or of a folder on it.

use std::{fs, process::Command, thread};

use crate::places;

/// Cores, memory, processor, system.
pub fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").and_then(|size| size.trim_end_matches(" kB").trim().parse::<u64>().ok()).unwrap_or_default();
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown processor".to_owned());
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("an unknown system").trim_matches('"').to_owned();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // Without what whoever built it has added.
    let kernel = release.trim().split('-').next().unwrap_or_default();
    format!("{cores} cores, {} GiB, {processor}, {system}, Linux {kernel}", (memory + 512 * 1024) / (1024 * 1024))
}

/// What was measured with what.
pub fn versions() -> String {
    let of_node = fs::read_to_string(places::source("better-auth/package.json")).unwrap_or_default();
    let of_node: serde_json::Value = serde_json::from_str(&of_node).unwrap_or_default();
    let packages = ["better-auth", "@better-auth/api-key", "better-sqlite3"];
    let of_node = packages.map(|name| format!("{name} {}", of_node["dependencies"][name].as_str().unwrap_or("?")));
    let of_python = fs::read_to_string(places::source("drf/requirements.txt")).unwrap_or_default().trim().replace("==", " ").replace('\n', ", ");
    let python = said_by(Command::new(places::python()).arg("--version"));
    [
        said_by(Command::new("rustc").arg("--version")),
        format!("node {}", said_by(Command::new("node").arg("--version"))),
        of_node.join(", "),
        python,
        of_python,
    ]
    .join("; ")
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

fn said_by(command: &mut Command) -> String {
    let said = command.output().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    if said.is_empty() { "not there".to_owned() } else { said }
}
