//! Progress of long tasks, which can be stopped.

use leptos::prelude::*;

use super::{button::Button, number::format_count};

/// The progress of a task with several steps.
#[derive(Clone, Copy)]
pub struct TaskProgress {
    done: RwSignal<usize>,
    total: RwSignal<usize>,
    stopped: RwSignal<bool>,
}

impl TaskProgress {
    pub fn new() -> Self {
        Self { done: RwSignal::new(0), total: RwSignal::new(0), stopped: RwSignal::new(false) }
    }

    /// Sets the number of items.
    pub fn begin(self, total: usize) {
        self.total.set(total);
    }

    /// Adds processed items.
    pub fn advance(self, count: usize) {
        self.done.update(|done| *done += count);
    }

    /// Requests a stop after the current step.
    pub fn stop(self) {
        self.stopped.set(true);
    }

    /// Whether a stop was requested, or its owner was disposed.
    pub fn is_stopped(self) -> bool {
        self.stopped.try_get_untracked().unwrap_or(true)
    }
}

impl Default for TaskProgress {
    fn default() -> Self {
        Self::new()
    }
}

/// A progress bar with counts and a stop button.
#[component]
pub fn Progress(
    work: TaskProgress,
    /// Accessible name of the bar.
    label: &'static str,
) -> impl IntoView {
    let counts = move || format!("{} of {}", format_count(work.done.get()), format_count(work.total.get()));
    view! {
        <div class="dialog-content progress">
            <progress aria-label=label max=move || work.total.get().max(1).to_string() value=move || work.done.get().to_string()></progress>
            <p>{counts}</p>
        </div>
        <footer class="dialog-foot">
            <Button label="Stop" on_click=move |()| work.stop() pending=Signal::derive(move || work.stopped.get()) autofocus=true/>
        </footer>
    }
}
