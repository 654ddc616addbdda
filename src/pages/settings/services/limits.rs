//! The time and size limits of a service.

use leptos::prelude::*;

use latchkey_types::{
    error::Error,
    service::{SERVICE_BODY_MAX, SIGNED_BODY_MAX, TIMEOUT_SECONDS},
};
use latchkey_ui::{
    field::{Field, InputKind},
    form::Form,
    number::{format_integer, pluralize},
    select::{SelectField, choices},
};

/// Units of a size and their number of bytes, in ascending order.
const UNITS: [(&str, i64); 4] = [("B", 1), ("KiB", 1024), ("MiB", 1024 * 1024), ("GiB", 1024 * 1024 * 1024)];

/// A size as an integer of the largest possible unit.
fn split_size(bytes: i64) -> (i64, &'static str) {
    let unit = UNITS.into_iter().rev().find(|(_, size)| bytes > 0 && bytes % size == 0);
    unit.map_or((bytes, UNITS[0].0), |(name, size)| (bytes / size, name))
}

/// A size with its unit, such as `10 MiB`.
fn format_size(bytes: i64) -> String {
    let (number, unit) = split_size(bytes);
    format!("{} {unit}", format_integer(number))
}

/// Both limits in one line.
pub(super) fn describe(timeout_seconds: i64, body_max: i64) -> String {
    format!("{} until the response begins, request bodies up to {}", pluralize(timeout_seconds, "second", "seconds"), format_size(body_max))
}

/// Both limits in short form, for the heading of the closed section.
fn summarize(timeout_seconds: i64, body_max: i64) -> String {
    format!("{} s · {}", format_integer(timeout_seconds), format_size(body_max))
}

/// The largest body that can be entered.
const fn largest_body(is_signed: bool) -> i64 {
    if is_signed { SIGNED_BODY_MAX } else { SERVICE_BODY_MAX }
}

/// Parses an integer. Its range is not validated.
pub(super) fn integer(field: &str, typed: &str) -> Result<i64, Error> {
    typed.trim().parse().map_err(|_| Error::invalid(field, "Enter a whole number."))
}

/// Parses a size, in bytes. Its range is not validated.
fn size(field: &str, typed: &str, unit: &str) -> Result<i64, Error> {
    let bytes = UNITS.into_iter().find(|(name, _)| *name == unit).map_or(1, |(_, bytes)| bytes);
    let too_large = || Error::invalid(field, format!("Use at most {}.", format_size(SERVICE_BODY_MAX)));
    integer(field, typed)?.checked_mul(bytes).ok_or_else(too_large)
}

/// Reads the largest body, in bytes.
pub(super) fn read_body_max(form: Form) -> Option<i64> {
    form.check("body_max", |field, typed| size(field, typed, &form.value("body_max.unit")))
}

/// The section for the limits, closed at first. Its closed heading summarizes them.
#[component]
pub(super) fn LimitsSection(
    form: Form,
    /// The current time limit.
    timeout_seconds: i64,
    /// The current size limit, in bytes.
    body_max: i64,
    /// Whether requests are signed, which limits their size further.
    is_signed: Memo<bool>,
) -> impl IntoView {
    let first_body_max = Memo::new(move |_| body_max.min(largest_body(is_signed.get())));
    let typed_timeout = move || integer("", &form.value("timeout_seconds")).unwrap_or(timeout_seconds);
    let summary = RwSignal::new(summarize(timeout_seconds, first_body_max.get_untracked()));
    // A change of the authentication may have replaced the size.
    Effect::new(move || summary.set(summarize(typed_timeout(), first_body_max.get())));
    let typed_body_max = move || size("", &form.value("body_max"), &form.value("body_max.unit")).unwrap_or(body_max);
    let update = move |_| summary.set(summarize(typed_timeout(), typed_body_max()));
    let (least, most) = (*TIMEOUT_SECONDS.start(), *TIMEOUT_SECONDS.end());
    let body_fields = move || {
        let (number, unit) = split_size(first_body_max.get());
        let largest = format_size(largest_body(is_signed.get()));
        let hint =
            if is_signed.get() { format!("At most {largest}, because signed requests are held in memory.") } else { format!("At most {largest}.") };
        let units = choices(&UNITS.map(|(name, _)| (name, name)));
        view! {
            <div class="field-row">
                <Field form name="body_max" label="Largest request body" kind=InputKind::Number value=number.to_string() hint/>
                <SelectField form name="body_max.unit" label="Unit" options=units value=unit/>
            </div>
        }
    };
    view! {
        <details class="limits-section" on:toggle=update>
            <summary>
                <span>"Limits"</span>
                <span class="limits-summary">{move || summary.get()}</span>
            </summary>
            <div class="limits-fields">
                <Field form name="timeout_seconds" label="Time limit in seconds" kind=InputKind::Number value=timeout_seconds.to_string()
                    hint=format!("Until the response begins, {least} to {most}. Its body may take longer.")/>
                {body_fields}
            </div>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_largest_unit() {
        for (bytes, text) in [(0, "0 B"), (1000, "1,000 B"), (1024, "1 KiB"), (1536 * 1024, "1,536 KiB"), (SERVICE_BODY_MAX, "1 GiB")] {
            assert_eq!(format_size(bytes), text);
        }
        assert_eq!(summarize(60, SIGNED_BODY_MAX), "60 s · 8 MiB");
        assert_eq!(describe(1, 2048), "1 second until the response begins, request bodies up to 2 KiB");
    }

    #[test]
    fn limits_are_whole_numbers() {
        assert_eq!(integer("body_max", " 10 "), Ok(10));
        for bad in ["", "1.5", "1,000", "ten"] {
            assert!(integer("body_max", bad).is_err(), "{bad}");
        }
        assert_eq!(size("body_max", "10", "KiB"), Ok(10_240));
        assert!(size("body_max", &i64::MAX.to_string(), "GiB").is_err());
    }
}
