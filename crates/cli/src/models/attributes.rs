//! Arguments for the attributes of a model.

use clap::{Args, ValueEnum};

use super::resource::parse_id;
use crate::{error::CliError, input::clear};
use latchkey_types::{
    dollars::Dollars,
    rest::models::{EditModel, Price},
};

#[derive(Debug, Args)]
pub(super) struct AttributeOptions {
    /// Name that the provider uses for it, if it differs
    #[arg(long, value_name = "NAME")]
    upstream_name: Option<String>,
    /// Id of the model's own credential: `crd_…`; without one, that of the provider is used
    // Parsed later, because clap would print an invalid value, which can be a secret.
    #[arg(long, value_name = "ID")]
    credential: Option<String>,
    /// Your own price in dollars for a million tokens: `input=2.5,output=10`, with `cached_input` and `cache_write` if they differ
    #[arg(long, value_name = "PRICES", value_parser = price)]
    price: Option<Price>,
    /// Maximum number of tokens of a call, input and output together
    #[arg(long, value_name = "N")]
    context_tokens: Option<i64>,
    /// Maximum number of output tokens
    #[arg(long, value_name = "N")]
    output_tokens: Option<i64>,
    /// Allow calls although the model has no price
    #[arg(long)]
    allow_unpriced: bool,
    /// Id of a model that is called if this one fails: `mdl_…`; can be repeated
    #[arg(long = "fallback", value_name = "ID")]
    fallbacks: Vec<String>,
}

impl AttributeOptions {
    /// The given attributes.
    ///
    /// # Errors
    /// [`CliError::Usage`] for an invalid id.
    pub(super) fn edit(&self) -> Result<EditModel, CliError> {
        let credential = self.credential.as_deref().map(parse_id).transpose()?;
        let fallbacks = self.fallbacks.iter().map(|id| parse_id(id)).collect::<Result<Vec<_>, _>>()?;
        Ok(EditModel {
            upstream_name: self.upstream_name.clone(),
            credential: credential.map(Some),
            price: self.price.map(Some),
            context_tokens: self.context_tokens.map(Some),
            output_tokens: self.output_tokens.map(Some),
            allow_unpriced: self.allow_unpriced.then_some(true),
            fallbacks: (!fallbacks.is_empty()).then_some(fallbacks),
            ..EditModel::default()
        })
    }
}

/// Field that `models edit --clear` removes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ClearedField {
    Credential,
    Price,
    ContextTokens,
    OutputTokens,
    AllowUnpriced,
    Fallbacks,
}

impl ClearedField {
    /// Clears the field in a request.
    ///
    /// # Errors
    /// [`CliError::Usage`] if the request sets the field.
    pub(super) fn clear(self, request: &mut EditModel) -> Result<(), CliError> {
        match self {
            Self::Credential => clear(&mut request.credential),
            Self::Price => clear(&mut request.price),
            Self::ContextTokens => clear(&mut request.context_tokens),
            Self::OutputTokens => clear(&mut request.output_tokens),
            Self::AllowUnpriced => clear(&mut request.allow_unpriced),
            Self::Fallbacks => clear(&mut request.fallbacks),
        }
    }
}

/// Parses `input=2.5,output=10`.
fn price(text: &str) -> Result<Price, String> {
    let (mut input, mut output, mut cached_input, mut cache_write) = (None, None, None, None);
    for part in text.split(',') {
        let (name, amount) = part.split_once('=').ok_or("use input=2.5,output=10")?;
        let field = match name.trim() {
            "input" => &mut input,
            "output" => &mut output,
            "cached_input" => &mut cached_input,
            "cache_write" => &mut cache_write,
            _ => return Err("use input, output, cached_input and cache_write".to_owned()),
        };
        let amount: Dollars = amount.trim().parse().map_err(|_| "use dollars such as 2.5, with at most nine decimal places")?;
        if field.replace(amount).is_some() {
            return Err("name each price once".to_owned());
        }
    }
    let (input, output) = input.zip(output).ok_or("name both input and output, as in input=2.5,output=10")?;
    Ok(Price { input, cached_input, cache_write, output })
}

/// Formats a price as `--price` accepts it.
pub(super) fn format_price(price: &Price) -> String {
    let parts =
        [("input", Some(price.input)), ("output", Some(price.output)), ("cached_input", price.cached_input), ("cache_write", price.cache_write)];
    let parts: Vec<String> = parts.iter().filter_map(|(name, amount)| Some(format!("{name}={}", (*amount)?))).collect();
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_round_trips() {
        for text in ["input=2.5,output=10", "input=0,output=0.000000001,cached_input=1.25,cache_write=3.125"] {
            assert_eq!(format_price(&price(text).unwrap()), text);
        }
        assert_eq!(price("output=10, input=2.50"), price("input=2.5,output=10"));
        for bad in ["", "2.5", "input=2.5", "input=1,output=x", "input=1,input=1,output=1", "input=1,output=1,reasoning=1", "input=-1,output=1"] {
            assert!(price(bad).is_err(), "{bad}");
        }
    }
}
