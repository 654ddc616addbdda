//! Inserts and updates that state each value beside its column.

use sqlx::{Any, Arguments, AssertSqlSafe, Encode, Type, any::AnyArguments, error::BoxDynError};

use super::{Connection, StoreError};

/// Columns of one row and their values.
#[derive(Default)]
pub(crate) struct Columns {
    names: Vec<&'static str>,
    /// A placeholder or an SQL expression per column.
    expressions: Vec<String>,
    arguments: AnyArguments,
    error: Option<BoxDynError>,
}

impl Columns {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Sets a column to a value.
    #[must_use]
    pub(crate) fn set<'q, T: Encode<'q, Any> + Type<Any>>(mut self, name: &'static str, value: T) -> Self {
        if let Err(error) = self.arguments.add(value) {
            self.error = Some(error);
        }
        let placeholder = format!("${}", self.arguments.len());
        self.set_sql(name, placeholder)
    }

    /// Sets a column to the value of an SQL expression without placeholders.
    #[must_use]
    pub(crate) fn set_sql(mut self, name: &'static str, expression: impl Into<String>) -> Self {
        self.names.push(name);
        self.expressions.push(expression.into());
        self
    }

    /// Inserts a row.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] if a unique constraint is violated.
    pub(crate) async fn insert(self, tx: &mut Connection, table: &str) -> Result<(), StoreError> {
        let sql = self.insert_sql(table);
        self.execute(tx, sql).await
    }

    /// Inserts a row. Returns the value of one of its columns.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] if a unique constraint is violated.
    pub(crate) async fn insert_returning(self, tx: &mut Connection, table: &str, column: &'static str) -> Result<i64, StoreError> {
        let sql = format!("{} returning {column}", self.insert_sql(table));
        if let Some(error) = self.error {
            return Err(sqlx::Error::Encode(error).into());
        }
        Ok(sqlx::query_scalar_with(AssertSqlSafe(sql), self.arguments).fetch_one(tx).await?)
    }

    fn insert_sql(&self, table: &str) -> String {
        format!("insert into {table} ({}) values ({})", self.names.join(", "), self.expressions.join(", "))
    }

    /// Updates the row whose column `key` has the value `is`.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] if a unique constraint is violated.
    pub(crate) async fn update<'q, T: Encode<'q, Any> + Type<Any>>(
        self,
        tx: &mut Connection,
        table: &str,
        key: &'static str,
        is: T,
    ) -> Result<(), StoreError> {
        let assignments: Vec<String> = self.names.iter().zip(&self.expressions).map(|(name, value)| format!("{name} = {value}")).collect();
        let with_key = self.set(key, is);
        let sql = format!("update {table} set {} where {key} = ${}", assignments.join(", "), with_key.arguments.len());
        with_key.execute(tx, sql).await
    }

    async fn execute(self, tx: &mut Connection, sql: String) -> Result<(), StoreError> {
        if let Some(error) = self.error {
            return Err(sqlx::Error::Encode(error).into());
        }
        sqlx::query_with(AssertSqlSafe(sql), self.arguments).execute(tx).await?;
        Ok(())
    }
}
