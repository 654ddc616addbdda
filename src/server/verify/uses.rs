//! When keys were last used: gathered in memory, written once a second.

use std::{collections::HashMap, mem, sync::Mutex};

use crate::{
    model::{fault::Fault, id::KeyId, time::Timestamp},
    server::store::{self, Store},
};

/// How many rows go into one statement: two values each, under SQLite's 32,766.
const ROWS_AT_ONCE: usize = 1000;

/// Uses that were not written yet.
#[derive(Default)]
pub(super) struct Uses(Mutex<HashMap<KeyId, Timestamp>>);

impl Uses {
    pub(super) fn note(&self, id: KeyId, at: Timestamp) {
        let mut uses = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let last = uses.entry(id).or_insert(at);
        *last = at.max(*last);
    }

    /// Writes what was noted; what can't be written is kept for the next time.
    pub(super) async fn flush(&self, store: &Store) {
        let uses = mem::take(&mut *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        let uses: Vec<_> = uses.into_iter().collect();
        for rows in uses.chunks(ROWS_AT_ONCE) {
            let written: Result<(), Fault> = {
                let rows = rows.to_vec();
                store.write(move |tx| Box::pin(async move { Ok(store::keys::set_last_used(tx, &rows).await?) })).await
            };
            if written.is_err() {
                for (id, at) in rows {
                    self.note(*id, *at);
                }
            }
        }
    }
}
