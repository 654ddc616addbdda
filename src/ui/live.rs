//! Whether the page is live, and what time it is: two things that the server's HTML can't know.

use gloo_timers::callback::Interval;
use leptos::prelude::*;

use crate::model::time::Timestamp;

const MINUTE_MS: u32 = 60_000;

/// Set once the page has been taken over by the program.
#[derive(Clone, Copy)]
struct Live(RwSignal<bool>);

/// The browser's clock, to the minute. `None` in the server's HTML and until the page is live.
#[derive(Clone, Copy)]
struct Now(RwSignal<Option<Timestamp>>);

/// Makes [`is_live`] and [`now`] work below, and marks the document with `data-hydrated` once it is live.
pub fn provide_live() {
    let (live, now) = (Live(RwSignal::new(false)), Now(RwSignal::new(None)));
    provide_context(live);
    provide_context(now);
    Effect::new(move || {
        live.0.set(true);
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-hydrated", "");
        }
        tick(now.0);
        // The app lives as long as the page, so the clock is never stopped.
        Interval::new(MINUTE_MS, move || tick(now.0)).forget();
    });
}

/// Whether the page reacts yet. Buttons that would do something else without the program wait for it.
pub fn is_live() -> Signal<bool> {
    expect_context::<Live>().0.into()
}

/// The browser's clock, to the minute. `None` in the server's HTML and until the page is live.
pub fn now() -> Signal<Option<Timestamp>> {
    expect_context::<Now>().0.into()
}

#[expect(clippy::cast_possible_truncation, reason = "a clock in milliseconds is a whole number, far below 2^53")]
fn tick(now: RwSignal<Option<Timestamp>>) {
    now.set(Some(Timestamp(js_sys::Date::now() as i64)));
}
