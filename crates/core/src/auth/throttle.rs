//! Throttling of failed sign-ins, per account and per address.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use moka::{policy::EvictionPolicy, sync::Cache};
use sha2::{Digest, Sha256};

use latchkey_types::error::Error;

/// How long failures count, from the first one on.
const WINDOW: Duration = Duration::from_mins(5);
/// Maximum number of failures for one account.
const MAX_PER_ACCOUNT: u32 = 10;
/// Maximum number of failures from one address, which an office may share.
const MAX_PER_ADDRESS: u32 = 50;
/// Bounds memory: a flood of other names or addresses evicts the oldest.
const MAX_SUBJECTS: u64 = 100_000;

/// Counts failed sign-ins.
pub struct Throttle(Cache<Subject, Arc<AtomicU32>>);

/// An account or address, as a digest, because the names that clients send can be long.
type Subject = [u8; 32];

/// A sign-in attempt. It counts as failed until it succeeds, so that concurrent attempts count too.
pub struct Attempt(Vec<Arc<AtomicU32>>);

impl Default for Throttle {
    fn default() -> Self {
        // LRU eviction: the default policy would reject new names when the cache is full, and their failures would not count.
        Self(Cache::builder().eviction_policy(EvictionPolicy::lru()).max_capacity(MAX_SUBJECTS).time_to_live(WINDOW).build())
    }
}

impl Throttle {
    /// Starts an attempt for an account (its folded name) from an address.
    ///
    /// # Errors
    /// `Throttled` if there were too many failures for either.
    pub fn begin(&self, account: &str, address: Option<IpAddr>) -> Result<Attempt, Error> {
        // Checked before the account, so that a throttled address does not affect the accounts it names.
        let address = address.map(|address| (format!("address {}", network(address)), MAX_PER_ADDRESS));
        let limits = address.into_iter().chain([(format!("account {account}"), MAX_PER_ACCOUNT)]);
        let mut attempt = Attempt(Vec::with_capacity(2));
        for (name, limit) in limits {
            let failures = self.0.get_with(Sha256::digest(name).into(), Arc::default);
            let before = failures.fetch_add(1, Ordering::Relaxed);
            attempt.0.push(failures);
            if before >= limit {
                // A throttled attempt is not another failure: it does not extend the window.
                attempt.succeed();
                return Err(Error::Throttled { seconds: WINDOW.as_secs() });
            }
        }
        Ok(attempt)
    }
}

impl Attempt {
    /// Removes the attempt from the failures.
    pub fn succeed(self) {
        for failures in &self.0 {
            failures.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A single customer of a provider usually has a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => std::net::Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_throttle_only_their_account() {
        let (throttle, address) = (Throttle::default(), Some(IpAddr::from([192, 0, 2, 1])));
        for _ in 0..MAX_PER_ACCOUNT {
            throttle.begin("a", address).unwrap();
        }
        assert!(matches!(throttle.begin("a", address), Err(Error::Throttled { .. })));
        assert!(throttle.begin("b", address).is_ok());
    }

    #[test]
    fn successful_attempts_do_not_count() {
        let throttle = Throttle::default();
        for _ in 0..3 * MAX_PER_ADDRESS {
            throttle.begin("a", Some(IpAddr::from([192, 0, 2, 1]))).unwrap().succeed();
        }
    }

    #[test]
    fn failures_for_many_accounts_throttle_the_address() {
        let (throttle, host) = (Throttle::default(), |n: u16| Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n])));
        for n in 0..u16::try_from(MAX_PER_ADDRESS).unwrap() {
            throttle.begin(&format!("account{n}"), host(n)).unwrap();
        }
        assert!(throttle.begin("another", host(9)).is_err(), "one /64 counts as one address");
        assert!(throttle.begin("another", Some(IpAddr::from([192, 0, 2, 1]))).is_ok());
    }
}
