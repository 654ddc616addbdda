//! What the tiles know.

use leptos::prelude::*;

use crate::{
    api::requests::read_tiles,
    model::{
        fault::Fault,
        id::{KeyId, ProjectId, TemplateId},
        secret::RevealedSecret,
        template::{KeyTile, KeyTiles},
    },
    pages::projects::fresh::stay_up_to_date,
    ui::{browser, loaded::Loaded},
};

/// A key that is to be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Its id.
    pub key: KeyId,
    /// Its name.
    pub name: String,
    /// Whether its holder was given it.
    pub is_revealed: bool,
}

/// The tiles, what was revealed on this page, and the dialog over them.
#[derive(Clone, Copy)]
pub struct Board {
    /// The dialog that is open: what is to be imported.
    pub asked: RwSignal<Option<Imported>>,
    project: ProjectId,
    data: Loaded<KeyTiles>,
    /// Kept here only, and only until the page is left.
    revealed: StoredValue<Vec<(KeyId, RevealedSecret)>>,
}

impl Board {
    /// The tiles as they were first read.
    pub fn new(project: ProjectId, first: KeyTiles) -> Self {
        Self { asked: RwSignal::new(None), project, data: Loaded::new(first), revealed: StoredValue::new(Vec::new()) }
    }

    /// Looks at the data.
    pub fn with<U>(self, look: impl FnOnce(&KeyTiles) -> U) -> U {
        self.data.with(look)
    }

    /// A tile, drawn once and changed in place.
    pub fn tile(self, id: TemplateId) -> Option<Memo<KeyTile>> {
        self.data.part(move |data| data.tiles.iter().find(|tile| tile.template == id).cloned())
    }

    /// What went wrong when the data was last read.
    pub fn trouble(self) -> Signal<Option<Fault>> {
        self.data.trouble()
    }

    /// Reads everything anew.
    pub fn reload(self) {
        self.data.read_again(move || read_tiles(self.project));
    }

    /// Reads everything anew whenever it may be different.
    pub fn stay_up_to_date(self) {
        stay_up_to_date(self.project, move || self.reload());
    }

    /// What came of a call, after which everything may be different.
    pub fn heard<T>(self, answer: Result<T, Fault>) -> Result<T, Fault> {
        match &answer {
            Err(Fault::SignedOut) => browser::go_to_sign_in(),
            _ => self.reload(),
        }
        answer
    }

    /// Keeps what was revealed, to be imported without being typed.
    pub fn keep(self, key: KeyId, secret: RevealedSecret) {
        let _ = self.revealed.try_update_value(|all| all.push((key, secret)));
    }

    /// What was revealed on this page.
    pub fn revealed(self, key: KeyId) -> Option<RevealedSecret> {
        self.revealed.with_value(|all| all.iter().find(|(id, _)| *id == key).map(|(_, secret)| secret.clone()))
    }
}
