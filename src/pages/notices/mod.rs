//! What the reader is told, wherever they are: the bell in the bar, and news for the page that is open.

mod bell;

use leptos::{prelude::*, task::spawn_local};

pub use bell::Bell;

use crate::{
    api::notices::{mark_notices_read, notices},
    model::{fault::Fault, id::ProjectId, notice::Notice},
    ui::{
        live::is_live,
        stream::Stream,
        toast::{Toasts, use_toasts},
    },
};

/// How many notices are kept here.
const KEPT: usize = 50;

/// What the reader is told, as it comes.
#[derive(Clone, Copy)]
pub struct News {
    list: RwSignal<Vec<Notice>>,
    /// What went wrong when the list was last read.
    trouble: RwSignal<Option<Fault>>,
    /// Up to which place the reader has seen the list.
    seen: RwSignal<i64>,
    /// Whether the list was ever read.
    was_read: RwSignal<bool>,
    /// Counts the readings: what went wrong with one is no news once a later one began.
    turn: StoredValue<u32>,
    /// The projects of what came last.
    changed: RwSignal<Vec<ProjectId>>,
    /// Whether the list is open.
    opened: RwSignal<bool>,
    toasts: Toasts,
}

impl News {
    /// Listens as long as the page lives; tells it wherever [`use_news`] is called below.
    pub fn provide() -> Self {
        let news = Self {
            list: RwSignal::new(Vec::new()),
            trouble: RwSignal::new(None),
            seen: RwSignal::new(0),
            was_read: RwSignal::new(false),
            turn: StoredValue::new(0),
            changed: RwSignal::new(Vec::new()),
            opened: RwSignal::new(false),
            toasts: use_toasts(),
        };
        provide_context(news);
        // Nothing may ever come by the stream: a browser has too many pages open, or a proxy holds it back.
        let live = is_live();
        Effect::new(move || {
            if live.get() {
                news.read();
            }
        });
        let on_open = Callback::new(move |()| news.read());
        let on_event = Callback::new(move |text: String| news.arrive(&text));
        Effect::new(move || Stream { address: "/events", event: "notice", last: "signed-out", on_open, on_event }.follow());
        news
    }

    /// Calls `reload` whenever the reader is told something of a project, for as long as the page that asks for it is there.
    pub fn on_project(self, project: ProjectId, reload: impl Fn() + 'static) {
        Effect::new(move |ran: Option<()>| {
            if self.changed.with(|changed| changed.contains(&project)) && ran.is_some() {
                untrack(&reload);
            }
        });
    }

    /// How many notices the reader has not seen.
    fn unread(self) -> i64 {
        let seen = self.seen.get();
        let is_unread = |notice: &&Notice| !notice.is_read && notice.seq > seen;
        i64::try_from(self.list.with(|list| list.iter().filter(is_unread).count())).unwrap_or_default()
    }

    fn read(self) {
        let Some(turn) = self.turn.try_update_value(|turn| {
            *turn += 1;
            *turn
        }) else {
            return;
        };
        spawn_local(async move {
            let answer = notices().await;
            let Some(newest) = self.turn.try_get_value() else { return };
            match answer {
                Ok(list) => self.take(list),
                // Whoever is signed out hears of it as soon as they do something.
                Err(fault) if turn == newest => self.trouble.set(Some(fault)),
                Err(_) => {}
            }
        });
    }

    /// Takes over the list. What came while nobody listened is news too.
    fn take(self, read: Vec<Notice>) {
        let known = self.was_read.get_untracked().then(|| self.newest());
        let is_new = |notice: &&Notice| known.is_some_and(|known| notice.seq > known);
        let changed: Vec<_> = read.iter().filter(is_new).map(|notice| notice.project_id).collect();
        let is_open = self.opened.get_untracked();
        self.was_read.set(true);
        self.trouble.set(None);
        self.list.update(|list| *list = merge(list, read, is_open));
        if !changed.is_empty() {
            self.changed.set(changed);
        }
        if is_open {
            self.mark_read();
        }
    }

    /// The newest place that is known.
    fn newest(self) -> i64 {
        self.list.with_untracked(|list| list.first().map_or(0, |notice| notice.seq))
    }

    fn arrive(self, text: &str) {
        let Ok(notice) = serde_json::from_str::<Notice>(text) else { return };
        // It may have been in the list already, which was read as the stream began.
        if notice.seq <= self.newest() {
            return;
        }
        let project = notice.project_id;
        self.toasts.say(notice.sentence());
        self.list.update(|list| {
            list.insert(0, notice);
            list.truncate(KEPT);
        });
        self.changed.set(vec![project]);
        if self.opened.get_untracked() {
            self.mark_read();
        }
    }

    /// All that is in the list is read.
    fn mark_read(self) {
        let newest = self.newest();
        if untrack(|| self.unread()) == 0 {
            return;
        }
        let before = self.seen.get_untracked();
        self.seen.set(newest);
        spawn_local(async move {
            if let Err(fault) = mark_notices_read(newest).await {
                let _ = self.seen.try_set(before);
                let _ = self.trouble.try_set(Some(fault));
            }
        });
    }

    fn open(self) {
        self.opened.set(true);
        self.mark_read();
        self.read();
    }

    /// What was new while the list was open is new no longer.
    fn close(self) {
        self.opened.set(false);
        let seen = self.seen.get_untracked();
        self.list.update(|list| list.iter_mut().for_each(|notice| notice.is_read |= notice.seq <= seen));
    }
}

/// What was read, and before it what came by the stream since. What was new when the list was opened stays so until it is closed.
fn merge(shown: &[Notice], mut read: Vec<Notice>, is_open: bool) -> Vec<Notice> {
    let newest = read.first().map_or(0, |notice| notice.seq);
    for notice in &mut read {
        if let Some(before) = shown.iter().find(|before| before.seq == notice.seq) {
            notice.is_read = before.is_read || (notice.is_read && !is_open);
        }
    }
    let mut merged: Vec<_> = shown.iter().take_while(|notice| notice.seq > newest).cloned().collect();
    merged.append(&mut read);
    merged.truncate(KEPT);
    merged
}

/// What the reader is told. Only inside the frame.
pub fn use_news() -> News {
    expect_context()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{notice::NoticeEvent, time::Timestamp};

    fn notices(told: &[(i64, bool)]) -> Vec<Notice> {
        let project_id = "prj_0193456789ab7cdef0123456789abcde".parse().unwrap();
        let notice = |&(seq, is_read): &(i64, bool)| Notice {
            seq,
            event: NoticeEvent::Requested,
            project_id,
            project: String::new(),
            template: String::new(),
            person: String::new(),
            word: String::new(),
            created_at: Timestamp(0),
            is_read,
        };
        told.iter().map(notice).collect()
    }

    #[test]
    fn what_came_since_a_list_was_read_stays() {
        let merged = |shown: &[(i64, bool)], read: &[(i64, bool)], is_open| {
            merge(&notices(shown), notices(read), is_open).iter().map(|notice| (notice.seq, notice.is_read)).collect::<Vec<_>>()
        };
        assert_eq!(merged(&[], &[(2, false), (1, true)], false), [(2, false), (1, true)]);
        assert_eq!(merged(&[(4, false), (3, false), (2, true)], &[(3, true), (2, false)], false), [(4, false), (3, true), (2, true)]);
        assert_eq!(merged(&[(3, false)], &[(4, false), (3, true)], true), [(4, false), (3, false)]);
        assert_eq!(merged(&[(9, false)], &[], false), [(9, false)]);
    }
}
