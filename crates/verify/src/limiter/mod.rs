//! Limiter: the state of a key's rate limits and credits on this instance. It outlives changes of the key's record.

mod addresses;
mod rate_windows;
mod rates;

use std::{
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use ipnet::IpNet;
use smallvec::SmallVec;

use super::{
    credits::{Reserve, SpendResult},
    rate_limit_interner::{RateLimitInterner, RateLimits},
    shared_limits::{PendingExchange, SharedLimits, SharedRates},
};
use latchkey_store::keys::LimitColumns;
use latchkey_types::{id::KeyId, limits::Refill, time::Timestamp};

pub(super) use addresses::AddressLimiters;
use rates::{LockedRates, RateAdmission, Rates};

/// Milliseconds since the process started: a monotonic clock.
pub(super) fn ticks() -> i64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    i64::try_from(START.elapsed().as_millis()).unwrap_or(i64::MAX)
}

/// The state of one rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitState {
    /// Requests left in the current window.
    pub remaining: i64,
    /// Milliseconds until the oldest counted requests expire; 0 if none is counted.
    pub reset_ms: i64,
}

/// Result of consuming limits. Only [`Self::Allowed`] consumes anything.
#[derive(Debug)]
pub(super) enum Decision {
    Allowed(Remaining),
    RateLimited(Remaining),
    /// Too few credits are left.
    CreditsExhausted(Remaining),
    /// This many credits must be reserved first.
    NeedsCredits(i64),
    /// Permits of a rate limit must be taken from the store first.
    NeedsPermits(PendingExchange),
    /// The record is older than the balance and must be read again.
    Outdated,
}

/// The state of each rate limit of a key, in their order. One is stored inline; few keys have more.
pub(super) type RateLimitStates = SmallVec<[RateLimitState; 1]>;

/// What is left of a key's limits after an evaluation.
#[derive(Debug, Default)]
pub(super) struct Remaining {
    pub(super) rates: RateLimitStates,
    pub(super) credits: Option<i64>,
    /// Next refill of the credits.
    pub(super) refills_at: Option<Timestamp>,
    /// Milliseconds until the client's address can use the key again, if it has reached one of its limits.
    pub(super) address_retry_after: Option<i64>,
}

/// The limiter of one key.
#[derive(Default)]
pub(super) struct Limiter(Mutex<LimiterState>);

#[derive(Default)]
pub(super) struct LimiterState {
    rates: Rates,
    /// Boxed because few keys have credits.
    reserve: Option<Box<Reserve>>,
}

impl Limiter {
    /// A limiter whose rate limits the instances share.
    pub(super) fn shared(limits: Arc<SharedLimits>, key: KeyId) -> Self {
        Self(Mutex::new(LimiterState { rates: Rates::Shared(SharedRates::of_key(limits, key)), reserve: None }))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, LimiterState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Consumes one request of each rate limit and `cost` credits, or nothing.
    pub(super) fn take(&self, limits: &CachedLimits, cost: i64, now: Timestamp) -> Decision {
        let mut state = self.lock();
        let LimiterState { rates, reserve } = &mut *state;
        let ticks = ticks();
        let mut rates = rates.lock(&limits.rates);
        match rates.admit(ticks) {
            RateAdmission::Free => {}
            RateAdmission::Waits(exchange) => return Decision::NeedsPermits(exchange),
            RateAdmission::Full => return Decision::RateLimited(remaining(&mut rates, reserve, limits, ticks)),
        }
        if let Some(CachedCredits { version, refill, .. }) = limits.credits() {
            let reserve_of_key = reserve.get_or_insert_default();
            reserve_of_key.set_refill(refill);
            match reserve_of_key.spend(version, cost, now, ticks) {
                SpendResult::Allowed => {}
                SpendResult::NeedsCredits(missing) => return Decision::NeedsCredits(missing),
                SpendResult::CreditsExhausted => return Decision::CreditsExhausted(remaining(&mut rates, reserve, limits, ticks)),
                SpendResult::Outdated => return Decision::Outdated,
            }
        }
        rates.add(ticks);
        Decision::Allowed(remaining(&mut rates, reserve, limits, ticks))
    }

    /// What is left. Consumes nothing.
    pub(super) fn remaining(&self, limits: &CachedLimits) -> Remaining {
        let mut state = self.lock();
        let LimiterState { rates, reserve } = &mut *state;
        remaining(&mut rates.lock(&limits.rates), reserve, limits, ticks())
    }

    /// Whether dropping the limiter loses nothing.
    pub(super) fn is_idle(&self) -> bool {
        let mut state = self.lock();
        state.rates.is_idle(ticks()) && state.reserve.as_ref().is_none_or(|reserve| reserve.is_empty())
    }
}

impl LimiterState {
    pub(super) fn reserve(&mut self) -> &mut Reserve {
        self.reserve.get_or_insert_default()
    }
}

fn remaining(rates: &mut LockedRates<'_>, reserve: &mut Option<Box<Reserve>>, limits: &CachedLimits, ticks: i64) -> Remaining {
    let rates = rates.states(ticks);
    let reserve = limits.credits().map(|_| reserve.get_or_insert_default());
    let (credits, refills_at) = reserve.map_or((None, None), |reserve| (reserve.left(), reserve.refills_at()));
    Remaining { rates, credits, refills_at, address_retry_after: None }
}

/// What is cached of a key's credits; the credits themselves are reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CachedCredits {
    /// Version of the balance; incremented whenever a user or a refill sets it.
    pub version: i64,
    pub refill: Refill,
    /// Whether the store had none left when the record was read.
    pub is_empty: bool,
}

