//! What the list does: for a row, for all that are picked, and once a dialog is done.

use std::time::Duration;

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

use super::{
    asked::{Asked, Done},
    bulk::{Acted, act, past},
    picks::Picks,
    place::ListPlace,
    row::RowAction,
    shown::ShownSecrets,
    tabs::KeyTab,
};
use crate::{
    api::credentials::test_connection,
    grid::rows::{Place, Rows},
    model::{
        fault::Fault,
        key::{BULK_MAX, BulkAction, CreatedKey, ItemId, KeyRow},
        policy::Revealed,
    },
    pages::secret::Reveal,
    ui::{browser, toast::Toasts, work::Work},
};

/// The list as its actions know it.
#[derive(Clone, Copy)]
pub struct ListActions {
    /// The kind.
    pub tab: &'static KeyTab,
    /// Search, filters and order.
    pub place: ListPlace,
    /// The rows.
    pub rows: Rows<KeyRow>,
    /// Those that are picked.
    pub picks: Picks,
    /// New secrets that are shown in rows.
    pub secrets: ShownSecrets,
    /// The dialog that is open.
    pub asked: RwSignal<Option<Asked>>,
    /// Those that are being tested.
    pub testing: RwSignal<Vec<ItemId>>,
    /// Where new secrets are shown that have a pop-up.
    pub reveal: Reveal,
    /// Where it is said what was done.
    pub toasts: Toasts,
}

impl ListActions {
    /// Reads the list anew; its reader stays where they are.
    pub fn reload(self) {
        spawn_local(self.rows.reopen(Place::Kept));
    }

    /// Opens a dialog.
    pub fn ask(self, what: Asked) {
        self.asked.set(Some(what));
    }

    /// Does something with a row.
    pub fn on_row(self, action: RowAction, row: KeyRow) {
        match action {
            RowAction::Edit => self.ask(Asked::Edit(row)),
            RowAction::Delete => self.ask(Asked::Delete(row)),
            RowAction::Rotate => self.ask(Asked::Rotate(row)),
            RowAction::Act(action) => spawn_local(self.act_now(action, vec![row.id], Some(row.name))),
            RowAction::Test => self.test(row),
        }
    }

    /// Does something with all that are picked: in a dialog where it must be asked for, or takes a while.
    pub fn on_picked(self, action: BulkAction) {
        if action == BulkAction::Delete || untrack(|| self.picks.count()) > BULK_MAX {
            return self.ask(Asked::Bulk(action));
        }
        let chosen = self.picks.chosen();
        spawn_local(async move {
            match chosen.ids().await {
                Ok(ids) => self.act_now(action, ids, None).await,
                Err(fault) => self.nothing_done(&fault),
            }
        });
    }

    /// Closes the dialog and shows what came of it.
    pub fn on_done(self, done: Done) {
        self.asked.set(None);
        match done {
            Done::Created(created) => {
                self.show_new(&created.key.name);
                self.reveal(created);
            }
            Done::Stored(row) => {
                self.show_new(&row.name);
                self.toasts.say(format!("“{}” was stored.", row.name));
            }
            Done::Rotated(created) => {
                self.reload();
                self.reveal(created);
            }
            Done::Edited(before, row) => {
                let renamed = before != row.name;
                self.toasts.say(if renamed { format!("The key is now called “{}”.", row.name) } else { format!("“{before}” was changed.") });
                self.reload();
            }
            Done::Acted(action, acted, name) => self.show_acted(action, acted, name),
            Done::Exported(Ok(true)) => self.toasts.say("The file is in your downloads.".to_owned()),
            Done::Exported(Ok(false)) => self.toasts.say("The export was stopped.".to_owned()),
            Done::Exported(Err(fault)) => self.toasts.warn(fault.to_string()),
        }
    }

    fn show_new(self, name: &str) {
        if !self.place.uncover(name) {
            spawn_local(self.rows.reopen(Place::Top));
        }
    }

    fn reveal(self, created: CreatedKey) {
        if self.tab.policy().revealed == Revealed::InRow {
            self.secrets.show(created);
            return self.toasts.say("Copy the new key from its row before you leave or refresh this page.".to_owned());
        }
        spawn_local(async move {
            // The first dialog gives the focus back to its button first, and the second will do the same.
            TimeoutFuture::new(0).await;
            self.reveal.show(created);
        });
    }

    async fn act_now(self, action: BulkAction, ids: Vec<ItemId>, name: Option<String>) {
        let acted = act(action, ids, Work::new()).await;
        self.show_acted(action, acted, name);
    }

    /// Says why nothing was done. What is picked stays so, unless it was picked from a list that the server has forgotten.
    fn nothing_done(self, fault: &Fault) {
        if *fault == Fault::ListingGone {
            self.toasts.say("Nothing was done: the list was opened a while ago. It is loaded again; select the keys once more.".to_owned());
            self.reload();
        } else {
            self.toasts.warn(fault.to_string());
        }
    }

    fn show_acted(self, action: BulkAction, acted: Acted, name: Option<String>) {
        if let Some(fault) = acted.trouble.as_ref().filter(|_| acted.reached.is_empty()) {
            return self.nothing_done(fault);
        }
        let words = match &name {
            Some(name) if acted.left == 0 => format!("“{name}” was {}.", past(action)),
            _ => acted.words(action),
        };
        self.toasts.say(acted.trouble.as_ref().map_or_else(|| words.clone(), |fault| format!("{words} {fault}")));
        // The page may have been left meanwhile; the focus is then none of its business.
        if self.asked.is_disposed() {
            return;
        }
        if action == BulkAction::Delete {
            self.secrets.forget(&acted.reached);
            self.picks.forget(&acted.reached);
        }
        if name.is_none() {
            self.picks.keep(acted.remaining);
            // The button that was pressed may be off now, and can't keep the focus.
            set_timeout(browser::focus_something, Duration::ZERO);
        }
        self.reload();
    }

    /// Tests a credential: its row says so meanwhile, a message says how it went, and the list is read anew.
    fn test(self, row: KeyRow) {
        let ItemId::Credential(id) = row.id else { return };
        if self.testing.with_untracked(|testing| testing.contains(&row.id)) {
            return;
        }
        self.testing.update(|testing| testing.push(row.id));
        spawn_local(async move {
            let words = match test_connection(id).await {
                Ok(report) => format!("“{}”: {}", row.name, report.detail),
                Err(fault) => format!("“{}”: {fault}", row.name),
            };
            // The page may have been left meanwhile.
            if self.testing.try_update(|testing| testing.retain(|id| *id != row.id)).is_some() {
                self.toasts.say(words);
                self.reload();
            }
        });
    }
}
