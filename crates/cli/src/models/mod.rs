//! `latchkey models …` and `latchkey providers …`.

mod aliases;
mod attributes;
pub mod providers;
mod resource;
mod view;

use clap::{Args, Subcommand};
use reqwest::Method;

use self::{
    aliases::AliasesCommand,
    attributes::{AttributeOptions, ClearedField},
    resource::{Context, DeleteOptions, IdArgument, parse_id},
};
use super::{AFTER_HELP, client::ClientOptions, error::CliError};
use latchkey_types::{
    id::{ModelId, ProviderId},
    rest::models::{CreateModel, EditModel, Models},
};

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ModelsOptions {
    #[command(flatten)]
    client: ClientOptions,
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// List models
    #[command(after_help = AFTER_HELP)]
    List,
    /// Show a model
    #[command(after_help = AFTER_HELP)]
    Get(IdArgument),
    /// Create a model, to be called by its name below /v1
    #[command(after_help = AFTER_HELP)]
    Create(Box<CreateOptions>),
    /// Change a model
    #[command(after_help = AFTER_HELP)]
    Edit(Box<EditOptions>),
    /// Delete a model permanently, effective immediately; its credential is kept
    #[command(after_help = AFTER_HELP)]
    Delete(DeleteOptions),
    /// List and change aliases: names that stand for several models
    #[command(after_help = AFTER_HELP)]
    Aliases {
        #[command(subcommand)]
        command: AliasesCommand,
    },
}

#[derive(Debug, Args)]
struct CreateOptions {
    /// Id of the provider: `prv_…`
    #[arg(long, value_name = "ID")]
    provider: String,
    /// Name that callers use
    #[arg(long)]
    name: String,
    #[command(flatten)]
    attributes: AttributeOptions,
}

impl CreateOptions {
    fn request(&self) -> Result<CreateModel, CliError> {
        let given = self.attributes.edit()?;
        Ok(CreateModel {
            name: self.name.clone(),
            upstream_name: given.upstream_name,
            credential: given.credential.flatten(),
            price: given.price.flatten(),
            context_tokens: given.context_tokens.flatten(),
            output_tokens: given.output_tokens.flatten(),
            allow_unpriced: given.allow_unpriced.unwrap_or_default(),
            fallbacks: given.fallbacks.unwrap_or_default(),
        })
    }
}

#[derive(Debug, Args)]
struct EditOptions {
    /// Id of the model: `mdl_…`
    id: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    attributes: AttributeOptions,
    /// Field to clear; can be repeated
    #[arg(long, value_name = "WHAT")]
    clear: Vec<ClearedField>,
}

impl EditOptions {
    fn request(&self) -> Result<EditModel, CliError> {
        let mut request = EditModel { name: self.name.clone(), ..self.attributes.edit()? };
        for cleared in &self.clear {
            cleared.clear(&mut request)?;
        }
        let is_empty = request == EditModel::default();
        if is_empty { Err(CliError::usage("nothing to change: see `latchkey models edit --help`")) } else { Ok(request) }
    }
}

pub async fn run(options: ModelsOptions) -> Result<(), CliError> {
    // Arguments are validated before the API key is read and before any request.
    let ModelsOptions { client, command } = options;
    match command {
        ModelsCommand::List => {
            let context = Context::new(&client)?;
            context.print(context.request(Method::GET, "models"), |models: &Models| view::models(&models.items)).await
        }
        ModelsCommand::Get(IdArgument { id }) => {
            let path = path(&id)?;
            let context = Context::new(&client)?;
            context.print(context.request(Method::GET, &path), view::model).await
        }
        ModelsCommand::Create(options) => {
            let provider: ProviderId = parse_id(&options.provider)?;
            let body = options.request()?;
            let context = Context::new(&client)?;
            let request = context.request(Method::POST, &format!("providers/{provider}/models")).json(&body);
            context.print(request, view::model).await
        }
        ModelsCommand::Edit(options) => {
            let (path, body) = (path(&options.id)?, options.request()?);
            let context = Context::new(&client)?;
            context.print(context.request(Method::PATCH, &path).json(&body), view::model).await
        }
        ModelsCommand::Delete(options) => {
            let path = path(&options.id)?;
            // Fails before the confirmation if the API key or the URL is missing.
            Context::new(&client)?.delete(&path, &options).await
        }
        ModelsCommand::Aliases { command } => aliases::run(&client, command).await,
    }
}

fn path(id: &str) -> Result<String, CliError> {
    let id: ModelId = parse_id(id)?;
    Ok(format!("models/{id}"))
}
