//! A moment, in the reader's own words.

use js_sys::{Array, Date, Intl, Object, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use super::live::now;
use crate::model::time::{DAY_MS, MINUTE_MS, Timestamp};

const HOUR_MS: i64 = 60 * MINUTE_MS;

/// How a moment is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Telling {
    /// How long ago, or how long until then.
    #[default]
    Relative,
    /// Its date.
    Date,
}

/// A moment; the exact time shows on hover. The server's HTML has the UTC date, since only the browser knows the reader's place.
#[component]
pub fn Time(
    /// The moment.
    at: Timestamp,
    /// How it is told.
    #[prop(optional)]
    telling: Telling,
) -> impl IntoView {
    let now = now();
    let words = move || match (now.get(), telling) {
        (None, _) => utc_date(at),
        (Some(_), Telling::Date) => told(at, &[("dateStyle", "medium")]),
        (Some(now), Telling::Relative) => relative(at, now),
    };
    let exact = move || now.get().map(|_| told(at, &[("dateStyle", "full"), ("timeStyle", "long")]));
    view! { <time datetime=at.rfc3339() title=exact>{words}</time> }
}

fn utc_date(at: Timestamp) -> String {
    let mut text = at.rfc3339();
    text.truncate("2026-11-21".len());
    text
}

/// A moment by `Intl.DateTimeFormat`, in the browser's language.
fn told(at: Timestamp, style: &[(&str, &str)]) -> String {
    let format = Intl::DateTimeFormat::new(&Array::new(), &options(style));
    let date = Date::new(&JsValue::from_f64(milliseconds(at)));
    format.format().call1(&format, &date).ok().and_then(|text| text.as_string()).unwrap_or_else(|| utc_date(at))
}

/// A span by `Intl.RelativeTimeFormat`: "now", "3 minutes ago", "yesterday", "in 3 months".
fn relative(at: Timestamp, now: Timestamp) -> String {
    let (count, unit) = span(at.0 - now.0);
    let format = Intl::RelativeTimeFormat::new(&Array::new(), &options(&[("numeric", "auto")]));
    format.format(f64::from(count), unit).into()
}

/// The largest unit that the span fills, and how many of it, towards zero.
fn span(ms: i64) -> (i32, &'static str) {
    // From how much on, in which unit. A month is vague, so days are told up to two of them.
    const UNITS: [(i64, i64, &str); 5] = [
        (365 * DAY_MS, 365 * DAY_MS, "year"),
        (60 * DAY_MS, 30 * DAY_MS, "month"),
        (DAY_MS, DAY_MS, "day"),
        (HOUR_MS, HOUR_MS, "hour"),
        (MINUTE_MS, MINUTE_MS, "minute"),
    ];
    match UNITS.into_iter().find(|(from, ..)| ms.abs() >= *from) {
        Some((_, unit_ms, unit)) => (i32::try_from(ms / unit_ms).unwrap_or(i32::MAX), unit),
        None => (0, "second"),
    }
}

/// Options for something of `Intl`.
pub(super) fn options(pairs: &[(&str, &str)]) -> Object {
    let options = Object::new();
    for (name, value) in pairs {
        // Setting a property of a plain object can't fail.
        let _ = Reflect::set(&options, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    options
}

#[expect(clippy::cast_precision_loss, reason = "times are far below 2^53 milliseconds")]
const fn milliseconds(at: Timestamp) -> f64 {
    at.0 as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_the_largest_unit_it_fills() {
        assert_eq!(span(-20_000), (0, "second"));
        assert_eq!(span(-3 * 60_000 - 59_999), (-3, "minute"));
        assert_eq!(span(-23 * 3_600_000), (-23, "hour"));
        assert_eq!(span(45 * DAY_MS), (45, "day"));
        assert_eq!(span(90 * DAY_MS), (3, "month"));
        assert_eq!(span(-800 * DAY_MS), (-2, "year"));
    }
}
