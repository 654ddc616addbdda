//! `latchkey services …`.

mod attributes;
mod view;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;

use self::attributes::{AttributeOptions, ClearedField};
use super::{
    AFTER_HELP,
    client::{ApiResponse, Client, ClientOptions},
    error::CliError,
    input, print,
};
use latchkey_types::{
    id::ServiceId,
    rest::services::{CreateService, EditService, ServiceInjection, Services},
};

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ServicesOptions {
    #[command(flatten)]
    client: ClientOptions,
    #[command(subcommand)]
    command: ServicesCommand,
}

#[derive(Debug, Subcommand)]
enum ServicesCommand {
    /// List services
    #[command(after_help = AFTER_HELP)]
    List,
    /// Show a service
    #[command(after_help = AFTER_HELP)]
    Get(ServiceIdArgument),
    /// Create a service, to be called at /gateway/NAME/…
    #[command(after_help = AFTER_HELP)]
    Create(CreateOptions),
    /// Change a service; a new base URL unlinks its credential, unless another one is given
    #[command(after_help = AFTER_HELP)]
    Edit(EditOptions),
    /// Delete a service permanently, effective immediately; its credential is kept
    #[command(after_help = AFTER_HELP)]
    Delete(DeleteOptions),
}

#[derive(Debug, Args)]
struct ServiceIdArgument {
    /// Id of the service: `svc_…`
    id: String,
}

#[derive(Debug, Args)]
struct CreateOptions {
    /// Name of the service in the gateway's URL: lower-case letters, digits and hyphens
    #[arg(long)]
    name: String,
    /// URL that calls are forwarded to; the path of a call is added
    #[arg(long, value_name = "URL")]
    base_url: String,
    #[command(flatten)]
    attributes: AttributeOptions,
}

impl CreateOptions {
    fn request(&self) -> Result<CreateService, CliError> {
        let given = self.attributes.edit()?;
        Ok(CreateService {
            name: self.name.clone(),
            base_url: self.base_url.clone(),
            injection: given.injection.unwrap_or(ServiceInjection::Bearer {}),
            credential: given.credential.flatten(),
            allow: given.allow.unwrap_or_default(),
            callers: given.callers.unwrap_or_default(),
            timeout_seconds: given.timeout_seconds,
            body_max: given.body_max,
        })
    }
}

#[derive(Debug, Args)]
struct EditOptions {
    /// Id of the service: `svc_…`
    id: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    /// New base URL
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    #[command(flatten)]
    attributes: AttributeOptions,
    /// Field to clear; can be repeated
    #[arg(long, value_name = "WHAT")]
    clear: Vec<ClearedField>,
}

impl EditOptions {
    fn request(&self) -> Result<EditService, CliError> {
        let mut request = EditService { name: self.name.clone(), base_url: self.base_url.clone(), ..self.attributes.edit()? };
        for cleared in &self.clear {
            cleared.clear(&mut request)?;
        }
        let is_empty = request == EditService::default();
        if is_empty { Err(CliError::usage("nothing to change: see `latchkey services edit --help`")) } else { Ok(request) }
    }
}

#[derive(Debug, Args)]
struct DeleteOptions {
    /// Id of the service: `svc_…`
    id: String,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

/// Client and output format.
struct Context {
    client: Client,
    json: bool,
}

impl Context {
    /// Prints a service.
    fn print(&self, response: &ApiResponse) -> Result<(), CliError> {
        if self.json { print::line(&response.text) } else { print::line(&view::facts(&response.read()?)) }
    }
}

pub async fn run(options: ServicesOptions) -> Result<(), CliError> {
    // Arguments are validated before the API key is read and before any request.
    let ServicesOptions { client: client_options, command } = options;
    let context = || Client::new(&client_options).map(|client| Context { client, json: client_options.json });
    match command {
        ServicesCommand::List => list(&context()?).await,
        ServicesCommand::Get(ServiceIdArgument { id }) => {
            let path = path(&id)?;
            let context = context()?;
            context.print(&context.client.send(context.client.request(Method::GET, &path)).await?)
        }
        ServicesCommand::Create(options) => {
            let body = options.request()?;
            let context = context()?;
            context.print(&context.client.send(context.client.request(Method::POST, "services").json(&body)).await?)
        }
        ServicesCommand::Edit(options) => {
            let (path, body) = (path(&options.id)?, options.request()?);
            let context = context()?;
            context.print(&context.client.send(context.client.request(Method::PATCH, &path).json(&body)).await?)
        }
        ServicesCommand::Delete(options) => {
            let path = path(&options.id)?;
            // Fails before the confirmation if the API key or the URL is missing.
            let context = context()?;
            if !options.yes {
                input::confirm(&format!("Delete {} permanently?", options.id))?;
            }
            let response = context.client.send(context.client.request(Method::DELETE, &path)).await?;
            if context.json {
                return print::line(&json!({ "deleted": [options.id] }).to_string());
            }
            print::line(&format!("Deleted {}.", options.id))?;
            context.client.print_receipt(&response).await;
            Ok(())
        }
    }
}

async fn list(context: &Context) -> Result<(), CliError> {
    let response = context.client.send(context.client.request(Method::GET, "services")).await?;
    if context.json {
        return print::line(&response.text);
    }
    let Services { items } = response.read()?;
    print::line(&view::table(&items))
}

/// The path of a service. Invalid input is neither printed nor sent in a URL, because it can be a secret that was pasted by mistake.
fn path(id: &str) -> Result<String, CliError> {
    let invalid = || CliError::usage("invalid service id: an id is svc_ and 32 hexadecimal digits, as shown by `latchkey services list`");
    let id: ServiceId = id.parse().map_err(|_| invalid())?;
    Ok(format!("services/{id}"))
}
