//! `latchkey models aliases …`.

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    resource::{Context, DeleteOptions, IdArgument, parse_id},
    view,
};
use crate::{AFTER_HELP, client::ClientOptions, error::CliError};
use latchkey_types::{
    id::{AliasId, ModelId},
    provider::{AliasTarget, PRIORITIES},
    rest::models::{Aliases, CreateAlias, EditAlias},
};

#[derive(Debug, Subcommand)]
pub(super) enum AliasesCommand {
    /// List aliases
    #[command(after_help = AFTER_HELP)]
    List,
    /// Show an alias
    #[command(after_help = AFTER_HELP)]
    Get(IdArgument),
    /// Create an alias, to be called by its name below /v1
    #[command(after_help = AFTER_HELP)]
    Create(CreateOptions),
    /// Change an alias
    #[command(alias = "update", after_help = AFTER_HELP)]
    Edit(EditOptions),
    /// Delete an alias permanently, effective immediately; its models are kept
    #[command(after_help = AFTER_HELP)]
    Delete(DeleteOptions),
}

#[derive(Debug, Args)]
pub(super) struct CreateOptions {
    /// Name that callers use
    #[arg(long)]
    name: String,
    /// Model that it stands for: `mdl_…,priority=2,weight=3`; by default priority and weight are 1; can be repeated
    // Parsed later, because clap would print an invalid value, which can be a secret.
    #[arg(long = "target", value_name = "TARGET", required = true)]
    targets: Vec<String>,
}

impl CreateOptions {
    fn request(&self) -> Result<CreateAlias, CliError> {
        Ok(CreateAlias { name: self.name.clone(), targets: parse_targets(&self.targets)? })
    }
}

#[derive(Debug, Args)]
pub(super) struct EditOptions {
    /// Id of the alias: `als_…`
    id: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    /// Model that it stands for, instead of all current ones: `mdl_…,priority=2,weight=3`; can be repeated
    #[arg(long = "target", value_name = "TARGET")]
    targets: Vec<String>,
}

impl EditOptions {
    fn request(&self) -> Result<EditAlias, CliError> {
        let targets = parse_targets(&self.targets)?;
        let request = EditAlias { name: self.name.clone(), targets: (!targets.is_empty()).then_some(targets) };
        let is_empty = request == EditAlias::default();
        if is_empty { Err(CliError::usage("nothing to change: see `latchkey models aliases edit --help`")) } else { Ok(request) }
    }
}

pub(super) async fn run(client: &ClientOptions, command: AliasesCommand) -> Result<(), CliError> {
    // Arguments are validated before the API key is read and before any request.
    match command {
        AliasesCommand::List => {
            let context = Context::new(client)?;
            context.print(context.request(Method::GET, "aliases"), |aliases: &Aliases| view::aliases(&aliases.items)).await
        }
        AliasesCommand::Get(IdArgument { id }) => {
            let path = path(&id)?;
            let context = Context::new(client)?;
            context.print(context.request(Method::GET, &path), view::alias).await
        }
        AliasesCommand::Create(options) => {
            let body = options.request()?;
            let context = Context::new(client)?;
            context.print(context.request(Method::POST, "aliases").json(&body), view::alias).await
        }
        AliasesCommand::Edit(options) => {
            let (path, body) = (path(&options.id)?, options.request()?);
            let context = Context::new(client)?;
            context.print(context.request(Method::PATCH, &path).json(&body), view::alias).await
        }
        AliasesCommand::Delete(options) => {
            let path = path(&options.id)?;
            // Fails before the confirmation if the API key or the URL is missing.
            Context::new(client)?.delete(&path, &options).await
        }
    }
}

fn path(id: &str) -> Result<String, CliError> {
    let id: AliasId = parse_id(id)?;
    Ok(format!("aliases/{id}"))
}

fn parse_targets(texts: &[String]) -> Result<Vec<AliasTarget>, CliError> {
    texts.iter().map(|text| parse_target(text)).collect()
}

/// Parses `mdl_…,priority=2,weight=3`. The message does not repeat the input.
fn parse_target(text: &str) -> Result<AliasTarget, CliError> {
    let mut parts = text.split(',');
    let model: ModelId = parse_id(parts.next().unwrap_or_default())?;
    let mut target = AliasTarget { model, priority: *PRIORITIES.start(), weight: 1 };
    for part in parts {
        let (name, number) = part.split_once('=').ok_or_else(invalid_target)?;
        match name.trim() {
            "priority" => target.priority = number.trim().parse::<u8>().map_err(|_| invalid_target())?,
            "weight" => target.weight = number.trim().parse::<u16>().map_err(|_| invalid_target())?,
            _ => return Err(invalid_target()),
        }
    }
    Ok(target)
}

fn invalid_target() -> CliError {
    CliError::usage("invalid target: use an id, with priority and weight if they are not 1, as in --target mdl_…,priority=2,weight=3")
}

/// Formats a target as `--target` accepts it.
pub(super) fn format_target(target: &AliasTarget) -> String {
    format!("{},priority={},weight={}", target.model, target.priority, target.weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_round_trips() {
        let id = ModelId::new();
        let parse = |text: String| parse_target(&text).ok();
        assert_eq!(parse(id.to_string()), Some(AliasTarget { model: id, priority: 1, weight: 1 }));
        let target = AliasTarget { model: id, priority: 2, weight: 300 };
        assert_eq!(parse(format!("{id}, weight=300, priority=2")), Some(target));
        assert_eq!(parse(format_target(&target)), Some(target));
        for bad in [",", ",weight", ",weight=", ",weight=-1", ",weight=70000", ",priority=1.5", ",price=1"] {
            assert_eq!(parse(format!("{id}{bad}")), None, "{bad}");
        }
        assert_eq!(parse("best".to_owned()), None);
    }
}
