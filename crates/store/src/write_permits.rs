//! Permits of write transactions. They wait here for the earlier ones of this instance rather than in the database, where each would hold a connection
//! while it waits.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::transaction::WriteLock;
use latchkey_types::error::Error;

/// For how long a writer waits for the earlier writers of this instance: longer than one of them waits for those of others, by PostgreSQL's
/// `lock_timeout`.
const WAIT_LIMIT: Duration = Duration::from_secs(8);

/// The permits of an instance.
#[derive(Clone)]
pub(crate) struct WritePermits {
    /// One for each connection that may write.
    connections: Arc<Semaphore>,
    /// How many transactions with the same lock may have a connection. While they wait, for another instance or for a row, the other connections
    /// remain for the transactions that they do not exclude.
    per_lock: u32,
    locks: Locks,
}

/// The permits of each lock that is in use, by its id.
type Locks = Arc<Mutex<HashMap<i64, Arc<Semaphore>>>>;

/// The permit of a transaction, until it is dropped.
pub(crate) struct WritePermit {
    _connection: OwnedSemaphorePermit,
    _lock: Option<LockPermit>,
}

/// The permit among transactions with the same lock.
struct LockPermit {
    id: i64,
    locks: Locks,
    permit: Option<OwnedSemaphorePermit>,
}

impl WritePermits {
    pub(crate) fn new(writers: usize) -> Self {
        let per_lock = u32::try_from(writers - writers / 3).unwrap_or(u32::MAX);
        Self { connections: Arc::new(Semaphore::new(writers)), per_lock, locks: Arc::default() }
    }

    /// Waits for the earlier writers: for those that this lock excludes, and for a connection. `id` is that of the lock in the database, if it has
    /// one besides that of all transactions.
    ///
    /// # Errors
    /// `Unavailable` if they do not end in time.
    pub(crate) async fn wait(&self, lock: WriteLock, id: Option<i64>) -> Result<WritePermit, Error> {
        self.wait_at_most(WAIT_LIMIT, lock, id).await
    }

    async fn wait_at_most(&self, limit: Duration, lock: WriteLock, id: Option<i64>) -> Result<WritePermit, Error> {
        // No semaphore is ever closed.
        if let Ok(Ok(permit)) = timeout(limit, self.acquire(lock, id)).await {
            return Ok(permit);
        }
        tracing::warn!("a write transaction waited too long for earlier ones");
        Err(Error::Unavailable)
    }

    async fn acquire(&self, lock: WriteLock, id: Option<i64>) -> Result<WritePermit, AcquireError> {
        let of_lock = match id {
            Some(id) => Some(self.acquire_lock(id, matches!(lock, WriteLock::Rows(_))).await?),
            None => None,
        };
        Ok(WritePermit { _connection: Arc::clone(&self.connections).acquire_owned().await?, _lock: of_lock })
    }

    async fn acquire_lock(&self, id: i64, is_shared: bool) -> Result<LockPermit, AcquireError> {
        // Before the wait, so that a waiter that is cancelled leaves no entry behind.
        let mut permit = LockPermit { id, locks: Arc::clone(&self.locks), permit: None };
        let new = || Arc::new(Semaphore::new(self.per_lock as usize));
        let semaphore = Arc::clone(lock(&self.locks).entry(id).or_insert_with(new));
        permit.permit = Some(semaphore.acquire_many_owned(if is_shared { 1 } else { self.per_lock }).await?);
        Ok(permit)
    }
}

impl Drop for LockPermit {
    /// The last one that has or waits for a permit of the lock removes its entry.
    fn drop(&mut self) {
        self.permit = None;
        let mut locks = lock(&self.locks);
        if locks.get(&self.id).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            locks.remove(&self.id);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::WriteTask;
    use latchkey_types::id::OrganizationId;

    const SOON: Duration = Duration::from_millis(20);

    async fn permit(permits: &WritePermits, lock: WriteLock, id: Option<i64>) -> Option<WritePermit> {
        match permits.wait_at_most(SOON, lock, id).await {
            Ok(permit) => Some(permit),
            Err(error) => {
                assert_eq!(error, Error::Unavailable);
                None
            }
        }
    }

    #[tokio::test]
    async fn a_writer_waits_for_earlier_ones_only_for_some_time() {
        let permits = WritePermits::new(1);
        let earlier = permit(&permits, WriteLock::Nothing, None).await;
        assert!(earlier.is_some() && permit(&permits, WriteLock::Nothing, None).await.is_none());
        drop(earlier);
        assert!(permit(&permits, WriteLock::Nothing, None).await.is_some());
    }

    #[tokio::test]
    async fn an_organization_excludes_its_own_transactions_without_a_connection() {
        let permits = WritePermits::new(6);
        let [alone, rows] = [WriteLock::Organization(OrganizationId::new()), WriteLock::Rows(OrganizationId::new())];
        let earlier = permit(&permits, alone, Some(-1)).await;
        assert!(earlier.is_some());
        for waiting in [alone, rows] {
            assert!(permit(&permits, waiting, Some(-1)).await.is_none(), "{waiting:?}");
        }
        assert_eq!(permits.connections.available_permits(), 5);
        assert!(permit(&permits, alone, Some(-2)).await.is_some(), "another organization");
        drop(earlier);
        let earlier = permit(&permits, rows, Some(-1)).await;
        assert!(earlier.is_some() && permit(&permits, rows, Some(-1)).await.is_some());
        assert!(permit(&permits, alone, Some(-1)).await.is_none());
    }

    #[tokio::test]
    async fn one_lock_leaves_connections_for_others() {
        let permits = WritePermits::new(6);
        let rows = WriteLock::Rows(OrganizationId::new());
        let mut begun = Vec::new();
        while let Some(permit) = permit(&permits, rows, Some(-1)).await {
            begun.push(permit);
        }
        assert_eq!((begun.len(), permits.connections.available_permits()), (4, 2));
        assert!(permit(&permits, WriteLock::Task(WriteTask::Usage), Some(1)).await.is_some());
        assert!(permit(&permits, WriteLock::Nothing, None).await.is_some());
        for (writers, per_lock) in [(1, 1), (2, 2), (3, 2), (6, 4)] {
            assert_eq!(WritePermits::new(writers).per_lock, per_lock, "{writers}");
        }
    }

    #[tokio::test]
    async fn entries_of_locks_that_are_not_in_use_are_removed() {
        let permits = WritePermits::new(6);
        let (rows, count) = (WriteLock::Rows(OrganizationId::new()), || lock(&permits.locks).len());
        let (one, other) = (permit(&permits, rows, Some(-1)).await, permit(&permits, rows, Some(-1)).await);
        drop(one);
        assert_eq!(count(), 1);
        let waiting = tokio::spawn({
            let permits = permits.clone();
            async move { permits.acquire(WriteLock::Organization(OrganizationId::new()), Some(-1)).await.is_ok() }
        });
        tokio::time::sleep(SOON).await;
        drop(other);
        assert!(waiting.await.unwrap());
        assert_eq!(count(), 0);
        let earlier = permit(&permits, WriteLock::Organization(OrganizationId::new()), Some(-1)).await;
        let waiting = tokio::spawn({
            let permits = permits.clone();
            async move { permits.acquire(rows, Some(-1)).await.is_ok() }
        });
        tokio::time::sleep(SOON).await;
        waiting.abort();
        drop(earlier);
        assert!(waiting.await.is_err());
        assert_eq!(count(), 0, "a waiter that was cancelled leaves none");
    }
}
