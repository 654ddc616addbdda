//! Rate limits for each client address, for keys that many callers share.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use moka::{policy::EvictionPolicy, sync::Cache};

use super::{
    Decision,
    rates::{RateAdmission, Rates},
    ticks,
};
use crate::{
    rate_limit_interner::RateLimits,
    shared_limits::{SharedLimits, SharedRates},
};
use latchkey_types::id::KeyId;

/// Maximum number of combinations of key and address that are counted. The least recently used ones are dropped first.
const ADDRESSES_MAX: u64 = 100_000;

/// The requests of each key and address.
pub(crate) struct AddressLimiters {
    cache: Cache<(KeyId, IpAddr), Arc<Mutex<Rates>>>,
    /// `None` if there is only one instance.
    shared: Option<Arc<SharedLimits>>,
}

impl AddressLimiters {
    pub(crate) fn new(shared: Option<Arc<SharedLimits>>) -> Self {
        Self::with_capacity(ADDRESSES_MAX, shared)
    }

    fn with_capacity(max: u64, shared: Option<Arc<SharedLimits>>) -> Self {
        Self { cache: Cache::builder().max_capacity(max).eviction_policy(EvictionPolicy::lru()).build(), shared }
    }

    fn rates(&self, key: KeyId, address: IpAddr) -> Rates {
        let shared = |limits: &Arc<SharedLimits>| Rates::Shared(SharedRates::of_address(Arc::clone(limits), key, address));
        self.shared.as_ref().map(shared).unwrap_or_default()
    }

    /// Consumes one request of each rate limit of the address, if `take` allows the request; otherwise nothing.
    ///
    /// # Errors
    /// The milliseconds until the address can use the key again, if it has reached one of its limits. Then `take` is not called.
    pub(crate) fn take(&self, key: KeyId, address: IpAddr, limits: &RateLimits, take: impl FnOnce() -> Decision) -> Result<Decision, i64> {
        let address = network_of(address);
        let rates = self.cache.get_with((key, address), || Arc::new(Mutex::new(self.rates(key, address))));
        // Locked until `take` returns, so that concurrent requests of an address do not exceed its limits.
        let mut rates = rates.lock().unwrap_or_else(PoisonError::into_inner);
        let ticks = ticks();
        let mut rates = rates.lock(limits);
        match rates.admit(ticks) {
            RateAdmission::Free => {}
            RateAdmission::Waits(exchange) => return Ok(Decision::NeedsPermits(exchange)),
            RateAdmission::Full => return Err(rates.full_for(ticks)),
        }
        let decision = take();
        if matches!(decision, Decision::Allowed(_)) {
            rates.add(ticks);
        }
        Ok(decision)
    }
}

/// The unit that is counted: an IPv4 address, or an IPv6 network of 64 bits, which is what a provider assigns to a customer.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter::Remaining;
    use latchkey_types::limits::RateLimit;

    fn limits(each: &[(&str, i64)]) -> RateLimits {
        each.iter().map(|(name, limit)| RateLimit { name: (*name).to_owned(), limit: *limit, duration_ms: 60_000, strict: false }).collect()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn allow() -> Decision {
        Decision::Allowed(Remaining::default())
    }

    #[test]
    fn each_key_and_address_has_its_own_windows() {
        let (limiters, two) = (AddressLimiters::new(None), limits(&[("a", 2)]));
        let (key, other_key) = (KeyId::new(), KeyId::new());
        let is_allowed = |key, text| limiters.take(key, address(text), &two, allow).is_ok();
        assert!(is_allowed(key, "192.0.2.1") && is_allowed(key, "::ffff:192.0.2.1"));
        let retry_after = limiters.take(key, address("192.0.2.1"), &two, || unreachable!("it is refused before")).unwrap_err();
        assert!((59_000..=60_000).contains(&retry_after), "{retry_after}");
        assert!(is_allowed(key, "192.0.2.2") && is_allowed(other_key, "192.0.2.1"));
    }

    #[test]
    fn a_network_of_64_bits_is_one_address() {
        for (text, network) in [
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
            ("::1", "::"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(network_of(address(text)), address(network), "{text}");
        }
    }

    #[test]
    fn a_request_that_the_key_refuses_is_not_counted() {
        let (limiters, one, key) = (AddressLimiters::new(None), limits(&[("a", 1)]), KeyId::new());
        let take = |decision: fn() -> Decision| limiters.take(key, address("192.0.2.1"), &one, decision);
        let refusals: [fn() -> Decision; 2] = [|| Decision::RateLimited(Remaining::default()), || Decision::NeedsCredits(1)];
        for refuse in refusals {
            assert!(take(refuse).is_ok());
        }
        assert!(take(allow).is_ok());
        assert!(take(allow).is_err());
    }

    #[test]
    fn a_changed_limit_keeps_its_count() {
        let (limiters, key) = (AddressLimiters::new(None), KeyId::new());
        let take = |limits: &RateLimits| limiters.take(key, address("192.0.2.1"), limits, allow).is_ok();
        assert!(take(&limits(&[("a", 2)])));
        assert!(take(&limits(&[("b", 1), ("a", 2)])));
        assert!(!take(&limits(&[("a", 2)])) && take(&limits(&[("a", 3)])));
    }

    #[test]
    fn the_least_recently_used_addresses_are_dropped() {
        let (limiters, one, key) = (AddressLimiters::with_capacity(10, None), limits(&[("a", 1)]), KeyId::new());
        let is_allowed = |index: u8| {
            let is_allowed = limiters.take(key, IpAddr::from([192, 0, 2, index]), &one, allow).is_ok();
            limiters.cache.run_pending_tasks();
            is_allowed
        };
        assert!((0..100).all(is_allowed));
        assert!(limiters.cache.entry_count() <= 10);
        assert!(!is_allowed(99) && is_allowed(0));
    }
}
