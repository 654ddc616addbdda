//! The rate limit fields: one row per rate limit, in one of two lists.

use leptos::{html, prelude::*};

use super::format::{self, MINUTES, UNITS};
use latchkey_types::{
    error::Error,
    limits::{self, RATE_LIMITS_MAX, RateLimit},
};
use latchkey_ui::{
    browser,
    button::IconButton,
    form::{Form, FormError},
    form_field::FieldError,
    icon::{Glyph, Icon},
    number::parse_integer,
};

/// A list of rate limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RateList {
    /// Its field in the request.
    field: &'static str,
    legend: &'static str,
    /// The accessible name of a row, before its number.
    row: &'static str,
    add: &'static str,
    hint: &'static str,
}

/// The limits of all requests together.
pub(super) const OF_KEY: RateList = RateList {
    field: "rate_limits",
    legend: "Rate limits",
    row: "Rate limit",
    add: "Add rate limit",
    hint: "Sliding window. Refused requests don’t count. Several servers may exceed a limit by 1 % unless it is strict.",
};

/// The limits of each client address.
pub(super) const OF_ADDRESS: RateList = RateList {
    field: "address_rate_limits",
    legend: "Rate limits per address",
    row: "Limit per address",
    add: "Add limit per address",
    hint: "Counted for each IPv4 address or IPv6 /64 network.",
};

impl RateList {
    /// The name of a row's field, as in the request, so that server errors are shown at the field.
    fn name_of(self, at: usize, part: &str) -> String {
        format!("{}[{at}].{part}", self.field)
    }

    /// The accessible name of a row.
    fn row_label(self, at: usize) -> String {
        format!("{} {}", self.row, at + 1)
    }
}

/// What is typed in a row. `None` stands for a text that is not a number.
struct TypedRow {
    name: String,
    limit: Option<i64>,
    duration_ms: Option<i64>,
    strict: bool,
}

impl TypedRow {
    fn read(form: Form, list: RateList, at: usize) -> Self {
        let value = |part| form.value(&list.name_of(at, part));
        let unit = UNITS.into_iter().find(|unit| unit.name == value("unit")).unwrap_or(MINUTES);
        Self {
            name: value("name").trim().to_owned(),
            limit: parse_integer(&value("limit")),
            duration_ms: format::span_ms(&value("duration_ms"), unit),
            strict: !form.checked_values(&list.name_of(at, "strict")).is_empty(),
        }
    }

    /// Errors about texts that are not numbers.
    fn number_errors(&self, list: RateList, at: usize) -> impl Iterator<Item = Error> {
        let numbers = [("limit", self.limit), ("duration_ms", self.duration_ms)];
        let missing = numbers.into_iter().filter(|(_, number)| number.is_none());
        missing.map(move |(part, _)| Error::invalid(&list.name_of(at, part), "Enter a number."))
    }

    /// The rate limit, with a valid number in place of a missing one, so that the rules find only other errors.
    fn into_rate_limit(self) -> RateLimit {
        let (limit, duration_ms) = (self.limit.unwrap_or(1), self.duration_ms.unwrap_or(MINUTES.ms));
        RateLimit { name: self.name, limit, duration_ms, strict: self.strict }
    }
}

fn read_rows(form: Form, list: RateList) -> Vec<TypedRow> {
    let indices = (0..RATE_LIMITS_MAX).take_while(|at| form.has(&list.name_of(*at, "name")));
    indices.map(|at| TypedRow::read(form, list, at)).collect()
}

/// Validates all rows of a list and shows all errors.
pub(super) fn check(form: Form, list: RateList) -> Option<Vec<RateLimit>> {
    let rows = read_rows(form, list);
    let mut errors: Vec<Error> = rows.iter().enumerate().flat_map(|(at, row)| row.number_errors(list, at)).collect();
    let rate_limits: Vec<_> = rows.into_iter().map(TypedRow::into_rate_limit).collect();
    errors.extend(limits::rate_limit_errors(list.field, &rate_limits));
    let is_valid = errors.is_empty();
    for error in errors {
        form.add_error(with_label(list, error));
    }
    is_valid.then_some(rate_limits)
}

/// The rows as they are typed, without those that are not complete.
pub(super) fn typed(form: Form, list: RateList) -> Vec<RateLimit> {
    let is_complete = |row: &TypedRow| row.limit.is_some() && row.duration_ms.is_some();
    read_rows(form, list).into_iter().filter(is_complete).map(TypedRow::into_rate_limit).collect()
}

/// Begins the message with the row and the field.
fn with_label(list: RateList, error: Error) -> Error {
    let Error::Invalid { field, message } = error else { return error };
    let position = field.strip_prefix(list.field).and_then(|rest| rest.strip_prefix('[')).and_then(|rest| rest.split_once("]."));
    let message = match position.and_then(|(index, part)| Some((index.parse::<usize>().ok()?, part))) {
        Some((index, part)) => format!("{}, {}: {message}", list.row_label(index), if part == "duration_ms" { "period" } else { part }),
        None => message,
    };
    Error::Invalid { field, message }
}

/// A row: a unique id and its initial value.
type Row = (usize, Option<RateLimit>);

