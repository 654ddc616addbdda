//! Amounts of money in the browser's locale.

use js_sys::{Array, Intl, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use super::{hydration::is_hydrated, time::options};
use latchkey_types::money::Money;

/// Amounts are integers in millionths.
const DECIMALS_MAX: u8 = 6;

/// An amount with its currency, with at least the currency's decimals and up to six. The server renders `12.5 USD`, because only the
/// browser has the user's locale.
#[component]
pub fn Price(
    #[prop(into)] amount: Signal<Money>,
    /// ISO 4217 code.
    #[prop(into)]
    currency: String,
) -> impl IntoView {
    let hydrated = is_hydrated();
    let label = move || price_text(amount.get(), &currency, hydrated.get());
    view! { <span>{label}</span> }
}

/// A total, which from one unit of the currency on is rounded to the currency's decimals. The exact amount is its tooltip.
#[component]
pub fn RoundedPrice(
    #[prop(into)] amount: Signal<Money>,
    /// ISO 4217 code.
    #[prop(into)]
    currency: String,
) -> impl IntoView {
    let hydrated = is_hydrated();
    let currency = StoredValue::new(currency);
    let text = move |decimals_max| currency.with_value(|currency| localized(amount.get(), currency, decimals_max));
    // Rounding a smaller amount could make it free.
    let label = move || match (hydrated.get(), amount.get() < Money::UNIT) {
        (true, is_small) => text(is_small.then_some(DECIMALS_MAX)),
        (false, _) => currency.with_value(|currency| plain(amount.get(), currency)),
    };
    let exact = move || hydrated.get().then(|| text(Some(DECIMALS_MAX)));
    view! { <span title=exact>{label}</span> }
}

/// The text of a [`Price`].
pub fn price_text(amount: Money, currency: &str, is_hydrated: bool) -> String {
    if is_hydrated { localized(amount, currency, Some(DECIMALS_MAX)) } else { plain(amount, currency) }
}

fn plain(amount: Money, currency: &str) -> String {
    format!("{amount} {currency}")
}

/// An amount by `Intl.NumberFormat`, in the browser's language. By default with the currency's decimals.
fn localized(amount: Money, currency: &str, decimals_max: Option<u8>) -> String {
    // Any three letters are accepted, and the server sends no others.
    let options = options(&[("style", "currency"), ("currency", currency)]);
    if let Some(decimals) = decimals_max {
        // Setting a property of a plain object can't fail.
        let _ = Reflect::set(&options, &JsValue::from_str("maximumFractionDigits"), &JsValue::from(decimals));
    }
    let format = Intl::NumberFormat::new(&Array::new(), &options);
    // Pass a string: a JavaScript number would round large amounts.
    let text = format.format().call1(&format, &JsValue::from_str(&amount.to_string()));
    text.ok().and_then(|text| text.as_string()).unwrap_or_else(|| plain(amount, currency))
}
