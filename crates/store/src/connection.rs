//! Connections, whose statements end with a lost database.

use std::time::Duration;

use futures_util::{
    StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Any, AnyConnection, AnyPool, Describe, Either, Execute, Executor, SqlStr, Transaction,
    any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo},
    pool::{CloseEvent, PoolConnection},
};
use tokio::time::timeout;

/// On PostgreSQL, for how long a statement waits for the database: longer than `statement_timeout`, so that only a silent network ends it.
const STATEMENT_LIMIT: Duration = Duration::from_secs(12);

/// The pool, for reads outside a transaction.
#[derive(Debug, Clone)]
pub struct PoolRef {
    pool: AnyPool,
    /// Whether statements end when the pool is closed or after [`STATEMENT_LIMIT`]. Only a network can be silent.
    is_limited: bool,
}

impl PoolRef {
    pub(crate) fn new(pool: AnyPool, is_limited: bool) -> Self {
        Self { pool, is_limited }
    }

    async fn limited<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
        if self.is_limited { limit(&mut self.pool.close_event(), work).await } else { work.await }
    }

    fn limited_future<'e, T: Send + 'e>(&self, work: BoxFuture<'e, Result<T, sqlx::Error>>) -> BoxFuture<'e, Result<T, sqlx::Error>> {
        if !self.is_limited {
            return work;
        }
        let mut closing = self.pool.close_event();
        Box::pin(async move { limit(&mut closing, work).await })
    }

    fn limited_stream<'e, T: Send + 'e>(&self, rows: BoxStream<'e, Result<T, sqlx::Error>>) -> BoxStream<'e, Result<T, sqlx::Error>> {
        if !self.is_limited {
            return rows;
        }
        let state = (rows, self.pool.close_event());
        stream::try_unfold(state, |(mut rows, mut closing)| async move {
            let row = limit(&mut closing, rows.try_next()).await?;
            Ok::<_, sqlx::Error>(row.map(|row| (row, (rows, closing))))
        })
        .boxed()
    }
}

/// Waits for a statement until its pool is closed, but not longer than [`STATEMENT_LIMIT`].
async fn limit<T>(closing: &mut CloseEvent, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(STATEMENT_LIMIT, closing.do_until(work)).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))?
}

/// A connection for reads, inside or outside a write transaction.
#[derive(Debug)]
pub struct Connection {
    held: Held,
    pool: PoolRef,
}

#[derive(Debug)]
enum Held {
    Pooled(PoolConnection<Any>),
    /// Rolled back when it is dropped.
    Transaction(Transaction<'static, Any>),
}

impl Connection {
    /// A connection without a transaction.
    pub(crate) async fn acquire(pool: PoolRef) -> Result<Self, sqlx::Error> {
        let held = Held::Pooled(pool.pool.acquire().await?);
        Ok(Self { held, pool })
    }

    /// A connection with a transaction that begins with `statement`. It must not be cancelled: sqlx 0.9 would return a connection with an open
    /// transaction to the pool (sqlx#4385). A closed pool keeps no connections, so its end may cancel it.
    pub(crate) async fn begin(pool: PoolRef, statement: &'static str) -> Result<Self, sqlx::Error> {
        let begin = pool.pool.begin_with(statement);
        let transaction = if pool.is_limited { pool.pool.close_event().do_until(begin).await?? } else { begin.await? };
        Ok(Self { held: Held::Transaction(transaction), pool })
    }

    /// From now on, statements take as long as they need: for changes of the schema, which run before there are others.
    pub(crate) fn lift_limit(&mut self) {
        self.pool.is_limited = false;
    }

    /// Commits the transaction, or ends one that only reads.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        let Self { held, pool } = self;
        match held {
            Held::Transaction(transaction) => pool.limited(transaction.commit()).await,
            Held::Pooled(_) => Ok(()),
        }
    }

    fn parts(&mut self) -> (&mut AnyConnection, &PoolRef) {
        let connection: &mut AnyConnection = match &mut self.held {
            Held::Pooled(connection) => connection,
            Held::Transaction(transaction) => transaction,
        };
        (connection, &self.pool)
    }
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let (connection, pool) = self.parts();
        pool.limited_stream(connection.fetch_many(query))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let (connection, pool) = self.parts();
        pool.limited_future(connection.fetch_optional(query))
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [AnyTypeInfo]) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        let (connection, pool) = self.parts();
        pool.limited_future(connection.prepare_with(sql, parameters))
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, sqlx::Error>>
    where
        'c: 'e,
    {
        let (connection, pool) = self.parts();
        pool.limited_future(connection.describe(sql))
    }
}

/// Runs each statement on any connection of the pool.
impl<'c> Executor<'c> for PoolRef {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        self.limited_stream(self.pool.fetch_many(query))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        self.limited_future(self.pool.fetch_optional(query))
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [AnyTypeInfo]) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        self.limited_future(self.pool.prepare_with(sql, parameters))
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, sqlx::Error>>
    where
        'c: 'e,
    {
        self.limited_future(self.pool.describe(sql))
    }
}
