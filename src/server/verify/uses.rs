//! How often and when keys were used, and what that costs at the price of that moment: gathered in memory, written once a second.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, PoisonError},
};

use super::KnownKey;
use crate::{
    model::{
        fault::Fault,
        id::{KeyId, OrganizationId},
        time::{DAY_MS, MINUTE_MS, Timestamp},
    },
    server::store::{
        Store,
        usage::{self, Count, Tally},
    },
};

/// How long minutes are kept, in minutes: long enough for every period of a month.
const MINUTES_KEPT: i64 = 40 * (DAY_MS / MINUTE_MS);

/// What was not written yet.
#[derive(Default)]
pub(super) struct Uses(Mutex<Gathered>);

#[derive(Default)]
struct Gathered {
    last: HashMap<KeyId, Timestamp>,
    minutes: HashMap<(KeyId, OrganizationId, i64), Tally>,
    /// Of secrets that were replaced, by digest.
    retired: HashMap<Vec<u8>, (i64, Timestamp)>,
}

impl Gathered {
    fn merge(&mut self, other: Self) {
        for (key, at) in other.last {
            self.note_last(key, at);
        }
        for (minute, tally) in other.minutes {
            self.minutes.entry(minute).or_default().add(tally);
        }
        for (digest, (uses, last)) in other.retired {
            self.note_retired(digest, uses, last);
        }
    }

    fn note_last(&mut self, key: KeyId, at: Timestamp) {
        let last = self.last.entry(key).or_insert(at);
        *last = at.max(*last);
    }

    fn note_retired(&mut self, digest: Vec<u8>, uses: i64, at: Timestamp) {
        let (count, last) = self.retired.entry(digest).or_insert((0, at));
        *count += uses;
        *last = at.max(*last);
    }

    fn counts(&self) -> Vec<Count> {
        self.minutes
            .iter()
            .map(|((key, organization, minute), tally)| Count { key: *key, organization: *organization, minute: *minute, tally: *tally })
            .collect()
    }
}

impl Uses {
    pub(super) fn note(&self, key: &KnownKey, at: Timestamp) {
        let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.note_last(key.id, at);
        let minute = gathered.minutes.entry((key.id, key.organization, at.0.div_euclid(MINUTE_MS))).or_default();
        minute.add(Tally { requests: 1, cost: key.price() });
        if key.retires_at.is_some() {
            gathered.note_retired(key.digest.as_bytes().to_vec(), 1, at);
        }
    }

    /// Writes what was noted, all or nothing; what can't be written is kept for the next time.
    pub(super) async fn flush(&self, store: &Store) {
        let gathered = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if gathered.last.is_empty() {
            return;
        }
        let last: Vec<_> = gathered.last.iter().map(|(key, at)| (*key, *at)).collect();
        let counts = gathered.counts();
        let retired: Vec<_> = gathered.retired.iter().map(|(digest, (uses, at))| (digest.clone(), *uses, *at)).collect();
        let written: Result<(), Fault> = store
            .write(move |tx| {
                Box::pin(async move {
                    usage::set_last_used(tx, &last).await?;
                    usage::add(tx, &counts).await?;
                    for (digest, uses, at) in retired {
                        usage::add_to_retired(tx, &digest, uses, at).await?;
                    }
                    Ok(())
                })
            })
            .await;
        if written.is_err() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).merge(gathered);
        }
    }

    /// Drops minutes that nobody asks for any more.
    pub(super) async fn forget_old_minutes(store: &Store) {
        let before = Timestamp::now().0.div_euclid(MINUTE_MS) - MINUTES_KEPT;
        let dropped: Result<(), Fault> = store.write(move |tx| Box::pin(async move { Ok(usage::delete_minutes_before(tx, before).await?) })).await;
        if let Err(fault) = dropped {
            tracing::warn!(%fault, "old counts were not dropped");
        }
    }
}
