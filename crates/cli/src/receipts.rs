//! `latchkey receipts …`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    AFTER_HELP,
    client::{Client, ClientOptions},
    error::CliError,
    print,
    table::{format_fields, moment},
};
use latchkey_crypto::receipt_token::ReceiptVerifier;
use latchkey_types::{
    id::ReceiptId,
    rest::receipts::{Receipt, ReceiptInstance},
    time::Timestamp,
};

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ReceiptsOptions {
    #[command(flatten)]
    client: ClientOptions,
    #[command(subcommand)]
    command: ReceiptsCommand,
}

#[derive(Debug, Subcommand)]
enum ReceiptsCommand {
    /// Show since when a revocation is effective, and on which instances
    #[command(after_help = AFTER_HELP)]
    Get(GetOptions),
}

#[derive(Debug, Args)]
struct GetOptions {
    /// Id of the receipt: `rcp_…`
    id: String,
    /// Verify the signature with the public keys in this file, a copy of /.well-known/latchkey-receipts.json
    #[arg(long, value_name = "PATH")]
    verify: Option<PathBuf>,
}

/// Prints a receipt.
///
/// # Errors
/// [`CliError::NotValid`] if the signature is not valid; other variants if there is no receipt.
pub async fn run(options: ReceiptsOptions) -> Result<(), CliError> {
    let ReceiptsOptions { client: client_options, command: ReceiptsCommand::Get(GetOptions { id, verify }) } = options;
    let id: ReceiptId =
        id.parse().map_err(|_| CliError::usage("invalid receipt id: an id is rcp_ and 32 hexadecimal digits, as in X-Latchkey-Receipt"))?;
    let verifier = verify.as_deref().map(read_key_set).transpose()?;
    let client = Client::new(&client_options)?;
    let response = client.send(client.request(Method::GET, &format!("receipts/{id}"))).await?;
    let receipt: Receipt = response.read()?;
    let is_signed = verifier.map(|verifier| is_signed(&receipt, &verifier));
    print::line(&if client_options.json { response.text } else { facts(&receipt, is_signed) })?;
    if is_signed == Some(false) { Err(CliError::NotValid) } else { Ok(()) }
}

fn read_key_set(path: &Path) -> Result<ReceiptVerifier, CliError> {
    let text = fs::read_to_string(path).map_err(|error| CliError::usage(format!("can't read {}: {error}", path.display())))?;
    ReceiptVerifier::from_key_set(&text).ok_or_else(|| CliError::usage(format!("{} is not a JSON Web Key Set", path.display())))
}

/// Whether the signature is valid and signs the same as the server responded.
fn is_signed(receipt: &Receipt, verifier: &ReceiptVerifier) -> bool {
    verifier.verify(&receipt.jws).is_some_and(|claims| {
        let instances: Vec<ReceiptInstance> = claims.instances.into_iter().map(Into::into).collect();
        let times = (claims.committed_at, claims.effective_at) == (receipt.committed_at.0, receipt.effective_at.0);
        claims.jti == receipt.id && claims.change == receipt.change && times && instances == receipt.instances
    })
}

fn facts(receipt: &Receipt, is_signed: Option<bool>) -> String {
    let now = Timestamp::now();
    let objects: Vec<&str> = receipt.change.objects.iter().map(|object| object.id.as_str()).collect();
    let first = [
        ("id", Some(receipt.id.to_string())),
        ("change", Some(receipt.change.action.clone())),
        ("objects", Some(objects.join(", "))),
        ("committed", Some(moment(receipt.committed_at, now))),
        ("effective", Some(format!("{}, after {} ms", moment(receipt.effective_at, now), receipt.took_ms))),
    ];
    let instances = receipt.instances.iter().map(|instance| ("instance", Some(instance_text(instance))));
    let signature = ("signature", is_signed.map(|is_signed| if is_signed { "valid" } else { "not valid" }.to_owned()));
    format_fields(first.into_iter().chain(instances).chain([signature]))
}

fn instance_text(instance: &ReceiptInstance) -> String {
    let name = &instance.name;
    match (instance.confirmed_at, instance.lease_ended_at) {
        (Some(at), _) => format!("{name} confirmed at {at}"),
        (None, Some(at)) => format!("{name} did not answer, its lease ended at {at}"),
        (None, None) => name.clone(),
    }
}
