//! Server processes: how they are started, and their memory and file handles, read from `/proc`.

use std::{
    fs,
    process::{Command, Stdio},
};

/// Lets another program start the command, which must replace itself with it.
pub fn start_by(command: &mut Command, program: &str, arguments: &[&str]) {
    let mut starter = Command::new(program);
    starter.args(arguments).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => starter.env(name, value),
            None => starter.env_remove(name),
        };
    }
    starter.stdout(Stdio::piped()).stderr(Stdio::piped());
    *command = starter;
}

/// Sends a signal, such as `-STOP`.
pub fn signal(process: u32, name: &str) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
}

/// Resident memory in KiB.
pub fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim_end_matches("kB").trim().parse().unwrap()
}

/// The number of open file handles.
pub fn handles(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).unwrap().count()
}
