//! The `latchkey` binary.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use latchkey_cli::{
    completion::{self, CompletionOptions},
    error::CliError,
    keys::{self, KeysOptions},
    models::{
        self, ModelsOptions,
        providers::{self, ProvidersOptions},
    },
    print,
    receipts::{self, ReceiptsOptions},
    services::{self, ServicesOptions},
    usage::{self, CallsOptions, UsageOptions},
    verify::{self, VerifyOptions},
};
use latchkey_program::{
    admin::{self, AdminOptions},
    config::ServeOptions,
    serve, telemetry,
};

/// Cached keys are many small allocations among large short-lived ones, which fragments the heap of glibc's allocator: 100,000 keys took
/// four times the memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Self-hosted API key management in a single binary
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server: web page and API
    Serve(Box<ServeOptions>),
    /// Administer the data, with or without a running server
    Admin(AdminOptions),
    /// List, create and change keys through the API of a running server
    Keys(Box<KeysOptions>),
    /// List, create and change services of the gateway through the API of a running server
    Services(Box<ServicesOptions>),
    /// List, create and change language models of the gateway through the API of a running server
    Models(Box<ModelsOptions>),
    /// List, create and change providers of language models through the API of a running server
    Providers(Box<ProvidersOptions>),
    /// Show usage and cost of language models, through the API of a running server
    Usage(UsageOptions),
    /// List calls of language models, through the API of a running server
    Calls(CallsOptions),
    /// Show receipts of revocations, through the API of a running server
    Receipts(ReceiptsOptions),
    /// Verify a key through the API of a running server
    Verify(VerifyOptions),
    /// Print a shell completion script
    Completion(CompletionOptions),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(options) => {
            telemetry::begin(options.log_format);
            run_multi_threaded(serve::serve(*options))
        }
        Command::Admin(options) => {
            telemetry::begin(telemetry::LogFormat::from_environment());
            run_multi_threaded(admin::run(options))
        }
        Command::Keys(options) => run_single_threaded(keys::run(*options)),
        Command::Services(options) => run_single_threaded(services::run(*options)),
        Command::Models(options) => run_single_threaded(models::run(*options)),
        Command::Providers(options) => run_single_threaded(providers::run(*options)),
        Command::Usage(options) => run_single_threaded(usage::run(options)),
        Command::Calls(options) => run_single_threaded(usage::run_calls(options)),
        Command::Receipts(options) => run_single_threaded(receipts::run(options)),
        Command::Verify(options) => run_single_threaded(verify::run(options)),
        Command::Completion(options) => print::finish(completion::run(&options, &mut Cli::command())),
    }
}

/// Runs a command that works on the data directory.
fn run_multi_threaded(work: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let result = tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(work));
    // Before the message, which is the last line.
    telemetry::flush();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line: the outermost context comes first, the cause last.
            eprintln!("latchkey: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a command that only calls a server.
fn run_single_threaded(work: impl Future<Output = Result<(), CliError>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    print::finish(runtime.map_err(|error| CliError::Unavailable(error.to_string())).and_then(|runtime| runtime.block_on(work)))
}
