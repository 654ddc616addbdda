//! The fields that say how long something lasts.

use js_sys::Date;
use leptos::prelude::*;

use crate::{
    model::{fault::Fault, key::Ends, time::Timestamp},
    ui::{
        field::{Field, Typed},
        form::Form,
        select::{SelectField, choices},
    },
};

/// The durations to choose from, and what leads to a date instead.
const DURATIONS: [(&str, &str); 5] = [("30", "30 days"), ("90", "90 days"), ("180", "180 days"), ("365", "365 days"), (DATE, "Until a date")];
const DATE: &str = "date";
const NEVER: &str = "never";
const KEEP: &str = "keep";

/// How long something is to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// As long as it does already.
    AsItDoes,
    /// Until then.
    Until(Ends),
}

impl Lasting {
    /// The new end, if there is to be one.
    pub const fn new_end(self) -> Option<Ends> {
        if let Self::Until(ends) = self { Some(ends) } else { None }
    }
}

/// When it ends, as the fields of [`EndsFields`] say.
pub fn check_ends(form: Form) -> Option<Lasting> {
    match form.value("duration_days").as_str() {
        KEEP => Some(Lasting::AsItDoes),
        NEVER => Some(Lasting::Until(Ends::Usual)),
        DATE => form.check(DATE, end_of_day).map(|at| Lasting::Until(Ends::At(at))),
        days => Some(Lasting::Until(Ends::Days(days.parse().unwrap_or_default()))),
    }
}

/// The last moment of a day that is still to come, where the reader is.
#[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds is a whole number, far below 2^53")]
fn end_of_day(field: &str, typed: &str) -> Result<Timestamp, Fault> {
    // Without a zone it is the reader's own.
    let end = Date::parse(&format!("{typed}T23:59:59.999"));
    if end.is_nan() {
        return Err(Fault::invalid(field, "Choose a date."));
    }
    if end <= Date::now() { Err(Fault::invalid(field, "Choose a date to come.")) } else { Ok(Timestamp(end as i64)) }
}

/// How long it lasts: a number of days, a date, never, or as it is.
#[component]
pub fn EndsFields(
    /// The form.
    form: Form,
    /// Whether it may last for ever; it then does unless something else is chosen.
    #[prop(optional)]
    may_be_never: bool,
    /// Whether there is an end already, which is kept unless something else is chosen.
    #[prop(optional)]
    may_be_kept: bool,
) -> impl IntoView {
    let mut options = Vec::new();
    if may_be_kept {
        options.push((KEEP, "As it is"));
    }
    if may_be_never {
        options.push((NEVER, "Never"));
    }
    options.extend(DURATIONS);
    let by_date = RwSignal::new(false);
    view! {
        <SelectField form name="duration_days" label="Duration" options=choices(&options) on_change=move |chosen: String| by_date.set(chosen == DATE)/>
        <Show when=move || by_date.get()>
            <Field form name=DATE label="Date" typed=Typed::Date hint="It works until the end of that day."/>
        </Show>
    }
}
