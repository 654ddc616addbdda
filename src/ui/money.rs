//! An amount, in the reader's own way of writing it.

use js_sys::{Array, Intl, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use super::{live::is_live, time::options};
use crate::model::money::Money;

/// How many decimals an amount has at most: it is a whole number of millionths.
const DECIMALS_MAX: u8 = 6;

/// An amount with its currency: with at least as many decimals as the currency has, and all that it has itself. The server's HTML says
/// `12.5 USD`, since only the browser knows how its reader writes money.
#[component]
pub fn Price(
    /// The amount.
    #[prop(into)]
    amount: Signal<Money>,
    /// Its currency: ISO 4217.
    #[prop(into)]
    currency: String,
) -> impl IntoView {
    let live = is_live();
    let words = move || if live.get() { told(amount.get(), &currency) } else { plain(amount.get(), &currency) };
    view! { <span class="price">{words}</span> }
}

fn plain(amount: Money, currency: &str) -> String {
    format!("{amount} {currency}")
}

/// An amount by `Intl.NumberFormat`, in the browser's language.
fn told(amount: Money, currency: &str) -> String {
    // Any three letters will do for it; the server gives no others.
    let options = options(&[("style", "currency"), ("currency", currency)]);
    // Setting a property of a plain object can't fail.
    let _ = Reflect::set(&options, &JsValue::from_str("maximumFractionDigits"), &JsValue::from(DECIMALS_MAX));
    let format = Intl::NumberFormat::new(&Array::new(), &options);
    // As its digits, since a number would round what is large.
    let text = format.format().call1(&format, &JsValue::from_str(&amount.to_string()));
    text.ok().and_then(|text| text.as_string()).unwrap_or_else(|| plain(amount, currency))
}
