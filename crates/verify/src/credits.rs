//! Credits, reserved from the store in blocks so that spending them needs no read of the store. A crash loses reserved credits and never
//! grants extra ones.

use futures_util::future::{BoxFuture, Shared};

use latchkey_store::{
    Store,
    keys::credits::{self, CreditBalance},
};
use latchkey_types::{error::Error, id::KeyId, time::Timestamp};

/// Smallest and largest block per reservation, if that many credits are left.
const BLOCK_RANGE: (i64, i64) = (16, 65_536);
/// If a block is spent within this time (milliseconds), the next one is twice as large.
const FAST_MS: i64 = 1000;
/// For how long an exhausted balance is cached, in milliseconds: another instance may return credits that it reserved.
const EXHAUSTED_MS: i64 = 1000;
/// A block is at most 1/4 of what is left, so that several instances get some.
const MAX_SHARE_DIVISOR: i64 = 4;

/// A reservation in progress, shared by all waiting callers. Resolves to whether the key has a credit limit at all; store errors are logged.
pub(super) type PendingReservation = Shared<BoxFuture<'static, Result<bool, ()>>>;

/// Credits of one key that this instance has reserved.
#[derive(Default)]
pub(super) struct Reserve {
    /// Version of the credit setting that the reserved credits belong to.
    version: i64,
    /// Reserved and not spent.
    balance: i64,
    /// What the store had left after the last reservation; `None` before the first one.
    left: Option<i64>,
    /// The next refill, which invalidates the reserved credits.
    until: Option<Timestamp>,
    /// Time of the last reservation, in ticks.
    reserved_at: i64,
    /// Size of the last requested block.
    block: i64,
    pub(super) pending: Option<PendingReservation>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum SpendResult {
    Allowed,
    /// This many credits are missing; the store may have them.
    NeedsCredits(i64),
    CreditsExhausted,
    /// The credits were changed since the record was read.
    Outdated,
}

/// Credits that the store granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    version: i64,
    amount: i64,
    left: i64,
    until: Option<Timestamp>,
}

impl Reserve {
    /// Spends `cost` credits, if the reserved ones belong to this `version`.
    pub(super) fn spend(&mut self, version: i64, cost: i64, now: Timestamp, ticks: i64) -> SpendResult {
        if self.version > version {
            return SpendResult::Outdated;
        }
        if self.version < version || self.until.is_some_and(|end| end <= now) {
            self.void(version);
        }
        let Some(left) = self.left else { return SpendResult::NeedsCredits(cost) };
        if cost <= self.balance {
            self.balance -= cost;
            SpendResult::Allowed
        } else if self.balance + left < cost && ticks - self.reserved_at < EXHAUSTED_MS {
            SpendResult::CreditsExhausted
        } else {
            SpendResult::NeedsCredits(cost - self.balance)
        }
    }

    fn void(&mut self, version: i64) {
        *self = Self { version, pending: self.pending.take(), ..Self::default() };
    }

    /// Size of the next block, at least `missing`. Doubles when the last block was spent within [`FAST_MS`], else halves.
    pub(super) fn next_block(&mut self, missing: i64, ticks: i64) -> i64 {
        let is_fast = ticks - self.reserved_at < FAST_MS;
        let size = if is_fast { self.block.saturating_mul(2) } else { self.block / 2 };
        self.block = size.clamp(BLOCK_RANGE.0, BLOCK_RANGE.1);
        self.block.max(missing)
    }

    pub(super) fn add(&mut self, block: Block, ticks: i64) {
        if block.version < self.version {
            return;
        }
        if block.version > self.version || block.until != self.until {
            self.void(block.version);
        }
        self.balance += block.amount;
        (self.left, self.until, self.reserved_at) = (Some(block.left), block.until, ticks);
    }

    /// Credits left: reserved ones plus what the store had at the last reservation.
    pub(super) fn left(&self) -> Option<i64> {
        self.left.map(|left| left + self.balance)
    }

    /// Time of the next refill, if there is one and it is known.
    pub(super) fn refills_at(&self) -> Option<Timestamp> {
        self.until
    }

    /// Reserved credits of this version of the setting; the store counts them as spent.
    pub(super) fn reserved_of(&self, version: i64, now: Timestamp) -> i64 {
        let is_void = self.version != version || self.until.is_some_and(|end| end <= now);
        if is_void { 0 } else { self.balance }
    }

    /// Removes all reserved credits and returns their version, the refill that invalidates them, and their number.
    pub(super) fn take_reserved(&mut self) -> (i64, Option<Timestamp>, i64) {
        self.left = None;
        (self.version, self.until, std::mem::take(&mut self.balance))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.balance == 0 && self.pending.is_none()
    }
}

