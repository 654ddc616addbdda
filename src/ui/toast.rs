//! Short messages: what was done, which go away by themselves, and what went wrong, which stay until they are dismissed.

use std::time::Duration;

use leptos::prelude::*;

use super::{
    browser,
    button::IconButton,
    icon::{Glyph, Icon},
    live::is_live,
};

const SHOWN_FOR: Duration = Duration::from_secs(6);

/// A message that is shown.
#[derive(Clone)]
struct Shown {
    number: u32,
    message: String,
    is_trouble: bool,
}

/// The messages that are shown now.
#[derive(Clone, Copy)]
pub struct Toasts(RwSignal<Vec<Shown>>);

impl Toasts {
    /// No messages yet; says them wherever [`use_toasts`] is called below.
    pub fn provide() -> Self {
        let toasts = Self(RwSignal::new(Vec::new()));
        provide_context(toasts);
        let live = is_live();
        Effect::new(move || {
            if let Some(message) = live.get().then(browser::take_from_last_page).flatten() {
                toasts.say(message);
            }
        });
        toasts
    }

    /// Says what was done.
    pub fn say(self, message: String) {
        let number = self.show(message, false);
        set_timeout(move || self.remove(number), SHOWN_FOR);
    }

    /// Says what went wrong, until it is dismissed.
    pub fn warn(self, message: String) {
        self.show(message, true);
    }

    fn show(self, message: String, is_trouble: bool) -> u32 {
        let number = self.0.with_untracked(|shown| shown.last().map_or(0, |last| last.number + 1));
        self.0.update(|shown| shown.push(Shown { number, message, is_trouble }));
        number
    }

    fn remove(self, number: u32) {
        self.0.update(|shown| shown.retain(|other| other.number != number));
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
            <For each=move || toasts.0.get() key=|shown| shown.number let(Shown { number, message, is_trouble })>
                <div class="toast" class:toast-trouble=is_trouble>
                    <Icon glyph=if is_trouble { Glyph::Trouble } else { Glyph::Check }/>
                    <span>{message}</span>
                    <IconButton label="Dismiss" glyph=Glyph::Close on_click=move |_| toasts.remove(number)/>
                </div>
            </For>
        </div>
    }
}