/// The rows of a list and the button that adds one.
#[component]
pub(super) fn RateLimitFields(
    form: Form,
    list: RateList,
    /// The current rate limits.
    before: Vec<RateLimit>,
) -> impl IntoView {
    let add_button = NodeRef::<html::Button>::new();
    let last_id = StoredValue::new(before.len());
    let rows = RwSignal::new(before.into_iter().map(Some).enumerate().collect::<Vec<Row>>());
    let is_full = Memo::new(move |_| rows.with(Vec::len) == RATE_LIMITS_MAX);
    let add = move |_| {
        last_id.update_value(|last_id| *last_id += 1);
        rows.update(|rows| rows.push((last_id.get_value(), None)));
    };
    let remove = Callback::new(move |id| {
        rows.update(|rows| rows.retain(|(other, _)| *other != id));
        // The field names of the rows below have changed.
        form.clear_errors();
        form.mark_edited(list.field);
        if let Some(button) = add_button.get_untracked() {
            browser::focus(&button);
        }
    });
    let index_of = move |id| Memo::new(move |_| rows.with(|rows| rows.iter().position(|(other, _)| *other == id).unwrap_or_default()));
    view! {
        <fieldset class="field check-group limits-group" aria-describedby=format!("hint-{}", list.field)>
            <legend>{list.legend}</legend>
            <For each=move || rows.get() key=|(id, _)| *id let:((id, limit))>
                <RowFields form list at=index_of(id) limit on_remove=Callback::new(move |()| remove.run(id))/>
            </For>
            <button type="button" class="button limits-add" node_ref=add_button disabled=move || is_full.get() on:click=add>
                <Icon glyph=Glyph::Plus/>
                {list.add}
            </button>
            <FormError form about=list.field/>
            <p class="field-hint" id=format!("hint-{}", list.field)>{list.hint}</p>
        </fieldset>
    }
}

#[component]
fn RowFields(form: Form, list: RateList, at: Memo<usize>, limit: Option<RateLimit>, on_remove: Callback<()>) -> impl IntoView {
    let name_input = NodeRef::<html::Input>::new();
    let is_new = limit.is_none();
    Effect::new(move || {
        if let Some(input) = name_input.get().filter(|_| is_new) {
            browser::focus(&input);
            input.select();
        }
    });
    let is_strict = limit.as_ref().is_some_and(|limit| limit.strict);
    let (name, limit, (span, unit)) = match limit {
        Some(limit) => (limit.name, limit.limit.to_string(), format::span(limit.duration_ms)),
        None => (format!("limit-{}", at.get_untracked() + 1), String::new(), ("1".to_owned(), MINUTES)),
    };
    let name_at = move |part: &'static str| Signal::derive(move || list.name_of(at.get(), part));
    let error_of = move |part| form.dynamic_field_error(name_at(part));
    let (name_error, limit_error, span_error) = (error_of("name"), error_of("limit"), error_of("duration_ms"));
    let id = move |part: &'static str| move || format!("field-{}", list.name_of(at.get(), part));
    let error_id = move |part: &'static str| Signal::derive(move || format!("wrong-{}", list.name_of(at.get(), part)));
    let invalid = |error: Signal<Option<String>>| move || error.get().map(|_| "true");
    // The error about the duration depends on its unit.
    let on_unit_change = move |_| form.clear_error(&list.name_of(at.get_untracked(), "duration_ms"));
    let option = |item: format::Unit| view! { <option value=item.name selected=item == unit>{item.name}</option> };
    view! {
        <div class="limit" role="group" aria-label=move || list.row_label(at.get())>
            <div class="field limit-name">
                <label for=id("name")>"Name"</label>
                <input node_ref=name_input id=id("name") name=name_at("name") type="text" value=name autocomplete="off" spellcheck="false"
                    autocapitalize="none" aria-invalid=invalid(name_error) aria-describedby=error_id("name")/>
            </div>
            <div class="field">
                <label for=id("limit")>"Limit"</label>
                <input id=id("limit") name=name_at("limit") type="text" inputmode="numeric" value=limit autocomplete="off"
                    aria-invalid=invalid(limit_error) aria-describedby=error_id("limit")/>
            </div>
            <div class="field">
                <label for=id("duration_ms")>"In any"</label>
                <input id=id("duration_ms") name=name_at("duration_ms") type="text" inputmode="decimal" value=span autocomplete="off"
                    aria-invalid=invalid(span_error) aria-describedby=error_id("duration_ms")/>
            </div>
            <div class="field">
                <label for=id("unit")>"Unit"</label>
                <div class="select">
                    <select id=id("unit") name=name_at("unit") on:change=on_unit_change>{UNITS.map(option)}</select>
                    <Icon glyph=Glyph::Down/>
                </div>
            </div>
            <IconButton label="Remove" glyph=Glyph::Trash danger=true on_click=move |_| on_remove.run(())/>
            <label class="check">
                <input type="checkbox" class="checkbox" name=name_at("strict") value="true" checked=is_strict/>
                <span>"Strict"</span>
            </label>
            <FieldError id=error_id("name") error=name_error/>
            <FieldError id=error_id("limit") error=limit_error/>
            <FieldError id=error_id("duration_ms") error=span_error/>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_begins_with_its_field() {
        let labeled = |list: RateList, field: &str| with_label(list, Error::invalid(field, "No.")).to_string();
        assert_eq!(labeled(OF_KEY, "rate_limits[1].name"), "Rate limit 2, name: No.");
        assert_eq!(labeled(OF_KEY, "rate_limits[0].duration_ms"), "Rate limit 1, period: No.");
        assert_eq!(labeled(OF_KEY, "rate_limits"), "No.");
        assert_eq!(labeled(OF_ADDRESS, "address_rate_limits[1].limit"), "Limit per address 2, limit: No.");
    }
}
