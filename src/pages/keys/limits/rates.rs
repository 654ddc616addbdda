//! The rate limit fields: one row per rate limit.

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
    icon::{Glyph, Icon},
};

/// The name of a row's field, as in the request, so that server errors are shown at the field.
fn name_of(at: usize, part: &str) -> String {
    format!("rate_limits[{at}].{part}")
}

/// Validates all rows.
pub(super) fn check(form: Form) -> Option<Vec<RateLimit>> {
    let rows = (0..RATE_LIMITS_MAX).take_while(|at| form.has(&name_of(*at, "name")));
    // Validate every row before returning, so that all errors are shown together.
    let read: Vec<_> = rows.map(|at| check_row(form, at)).collect();
    let rate_limits = read.into_iter().collect::<Option<Vec<_>>>()?;
    form.record(limits::rate_limits(&rate_limits).map(|()| rate_limits))
}

fn check_row(form: Form, at: usize) -> Option<RateLimit> {
    let value = |part| form.value(&name_of(at, part));
    let unit = UNITS.into_iter().find(|unit| unit.name == value("unit")).unwrap_or(MINUTES);
    let read = |part, number: Option<i64>| form.record(number.ok_or_else(|| Error::invalid(&name_of(at, part), "Enter a number.")));
    let (limit, duration_ms) = (read("limit", format::number(&value("limit"))), read("duration_ms", format::span_ms(&value("duration_ms"), unit)));
    Some(RateLimit { name: value("name").trim().to_owned(), limit: limit?, duration_ms: duration_ms? })
}

/// A row: a unique id and its initial value.
type Row = (usize, Option<RateLimit>);

/// The rows and the button that adds one.
#[component]
pub(super) fn RateLimitFields(
    form: Form,
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
        if let Some(button) = add_button.get_untracked() {
            browser::focus(&button);
        }
    });
    let index_of = move |id| Memo::new(move |_| rows.with(|rows| rows.iter().position(|(other, _)| *other == id).unwrap_or_default()));
    view! {
        <fieldset class="field check-group limits-group" aria-describedby="hint-rate_limits">
            <legend>"Rate limits"</legend>
            <For each=move || rows.get() key=|(id, _)| *id let:((id, limit))>
                <RowFields form at=index_of(id) limit on_remove=Callback::new(move |()| remove.run(id))/>
            </For>
            <button type="button" class="button limits-add" node_ref=add_button disabled=move || is_full.get() on:click=add>
                <Icon glyph=Glyph::Plus/>
                "Add rate limit"
            </button>
            <FormError form about="rate_limits"/>
            <p class="field-hint" id="hint-rate_limits">
                "Sliding window, enforced per server. Refused requests don’t count."
            </p>
        </fieldset>
    }
}

#[component]
fn RowFields(form: Form, at: Memo<usize>, limit: Option<RateLimit>, on_remove: Callback<()>) -> impl IntoView {
    let name_input = NodeRef::<html::Input>::new();
    let is_new = limit.is_none();
    Effect::new(move || {
        if let Some(input) = name_input.get().filter(|_| is_new) {
            browser::focus(&input);
        }
    });
    let (name, limit, (span, unit)) = match limit {
        Some(limit) => (limit.name, limit.limit.to_string(), format::span(limit.duration_ms)),
        None => (String::new(), String::new(), ("1".to_owned(), MINUTES)),
    };
    let name_at = move |part: &'static str| Signal::derive(move || name_of(at.get(), part));
    let error_of = move |part| form.dynamic_field_error(name_at(part));
    let (name_error, limit_error, span_error) = (error_of("name"), error_of("limit"), error_of("duration_ms"));
    let id = move |part: &'static str| move || format!("field-{}", name_of(at.get(), part));
    let error_id = move |part: &'static str| move || format!("wrong-{}", name_of(at.get(), part));
    let invalid = |error: Signal<Option<String>>| move || error.get().map(|_| "true");
    let error_view = move |part, error: Signal<Option<String>>| {
        view! { <p class="field-error" id=error_id(part) aria-live="polite">{move || error.get()}</p> }
    };
    let option = |item: format::Unit| view! { <option value=item.name selected=item == unit>{item.name}</option> };
    view! {
        <div class="limit" role="group" aria-label=move || format!("Rate limit {}", at.get() + 1)>
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
                    <select id=id("unit") name=name_at("unit")>{UNITS.map(option)}</select>
                    <Icon glyph=Glyph::Down/>
                </div>
            </div>
            <IconButton label="Remove" glyph=Glyph::Trash danger=true on_click=move |_| on_remove.run(())/>
            {error_view("name", name_error)}
            {error_view("limit", limit_error)}
            {error_view("duration_ms", span_error)}
        </div>
    }
}
