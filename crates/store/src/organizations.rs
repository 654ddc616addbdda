//! Settings of organizations.

use super::{Connection, StoreError, Tx, fold};
use latchkey_types::id::OrganizationId;

/// An organization's name and currency (ISO 4217).
pub async fn settings(db: &mut Connection, id: OrganizationId) -> Result<(String, String), StoreError> {
    Ok(sqlx::query_as("select name, currency from organizations where id = $1").bind(id).fetch_one(db).await?)
}

/// The organization's number.
pub async fn customer_id(db: &mut Connection, id: OrganizationId) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("select customer_id from organizations where id = $1").bind(id).fetch_one(db).await?)
}

/// [`StoreError::Duplicate`] if the name is taken.
pub async fn update(tx: &mut Tx, id: OrganizationId, name: &str, currency: &str) -> Result<(), StoreError> {
    sqlx::query("update organizations set name = $1, name_folded = $2, currency = $3 where id = $4")
        .bind(name)
        .bind(fold(name))
        .bind(currency)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}
