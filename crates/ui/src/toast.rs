//! Toasts: success messages disappear after a few seconds, error messages stay until they are dismissed.

use std::time::Duration;

use leptos::prelude::*;

use super::{
    browser,
    button::IconButton,
    hydration::is_hydrated,
    icon::{Glyph, Icon},
};

const SHOWN_FOR: Duration = Duration::from_secs(6);

#[derive(Clone)]
struct Toast {
    id: u32,
    message: String,
    is_error: bool,
}

#[derive(Clone, Copy)]
pub struct Toasts(RwSignal<Vec<Toast>>);

impl Toasts {
    /// Provides the context for [`use_toasts`], and shows a message that the previous page left.
    pub fn provide() -> Self {
        let toasts = Self(RwSignal::new(Vec::new()));
        provide_context(toasts);
        let hydrated = is_hydrated();
        Effect::new(move || {
            if let Some(message) = hydrated.get().then(browser::take_message).flatten() {
                toasts.success(message);
            }
        });
        toasts
    }

    /// Shows a success message for a few seconds.
    pub fn success(self, message: String) {
        let id = self.show(message, false);
        set_timeout(move || self.remove(id), SHOWN_FOR);
    }

    /// Shows an error message until it is dismissed.
    pub fn error(self, message: String) {
        self.show(message, true);
    }

    fn show(self, message: String, is_error: bool) -> u32 {
        let id = self.0.with_untracked(|list| list.last().map_or(0, |last| last.id + 1));
        self.0.update(|list| list.push(Toast { id, message, is_error }));
        id
    }

    fn remove(self, id: u32) {
        self.0.update(|list| list.retain(|other| other.id != id));
    }
}

pub fn use_toasts() -> Toasts {
    expect_context()
}

/// Renders the toasts in a live region.
#[component]
pub fn Toaster(toasts: Toasts) -> impl IntoView {
    view! {
        <div class="toaster" aria-live="polite" aria-atomic="false">
            <For each=move || toasts.0.get() key=|toast| toast.id let(Toast { id, message, is_error })>
                <div class="toast" class:toast-error=is_error>
                    <Icon glyph=if is_error { Glyph::Error } else { Glyph::Check }/>
                    <span>{message}</span>
                    <IconButton label="Dismiss" glyph=Glyph::Close on_click=move |_| toasts.remove(id)/>
                </div>
            </For>
        </div>
    }
}
