//! A moment, in the reader's own words.

use js_sys::{Array, Date, Intl, Object, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use super::live::now;
use crate::model::time::Timestamp;

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

/// A span by `Intl.RelativeTimeFormat`: "3 minutes ago", "in 90 days", "yesterday".
fn relative(at: Timestamp, now: Timestamp) -> String {
    let (count, unit) = span(at.0 - now.0);
    let format = Intl::RelativeTimeFormat::new(&Array::new(), &options(&[("numeric", "auto")]));
    format.format(f64::from(count), unit).into()
}

/// The largest unit that the span fills, and how many of it, towards zero.
fn span(ms: i64) -> (i32, &'static str) {
    const UNITS: [(i64, &str); 5] =
        [(365 * 86_400_000, "year"), (30 * 86_400_000, "month"), (86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute")];
    let (unit_ms, unit) = UNITS.into_iter().find(|(unit_ms, unit)| ms.abs() >= *unit_ms * if *unit == "month" { 2 } else { 1 }).unwrap_or((60_000, "minute"));
    (i32::try_from(ms / unit_ms).unwrap_or(i32::MAX), unit)
}

fn options(pairs: &[(&str, &str)]) -> Object {
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
        const DAY: i64 = 86_400_000;
        assert_eq!(span(-20_000), (0, "minute"));
        assert_eq!(span(-3 * 60_000 - 59_999), (-3, "minute"));
        assert_eq!(span(-23 * 3_600_000), (-23, "hour"));
        assert_eq!(span(45 * DAY), (45, "day"));
        assert_eq!(span(90 * DAY), (3, "month"));
        assert_eq!(span(-800 * DAY), (-2, "year"));
    }
}
