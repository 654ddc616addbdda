//! `latchkey completion`.

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use super::{error::CliError, print};

#[derive(Debug, Args)]
#[command(after_help = "For bash: latchkey completion bash > ~/.local/share/bash-completion/completions/latchkey")]
pub struct CompletionOptions {
    /// Shell to generate completions for
    shell: Shell,
}

/// Prints the completion script.
pub fn run(options: &CompletionOptions, command: &mut Command) -> Result<(), CliError> {
    // Into a buffer first: `generate` panics if standard output is closed.
    let mut script = Vec::new();
    generate(options.shell, command, "latchkey", &mut script);
    print::line(String::from_utf8_lossy(&script).trim_end())
}
