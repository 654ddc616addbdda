//! The dialogs over the key list and their results.
#![expect(clippy::unnecessary_wraps, reason = "a function of a chunk also fails if its code cannot be loaded")]

use leptos::{
    prelude::*,
    wasm_split::{self, wasm_split},
};

use super::{
    bulk::BulkReport,
    confirm::{BulkDialog, DeleteDialog, ReportDialog, RetryDialog},
    create::{CreateDialog, EditDialog, RotateDialog},
    credential::{GeneralDialog, ReplaceDialog, StorageDialog},
    export::ExportDialog,
    scope_fields::scopes_in_use,
    selection::RowSelection,
};
use crate::pages::{export_file::Format, secret::Reveal};
use latchkey_types::{
    account::Viewer,
    error::Error,
    key::{BulkAction, CreatedKey, ItemId, KeyRow},
    key_kind::{CredentialKind, Kind, KindSpec},
    receipt::WithReceipt,
};
use latchkey_ui::{
    grid::data_source::Rows,
    lazy::{LoadError, lazy_dialog},
    toast::use_toasts,
};

/// The open dialog.
#[derive(Clone)]
pub(super) enum OpenDialog {
    Create,
    Edit(KeyRow),
    Delete(KeyRow),
    /// Creates a new secret for a key.
    Rotate(KeyRow),
    /// Replaces the secrets of an external key.
    Replace(KeyRow),
    /// An action on the selected rows.
    Bulk(BulkAction),
    /// The result of an action that failed in part.
    Report(BulkAction, BulkReport),
    /// The same action on the keys that it did not reach.
    Retry(BulkAction, Vec<ItemId>),
    /// Exports the list.
    Export(Format),
}

/// The result of a dialog.
#[derive(Clone)]
pub(super) enum DialogResult {
    Created(CreatedKey),
    /// A credential was created.
    Stored(KeyRow),
    /// A credential got other secrets.
    Replaced(WithReceipt<KeyRow>),
    /// The user replaces a credential instead of adding one.
    ReplaceInstead(KeyRow),
    /// A key got a new secret.
    Rotated(WithReceipt<CreatedKey>),
    /// A key was edited; its previous name and its new row.
    Edited(String, WithReceipt<KeyRow>),
    /// An action on one or several keys. The name is set for an action on one key.
    Bulk(BulkAction, BulkReport, Option<String>),
    /// Repeat an action on these keys.
    Retry(BulkAction, Vec<ItemId>),
    /// Whether the file was created, or false if the export was stopped.
    Exported(Result<bool, Error>),
}

/// What the dialogs use of the list.
#[derive(Clone)]
pub(super) struct DialogContext {
    pub spec: &'static KindSpec,
    pub viewer: Viewer,
    pub rows: Rows<KeyRow>,
    pub selection: RowSelection,
    pub on_dismiss: Callback<()>,
    pub on_done: Callback<DialogResult>,
}

/// Renders the open dialog as soon as the code of the dialogs is loaded.
#[component]
pub(super) fn KeyDialog(dialog: OpenDialog, context: DialogContext) -> impl IntoView {
    let (toasts, on_dismiss) = (use_toasts(), context.on_dismiss);
    lazy_dialog(
        load_dialogs(),
        move || dialog_view(dialog.clone(), context.clone()),
        move || {
            on_dismiss.run(());
            toasts.error("The dialog could not be loaded. Reload the page and try again.".to_owned());
        },
    )
}

// The dialogs, and the pop-up of the secrets that they create, are more than a third of the list's code.
#[wasm_split(key_dialogs_chunk, wasm_split_path = wasm_split, preload(load_dialogs), fallible)]
pub(super) fn dialog_view(dialog: OpenDialog, context: DialogContext) -> Result<AnyView, LoadError> {
    Ok(view_of(dialog, context))
}

/// How to show a secret.
pub(super) enum SecretUse {
    /// Of a new key. The function creates another one.
    New(Box<dyn Fn() + Send + Sync>),
    /// Of a key with a new secret.
    Rotated,
    /// Copied before: to show code.
    Copied,
}

