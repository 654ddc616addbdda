//! Times in the browser's locale.

use js_sys::{Array, Date, Intl, Object, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use super::hydration::now;
use latchkey_types::time::{DAY_MS, MINUTE_MS, Timestamp};

const HOUR_MS: i64 = 60 * MINUTE_MS;

/// The format of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeFormat {
    /// Relative to now, such as `3 minutes ago`.
    #[default]
    Relative,
    /// The date.
    Date,
}

/// A time, with the exact time as tooltip. The server renders the UTC date, because only the browser has the user's time zone.
#[component]
pub fn Time(at: Timestamp, #[prop(optional)] format: TimeFormat) -> impl IntoView {
    let now = now();
    let label = move || match (now.get(), format) {
        (None, _) => utc_date(at),
        (Some(_), TimeFormat::Date) => localized(at, &[("dateStyle", "medium")]),
        (Some(now), TimeFormat::Relative) => relative(at, now),
    };
    let exact = move || now.get().map(|_| localized(at, &[("dateStyle", "full"), ("timeStyle", "long")]));
    view! { <time datetime=at.rfc3339() title=exact>{label}</time> }
}

fn utc_date(at: Timestamp) -> String {
    let mut text = at.rfc3339();
    text.truncate("2026-11-21".len());
    text
}

/// Formats a time with `Intl.DateTimeFormat`, in the browser's locale.
fn localized(at: Timestamp, style: &[(&str, &str)]) -> String {
    let format = Intl::DateTimeFormat::new(&Array::new(), &options(style));
    let date = Date::new(&JsValue::from_f64(milliseconds(at)));
    format.format().call1(&format, &date).ok().and_then(|text| text.as_string()).unwrap_or_else(|| utc_date(at))
}

/// Formats the distance with `Intl.RelativeTimeFormat`: "now", "3 minutes ago", "yesterday", "in 3 months".
fn relative(at: Timestamp, now: Timestamp) -> String {
    let (count, unit) = largest_unit(at.0 - now.0);
    let format = Intl::RelativeTimeFormat::new(&Array::new(), &options(&[("numeric", "auto")]));
    format.format(f64::from(count), unit).into()
}

/// The largest unit that fits into the duration, and its count rounded towards zero.
fn largest_unit(ms: i64) -> (i32, &'static str) {
    // Minimum duration, length of the unit, unit. Days are used up to 60, because months are imprecise.
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

/// An options object for `Intl`.
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
    fn selects_largest_unit() {
        assert_eq!(largest_unit(-20_000), (0, "second"));
        assert_eq!(largest_unit(-3 * 60_000 - 59_999), (-3, "minute"));
        assert_eq!(largest_unit(-23 * 3_600_000), (-23, "hour"));
        assert_eq!(largest_unit(45 * DAY_MS), (45, "day"));
        assert_eq!(largest_unit(90 * DAY_MS), (3, "month"));
        assert_eq!(largest_unit(-800 * DAY_MS), (-2, "year"));
    }
}