/// Reserves up to `requested` credits, and at least `missing` if that many are left. `None` if the key no longer has a credit limit.
pub(super) async fn reserve(store: &Store, id: KeyId, missing: i64, requested: i64) -> Result<Option<Block>, Error> {
    let mut tx = store.begin().await?;
    let now = Timestamp::now();
    let Some(account) = credits::find(&mut tx, id).await?.map(|account| account.at(now)) else { return Ok(None) };
    let block = next_block(&account, missing, requested, now);
    credits::set_remaining(&mut tx, id, block.left, account.refilled_at).await?;
    tx.commit().await?;
    Ok(Some(block))
}

fn next_block(account: &CreditBalance, missing: i64, requested: i64, now: Timestamp) -> Block {
    let left = account.credits.remaining;
    let amount = requested.min(left / MAX_SHARE_DIVISOR).max(missing).min(left);
    Block { version: account.version, amount, left: left - amount, until: account.credits.refill.next(now) }
}

/// Returns unspent credits to the store, unless the credits were changed or refilled since they were reserved.
pub(super) async fn return_credits(store: &Store, id: KeyId, version: i64, until: Option<Timestamp>, unspent: i64) -> Result<(), Error> {
    let mut tx = store.begin().await?;
    let now = Timestamp::now();
    let Some(account) = credits::find(&mut tx, id).await?.map(|account| account.at(now)) else { return Ok(()) };
    if account.version == version && account.credits.refill.next(now) == until {
        credits::set_remaining(&mut tx, id, account.credits.remaining + unspent, account.refilled_at).await?;
    }
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::limits::{Credits, Refill};

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn block(version: i64, amount: i64, left: i64) -> Block {
        Block { version, amount, left, until: None }
    }

    #[test]
    fn spends_no_more_than_is_reserved() {
        let mut reserve = Reserve::default();
        assert_eq!(reserve.spend(0, 1, NOW, 0), SpendResult::NeedsCredits(1));
        reserve.add(block(0, 3, 0), 0);
        assert_eq!((reserve.spend(0, 2, NOW, 0), reserve.left()), (SpendResult::Allowed, Some(1)));
        assert_eq!((reserve.spend(0, 2, NOW, 0), reserve.left()), (SpendResult::CreditsExhausted, Some(1)));
        assert_eq!(reserve.spend(0, 0, NOW, 0), SpendResult::Allowed);
        assert_eq!(
            reserve.spend(0, 2, NOW, EXHAUSTED_MS),
            SpendResult::NeedsCredits(1),
            "the store is read again once the cached exhaustion expires"
        );
        assert_eq!(reserve.spend(0, 1, NOW, 0), SpendResult::Allowed);
    }

    #[test]
    fn changing_the_credits_voids_reserved_ones() {
        let mut reserve = Reserve::default();
        reserve.add(block(1, 5, 5), 0);
        assert_eq!(reserve.spend(2, 1, NOW, 0), SpendResult::NeedsCredits(1));
        reserve.add(block(1, 5, 0), 0);
        assert_eq!(reserve.left(), None, "a block of an older version is ignored");
        reserve.add(block(3, 5, 0), 0);
        assert_eq!(reserve.spend(2, 1, NOW, 0), SpendResult::Outdated);
        assert_eq!((reserve.reserved_of(3, NOW), reserve.reserved_of(2, NOW)), (5, 0));
    }

    #[test]
    fn a_refill_voids_reserved_credits() {
        let mut reserve = Reserve::default();
        reserve.add(Block { until: Some(NOW.plus_ms(10)), ..block(0, 5, 5) }, 0);
        assert_eq!(reserve.spend(0, 1, NOW, 0), SpendResult::Allowed);
        assert_eq!(reserve.reserved_of(0, NOW.plus_ms(10)), 0);
        assert_eq!(reserve.spend(0, 1, NOW.plus_ms(10), 0), SpendResult::NeedsCredits(1));
    }

    #[test]
    fn blocks_grow_with_demand_and_leave_credits_to_others() {
        let mut reserve = Reserve::default();
        let sizes: Vec<i64> = (0..4)
            .map(|turn| {
                let size = reserve.next_block(1, turn);
                reserve.add(block(0, size, 1_000_000), turn);
                size
            })
            .collect();
        assert_eq!(sizes, [16, 32, 64, 128]);
        assert_eq!(reserve.next_block(1, FAST_MS + 3), 64);
        assert_eq!(reserve.next_block(1000, FAST_MS + 3), 1000);
        let account =
            |remaining| CreditBalance { credits: Credits { remaining, refill: Refill::Never, amount: 0 }, refilled_at: Timestamp(0), version: 0 };
        for (remaining, missing, requested, amount) in [(100, 1, 16, 16), (40, 1, 16, 10), (3, 1, 16, 1), (3, 3, 16, 3), (2, 3, 16, 2), (0, 1, 16, 0)]
        {
            let block = next_block(&account(remaining), missing, requested, NOW);
            assert_eq!((block.amount, block.left), (amount, remaining - amount), "{remaining} {missing}");
        }
    }
}
