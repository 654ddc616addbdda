//! State shared by the tiles.

use leptos::prelude::*;

use crate::{api::access_requests::list_key_cards, pages::projects::live_updates::stay_up_to_date};
use latchkey_types::{
    error::Error,
    id::{KeyId, ProjectId, TemplateId},
    key_template::{KeyCard, KeyCards},
    secret::RevealedSecret,
};
use latchkey_ui::{
    browser,
    dialog::{Dialogs, use_dialogs},
    resource::Refetchable,
    rows::RowList,
};

/// The key of the import dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyToImport {
    pub key: KeyId,
    pub name: String,
    /// Whether its holder has revealed it.
    pub is_revealed: bool,
}

/// The tiles, the secrets revealed on this page, and the import dialog.
#[derive(Clone, Copy)]
pub(super) struct TilesContext {
    pub import_dialog: Dialogs<KeyToImport>,
    pub project: ProjectId,
    data: Refetchable<KeyCards>,
    /// Kept in memory only, until the page is closed.
    revealed: StoredValue<Vec<(KeyId, RevealedSecret)>>,
}

impl TilesContext {
    pub(super) fn new(project: ProjectId, first: KeyCards) -> Self {
        Self { import_dialog: use_dialogs(), project, data: Refetchable::new(first), revealed: StoredValue::new(Vec::new()) }
    }

    pub(super) fn with<U>(self, read: impl FnOnce(&KeyCards) -> U) -> U {
        self.data.with(read)
    }

    pub(super) fn tiles(self) -> RowList<KeyCards, KeyCard, TemplateId> {
        self.data.rows(|data| &data.tiles, |tile| tile.template)
    }

    /// Error of the last load.
    pub(super) fn error(self) -> Signal<Option<Error>> {
        self.data.error()
    }

    pub(super) fn reload(self) {
        self.data.refetch(move || list_key_cards(self.project));
    }

    /// Reloads the data whenever it may have changed.
    pub(super) fn stay_up_to_date(self) {
        stay_up_to_date(self.project, move || self.reload());
    }

    /// Reloads the tiles after a request, whether it succeeded or not; redirects a signed-out viewer.
    pub(super) fn reload_after<T>(self, result: Result<T, Error>) -> Result<T, Error> {
        match &result {
            Err(Error::SignedOut) => browser::go_to_sign_in(),
            _ => self.reload(),
        }
        result
    }

    /// Keeps a revealed secret, so that it need not be typed for the import.
    pub(super) fn remember_secret(self, key: KeyId, secret: RevealedSecret) {
        let _ = self.revealed.try_update_value(|all| all.push((key, secret)));
    }

    /// The secret of a key that was revealed on this page.
    pub(super) fn revealed(self, key: KeyId) -> Option<RevealedSecret> {
        self.revealed.with_value(|all| all.iter().find(|(id, _)| *id == key).map(|(_, secret)| secret.clone()))
    }
}
