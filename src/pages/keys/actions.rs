//! Actions of the key list: on one row, on the selected rows, and after a dialog has finished.

use std::time::Duration;

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

use super::{
    bulk::{Acted, act, past},
    dialogs::{Asked, Done},
    query_state::ListPlace,
    revealed_secrets::ShownSecrets,
    row::RowAction,
    selection::Picks,
    tabs::KeyTab,
};
use crate::{api::credentials::test_connection, pages::secret::Reveal};
use latchkey_types::{
    error::Fault,
    key::{BULK_MAX, BulkAction, CreatedKey, ItemId, KeyRow},
    key_kind::Revealed,
};
use latchkey_ui::{
    browser,
    grid::data_source::{Place, Rows},
    progress::Work,
    toast::Toasts,
};

/// The state that the list's actions use.
#[derive(Clone, Copy)]
pub(super) struct ListActions {
    pub tab: &'static KeyTab,
    pub place: ListPlace,
    pub rows: Rows<KeyRow>,
    pub picks: Picks,
    /// New secrets shown in rows.
    pub secrets: ShownSecrets,
    pub asked: RwSignal<Option<Asked>>,
    /// Credentials that are being tested.
    pub testing: RwSignal<Vec<ItemId>>,
    /// Shows new secrets in a pop-up, for kinds that have one.
    pub reveal: Reveal,
    pub toasts: Toasts,
}

impl ListActions {
    /// Reloads the list and keeps the scroll position.
    pub(super) fn reload(self) {
        spawn_local(self.rows.reopen(Place::Kept));
    }

    pub(super) fn ask(self, what: Asked) {
        self.asked.set(Some(what));
    }

    /// Runs an action on a row.
    pub(super) fn on_row(self, action: RowAction, row: KeyRow) {
        match action {
            RowAction::Edit => self.ask(Asked::Edit(row)),
            RowAction::Delete => self.ask(Asked::Delete(row)),
            RowAction::Rotate => self.ask(Asked::Rotate(row)),
            RowAction::Act(action) => spawn_local(self.act_now(action, vec![row.id], Some(row.name))),
            RowAction::Test => self.test(row),
        }
    }

    /// Runs an action on the selected rows, in a dialog if it needs confirmation or several requests.
    pub(super) fn on_picked(self, action: BulkAction) {
        if action == BulkAction::Delete || untrack(|| self.picks.count()) > BULK_MAX {
            return self.ask(Asked::Bulk(action));
        }
        let chosen = self.picks.chosen();
        spawn_local(async move {
            match chosen.ids().await {
                Ok(ids) => self.act_now(action, ids, None).await,
                Err(fault) => self.show_failure(&fault),
            }
        });
    }

    /// Closes the dialog and shows its result.
    pub(super) fn on_done(self, done: Done) {
        self.asked.set(None);
        match done {
            Done::Created(created) => {
                self.show_new(&created.key.name);
                self.reveal(created);
            }
            Done::Stored(row) => {
                self.show_new(&row.name);
                self.toasts.say("Key added".to_owned());
            }
            Done::Rotated(created) => {
                self.reload();
                self.reveal(created);
            }
            Done::Edited(before, row) => {
                let renamed = before != row.name;
                self.toasts.say(if renamed { "Key renamed".to_owned() } else { "Changes saved".to_owned() });
                self.reload();
            }
            Done::Acted(action, acted, name) => self.show_acted(action, acted, name),
            Done::Exported(Ok(true)) => self.toasts.say("Export downloaded".to_owned()),
            Done::Exported(Ok(false)) => self.toasts.say("Export stopped".to_owned()),
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
            return self.secrets.show(created);
        }
        spawn_local(async move {
            // Wait until the first dialog has returned the focus to its button, so that the second one returns it there too.
            TimeoutFuture::new(0).await;
            self.reveal.show(created);
        });
    }

    async fn act_now(self, action: BulkAction, ids: Vec<ItemId>, name: Option<String>) {
        let acted = act(action, ids, Work::new()).await;
        self.show_acted(action, acted, name);
    }

    /// Shows why an action failed. The selection is kept, unless its list snapshot has expired on the server.
    fn show_failure(self, fault: &Fault) {
        if *fault == Fault::ListingGone {
            self.toasts.say("The list was out of date and has been reloaded. Select the keys again.".to_owned());
            self.reload();
        } else {
            self.toasts.warn(fault.to_string());
        }
    }

    fn show_acted(self, action: BulkAction, acted: Acted, name: Option<String>) {
        if let Some(fault) = acted.trouble.as_ref().filter(|_| acted.reached.is_empty()) {
            return self.show_failure(fault);
        }
        let summary = match &name {
            Some(_) if acted.left == 0 => format!("Key {}", past(action)),
            _ => acted.words(action),
        };
        self.toasts.say(acted.trouble.as_ref().map_or_else(|| summary.clone(), |fault| format!("{summary} {fault}")));
        // If the page was closed in the meantime, the focus must not change.
        if self.asked.is_disposed() {
            return;
        }
        if action == BulkAction::Delete {
            self.secrets.forget(&acted.reached);
            self.picks.forget(&acted.reached);
        }
        if name.is_none() {
            self.picks.keep(acted.remaining);
            // The clicked button may be disabled now and lose the focus.
            set_timeout(browser::focus_something, Duration::ZERO);
        }
        self.reload();
    }

    /// Tests a credential. Its row shows `Testing…` until the result is shown in a toast and the list is reloaded.
    fn test(self, row: KeyRow) {
        let ItemId::Credential(id) = row.id else { return };
        if self.testing.with_untracked(|testing| testing.contains(&row.id)) {
            return;
        }
        self.testing.update(|testing| testing.push(row.id));
        spawn_local(async move {
            let message = match test_connection(id).await {
                Ok(report) => format!("“{}”: {}", row.name, report.detail),
                Err(fault) => format!("“{}”: {fault}", row.name),
            };
            // The page may have been closed in the meantime.
            if self.testing.try_update(|testing| testing.retain(|id| *id != row.id)).is_some() {
                self.toasts.say(message);
                self.reload();
            }
        });
    }
}
