//! Throttling of failed sign-ins and of other guesses: per account, device, user, invitation link and address. Instances that share a database
//! count together, in a table of it; otherwise the counts are in memory.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use moka::{policy::EvictionPolicy, sync::Cache};
use sha2::{Digest, Sha256};
use tokio::time::{MissedTickBehavior, interval};

use latchkey_crypto::{key_format::Pepper, random_token::TokenPurpose};
use latchkey_store::{self as store, Store, StoreError};
use latchkey_types::{error::Error, id::UserId};

/// How long failures count, from the first one on.
const WINDOW_MS: i64 = 5 * 60 * 1000;
const WINDOW: Duration = Duration::from_millis(WINDOW_MS.unsigned_abs());
/// Maximum number of failures for one account, device, user or invitation link.
const MAX_PER_SUBJECT: u32 = 10;
/// Maximum number of failures from one address, which an office may share.
const MAX_PER_ADDRESS: u32 = 50;
/// Bounds memory: a flood of other names or addresses evicts the oldest.
const MAX_SUBJECTS: u64 = 100_000;
/// For how long a subject that was refused is not counted again, so that a flood of attempts does not reach the database.
const REFUSED_FOR: Duration = Duration::from_secs(1);
/// Interval of deletions of old counts from the database.
const CLEANUP_INTERVAL: Duration = Duration::from_mins(1);

/// Counts failed sign-ins.
pub struct Throttle(Counts);

enum Counts {
    Memory(Cache<SubjectDigest, Arc<Failures>>),
    Shared(Box<SharedCounts>),
}

/// The failures of one subject in memory.
struct Failures {
    count: AtomicU32,
    since: Instant,
}

impl Failures {
    fn begin() -> Self {
        Self { count: AtomicU32::new(0), since: Instant::now() }
    }
}

/// Counts in the database.
struct SharedCounts {
    store: Store,
    pepper: Pepper,
    /// Subjects that were refused within [`REFUSED_FOR`], and the seconds until their next attempt.
    refused: Cache<SubjectDigest, u64>,
}

/// The digest of a subject or address, because the names that clients send can be long. In the database it is an HMAC, so that it contains no names.
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
pub struct Attempt {
    in_memory: Vec<Arc<Failures>>,
    in_database: Vec<SubjectDigest>,
}

impl Throttle {
    /// Counts together with the other instances on the database, if there can be any.
    pub fn new(store: &Store, pepper: &Pepper) -> Self {
        if !store.is_shared() {
            return Self::in_memory();
        }
        let refused = Cache::builder().eviction_policy(EvictionPolicy::lru()).max_capacity(MAX_SUBJECTS).time_to_live(REFUSED_FOR).build();
        Self(Counts::Shared(Box::new(SharedCounts { store: store.clone(), pepper: pepper.clone(), refused })))
    }

    fn in_memory() -> Self {
        // LRU eviction: the default policy would reject new names when the cache is full, and their failures would not count.
        let counts = Cache::builder().eviction_policy(EvictionPolicy::lru()).max_capacity(MAX_SUBJECTS).time_to_live(WINDOW).build();
        Self(Counts::Memory(counts))
    }

    /// Starts an attempt from an address.
    ///
    /// # Errors
    /// `Throttled` if there were too many failures for the subject or the address; `Unavailable`.
    pub async fn begin(&self, subject: Subject<'_>, address: Option<IpAddr>) -> Result<Attempt, Error> {
        // Checked before the subject, so that a throttled address does not affect the accounts it names.
        let attempt = self.begin_from(address.filter(|_| subject.counts_address())).await?;
        self.count_subject(attempt, subject).await
    }

    /// Starts an attempt from an address whose subject is not known yet: [`Self::count_subject`] adds it.
    ///
    /// # Errors
    /// `Throttled` if there were too many failures for the address; `Unavailable`.
    pub async fn begin_from(&self, address: Option<IpAddr>) -> Result<Attempt, Error> {
        let attempt = Attempt::default();
        match address {
            Some(address) => self.count(attempt, &format!("address {}", network(address)), MAX_PER_ADDRESS).await,
            None => Ok(attempt),
        }
    }

