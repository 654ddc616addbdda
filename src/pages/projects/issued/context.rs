//! State of the `ISSUED KEYS` page, and loading of its list.

use leptos::{prelude::*, task::spawn_local};

use super::query_state::IssuedQueryState;
use crate::api::issued_keys::issued_keys;
use latchkey_types::{
    error::Error,
    id::{KeyId, ProjectId},
    issued_key::IssuedPage,
    key_kind::Status,
};
use latchkey_ui::browser;

/// The current page of the list, and the state of its loading.
#[derive(Clone, Copy)]
pub(super) struct IssuedContext {
    pub project: ProjectId,
    pub query_state: IssuedQueryState,
    pub page: RwSignal<Option<IssuedPage>>,
    pub last_error: RwSignal<Option<Error>>,
    pub pending: RwSignal<bool>,
    /// Number of the latest request: responses to earlier ones are dropped.
    generation: StoredValue<u32>,
}

impl IssuedContext {
    pub(super) fn new(project: ProjectId, query_state: IssuedQueryState, first: Result<IssuedPage, Error>) -> Self {
        let (page, last_error) = match first {
            Ok(page) => (Some(page), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            project,
            query_state,
            page: RwSignal::new(page),
            last_error: RwSignal::new(last_error),
            pending: RwSignal::new(false),
            generation: StoredValue::new(0),
        }
    }

    /// Reloads the list; the current rows stay visible until the response arrives.
    pub(super) fn read(self) {
        self.generation.update_value(|generation| *generation += 1);
        let generation = self.generation.get_value();
        self.pending.set(true);
        let query = self.query_state.now().query(self.project);
        spawn_local(async move {
            let result = issued_keys(query).await;
            if self.generation.try_get_value() != Some(generation) {
                return;
            }
            self.pending.set(false);
            match result {
                Ok(page) => {
                    self.last_error.set(None);
                    self.page.set(Some(page));
                }
                Err(Error::SignedOut) => browser::go_to_sign_in(),
                Err(error) => {
                    // The rows and totals are of another period than the dates.
                    if error.field_error().is_some() {
                        self.page.set(None);
                    }
                    self.last_error.set(Some(error));
                }
            }
        });
    }

    /// Reloads the list, unless the page was closed.
    pub(super) fn read_if_open(self) {
        if !self.pending.is_disposed() {
            self.read();
        }
    }

    /// Shows a revocation before the list is reloaded.
    pub(super) fn mark_revoked(self, id: KeyId) {
        self.page.update(|page| {
            let mut rows = page.iter_mut().flat_map(|page| &mut page.rows);
            if let Some(row) = rows.find(|row| row.id == id) {
                row.status = Status::Revoked;
            }
        });
    }

    /// The error of a date field.
    pub(super) fn field_error(self, field: &str) -> Option<String> {
        self.last_error.with(|last_error| {
            let (about, message) = last_error.as_ref()?.field_error()?;
            (about == field).then(|| message.to_owned())
        })
    }
}
