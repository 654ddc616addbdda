//! Notifications of the viewer: the bell in the header, and change events for the open page.

mod bell;

use leptos::{prelude::*, task::spawn_local};

pub(crate) use bell::Bell;

use crate::api::notifications::{mark_notifications_read, notifications};
use latchkey_types::{error::Error, id::ProjectId, notification::Notification};
use latchkey_ui::{
    event_stream::EventStream,
    hydration::is_hydrated,
    toast::{Toasts, use_toasts},
};

/// Maximum number of notifications kept in the browser.
const MAX_NOTICES: usize = 50;

/// The viewer's notifications, updated by a server-sent event stream.
#[derive(Clone, Copy)]
pub struct Notifications {
    list: RwSignal<Vec<Notification>>,
    /// Error of the last load.
    last_error: RwSignal<Option<Error>>,
    /// Highest `seq` that the viewer has seen.
    seen: RwSignal<i64>,
    /// Whether the list was loaded at least once.
    is_loaded: RwSignal<bool>,
    /// Number of the latest load: an error of an earlier load is dropped.
    generation: StoredValue<u32>,
    /// Projects of the latest notifications.
    changed: RwSignal<Vec<ProjectId>>,
    is_open: RwSignal<bool>,
    toasts: Toasts,
}

impl Notifications {
    /// Subscribes for the lifetime of the page and provides the context for [`use_notifications`].
    pub fn provide() -> Self {
        let notifications = Self {
            list: RwSignal::new(Vec::new()),
            last_error: RwSignal::new(None),
            seen: RwSignal::new(0),
            is_loaded: RwSignal::new(false),
            generation: StoredValue::new(0),
            changed: RwSignal::new(Vec::new()),
            is_open: RwSignal::new(false),
            toasts: use_toasts(),
        };
        provide_context(notifications);
        // Loads once without the stream: it may never open when a browser has too many connections or a proxy buffers it.
        let live = is_hydrated();
        Effect::new(move || {
            if live.get() {
                notifications.read();
            }
        });
        let on_open = Callback::new(move |()| notifications.read());
        let on_event = Callback::new(move |text: String| notifications.receive(&text));
        Effect::new(move || EventStream { address: "/events", event: "notice", last: "signed-out", on_open, on_event }.subscribe());
        notifications
    }

    /// Calls `reload` on each notification about a project, until the current owner is disposed.
    pub fn on_project(self, project: ProjectId, reload: impl Fn() + 'static) {
        Effect::new(move |previous: Option<()>| {
            if self.changed.with(|changed| changed.contains(&project)) && previous.is_some() {
                untrack(&reload);
            }
        });
    }

    /// Number of unread notifications.
    fn unread(self) -> i64 {
        let seen = self.seen.get();
        let is_unread = |notice: &&Notification| !notice.is_read && notice.seq > seen;
        i64::try_from(self.list.with(|list| list.iter().filter(is_unread).count())).unwrap_or_default()
    }

    fn read(self) {
        let Some(generation) = self.generation.try_update_value(|generation| {
            *generation += 1;
            *generation
        }) else {
            return;
        };
        spawn_local(async move {
            let result = notifications().await;
            let Some(newest) = self.generation.try_get_value() else { return };
            match result {
                Ok(list) => self.replace(list),
                // A signed-out viewer is redirected by the next action, not by this background load.
                Err(error) if generation == newest => self.last_error.set(Some(error)),
                Err(_) => {}
            }
        });
    }

    /// Replaces the list. Notifications that arrived while the stream was closed count as changes too.
    fn replace(self, read: Vec<Notification>) {
        let last = self.is_loaded.get_untracked().then(|| self.newest());
        let is_new = |notice: &&Notification| last.is_some_and(|last| notice.seq > last);
        let changed: Vec<_> = read.iter().filter(is_new).map(|notice| notice.project_id).collect();
        let is_open = self.is_open.get_untracked();
        self.is_loaded.set(true);
        self.last_error.set(None);
        self.list.update(|list| *list = merge(list, read, is_open));
        if !changed.is_empty() {
            self.changed.set(changed);
        }
        if is_open {
            self.mark_read();
        }
    }