    /// Counts the attempt also for its subject.
    ///
    /// # Errors
    /// `Throttled` if there were too many failures for the subject; `Unavailable`.
    pub async fn count_subject(&self, attempt: Attempt, subject: Subject<'_>) -> Result<Attempt, Error> {
        self.count(attempt, &subject.name(), MAX_PER_SUBJECT).await
    }

    async fn count(&self, mut attempt: Attempt, name: &str, limit: u32) -> Result<Attempt, Error> {
        let refusal = match &self.0 {
            Counts::Memory(counts) => {
                let failures = counts.get_with(Sha256::digest(name).into(), || Arc::new(Failures::begin()));
                let before = failures.count.fetch_add(1, Ordering::Relaxed);
                let seconds = seconds_left(failures.since.elapsed());
                attempt.in_memory.push(failures);
                if before < limit {
                    return Ok(attempt);
                }
                Error::Throttled { seconds }
            }
            Counts::Shared(counts) => {
                let subject = counts.pepper.token_digest(TokenPurpose::SignInFailure, name);
                match counts.try_count(subject, limit).await {
                    Ok(None) => {
                        attempt.in_database.push(subject);
                        return Ok(attempt);
                    }
                    Ok(Some(seconds)) => Error::Throttled { seconds },
                    Err(error) => error.into(),
                }
            }
        };
        // A throttled attempt is not another failure: it does not extend the window.
        self.succeed(attempt).await;
        Err(refusal)
    }

    /// Removes an attempt from the failures.
    pub async fn succeed(&self, attempt: Attempt) {
        for failures in &attempt.in_memory {
            failures.count.fetch_sub(1, Ordering::Relaxed);
        }
        if let Counts::Shared(counts) = &self.0 {
            for subject in &attempt.in_database {
                if let Err(error) = store::sign_in_failures::remove(&counts.store, subject).await {
                    tracing::warn!(%error, "a successful sign-in still counts as failed");
                }
            }
        }
    }

    /// Whether this is the first throttled sign-in to an account in the window, so that it is recorded once. `email` is folded. Takes the same
    /// time for unknown accounts.
    pub async fn is_first_refusal(&self, email: &str) -> bool {
        self.count(Attempt::default(), &format!("refused {email}"), 1).await.is_ok()
    }
}

impl SharedCounts {
    /// Counts a failure. If there were as many as `limit`, returns the seconds until the next attempt instead.
    async fn try_count(&self, subject: SubjectDigest, limit: u32) -> Result<Option<u64>, StoreError> {
        if let Some(seconds) = self.refused.get(&subject) {
            return Ok(Some(seconds));
        }
        if store::sign_in_failures::count(&self.store, &subject, limit.into(), WINDOW_MS).await? {
            return Ok(None);
        }
        // Without a row, the failures were removed in the meantime.
        let age_ms = store::sign_in_failures::age_ms(&self.store, &subject).await?.unwrap_or(WINDOW_MS);
        let seconds = seconds_left(Duration::from_millis(age_ms.max(0).unsigned_abs()));
        self.refused.insert(subject, seconds);
        Ok(Some(seconds))
    }
}

/// The seconds until failures that have been counted for this time no longer count, at least one.
fn seconds_left(age: Duration) -> u64 {
    u64::try_from(WINDOW.saturating_sub(age).as_millis().div_ceil(1000)).map_or(WINDOW.as_secs(), |seconds| seconds.max(1))
}

