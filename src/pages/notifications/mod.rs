//! Notifications of the viewer: the bell in the header, their page, and change events for the open page.

mod bell;
mod entry;
mod page;

use leptos::{prelude::*, task::spawn_local};

pub(crate) use bell::Bell;
pub use page::NotificationsPage;

use crate::api::notifications::{mark_notifications_read, notifications};
use latchkey_types::{
    error::Error,
    id::ProjectId,
    notification::{NOTIFICATIONS_MAX, Notification},
};
use latchkey_ui::{
    event_stream::EventStream,
    hydration::is_hydrated,
    toast::{Toasts, use_toasts},
};

/// Maximum number of notifications in a response, and in the bell's list.
const LIST_MAX: usize = NOTIFICATIONS_MAX as usize;

/// The viewer's notifications, updated by a server-sent event stream.
#[derive(Clone, Copy)]
pub struct Notifications {
    list: RwSignal<Vec<Notification>>,
    /// Error of the last load.
    last_error: RwSignal<Option<Error>>,
    /// Notifications that were marked as read since the list was opened. They keep their “new” mark until it closes.
    seen: RwSignal<Vec<i64>>,
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
            seen: RwSignal::new(Vec::new()),
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

    /// Calls `reload` on each notification, until the current owner is disposed.
    pub fn on_any_project(self, reload: impl Fn() + 'static) {
        Effect::new(move |previous: Option<()>| {
            self.changed.track();
            if previous.is_some() {
                untrack(&reload);
            }
        });
    }

    fn unread(self) -> Unread {
        self.list.with(|list| self.seen.with(|seen| Unread::of(list, seen)))
    }

    fn read(self) {
        let Some(generation) = self.generation.try_update_value(|generation| {
            *generation += 1;
            *generation
        }) else {
            return;
        };
        spawn_local(async move {
            let result = notifications(None).await;
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
        let is_new = |notification: &&Notification| last.is_some_and(|last| notification.seq > last);
        let changed: Vec<_> = read.iter().filter(is_new).filter_map(|notification| notification.project_id).collect();
        let is_open = self.is_open.get_untracked();
        self.is_loaded.set(true);
        self.last_error.set(None);
        self.list.update(|list| *list = merge(list, read, is_open));
        if !changed.is_empty() {
            self.changed.set(changed);
        }
    }

    /// Highest `seq` in the list.
    fn newest(self) -> i64 {
        self.list.with_untracked(|list| list.first().map_or(0, |notification| notification.seq))
    }

    fn receive(self, text: &str) {
        let Ok(notification) = serde_json::from_str::<Notification>(text) else { return };
        // Already in the list, which is loaded when the stream opens.
        if notification.seq <= self.newest() {
            return;
        }
        let project = notification.project_id;
        self.toasts.notice(notification.sentence());
        self.list.update(|list| {
            list.insert(0, notification);
            list.truncate(LIST_MAX);
        });
        if let Some(project) = project {
            self.changed.set(vec![project]);
        }
    }

    /// Marks the notifications in the list from this `seq` on as read. An error is shown in the list.
    fn mark_read_from(self, from: i64) {
        if self.unread_since(from).is_empty() {
            return;
        }
        let marking = self.mark_read(from, self.newest());
        spawn_local(async move {
            if let Err(error) = marking.await {
                let _ = self.last_error.try_set(Some(error));
            }
        });
    }

    /// The unread ones in the list from this `seq` on.
    fn unread_since(self, from: i64) -> Vec<i64> {
        let seen = self.seen.get_untracked();
        let is_match = |notification: &&Notification| notification.seq >= from && is_unread(notification, &seen);
        self.list.with_untracked(|list| list.iter().filter(is_match).map(|notification| notification.seq).collect())
    }

    /// Marks the notifications between two `seq` as read, also those that are not loaded.
    fn mark_read(self, from: i64, up_to: i64) -> impl Future<Output = Result<(), Error>> {
        let unread = self.unread_since(from);
        self.seen.update(|seen| seen.extend(&unread));
        async move {
            let result = mark_notifications_read(from, up_to).await;
            if result.is_err() {
                let _ = self.seen.try_update(|seen| seen.retain(|seq| !unread.contains(seq)));
            }
            result
        }
    }

    fn open(self) {
        self.is_open.set(true);
        self.read();
    }

    /// Clears the “new” marks that were kept while the list was open.
    fn close(self) {
        self.is_open.set(false);
        let seen = self.seen.get_untracked();
        self.list.update(|list| list.iter_mut().for_each(|notification| notification.is_read |= seen.contains(&notification.seq)));
        self.seen.set(Vec::new());
    }
}

fn is_unread(notification: &Notification, seen: &[i64]) -> bool {
    !notification.is_read && !seen.contains(&notification.seq)
}

/// Number of unread notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unread {
    count: usize,
    /// Whether there may be more, which are not loaded.
    has_more: bool,
}

impl Unread {
    fn of(list: &[Notification], seen: &[i64]) -> Self {
        let has_more = list.len() == LIST_MAX && list.last().is_some_and(|oldest| is_unread(oldest, seen));
        Self { count: list.iter().filter(|notification| is_unread(notification, seen)).count(), has_more }
    }

