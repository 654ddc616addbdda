//! Times in the browser's time zone, in the language of the page.

use js_sys::{Array, Date, Intl, Object, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use super::{browser, hydration::now};
use latchkey_types::{
    names::lowercase,
    time::{DAY_MS, MINUTE_MS, Timestamp},
};

const HOUR_MS: i64 = 60 * MINUTE_MS;

/// The language of the page: in the browser's own language, times would not fit to the words around them.
const LANGUAGE: &str = "en";

/// A time that is farther away is shown as a date, because “4 months ago” is too vague.
const RELATIVE_MAX_MS: i64 = 30 * DAY_MS;

/// The format of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeFormat {
    /// Relative to now, such as `3 min. ago`; the date if it is far away.
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
        (Some(now), TimeFormat::Relative) => relative(at, now).unwrap_or_else(|| date(at)),
        (Some(_), TimeFormat::Date) => date(at),
    };
    let exact = move || now.get().map(|_| localized(at, &[("dateStyle", "full"), ("timeStyle", "long")]));
    view! { <time datetime=at.rfc3339() title=exact>{label}</time> }
}

/// A time within a sentence: `just now`, `3 min. ago`, or the date if it is far away. Only in the browser.
pub fn time_in_words(at: Timestamp) -> String {
    relative(at, Timestamp(browser::now_ms())).map_or_else(|| date(at), |distance| lowercase(&distance))
}

/// A day with its weekday: `Tue, Dec 29, 2026`. Only in the browser.
pub fn day_in_words(at: Timestamp) -> String {
    localized(at, &[("weekday", "short"), ("month", "short"), ("day", "numeric"), ("year", "numeric")])
}

/// The hour that begins at a time: `Dec 2, 3:30 – 4:30 PM` in the browser's time zone, which may differ from UTC by a part of an hour. In UTC until
/// the page is hydrated: `Dec 2, 15:00 – 16:00 UTC`.
pub fn hour_in_words(at: Timestamp, is_hydrated: bool) -> String {
    let utc = || format!("{}, {} – {} UTC", utc_day(at), utc_clock(at), utc_clock(at.plus_ms(HOUR_MS)));
    if !is_hydrated {
        return utc();
    }
    let style = [("month", "short"), ("day", "numeric"), ("hour", "numeric"), ("minute", "2-digit")];
    let format = Intl::DateTimeFormat::new(&Array::of1(&LANGUAGE.into()), &options(&style));
    format.format_range(&js_date(at), &js_date(at.plus_ms(HOUR_MS))).map_or_else(|_| utc(), String::from)
}

/// The text below an hour of a chart, for the hours that begin a quarter of a day: `6 AM`, at midnight `Dec 2`. In UTC until the page is hydrated.
/// Blank for other hours. With `days_only` only midnight has a text.
pub fn hour_tick(at: Timestamp, is_hydrated: bool, days_only: bool) -> String {
    let hour = if is_hydrated { i64::from(js_date(at).get_hours()) } else { at.0.rem_euclid(DAY_MS) / HOUR_MS };
    match (hour, is_hydrated) {
        (0, true) => localized(at, &[("month", "short"), ("day", "numeric")]),
        (0, false) => utc_day(at),
        (6 | 12 | 18, _) if days_only => String::new(),
        (6 | 12 | 18, true) if js_date(at).get_minutes() == 0 => localized(at, &[("hour", "numeric")]),
        (6 | 12 | 18, true) => localized(at, &[("hour", "numeric"), ("minute", "2-digit")]),
        (6 | 12 | 18, false) => utc_clock(at),
        _ => String::new(),
    }
}

/// A day in UTC, without its year: `Dec 2`.
pub fn utc_day(at: Timestamp) -> String {
    utc_date(at).split(',').next().unwrap_or_default().to_owned()
}

/// The time of day in UTC: `15:00`.
fn utc_clock(at: Timestamp) -> String {
    at.rfc3339().get(11..16).unwrap_or_default().to_owned()
}

/// The date in UTC, in the format of [`date`], so that little moves when the browser replaces it.
fn utc_date(at: Timestamp) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = at.rfc3339();
    let number = |digits: Option<&str>| digits.and_then(|digits| digits.parse::<usize>().ok()).unwrap_or(1);
    let (month, day) = (number(text.get(5..7)), number(text.get(8..10)));
    format!("{} {day}, {}", MONTHS.get(month.wrapping_sub(1)).unwrap_or(&MONTHS[0]), text.get(..4).unwrap_or_default())
}

fn date(at: Timestamp) -> String {
    localized(at, &[("dateStyle", "medium")])
}

/// Formats a time with `Intl.DateTimeFormat`.
fn localized(at: Timestamp, style: &[(&str, &str)]) -> String {
    let format = Intl::DateTimeFormat::new(&Array::of1(&LANGUAGE.into()), &options(style));
    format.format().call1(&format, &js_date(at)).ok().and_then(|text| text.as_string()).unwrap_or_else(|| utc_date(at))
}

/// Formats the distance with `Intl.RelativeTimeFormat`: "Just now", "3 min. ago", "yesterday", "in 3 days". `None` if it is far away.
fn relative(at: Timestamp, now: Timestamp) -> Option<String> {
    if (at.0 - now.0).abs() >= RELATIVE_MAX_MS {
        return None;
    }
    let (count, unit) = largest_unit(at.0 - now.0);
    if count == 0 {
        return Some("Just now".to_owned());
    }
    let format = Intl::RelativeTimeFormat::new(&Array::of1(&LANGUAGE.into()), &options(&[("numeric", "auto"), ("style", "short")]));
    Some(format.format(f64::from(count), unit).into())
}

/// The largest unit that fits into the duration, and its count rounded towards zero.
fn largest_unit(ms: i64) -> (i32, &'static str) {
    const UNITS: [(i64, &str); 3] = [(DAY_MS, "day"), (HOUR_MS, "hour"), (MINUTE_MS, "minute")];
    match UNITS.into_iter().find(|(unit_ms, _)| ms.abs() >= *unit_ms) {
        Some((unit_ms, unit)) => (i32::try_from(ms / unit_ms).unwrap_or(i32::MAX), unit),
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
fn js_date(at: Timestamp) -> Date {
    Date::new(&JsValue::from_f64(at.0 as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selects_largest_unit() {
        assert_eq!(largest_unit(-20_000), (0, "second"));
        assert_eq!(largest_unit(-3 * 60_000 - 59_999), (-3, "minute"));
        assert_eq!(largest_unit(-23 * 3_600_000), (-23, "hour"));
        assert_eq!(largest_unit(29 * DAY_MS), (29, "day"));
    }

    #[test]
    fn server_renders_the_date_as_the_browser() {
        assert_eq!(utc_date(Timestamp(1_795_221_599_999)), "Nov 21, 2026");
        assert_eq!(utc_date(Timestamp(0)), "Jan 1, 1970");
    }

    #[test]
    fn hours_are_in_utc_until_hydration() {
        let midnight = Timestamp(1_795_219_200_000);
        let hour = |hour| midnight.plus_ms(hour * HOUR_MS);
        assert_eq!(hour_in_words(hour(23), false), "Nov 21, 23:00 – 00:00 UTC");
        let ticks = |days_only| [0, 1, 6, 12, 18, 23].map(|index| hour_tick(hour(index), false, days_only));
        assert_eq!(ticks(false), ["Nov 21", "", "06:00", "12:00", "18:00", ""]);
        assert_eq!(ticks(true), ["Nov 21", "", "", "", "", ""]);
        assert_eq!(utc_day(hour(24)), "Nov 22");
    }
}