/// Background task that deletes old counts from the database.
pub async fn run_cleanup(store: Store) {
    let mut ticks = interval(CLEANUP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // If this fails, the next tick retries.
        let _ = store::sign_in_failures::delete_old(&store, WINDOW_MS).await;
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
    use crate::testing::open_store;
    use zeroize::Zeroizing;

    const ADDRESS: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));

    /// Counts in a database, as one of several instances.
    fn shared(store: &Store) -> Throttle {
        let refused = Cache::new(MAX_SUBJECTS);
        Throttle(Counts::Shared(Box::new(SharedCounts { store: store.clone(), pepper: Pepper::new(&Zeroizing::new([1; 32])), refused })))
    }

    #[tokio::test]
    async fn failures_throttle_only_their_account() {
        let (store, _folder) = open_store().await;
        for throttle in [Throttle::in_memory(), shared(&store)] {
            for _ in 0..MAX_PER_SUBJECT {
                throttle.begin(Subject::Account("a"), ADDRESS).await.unwrap();
            }
            assert!(matches!(throttle.begin(Subject::Account("a"), ADDRESS).await, Err(Error::Throttled { .. })));
            assert!(throttle.begin(Subject::Account("b"), ADDRESS).await.is_ok());
        }
    }

    #[tokio::test]
    async fn refusals_say_when_the_window_ends() {
        let (store, _folder) = open_store().await;
        for throttle in [Throttle::in_memory(), shared(&store)] {
            let mut refusal = None;
            for _ in 0..=MAX_PER_SUBJECT {
                refusal = throttle.begin(Subject::Account("a"), None).await.err();
            }
            assert!(matches!(refusal, Some(Error::Throttled { seconds }) if (1..=WINDOW.as_secs()).contains(&seconds)), "{refusal:?}");
        }
        let seconds = |seconds| seconds_left(Duration::from_secs(seconds));
        assert_eq!((seconds(0), seconds(60), seconds(300), seconds(400)), (300, 240, 1, 1));
        assert_eq!(seconds_left(Duration::from_millis(59_001)), 241);
    }

    #[tokio::test]
    async fn failures_of_others_throttle_no_known_device_and_no_signed_in_user() {
        let throttle = Throttle::in_memory();
        for n in 0..MAX_PER_ADDRESS {
            throttle.begin(Subject::Account(&n.to_string()), ADDRESS).await.unwrap();
        }
        assert!(throttle.begin(Subject::Account("a"), ADDRESS).await.is_err());
        for subject in [Subject::Device("a"), Subject::SignedIn(UserId::new())] {
            for _ in 0..MAX_PER_SUBJECT {
                throttle.begin(subject, ADDRESS).await.unwrap();
            }
            assert!(throttle.begin(subject, ADDRESS).await.is_err(), "{subject:?} has the same limit");
        }
        assert!(throttle.begin(Subject::Device("b"), ADDRESS).await.is_ok());
    }

    #[tokio::test]
    async fn a_refusal_is_the_first_once_per_account() {
        let (store, _folder) = open_store().await;
        for throttle in [Throttle::in_memory(), shared(&store)] {
            assert!(throttle.is_first_refusal("a").await && !throttle.is_first_refusal("a").await);
            assert!(throttle.is_first_refusal("b").await);
        }
    }

    #[tokio::test]
    async fn successful_attempts_do_not_count() {
        let (store, _folder) = open_store().await;
        for throttle in [Throttle::in_memory(), shared(&store)] {
            for _ in 0..=MAX_PER_ADDRESS {
                let attempt = throttle.begin(Subject::Account("a"), ADDRESS).await.unwrap();
                throttle.succeed(attempt).await;
            }
        }
    }

    #[tokio::test]
    async fn failures_for_many_accounts_throttle_the_address() {
        let (throttle, host) = (Throttle::in_memory(), |n: u16| Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n])));
        for n in 0..u16::try_from(MAX_PER_ADDRESS).unwrap() {
            throttle.begin(Subject::Account(&format!("account{n}")), host(n)).await.unwrap();
        }
        assert!(throttle.begin(Subject::Account("another"), host(9)).await.is_err(), "one /64 counts as one address");
        assert!(throttle.begin(Subject::Account("another"), ADDRESS).await.is_ok());
    }

    #[tokio::test]
    async fn failures_on_several_instances_count_together() {
        let (store, _folder) = open_store().await;
        let (first, second) = (shared(&store), shared(&store));
        for _ in 0..MAX_PER_SUBJECT / 2 {
            for throttle in [&first, &second] {
                throttle.begin(Subject::Account("a"), ADDRESS).await.unwrap();
            }
        }
        for throttle in [&first, &second] {
            assert!(matches!(throttle.begin(Subject::Account("a"), ADDRESS).await, Err(Error::Throttled { .. })));
        }
        assert!(second.is_first_refusal("a").await && !first.is_first_refusal("a").await);
        store.set_unavailable(true);
        assert_eq!(first.begin(Subject::Account("b"), ADDRESS).await.err(), Some(Error::Unavailable));
        assert!(matches!(first.begin(Subject::Account("a"), None).await, Err(Error::Throttled { .. })), "it does not reach the database");
    }
}
