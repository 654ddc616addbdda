//! `latchkey keys create`, `edit`, `disable`, `enable`, `rotate` and `delete`.

use clap::Args;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    Context,
    attributes::{AttributeOptions, ClearedField, PublicOptions},
    key_id, view,
};
use crate::{client::ApiResponse, error::CliError, input, print};
use latchkey_types::{
    id::KeyId,
    rest::{
        keys::{CreateKey, EditKey, Key, RotateKey},
        values::{GraceSeconds, Name},
    },
    secret::RevealedSecret,
};

#[derive(Debug, Args)]
pub(super) struct CreateOptions {
    /// Kind of key: internal, client, corpus or agent
    #[arg(long)]
    kind: String,
    /// Name of the key
    #[arg(long)]
    name: String,
    #[command(flatten)]
    attributes: AttributeOptions,
    #[command(flatten)]
    public: PublicOptions,
    /// Id of a corpus that the key gives access to; can be repeated
    #[arg(long = "corpus", value_name = "ID")]
    corpora: Vec<i64>,
    /// Idempotency key: repeating the command with the same one creates no second key [default: random]
    #[arg(long, value_name = "NAME")]
    idempotency_key: Option<String>,
}

/// Creates a key and prints its secret.
pub(super) async fn create(context: &Context, options: &CreateOptions) -> Result<(), CliError> {
    let attributes = options.public.create(options.attributes.create());
    let body = CreateKey { kind: options.kind.clone(), name: Name(options.name.clone()), corpora: options.corpora.clone(), ..attributes };
    let idempotency_key = options.idempotency_key.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
    let request = context.client.request(Method::POST, "keys").header("idempotency-key", idempotency_key).json(&body);
    print_secret(context, &context.client.send(request).await?, "created")
}

/// The response to the creation or rotation of a key, as far as it is printed.
#[derive(Deserialize)]
struct NewSecret {
    key: KeyName,
    secret: Option<RevealedSecret>,
}

#[derive(Deserialize)]
struct KeyName {
    id: String,
    name: String,
}

/// Prints only the secret to standard output, so that `KEY=$(latchkey keys create …)` works.
fn print_secret(context: &Context, response: &ApiResponse, done: &str) -> Result<(), CliError> {
    if context.json {
        return print::line(&response.text);
    }
    // Not all of the key: the secret must not be lost because of a value that only a newer server has.
    let NewSecret { key: KeyName { id, name }, secret } = response.read()?;
    let key = view::named(&name, &id);
    // The response to a repeated idempotency key has no secret, because secrets are not stored.
    let secret = secret.ok_or_else(|| {
        CliError::Rejected(format!(
            "{key} was created by an earlier request with this idempotency key, which returned its secret: use `latchkey keys rotate` to get a new one"
        ))
    })?;
    print::line(secret.reveal())?;
    print::status(&format!("{key} {done}. Its secret is shown only once."));
    Ok(())
}

#[derive(Debug, Args)]
pub(super) struct EditOptions {
    /// Id of the key: `key_…`
    id: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    attributes: AttributeOptions,
    #[command(flatten)]
    public: PublicOptions,
    /// Field to clear; can be repeated
    #[arg(long, value_name = "WHAT")]
    clear: Vec<ClearedField>,
}

impl EditOptions {
    fn request(&self) -> Result<EditKey, CliError> {
        let attributes = self.public.edit(self.attributes.edit());
        let mut request = EditKey { name: self.name.clone().map(Name), ..attributes };
        for cleared in &self.clear {
            cleared.clear(&mut request)?;
        }
        if request == EditKey::default() { Err(CliError::usage("nothing to change: see `latchkey keys edit --help`")) } else { Ok(request) }
    }
}

/// Changes a key and prints its new state.
pub(super) async fn edit(options: &EditOptions, context: impl FnOnce() -> Result<Context, CliError>) -> Result<(), CliError> {
    let (id, body) = (key_id(&options.id)?, options.request()?);
    let context = context()?;
    let response = context.client.send(context.client.request(Method::PATCH, &format!("keys/{id}")).json(&body)).await?;
    if context.json {
        return print::line(&response.text);
    }
    print::line(&view::facts(&response.read()?))?;
    context.client.print_receipt(&response).await;
    Ok(())
}

/// Disables or enables a key; `verb` is `disable` or `enable`.
pub(super) async fn set(id: &KeyId, verb: &str, context: &Context) -> Result<(), CliError> {
    let response = context.client.send(context.client.request(Method::POST, &format!("keys/{id}/{verb}"))).await?;
    if context.json {
        return print::line(&response.text);
    }
    let key: Key = response.read()?;
    print::line(&crate::table::plain(&format!("{} is {}.", view::named(&key.name, &key.id.to_string()), key.status.as_str())))?;
    context.client.print_receipt(&response).await;
    Ok(())
}

#[derive(Debug, Args)]
pub(super) struct RotateOptions {
    /// Id of the key: `key_…`
    id: String,
    /// How long the old secret stays valid: `24h`, at most `7d`; `0s` revokes it immediately
    #[arg(long, value_name = "SPAN", value_parser = input::parse_duration_ms)]
    grace: i64,
}

/// Replaces the secret of a key and prints the new one.
pub(super) async fn rotate(options: &RotateOptions, context: impl FnOnce() -> Result<Context, CliError>) -> Result<(), CliError> {
    let id = key_id(&options.id)?;
    if options.grace % 1000 != 0 {
        return Err(CliError::usage("--grace must be a whole number of seconds"));
    }
    let context = context()?;
    let body = RotateKey { grace_seconds: GraceSeconds(options.grace / 1000) };
    let request = context.client.request(Method::POST, &format!("keys/{id}/rotate")).json(&body);
    let response = context.client.send(request).await?;
    print_secret(&context, &response, "rotated")?;
    if !context.json {
        context.client.print_receipt(&response).await;
    }
    Ok(())
}

#[derive(Debug, Args)]
pub(super) struct DeleteOptions {
    /// Ids of the keys: `key_…`
    #[arg(required = true)]
    ids: Vec<String>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

/// Deletes keys one by one. If the server rejects one, the others are still deleted.
pub(super) async fn delete(options: &DeleteOptions, context: impl FnOnce() -> Result<Context, CliError>) -> Result<(), CliError> {
    let ids = options.ids.iter().map(|id| key_id(id)).collect::<Result<Vec<_>, _>>()?;
    // Fails before the confirmation if the API key or the URL is missing.
    let context = context()?;
    if !options.yes {
        let target = if let [id] = &ids[..] { id.to_string() } else { format!("{} keys", ids.len()) };
        input::confirm(&format!("Delete {target} permanently?"))?;
    }
    let (mut deleted, mut responses, mut error) = (Vec::new(), Vec::new(), None);
    for id in &ids {
        match context.client.send(context.client.request(Method::DELETE, &format!("keys/{id}"))).await {
            Ok(response) => {
                deleted.push(id.to_string());
                responses.push(response);
            }
            Err(CliError::Rejected(message)) => {
                error = match error {
                    Some(CliError::Rejected(before)) => Some(CliError::Rejected(format!("{before}; {id}: {message}"))),
                    _ => Some(CliError::Rejected(format!("{id}: {message}"))),
                };
            }
            Err(other) => {
                error = Some(other);
                break;
            }
        }
    }
    if context.json {
        print::line(&json!({ "deleted": deleted }).to_string())?;
    } else if !deleted.is_empty() {
        print::line(&format!("Deleted {}.", deleted.join(", ")))?;
        if let Some(last) = responses.last() {
            context.client.print_receipt(last).await;
        }
    }
    error.map_or(Ok(()), Err)
}
