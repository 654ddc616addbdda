//! Credits: reserved in blocks, so that taking them costs no read of the store. A crash loses what was reserved, and grants nothing.

use futures_util::future::{BoxFuture, Shared};

use crate::{
    model::{fault::Fault, id::KeyId, time::Timestamp},
    server::store::{
        Store,
        keys::credits::{self, Account},
    },
};

/// The smallest and the largest block that is reserved at once, where so many are left.
const BLOCK_RANGE: (i64, i64) = (16, 65_536);
/// A block that is spent within this time is followed by a larger one: milliseconds.
const SOON_MS: i64 = 1000;
/// How long it is believed that nothing is left, in milliseconds: another server may give back what it had reserved.
const EXHAUSTED_MS: i64 = 1000;
/// No block is more than this part of what is left, so that several servers get some.
const PART: i64 = 4;

/// A reservation that goes on; those who wait share it. It answers whether the key has credits at all; the store's error is in the log.
pub(super) type Reserving = Shared<BoxFuture<'static, Result<bool, ()>>>;

/// What this server has reserved of a key's credits.
#[derive(Default)]
pub(super) struct Reserve {
    /// Of which setting of the credits.
    version: i64,
    /// What may be spent.
    held: i64,
    /// What the store had left then; `None` before the first reservation.
    left: Option<i64>,
    /// When the next refill makes it void.
    until: Option<Timestamp>,
    /// When the store was asked last.
    asked_at: i64,
    /// How many were asked for then.
    block: i64,
    /// The reservation that goes on.
    pub(super) reserving: Option<Reserving>,
}

/// How spending went.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Spent {
    Yes,
    /// So many are missing, and the store may have them.
    Short(i64),
    Exhausted,
    /// Somebody set the credits since the record was read.
    Outdated,
}

/// What the store gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    version: i64,
    given: i64,
    left: i64,
    until: Option<Timestamp>,
}

impl Reserve {
    /// Spends so many of the credits of this setting.
    pub(super) fn spend(&mut self, version: i64, cost: i64, now: Timestamp, ticks: i64) -> Spent {
        if self.version > version {
            return Spent::Outdated;
        }
        if self.version < version || self.until.is_some_and(|end| end <= now) {
            self.void(version);
        }
        let Some(left) = self.left else { return Spent::Short(cost) };
        if cost <= self.held {
            self.held -= cost;
            Spent::Yes
        } else if self.held + left < cost && ticks - self.asked_at < EXHAUSTED_MS {
            Spent::Exhausted
        } else {
            Spent::Short(cost - self.held)
        }
    }

    fn void(&mut self, version: i64) {
        *self = Self { version, reserving: self.reserving.take(), ..Self::default() };
    }

    /// How many to ask for when so many are missing: more each time that a block is spent soon.
    pub(super) fn next_block(&mut self, missing: i64, ticks: i64) -> i64 {
        let was_soon = ticks - self.asked_at < SOON_MS;
        let grown = if was_soon { self.block.saturating_mul(2) } else { self.block / 2 };
        self.block = grown.clamp(BLOCK_RANGE.0, BLOCK_RANGE.1);
        self.block.max(missing)
    }

    /// Adds what the store gave.
    pub(super) fn add(&mut self, block: Block, ticks: i64) {
        if block.version < self.version {
            return;
        }
        if block.version > self.version || block.until != self.until {
            self.void(block.version);
        }
        self.held += block.given;
        (self.left, self.until, self.asked_at) = (Some(block.left), block.until, ticks);
    }

    /// What is left, here and in the store as it was last seen.
    pub(super) fn left(&self) -> Option<i64> {
        self.left.map(|left| left + self.held)
    }

    /// When they are filled up again, where they are and that is known.
    pub(super) fn refills_at(&self) -> Option<Timestamp> {
        self.until
    }

    /// What is reserved of a setting of the credits, and counts as spent in the store.
    pub(super) fn held_of(&self, version: i64, now: Timestamp) -> i64 {
        let is_void = self.version != version || self.until.is_some_and(|end| end <= now);
        if is_void { 0 } else { self.held }
    }

    /// Takes out all that is reserved: the setting and the span that it is of, and how many.
    pub(super) fn give_back(&mut self) -> (i64, Option<Timestamp>, i64) {
        self.left = None;
        (self.version, self.until, std::mem::take(&mut self.held))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held == 0 && self.reserving.is_none()
    }
}

