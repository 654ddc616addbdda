//! The command line.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use latchkey::{
    cli::{
        completion::{self, CompletionOptions},
        keys::{self, KeysOptions},
        print,
        trouble::Trouble,
        verify::{self, VerifyOptions},
    },
    server::{
        admin::{self, AdminOptions},
        config::ServeOptions,
        serve, telemetry,
    },
};

/// Keys that are known are many small things among large ones that come and go. glibc's allocator leaves holes between them: 100,000 keys took
/// four times the memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A desk for API keys that a team runs itself.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the page and the API
    Serve(Box<ServeOptions>),
    /// Work on the data, beside a running server or without one
    Admin(AdminOptions),
    /// Find, make and change keys, over the API of a running server
    Keys(Box<KeysOptions>),
    /// Ask a running server whether a key is good
    Verify(VerifyOptions),
    /// Print what a shell needs to complete these commands
    Completion(CompletionOptions),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(options) => {
            telemetry::begin(options.log_format);
            on_many_threads(serve::serve(*options))
        }
        Command::Admin(options) => {
            telemetry::begin(telemetry::LogFormat::from_environment());
            on_many_threads(admin::run(options))
        }
        Command::Keys(options) => on_one_thread(keys::run(*options)),
        Command::Verify(options) => on_one_thread(verify::run(options)),
        Command::Completion(options) => print::end(completion::run(&options, &mut Cli::command())),
    }
}

/// Runs what works on the data itself.
fn on_many_threads(work: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let done = tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(work));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One sentence: what can be done comes first, what was seen last.
            eprintln!("latchkey: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs what calls a server and waits for its answer.
fn on_one_thread(work: impl Future<Output = Result<(), Trouble>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    print::end(runtime.map_err(|error| Trouble::Away(error.to_string())).and_then(|runtime| runtime.block_on(work)))
}
