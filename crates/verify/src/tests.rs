//! Tests of the verifier on a database.

use latchkey_test_db::TestData;
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

use super::*;
use crate::{credits::tests::make_unused, evaluate::tests::client_key};
use latchkey_store::{
    StoreOptions, Tx, WriteLock,
    keys::{KeyAttributes, NewKey},
    users::NewUser,
};
use latchkey_types::{
    budget::ModelAccess,
    id::UserId,
    key_kind::KeyKind,
    limits::{Credits, Refill},
    permission::{Permission, Permissions},
};

/// A new, empty database. It is deleted with the data.
pub(super) async fn open_store() -> (Store, TestData) {
    let data = TestData::create().await;
    let store = Store::open(data.database_url(), data.path(), StoreOptions::default()).await.unwrap();
    store.migrate().await.unwrap();
    (store, data)
}

struct Fixture {
    verifier: Arc<Verifier>,
    store: Store,
    /// Another instance's connection to the same database, whose changes the verifier is not subscribed to.
    other: Store,
    organization: OrganizationId,
    user: UserId,
    _data: TestData,
}

impl Fixture {
    async fn new() -> Self {
        let (store, data) = open_store().await;
        let other = Store::open(data.database_url(), data.path(), StoreOptions::default()).await.unwrap();
        let verifier = Arc::new(Verifier::new(store.clone(), Pepper::new(&Zeroizing::new([1; 32]))));
        store.subscribe({
            let verifier = Arc::clone(&verifier);
            move |changes| changes.iter().for_each(|change| verifier.apply(change))
        });
        let (organization, user) = (OrganizationId::new(), UserId::new());
        let mut tx = store.begin().await.unwrap();
        store::users::insert_organization(&mut tx, organization, "Acme", 1_000_000_000).await.unwrap();
        let owner = NewUser {
            id: user,
            organization,
            role: "owner".to_owned(),
            name: "Ada".to_owned(),
            email: "ada@example.com".to_owned(),
            password_hash: String::new(),
        };
        store::users::insert_user(&mut tx, &owner).await.unwrap();
        tx.commit().await.unwrap();
        Self { verifier, store, other, organization, user, _data: data }
    }

    /// Another instance on the database, which shares limits as on PostgreSQL.
    fn instance(&self) -> Arc<Verifier> {
        let limits = Arc::new(SharedLimits::new(self.store.clone()));
        Arc::new(Verifier::with_limits(self.store.clone(), Pepper::new(&Zeroizing::new([1; 32])), Some(limits)))
    }

    async fn code_of(&self, verifier: &Verifier, secret: &str) -> VerdictCode {
        verifier.evaluate(self.organization, &VerifyRequest::new(secret)).await.unwrap().code
    }

    /// How many of so many requests at an instance are valid.
    async fn valid_at(&self, verifier: &Verifier, secret: &str, requests: usize) -> usize {
        let mut valid = 0;
        for _ in 0..requests {
            valid += usize::from(self.code_of(verifier, secret).await == VerdictCode::Valid);
        }
        valid
    }

    fn digest(&self, secret: &str) -> KeyDigest {
        self.verifier.pepper.digest(secret)
    }

    /// Stores a client key with this secret.
    async fn insert(&self, secret: &str, rate_limits: Option<&str>, credits: Option<i64>) -> KeyId {
        let attributes = KeyAttributes {
            name: secret.to_owned(),
            scopes: "read".to_owned(),
            external_id: None,
            metadata: None,
            expires_at: None,
            rate_limits: rate_limits.map(ToOwned::to_owned),
            address_rate_limits: None,
            allowed_ips: None,
            allowed_origins: None,
            model_access: None,
        };
        let key = NewKey {
            id: KeyId::new(),
            organization: self.organization,
            kind: KeyKind::Client,
            attributes,
            credits: credits.map(without_refill),
            digest: self.digest(secret).as_bytes().to_vec(),
            mask: "…".to_owned(),
            corpora: Vec::new(),
            created_by: self.user,
            created_at: Timestamp::now(),
        };
        let mut tx = self.store.begin().await.unwrap();
        store::keys::insert(&mut tx, &key).await.unwrap();
        tx.commit().await.unwrap();
        key.id
    }

    async fn evaluate(&self, secret: &str, cost: Option<u32>) -> Verdict {
        let request = VerifyRequest { cost, ..VerifyRequest::new(secret) };
        self.verifier.evaluate(self.organization, &request).await.unwrap()
    }

    async fn find(&self, secret: &str) -> Option<Arc<CachedKey>> {
        self.verifier.find(secret).await.unwrap()
    }

