//! Notifications in a list.

use leptos::prelude::*;

use latchkey_types::notification::{Notification, NotificationEvent};
use latchkey_ui::{number::format_count, time::Time};

/// As many open requests of one project in a row are shown as one entry.
const GROUP_MIN: usize = 3;

/// Notifications that are shown together: open requests of one project, or a single notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Newest first; not empty.
    notifications: Vec<Notification>,
}

impl Entry {
    /// Changes with everything that the entry shows.
    pub(super) fn key(&self) -> (i64, i64, bool, bool) {
        (self.newest().seq, self.oldest_seq(), self.is_new(), self.newest().outcome.is_some())
    }

    fn newest(&self) -> &Notification {
        &self.notifications[0]
    }

    fn oldest_seq(&self) -> i64 {
        self.notifications.last().map_or(0, |notification| notification.seq)
    }

    fn is_new(&self) -> bool {
        self.notifications.iter().any(|notification| !notification.is_read)
    }

    /// The text, the text below it, and the path.
    fn content(&self) -> (String, String, String) {
        let newest = self.newest();
        if self.notifications.len() == 1 {
            let comment = if newest.comment.is_empty() { String::new() } else { format!("“{}”", newest.comment) };
            return (newest.sentence(), comment, newest.path());
        }
        let text = format!("{} open requests in {}.", format_count(self.notifications.len()), newest.project);
        let all = Notification { request_id: None, ..newest.clone() };
        (text, format!("Latest: {}, “{}”", newest.actor_name, newest.template), all.path())
    }
}

/// Notifications one by one.
pub(super) fn single(notifications: &[Notification]) -> Vec<Entry> {
    notifications.iter().map(|notification| Entry { notifications: vec![notification.clone()] }).collect()
}

/// Groups open requests that follow each other.
pub(super) fn grouped(notifications: &[Notification]) -> Vec<Entry> {
    let is_open = |notification: &Notification| notification.event == NotificationEvent::Requested && notification.outcome.is_none();
    let runs = notifications.chunk_by(|one, next| is_open(one) && is_open(next) && one.project_id == next.project_id);
    runs.flat_map(|run| if run.len() < GROUP_MIN { single(run) } else { vec![Entry { notifications: run.to_vec() }] }).collect()
}

/// An item of a list: a link to what the notification is about.
#[component]
pub(super) fn EntryItem(entry: Entry, on_open: Callback<()>) -> impl IntoView {
    let (is_new, is_decided) = (entry.is_new(), entry.newest().outcome.is_some());
    let (text, detail, path) = entry.content();
    let newest = entry.newest();
    let outcome = newest.outcome.as_ref().map(|outcome| view! { <span class="notification-outcome">{outcome.label()}</span> });
    view! {
        <li class:notification-new=is_new class:notification-decided=is_decided data-seq=entry.oldest_seq().to_string()>
            <a href=path on:click=move |_| on_open.run(())>
                {is_new.then(|| view! { <span class="visually-hidden">"New: "</span> })}
                <span class="notification-text" dir="auto">{text}</span>
                {(!detail.is_empty()).then(|| view! { <span class="notification-comment" dir="auto">{detail}</span> })}
                {outcome}
                <span class="notification-time"><Time at=newest.created_at/></span>
            </a>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::{notification::RequestOutcome, time::Timestamp};

    fn request(seq: i64, project: char, is_decided: bool) -> Notification {
        Notification {
            seq,
            event: NotificationEvent::Requested,
            project_id: Some(format!("prj_0193456789ab7cdef0123456789abcd{project}").parse().unwrap()),
            request_id: Some("ask_0193456789ab7cdef0123456789abcde".parse().unwrap()),
            link: None,
            project: "Genomics".to_owned(),
            template: "Read access".to_owned(),
            actor_name: "Mia".to_owned(),
            comment: String::new(),
            outcome: is_decided.then(|| RequestOutcome { event: NotificationEvent::Approved, by: "Ada".to_owned() }),
            created_at: Timestamp(0),
            is_read: seq < 8,
        }
    }

    #[test]
    fn open_requests_of_a_project_are_grouped() {
        let list = [
            request(9, 'a', false),
            request(8, 'a', false),
            request(7, 'a', false),
            request(6, 'a', true),
            request(5, 'b', false),
            request(4, 'b', false),
        ];
        let entries = grouped(&list);
        let sizes: Vec<_> = entries.iter().map(|entry| entry.notifications.len()).collect();
        assert_eq!(sizes, [3, 1, 1, 1]);
        assert_eq!(entries[0].key(), (9, 7, true, false));
        let (text, detail, path) = entries[0].content();
        assert_eq!((text.as_str(), detail.as_str()), ("3 open requests in Genomics.", "Latest: Mia, “Read access”"));
        assert!(path.ends_with("/keys#requests"), "{path}");
        assert_eq!(single(&list).len(), 6);
    }
}
