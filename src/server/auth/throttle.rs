//! How often one may try to sign in: per account and per address, counted over a window.

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

use crate::model::fault::Fault;

/// How long failures are remembered, from the first on.
const WINDOW: Duration = Duration::from_mins(5);
/// So many failures for one account.
const PER_ACCOUNT: u32 = 10;
/// So many failures from one address: an office may share one.
const PER_ADDRESS: u32 = 50;
/// Whoever floods us with other names or addresses pushes out the oldest.
const REMEMBERED: u64 = 100_000;

/// Counts failures.
pub struct Throttle(Cache<Subject, Arc<AtomicU32>>);

/// Whose failures are counted: a digest, as a name may be as long as its sender likes.
type Subject = [u8; 32];

/// One try, counted as failed until it is told otherwise: tries side by side count too.
pub struct Attempt(Vec<Arc<AtomicU32>>);

impl Default for Throttle {
    fn default() -> Self {
        // By age: the cache's usual policy would turn new names away once it is full, and their failures would count for nothing.
        Self(Cache::builder().eviction_policy(EvictionPolicy::lru()).max_capacity(REMEMBERED).time_to_live(WINDOW).build())
    }
}

impl Throttle {
    /// Begins a try for an account (its folded name) from an address.
    ///
    /// # Errors
    /// `Throttled` while there were too many failures for either.
    pub fn begin(&self, account: &str, address: Option<IpAddr>) -> Result<Attempt, Fault> {
        // The address first: one that is refused leaves no trace of the accounts that it names.
        let address = address.map(|address| (format!("address {}", network(address)), PER_ADDRESS));
        let limits = address.into_iter().chain([(format!("account {account}"), PER_ACCOUNT)]);
        let mut attempt = Attempt(Vec::with_capacity(2));
        for (name, limit) in limits {
            let failures = self.0.get_with(Sha256::digest(name).into(), Arc::default);
            let before = failures.fetch_add(1, Ordering::Relaxed);
            attempt.0.push(failures);
            if before >= limit {
                // A refused try is no failure of its own: the window ends when it ends.
                attempt.succeed();
                return Err(Fault::Throttled { seconds: WINDOW.as_secs() });
            }
        }
        Ok(attempt)
    }
}

impl Attempt {
    /// Takes the failure back.
    pub fn succeed(self) {
        for failures in &self.0 {
            failures.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// One customer of a provider holds a whole /64 of IPv6.
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
    fn an_account_is_closed_after_its_failures_and_others_are_not() {
        let (throttle, address) = (Throttle::default(), Some(IpAddr::from([192, 0, 2, 1])));
        for _ in 0..PER_ACCOUNT {
            throttle.begin("a", address).unwrap();
        }
        assert!(matches!(throttle.begin("a", address), Err(Fault::Throttled { .. })));
        assert!(throttle.begin("b", address).is_ok());
    }

    #[test]
    fn success_does_not_count() {
        let throttle = Throttle::default();
        for _ in 0..3 * PER_ADDRESS {
            throttle.begin("a", Some(IpAddr::from([192, 0, 2, 1]))).unwrap().succeed();
        }
    }

    #[test]
    fn an_address_is_closed_after_failures_for_many_accounts() {
        let (throttle, host) = (Throttle::default(), |n: u16| Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n])));
        for n in 0..u16::try_from(PER_ADDRESS).unwrap() {
            throttle.begin(&format!("account{n}"), host(n)).unwrap();
        }
        assert!(throttle.begin("another", host(9)).is_err(), "one /64 counts as one address");
        assert!(throttle.begin("another", Some(IpAddr::from([192, 0, 2, 1]))).is_ok());
    }
}