    fn is_recent(&self, secret: &str) -> bool {
        self.verifier.with_recent(secret, |_| ()).is_some()
    }

    /// The credits that the database has left, and the version of the balance.
    async fn stored(&self, id: KeyId) -> CreditBalance {
        let mut db = self.other.connection().await.unwrap();
        store::keys::credits::find(&mut db, id).await.unwrap().unwrap()
    }

    async fn remaining(&self, id: KeyId) -> i64 {
        self.stored(id).await.credits.remaining
    }

    async fn reserved(&self, id: KeyId) -> i64 {
        self.verifier.reserved_credits(id, &self.stored(id).await)
    }

    /// Sets the credits of a key through the other instance.
    async fn set_credits(&self, id: KeyId, credits: Option<i64>) {
        let mut tx = self.other.begin().await.unwrap();
        store::keys::credits::set(&mut tx, id, credits.map(without_refill), Timestamp::now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Sets the rate limits of each client address.
    async fn limit_addresses(&self, id: KeyId, limits: &str) {
        self.change(id, |attributes| attributes.address_rate_limits = Some(limits.to_owned())).await;
    }

    async fn change(&self, id: KeyId, change: impl FnOnce(&mut KeyAttributes)) {
        let mut tx = self.store.begin().await.unwrap();
        let mut attributes = store::keys::find(&mut tx, self.organization, id).await.unwrap().unwrap().attributes();
        change(&mut attributes);
        store::keys::set_attributes(&mut tx, id, KeyKind::Client, &attributes).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn last_used_at(&self, secret: &str) -> Option<Timestamp> {
        let mut db = self.other.connection().await.unwrap();
        store::keys::find_by_digest(&mut db, self.digest(secret).as_bytes()).await.unwrap().unwrap().key.last_used_at
    }
}

/// Credits without a refill.
fn without_refill(remaining: i64) -> Credits {
    Credits { remaining, refill: Refill::Never, amount: 0 }
}

#[tokio::test]
async fn a_key_is_read_once_until_it_changes() {
    let fixture = Fixture::new().await;
    let id = fixture.insert("a", None, None).await;
    let reads = || fixture.verifier.store_reads().get();
    assert!(!fixture.is_recent("a"));
    for _ in 0..2 {
        let key = fixture.find("a").await.unwrap();
        assert_eq!((key.id, key.creator.user, key.creator.permissions), (id, fixture.user, Permissions::of(Permission::ALL)));
        assert_eq!((key.scopes().to_vec(), reads(), fixture.verifier.sizes().0), (vec!["read".to_owned()], 1, 1));
    }
    assert!(fixture.is_recent("a"));
    for _ in 0..2 {
        assert!(fixture.find("b").await.is_none());
        assert_eq!(reads(), 2);
    }
    assert!(fixture.find("lka_made_up").await.is_none());
    assert_eq!(reads(), 2, "its checksum is wrong");
    for (change, read) in [(VerdictChange::Key(fixture.digest("a").as_bytes().to_vec()), 3), (VerdictChange::Creator(fixture.user), 4)] {
        fixture.verifier.apply(&change);
        assert!(!fixture.is_recent("a"));
        assert!(fixture.find("a").await.is_some());
        assert_eq!(reads(), read);
    }
    fixture.verifier.apply(&VerdictChange::Creator(UserId::new()));
    assert!(fixture.is_recent("a"), "it has another creator");
}

#[tokio::test]
async fn the_keys_of_a_creator_share_what_they_have_in_common() {
    let fixture = Fixture::new().await;
    for secret in ["a", "b"] {
        fixture.insert(secret, None, None).await;
    }
    let (one, other) = (fixture.find("a").await.unwrap(), fixture.find("b").await.unwrap());
    assert!(Arc::ptr_eq(&one.creator, &other.creator));
    assert_eq!((one.creator.organization, one.creator.user), (fixture.organization, fixture.user));
    fixture.verifier.apply(&VerdictChange::Creator(fixture.user));
    let read_again = fixture.find("a").await.unwrap();
    assert!(one.is_outdated() && other.is_outdated() && !read_again.is_outdated());
    assert!(!Arc::ptr_eq(&one.creator, &read_again.creator));
    fixture.verifier.clean().await;
    assert_eq!(fixture.verifier.loader.creators.len(), 1);
    drop((one, other, read_again));
    fixture.verifier.invalidate_all();
    fixture.verifier.clean().await;
    assert_eq!(fixture.verifier.loader.creators.len(), 0, "no key is cached");
}

#[tokio::test]
async fn a_change_of_the_signing_keys_empties_the_cache() {
    let fixture = Fixture::new().await;
    fixture.insert("a", None, None).await;
    let mut epochs = vec![fixture.verifier.signing_keys_epoch()];
    for _ in 0..2 {
        fixture.find("a").await.unwrap();
        fixture.verifier.apply(&VerdictChange::SigningKeys);
        assert_eq!(fixture.verifier.sizes().0, 0);
        epochs.push(fixture.verifier.signing_keys_epoch());
    }
    epochs.dedup();
    assert_eq!(epochs.len(), 3);
}

#[tokio::test]
async fn cached_keys_are_served_without_a_store_only_if_allowed() {
    let fixture = Fixture::new().await;
    fixture.insert("a", None, None).await;
    fixture.find("a").await.unwrap();
    assert!(fixture.is_recent("a"));
    fixture.verifier.set_unavailable(true);
    assert!(fixture.store.is_unavailable());
    assert!(matches!(fixture.verifier.find("a").await, Err(store::StoreError::Unavailable)));
    assert!(!fixture.is_recent("a"));
    assert_eq!(fixture.verifier.stale_seconds_left(), None);
    fixture.verifier.serve_stale(Duration::from_mins(1));
    assert!(fixture.find("a").await.is_some() && fixture.is_recent("a"));
    assert_eq!(fixture.verifier.stale_seconds_left(), Some(60));
    fixture.verifier.set_unavailable(false);
    assert!(!fixture.store.is_unavailable() && fixture.verifier.stale_seconds_left().is_none());
    assert!(fixture.find("a").await.is_some());
}

#[tokio::test]
async fn a_replaced_secret_is_valid_during_its_grace_period() {
    let fixture = Fixture::new().await;
    let id = fixture.insert("old", None, None).await;
    let end = Timestamp::now().plus_ms(60_000);
    let mut tx = fixture.store.begin().await.unwrap();
    store::keys::secrets::replace(&mut tx, id, fixture.digest("new").as_bytes(), "…", end).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(fixture.find("new").await.unwrap().secret_expires_at(), None);
    assert_eq!(fixture.find("old").await.unwrap().secret_expires_at(), Some(end));
    assert!(fixture.evaluate("old", None).await.is_valid());
    fixture.verifier.flush().await;
    let mut db = fixture.other.connection().await.unwrap();
    let record = store::keys::find(&mut db, fixture.organization, id).await.unwrap().unwrap();
    assert_eq!(record.retiring.map(|retired| retired.uses), Some(1));
}

#[tokio::test]
async fn the_usage_of_a_key_that_is_being_changed_is_written_later() {
    let fixture = Fixture::new().await;
    if !fixture.store.is_shared() {
        return;
    }
    let (id, end) = (fixture.insert("a1", None, None).await, Timestamp::now().plus_ms(60_000));
    fixture.insert("b", None, None).await;
    let replace = async |tx: &mut Tx, secret| store::keys::secrets::replace(tx, id, fixture.digest(secret).as_bytes(), "…", end).await.unwrap();
    for secret in ["a2", "a3"] {
        let mut tx = fixture.store.begin().await.unwrap();
        replace(&mut tx, secret).await;
        tx.commit().await.unwrap();
    }
    for secret in ["a1", "a2", "a3", "b"] {
        assert!(fixture.evaluate(secret, None).await.is_valid(), "{secret}");
    }
    let requests = async || {
        let days = store::usage::days(&fixture.other, fixture.organization, 0, i64::MAX).await.unwrap();
        days.iter().map(|day| day.requests).sum::<i64>()
    };
    let mut tx = fixture.other.begin_locked(WriteLock::Rows(fixture.organization)).await.unwrap();
    store::keys::locks::lock(&mut tx, fixture.organization, &[id]).await.unwrap();
    replace(&mut tx, "a4").await;
    timeout(Duration::from_secs(2), fixture.verifier.flush_batch()).await.expect("it does not wait");
    assert_eq!((requests().await, fixture.verifier.flush_age().1), (1, 1));
    let change = async {
        sleep(Duration::from_millis(300)).await;
        tx.commit().await.unwrap();
    };
    // At the end of the process, it waits.
    tokio::join!(fixture.verifier.flush(), change);
    assert_eq!(requests().await, 4);
    let mut db = fixture.other.connection().await.unwrap();
    let record = store::keys::find(&mut db, fixture.organization, id).await.unwrap().unwrap();
    assert_eq!(record.retiring.map(|retired| retired.uses), Some(2));
}

#[tokio::test]
async fn only_a_valid_use_is_recorded() {
    let fixture = Fixture::new().await;
    let id = fixture.insert("a", None, None).await;
    assert!(fixture.evaluate("a", None).await.is_valid());
    let foreign = fixture.verifier.evaluate(OrganizationId::new(), &VerifyRequest::new("a")).await.unwrap();
    assert!(!foreign.is_valid() && foreign.code == VerdictCode::NotFound && foreign.key().is_none());
    let scope = VerifyRequest { scope: Some("write".into()), ..VerifyRequest::new("a") };
    let verdict = fixture.verifier.evaluate(fixture.organization, &scope).await.unwrap();
    assert_eq!((verdict.code, verdict.key().map(|key| key.id)), (VerdictCode::InsufficientPermissions, Some(id)));
    assert_eq!(fixture.last_used_at("a").await, None);
    assert!(fixture.verifier.flush_batch().await);
    assert!(fixture.last_used_at("a").await.is_some());
    assert_eq!(fixture.verifier.flush_age().1, 0);
    let days = store::usage::days(&fixture.other, fixture.organization, 0, i64::MAX).await.unwrap();
    assert_eq!(days.iter().map(|day| day.requests).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn usage_is_kept_until_it_can_be_written() {
    let fixture = Fixture::new().await;
    fixture.insert("a", None, None).await;
    fixture.evaluate("a", None).await;
    fixture.store.set_unavailable(true);
    assert!(fixture.verifier.flush_batch().await, "nothing is left that could be written");
    assert_eq!(fixture.verifier.flush_age().1, 1);
    fixture.store.set_unavailable(false);
    fixture.verifier.flush().await;
    assert_eq!(fixture.verifier.flush_age().1, 0);
    assert!(fixture.last_used_at("a").await.is_some());
}

#[tokio::test]
async fn rate_limits_are_enforced_and_reported() {
    let fixture = Fixture::new().await;
    let two = r#"[{"name":"burst","limit":2,"duration_ms":60000}]"#;
    fixture.insert("a", Some(two), None).await;
    for (code, remaining) in [(VerdictCode::Valid, 1), (VerdictCode::Valid, 0), (VerdictCode::RateLimited, 0)] {
        let verdict = fixture.evaluate("a", None).await;
        let rates: Vec<_> = verdict.rates().map(|(limit, state)| (limit.name.as_str(), state.remaining, state.reset_ms > 0)).collect();
        assert_eq!((verdict.code, verdict.credits, rates), (code, None, vec![("burst", remaining, true)]));
    }
    // The state outlives a change of the key.
    fixture.verifier.apply(&VerdictChange::Creator(fixture.user));
    assert_eq!(fixture.evaluate("a", None).await.code, VerdictCode::RateLimited);
}

#[tokio::test]
async fn an_address_that_has_reached_its_limit_uses_nothing() {
    let fixture = Fixture::new().await;
    let id = fixture.insert("a", Some(r#"[{"name":"all","limit":3,"duration_ms":60000}]"#), Some(20)).await;
    fixture.limit_addresses(id, r#"[{"name":"each","limit":1,"duration_ms":60000}]"#).await;
    let verdict = async |address: Option<&str>| {
        let ip = address.map(|address| address.parse().unwrap());
        fixture.verifier.evaluate(fixture.organization, &VerifyRequest { ip, ..VerifyRequest::new("a") }).await.unwrap()
    };
    let first = verdict(Some("192.0.2.1")).await;
    assert_eq!((first.code, first.credits, first.address_retry_after()), (VerdictCode::Valid, Some(19), None));
    let second = verdict(Some("192.0.2.1")).await;
    let remaining: Vec<_> = second.rates().map(|(limit, state)| (limit.name.as_str(), state.remaining)).collect();
    assert_eq!((second.code, second.credits, remaining), (VerdictCode::RateLimited, Some(19), vec![("all", 2)]));
    assert!(second.address_retry_after().is_some_and(|ms| (59_000..=60_000).contains(&ms)));
    assert!(verdict(Some("192.0.2.2")).await.is_valid());
    assert!(verdict(None).await.is_valid(), "without an address, only the limits of the key apply");
    let last = verdict(Some("192.0.2.3")).await;
    assert_eq!((last.code, last.address_retry_after()), (VerdictCode::RateLimited, None), "the key has reached its own limit");
}

#[tokio::test]
async fn credits_are_reserved_spent_and_returned() {
    let fixture = Fixture::new().await;
    let id = fixture.insert("a", None, Some(20)).await;
    let verdict = fixture.evaluate("a", Some(3)).await;
    assert_eq!((verdict.code, verdict.credits, verdict.refills_at), (VerdictCode::Valid, Some(17), None));
    // A quarter is reserved, of which 2 are left.
    assert_eq!((fixture.remaining(id).await, fixture.reserved(id).await), (15, 2));
    let verdict = fixture.evaluate("a", Some(18)).await;
    assert_eq!((verdict.code, verdict.credits), (VerdictCode::UsageExceeded, Some(17)));
    fixture.verifier.return_idle_credits().await;
    assert_eq!((fixture.remaining(id).await, fixture.reserved(id).await), (15, 2), "they were used a moment ago");
    // Those that cannot be returned stay reserved.
    fixture.store.set_unavailable(true);
    fixture.verifier.return_credits().await;
    fixture.store.set_unavailable(false);
    assert_eq!((fixture.remaining(id).await, fixture.reserved(id).await), (15, 2));
    make_unused(fixture.verifier.loader.find_limiter(id).unwrap().lock().reserve());
    fixture.store.set_unavailable(true);
    fixture.verifier.return_idle_credits().await;
    fixture.store.set_unavailable(false);
    fixture.verifier.return_idle_credits().await;
    assert_eq!((fixture.remaining(id).await, fixture.reserved(id).await), (17, 0));
    assert_eq!(fixture.evaluate("a", Some(17)).await.code, VerdictCode::Valid);
    assert_eq!(fixture.evaluate("a", None).await.code, VerdictCode::UsageExceeded);
    fixture.verifier.return_credits().await;
    assert_eq!(fixture.remaining(id).await, 0);
}

#[tokio::test]
async fn credits_of_a_refused_request_are_given_back() {
    let fixture = Fixture::new().await;
    let id = fixture.insert("a", Some(r#"[{"name":"all","limit":2,"duration_ms":60000}]"#), Some(1)).await;
    let mut verdict = fixture.evaluate("a", None).await;
    assert_eq!((verdict.code, verdict.credits), (VerdictCode::Valid, Some(0)));
    fixture.verifier.give_back_credits(&mut verdict, 1);
    assert_eq!((verdict.credits, fixture.reserved(id).await), (Some(1), 1));
    fixture.verifier.return_credits().await;
    assert_eq!(fixture.remaining(id).await, 1);
    assert_eq!(fixture.evaluate("a", None).await.code, VerdictCode::Valid);
    let mut limited = fixture.evaluate("a", None).await;
    assert_eq!(limited.code, VerdictCode::RateLimited, "it still counts in the rate limits");
    fixture.verifier.give_back_credits(&mut limited, 1);
    assert_eq!((limited.credits, fixture.reserved(id).await), (Some(0), 0), "nothing was taken");
}

#[tokio::test]
async fn credits_are_lost_if_they_are_set_to_zero() {
    let fixture = Fixture::new().await;
    let id = fixture.insert("a", None, Some(1)).await;
    let verdict = fixture.evaluate("a", None).await;
    let charged = verdict.key().unwrap();
    let has_lost = async || {
        fixture.verifier.invalidate_all();
        fixture.find("a").await.unwrap().has_lost_credits(charged)
    };
    assert!(!has_lost().await, "they were spent");
    for (credits, expected) in [(Some(5), false), (Some(0), true), (None, false), (Some(0), true)] {
        fixture.set_credits(id, credits).await;
        assert_eq!(has_lost().await, expected, "{credits:?}");
    }
    fixture.set_credits(id, Some(1)).await;
    assert!(fixture.evaluate("a", None).await.is_valid());
    assert_eq!(fixture.remaining(id).await, 0);
    assert!(!has_lost().await, "the new ones were spent");
    let unlimited = fixture.insert("b", None, None).await;
    let verdict = fixture.evaluate("b", None).await;
    fixture.set_credits(unlimited, Some(0)).await;
    fixture.verifier.invalidate_all();
    assert!(fixture.find("b").await.unwrap().has_lost_credits(verdict.key().unwrap()));
}

#[tokio::test]
async fn a_balance_that_another_instance_sets_is_found_by_the_next_reservation() {
    let fixture = Fixture::new().await;
    let id = fixture.insert("a", None, Some(20)).await;
    fixture.evaluate("a", Some(3)).await;
    fixture.set_credits(id, Some(100)).await;
    let verdict = fixture.evaluate("a", Some(10)).await;
    assert_eq!((verdict.code, verdict.credits), (VerdictCode::Valid, Some(90)));
    // A restored database has an older version.
    let restored = CreditBalance { credits: without_refill(50), version: 0, ..fixture.stored(id).await };
    let mut tx = fixture.other.begin().await.unwrap();
    store::keys::credits::store_balance(&mut tx, id, &restored).await.unwrap();
    tx.commit().await.unwrap();
    fixture.verifier.invalidate_all();
    let verdict = fixture.evaluate("a", Some(10)).await;
    assert_eq!((verdict.code, verdict.credits), (VerdictCode::Valid, Some(40)));
    // Without a credit limit any cost is valid.
    fixture.set_credits(id, None).await;
    let verdict = fixture.evaluate("a", Some(30)).await;
    assert_eq!((verdict.code, verdict.credits), (VerdictCode::Valid, None));
}

#[tokio::test]
async fn cleaning_drops_outdated_keys_and_idle_limiters() {
    let fixture = Fixture::new().await;
    let two = r#"[{"name":"burst","limit":2,"duration_ms":60000}]"#;
    let (used, unused) = (fixture.insert("a", Some(two), None).await, fixture.insert("b", Some(two), None).await);
    fixture.evaluate("a", None).await;
    drop(fixture.find("b").await.unwrap());
    let has_limiter = |id| fixture.verifier.loader.find_limiter(id).is_some();
    fixture.verifier.clean().await;
    assert_eq!((fixture.verifier.sizes().0, has_limiter(used), has_limiter(unused)), (2, true, true), "the keys are cached");
    fixture.verifier.apply(&VerdictChange::Creator(fixture.user));
    fixture.verifier.clean().await;
    assert_eq!((fixture.verifier.sizes().0, has_limiter(used), has_limiter(unused)), (0, true, false), "a request is still counted");
    assert!(!has_limiter(KeyId::new()));
    assert!(Arc::ptr_eq(&fixture.verifier.loader.get_or_create(used), &fixture.verifier.loader.find_limiter(used).unwrap()));
}

#[tokio::test]
async fn cleaning_deletes_old_batches_of_other_instances() {
    let fixture = Fixture::new().await;
    let now = Timestamp::now();
    let day_ms = 24 * 60 * 60 * 1000;
    let mut tx = fixture.other.begin().await.unwrap();
    for (writer, days) in [("old", 8), ("recent", 6)] {
        assert!(store::usage::record_batch(&mut tx, writer, 1, now.plus_ms(-days * day_ms)).await.unwrap());
    }
    tx.commit().await.unwrap();
    fixture.verifier.clean().await;
    let mut tx = fixture.other.begin().await.unwrap();
    for (writer, is_deleted) in [("old", true), ("recent", false)] {
        assert_eq!(store::usage::record_batch(&mut tx, writer, 1, now).await.unwrap(), is_deleted, "{writer}");
    }
}

#[tokio::test]
async fn background_tasks_finish_their_work_at_the_end() {
    let fixture = Fixture::new().await;
    let id = fixture.insert("a", None, Some(20)).await;
    fixture.evaluate("a", Some(3)).await;
    for is_usage in [true, false] {
        let (stop, end) = oneshot::channel();
        stop.send(()).unwrap();
        if is_usage {
            write_usage(Arc::clone(&fixture.verifier), end).await;
        } else {
            return_credits(Arc::clone(&fixture.verifier), end).await;
        }
    }
    assert!(fixture.last_used_at("a").await.is_some());
    assert_eq!(fixture.remaining(id).await, 17);
}

#[tokio::test]
async fn the_change_watcher_finds_the_store_and_other_instances_changes() {
    let fixture = Fixture::new().await;
    fixture.insert("a", None, None).await;
    fixture.verifier.set_unavailable(true);
    let watcher = tokio::spawn(watch_changes(fixture.store.clone(), Arc::clone(&fixture.verifier)));
    let pause = || tokio::time::sleep(Duration::from_millis(10));
    tokio::time::timeout(Duration::from_secs(10), async {
        while fixture.store.is_unavailable() {
            pause().await;
        }
        fixture.find("a").await.unwrap();
        let mut tx = fixture.other.begin().await.unwrap();
        tx.touch(VerdictChange::Key(fixture.digest("a").as_bytes().to_vec()));
        tx.commit().await.unwrap();
        while fixture.verifier.sizes().0 > 0 {
            pause().await;
        }
    })
    .await
    .unwrap();
    watcher.abort();
}

#[test]
fn the_attempts_of_an_evaluation_are_bounded() {
    let mut attempts = Attempts::default();
    let outdated: Vec<bool> = (0..3).map(|_| attempts.count_outdated().is_ok()).collect();
    assert_eq!(outdated, [true, true, false]);
    assert!(attempts.count_reservation().is_ok() && attempts.reserving_since.is_some());
    for (ago, is_allowed) in [(RESERVE_LIMIT_MS - 1000, true), (RESERVE_LIMIT_MS + 1, false)] {
        let mut attempts = Attempts { reserving_since: Some(ticks() - ago), ..Attempts::default() };
        assert_eq!(attempts.count_reservation().is_ok(), is_allowed, "{ago} ms");
    }
}

#[tokio::test]
async fn a_wait_ends_with_the_time_for_reservations() {
    let attempts = Attempts { reserving_since: Some(ticks() - RESERVE_LIMIT_MS + 20), ..Attempts::default() };
    let wait = tokio::time::timeout(Duration::from_secs(1), attempts.limit(std::future::pending::<Result<(), _>>()));
    assert!(matches!(wait.await, Ok(Err(store::StoreError::Unavailable))));
    assert!(attempts.limit(std::future::ready(Ok(()))).await.is_ok(), "what needs no wait is not refused");
}

#[tokio::test]
async fn a_changed_refill_is_read_before_credits_are_spent() {
    let fixture = Fixture::new().await;
    let id = fixture.insert("a", None, Some(20)).await;
    assert_eq!(fixture.evaluate("a", None).await.refills_at, None);
    let daily = fixture.stored(id).await.with_refill(Refill::Daily, 20, Timestamp::now());
    let mut tx = fixture.other.begin().await.unwrap();
    store::keys::credits::store_balance(&mut tx, id, &daily).await.unwrap();
    tx.commit().await.unwrap();
    fixture.verifier.invalidate_all();
    let verdict = fixture.evaluate("a", None).await;
    assert_eq!((verdict.code, verdict.credits, verdict.refills_at.is_some()), (VerdictCode::Valid, Some(18), true));
}

fn of_instance(verifier: &Verifier) -> &Arc<SharedLimits> {
    verifier.shared_limits.as_ref().unwrap()
}

#[tokio::test]
async fn two_instances_let_exactly_the_limit_through() {
    for strict in ["", r#","strict":true"#] {
        let fixture = Fixture::new().await;
        let instances = [fixture.instance(), fixture.instance()];
        fixture.insert("a", Some(&format!(r#"[{{"name":"all","limit":10,"duration_ms":60000{strict}}}]"#)), None).await;
        let mut valid = 0;
        for turn in 0..30 {
            valid += fixture.valid_at(&instances[turn % 2], "a", 1).await;
        }
        assert_eq!(valid, 10);
        for instance in &instances {
            let verdict = instance.evaluate(fixture.organization, &VerifyRequest::new("a")).await.unwrap();
            let rates: Vec<_> = verdict.rates().map(|(_, state)| (state.remaining, state.reset_ms > 50_000)).collect();
            assert_eq!((verdict.code, rates), (VerdictCode::RateLimited, vec![(0, true)]));
        }
    }
}

#[tokio::test]
async fn concurrent_callers_of_two_instances_never_exceed_a_limit() {
    let fixture = Fixture::new().await;
    let instances = [fixture.instance(), fixture.instance()];
    fixture.insert("a", Some(r#"[{"name":"narrow","limit":25,"duration_ms":60000},{"name":"wide","limit":1000,"duration_ms":60000}]"#), None).await;
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..100 {
        let (instance, organization) = (Arc::clone(&instances[number % 2]), fixture.organization);
        callers.spawn(async move { instance.evaluate(organization, &VerifyRequest::new("a")).await.unwrap().is_valid() });
    }
    assert_eq!(callers.join_all().await.into_iter().filter(|valid| *valid).count(), 25);
}

#[tokio::test]
async fn a_limited_request_does_not_wait_for_other_writers() {
    let fixture = Fixture::new().await;
    let instance = fixture.instance();
    fixture.insert("a", Some(r#"[{"name":"all","limit":10,"duration_ms":60000,"strict":true}]"#), None).await;
    if !fixture.store.is_shared() {
        return;
    }
    let _writer = fixture.other.begin_locked(WriteLock::Rows(fixture.organization)).await.unwrap();
    assert_eq!(fixture.valid_at(&instance, "a", 3).await, 3);
}

#[tokio::test]
async fn permits_that_are_not_used_go_back() {
    let fixture = Fixture::new().await;
    let [first, second] = [fixture.instance(), fixture.instance()];
    fixture.insert("a", Some(r#"[{"name":"all","limit":100,"duration_ms":60000,"strict":true}]"#), None).await;
    assert_eq!(fixture.valid_at(&first, "a", 3).await, 3);
    of_instance(&first).give_back_idle().await;
    assert_eq!(fixture.valid_at(&second, "a", 120).await, 97);
    of_instance(&second).give_back_all().await;
    of_instance(&second).drop_idle();
    assert_eq!(fixture.valid_at(&fixture.instance(), "a", 1).await, 0, "an instance that has ended has handed over its uses");
    assert_eq!(fixture.valid_at(&first, "a", 1).await, 0);
}

#[tokio::test]
async fn permits_of_an_ended_instance_count_as_used() {
    let fixture = Fixture::new().await;
    let [first, second] = [fixture.instance(), fixture.instance()];
    fixture.insert("a", Some(r#"[{"name":"all","limit":10,"duration_ms":60000}]"#), None).await;
    // It is not registered, so it has ended.
    of_instance(&first).adopt_instance("ins_1");
    assert_eq!(fixture.valid_at(&first, "a", 1).await, 1);
    assert_eq!(fixture.valid_at(&second, "a", 20).await, 9);
    of_instance(&first).adopt_instance("ins_2");
    assert_eq!(fixture.valid_at(&first, "a", 1).await, 0);
}

#[tokio::test]
async fn a_changed_limit_keeps_its_count_on_both_instances() {
    let fixture = Fixture::new().await;
    let instances = [fixture.instance(), fixture.instance()];
    let id = fixture.insert("a", Some(r#"[{"name":"all","limit":3,"duration_ms":60000}]"#), None).await;
    assert_eq!((fixture.valid_at(&instances[0], "a", 2).await, fixture.valid_at(&instances[1], "a", 2).await), (2, 1));
    for (limits, left) in [
        (r#"[{"name":"other","limit":9,"duration_ms":60000},{"name":"all","limit":5,"duration_ms":60000}]"#, 2),
        (r#"[{"name":"all","limit":4,"duration_ms":60000}]"#, 0),
        (r#"[{"name":"all","limit":6,"duration_ms":60000}]"#, 1),
        (r#"[{"name":"other","limit":3,"duration_ms":60000}]"#, 1),
    ] {
        fixture.change(id, |attributes| attributes.rate_limits = Some(limits.to_owned())).await;
        for instance in &instances {
            instance.invalidate_all();
        }
        let mut valid = 0;
        for turn in 0..8 {
            valid += fixture.valid_at(&instances[turn % 2], "a", 1).await;
        }
        assert_eq!(valid, left, "{limits}");
    }
}

#[tokio::test]
async fn two_instances_share_the_limit_of_an_address() {
    let fixture = Fixture::new().await;
    let instances = [fixture.instance(), fixture.instance()];
    let id = fixture.insert("a", None, Some(100)).await;
    fixture.limit_addresses(id, r#"[{"name":"each","limit":2,"duration_ms":60000}]"#).await;
    let verdict = async |turn: usize, address: &str| {
        let request = VerifyRequest { ip: Some(address.parse().unwrap()), ..VerifyRequest::new("a") };
        instances[turn % 2].evaluate(fixture.organization, &request).await.unwrap()
    };
    for turn in 0..2 {
        assert!(verdict(turn, "2001:db8::1").await.is_valid());
    }
    for turn in 0..2 {
        let refused = verdict(turn, "2001:db8::2").await;
        assert!(refused.code == VerdictCode::RateLimited && refused.address_retry_after().is_some_and(|ms| ms > 50_000), "it has the same network");
        assert!(verdict(turn, "192.0.2.1").await.is_valid());
    }
}

#[tokio::test]
async fn two_instances_share_the_limits_of_model_calls() {
    let fixture = Fixture::new().await;
    let [first, second] = [fixture.instance(), fixture.instance()];
    let key = |tokens_per_minute, max_parallel| {
        let access = ModelAccess { tokens_per_minute, max_parallel, ..ModelAccess::default() };
        Arc::new(CachedKey { model_access: Some(Box::new(access)), ..client_key("a") })
    };
    let begin = async |instance: &Arc<Verifier>, key: &Arc<CachedKey>, tokens: i64| {
        let worst_case = WorstCase { cost: None, tokens: Some(tokens) };
        instance.begin_model_call(ModelCall { key: Some(key), organization: fixture.organization, budgets: &[], worst_case }).await
    };
    let one_at_a_time = key(None, Some(1));
    let open = begin(&first, &one_at_a_time, 1).await.ok().unwrap();
    assert_eq!(begin(&second, &one_at_a_time, 1).await.err(), Some(ModelRefusal::Parallel { limit: 1 }));
    open.settle(None, 1);
    tokio::time::timeout(Duration::from_secs(10), async {
        while begin(&second, &one_at_a_time, 1).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    let hundred_tokens = key(Some(100), None);
    begin(&first, &hundred_tokens, 60).await.ok().unwrap().settle(None, 50);
    of_instance(&first).give_back_idle().await;
    begin(&second, &hundred_tokens, 50).await.ok().unwrap().settle(None, 50);
    for instance in [&first, &second] {
        let refused = begin(instance, &hundred_tokens, 1).await.err();
        assert!(matches!(refused, Some(ModelRefusal::TokenRate { limit: 100, left: 0, retry_after_ms: 1.. })), "{refused:?}");
    }
}