/// The limits of a key and the state of its limiter.
pub struct CachedLimits {
    pub rates: RateLimits,
    pub(super) limiter: Arc<Limiter>,
    /// Boxed because most limited keys have only rate limits.
    others: Option<Box<OtherLimits>>,
}

struct OtherLimits {
    address_rates: RateLimits,
    credits: Option<CachedCredits>,
    networks: Box<[IpNet]>,
}

impl CachedLimits {
    /// Limits for each client address, if there are any.
    pub(super) fn address_rates(&self) -> Option<&RateLimits> {
        self.others.as_ref().map(|others| &others.address_rates).filter(|rates| !rates.is_empty())
    }

    /// `None` if the key has no credit limit.
    pub fn credits(&self) -> Option<CachedCredits> {
        self.others.as_ref()?.credits
    }

    /// Networks from which the key may be used; empty allows all.
    pub fn networks(&self) -> &[IpNet] {
        self.others.as_ref().map_or(&[], |others| &others.networks)
    }

    #[cfg(test)]
    pub(super) fn of_networks(networks: Box<[IpNet]>) -> Self {
        let others = OtherLimits { address_rates: Arc::new([]), credits: None, networks };
        Self { rates: Arc::new([]), limiter: Arc::default(), others: Some(Box::new(others)) }
    }

