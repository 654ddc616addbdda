//! Rate limits in a form: a row for each, added and taken away.

use leptos::{html, prelude::*};

use super::words::{self, MINUTES, UNITS};
use crate::{
    model::{
        fault::Fault,
        limits::{self, RATE_LIMITS_MAX, RateLimit},
    },
    ui::{
        browser,
        button::IconButton,
        form::{Form, FormWrong},
        icon::{Glyph, Icon},
    },
};

/// The name of a value of a row: as the call has it, so that a complaint finds its field.
fn name_of(at: usize, part: &str) -> String {
    format!("rate_limits[{at}].{part}")
}

/// What the rows hold, if all of it can be taken.
pub fn check(form: Form) -> Option<Vec<RateLimit>> {
    let rows = (0..RATE_LIMITS_MAX).take_while(|at| form.has(&name_of(*at, "name")));
    // Each row is looked at, so that all that is wrong is said at once.
    let read: Vec<_> = rows.map(|at| check_row(form, at)).collect();
    let wanted = read.into_iter().collect::<Option<Vec<_>>>()?;
    form.keep(limits::rate_limits(&wanted).map(|()| wanted))
}

fn check_row(form: Form, at: usize) -> Option<RateLimit> {
    let value = |part| form.value(&name_of(at, part));
    let unit = UNITS.into_iter().find(|unit| unit.word == value("unit")).unwrap_or(MINUTES);
    let read = |part, number: Option<i64>| form.keep(number.ok_or_else(|| Fault::invalid(&name_of(at, part), "Enter a number.")));
    let (limit, duration_ms) = (read("limit", words::number(&value("limit"))), read("duration_ms", words::span_ms(&value("duration_ms"), unit)));
    Some(RateLimit { name: value("name").trim().to_owned(), limit: limit?, duration_ms: duration_ms? })
}

/// A row: its number among all that there ever were, and what it holds at first.
type Row = (usize, Option<RateLimit>);

/// The rows, and the button that adds one.
#[component]
pub fn RateLimitFields(
    /// The form.
    form: Form,
    /// Those that there are.
    before: Vec<RateLimit>,
) -> impl IntoView {
    let add_button = NodeRef::<html::Button>::new();
    let made = StoredValue::new(before.len());
    let rows = RwSignal::new(before.into_iter().map(Some).enumerate().collect::<Vec<Row>>());
    let is_full = Memo::new(move |_| rows.with(Vec::len) == RATE_LIMITS_MAX);
    let add = move |_| {
        made.update_value(|made| *made += 1);
        rows.update(|rows| rows.push((made.get_value(), None)));
    };
    let remove = Callback::new(move |id| {
        rows.update(|rows| rows.retain(|(other, _)| *other != id));
        // Those below it have other names now.
        form.forget_wrongs();
        if let Some(button) = add_button.get_untracked() {
            browser::focus(&button);
        }
    });
    let place = move |id| Memo::new(move |_| rows.with(|rows| rows.iter().position(|(other, _)| *other == id).unwrap_or_default()));
    view! {
        <fieldset class="field check-group limits-part" aria-describedby="hint-rate_limits">
            <legend>"Rate limits"</legend>
            <For each=move || rows.get() key=|(id, _)| *id let:((id, limit))>
                <RowFields form at=place(id) limit on_remove=Callback::new(move |()| remove.run(id))/>
            </For>
            <button type="button" class="button limits-add" node_ref=add_button disabled=move || is_full.get() on:click=add>
                <Icon glyph=Glyph::Plus/>
                "Add rate limit"
            </button>
            <FormWrong form about="rate_limits"/>
            <p class="field-hint" id="hint-rate_limits">
                "A sliding window: at most so many requests in any such span, on each server. A refused request does not count."
            </p>
        </fieldset>
    }
}

#[component]
fn RowFields(form: Form, at: Memo<usize>, limit: Option<RateLimit>, on_remove: Callback<()>) -> impl IntoView {
    let first = NodeRef::<html::Input>::new();
    let is_new = limit.is_none();
    Effect::new(move || {
        if let Some(input) = first.get().filter(|_| is_new) {
            browser::focus(&input);
        }
    });
    let (name, limit, (span, unit)) = match limit {
        Some(limit) => (limit.name, limit.limit.to_string(), words::span(limit.duration_ms)),
        None => (String::new(), String::new(), ("1".to_owned(), MINUTES)),
    };
    let name_at = move |part: &'static str| Signal::derive(move || name_of(at.get(), part));
    let wrong = move |part| form.wrong_in(name_at(part));
    let (name_wrong, limit_wrong, span_wrong) = (wrong("name"), wrong("limit"), wrong("duration_ms"));
    let id = move |part: &'static str| move || format!("field-{}", name_of(at.get(), part));
    let wrong_id = move |part: &'static str| move || format!("wrong-{}", name_of(at.get(), part));
    let invalid = |wrong: Signal<Option<String>>| move || wrong.get().map(|_| "true");
    let complaint = move |part, wrong: Signal<Option<String>>| {
        view! { <p class="field-wrong" id=wrong_id(part) aria-live="polite">{move || wrong.get()}</p> }
    };
    let option = |one: words::Unit| view! { <option value=one.word selected=one == unit>{one.word}</option> };
    view! {
        <div class="limit" role="group" aria-label=move || format!("Rate limit {}", at.get() + 1)>
            <div class="field limit-name">
                <label for=id("name")>"Name"</label>
                <input node_ref=first id=id("name") name=name_at("name") type="text" value=name autocomplete="off" spellcheck="false"
                    autocapitalize="none" aria-invalid=invalid(name_wrong) aria-describedby=wrong_id("name")/>
            </div>
            <div class="field">
                <label for=id("limit")>"Limit"</label>
                <input id=id("limit") name=name_at("limit") type="text" inputmode="numeric" value=limit autocomplete="off"
                    aria-invalid=invalid(limit_wrong) aria-describedby=wrong_id("limit")/>
            </div>
            <div class="field">
                <label for=id("duration_ms")>"In any"</label>
                <input id=id("duration_ms") name=name_at("duration_ms") type="text" inputmode="decimal" value=span autocomplete="off"
                    aria-invalid=invalid(span_wrong) aria-describedby=wrong_id("duration_ms")/>
            </div>
            <div class="field">
                <label for=id("unit")>"Unit"</label>
                <div class="select">
                    <select id=id("unit") name=name_at("unit")>{UNITS.map(option)}</select>
                    <Icon glyph=Glyph::Down/>
                </div>
            </div>
            <IconButton label="Remove" glyph=Glyph::Trash danger=true on_click=move |_| on_remove.run(())/>
            {complaint("name", name_wrong)}
            {complaint("limit", limit_wrong)}
            {complaint("duration_ms", span_wrong)}
        </div>
    }
}
