//! What the commands for providers and models share.

use clap::Args;
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{
    client::{Client, ClientOptions},
    error::CliError,
    input, print,
};
use latchkey_types::id::{Id, IdKind};

/// Client and output format.
pub(super) struct Context {
    client: Client,
    json: bool,
}

impl Context {
    pub(super) fn new(options: &ClientOptions) -> Result<Self, CliError> {
        Ok(Self { client: Client::new(options)?, json: options.json })
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, path)
    }

    /// Sends a request, and prints the response as JSON or as this text.
    pub(super) async fn print<T: DeserializeOwned>(&self, request: RequestBuilder, text: impl FnOnce(&T) -> String) -> Result<(), CliError> {
        let response = self.client.send(request).await?;
        if self.json { print::line(&response.text) } else { print::line(&text(&response.read()?)) }
    }

    /// Deletes an object, after a confirmation.
    pub(super) async fn delete(&self, path: &str, options: &DeleteOptions) -> Result<(), CliError> {
        if !options.yes {
            input::confirm(&format!("Delete {} permanently?", options.id))?;
        }
        let response = self.client.send(self.request(Method::DELETE, path)).await?;
        if self.json {
            return print::line(&json!({ "deleted": [options.id] }).to_string());
        }
        print::line(&format!("Deleted {}.", options.id))?;
        self.client.print_receipt(&response).await;
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(super) struct IdArgument {
    /// Id, as shown by `list`
    pub(super) id: String,
}

#[derive(Debug, Args)]
pub(super) struct DeleteOptions {
    /// Id, as shown by `list`
    pub(super) id: String,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

/// Parses an id. Invalid input is neither printed nor sent in a URL, because it can be a secret that was pasted by mistake.
///
/// # Errors
/// [`CliError::Usage`].
pub(super) fn parse_id<N: IdKind>(text: &str) -> Result<Id<N>, CliError> {
    text.parse().map_err(|_| CliError::usage(format!("invalid id: this one is {}_ and 32 hexadecimal digits", N::PREFIX)))
}
