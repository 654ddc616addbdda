//! `latchkey completion`.

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use super::{print, trouble::Trouble};

/// Which shell.
#[derive(Debug, Args)]
#[command(after_help = "For bash: latchkey completion bash > ~/.local/share/bash-completion/completions/latchkey")]
pub struct CompletionOptions {
    /// The shell that completes
    shell: Shell,
}

/// Prints what the shell needs.
///
/// # Errors
/// When it can't be printed.
pub fn run(options: &CompletionOptions, command: &mut Command) -> Result<(), Trouble> {
    // Into memory first: `generate` panics where nobody reads.
    let mut script = Vec::new();
    generate(options.shell, command, "latchkey", &mut script);
    print::line(String::from_utf8_lossy(&script).trim_end())
}
