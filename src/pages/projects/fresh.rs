//! Keeps what a page of a project shows up to date.

use leptos::{ev, prelude::*};

use crate::{model::id::ProjectId, pages::notices::use_news};

/// Reads anew whenever there is news of the project, and when the page is looked at again.
pub fn stay_up_to_date(project: ProjectId, reload: impl Fn() + Copy + 'static) {
    use_news().on_project(project, reload);
    Effect::new(move || {
        let looked_at = window_event_listener(ev::focus, move |_| reload());
        on_cleanup(move || looked_at.remove());
    });
}
