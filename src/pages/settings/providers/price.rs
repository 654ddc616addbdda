//! The fields for a model's own price.

use leptos::prelude::*;

use crate::pages::dollars::price_of_tokens;
use latchkey_types::{
    budget::ModelPrice,
    dollars::{Dollars, InvalidDollars},
    error::Error,
    provider::PriceSource,
};
use latchkey_ui::{
    field::Field,
    form::{Form, FormError},
};

const INPUT: &str = "price.input";
const CACHED_INPUT: &str = "price.cached_input";
const CACHE_WRITE: &str = "price.cache_write";
const OUTPUT: &str = "price.output";

/// What is typed in the four fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct TypedPrice {
    input: Option<i64>,
    cached_input: Option<i64>,
    cache_write: Option<i64>,
    output: Option<i64>,
}

impl TypedPrice {
    /// The price; `None` if all fields are empty.
    fn price(self) -> Result<Option<ModelPrice>, Error> {
        let required = |field| Error::invalid(field, "Enter a price, which may be 0, or leave all prices blank.");
        match (self.input, self.output) {
            (Some(input), Some(output)) => {
                Ok(Some(ModelPrice { input, cached_input: self.cached_input, cache_write: self.cache_write, output, long: None }))
            }
            _ if self == Self::default() => Ok(None),
            (None, _) => Err(required(INPUT)),
            (_, None) => Err(required(OUTPUT)),
        }
    }
}

/// Reads the model's own price; `None` if it has none.
///
/// # Errors
/// `Invalid` at the first invalid field.
pub(super) fn read(form: Form) -> Result<Option<ModelPrice>, Error> {
    let amount_of = |field: &str| amount(field, &form.value(field));
    let typed = TypedPrice {
        input: amount_of(INPUT)?,
        cached_input: amount_of(CACHED_INPUT)?,
        cache_write: amount_of(CACHE_WRITE)?,
        output: amount_of(OUTPUT)?,
    };
    typed.price()
}

/// Parses an optional amount, in billionths of a dollar.
fn amount(field: &str, typed: &str) -> Result<Option<i64>, Error> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    let amount: Result<Dollars, InvalidDollars> = typed.parse();
    amount.map(|amount| Some(amount.0)).map_err(|error| Error::invalid(field, error.to_string()))
}

/// The fields for the model's own price, which are empty if it has none.
#[component]
pub(super) fn PriceFields(
    form: Form,
    /// The current price.
    before: PriceSource,
    /// Date of the built-in table.
    price_date: String,
) -> impl IntoView {
    let hint = hint(&before, &price_date);
    let own = if let PriceSource::Own(price) = before { Some(price) } else { None };
    let text = |amount: Option<i64>| amount.map(|amount| Dollars(amount).to_string()).unwrap_or_default();
    let (input, output) = (text(own.map(|own| own.input)), text(own.map(|own| own.output)));
    let (cached_input, cache_write) = (text(own.and_then(|own| own.cached_input)), text(own.and_then(|own| own.cache_write)));
    view! {
        <fieldset class="field check-group limits-group" aria-describedby="hint-price">
            <legend>"Own price per million tokens"</legend>
            <div class="field-row">
                <Field form name=INPUT label="Input ($)" value=input optional=true/>
                <Field form name=OUTPUT label="Output ($)" value=output optional=true/>
            </div>
            <div class="field-row">
                <Field form name=CACHED_INPUT label="Cached input ($)" value=cached_input optional=true hint="Blank: same as input"/>
                <Field form name=CACHE_WRITE label="Cache write ($)" value=cache_write optional=true hint="Blank: same as input"/>
            </div>
            <FormError form about="price"/>
            <p class="field-hint" id="hint-price">{hint}</p>
        </fieldset>
    }
}

/// What applies without an own price.
fn hint(price: &PriceSource, price_date: &str) -> String {
    match price {
        PriceSource::Table(price) => format!("Leave blank to use the built-in price as of {price_date}: {}.", price_of_tokens(price)),
        PriceSource::Own(_) => format!("Leave blank to use the built-in price as of {price_date}, if there is one."),
        PriceSource::Unknown => "There is no built-in price for this model.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_has_input_and_output() {
        let typed = TypedPrice { input: Some(1), output: Some(0), ..TypedPrice::default() };
        assert_eq!(typed.price(), Ok(Some(ModelPrice { input: 1, output: 0, ..ModelPrice::default() })));
        assert_eq!(TypedPrice::default().price(), Ok(None));
        let field = |typed: TypedPrice| typed.price().unwrap_err().field_error().map(|(field, _)| field.to_owned());
        assert_eq!(field(TypedPrice { cached_input: Some(1), ..TypedPrice::default() }).as_deref(), Some(INPUT));
        assert_eq!(field(TypedPrice { input: Some(1), ..TypedPrice::default() }).as_deref(), Some(OUTPUT));
    }

    #[test]
    fn amounts_are_dollars() {
        assert_eq!(amount(INPUT, " 1.25 "), Ok(Some(1_250_000_000)));
        assert_eq!(amount(INPUT, " "), Ok(None));
        assert!(amount(INPUT, "$1").is_err());
    }
}
