//! What the reader is told, wherever they are: the bell in the bar, and news for the page that is open.

mod bell;

use leptos::{prelude::*, task::spawn_local};

pub use bell::Bell;

use crate::{
    api::notices::{mark_notices_read, notices},
    model::{fault::Fault, id::ProjectId, notice::Notice},
    ui::{
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
    /// The newest place that is known; `None` until the list was read.
    newest: StoredValue<Option<i64>>,
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
            newest: StoredValue::new(None),
            changed: RwSignal::new(Vec::new()),
            opened: RwSignal::new(false),
            toasts: use_toasts(),
        };
        provide_context(news);
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
        spawn_local(async move {
            match notices().await {
                Ok(list) => self.take(list),
                // Whoever is signed out hears of it as soon as they do something.
                Err(fault) => drop(self.trouble.try_set(Some(fault))),
            }
        });
    }

    /// Takes over the list. What came while nobody listened is news too.
    fn take(self, list: Vec<Notice>) {
        let Some(known) = self.newest.try_get_value() else { return };
        let is_new = |notice: &&Notice| known.is_some_and(|known| notice.seq > known);
        let changed: Vec<_> = list.iter().filter(is_new).map(|notice| notice.project_id).collect();
        self.newest.set_value(Some(list.first().map_or(0, |notice| notice.seq)));
        self.trouble.set(None);
        self.list.set(list);
        if !changed.is_empty() {
            self.changed.set(changed);
        }
    }

    fn arrive(self, text: &str) {
        let Ok(notice) = serde_json::from_str::<Notice>(text) else { return };
        // It may have been in the list already, which was read as the stream began.
        if self.newest.get_value().is_some_and(|known| notice.seq <= known) {
            return;
        }
        if self.newest.get_value().is_some() {
            self.newest.set_value(Some(notice.seq));
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
        let newest = self.list.with_untracked(|list| list.first().map_or(0, |notice| notice.seq));
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
    }

    /// What was new while the list was open is new no longer.
    fn close(self) {
        self.opened.set(false);
        let seen = self.seen.get_untracked();
        self.list.update(|list| list.iter_mut().for_each(|notice| notice.is_read |= notice.seq <= seen));
    }
}

/// What the reader is told. Only inside the frame.
pub fn use_news() -> News {
    expect_context()
}
