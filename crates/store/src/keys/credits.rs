//! Credits of keys, shared by all instances on the database.

use super::{
    super::{Connection, StoreError, Tx, columns::Columns},
    LimitColumns, secrets,
};
use latchkey_types::{id::KeyId, limits::Credits, time::Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreditBalance {
    /// Credits that are left and not reserved by an instance.
    pub credits: Credits,
    /// Start of the day or month in which they were last set or refilled.
    pub refilled_at: Timestamp,
    /// Incremented whenever a user sets the credits.
    pub version: i64,
}

impl CreditBalance {
    /// The credits at `now`, refilled if due.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        let due = self.credits.refill.period_start(now);
        if due <= self.refilled_at {
            return self;
        }
        Self { credits: Credits { remaining: self.credits.amount, ..self.credits }, refilled_at: due, ..self }
    }
}

impl LimitColumns {
    pub fn credit_balance(&self) -> Option<CreditBalance> {
        Some(CreditBalance {
            credits: Credits { remaining: self.credits_remaining?, refill: self.credits_refill?, amount: self.credits_amount? },
            refilled_at: self.credits_refilled_at?,
            version: self.credits_version?,
        })
    }
}

/// Adds the columns of credits that are set at `now`, except their version.
pub(super) fn set_columns(columns: Columns, credits: Option<Credits>, now: Timestamp) -> Columns {
    columns
        .set("credits_remaining", credits.map(|credits| credits.remaining))
        .set("credits_refill", credits.map(|credits| credits.refill))
        .set("credits_amount", credits.map(|credits| credits.amount))
        .set("credits_refilled_at", credits.map(|credits| credits.refill.period_start(now)))
}

/// The credits of a key that is not deleted, if it has any.
pub async fn find(db: &mut Connection, id: KeyId) -> Result<Option<CreditBalance>, StoreError> {
    let sql = "select rate_limits, allowed_ips, credits_remaining, credits_refill, credits_amount, credits_refilled_at, credits_version \
               from api_keys where id = $1 and deleted_at is null";
    let row: Option<LimitColumns> = sqlx::query_as(sql).bind(id).fetch_optional(db).await?;
    Ok(row.and_then(|row| row.credit_balance()))
}

/// Sets the credits and invalidates all reservations of instances. `None` for unlimited.
pub async fn set(tx: &mut Tx, id: KeyId, credits: Option<Credits>, now: Timestamp) -> Result<(), StoreError> {
    set_columns(Columns::new(), credits, now).set_sql("credits_version", "coalesce(credits_version, 0) + 1").update(tx, "api_keys", "id", id).await?;
    secrets::touch(tx, id).await
}

/// Stores the credits that remain after a reservation, a refill or a return.
pub async fn set_remaining(tx: &mut Tx, id: KeyId, remaining: i64, refilled_at: Timestamp) -> Result<(), StoreError> {
    let sql = "update api_keys set credits_remaining = $1, credits_refilled_at = $2 where id = $3";
    sqlx::query(sql).bind(remaining).bind(refilled_at).bind(id).execute(tx).await?;
    Ok(())
}
