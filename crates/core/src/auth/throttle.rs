//! Throttling of failed sign-ins and of other guesses: per account, device, user, invitation link and address.

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

use latchkey_types::{error::Error, id::UserId};

/// How long failures count, from the first one on.
const WINDOW: Duration = Duration::from_mins(5);
/// Maximum number of failures for one account, device, user or invitation link.
const MAX_PER_SUBJECT: u32 = 10;
/// Maximum number of failures from one address, which an office may share.
const MAX_PER_ADDRESS: u32 = 50;
/// Bounds memory: a flood of other names or addresses evicts the oldest.
const MAX_SUBJECTS: u64 = 100_000;

/// Counts failed sign-ins.
pub struct Throttle(Cache<SubjectDigest, Arc<AtomicU32>>);

/// The digest of a subject or address, because the names that clients send can be long.
type SubjectDigest = [u8; 32];

/// What a failed attempt is counted for.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// The account with this folded email address, for browsers that did not sign in to it before.
    Account(&'a str),
    /// A browser that signed in to the account before, by the nonce of its cookie. Failures of others do not affect it.
    Device(&'a str),
    /// A signed-in user who enters the current password. Failed sign-ins of others do not affect it.
    SignedIn(UserId),
    /// The invitation link whose token has this digest.
    Invitation(&'a [u8; 32]),
}

impl Subject<'_> {
    fn name(self) -> String {
        match self {
            Self::Account(email) => format!("account {email}"),
            Self::Device(nonce) => format!("device {nonce}"),
            Self::SignedIn(user) => format!("user {user}"),
            Self::Invitation(digest) => format!("invitation {digest:02x?}"),
        }
    }

    /// Whether failures are also counted for the address. Not for those who have signed in: others may share the address.
    const fn counts_address(self) -> bool {
        matches!(self, Self::Account(_) | Self::Invitation(_))
    }
}

/// A sign-in attempt. It counts as failed until it succeeds, so that concurrent attempts count too.
#[derive(Default)]
pub struct Attempt(Vec<Arc<AtomicU32>>);

impl Default for Throttle {
    fn default() -> Self {
        // LRU eviction: the default policy would reject new names when the cache is full, and their failures would not count.
        Self(Cache::builder().eviction_policy(EvictionPolicy::lru()).max_capacity(MAX_SUBJECTS).time_to_live(WINDOW).build())
    }
}

impl Throttle {
    /// Starts an attempt from an address.
    ///
    /// # Errors
    /// `Throttled` if there were too many failures for the subject or the address.
    pub fn begin(&self, subject: Subject<'_>, address: Option<IpAddr>) -> Result<Attempt, Error> {
        // Checked before the subject, so that a throttled address does not affect the accounts it names.
        let attempt = self.begin_from(address.filter(|_| subject.counts_address()))?;
        self.count_subject(attempt, subject)
    }

    /// Starts an attempt from an address whose subject is not known yet: [`Self::count_subject`] adds it.
    ///
    /// # Errors
    /// `Throttled` if there were too many failures for the address.
    pub fn begin_from(&self, address: Option<IpAddr>) -> Result<Attempt, Error> {
        let attempt = Attempt::default();
        match address {
            Some(address) => self.count(attempt, &format!("address {}", network(address)), MAX_PER_ADDRESS),
            None => Ok(attempt),
        }
    }

    /// Counts the attempt also for its subject.
    ///
    /// # Errors
    /// `Throttled` if there were too many failures for the subject.
    pub fn count_subject(&self, attempt: Attempt, subject: Subject<'_>) -> Result<Attempt, Error> {
        self.count(attempt, &subject.name(), MAX_PER_SUBJECT)
    }

    fn count(&self, mut attempt: Attempt, name: &str, limit: u32) -> Result<Attempt, Error> {
        let failures = self.counter(name);
        let before = failures.fetch_add(1, Ordering::Relaxed);
        attempt.0.push(failures);
        if before < limit {
            return Ok(attempt);
        }
        // A throttled attempt is not another failure: it does not extend the window.
        attempt.succeed();
        Err(Error::Throttled { seconds: WINDOW.as_secs() })
    }

    /// Whether this is the user's first throttled sign-in of the window, so that it is recorded once.
    pub fn is_first_refusal(&self, user: UserId) -> bool {
        self.counter(&format!("refused {user}")).fetch_add(1, Ordering::Relaxed) == 0
    }

    fn counter(&self, name: &str) -> Arc<AtomicU32> {
        self.0.get_with(Sha256::digest(name).into(), Arc::default)
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
        for _ in 0..MAX_PER_SUBJECT {
            throttle.begin(Subject::Account("a"), address).unwrap();
        }
        assert!(matches!(throttle.begin(Subject::Account("a"), address), Err(Error::Throttled { .. })));
        assert!(throttle.begin(Subject::Account("b"), address).is_ok());
    }

    #[test]
    fn failures_of_others_throttle_no_known_device_and_no_signed_in_user() {
        let (throttle, address) = (Throttle::default(), Some(IpAddr::from([192, 0, 2, 1])));
        for n in 0..MAX_PER_ADDRESS {
            throttle.begin(Subject::Account(&n.to_string()), address).unwrap();
        }
        assert!(throttle.begin(Subject::Account("a"), address).is_err());
        for subject in [Subject::Device("a"), Subject::SignedIn(UserId::new())] {
            for _ in 0..MAX_PER_SUBJECT {
                throttle.begin(subject, address).unwrap();
            }
            assert!(throttle.begin(subject, address).is_err(), "{subject:?} has the same limit");
        }
        assert!(throttle.begin(Subject::Device("b"), address).is_ok());
    }

    #[test]
    fn a_refusal_is_the_first_once_per_user() {
        let (throttle, user) = (Throttle::default(), UserId::new());
        assert!(throttle.is_first_refusal(user) && !throttle.is_first_refusal(user));
        assert!(throttle.is_first_refusal(UserId::new()));
    }

    #[test]
    fn successful_attempts_do_not_count() {
        let throttle = Throttle::default();
        for _ in 0..3 * MAX_PER_ADDRESS {
            throttle.begin(Subject::Account("a"), Some(IpAddr::from([192, 0, 2, 1]))).unwrap().succeed();
        }
    }

    #[test]
    fn failures_for_many_accounts_throttle_the_address() {
        let (throttle, host) = (Throttle::default(), |n: u16| Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n])));
        for n in 0..u16::try_from(MAX_PER_ADDRESS).unwrap() {
            throttle.begin(Subject::Account(&format!("account{n}")), host(n)).unwrap();
        }
        assert!(throttle.begin(Subject::Account("another"), host(9)).is_err(), "one /64 counts as one address");
        assert!(throttle.begin(Subject::Account("another"), Some(IpAddr::from([192, 0, 2, 1]))).is_ok());
    }
}
