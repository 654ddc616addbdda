//! Actions of the key list: on one row, on the selected rows, and after a dialog has finished.

use std::time::Duration;

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

use super::{
    bulk::{BulkReport, past_participle, run_bulk_action},
    dialogs::{DialogResult, OpenDialog},
    query_state::QueryState,
    revealed_secrets::RevealedSecrets,
    row_context::RowAction,
    selection::RowSelection,
};
use crate::{api::credentials::test_connection, pages::secret::Reveal};
use latchkey_types::{
    error::Error,
    key::{BULK_MAX, BulkAction, CreatedKey, ItemId, KeyRow},
    key_kind::{KindSpec, SecretReveal},
};
use latchkey_ui::{
    browser,
    dialog::Dialogs,
    grid::data_source::{Rows, ScrollPosition},
    progress::TaskProgress,
    toast::Toasts,
};

/// The state that the list's actions use.
#[derive(Clone, Copy)]
pub(super) struct ListActions {
    pub spec: &'static KindSpec,
    pub query_state: QueryState,
    pub rows: Rows<KeyRow>,
    pub selection: RowSelection,
    /// New secrets shown in rows.
    pub secrets: RevealedSecrets,
    pub dialogs: Dialogs<OpenDialog>,
    /// Credentials that are being tested.
    pub testing: RwSignal<Vec<ItemId>>,
    /// Shows new secrets in a pop-up, for kinds that have one.
    pub reveal: Reveal,
    pub toasts: Toasts,
}

impl ListActions {
    /// Reloads the list and keeps the scroll position.
    pub(super) fn reload(self) {
        spawn_local(self.rows.reopen(ScrollPosition::Preserve));
    }

    /// Runs an action on a row.
    pub(super) fn on_row(self, action: RowAction, row: KeyRow) {
        match action {
            RowAction::Edit => self.dialogs.open(OpenDialog::Edit(row)),
            RowAction::Delete => self.dialogs.open(OpenDialog::Delete(row)),
            RowAction::Rotate => self.dialogs.open(OpenDialog::Rotate(row)),
            RowAction::Act(action) => spawn_local(self.act_now(action, vec![row.id], Some(row.name))),
            RowAction::Test => self.test(row),
        }
    }

    /// Runs an action on the selected rows, in a dialog if it needs confirmation or several requests.
    pub(super) fn on_picked(self, action: BulkAction) {
        if action == BulkAction::Delete || untrack(|| self.selection.count()) > BULK_MAX {
            return self.dialogs.open(OpenDialog::Bulk(action));
        }
        let chosen = self.selection.snapshot();
        spawn_local(async move {
            match chosen.ids().await {
                Ok(ids) => self.act_now(action, ids, None).await,
                Err(error) => self.show_failure(&error),
            }
        });
    }

    /// Shows the result of a completed dialog.
    pub(super) fn on_done(self, done: DialogResult) {
        match done {
            DialogResult::Created(created) => {
                self.show_new(&created.key.name);
                self.reveal(created);
            }
            DialogResult::Stored(row) => {
                self.show_new(&row.name);
                self.toasts.success("Key added".to_owned());
            }
            DialogResult::Rotated(created) => {
                self.reload();
                self.reveal(created);
            }
            DialogResult::Edited(before, row) => {
                let renamed = before != row.name;
                self.toasts.success(if renamed { "Key renamed".to_owned() } else { "Changes saved".to_owned() });
                self.reload();
            }
            DialogResult::Bulk(action, report, name) => self.show_acted(action, report, name),
            DialogResult::Exported(Ok(true)) => self.toasts.success("Export downloaded".to_owned()),
            DialogResult::Exported(Ok(false)) => self.toasts.success("Export stopped".to_owned()),
            DialogResult::Exported(Err(error)) => self.toasts.error(error.to_string()),
        }
    }

    fn show_new(self, name: &str) {
        if !self.query_state.reveal_new_key(name) {
            spawn_local(self.rows.reopen(ScrollPosition::Top));
        }
    }

    fn reveal(self, created: CreatedKey) {
        if self.spec.reveal == SecretReveal::InRow {
            return self.secrets.show(created);
        }
        spawn_local(async move {
            // Wait until the first dialog has returned the focus to its button, so that the second one returns it there too.
            TimeoutFuture::new(0).await;
            self.reveal.show(created);
        });
    }

    async fn act_now(self, action: BulkAction, ids: Vec<ItemId>, name: Option<String>) {
        let report = run_bulk_action(action, ids, TaskProgress::new()).await;
        self.show_acted(action, report, name);
    }

    /// Shows why an action failed. The selection is kept, unless its list snapshot has expired on the server.
    fn show_failure(self, error: &Error) {
        if *error == Error::ListingGone {
            self.toasts.success("The list was out of date and has been reloaded. Select the keys again.".to_owned());
            self.reload();
        } else {
            self.toasts.error(error.to_string());
        }
    }

    fn show_acted(self, action: BulkAction, report: BulkReport, name: Option<String>) {
        if let Some(error) = report.error.as_ref().filter(|_| report.processed.is_empty()) {
            return self.show_failure(error);
        }
        let summary = match &name {
            Some(_) if report.skipped == 0 => format!("Key {}", past_participle(action)),
            _ => report.summary(action),
        };
        self.toasts.success(report.error.as_ref().map_or_else(|| summary.clone(), |error| format!("{summary} {error}")));
        // If the page was closed in the meantime, the focus must not change.
        if self.dialogs.is_disposed() {
            return;
        }
        if action == BulkAction::Delete {
            self.secrets.forget(&report.processed);
            self.selection.forget(&report.processed);
        }
        if name.is_none() {
            self.selection.select_only(report.remaining);
            // The clicked button may be disabled now and lose the focus.
            set_timeout(browser::focus_fallback, Duration::ZERO);
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
                Err(error) => format!("“{}”: {error}", row.name),
            };
            // The page may have been closed in the meantime.
            if self.testing.try_update(|testing| testing.retain(|id| *id != row.id)).is_some() {
                self.toasts.success(message);
                self.reload();
            }
        });
    }
}