    /// `50+`; `None` if there are none.
    fn text(self) -> Option<String> {
        (self.count > 0).then(|| format!("{}{}", self.count, if self.has_more { "+" } else { "" }))
    }
}

/// Merges a loaded list with newer notifications from the stream. Notifications that were unread on opening the list stay marked
/// until it closes.
fn merge(shown: &[Notification], mut read: Vec<Notification>, is_open: bool) -> Vec<Notification> {
    let newest = read.first().map_or(0, |notification| notification.seq);
    for notification in &mut read {
        if let Some(before) = shown.iter().find(|before| before.seq == notification.seq) {
            notification.is_read = before.is_read || (notification.is_read && !is_open);
        }
    }
    let mut merged: Vec<_> = shown.iter().take_while(|notification| notification.seq > newest).cloned().collect();
    merged.append(&mut read);
    merged.truncate(LIST_MAX);
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

    pub(super) fn sample_list(items: &[(i64, bool)]) -> Vec<Notification> {
        let project_id = Some("prj_0193456789ab7cdef0123456789abcde".parse().unwrap());
        let notification = |&(seq, is_read): &(i64, bool)| Notification {
            seq,
            event: NotificationEvent::Requested,
            project_id,
            request_id: None,
            link: None,
            project: String::new(),
            template: String::new(),
            actor_name: String::new(),
            comment: String::new(),
            outcome: None,
            created_at: Timestamp(0),
            is_read,
        };
        items.iter().map(notification).collect()
    }

    #[test]
    fn unread_count_is_a_lower_bound_if_the_oldest_is_unread() {
        let text = |list: &[(i64, bool)], seen: &[i64]| Unread::of(&sample_list(list), seen).text();
        assert_eq!(text(&[(3, false), (2, true), (1, false)], &[1]).as_deref(), Some("1"));
        assert_eq!(text(&[(1, true)], &[]), None);
        let full: Vec<_> = (0..50).map(|i| (60 - i, false)).collect();
        assert_eq!(text(&full, &[]).as_deref(), Some("50+"));
        assert_eq!(text(&full, &[60, 59]).as_deref(), Some("48+"));
        let oldest_read: Vec<_> = full.iter().map(|&(seq, _)| (seq, seq < 20)).collect();
        assert_eq!(text(&oldest_read, &[]).as_deref(), Some("41"));
    }

    #[test]
    fn merge_keeps_notifications_newer_than_the_loaded_list() {
        let merged = |shown: &[(i64, bool)], read: &[(i64, bool)], is_open| {
            merge(&sample_list(shown), sample_list(read), is_open)
                .iter()
                .map(|notification| (notification.seq, notification.is_read))
                .collect::<Vec<_>>()
        };
        assert_eq!(merged(&[], &[(2, false), (1, true)], false), [(2, false), (1, true)]);
        assert_eq!(merged(&[(4, false), (3, false), (2, true)], &[(3, true), (2, false)], false), [(4, false), (3, true), (2, true)]);
        assert_eq!(merged(&[(3, false)], &[(4, false), (3, true)], true), [(4, false), (3, false)]);
        assert_eq!(merged(&[(9, false)], &[], false), [(9, false)]);
    }
}
