//! Work that takes a while: how far it is, and a way to stop it.

use leptos::prelude::*;

use super::{button::Button, number::thousands};

/// A piece of work that is done in steps.
#[derive(Clone, Copy)]
pub struct Work {
    done: RwSignal<usize>,
    total: RwSignal<usize>,
    stopped: RwSignal<bool>,
}

impl Work {
    /// Work on so many things, of which none is done yet.
    pub fn new() -> Self {
        Self { done: RwSignal::new(0), total: RwSignal::new(0), stopped: RwSignal::new(false) }
    }

    /// Says of how many things it is.
    pub fn begin(self, total: usize) {
        self.total.set(total);
    }

    /// Says that so many more are done.
    pub fn advance(self, count: usize) {
        self.done.update(|done| *done += count);
    }

    /// Asks it to stop; what is under way is still done.
    pub fn stop(self) {
        self.stopped.set(true);
    }

    /// Whether it was asked to stop, or nobody waits for it any more.
    pub fn is_stopped(self) -> bool {
        self.stopped.try_get_untracked().unwrap_or(true)
    }
}

impl Default for Work {
    fn default() -> Self {
        Self::new()
    }
}

/// A bar, the figures, and the button that stops the work.
#[component]
pub fn Progress(
    /// The work.
    work: Work,
    /// What is being done, in a word or two.
    label: &'static str,
) -> impl IntoView {
    let figures = move || format!("{} of {}", thousands(work.done.get()), thousands(work.total.get()));
    view! {
        <div class="progress">
            <progress aria-label=label max=move || work.total.get().max(1).to_string() value=move || work.done.get().to_string()></progress>
            <p>{figures}</p>
        </div>
        <footer class="dialog-foot">
            <Button label="Stop" on_click=move |()| work.stop() pending=Signal::derive(move || work.stopped.get()) autofocus=true/>
        </footer>
    }
}
