//! Whether the page is hydrated, and the browser's clock.

use gloo_timers::callback::Interval;
use leptos::prelude::*;

use super::browser;
use latchkey_types::time::Timestamp;

const MINUTE_MS: u32 = 60_000;

/// State that is only available after hydration.
#[derive(Clone, Default)]
pub struct Hydration {
    is_hydrated: ArcRwSignal<bool>,
    /// The browser's clock, updated each minute. `None` on the server and until the page is hydrated.
    now: ArcRwSignal<Option<Timestamp>>,
}

impl Hydration {
    /// Provides the context for [`is_hydrated`] and [`now`].
    pub fn provide(self) {
        provide_context(self);
    }

    /// Call when the whole page is hydrated. Marks the document with `data-hydrated`. Not for effects: they run earlier if a part of the
    /// page is still loading.
    pub fn begin(self) {
        self.is_hydrated.set(true);
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-hydrated", "");
        }
        tick(&self.now);
        // The app lives as long as the page, so the clock never stops.
        Interval::new(MINUTE_MS, move || tick(&self.now)).forget();
    }
}

/// Whether the page is hydrated. Buttons with a native behavior are disabled until then.
pub fn is_hydrated() -> Signal<bool> {
    expect_context::<Hydration>().is_hydrated.into()
}

/// The browser's clock, updated each minute. `None` on the server and until the page is hydrated.
pub fn now() -> Signal<Option<Timestamp>> {
    expect_context::<Hydration>().now.into()
}

fn tick(now: &ArcRwSignal<Option<Timestamp>>) {
    now.set(Some(Timestamp(browser::now_ms())));
}
