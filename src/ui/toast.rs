//! Short messages that say what was done, and go away by themselves.

use std::time::Duration;

use leptos::prelude::*;

use super::{
    button::IconButton,
    icon::{Glyph, Icon},
};

const SHOWN_FOR: Duration = Duration::from_secs(6);

/// The messages that are shown now.
#[derive(Clone, Copy)]
pub struct Toasts(RwSignal<Vec<(u32, String)>>);

impl Toasts {
    /// No messages yet; says them wherever [`use_toasts`] is called below.
    pub fn provide() -> Self {
        let toasts = Self(RwSignal::new(Vec::new()));
        provide_context(toasts);
        toasts
    }

    /// Says what was done.
    pub fn say(self, message: String) {
        let number = self.0.with_untracked(|shown| shown.last().map_or(0, |(number, _)| number + 1));
        self.0.update(|shown| shown.push((number, message)));
        set_timeout(move || self.remove(number), SHOWN_FOR);
    }

    fn remove(self, number: u32) {
        self.0.update(|shown| shown.retain(|(other, _)| *other != number));
    }
}

/// Where to say what was done.
pub fn use_toasts() -> Toasts {
    expect_context()
}

/// The corner where messages show. A screen reader says each one when it comes.
#[component]
pub fn Toaster(
    /// The messages.
    toasts: Toasts,
) -> impl IntoView {
    view! {
        <div class="toaster" aria-live="polite" aria-atomic="false">
            <For each=move || toasts.0.get() key=|(number, _)| *number let((number, message))>
                <div class="toast">
                    <Icon glyph=Glyph::Check/>
                    <span>{message}</span>
                    <IconButton label="Dismiss" glyph=Glyph::Close on_click=move |_| toasts.remove(number)/>
                </div>
            </For>
        </div>
    }
}