    /// Highest `seq` in the list.
    fn newest(self) -> i64 {
        self.list.with_untracked(|list| list.first().map_or(0, |notice| notice.seq))
    }

    fn receive(self, text: &str) {
        let Ok(notice) = serde_json::from_str::<Notification>(text) else { return };
        // Already in the list, which is loaded when the stream opens.
        if notice.seq <= self.newest() {
            return;
        }
        let project = notice.project_id;
        self.toasts.success(notice.sentence());
        self.list.update(|list| {
            list.insert(0, notice);
            list.truncate(MAX_NOTICES);
        });
        self.changed.set(vec![project]);
        if self.is_open.get_untracked() {
            self.mark_read();
        }
    }

    /// Marks all notifications in the list as read.
    fn mark_read(self) {
        let newest = self.newest();
        if untrack(|| self.unread()) == 0 {
            return;
        }
        let before = self.seen.get_untracked();
        self.seen.set(newest);
        spawn_local(async move {
            if let Err(error) = mark_notifications_read(newest).await {
                let _ = self.seen.try_set(before);
                let _ = self.last_error.try_set(Some(error));
            }
        });
    }

    fn open(self) {
        self.is_open.set(true);
        self.mark_read();
        self.read();
    }

    /// Clears the “new” marks that were kept while the list was open.
    fn close(self) {
        self.is_open.set(false);
        let seen = self.seen.get_untracked();
        self.list.update(|list| list.iter_mut().for_each(|notice| notice.is_read |= notice.seq <= seen));
    }
}

/// Merges a loaded list with newer notifications from the stream. Notifications that were unread on opening the list stay marked
/// until it closes.
fn merge(shown: &[Notification], mut read: Vec<Notification>, is_open: bool) -> Vec<Notification> {
    let newest = read.first().map_or(0, |notice| notice.seq);
    for notice in &mut read {
        if let Some(before) = shown.iter().find(|before| before.seq == notice.seq) {
            notice.is_read = before.is_read || (notice.is_read && !is_open);
        }
    }
    let mut merged: Vec<_> = shown.iter().take_while(|notice| notice.seq > newest).cloned().collect();
    merged.append(&mut read);
    merged.truncate(MAX_NOTICES);
    merged
}

/// Only available inside the app layout.
pub fn use_notifications() -> Notifications {
    expect_context()
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::{notification::NotificationEvent, time::Timestamp};

    fn notices(items: &[(i64, bool)]) -> Vec<Notification> {
        let project_id = "prj_0193456789ab7cdef0123456789abcde".parse().unwrap();
        let notice = |&(seq, is_read): &(i64, bool)| Notification {
            seq,
            event: NotificationEvent::Requested,
            project_id,
            project: String::new(),
            template: String::new(),
            actor_name: String::new(),
            comment: String::new(),
            created_at: Timestamp(0),
            is_read,
        };
        items.iter().map(notice).collect()
    }

    #[test]
    fn merge_keeps_notices_newer_than_the_loaded_list() {
        let merged = |shown: &[(i64, bool)], read: &[(i64, bool)], is_open| {
            merge(&notices(shown), notices(read), is_open).iter().map(|notice| (notice.seq, notice.is_read)).collect::<Vec<_>>()
        };
        assert_eq!(merged(&[], &[(2, false), (1, true)], false), [(2, false), (1, true)]);
        assert_eq!(merged(&[(4, false), (3, false), (2, true)], &[(3, true), (2, false)], false), [(4, false), (3, true), (2, true)]);
        assert_eq!(merged(&[(3, false)], &[(4, false), (3, true)], true), [(4, false), (3, false)]);
        assert_eq!(merged(&[(9, false)], &[], false), [(9, false)]);
    }
}
