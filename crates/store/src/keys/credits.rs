//! Credits of keys, shared by all instances on the database.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{
    super::{Connection, Store, StoreError, Tx, columns::Columns},
    LimitColumns, secrets,
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
    /// Incremented whenever the balance is set, by a user or by a refill, which voids all reservations.
    pub version: i64,
}

/// Credits that an instance reserved and did not spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnspentCredits {
    pub key: KeyId,
    /// The version of the balance from which they were reserved.
    pub version: i64,
    pub amount: i64,
}

impl CreditBalance {
    /// The credits at `now`, refilled if due.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        let due = self.credits.refill.period_start(now);
        if due <= self.refilled_at {
            return self;
        }
        Self { credits: Credits { remaining: self.credits.amount, ..self.credits }, refilled_at: due, version: self.version + 1 }
    }

    /// The same balance with another refill from `now` on; reserved credits stay valid.
    #[must_use]
    pub fn with_refill(self, refill: Refill, amount: i64, now: Timestamp) -> Self {
        Self { credits: Credits { refill, amount, ..self.credits }, refilled_at: refill.period_start(now), ..self }
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

const LIMITS: &str = "select rate_limits, address_rate_limits, allowed_ips, allowed_origins, credits_remaining, credits_refill, credits_amount, \
     credits_refilled_at, credits_version from api_keys where id = $1 and deleted_at is null";

/// The credits of a key that is not deleted, if it has any.
pub async fn find(db: &mut Connection, id: KeyId) -> Result<Option<CreditBalance>, StoreError> {
    let row: Option<LimitColumns> = sqlx::query_as(LIMITS).bind(id).fetch_optional(db).await?;
    Ok(row.and_then(|row| row.credit_balance()))
}

/// Like [`find`], for a change of the balance: others wait until it is committed.
pub async fn find_for_update(tx: &mut Tx, id: KeyId) -> Result<Option<CreditBalance>, StoreError> {
    let sql = AssertSqlSafe(format!("{LIMITS}{}", tx.for_update()));
    let row: Option<LimitColumns> = sqlx::query_as(sql).bind(id).fetch_optional(tx).await?;
    Ok(row.and_then(|row| row.credit_balance()))
}

/// Sets the credits and invalidates all reservations of instances. `None` for unlimited.
pub async fn set(tx: &mut Tx, id: KeyId, credits: Option<Credits>, now: Timestamp) -> Result<(), StoreError> {
    set_columns(Columns::new(), credits, now).set_sql("credits_version", "coalesce(credits_version, 0) + 1").update(tx, "api_keys", "id", id).await?;
    secrets::touch(tx, id).await
}

/// Stores a balance after a reservation, a refill, or a change of the refill.
pub async fn store_balance(tx: &mut Tx, id: KeyId, balance: &CreditBalance) -> Result<(), StoreError> {
    let CreditBalance { credits, refilled_at, version } = *balance;
    Columns::new()
        .set("credits_remaining", credits.remaining)
        .set("credits_refill", credits.refill)
        .set("credits_amount", credits.amount)
        .set("credits_refilled_at", refilled_at)
        .set("credits_version", version)
        .update(tx, "api_keys", "id", id)
        .await
}

/// Returns unspent credits of many keys, at most one entry per key, unless their balance was set since they were reserved. If a refill is due,
/// it replaces the balance anyway.
pub async fn return_unspent(store: &Store, tx: &mut Tx, unspent: &[UnspentCredits]) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!(
        "update api_keys set credits_remaining = credits_remaining + unspent.amount from \
         (select value ->> 0 as id, cast(value ->> 1 as bigint) as version, cast(value ->> 2 as bigint) as amount from {}) as unspent \
         where api_keys.id = unspent.id and api_keys.credits_version = unspent.version and api_keys.deleted_at is null",
        store.json_rows()
    ));
    let rows = unspent.iter().map(|credits| json!([credits.key, credits.version, credits.amount])).collect::<Value>().to_string();
    if tx.is_shared() {
        // In the order in which all transactions lock keys: the update would lock them in any order.
        let locked = format!("select id from api_keys where id in (select value ->> 0 from {})", tx.json_rows());
        let locked = AssertSqlSafe(format!("{locked} order by id{}{}", tx.bytewise_collation(), tx.for_update()));
        sqlx::query(locked).bind(&rows).execute(&mut *tx).await?;
    }
    sqlx::query(sql).bind(rows).execute(tx).await?;
    Ok(())
}
