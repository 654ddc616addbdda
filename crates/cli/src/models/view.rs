//! Human-readable output of providers, models and aliases.

use super::{aliases::format_target, attributes::format_price};
use crate::table::{format_fields, format_rows, moment};
use latchkey_types::{
    id::{CredentialId, ModelId},
    rest::{
        models::{Alias, Model, PriceOrigin},
        providers::{Provider, RecentCalls},
    },
    service::UnlinkReason,
    time::Timestamp,
};

/// Formats models as a table, one row per model.
pub(super) fn models(models: &[Model]) -> String {
    let row =
        |model: &Model| vec![model.id.to_string(), model.name.clone(), model.provider.to_string(), price(model), model.recent.calls.to_string()];
    format_rows(&["ID", "NAME", "PROVIDER", "PRICE", "CALLS IN 24 H"], models.iter().map(row), &[0, 1, 2])
}

/// Formats all fields of a model.
pub(super) fn model(model: &Model) -> String {
    let built_in = if model.has_own_limits { "" } else { " (built-in)" };
    let tokens = |count: Option<i64>, source: &str| Some(count.map_or_else(|| "unknown".to_owned(), |count| format!("{count}{source}")));
    let fallbacks: Vec<String> = model.fallbacks.iter().map(ModelId::to_string).collect();
    format_fields([
        ("name", Some(model.name.clone())),
        ("id", Some(model.id.to_string())),
        ("provider", Some(model.provider.to_string())),
        ("upstream name", Some(model.upstream_name.clone())),
        ("credential", Some(credential(model.credential.as_ref(), "that of the provider"))),
        ("unlinked", unlinked(model.unlinked)),
        ("price", Some(price(model))),
        ("context tokens", tokens(model.context_tokens, built_in)),
        ("output tokens", tokens(model.output_tokens, "")),
        ("fallbacks", Some(fallbacks.join(", "))),
        ("last 24 h", Some(recent(&model.recent))),
    ])
}

/// Formats aliases as a table, one row per alias.
pub(super) fn aliases(aliases: &[Alias]) -> String {
    let row = |alias: &Alias| {
        let targets: Vec<String> = alias.targets.iter().map(format_target).collect();
        vec![alias.id.to_string(), alias.name.clone(), targets.join(" ")]
    };
    format_rows(&["ID", "NAME", "TARGETS"], aliases.iter().map(row), &[0, 1])
}

/// Formats all fields of an alias, with a line for each target.
pub(super) fn alias(alias: &Alias) -> String {
    let named = [("name", Some(alias.name.clone())), ("id", Some(alias.id.to_string()))];
    format_fields(named.into_iter().chain(alias.targets.iter().map(|target| ("target", Some(format_target(target))))))
}

/// Formats providers as a table, one row per provider.
pub(super) fn providers(providers: &[Provider]) -> String {
    let row = |provider: &Provider| {
        let credential = credential(provider.credential.as_ref(), "none");
        vec![provider.id.to_string(), provider.name.clone(), provider.style.as_str().to_owned(), credential, provider.base_url.clone()]
    };
    format_rows(&["ID", "NAME", "STYLE", "CREDENTIAL", "BASE URL"], providers.iter().map(row), &[0, 1, 2, 3])
}

/// Formats all fields of a provider.
pub(super) fn provider(provider: &Provider) -> String {
    let now = Timestamp::now();
    let error = provider.last_error.as_ref().map(|error| {
        let status = error.status.map(|status| format!("{status}, ")).unwrap_or_default();
        format!("{status}{} at {}", error.message, moment(error.at, now))
    });
    format_fields([
        ("name", Some(provider.name.clone())),
        ("id", Some(provider.id.to_string())),
        ("style", Some(provider.style.as_str().to_owned())),
        ("base url", Some(provider.base_url.clone())),
        ("header", provider.credential_header.clone()),
        ("credential", Some(credential(provider.credential.as_ref(), "none"))),
        ("unlinked", unlinked(provider.unlinked)),
        ("last error", error),
        ("last 24 h", Some(recent(&provider.recent))),
    ])
}

fn credential(credential: Option<&CredentialId>, none: &str) -> String {
    credential.map_or_else(|| none.to_owned(), CredentialId::to_string)
}

fn unlinked(reason: Option<UnlinkReason>) -> Option<String> {
    reason.map(UnlinkReason::text).map(ToOwned::to_owned)
}

/// The price as `--price` accepts it, and where it comes from.
fn price(model: &Model) -> String {
    match (&model.price, model.price_source) {
        (Some(price), PriceOrigin::Own) => format_price(price),
        (Some(price), _) => format!("{} (built-in)", format_price(price)),
        (None, _) if model.allow_unpriced => "unknown, calls are allowed".to_owned(),
        (None, _) => "unknown, calls are refused".to_owned(),
    }
}

fn recent(recent: &RecentCalls) -> String {
    let unpriced = if recent.unpriced == 0 { String::new() } else { format!(", {} without a price", recent.unpriced) };
    format!("{} calls, {} failed, ${}{unpriced}", recent.calls, recent.failures, recent.cost)
}
