//! Validation of providers, models and aliases. The page validates before it sends; the server validates again.

use super::{
    budget::{ModelPrice, TOKENS_MAX},
    dollars::Dollars,
    error::Error,
    provider::{AliasRequest, AliasTarget, ApiStyle, ModelRequest, PRIORITIES, TARGETS_MAX, WEIGHT_MAX},
    service_rules::header_error,
    validate::NAME_MAX,
};

/// Maximum length of a provider's name for a model, in bytes.
pub const UPSTREAM_NAME_MAX: usize = 200;
/// Maximum price of a million tokens.
pub const PRICE_MAX: Dollars = Dollars(1_000_000_000_000_000);

/// Trims a name of a model or alias and validates it: 1 to [`NAME_MAX`] characters, visible ASCII without `*`, `?`, `\` and quotes.
pub fn model_name(field: &str, typed: &str) -> Result<String, Error> {
    named(field, typed, NAME_MAX)
}

/// Trims a provider's name for a model and validates it: 1 to [`UPSTREAM_NAME_MAX`] of the same characters.
pub fn upstream_name(field: &str, typed: &str) -> Result<String, Error> {
    named(field, typed, UPSTREAM_NAME_MAX)
}

fn named(field: &str, typed: &str, max: usize) -> Result<String, Error> {
    let name = typed.trim();
    if (1..=max).contains(&name.len()) && name.bytes().all(is_name_byte) {
        return Ok(name.to_owned());
    }
    Err(Error::invalid(
        field,
        format!("Use 1 to {max} letters, digits and symbols such as “-”, “.”, “/” and “:”, without spaces, quotes, “*”, “?” and “\\”."),
    ))
}

/// Visible ASCII without what has a meaning in patterns and without what must be escaped in JSON, or looks like it.
const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'*' | b'?' | b'"' | b'\'' | b'`' | b'\\')
}

/// The header that carries the key, in lower case; `None` for that of the style.
pub fn credential_header(style: ApiStyle, typed: Option<&str>) -> Result<Option<String>, Error> {
    let name = typed.unwrap_or_default().trim().to_ascii_lowercase();
    if name.is_empty() || name == style.credential_header() {
        return Ok(None);
    }
    match header_error(&name) {
        Some(message) => Err(Error::invalid("credential_header", message)),
        None => Ok(Some(name)),
    }
}

impl ModelRequest {
    /// Validates the request, and normalizes its names. Whether the fallbacks exist is not checked.
    ///
    /// # Errors
    /// `Invalid` at the first invalid field.
    pub fn checked(self) -> Result<Self, Error> {
        let name = model_name("name", &self.name)?;
        let upstream_name = match self.upstream_name.trim() {
            "" => name.clone(),
            typed => upstream_name("upstream_name", typed)?,
        };
        self.price.as_ref().map_or(Ok(()), check_price)?;
        check_tokens("context_tokens", self.context_tokens)?;
        check_tokens("output_tokens", self.output_tokens)?;
        if self.fallbacks.len() > TARGETS_MAX {
            return Err(Error::invalid("fallbacks", format!("Choose at most {TARGETS_MAX} models.")));
        }
        if has_repeated(&self.fallbacks) {
            return Err(Error::invalid("fallbacks", "Choose each model once."));
        }
        Ok(Self { name, upstream_name, ..self })
    }
}

fn check_price(price: &ModelPrice) -> Result<(), Error> {
    if price.long.is_some() {
        return Err(Error::invalid("price", "An own price has no other prices for long inputs."));
    }
    let parts = [
        ("price.input", Some(price.input)),
        ("price.cached_input", price.cached_input),
        ("price.cache_write", price.cache_write),
        ("price.output", Some(price.output)),
    ];
    let is_invalid = |amount: Option<i64>| amount.is_some_and(|amount| !(0..=PRICE_MAX.0).contains(&amount));
    match parts.into_iter().find(|(_, amount)| is_invalid(*amount)) {
        Some((field, _)) => Err(Error::invalid(field, format!("Enter 0 to {PRICE_MAX} dollars for a million tokens."))),
        None => Ok(()),
    }
}

fn check_tokens(field: &str, tokens: Option<i64>) -> Result<(), Error> {
    if tokens.is_none_or(|tokens| (1..=TOKENS_MAX).contains(&tokens)) {
        return Ok(());
    }
    Err(Error::invalid(field, format!("Enter 1 to {TOKENS_MAX} tokens, or leave it empty.")))
}

impl AliasRequest {
    /// Validates the request, normalizes its name, and sorts its targets by priority. Whether the models exist is not checked.
    ///
    /// # Errors
    /// `Invalid` at `name` or `targets`.
    pub fn checked(self) -> Result<Self, Error> {
        let name = model_name("name", &self.name)?;
        let mut targets = self.targets;
        if !(1..=TARGETS_MAX).contains(&targets.len()) {
            return Err(Error::invalid("targets", format!("Choose 1 to {TARGETS_MAX} models.")));
        }
        if has_repeated(&targets.iter().map(|target| target.model).collect::<Vec<_>>()) {
            return Err(Error::invalid("targets", "Choose each model once."));
        }
        if !targets.iter().all(is_valid_target) {
            let (first, last) = (*PRIORITIES.start(), *PRIORITIES.end());
            return Err(Error::invalid("targets", format!("Use priorities from {first} to {last} and weights from 1 to {WEIGHT_MAX}.")));
        }
        targets.sort_by_key(|target| target.priority);
        Ok(Self { name, targets })
    }
}

