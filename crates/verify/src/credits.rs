//! Credits, reserved from the store in blocks so that spending them needs no read of the store. A crash loses reserved credits and never
//! grants extra ones.

use std::{
    collections::HashSet,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_util::future::{BoxFuture, Shared};

use super::identity_hasher::BuildIdentityHasher;
use latchkey_store::{
    Store, WriteLock,
    keys::credits::{self, CreditBalance, UnspentCredits},
};
use latchkey_types::{
    error::Error,
    id::KeyId,
    limits::{Credits, Refill},
    time::Timestamp,
};

/// Smallest and largest block per reservation, if that many credits are left.
const BLOCK_RANGE: (i64, i64) = (16, 65_536);
/// If a block is spent within this time (milliseconds), the next one is twice as large.
const FAST_MS: i64 = 1000;
/// For how long an exhausted balance is cached, in milliseconds: another instance may return credits that it reserved.
const EXHAUSTED_MS: i64 = 1000;
/// Reserved credits that are not spent for this long (milliseconds) are returned, so that other instances can spend them and a crash does not
/// lose them.
const IDLE_MS: i64 = 2000;
/// Number of keys whose credits are returned by one statement.
pub(super) const RETURN_BATCH: usize = 1000;
/// A block is at most 1/4 of an instance's part of what is left, so that all of them get some.
const MAX_SHARE_DIVISOR: i64 = 4;
/// If fewer credits are left for several instances, only those that are spent are reserved: what one of them holds in advance, the others would
/// refuse.
const SCARCE: i64 = 64;

/// A reservation in progress, shared by all waiting callers. Resolves to whether the key has a credit limit at all; store errors are logged.
pub(super) type PendingReservation = Shared<BoxFuture<'static, Result<bool, ()>>>;

/// Credits of one key that this instance has reserved.
#[derive(Default)]
pub(super) struct Reserve {
    /// Version of the balance that the reserved credits belong to.
    version: i64,
    /// Reserved and not spent.
    balance: i64,
    /// All that the store has granted of this version.
    granted: i64,
    /// What the store had left after the last reservation. While it is `None`, a reservation must confirm the balance before it is spent.
    left: Option<i64>,
    /// The next refill. Whether it took place, which voids the reserved credits, is seen by the next reservation.
    until: Option<Timestamp>,
    /// When the key's record says that credits are refilled. After a change of it, `until` must be read again.
    refill: Refill,
    /// Time of the last reservation, in ticks.
    reserved_at: i64,
    /// Time at which credits were last reserved or spent, in ticks.
    used_at: i64,
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
    /// Adopts the refill of the key's record. If it has changed, a reservation must confirm the balance, and reads the time of the next refill.
    pub(super) fn set_refill(&mut self, refill: Refill) {
        if self.refill != refill {
            self.refill = refill;
            (self.left, self.until) = (None, None);
        }
    }

    /// Spends `cost` credits, if the reserved ones belong to this `version`.
    pub(super) fn spend(&mut self, version: i64, cost: i64, now: Timestamp, ticks: i64) -> SpendResult {
        if self.version > version {
            return SpendResult::Outdated;
        }
        if self.version < version {
            self.void(version);
        }
        if self.until.is_some_and(|end| end <= now) {
            (self.left, self.until) = (None, None);
        }
        let Some(left) = self.left else { return SpendResult::NeedsCredits(cost) };
        if cost <= self.balance {
            self.balance -= cost;
            self.used_at = ticks;
            SpendResult::Allowed
        } else if self.balance + left < cost && ticks - self.reserved_at < EXHAUSTED_MS {
            SpendResult::CreditsExhausted
        } else {
            SpendResult::NeedsCredits(cost - self.balance)
        }
    }

    /// Reverses [`Self::spend`], unless the balance has another version by now.
    pub(super) fn return_spent(&mut self, version: i64, cost: i64) -> bool {
        let is_current = self.version == version;
        if is_current {
            self.balance += cost;
        }
        is_current
    }

    fn void(&mut self, version: i64) {
        *self = Self { version, refill: self.refill, pending: self.pending.take(), ..Self::default() };
    }

    /// Size of the next block, at least `missing`. Doubles when the last block was spent within [`FAST_MS`], else halves.
    pub(super) fn next_block(&mut self, missing: i64, ticks: i64) -> i64 {
        let is_fast = ticks - self.reserved_at < FAST_MS;
        let size = if is_fast { self.block.saturating_mul(2) } else { self.block / 2 };
        self.block = size.clamp(BLOCK_RANGE.0, BLOCK_RANGE.1);
        self.block.max(missing)
    }

    /// Adds a reserved block. Its version counts even if it is older: a restored database has older versions.
    pub(super) fn add(&mut self, block: Block, ticks: i64) {
        if block.version != self.version {
            self.void(block.version);
        }
        self.balance += block.amount;
        self.granted = self.granted.saturating_add(block.amount);
        (self.left, self.until) = (Some(block.left), block.until);
        (self.reserved_at, self.used_at) = (ticks, ticks);
    }

    /// Credits left: reserved ones plus what the store had at the last reservation.
    pub(super) fn left(&self) -> Option<i64> {
        self.left.map(|left| left + self.balance)
    }

    /// Time of the next refill, if there is one and it is known.
    pub(super) fn refills_at(&self) -> Option<Timestamp> {
        self.until
    }

    /// Reserved credits of this version of the balance; the store counts them as spent.
    pub(super) fn reserved_of(&self, version: i64) -> i64 {
        if self.version == version { self.balance } else { 0 }
    }

    /// Whether the store has granted any credits of this version of the balance.
    pub(super) fn has_been_granted(&self, version: i64) -> bool {
        self.version == version && self.granted > 0
    }

    pub(super) fn has_credits(&self) -> bool {
        self.balance > 0
    }

    pub(super) fn is_unused(&self, ticks: i64) -> bool {
        ticks - self.used_at >= IDLE_MS && self.pending.is_none()
    }

    /// Removes all reserved credits, to return them to the store.
    pub(super) fn take_unspent(&mut self, key: KeyId) -> UnspentCredits {
        let amount = mem::take(&mut self.balance);
        self.left = self.left.map(|left| left + amount);
        UnspentCredits { key, version: self.version, amount }
    }

    /// Reverses [`Self::take_unspent`] after the store did not take the credits.
    pub(super) fn put_back(&mut self, unspent: &UnspentCredits) {
        // The limiter was dropped in between, and this is a new one. A reservation confirms the version.
        if self.left.is_none() && self.balance == 0 {
            self.version = unspent.version;
        }
        if self.version == unspent.version {
            self.balance += unspent.amount;
            self.left = None;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.balance == 0 && self.pending.is_none()
    }
}

/// Reserves up to `requested` credits and at least `missing`, or none if fewer are left. `None` if the key no longer has a credit limit.
pub(super) async fn reserve(store: &Store, id: KeyId, missing: i64, requested: i64) -> Result<Option<Block>, Error> {
    let mut tx = store.begin_locked(WriteLock::Nothing).await?;
    let now = Timestamp::now();
    let Some(account) = credits::find_for_update(&mut tx, id).await?.map(|account| account.at(now)) else { return Ok(None) };
    let block = next_block(&account, missing, requested, store.instance_count(), now);
    let remaining = Credits { remaining: block.left, ..account.credits };
    credits::store_balance(&mut tx, id, &CreditBalance { credits: remaining, ..account }).await?;
    tx.commit().await?;
    Ok(Some(block))
}

fn next_block(account: &CreditBalance, missing: i64, requested: i64, instances: i64, now: Timestamp) -> Block {
    let left = account.credits.remaining;
    let amount = match left {
        _ if left < missing => 0,
        _ if instances > 1 && left < SCARCE => missing,
        _ => requested.min(left / instances.saturating_mul(MAX_SHARE_DIVISOR)).max(missing),
    };
    Block { version: account.version, amount, left: left - amount, until: account.credits.refill.next(now) }
}

/// Returns unspent credits of at most [`RETURN_BATCH`] keys to the store.
pub(super) async fn return_unspent(store: &Store, unspent: &[UnspentCredits]) -> Result<(), Error> {
    let mut tx = store.begin_locked(WriteLock::Nothing).await?;
    credits::return_unspent(store, &mut tx, unspent).await?;
    tx.commit().await
}

/// The keys with reserved credits. Only reserving and returning them use it, not spending.
#[derive(Default)]
pub(super) struct KeysWithReservedCredits(Mutex<HashSet<KeyId, BuildIdentityHasher>>);

impl KeysWithReservedCredits {
    pub(super) fn insert(&self, key: KeyId) {
        self.lock().insert(key);
    }

    /// Removes and returns all keys.
    pub(super) fn take(&self) -> HashSet<KeyId, BuildIdentityHasher> {
        mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<KeyId, BuildIdentityHasher>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use futures_util::FutureExt;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn block(version: i64, amount: i64, left: i64) -> Block {
        Block { version, amount, left, until: None }
    }

    /// As if the reserved credits had not been used for a while.
    pub(crate) fn make_unused(reserve: &mut Reserve) {
        reserve.used_at -= IDLE_MS;
    }

    #[test]
    fn what_the_store_has_left_counts_before_credits_are_exhausted() {
        for (cost, result) in [(6, SpendResult::NeedsCredits(3)), (8, SpendResult::NeedsCredits(5)), (9, SpendResult::CreditsExhausted)] {
            let mut reserve = Reserve::default();
            reserve.add(block(0, 3, 5), 500);
            assert_eq!(reserve.spend(0, cost, NOW, 500), result, "{cost}");
        }
        let mut reserve = Reserve::default();
        reserve.add(block(0, 1, 1), 500);
        assert_eq!(reserve.spend(0, 2, NOW, 500), SpendResult::NeedsCredits(1));
        assert_eq!(reserve.spend(0, 3, NOW, 499 + EXHAUSTED_MS), SpendResult::CreditsExhausted);
        assert_eq!(reserve.spend(0, 3, NOW, 500 + EXHAUSTED_MS), SpendResult::NeedsCredits(2));
    }

    #[test]
    fn the_time_of_the_next_refill_is_reported() {
        let (mut reserve, at) = (Reserve::default(), NOW.plus_ms(10));
        assert_eq!(reserve.refills_at(), None);
        reserve.add(Block { until: Some(at), ..block(0, 5, 5) }, 0);
        assert_eq!(reserve.refills_at(), Some(at));
    }

    #[test]
    fn a_reserve_with_credits_or_a_reservation_is_not_empty() {
        let mut reserve = Reserve::default();
        assert!(reserve.is_empty() && !reserve.has_credits() && reserve.is_unused(IDLE_MS));
        reserve.pending = Some(async { Ok::<bool, ()>(true) }.boxed().shared());
        assert!(!reserve.is_empty() && !reserve.is_unused(IDLE_MS));
        reserve.add(block(1, 2, 0), 0);
        assert!(reserve.pending.is_some(), "a change of the credits does not end the reservation");
        assert!(reserve.has_credits());
        reserve.pending = None;
        assert!(!reserve.is_empty());
        assert_eq!(reserve.spend(1, 2, NOW, 0), SpendResult::Allowed);
        assert!(reserve.is_empty() && !reserve.has_credits());
    }

    #[test]
    fn holders_are_taken_once() {
        let (holders, key) = (KeysWithReservedCredits::default(), KeyId::new());
        holders.insert(key);
        holders.insert(key);
        assert!(holders.take().into_iter().eq([key]));
        assert!(holders.take().is_empty());
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
        assert_eq!(reserve.spend(2, 1, NOW, 0), SpendResult::NeedsCredits(1), "a block of an older version is void");
        reserve.add(block(3, 5, 0), 0);
        assert_eq!(reserve.spend(2, 1, NOW, 0), SpendResult::Outdated);
        assert_eq!((reserve.reserved_of(3), reserve.reserved_of(2)), (5, 0));
    }

    #[test]
    fn a_restored_database_voids_reserved_credits() {
        let mut reserve = Reserve::default();
        reserve.add(block(3, 5, 5), 0);
        assert_eq!(reserve.spend(1, 1, NOW, 0), SpendResult::Outdated);
        reserve.add(block(1, 2, 0), 0);
        assert_eq!((reserve.spend(1, 1, NOW, 0), reserve.left()), (SpendResult::Allowed, Some(1)));
    }

    #[test]
    fn a_refill_voids_reserved_credits_if_it_took_place() {
        for (version, left) in [(1, 4), (0, 8)] {
            let mut reserve = Reserve::default();
            reserve.add(Block { until: Some(NOW.plus_ms(10)), ..block(0, 5, 5) }, 0);
            assert_eq!(reserve.spend(0, 1, NOW, 0), SpendResult::Allowed);
            assert_eq!(reserve.spend(0, 1, NOW.plus_ms(10), 0), SpendResult::NeedsCredits(1));
            reserve.add(block(version, 4, 0), 0);
            assert_eq!(reserve.left(), Some(left));
        }
    }

    #[test]
    fn a_changed_refill_is_confirmed_before_credits_are_spent() {
        let mut reserve = Reserve::default();
        reserve.add(block(0, 5, 5), 0);
        reserve.set_refill(Refill::Never);
        assert_eq!(reserve.spend(0, 1, NOW, 0), SpendResult::Allowed);
        reserve.set_refill(Refill::Daily);
        assert_eq!(reserve.spend(0, 1, NOW, 0), SpendResult::NeedsCredits(1));
        let end = NOW.plus_ms(10);
        reserve.add(Block { until: Some(end), ..block(0, 0, 5) }, 0);
        reserve.set_refill(Refill::Daily);
        assert_eq!(reserve.spend(0, 1, NOW, 0), SpendResult::Allowed);
        assert_eq!(reserve.spend(0, 1, end, 0), SpendResult::NeedsCredits(1), "the block ends with the refill");
        reserve.add(block(1, 5, 5), 0);
        reserve.set_refill(Refill::Daily);
        assert_eq!(reserve.spend(1, 1, end, 0), SpendResult::Allowed, "a new version is not a change of the refill");
    }

    #[test]
    fn credits_are_put_back_into_a_new_reserve() {
        let unspent = UnspentCredits { key: KeyId::new(), version: 7, amount: 4 };
        let mut reserve = Reserve::default();
        reserve.put_back(&unspent);
        assert_eq!((reserve.reserved_of(7), reserve.spend(7, 1, NOW, 0)), (4, SpendResult::NeedsCredits(1)));
        reserve.add(block(7, 0, 0), 0);
        assert_eq!(reserve.spend(7, 4, NOW, 0), SpendResult::Allowed);
        let mut reserve = Reserve::default();
        reserve.put_back(&unspent);
        reserve.add(block(8, 1, 0), 0);
        assert_eq!(reserve.left(), Some(1), "credits of an older version are void");
    }

    #[test]
    fn unused_credits_are_returned_or_put_back() {
        let (key, mut reserve) = (KeyId::new(), Reserve::default());
        reserve.add(block(0, 5, 5), 0);
        assert_eq!(reserve.spend(0, 1, NOW, IDLE_MS - 1), SpendResult::Allowed);
        assert!(!reserve.is_unused(IDLE_MS) && reserve.is_unused(2 * IDLE_MS));
        let unspent = reserve.take_unspent(key);
        assert_eq!((unspent, reserve.left()), (UnspentCredits { key, version: 0, amount: 4 }, Some(9)));
        reserve.put_back(&unspent);
        assert_eq!(reserve.spend(0, 1, NOW, 0), SpendResult::NeedsCredits(1), "the store may have changed meanwhile");
        reserve.add(block(0, 1, 4), 0);
        assert_eq!(reserve.left(), Some(9));
        reserve.put_back(&UnspentCredits { version: 7, ..unspent });
        assert_eq!(reserve.left(), Some(9), "credits of another version are void");
    }

    #[test]
    fn spent_credits_are_returned_to_their_own_version() {
        let mut reserve = Reserve::default();
        reserve.add(block(1, 2, 0), 0);
        assert_eq!(reserve.spend(1, 2, NOW, 0), SpendResult::Allowed);
        assert!(reserve.return_spent(1, 2));
        assert_eq!((reserve.left(), reserve.spend(1, 1, NOW, 0)), (Some(2), SpendResult::Allowed));
        reserve.add(block(2, 5, 0), 0);
        assert!(!reserve.return_spent(1, 1));
        assert_eq!(reserve.left(), Some(5));
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
        let mut late = Reserve::default();
        assert_eq!(late.next_block(1, 5000), 16);
        late.add(block(0, 16, 1_000_000), 5000);
        assert_eq!(late.next_block(1, 4999 + FAST_MS), 32);
        let account =
            |remaining| CreditBalance { credits: Credits { remaining, refill: Refill::Never, amount: 0 }, refilled_at: Timestamp(0), version: 0 };
        for (remaining, missing, requested, amount) in [(100, 1, 16, 16), (40, 1, 16, 10), (3, 1, 16, 1), (3, 3, 16, 3), (2, 3, 16, 0), (0, 1, 16, 0)]
        {
            let block = next_block(&account(remaining), missing, requested, 1, NOW);
            assert_eq!((block.amount, block.left), (amount, remaining - amount), "{remaining} {missing}");
        }
        for (remaining, missing, amount) in [(1200, 1, 100), (600, 1, 50), (64, 1, 5), (63, 1, 1), (63, 7, 7), (6, 7, 0)] {
            assert_eq!(next_block(&account(remaining), missing, 100, 3, NOW).amount, amount, "{remaining} {missing} of three instances");
        }
    }
}
