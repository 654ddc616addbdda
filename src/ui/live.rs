//! Whether the page is live, and what time it is: two things that the server's HTML can't know.

use gloo_timers::callback::Interval;
use leptos::prelude::*;

use crate::model::time::Timestamp;

const MINUTE_MS: u32 = 60_000;

/// What the page knows once the program has taken it over.
#[derive(Clone, Default)]
pub struct Live {
    is_live: ArcRwSignal<bool>,
    /// The browser's clock, to the minute. `None` in the server's HTML and until the page is live.
    now: ArcRwSignal<Option<Timestamp>>,
}

impl Live {
    /// Makes [`is_live`] and [`now`] work below.
    pub fn provide(self) {
        provide_context(self);
    }

    /// Notes that the program has taken over all of the page, and marks the document with `data-hydrated`. Effects run before that where
    /// a part of the page was still to be loaded, so none of them may do this.
    pub fn begin(self) {
        self.is_live.set(true);
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-hydrated", "");
        }
        tick(&self.now);
        // The app lives as long as the page, so the clock is never stopped.
        Interval::new(MINUTE_MS, move || tick(&self.now)).forget();
    }
}

/// Whether the page reacts yet. Buttons that would do something else without the program wait for it.
pub fn is_live() -> Signal<bool> {
    expect_context::<Live>().is_live.into()
}

/// The browser's clock, to the minute. `None` in the server's HTML and until the page is live.
pub fn now() -> Signal<Option<Timestamp>> {
    expect_context::<Live>().now.into()
}

#[expect(clippy::cast_possible_truncation, reason = "a clock in milliseconds is a whole number, far below 2^53")]
fn tick(now: &ArcRwSignal<Option<Timestamp>>) {
    now.set(Some(Timestamp(js_sys::Date::now() as i64)));
}
