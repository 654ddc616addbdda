//! An action of a control, of which one call at most is in flight.

use std::future::Future;

use leptos::{prelude::*, task::spawn_local};

use super::click_guard;

/// Whether the action is in flight. Its control ignores clicks meanwhile, and for the time of a double click after it.
#[derive(Clone, Copy)]
pub struct PendingAction(RwSignal<bool>);

impl PendingAction {
    pub fn new() -> Self {
        Self(RwSignal::new(false))
    }

    /// Whether a call is in flight.
    pub fn pending(self) -> Signal<bool> {
        self.0.into()
    }

    /// Runs a call, unless one is in flight. `on_done` is also called if the page was closed in the meantime.
    pub fn run<T: 'static>(self, call: impl Future<Output = T> + 'static, on_done: impl FnOnce(T) + 'static) {
        if self.0.get_untracked() {
            return;
        }
        self.0.set(true);
        spawn_local(async move {
            let result = call.await;
            // Before the controls change.
            click_guard::hold();
            on_done(result);
            let _ = self.0.try_set(false);
        });
    }
}

impl Default for PendingAction {
    fn default() -> Self {
        Self::new()
    }
}
