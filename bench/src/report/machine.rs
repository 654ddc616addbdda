//! Describes the machine and the versions, without host name and folder names.

use std::{fs, process::Command, thread};

use crate::{paths, postgres};

/// Cores, memory, processor and operating system.
pub(super) fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").and_then(|size| size.trim_end_matches(" kB").trim().parse::<u64>().ok()).unwrap_or_default();
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("unknown system").trim_matches('"').to_owned();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // Without the suffix of the distribution or builder.
    let kernel = release.trim().split('-').next().unwrap_or_default();
    format!("{cores} cores, {} GiB, {processor}, {system}, Linux {kernel}", (memory + 512 * 1024) / (1024 * 1024))
}

/// Versions of the compiler, of the peers and of PostgreSQL.
pub(super) fn versions() -> String {
    let package_json = fs::read_to_string(paths::source("better-auth/package.json")).unwrap_or_default();
    let package_json: serde_json::Value = serde_json::from_str(&package_json).unwrap_or_default();
    let packages = ["better-auth", "@better-auth/api-key", "better-sqlite3"];
    let node_packages = packages.map(|name| format!("{name} {}", package_json["dependencies"][name].as_str().unwrap_or("?")));
    let python_packages = fs::read_to_string(paths::source("drf/requirements.txt")).unwrap_or_default().trim().replace("==", " ").replace('\n', ", ");
    let litellm = fs::read_to_string(paths::source("litellm/requirements.txt")).unwrap_or_default();
    let litellm = litellm.lines().find_map(|line| line.strip_prefix("litellm==")?.split(' ').next()).unwrap_or("?");
    let python = output_of(Command::new(paths::python()).arg("--version"));
    [
        output_of(Command::new("rustc").arg("--version")),
        format!("node {}", output_of(Command::new("node").arg("--version"))),
        node_packages.join(", "),
        python,
        python_packages,
        format!("litellm {litellm}"),
        postgres::binaries()
            .map_or_else(|_| "PostgreSQL not installed".to_owned(), |folder| output_of(Command::new(folder.join("postgres")).arg("--version"))),
    ]
    .join("; ")
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

fn output_of(command: &mut Command) -> String {
    let output = command.output().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    if output.is_empty() { "not installed".to_owned() } else { output }
}
