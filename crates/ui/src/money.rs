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
    let label = move || if hydrated.get() { localized(amount.get(), &currency) } else { plain(amount.get(), &currency) };
    view! { <span class="price">{label}</span> }
}

fn plain(amount: Money, currency: &str) -> String {
    format!("{amount} {currency}")
}

/// An amount by `Intl.NumberFormat`, in the browser's language.
fn localized(amount: Money, currency: &str) -> String {
    // Any three letters are accepted, and the server sends no others.
    let options = options(&[("style", "currency"), ("currency", currency)]);
    // Setting a property of a plain object can't fail.
    let _ = Reflect::set(&options, &JsValue::from_str("maximumFractionDigits"), &JsValue::from(DECIMALS_MAX));
    let format = Intl::NumberFormat::new(&Array::new(), &options);
    // Pass a string: a JavaScript number would round large amounts.
    let text = format.format().call1(&format, &JsValue::from_str(&amount.to_string()));
    text.ok().and_then(|text| text.as_string()).unwrap_or_else(|| plain(amount, currency))
}
