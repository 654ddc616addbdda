//! The dialogs over the key list and their results.

use leptos::prelude::*;

use super::{
    bulk::Acted,
    confirm::{BulkDialog, DeleteDialog},
    create::{CreateDialog, EditDialog, RotateDialog},
    credential::{GeneralDialog, StorageDialog},
    export::{ExportDialog, Format},
    selection::Picks,
    tabs::KeyTab,
};
use latchkey_types::{
    account::Viewer,
    error::Fault,
    key::{BulkAction, CreatedKey, KeyRow},
    key_kind::{CredentialKind, Kind},
};
use latchkey_ui::grid::data_source::Rows;

/// The open dialog.
#[derive(Clone)]
pub(super) enum Asked {
    Create,
    Edit(KeyRow),
    Delete(KeyRow),
    /// Creates a new secret for a key.
    Rotate(KeyRow),
    /// An action on the selected rows.
    Bulk(BulkAction),
    /// Exports the list.
    Export(Format),
}

/// The result of a dialog.
#[derive(Clone)]
pub(super) enum Done {
    Created(CreatedKey),
    /// A credential was created.
    Stored(KeyRow),
    /// A key got a new secret.
    Rotated(CreatedKey),
    /// A key was edited; its previous name and its new row.
    Edited(String, KeyRow),
    /// An action on one or several keys. The name is set for an action on one key.
    Acted(BulkAction, Acted, Option<String>),
    /// Whether the file was created, or false if the export was stopped.
    Exported(Result<bool, Fault>),
}

/// Renders the open dialog.
#[component]
pub(super) fn AskedDialog(
    asked: Asked,
    tab: &'static KeyTab,
    viewer: Viewer,
    rows: Rows<KeyRow>,
    picks: Picks,
    on_dismiss: Callback<()>,
    on_done: Callback<Done>,
) -> AnyView {
    match (asked, tab.kind) {
        (Asked::Create, Kind::Key(_)) => {
            view! { <CreateDialog tab viewer on_dismiss on_done=Callback::new(move |created| on_done.run(Done::Created(created)))/> }.into_any()
        }
        (Asked::Create, Kind::Credential(CredentialKind::Storage)) => {
            view! { <StorageDialog on_dismiss on_done=Callback::new(move |row| on_done.run(Done::Stored(row)))/> }.into_any()
        }
        (Asked::Create, Kind::Credential(CredentialKind::Llm)) => {
            view! { <GeneralDialog key=None on_dismiss on_done=Callback::new(move |row| on_done.run(Done::Stored(row)))/> }.into_any()
        }
        (Asked::Edit(key), kind) => {
            let before = key.name.clone();
            let edited = Callback::new(move |row| on_done.run(Done::Edited(before.clone(), row)));
            if matches!(kind, Kind::Key(_)) {
                view! { <EditDialog tab viewer key on_dismiss on_done=edited/> }.into_any()
            } else {
                view! { <GeneralDialog key=Some(key) on_dismiss on_done=edited/> }.into_any()
            }
        }
        (Asked::Delete(key), _) => {
            let name = key.name.clone();
            let deleted = Callback::new(move |acted| on_done.run(Done::Acted(BulkAction::Delete, acted, Some(name.clone()))));
            view! { <DeleteDialog tab key on_dismiss on_done=deleted/> }.into_any()
        }
        (Asked::Rotate(key), _) => {
            view! { <RotateDialog key on_dismiss on_done=Callback::new(move |created| on_done.run(Done::Rotated(created)))/> }.into_any()
        }
        (Asked::Bulk(action), _) => {
            let acted = Callback::new(move |acted| on_done.run(Done::Acted(action, acted, None)));
            view! { <BulkDialog tab action picks on_dismiss on_done=acted/> }.into_any()
        }
        (Asked::Export(format), _) => {
            view! { <ExportDialog tab rows format on_done=Callback::new(move |outcome| on_done.run(Done::Exported(outcome)))/> }.into_any()
        }
    }
}
