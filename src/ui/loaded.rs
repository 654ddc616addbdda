//! What a page was given at first, and reads anew after each change. What is shown stays meanwhile.

use std::future::Future;

use leptos::{prelude::*, task::spawn_local};

use super::browser;
use crate::model::fault::Fault;

/// The data, and what went wrong when it was last read.
pub struct Loaded<T: Send + Sync + 'static> {
    data: RwSignal<T>,
    trouble: RwSignal<Option<Fault>>,
    /// How often the data was changed here: what was read before a change is older than it.
    changes: StoredValue<u32>,
    /// Counts the readings: only the last one's answer is taken.
    turn: StoredValue<u32>,
}

impl<T: Send + Sync + 'static> Clone for Loaded<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Send + Sync + 'static> Copy for Loaded<T> {}

impl<T: Send + Sync + 'static> Loaded<T> {
    /// The data as it was first read.
    pub fn new(first: T) -> Self {
        Self { data: RwSignal::new(first), trouble: RwSignal::new(None), changes: StoredValue::new(0), turn: StoredValue::new(0) }
    }

    /// Looks at the data.
    pub fn with<U>(self, look: impl FnOnce(&T) -> U) -> U {
        self.data.with(look)
    }

    /// A part of the data, to be drawn once and changed in place, so that its buttons keep the focus. Where it is gone, it stays as it
    /// was; `None` where it never was there.
    pub fn part<U: Clone + PartialEq + Send + Sync + 'static>(self, pick: impl Fn(&T) -> Option<U> + Send + Sync + 'static) -> Option<Memo<U>> {
        let at_first = self.data.with_untracked(&pick)?;
        Some(Memo::new(move |before: Option<&U>| self.data.with(&pick).unwrap_or_else(|| before.unwrap_or(&at_first).clone())))
    }

    /// Takes over what a call answered, without reading everything anew.
    pub fn change(self, change: impl FnOnce(&mut T)) {
        let _ = self.changes.try_update_value(|changes| *changes += 1);
        let _ = self.data.try_update(change);
    }

    /// What went wrong last, until something goes right.
    pub fn trouble(self) -> Signal<Option<Fault>> {
        self.trouble.into()
    }

    /// Reads the data anew. Where something is changed here meanwhile, what was read may be older than that: it is read once more.
    pub fn read_again<Answer: Future<Output = Result<T, Fault>> + 'static>(self, read: impl Fn() -> Answer + 'static) {
        let Some(turn) = self.turn.try_update_value(|turn| {
            *turn += 1;
            *turn
        }) else {
            return;
        };
        spawn_local(async move {
            loop {
                let changes = self.changes.try_get_value();
                let answer = read().await;
                // The page was left, or a later reading knows better.
                if self.turn.try_get_value() != Some(turn) {
                    return;
                }
                match answer {
                    Ok(_) if self.changes.try_get_value() != changes => continue,
                    Ok(data) => {
                        self.trouble.set(None);
                        self.data.set(data);
                    }
                    Err(Fault::SignedOut) => browser::go_to_sign_in(),
                    Err(fault) => self.trouble.set(Some(fault)),
                }
                return;
            }
        });
    }
}
