//! What somebody asked for, in a dialog over the list, and what came of it.

use leptos::prelude::*;

use super::{
    bulk::Acted,
    confirm::{BulkDialog, DeleteDialog},
    create::{CreateDialog, EditDialog, RotateDialog},
    credential::{GeneralDialog, StorageDialog},
    export::{ExportDialog, Format},
    picks::Picks,
    tabs::KeyTab,
};
use crate::{
    grid::rows::Rows,
    model::{
        account::Viewer,
        fault::Fault,
        key::{BulkAction, CreatedKey, KeyRow},
        policy::{CredentialKind, Kind},
    },
};

/// What somebody asked for.
#[derive(Clone)]
pub enum Asked {
    /// A new key.
    Create,
    /// To change one.
    Edit(KeyRow),
    /// To delete one.
    Delete(KeyRow),
    /// To give one another secret.
    Rotate(KeyRow),
    /// To do something with all that are picked.
    Bulk(BulkAction),
    /// The list as a file.
    Export(Format),
}

/// What came of it.
#[derive(Clone)]
pub enum Done {
    /// A new key.
    Created(CreatedKey),
    /// A new credential.
    Stored(KeyRow),
    /// A key with another secret.
    Rotated(CreatedKey),
    /// Something that was called so before is now so.
    Edited(String, KeyRow),
    /// Something was done with one or many; with one, it was called so.
    Acted(BulkAction, Acted, Option<String>),
    /// Whether there is a file.
    Exported(Result<bool, Fault>),
}

/// The dialog for what was asked for.
#[component]
pub fn AskedDialog(
    /// What was asked for.
    asked: Asked,
    /// The kind.
    tab: &'static KeyTab,
    /// By whom.
    viewer: Viewer,
    /// The list.
    rows: Rows<KeyRow>,
    /// The rows that are picked.
    picks: Picks,
    /// Leaves things as they are.
    on_dismiss: Callback<()>,
    /// Called with what came of it.
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
