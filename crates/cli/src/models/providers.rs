//! `latchkey providers …`.

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;

use super::{
    resource::{Context, DeleteOptions, IdArgument, parse_id},
    view,
};
use crate::{AFTER_HELP, client::ClientOptions, error::CliError, input::clear};
use latchkey_types::{
    id::ProviderId,
    provider::ApiStyle,
    rest::{
        providers::{CreateProvider, EditProvider, Providers},
        values::Name,
    },
};

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ProvidersOptions {
    #[command(flatten)]
    client: ClientOptions,
    #[command(subcommand)]
    command: ProvidersCommand,
}

#[derive(Debug, Subcommand)]
enum ProvidersCommand {
    /// List providers
    #[command(after_help = AFTER_HELP)]
    List,
    /// Show a provider
    #[command(after_help = AFTER_HELP)]
    Get(IdArgument),
    /// Create a provider
    #[command(after_help = AFTER_HELP)]
    Create(CreateOptions),
    /// Change a provider; a new base URL unlinks its credential and those of its models, unless another one is given
    #[command(after_help = AFTER_HELP)]
    Edit(EditOptions),
    /// Delete a provider and its models permanently, effective immediately; credentials are kept
    #[command(after_help = AFTER_HELP)]
    Delete(DeleteOptions),
}

#[derive(Debug, Args)]
struct CreateOptions {
    /// Name of the provider
    #[arg(long)]
    name: String,
    /// URL of its API, with the version for the style openai: `https://api.openai.com/v1`
    #[arg(long, value_name = "URL")]
    base_url: String,
    /// API that the provider has: openai or anthropic
    #[arg(long, default_value = "openai", value_parser = style)]
    style: ApiStyle,
    #[command(flatten)]
    credential: CredentialOptions,
}

#[derive(Debug, Args)]
struct CredentialOptions {
    /// Header that carries the credential, such as `api-key` [default: that of the style]
    #[arg(long, value_name = "NAME")]
    credential_header: Option<String>,
    /// Id of a general key: `crd_…`
    // Parsed later, because clap would print an invalid value, which can be a secret.
    #[arg(long, value_name = "ID")]
    credential: Option<String>,
}

impl CreateOptions {
    fn request(&self) -> Result<CreateProvider, CliError> {
        Ok(CreateProvider {
            name: Name(self.name.clone()),
            style: self.style,
            base_url: self.base_url.clone(),
            credential_header: self.credential.credential_header.clone(),
            credential: self.credential.credential.as_deref().map(parse_id).transpose()?,
        })
    }
}

#[derive(Debug, Args)]
struct EditOptions {
    /// Id of the provider: `prv_…`
    id: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    /// New base URL
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// API that the provider has: openai or anthropic
    #[arg(long, value_parser = style)]
    style: Option<ApiStyle>,
    #[command(flatten)]
    credential: CredentialOptions,
    /// Field to clear; can be repeated
    #[arg(long, value_name = "WHAT")]
    clear: Vec<ClearedField>,
}

/// Field that `providers edit --clear` removes.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ClearedField {
    Credential,
    CredentialHeader,
}

impl EditOptions {
    fn request(&self) -> Result<EditProvider, CliError> {
        let credential = self.credential.credential.as_deref().map(parse_id).transpose()?;
        let mut request = EditProvider {
            name: self.name.clone().map(Name),
            style: self.style,
            base_url: self.base_url.clone(),
            credential_header: self.credential.credential_header.clone().map(Some),
            credential: credential.map(Some),
        };
        for cleared in &self.clear {
            match cleared {
                ClearedField::Credential => clear(&mut request.credential)?,
                ClearedField::CredentialHeader => clear(&mut request.credential_header)?,
            }
        }
        let is_empty = request == EditProvider::default();
        if is_empty { Err(CliError::usage("nothing to change: see `latchkey providers edit --help`")) } else { Ok(request) }
    }
}

pub async fn run(options: ProvidersOptions) -> Result<(), CliError> {
    // Arguments are validated before the API key is read and before any request.
    let ProvidersOptions { client, command } = options;
    match command {
        ProvidersCommand::List => {
            let context = Context::new(&client)?;
            context.print(context.request(Method::GET, "providers"), |providers: &Providers| view::providers(&providers.items)).await
        }
        ProvidersCommand::Get(IdArgument { id }) => {
            let path = path(&id)?;
            let context = Context::new(&client)?;
            context.print(context.request(Method::GET, &path), view::provider).await
        }
        ProvidersCommand::Create(options) => {
            let body = options.request()?;
            let context = Context::new(&client)?;
            context.print(context.request(Method::POST, "providers").json(&body), view::provider).await
        }
        ProvidersCommand::Edit(options) => {
            let (path, body) = (path(&options.id)?, options.request()?);
            let context = Context::new(&client)?;
            context.print(context.request(Method::PATCH, &path).json(&body), view::provider).await
        }
        ProvidersCommand::Delete(options) => {
            let path = path(&options.id)?;
            // Fails before the confirmation if the API key or the URL is missing.
            Context::new(&client)?.delete(&path, &options).await
        }
    }
}

fn path(id: &str) -> Result<String, CliError> {
    let id: ProviderId = parse_id(id)?;
    Ok(format!("providers/{id}"))
}

fn style(text: &str) -> Result<ApiStyle, &'static str> {
    text.parse().map_err(|_| "use openai or anthropic")
}
