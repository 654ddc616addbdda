//! `cargo xtask run`: builds everything and starts the server.

use std::ffi::OsString;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::site::{self, Build};
use crate::step::Steps;
use crate::{paths, process, server, setup};

/// Builds everything and replaces this process with the server.
pub(crate) fn run(build: Build, arguments: &[OsString]) -> Result<()> {
    build_all(build)?;
    serve(build, arguments)
}

/// Sets up the machine and builds site and server, with a summary of the times.
pub(crate) fn build_all(build: Build) -> Result<()> {
    let mut steps = Steps::start();
    let tools = steps.run("setup", setup::for_build)?;
    match build {
        Build::Release => {
            // The server embeds the site, so it is built last.
            site::build(build, &tools, &mut steps)?;
            steps.run("server", || process::run(&mut server::build_command(build)))?;
        }
        Build::Dev => {
            build_both(&tools, &mut steps)?;
            site::assemble(build, &mut steps)?;
        }
    }
    steps.print_summary();
    Ok(())
}

/// Builds site and server in parallel, which is possible because the debug server reads the site from disk.
fn build_both(tools: &setup::Tools, steps: &mut Steps) -> Result<()> {
    eprintln!("==> wasm and server");
    let (wasm, server) = thread::scope(|scope| {
        let wasm = scope.spawn(|| {
            let mut commands = site::compile_commands(Build::Dev, tools);
            commands.iter_mut().map(|command| process::run_labelled("wasm", command)).sum::<Result<Duration>>()
        });
        let server = process::run_labelled("server", &mut server::build_command(Build::Dev));
        (wasm.join().unwrap_or_else(|_| Err(anyhow!("the thread of the wasm build panicked"))), server)
    });
    steps.note("wasm", wasm?);
    steps.note("server", server?);
    Ok(())
}

fn serve(build: Build, arguments: &[OsString]) -> Result<()> {
    let mut command = Command::new(server::binary(build));
    command.arg("serve").args(arguments).current_dir(paths::root());
    become_command(&mut command).with_context(|| format!("cannot start {}", server::binary(build).display()))
}

/// Replaces this process with the server, so that signals (Ctrl-C, a service manager's) reach the server directly.
#[cfg(unix)]
fn become_command(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(command.exec().into())
}

#[cfg(not(unix))]
fn become_command(command: &mut Command) -> Result<()> {
    process::run(command)
}