fn is_valid_target(target: &AliasTarget) -> bool {
    PRIORITIES.contains(&target.priority) && (1..=WEIGHT_MAX).contains(&target.weight)
}

fn has_repeated<T: PartialEq>(values: &[T]) -> bool {
    values.iter().enumerate().any(|(index, value)| values[..index].contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{budget::LongInputPrice, id::ModelId};

    fn field(error: Result<impl std::fmt::Debug, Error>) -> String {
        error.unwrap_err().field_error().unwrap().0.to_owned()
    }

    fn model(name: &str) -> ModelRequest {
        ModelRequest { name: name.to_owned(), ..ModelRequest::default() }
    }

    #[test]
    fn names_are_those_of_providers() {
        for name in ["gpt-4o", "meta-llama/Llama-3.3-70B", "gpt-oss:120b", "ft:gpt-4o:acme::7", "claude@20250219", "a_b+c"] {
            assert_eq!(model(&format!(" {name} ")).checked().map(|model| (model.name, model.upstream_name)), Ok((name.to_owned(), name.to_owned())));
        }
        for name in ["", " ", "a b", "a*", "a?", "a\"b", "a'b", "a\\b", "ä", "a\nb", &"a".repeat(NAME_MAX + 1)] {
            assert_eq!(field(model(name).checked()), "name", "{name}");
        }
        let upstream = |name: &str| ModelRequest { upstream_name: name.to_owned(), ..model("a") }.checked();
        assert_eq!(upstream(" deployment-1 ").map(|model| model.upstream_name), Ok("deployment-1".to_owned()));
        assert_eq!(field(upstream("a b")), "upstream_name");
    }

    #[test]
    fn prices_and_limits_are_bounded() {
        let price = |input, output| ModelRequest { price: Some(ModelPrice { input, output, ..ModelPrice::default() }), ..model("a") }.checked();
        assert!(price(0, PRICE_MAX.0).is_ok());
        assert_eq!((field(price(-1, 0)), field(price(0, PRICE_MAX.0 + 1))), ("price.input".to_owned(), "price.output".to_owned()));
        let long = Some(LongInputPrice { above: 0, input: -1, cached_input: None, cache_write: None, output: 0 });
        let with_long = ModelRequest { price: Some(ModelPrice { long, ..ModelPrice::default() }), ..model("a") };
        assert_eq!(field(with_long.checked()), "price", "only the four prices above are bounded");
        let limits = |context_tokens, output_tokens| ModelRequest { context_tokens, output_tokens, ..model("a") }.checked();
        assert!(limits(None, Some(TOKENS_MAX)).is_ok());
        assert_eq!((field(limits(Some(0), None)), field(limits(None, Some(-1)))), ("context_tokens".to_owned(), "output_tokens".to_owned()));
    }

    #[test]
    fn an_alias_has_distinct_targets_by_priority() {
        let (first, second) = (ModelId::new(), ModelId::new());
        let target = |model, priority, weight| AliasTarget { model, priority, weight };
        let alias = |targets: &[AliasTarget]| AliasRequest { name: "fast".to_owned(), targets: targets.to_vec() }.checked();
        let sorted = alias(&[target(first, 2, 1), target(second, 1, WEIGHT_MAX)]).unwrap();
        assert_eq!(sorted.targets.iter().map(|target| target.model).collect::<Vec<_>>(), [second, first]);
        for bad in [
            &[][..],
            &[target(first, 1, 1), target(first, 2, 1)],
            &[target(first, 0, 1)],
            &[target(first, 21, 1)],
            &[target(first, 1, 0)],
            &[target(first, 1, WEIGHT_MAX + 1)],
        ] {
            assert_eq!(field(alias(bad)), "targets", "{bad:?}");
        }
        let repeated = ModelRequest { fallbacks: vec![first, first], ..model("a") };
        assert_eq!(field(repeated.checked()), "fallbacks");
    }

    #[test]
    fn the_header_of_the_style_is_the_default() {
        for (style, typed, expected) in [
            (ApiStyle::Openai, None, None),
            (ApiStyle::Openai, Some(" "), None),
            (ApiStyle::Openai, Some("Authorization"), None),
            (ApiStyle::Openai, Some("Api-Key"), Some("api-key")),
            (ApiStyle::Anthropic, Some("x-api-key"), None),
            (ApiStyle::Anthropic, Some("authorization"), Some("authorization")),
        ] {
            assert_eq!(credential_header(style, typed), Ok(expected.map(str::to_owned)), "{typed:?}");
        }
        for bad in ["a b", "host", "x-latchkey-model"] {
            assert_eq!(field(credential_header(ApiStyle::Openai, Some(bad))), "credential_header", "{bad}");
        }
    }
}
