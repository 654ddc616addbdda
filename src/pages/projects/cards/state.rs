//! State shared by the tiles.

use leptos::prelude::*;

use crate::{api::access_requests::read_tiles, pages::projects::live_updates::stay_up_to_date};
use latchkey_types::{
    error::Fault,
    id::{KeyId, ProjectId, TemplateId},
    key_template::{KeyTile, KeyTiles},
    secret::RevealedSecret,
};
use latchkey_ui::{browser, resource::Loaded};

/// The key of the import dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Imported {
    pub key: KeyId,
    pub name: String,
    /// Whether its holder has revealed it.
    pub is_revealed: bool,
}

/// The tiles, the secrets revealed on this page, and the import dialog.
#[derive(Clone, Copy)]
pub(super) struct Board {
    /// The key of the open import dialog.
    pub asked: RwSignal<Option<Imported>>,
    project: ProjectId,
    data: Loaded<KeyTiles>,
    /// Kept in memory only, until the page is closed.
    revealed: StoredValue<Vec<(KeyId, RevealedSecret)>>,
}

impl Board {
    pub(super) fn new(project: ProjectId, first: KeyTiles) -> Self {
        Self { asked: RwSignal::new(None), project, data: Loaded::new(first), revealed: StoredValue::new(Vec::new()) }
    }

    pub(super) fn with<U>(self, read: impl FnOnce(&KeyTiles) -> U) -> U {
        self.data.with(read)
    }

    /// A tile, rendered once and updated in place.
    pub(super) fn tile(self, id: TemplateId) -> Option<Memo<KeyTile>> {
        self.data.part(move |data| data.tiles.iter().find(|tile| tile.template == id).cloned())
    }

    /// Error of the last load.
    pub(super) fn trouble(self) -> Signal<Option<Fault>> {
        self.data.trouble()
    }

    pub(super) fn reload(self) {
        self.data.read_again(move || read_tiles(self.project));
    }

    /// Reloads the data whenever it may have changed.
    pub(super) fn stay_up_to_date(self) {
        stay_up_to_date(self.project, move || self.reload());
    }

    /// Reloads the tiles after a request, whether it succeeded or not; redirects a signed-out viewer.
    pub(super) fn heard<T>(self, result: Result<T, Fault>) -> Result<T, Fault> {
        match &result {
            Err(Fault::SignedOut) => browser::go_to_sign_in(),
            _ => self.reload(),
        }
        result
    }

    /// Keeps a revealed secret, so that the import does not ask for it.
    pub(super) fn keep(self, key: KeyId, secret: RevealedSecret) {
        let _ = self.revealed.try_update_value(|all| all.push((key, secret)));
    }

    /// The secret of a key that was revealed on this page.
    pub(super) fn revealed(self, key: KeyId) -> Option<RevealedSecret> {
        self.revealed.with_value(|all| all.iter().find(|(id, _)| *id == key).map(|(_, secret)| secret.clone()))
    }
}
