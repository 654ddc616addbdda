//! Actions of the key list: on one row, on the selected rows, and after a dialog has finished.

use std::time::Duration;

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

use super::{
    bulk::{BulkReport, needs_confirmation, past_participle, run_bulk_action},
    dialogs::{DialogResult, OpenDialog, SecretUse, show_secret},
    query_state::QueryState,
    revealed_secrets::RevealedSecrets,
    row_context::RowAction,
    selection::RowSelection,
};
use crate::{
    api::credentials::test_connection,
    pages::{receipt_text::receipt_text, secret::Reveal},
};
use latchkey_types::{
    error::Error,
    key::{BULK_MAX, BulkAction, CreatedKey, ItemId, KeyRow, TestOutcome},
    key_kind::{KindSpec, SecretReveal, Status},
};
use latchkey_ui::{
    browser,
    dialog::Dialogs,
    grid::data_source::{Rows, ScrollPosition},
    progress::TaskProgress,
    toast::{ToastText, Toasts},
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
            RowAction::Replace => self.dialogs.open(OpenDialog::Replace(row)),
            RowAction::CopyId => self.toasts.copy(row.id.to_string(), "ID copied"),
            RowAction::Act(action) => spawn_local(self.act_now(action, vec![row.id], Some(row.name), vec![row.id])),
            RowAction::Test => self.test(row, true),
        }
    }

    /// Runs an action on the selected rows, in a dialog if it needs confirmation or several requests.
    pub(super) fn on_picked(self, action: BulkAction) {
        let chosen = self.selection.snapshot();
        let count = chosen.count();
        if needs_confirmation(action, count) || count > BULK_MAX {
            return self.dialogs.open(OpenDialog::Bulk(action));
        }
        // Keys that were disabled before stay disabled after `Undo`. Of keys that are not loaded, that is unknown.
        let active = chosen.rows().iter().filter(|row| row.status == Status::Active).map(|row| row.id);
        let undo = if chosen.rows().len() == count { active.collect() } else { Vec::new() };
        let is_all = chosen.is_all();
        spawn_local(async move {
            match chosen.ids().await {
                Ok(ids) => {
                    if is_all {
                        // Otherwise all rows that are selected in the meantime could not be told from these.
                        self.selection.replace_all(&ids);
                    }
                    self.act_now(action, ids, None, undo).await;
                }
                Err(error) => self.show_failure(&error),
            }
        });
    }

    /// Shows the result of a completed dialog.
    pub(super) fn on_done(self, done: DialogResult) {
        match done {
            DialogResult::Created(created) => {
                self.show_new(&created.key.name);
                self.reveal(created, true);
            }
            DialogResult::Stored(row) => {
                self.show_new(&row.name);
                self.toasts.success("Key added".to_owned());
                self.test_new_secrets(row);
            }
            DialogResult::Replaced(replaced) => {
                self.toasts.success(receipt_text("Key replaced", &replaced));
                self.reload();
                self.test_new_secrets(replaced.value);
            }
            DialogResult::ReplaceInstead(row) => spawn_local(async move {
                // Until the first dialog is closed.
                TimeoutFuture::new(0).await;
                self.dialogs.open(OpenDialog::Replace(row));
            }),
            DialogResult::Rotated(rotated) => {
                self.reload();
                // The new secret is the result, unless the old one was revoked too.
                if rotated.receipt.is_some() {
                    self.toasts.success(receipt_text("Old secret revoked", &rotated));
                }
                self.reveal(rotated.value, false);
            }
            DialogResult::Edited(before, edited) => {
                let row = &edited.value;
                self.rows.change(|shown| {
                    if shown.id == row.id {
                        shown.clone_from(row);
                    }
                });
                self.toasts.success(receipt_text(if before == row.name { "Changes saved" } else { "Key renamed" }, &edited));
                self.reload();
            }
            DialogResult::Bulk(action, report, name) => {
                // Nothing can be selected while the dialog is open.
                if name.is_none() && !report.processed.is_empty() {
                    self.selection.select_only(report.remaining.clone());
                }
                self.show_acted(action, report, name, Vec::new());
            }
            DialogResult::Retry(action, ids) => self.dialogs.open(OpenDialog::Retry(action, ids)),
            DialogResult::Exported(Ok(true)) => self.toasts.success("Export downloaded".to_owned()),
            DialogResult::Exported(Ok(false)) => self.toasts.stopped("Export stopped".to_owned()),
            DialogResult::Exported(Err(error)) => self.toasts.error(error.to_string()),
        }
    }

    fn show_new(self, name: &str) {
        if !self.query_state.reveal_new_key(name) {
            spawn_local(self.rows.reopen(ScrollPosition::Top));
        }
    }

    /// Shows a secret; that of a new key with a button that creates another one.
    fn reveal(self, created: CreatedKey, is_new: bool) {
        if self.spec.reveal == SecretReveal::InRow {
            return self.secrets.show(created);
        }
        spawn_local(async move {
            // Wait until the first dialog has returned the focus to its button, so that the second one returns it there too.
            TimeoutFuture::new(0).await;
            let secret_use = if is_new { SecretUse::New(Box::new(move || self.dialogs.open(OpenDialog::Create))) } else { SecretUse::Rotated };
            // Never fails: see the function.
            let _ = show_secret(self.reveal, created, secret_use).await;
        });
    }

    /// `undo` are the keys to enable again if the user undoes it.
    async fn act_now(self, action: BulkAction, ids: Vec<ItemId>, name: Option<String>, undo: Vec<ItemId>) {
        let report = run_bulk_action(action, ids, TaskProgress::new()).await;
        self.show_acted(action, report, name, undo);
    }

    /// Shows why an action failed. The selection is kept, unless its list snapshot has expired on the server.
    fn show_failure(self, error: &Error) {
        if *error == Error::ListingGone {
            self.toasts.error("The list was out of date and has been reloaded. Select the keys again.".to_owned());
            self.reload();
        } else {
            self.toasts.error(error.to_string());
        }
    }

    fn show_acted(self, action: BulkAction, report: BulkReport, name: Option<String>, undo: Vec<ItemId>) {
        if let Some(error) = report.error.as_ref().filter(|_| report.processed.is_empty()) {
            return self.show_failure(error);
        }
        // If the page was closed in the meantime, only a toast can be shown, and the focus must not change.
        let is_open = !self.dialogs.is_disposed();
        let needs_report = report.has_failed() && name.is_none() && is_open;
        if !needs_report {
            self.show_result(action, &report, name.as_deref(), undo);
        }
        if !is_open {
            return;
        }
        if action == BulkAction::Delete {
            self.secrets.forget(&report.processed);
            self.selection.forget(&report.processed);
        } else if !report.has_failed() {
            self.show_status(action, &report.processed);
        }
        if name.is_none() {
            self.selection.deselect(&report.processed);
            // The clicked button may be disabled now and lose the focus.
            set_timeout(browser::focus_fallback, Duration::ZERO);
        }
        self.reload();
        if needs_report {
            self.dialogs.open(OpenDialog::Report(action, report));
        }
    }

    /// Shows the result in a toast.
    fn show_result(self, action: BulkAction, report: &BulkReport, name: Option<&str>, undo: Vec<ItemId>) {
        let message = match name {
            Some(_) if report.skipped == 0 => format!("Key {}", past_participle(action)),
            _ => report.summary(action),
        };
        match &report.error {
            Some(error) => self.toasts.error(format!("{message} {error}")),
            None if report.has_failed() => self.toasts.error(message),
            None if report.stopped => self.toasts.stopped(report.stop_summary(action)),
            None => {
                let text = ToastText::new(message, report.receipt.map(|receipt| receipt.sentence()));
                if action == BulkAction::Disable && !undo.is_empty() {
                    self.toasts.success_with_undo(text, self.enable_again(undo, name));
                } else {
                    self.toasts.success(text);
                }
            }
        }
    }

    /// Undoes a disabling. Also works after the page was closed: callbacks that are created after a response belong to no page.
    fn enable_again(self, ids: Vec<ItemId>, name: Option<&str>) -> Callback<()> {
        let name = name.map(ToOwned::to_owned);
        Callback::new(move |()| spawn_local(self.act_now(BulkAction::Enable, ids.clone(), name.clone(), Vec::new())))
    }

    /// Shows the new status of these keys before the list is loaded again.
    fn show_status(self, action: BulkAction, ids: &[ItemId]) {
        let (before, after) = if action == BulkAction::Disable { (Status::Active, Status::Disabled) } else { (Status::Disabled, Status::Active) };
        self.rows.change(|row| {
            if row.status == before && ids.contains(&row.id) {
                row.status = after;
            }
        });
    }

    /// Tests new secrets of a storage provider, which need no link to be tested. The row shows the result.
    fn test_new_secrets(self, row: KeyRow) {
        if row.provider.is_some() {
            self.test(row, false);
        }
    }

    /// Tests a credential. Its row shows `Testing…` until the list is reloaded with the result. A toast shows the result too if the user
    /// started the test, or if the provider refuses the credential.
    fn test(self, row: KeyRow, is_requested: bool) {
        let ItemId::Credential(id) = row.id else { return };
        if self.testing.with_untracked(|testing| testing.contains(&row.id)) {
            return;
        }
        self.testing.update(|testing| testing.push(row.id));
        spawn_local(async move {
            let result = test_connection(id).await;
            // The page may have been closed in the meantime.
            if self.testing.try_update(|testing| testing.retain(|id| *id != row.id)).is_some() {
                let is_refused = result.as_ref().is_ok_and(|report| report.tested.outcome == TestOutcome::Refused);
                match result {
                    _ if !is_requested && !is_refused => {}
                    Ok(report) if report.tested.outcome == TestOutcome::Works => self.toasts.success(format!("“{}”: {}", row.name, report.detail)),
                    Ok(report) => self.toasts.error(format!("“{}”: {}", row.name, report.detail)),
                    Err(error) => self.toasts.error(format!("“{}”: {error}", row.name)),
                }
                self.reload();
            }
        });
    }
}
