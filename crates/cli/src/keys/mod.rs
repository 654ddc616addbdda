//! `latchkey keys …`.

mod attributes;
mod change;
mod import;
mod list;
pub(super) mod view;

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    AFTER_HELP,
    client::{Client, ClientOptions},
    error::CliError,
    print,
};
use latchkey_types::id::KeyId;

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct KeysOptions {
    #[command(flatten)]
    client: ClientOptions,
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// List keys
    #[command(after_help = AFTER_HELP)]
    List(list::ListOptions),
    /// Show a key, without its secret
    #[command(after_help = AFTER_HELP)]
    Get(KeyIdArgument),
    /// Create a key; only its secret is printed to standard output, once
    #[command(after_help = AFTER_HELP)]
    Create(change::CreateOptions),
    /// Change the fields of a key that its kind allows to edit
    #[command(after_help = AFTER_HELP)]
    Edit(change::EditOptions),
    /// Disable a key, effective immediately
    #[command(after_help = AFTER_HELP)]
    Disable(KeyIdArgument),
    /// Enable a key
    #[command(after_help = AFTER_HELP)]
    Enable(KeyIdArgument),
    /// Replace the secret of a key; only the new secret is printed to standard output, once
    #[command(after_help = AFTER_HELP)]
    Rotate(change::RotateOptions),
    /// Delete keys permanently, effective immediately
    #[command(after_help = AFTER_HELP)]
    Delete(change::DeleteOptions),
    /// Import client keys that another system issued, by their SHA-256
    #[command(after_help = AFTER_HELP)]
    Import(import::ImportOptions),
}

#[derive(Debug, Args)]
struct KeyIdArgument {
    /// Id of the key: `key_…`
    id: String,
}

/// Client and output format.
struct Context {
    client: Client,
    json: bool,
}

pub async fn run(options: KeysOptions) -> Result<(), CliError> {
    // Arguments are validated before the API key is read and before any request.
    let KeysOptions { client: client_options, command } = options;
    let context = || Client::new(&client_options).map(|client| Context { client, json: client_options.json });
    match command {
        KeysCommand::List(options) => list::run(&context()?, &options).await,
        KeysCommand::Get(KeyIdArgument { id }) => {
            let id = key_id(&id)?;
            let context = context()?;
            let response = context.client.send(context.client.request(Method::GET, &format!("keys/{id}"))).await?;
            print::line(&if context.json { response.text } else { view::facts(&response.read()?) })
        }
        KeysCommand::Create(options) => change::create(&context()?, &options).await,
        KeysCommand::Edit(options) => change::edit(&options, context).await,
        KeysCommand::Disable(KeyIdArgument { id }) => change::set(&key_id(&id)?, "disable", &context()?).await,
        KeysCommand::Enable(KeyIdArgument { id }) => change::set(&key_id(&id)?, "enable", &context()?).await,
        KeysCommand::Rotate(options) => change::rotate(&options, context).await,
        KeysCommand::Delete(options) => change::delete(&options, context).await,
        KeysCommand::Import(options) => import::run(&options, client_options.reads_stdin(), context).await,
    }
}

/// Parses a key id. Invalid input is not repeated in the message or sent in a URL: it can be a secret, pasted by mistake.
fn key_id(text: &str) -> Result<KeyId, CliError> {
    text.parse().map_err(|_| CliError::usage("invalid key id: an id is key_ and 32 hexadecimal digits, as shown by `latchkey keys list`"))
}
