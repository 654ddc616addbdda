//! The command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use latchkey::server::{
    admin::{self, AdminOptions},
    config::ServeOptions,
    serve, telemetry,
};

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
}

#[tokio::main]
async fn main() -> ExitCode {
    telemetry::begin();
    let done = match Cli::parse().command {
        Command::Serve(options) => serve::serve(*options).await,
        Command::Admin(options) => admin::run(options).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One sentence: what can be done comes first, what was seen last.
            eprintln!("latchkey: {error:#}");
            ExitCode::FAILURE
        }
    }
}