/// Reserves up to `wanted` credits, and at least `missing` where so many are left. `None` for a key that has none any more.
///
/// # Errors
/// `Unavailable`.
pub(super) async fn reserve(store: &Store, id: KeyId, missing: i64, wanted: i64) -> Result<Option<Block>, Fault> {
    store
        .write(move |tx| {
            Box::pin(async move {
                let now = Timestamp::now();
                let Some(account) = credits::find(tx, id).await?.map(|account| account.at(now)) else { return Ok(None) };
                let block = block_of(&account, missing, wanted, now);
                credits::leave(tx, id, block.left, account.refilled_at).await?;
                Ok(Some(block))
            })
        })
        .await
}

fn block_of(account: &Account, missing: i64, wanted: i64, now: Timestamp) -> Block {
    let left = account.credits.remaining;
    let given = wanted.min(left / PART).max(missing).min(left);
    Block { version: account.version, given, left: left - given, until: account.credits.refill.next(now) }
}

/// Gives back what was reserved and not spent, unless the credits were set or filled up since.
///
/// # Errors
/// `Unavailable`.
pub(super) async fn give_back(store: &Store, id: KeyId, version: i64, until: Option<Timestamp>, held: i64) -> Result<(), Fault> {
    store
        .write(move |tx| {
            Box::pin(async move {
                let now = Timestamp::now();
                let Some(account) = credits::find(tx, id).await?.map(|account| account.at(now)) else { return Ok(()) };
                if account.version == version && account.credits.refill.next(now) == until {
                    credits::leave(tx, id, account.credits.remaining + held, account.refilled_at).await?;
                }
                Ok(())
            })
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::{Credits, Refill};

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn block(version: i64, given: i64, left: i64) -> Block {
        Block { version, given, left, until: None }
    }

    #[test]
    fn what_is_reserved_is_spent_and_no_more() {
        let mut reserve = Reserve::default();
        assert_eq!(reserve.spend(0, 1, NOW, 0), Spent::Short(1));
        reserve.add(block(0, 3, 0), 0);
        assert_eq!((reserve.spend(0, 2, NOW, 0), reserve.left()), (Spent::Yes, Some(1)));
        assert_eq!((reserve.spend(0, 2, NOW, 0), reserve.left()), (Spent::Exhausted, Some(1)));
        assert_eq!(reserve.spend(0, 0, NOW, 0), Spent::Yes);
        assert_eq!(reserve.spend(0, 2, NOW, EXHAUSTED_MS), Spent::Short(1), "the store is asked again after a while");
        assert_eq!(reserve.spend(0, 1, NOW, 0), Spent::Yes);
    }

    #[test]
    fn what_was_reserved_before_somebody_set_the_credits_is_void() {
        let mut reserve = Reserve::default();
        reserve.add(block(1, 5, 5), 0);
        assert_eq!(reserve.spend(2, 1, NOW, 0), Spent::Short(1));
        reserve.add(block(1, 5, 0), 0);
        assert_eq!(reserve.left(), None, "a reservation that began before");
        reserve.add(block(3, 5, 0), 0);
        assert_eq!(reserve.spend(2, 1, NOW, 0), Spent::Outdated);
        assert_eq!((reserve.held_of(3, NOW), reserve.held_of(2, NOW)), (5, 0));
    }

    #[test]
    fn a_refill_makes_void_what_was_reserved_before_it() {
        let mut reserve = Reserve::default();
        reserve.add(Block { until: Some(NOW.plus_ms(10)), ..block(0, 5, 5) }, 0);
        assert_eq!(reserve.spend(0, 1, NOW, 0), Spent::Yes);
        assert_eq!(reserve.held_of(0, NOW.plus_ms(10)), 0);
        assert_eq!(reserve.spend(0, 1, NOW.plus_ms(10), 0), Spent::Short(1));
    }

    #[test]
    fn blocks_grow_while_they_are_spent_soon_and_leave_some_to_others() {
        let mut reserve = Reserve::default();
        let asked: Vec<i64> = (0..4)
            .map(|turn| {
                let wanted = reserve.next_block(1, turn);
                reserve.add(block(0, wanted, 1_000_000), turn);
                wanted
            })
            .collect();
        assert_eq!(asked, [16, 32, 64, 128]);
        assert_eq!(reserve.next_block(1, SOON_MS + 3), 64);
        assert_eq!(reserve.next_block(1000, SOON_MS + 3), 1000);
        let account = |remaining| Account { credits: Credits { remaining, refill: Refill::Never, amount: 0 }, refilled_at: Timestamp(0), version: 0 };
        for (remaining, missing, wanted, given) in [(100, 1, 16, 16), (40, 1, 16, 10), (3, 1, 16, 1), (3, 3, 16, 3), (2, 3, 16, 2), (0, 1, 16, 0)] {
            let block = block_of(&account(remaining), missing, wanted, NOW);
            assert_eq!((block.given, block.left), (given, remaining - given), "{remaining} {missing}");
        }
    }
}