    /// The outer `None` if the stored limits are invalid: a key with unknown limits must not be valid.
    #[expect(clippy::option_option, reason = "no limits and unreadable limits are different cases")]
    pub(super) fn from_columns(stored: &LimitColumns, interner: &RateLimitInterner, limiter: impl FnOnce() -> Arc<Limiter>) -> Option<Option<Self>> {
        let rates = interner.intern(stored.rate_limits.as_deref())?;
        let address_rates = interner.intern(stored.address_rate_limits.as_deref())?;
        let networks = stored.networks()?;
        let credits = stored.credit_balance().map(|account| CachedCredits {
            version: account.version,
            refill: account.credits.refill,
            is_empty: account.credits.remaining <= 0,
        });
        let has_others = !address_rates.is_empty() || !networks.is_empty() || credits.is_some();
        let others = has_others.then(|| Box::new(OtherLimits { address_rates, credits, networks: networks.into() }));
        let has_any = !rates.is_empty() || others.is_some();
        Some(has_any.then(|| Self { rates, limiter: limiter(), others }))
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use futures_util::FutureExt;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn columns(rate_limits: Option<&str>, allowed_ips: Option<&str>, credits: Option<i64>) -> LimitColumns {
        LimitColumns {
            rate_limits: rate_limits.map(ToOwned::to_owned),
            address_rate_limits: None,
            allowed_ips: allowed_ips.map(ToOwned::to_owned),
            allowed_origins: None,
            credits_remaining: credits,
            credits_refill: credits.map(|_| Refill::Never),
            credits_amount: credits,
            credits_refilled_at: credits.map(|_| NOW),
            credits_version: credits,
        }
    }

    /// The limits of a key that has these rate limits (name and limit per minute), on this limiter.
    fn limits(interner: &RateLimitInterner, limiter: &Arc<Limiter>, rates: &[(&str, i64)]) -> CachedLimits {
        let rates: Vec<_> = rates.iter().map(|(name, limit)| format!(r#"{{"name":"{name}","limit":{limit},"duration_ms":60000}}"#)).collect();
        let columns = columns(Some(&format!("[{}]", rates.join(","))), None, None);
        CachedLimits::from_columns(&columns, interner, || Arc::clone(limiter)).unwrap().unwrap()
    }

    fn is_allowed(limits: &CachedLimits) -> bool {
        matches!(limits.limiter.take(limits, 1, NOW), Decision::Allowed(_))
    }

    #[test]
    fn time_passes() {
        let before = ticks();
        thread::sleep(Duration::from_millis(5));
        assert!(ticks() - before >= 5);
    }

    #[test]
    fn a_changed_limit_keeps_its_count_by_name() {
        let (interner, limiter) = (RateLimitInterner::new(), Arc::default());
        let first = limits(&interner, &limiter, &[("a", 9)]);
        assert!(limiter.is_idle());
        assert!(is_allowed(&first) && !limiter.is_idle());
        assert!(is_allowed(&limits(&interner, &limiter, &[("a", 9), ("b", 9)])));
        // "a" has counted two requests and "b" has counted one, which it keeps in another position.
        let after = limits(&interner, &limiter, &[("b", 3), ("c", 9)]);
        let Decision::Allowed(left) = limiter.take(&after, 1, NOW) else { panic!("1 of 3 was used") };
        assert_eq!(left.rates.iter().map(|state| state.remaining).collect::<Vec<_>>(), [1, 8]);
        assert!(left.rates.iter().all(|state| (59_000..=60_000).contains(&state.reset_ms)));
        assert!(left.credits.is_none() && left.refills_at.is_none());
        assert!(is_allowed(&after));
        assert!(!is_allowed(&after));
        // A limit that is below the count leaves nothing, not less.
        let lower = limits(&interner, &limiter, &[("b", 1)]);
        let Decision::RateLimited(left) = limiter.take(&lower, 1, NOW) else { panic!("3 of 1 were used") };
        assert_eq!(left.rates[0].remaining, 0);
    }

    #[test]
    fn a_limiter_with_credits_is_not_idle() {
        let limiter = Limiter::default();
        assert!(limiter.is_idle());
        limiter.lock().reserve().pending = Some(async { Ok::<bool, ()>(true) }.boxed().shared());
        assert!(!limiter.is_idle());
        limiter.lock().reserve().pending = None;
        assert!(limiter.is_idle());
    }

    #[test]
    fn any_limit_is_a_limit_and_an_unreadable_one_is_an_error() {
        let interner = RateLimitInterner::new();
        let read = |columns: &LimitColumns| CachedLimits::from_columns(columns, &interner, Arc::default);
        assert!(read(&columns(None, None, None)).unwrap().is_none());
        assert!(read(&columns(Some("[]"), Some(""), None)).unwrap().is_none());
        let rate = r#"[{"name":"a","limit":2,"duration_ms":60000}]"#;
        let rates = read(&columns(Some(rate), None, None)).unwrap().unwrap();
        assert_eq!((rates.rates.len(), rates.networks().len(), rates.credits(), rates.others.is_none()), (1, 0, None, true));
        let networks = read(&columns(None, Some("192.0.2.0/24"), None)).unwrap().unwrap();
        assert_eq!((networks.rates.len(), networks.networks().len(), networks.credits()), (0, 1, None));
        assert!(networks.address_rates().is_none());
        let credits = read(&columns(None, None, Some(7))).unwrap().unwrap();
        let expected = CachedCredits { version: 7, refill: Refill::Never, is_empty: false };
        assert_eq!((credits.rates.len(), credits.networks().len(), credits.credits()), (0, 0, Some(expected)));
        assert!(read(&columns(None, None, Some(0))).unwrap().unwrap().credits().unwrap().is_empty);
        let of_addresses = |json: &str| LimitColumns { address_rate_limits: Some(json.to_owned()), ..columns(None, None, None) };
        let address_rates = read(&of_addresses(rate)).unwrap().unwrap();
        assert_eq!((address_rates.rates.len(), address_rates.address_rates().map(|rates| rates.len())), (0, Some(1)));
        assert!(read(&columns(Some("["), None, None)).is_none() && read(&columns(None, Some("x"), None)).is_none());
        assert!(read(&of_addresses("[")).is_none());
    }
}
