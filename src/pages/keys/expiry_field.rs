//! The expiry fields.

use js_sys::Date;
use leptos::prelude::*;

use latchkey_types::{error::Error, key::RequestedExpiry, time::Timestamp};
use latchkey_ui::{
    field::{Field, InputKind},
    form::Form,
    hydration::now,
    select::{SelectField, choices},
    time::day_in_words,
};

/// The selectable durations, in days, and the option for a date.
const DURATIONS: [(&str, &str); 5] = [("30", "30 days"), ("90", "90 days"), ("180", "180 days"), ("365", "365 days"), (DATE, "Custom date…")];
const DATE: &str = "date";
const NEVER: &str = "never";
const KEEP: &str = "keep";

/// The selected expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExpiryChange {
    /// Unchanged.
    Keep,
    /// A new expiry.
    Set(RequestedExpiry),
}

impl ExpiryChange {
    /// The new expiry, or `None` to keep the current one.
    pub(super) const fn new_expiry(self) -> Option<RequestedExpiry> {
        if let Self::Set(ends) = self { Some(ends) } else { None }
    }
}

/// Reads and validates the fields of [`ExpiryFields`].
pub(super) fn check_expiry(form: Form) -> Option<ExpiryChange> {
    match form.value("duration_days").as_str() {
        KEEP => Some(ExpiryChange::Keep),
        NEVER => Some(ExpiryChange::Set(RequestedExpiry::KindDefault)),
        DATE => form.check(DATE, parse_end_of_day).map(|at| ExpiryChange::Set(RequestedExpiry::At(at))),
        days => Some(ExpiryChange::Set(RequestedExpiry::Days(days.parse().unwrap_or_default()))),
    }
}

/// The last moment of a future day, in the browser's time zone.
#[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds is an integer far below 2^53")]
fn parse_end_of_day(field: &str, typed: &str) -> Result<Timestamp, Error> {
    // Without a time zone, `Date.parse` uses the local one.
    let end = Date::parse(&format!("{typed}T23:59:59.999"));
    if end.is_nan() {
        return Err(Error::invalid(field, "Select a date."));
    }
    if end <= Date::now() { Err(Error::invalid(field, "Choose a future date.")) } else { Ok(Timestamp(end as i64)) }
}

/// What the selected option means. Empty for a date, which has a field of its own.
fn consequence(option: &str, now: Timestamp, current: Option<Timestamp>) -> String {
    let expires_at = match option {
        DATE => return String::new(),
        NEVER => None,
        KEEP => current,
        days => days.parse().ok().map(|days| now.plus_days(days)),
    };
    match expires_at {
        None => "No expiry".to_owned(),
        Some(at) if at <= now => format!("Expired {}", day_in_words(at)),
        Some(at) => format!("Expires {}", day_in_words(at)),
    }
}

/// Selects an expiry: a number of days, a date, never, or the current one.
#[component]
pub(super) fn ExpiryFields(
    form: Form,
    /// Whether `Never` is an option, and the default.
    #[prop(optional)]
    allow_never: bool,
    /// Whether the current expiry can be kept, which is then the default.
    #[prop(optional)]
    allow_keep: bool,
    /// The current expiry.
    #[prop(optional_no_strip)]
    current: Option<Timestamp>,
) -> impl IntoView {
    let mut options = Vec::new();
    if allow_keep {
        options.push((KEEP, "Keep current"));
    }
    if allow_never {
        options.push((NEVER, "Never"));
    }
    options.extend(DURATIONS);
    let selected = RwSignal::new(options[0].0.to_owned());
    let now = now();
    let note = move || now.get().map(|now| selected.with(|option| consequence(option, now, current))).unwrap_or_default();
    let has_date = Memo::new(move |_| selected.with(|option| option == DATE));
    view! {
        <SelectField form name="duration_days" label="Duration" options=choices(&options) note=Signal::derive(note)
            on_change=move |option: String| selected.set(option)/>
        <Show when=move || has_date.get()>
            <Field form name=DATE label="Date" kind=InputKind::Date hint="Works until the end of that day."/>
        </Show>
    }
}
