//! The log in a table of the database.

use super::newest::{NewestCalls, Position, Selection};
use latchkey_store::{
    self as store, Store, WriteLock, WriteTask,
    model_calls::{CallSelection, NewCall},
};
use latchkey_types::{error::Error, id::OrganizationId, model_call::CallEvent, time::Timestamp};

/// One instance at a time creates and drops partitions.
const CALL_LOG_LOCK: WriteLock = WriteLock::Task(WriteTask::CallLog);
/// Calls that are read in one statement.
const CHUNK: i64 = 1000;
/// Maximum number of chunks that are read for one page.
const CHUNKS_MAX: usize = 20;

/// Adds calls. One that is stored already is not changed.
pub(crate) async fn insert(store: &Store, events: &[CallEvent]) -> Result<(), Error> {
    let call = |event: &CallEvent| -> Result<NewCall, Error> {
        let Position { at, sequence } = Position::of(event);
        let json = serde_json::to_string(event).map_err(|_| Error::Internal)?;
        Ok(NewCall { organization: event.organization, at, sequence, key: event.key, event: json })
    };
    let calls: Vec<NewCall> = events.iter().map(call).collect::<Result<_, Error>>()?;
    let mut tx = store.begin_locked(CALL_LOG_LOCK).await?;
    store::model_calls::insert(store, &mut tx, &calls).await?;
    tx.commit().await
}

/// The newest calls of a selection.
pub(crate) async fn select(store: &Store, selection: &Selection) -> Result<NewestCalls, Error> {
    let (mut found, mut before) = (NewestCalls::default(), selection.before);
    for _ in 0..CHUNKS_MAX {
        let chunk = CallSelection {
            organization: selection.organization,
            before: (before.at.0, before.sequence),
            from: selection.earliest().0,
            key: selection.filter.key,
            limit: CHUNK,
        };
        let rows = store::model_calls::select(store, chunk).await?;
        let Some(oldest) = rows.last() else { return Ok(found) };
        before = Position { at: oldest.at, sequence: oldest.sequence };
        // A call that this version cannot read is skipped.
        for event in rows.iter().filter_map(|row| serde_json::from_str(&row.event).ok()) {
            found.add(selection, event);
        }
        if found.is_full_after(selection, before.at.plus_ms(-1)) {
            return Ok(found);
        }
    }
    Ok(found.unread_before(before))
}

/// Creates the partitions of today and tomorrow.
pub(crate) async fn prepare(store: &Store, now: Timestamp) -> Result<(), Error> {
    let today = store::model_calls::day_of(now);
    let mut tx = store.begin_locked(CALL_LOG_LOCK).await?;
    store::model_calls::create_partitions(&mut tx, [today, today + 1]).await?;
    tx.commit().await
}

/// Deletes the calls that organizations no longer keep. Of those that keep the most days, whole days are dropped together with what the others have
/// left of them; only of the others, and of those that keep none, single calls are deleted.
pub(crate) async fn delete_old(store: &Store, days_kept: &[(OrganizationId, i64)], now: Timestamp) -> Result<(), Error> {
    let Some(most) = days_kept.iter().map(|(_, days)| *days).max() else { return Ok(()) };
    let mut result = drop_before(store, now.plus_days(-most)).await;
    for (organization, days) in days_kept.iter().filter(|(_, days)| *days < most || *days == 0) {
        // The others are deleted even if those of one organization cannot be.
        result = result.and(delete_before(store, *organization, now.plus_days(-days)).await);
    }
    result
}

/// Drops the days that end before this time, each in its own transaction.
async fn drop_before(store: &Store, time: Timestamp) -> Result<(), Error> {
    loop {
        let mut tx = store.begin_locked(CALL_LOG_LOCK).await?;
        if !store::model_calls::drop_oldest_before(&mut tx, store::model_calls::day_of(time)).await? {
            return Ok(());
        }
        tx.commit().await?;
    }
}

/// Deletes the calls of an organization that were made before this time, in transactions of a few thousand.
async fn delete_before(store: &Store, organization: OrganizationId, time: Timestamp) -> Result<(), Error> {
    loop {
        let mut tx = store.begin_locked(CALL_LOG_LOCK).await?;
        let may_have_more = store::model_calls::delete_before(&mut tx, organization, time).await?;
        tx.commit().await?;
        if !may_have_more {
            return Ok(());
        }
    }
}
