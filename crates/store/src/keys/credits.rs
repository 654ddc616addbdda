//! Credits of keys, shared by all instances on the database.

use super::{
    super::{StoreError, Tx},
    LimitColumns,
};
use latchkey_types::{
    id::KeyId,
    limits::{Credits, Refill},
    time::Timestamp,
};

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
        let refill: Refill = self.credits_refill.as_deref()?.parse().ok()?;
        Some(CreditBalance {
            credits: Credits { remaining: self.credits_remaining?, refill, amount: self.credits_amount? },
            refilled_at: Timestamp(self.credits_refilled_at?),
            version: self.credits_version?,
        })
    }
}

/// The credits of a key that is not deleted, if it has any.
pub async fn find(tx: &mut Tx, id: KeyId) -> Result<Option<CreditBalance>, StoreError> {
    let sql = "select rate_limits, allowed_ips, credits_remaining, credits_refill, credits_amount, credits_refilled_at, credits_version \
               from api_keys where id = $1 and deleted_at is null";
    let row: Option<LimitColumns> = sqlx::query_as(sql).bind(id.to_string()).fetch_optional(tx).await?;
    Ok(row.and_then(|row| row.credit_balance()))
}

/// Sets the credits and invalidates all reservations of instances. `None` for unlimited.
pub async fn set(tx: &mut Tx, id: KeyId, credits: Option<Credits>, now: Timestamp) -> Result<(), StoreError> {
    let sql = "update api_keys set credits_remaining = $1, credits_refill = $2, credits_amount = $3, credits_refilled_at = $4, \
               credits_version = coalesce(credits_version, 0) + 1 where id = $5";
    sqlx::query(sql)
        .bind(credits.map(|credits| credits.remaining))
        .bind(credits.map(|credits| credits.refill.as_str()))
        .bind(credits.map(|credits| credits.amount))
        .bind(credits.map(|credits| credits.refill.period_start(now).0))
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Stores the credits that remain after a reservation, a refill or a return.
pub async fn set_remaining(tx: &mut Tx, id: KeyId, remaining: i64, refilled_at: Timestamp) -> Result<(), StoreError> {
    let sql = "update api_keys set credits_remaining = $1, credits_refilled_at = $2 where id = $3";
    sqlx::query(sql).bind(remaining).bind(refilled_at.0).bind(id.to_string()).execute(tx).await?;
    Ok(())
}
