//! `latchkey keys …`.

mod change;
mod import;
mod list;
mod traits;
pub(super) mod view;

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    AFTER_HELP,
    client::{Client, ClientOptions},
    print,
    trouble::Trouble,
};
use crate::model::id::KeyId;

/// Which server, and what to do there.
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
    /// Show a key; never its secret
    #[command(after_help = AFTER_HELP)]
    Get(OneKey),
    /// Make a key; its secret alone goes to standard output, this once
    #[command(after_help = AFTER_HELP)]
    Create(change::CreateOptions),
    /// Change a key, as far as its kind lets one
    #[command(after_help = AFTER_HELP)]
    Edit(change::EditOptions),
    /// Put a key to rest: it is refused at once
    #[command(after_help = AFTER_HELP)]
    Disable(OneKey),
    /// Wake a key
    #[command(after_help = AFTER_HELP)]
    Enable(OneKey),
    /// Give a key another secret; the new one alone goes to standard output, this once
    #[command(after_help = AFTER_HELP)]
    Rotate(change::RotateOptions),
    /// Delete keys for good: they are refused at once
    #[command(after_help = AFTER_HELP)]
    Delete(change::DeleteOptions),
    /// Take over client keys that were made elsewhere, by their SHA-256
    #[command(after_help = AFTER_HELP)]
    Import(import::ImportOptions),
}

/// Which key.
#[derive(Debug, Args)]
struct OneKey {
    /// Its id: `key_…`
    id: String,
}

/// A call, and whether people or programs read its answer.
struct Context {
    client: Client,
    json: bool,
}

/// Does what was asked.
///
/// # Errors
/// Why it could not.
pub async fn run(options: KeysOptions) -> Result<(), Trouble> {
    // What can be judged here is, before a key is read or a server asked.
    let KeysOptions { client: to, command } = options;
    let context = || Client::new(&to).map(|client| Context { client, json: to.json });
    match command {
        KeysCommand::List(options) => list::run(&context()?, &options).await,
        KeysCommand::Get(OneKey { id }) => {
            let id = key_id(&id)?;
            let context = context()?;
            let answer = context.client.send(context.client.request(Method::GET, &format!("keys/{id}"))).await?;
            print::line(&if context.json { answer.text } else { view::facts(&answer.json) })
        }
        KeysCommand::Create(options) => change::create(&context()?, &options).await,
        KeysCommand::Edit(options) => change::edit(&options, context).await,
        KeysCommand::Disable(OneKey { id }) => change::set(&key_id(&id)?, "disable", &context()?).await,
        KeysCommand::Enable(OneKey { id }) => change::set(&key_id(&id)?, "enable", &context()?).await,
        KeysCommand::Rotate(options) => change::rotate(&options, context).await,
        KeysCommand::Delete(options) => change::delete(&options, context).await,
        KeysCommand::Import(options) => import::run(&options, to.reads_stdin(), context).await,
    }
}

/// An id. What is none goes into no address and no message: it may be a secret that was pasted in the wrong place.
fn key_id(text: &str) -> Result<KeyId, Trouble> {
    text.parse().map_err(|_| Trouble::usage("that is no id of a key: an id is key_ and 32 digits, as `latchkey keys list` shows it"))
}