/// Shows a secret in the pop-up. Its code is loaded already, with that of the dialog that created the secret.
#[wasm_split(key_dialogs_chunk, wasm_split_path = wasm_split, fallible)]
pub(super) fn show_secret(reveal: Reveal, created: CreatedKey, secret_use: SecretUse) -> Result<(), LoadError> {
    match secret_use {
        SecretUse::New(create_another) => reveal.show_created(created, create_another),
        SecretUse::Rotated => reveal.show(created),
        SecretUse::Copied => reveal.show_copied(created.key, created.secret),
    }
    Ok(())
}

fn view_of(dialog: OpenDialog, context: DialogContext) -> AnyView {
    let DialogContext { spec, viewer, rows, selection, on_dismiss, on_done } = context;
    match (dialog, spec.kind) {
        (OpenDialog::Create, Kind::Key(_)) => {
            let created = Callback::new(move |created| on_done.run(DialogResult::Created(created)));
            view! { <CreateDialog spec viewer scopes_in_use=scopes_in_use(spec, &rows.loaded()) on_dismiss on_done=created/> }.into_any()
        }
        (OpenDialog::Create, Kind::Credential(CredentialKind::External)) => {
            let stored = Callback::new(move |row| on_done.run(DialogResult::Stored(row)));
            let replace = Callback::new(move |row| on_done.run(DialogResult::ReplaceInstead(row)));
            view! { <StorageDialog on_dismiss on_done=stored on_replace=replace/> }.into_any()
        }
        (OpenDialog::Create, Kind::Credential(CredentialKind::General)) => {
            let stored = Callback::new(move |created: WithReceipt<KeyRow>| on_done.run(DialogResult::Stored(created.value)));
            view! { <GeneralDialog key=None on_dismiss on_done=stored/> }.into_any()
        }
        (OpenDialog::Edit(key), kind) => {
            let before = key.name.clone();
            let edited = Callback::new(move |row| on_done.run(DialogResult::Edited(before.clone(), row)));
            if matches!(kind, Kind::Key(_)) {
                view! { <EditDialog spec viewer scopes_in_use=scopes_in_use(spec, &rows.loaded()) key on_dismiss on_done=edited/> }.into_any()
            } else {
                view! { <GeneralDialog key=Some(key) on_dismiss on_done=edited/> }.into_any()
            }
        }
        (OpenDialog::Delete(key), _) => {
            let name = key.name.clone();
            let deleted = Callback::new(move |report| on_done.run(DialogResult::Bulk(BulkAction::Delete, report, Some(name.clone()))));
            view! { <DeleteDialog spec key on_dismiss on_done=deleted/> }.into_any()
        }
        (OpenDialog::Rotate(key), _) => {
            view! { <RotateDialog key on_dismiss on_done=Callback::new(move |created| on_done.run(DialogResult::Rotated(created)))/> }.into_any()
        }
        (OpenDialog::Replace(key), _) => {
            view! { <ReplaceDialog key on_dismiss on_done=Callback::new(move |row| on_done.run(DialogResult::Replaced(row)))/> }.into_any()
        }
        (OpenDialog::Bulk(action), _) => {
            let report = Callback::new(move |report| on_done.run(DialogResult::Bulk(action, report, None)));
            view! { <BulkDialog spec action selection on_dismiss on_done=report/> }.into_any()
        }
        (OpenDialog::Report(action, report), _) => {
            let retry = Callback::new(move |ids| on_done.run(DialogResult::Retry(action, ids)));
            view! { <ReportDialog action report on_dismiss on_retry=retry/> }.into_any()
        }
        (OpenDialog::Retry(action, ids), _) => {
            let report = Callback::new(move |report| on_done.run(DialogResult::Bulk(action, report, None)));
            view! { <RetryDialog action ids on_done=report/> }.into_any()
        }
        (OpenDialog::Export(format), _) => {
            view! { <ExportDialog spec rows format on_done=Callback::new(move |outcome| on_done.run(DialogResult::Exported(outcome)))/> }.into_any()
        }
    }
}
