//! Data that is refetched after changes. The old data stays visible while it loads.

use std::future::Future;

use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

use super::{browser, rows::RowList};
use latchkey_types::error::Error;

/// Delays before a failed fetch is repeated, in milliseconds. The last one is used again and again.
const RETRY_DELAYS_MS: [u32; 4] = [1_000, 3_000, 10_000, 30_000];

/// The data and the error of the last fetch.
pub struct Refetchable<T: Send + Sync + 'static> {
    data: RwSignal<T>,
    error: RwSignal<Option<Error>>,
    /// Counts local changes, to detect that a response is older than a change.
    changes: StoredValue<u32>,
    /// Counts fetches: only the response of the last one is used.
    turn: StoredValue<u32>,
}

impl<T: Send + Sync + 'static> Clone for Refetchable<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Send + Sync + 'static> Copy for Refetchable<T> {}

impl<T: Send + Sync + 'static> Refetchable<T> {
    pub fn new(first: T) -> Self {
        Self { data: RwSignal::new(first), error: RwSignal::new(None), changes: StoredValue::new(0), turn: StoredValue::new(0) }
    }

    /// Reads the data reactively.
    pub fn with<U>(self, read: impl FnOnce(&T) -> U) -> U {
        self.data.with(read)
    }

    /// A memo of a part of the data, which updates in place so that its buttons keep the focus. If the part is removed, the last value
    /// stays. `None` if the part does not exist now.
    pub fn select<U: Clone + PartialEq + Send + Sync + 'static>(self, select: impl Fn(&T) -> Option<U> + Send + Sync + 'static) -> Option<Memo<U>> {
        let initial = self.data.with_untracked(&select)?;
        Some(Memo::new(move |before: Option<&U>| self.data.with(&select).unwrap_or_else(|| before.unwrap_or(&initial).clone())))
    }

    /// A list in the data, to render with [`ForRows`](super::rows::ForRows).
    pub fn rows<Row, Id>(self, rows: fn(&T) -> &[Row], id: fn(&Row) -> Id) -> RowList<T, Row, Id>
    where
        Row: Clone + PartialEq + Send + Sync,
        Id: Copy + PartialEq + Send + Sync,
    {
        RowList::new(self, rows, id)
    }

    /// Applies a response locally, without a refetch.
    pub fn change(self, change: impl FnOnce(&mut T)) {
        let _ = self.changes.try_update_value(|changes| *changes += 1);
        let _ = self.data.try_update(change);
    }

    /// The last error, until a fetch succeeds.
    pub fn error(self) -> Signal<Option<Error>> {
        self.error.into()
    }

    /// Fetches the data again. Repeats if a local change happens in the meantime, because the response may be older than it, and
    /// after an error that may pass, such as a lost connection.
    pub fn refetch<Response: Future<Output = Result<T, Error>> + 'static>(self, read: impl Fn() -> Response + 'static) {
        let Some(turn) = self.turn.try_update_value(|turn| {
            *turn += 1;
            *turn
        }) else {
            return;
        };
        spawn_local(async move {
            let mut delays = RETRY_DELAYS_MS.into_iter();
            let mut delay = 0;
            loop {
                let changes = self.changes.try_get_value();
                let response = read().await;
                // The page was closed, or a later fetch has started.
                if self.turn.try_get_value() != Some(turn) {
                    return;
                }
                match response {
                    Ok(_) if self.changes.try_get_value() != changes => continue,
                    Ok(data) => {
                        self.error.set(None);
                        self.data.set(data);
                    }
                    Err(Error::SignedOut) => browser::go_to_sign_in(),
                    Err(error) => {
                        let may_pass = may_pass(&error);
                        if self.error.with_untracked(|shown| shown.as_ref() != Some(&error)) {
                            self.error.set(Some(error));
                        }
                        if may_pass {
                            delay = delays.next().unwrap_or(delay);
                            TimeoutFuture::new(delay).await;
                            if self.turn.try_get_value() == Some(turn) {
                                continue;
                            }
                        }
                    }
                }
                return;
            }
        });
    }
}

/// Whether the same request may succeed later.
const fn may_pass(error: &Error) -> bool {
    matches!(error, Error::Offline | Error::ForeignResponse | Error::Unavailable | Error::Internal | Error::Throttled { .. })
}
