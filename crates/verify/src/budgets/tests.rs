//! Tests of budgets on a database.

use futures_util::FutureExt;
use latchkey_test_db::TestData;
use tokio::{task::JoinSet, time::timeout};
use zeroize::Zeroizing;

use super::*;
use crate::{evaluate::tests::client_key, tests::open_store};
use latchkey_crypto::key_format::Pepper;
use latchkey_store::{WriteLock, budgets::NewShare};
use latchkey_types::budget::{BudgetPeriod, ModelAccess};

/// A database with several instances.
struct Fixture {
    store: Store,
    organization: OrganizationId,
    _data: TestData,
}

impl Fixture {
    async fn new() -> Self {
        let (store, data) = open_store().await;
        let organization = OrganizationId::new();
        let mut tx = store.begin().await.unwrap();
        latchkey_store::users::insert_organization(&mut tx, organization, "Acme", 1_000_000_000).await.unwrap();
        tx.commit().await.unwrap();
        Self { store, organization, _data: data }
    }

    fn instance(&self) -> Instance {
        let verifier = Verifier::new(self.store.clone(), Pepper::new(&Zeroizing::new([1; 32])));
        Instance { verifier: Arc::new(verifier), organization: self.organization }
    }
}

#[derive(Clone)]
struct Instance {
    verifier: Arc<Verifier>,
    organization: OrganizationId,
}

impl Instance {
    /// Begins a call whose worst case is this number of tokens.
    async fn begin(&self, limit: BudgetLimit, tokens: i64) -> Result<ModelCharge, ModelRefusal> {
        let worst_case = WorstCase { cost: None, tokens: Some(tokens) };
        self.verifier.begin_model_call(ModelCall { key: None, organization: self.organization, budgets: &[limit], worst_case }).await
    }

    /// A call with this worst case that uses this many tokens.
    async fn call(&self, limit: BudgetLimit, tokens: i64, used: i64) -> bool {
        let charge = self.begin(limit, tokens).await;
        charge.map(|charge| charge.settle(None, used)).is_ok()
    }

    /// What is spent and reserved, by all instances.
    async fn used(&self, limit: BudgetLimit) -> (i64, i64) {
        let state = self.verifier.budget_state(limit.owner, limit.budget).await.unwrap();
        (state.spent, state.reserved)
    }

    fn percent_warned(&self) -> Vec<u8> {
        self.verifier.take_budget_warnings().iter().map(|warning| warning.percent).collect()
    }
}

fn tokens(limit: i64) -> BudgetLimit {
    BudgetLimit { owner: BudgetOwner::Key(KeyId::new()), budget: Budget { limit, unit: BudgetUnit::Tokens, period: BudgetPeriod::None } }
}

fn with_limit(before: BudgetLimit, limit: i64) -> BudgetLimit {
    BudgetLimit { budget: Budget { limit, ..before.budget }, ..before }
}

#[tokio::test]
async fn the_worst_case_is_reserved_and_what_was_used_is_charged() {
    let fixture = Fixture::new().await;
    let (instance, limit) = (fixture.instance(), tokens(100));
    let first = instance.begin(limit, 60).await.ok().unwrap();
    assert_eq!(instance.used(limit).await, (0, 60));
    let refused = instance.begin(limit, 41).await.err().unwrap();
    let state = BudgetState { budget: limit.budget, spent: 0, reserved: 60, resets_at: None };
    assert_eq!((refused, state.left()), (ModelRefusal::Budget { owner: limit.owner, state }, 40));
    let second = instance.begin(limit, 40).await.ok().unwrap();
    first.settle(None, 10);
    assert_eq!(instance.used(limit).await, (10, 40));
    drop(second);
    assert_eq!(instance.used(limit).await, (50, 0), "the worst case is charged");
    instance.begin(limit, 50).await.ok().unwrap().settle(None, 1_000_000);
    assert_eq!(instance.used(limit).await, (100, 0), "no more than the worst case is charged");
    assert!(instance.call(limit, 0, 0).await && !instance.call(limit, 1, 0).await);
}

#[tokio::test]
async fn callers_at_once_spend_all_and_no_more() {
    let fixture = Fixture::new().await;
    let (instance, limit) = (fixture.instance(), tokens(1000));
    let mut callers = JoinSet::new();
    for _ in 0..500 {
        let instance = instance.clone();
        callers.spawn(async move { instance.begin(limit, 10).await });
    }
    let charges: Vec<ModelCharge> = callers.join_all().await.into_iter().filter_map(Result::ok).collect();
    assert_eq!((charges.len(), instance.used(limit).await), (100, (0, 1000)));
    for charge in charges {
        charge.settle(None, 3);
    }
    // 700 are left, of which the large call takes what the small ones do not need.
    assert!(instance.call(limit, 700, 700).await);
    assert_eq!(instance.used(limit).await, (1000, 0));
}

#[tokio::test]
async fn a_large_call_that_is_refused_does_not_stop_small_ones() {
    let fixture = Fixture::new().await;
    let (instance, limit) = (fixture.instance(), tokens(100));
    // All of them wait for the same write.
    let calls = [60, 60, 30, 20, 10].map(|tokens| instance.begin(limit, tokens));
    let admitted: Vec<_> = futures_util::future::join_all(calls).await;
    assert_eq!(admitted.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, false, true]);
    assert_eq!(instance.used(limit).await, (0, 100));
}

#[tokio::test]
async fn a_caller_that_leaves_reserves_nothing() {
    let fixture = Fixture::new().await;
    let (instance, limit) = (fixture.instance(), tokens(100));
    assert!(instance.begin(limit, 60).now_or_never().is_none(), "the store has to answer first");
    assert!(instance.call(limit, 100, 1).await);
    assert_eq!(instance.used(limit).await, (1, 0));
}

#[tokio::test]
async fn all_budgets_admit_a_call_or_none_is_used() {
    let fixture = Fixture::new().await;
    let instance = fixture.instance();
    let (member, organization) = (BudgetOwner::Member(UserId::new()), BudgetOwner::Organization(fixture.organization));
    let dollars = Budget { limit: 50, unit: BudgetUnit::Usd, period: BudgetPeriod::Day };
    let access = ModelAccess { budget: Some(tokens(1000).budget), max_parallel: Some(1), ..ModelAccess::default() };
    let key = Arc::new(CachedKey { model_access: Some(Box::new(access)), ..client_key("a") });
    let budgets = [BudgetLimit { owner: member, budget: dollars }, BudgetLimit { owner: organization, budget: Budget { limit: 40, ..dollars } }];
    let begin = async |cost: Option<i64>, tokens| {
        let worst_case = WorstCase { cost: cost.map(Dollars), tokens };
        instance.verifier.begin_model_call(ModelCall { key: Some(&key), organization: fixture.organization, budgets: &budgets, worst_case }).await
    };
    let own = BudgetLimit { owner: BudgetOwner::Key(key.id), budget: tokens(1000).budget };
    let used = async || [instance.used(own).await, instance.used(budgets[0]).await, instance.used(budgets[1]).await];
    assert!(matches!(begin(Some(41), Some(7)).await.err(), Some(ModelRefusal::Budget { owner, .. }) if owner == organization));
    assert!(matches!(begin(Some(51), Some(7)).await.err(), Some(ModelRefusal::Budget { owner, .. }) if owner == member));
    assert_eq!(begin(None, Some(7)).await.err(), Some(ModelRefusal::Unpriced));
    assert_eq!(begin(None, None).await.err(), Some(ModelRefusal::Unbounded));
    assert_eq!(used().await, [(0, 0); 3]);
    let charge = begin(Some(40), Some(7)).await.ok().unwrap();
    assert_eq!(begin(Some(0), Some(0)).await.err(), Some(ModelRefusal::Parallel { limit: 1 }));
    assert_eq!(used().await, [(0, 7), (0, 40), (0, 40)]);
    charge.settle(Some(Dollars(5)), 3);
    assert_eq!(used().await, [(3, 0), (5, 0), (5, 0)]);
    begin(Some(10), Some(7)).await.ok().unwrap().settle(None, 3);
    assert_eq!(used().await, [(6, 0), (15, 0), (15, 0)], "a call of unknown cost is charged its worst case");
}

#[tokio::test]
async fn what_a_crashed_process_had_reserved_counts_as_spent() {
    let fixture = Fixture::new().await;
    let (crashed, limit) = (fixture.instance(), tokens(100));
    // It is not registered, so on PostgreSQL it has ended.
    crashed.verifier.budgets.adopt_instance("ins_1");
    std::mem::forget(crashed.begin(limit, 60).await.ok().unwrap());
    let next = fixture.instance();
    assert_eq!(next.used(limit).await, (0, 60));
    next.verifier.fold_budgets_of_ended_processes().await;
    assert_eq!(next.used(limit).await, (60, 0));
    assert!(!next.call(limit, 41, 0).await && next.call(limit, 40, 40).await);
    assert_eq!(next.used(limit).await, (100, 0));
}

#[tokio::test]
async fn what_may_have_been_stored_is_stored_again() {
    let fixture = Fixture::new().await;
    let (instance, limit) = (fixture.instance(), tokens(100));
    assert!(instance.call(limit, 60, 60).await);
    instance.verifier.return_budgets().await;
    let budgets = &instance.verifier.budgets;
    let share = Arc::clone(&budgets.shares.get(&limit.owner).unwrap()[0]);
    // More was granted, but the answer to the commit was lost.
    let granted = store::NewShare { key: share.key.clone(), organization: fixture.organization, granted: 90, spent: 60 };
    let mut tx = fixture.store.begin().await.unwrap();
    store::set_shares(&fixture.store, &mut tx, &budgets.writer(), &[granted]).await.unwrap();
    tx.commit().await.unwrap();
    share.fail();
    assert_eq!(fixture.instance().used(limit).await, (60, 30));
    instance.verifier.return_budgets().await;
    assert_eq!(fixture.instance().used(limit).await, (60, 0));
}

#[tokio::test]
async fn what_is_not_used_is_given_back() {
    let fixture = Fixture::new().await;
    let (one, other, limit) = (fixture.instance(), fixture.instance(), tokens(1600));
    // The second growth within a second requests something in advance: at most 1/16 of what is left.
    let open = one.begin(limit, 100).await.ok().unwrap();
    assert!(one.call(limit, 700, 100).await);
    assert!(other.begin(limit, 1500).await.is_err());
    one.verifier.return_idle_budgets().await;
    assert!(!other.call(limit, 1400, 0).await, "it was used a moment ago");
    one.verifier.return_budgets().await;
    assert_eq!(other.used(limit).await, (100, 100));
    let refreshed = fixture.instance();
    assert!(refreshed.call(limit, 1400, 0).await && !refreshed.call(limit, 1401, 0).await);
    open.settle(None, 100);
    assert_eq!(one.used(limit).await.0, 200);
}

#[tokio::test]
async fn instances_share_a_budget() {
    let fixture = Fixture::new().await;
    let (instances, limit) = ([fixture.instance(), fixture.instance()], tokens(1000));
    let mut callers = JoinSet::new();
    for index in 0..400 {
        let instance = instances[index % 2].clone();
        callers.spawn(async move { instance.begin(limit, 10).await });
    }
    let charges: Vec<ModelCharge> = callers.join_all().await.into_iter().filter_map(Result::ok).collect();
    assert!((90..=100).contains(&charges.len()), "{}", charges.len());
    for charge in charges {
        charge.settle(None, 10);
    }
    for instance in &instances {
        instance.verifier.return_budgets().await;
    }
    let spent = instances[0].used(limit).await.0;
    assert_eq!((instances[1].used(limit).await, spent % 10), ((spent, 0), 0));
    let next = fixture.instance();
    let mut left = 1000 - spent;
    while next.call(limit, 10, 10).await {
        left -= 10;
    }
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_changed_limit_is_adopted() {
    let fixture = Fixture::new().await;
    let (instance, limit) = (fixture.instance(), tokens(100));
    let open = instance.begin(limit, 50).await.ok().unwrap();
    assert!(instance.call(limit, 50, 30).await);
    assert!(!instance.call(with_limit(limit, 60), 10, 0).await && !open.is_exhausted(), "30 are spent, and 50 are reserved");
    instance.verifier.observe_budget(limit.owner, Some(with_limit(limit, 30).budget));
    assert!(open.is_exhausted());
    instance.verifier.observe_budget(limit.owner, None);
    assert!(!open.is_exhausted());
    assert!(instance.call(with_limit(limit, 1000), 900, 900).await);
    open.settle(None, 50);
    assert_eq!(instance.used(limit).await, (980, 0));
    let state = instance.verifier.budget_state(limit.owner, limit.budget).await.unwrap();
    assert_eq!(state.left(), 0);
    // A budget of another period has its own amounts.
    let daily = BudgetLimit { budget: Budget { period: BudgetPeriod::Day, ..limit.budget }, ..limit };
    assert_eq!(instance.used(daily).await, (0, 0));
    assert!(instance.call(daily, 100, 1).await);
}

#[tokio::test]
async fn a_warning_is_given_once() {
    let fixture = Fixture::new().await;
    let (instance, limit) = (fixture.instance(), tokens(100));
    assert!(instance.call(limit, 79, 79).await && instance.percent_warned().is_empty());
    assert!(!instance.call(limit, 30, 0).await && instance.percent_warned().is_empty(), "most of it is not spent");
    assert!(instance.call(limit, 3, 3).await && instance.call(limit, 1, 1).await);
    let warning = instance.verifier.take_budget_warnings();
    assert_eq!((warning.len(), warning[0].percent, warning[0].owner, warning[0].state.spent), (1, 80, limit.owner, 82));
    assert!(!instance.call(limit, 30, 0).await && !instance.call(limit, 30, 0).await);
    assert_eq!(instance.percent_warned(), [100]);
    let larger = with_limit(limit, 1000);
    assert!(instance.call(larger, 917, 917).await);
    assert_eq!(instance.percent_warned(), [100]);
    // Another process does not repeat it.
    instance.verifier.return_budgets().await;
    let next = fixture.instance();
    assert!(!next.call(larger, 1, 0).await && next.call(larger, 0, 0).await);
    assert!(next.percent_warned().is_empty());
}

#[tokio::test]
async fn a_share_that_was_dropped_from_memory_is_read_again() {
    let fixture = Fixture::new().await;
    let (instance, limit) = (fixture.instance(), tokens(100));
    let shares = || instance.verifier.budgets.shares.len();
    assert!(instance.call(limit, 60, 40).await);
    let make_idle = || instance.verifier.budgets.shares.iter().flat_map(|shares| shares.clone()).for_each(|share| share.make_idle());
    make_idle();
    instance.verifier.clean().await;
    assert_eq!(shares(), 1, "what it has spent is not stored");
    instance.verifier.return_idle_budgets().await;
    instance.verifier.clean().await;
    assert_eq!((shares(), instance.used(limit).await), (0, (40, 0)));
    assert!(!instance.call(limit, 61, 0).await && instance.call(limit, 60, 60).await);
    assert_eq!(instance.used(limit).await, (100, 0));
}

#[tokio::test]
async fn old_shares_are_deleted_beside_changes_of_organizations() {
    let fixture = Fixture::new().await;
    let key = ShareKey { owner: KeyId::new().to_string(), unit: BudgetUnit::Tokens, period_start: Timestamp(1) };
    let share = NewShare { key: key.clone(), organization: fixture.organization, granted: 1, spent: 1 };
    let mut tx = fixture.store.begin().await.unwrap();
    store::set_shares(&fixture.store, &mut tx, "ended", &[share]).await.unwrap();
    tx.commit().await.unwrap();
    let change = WriteLock::Organization(fixture.organization);
    let change = if fixture.store.is_shared() { Some(fixture.store.begin_locked(change).await.unwrap()) } else { None };
    timeout(Duration::from_secs(2), fixture.instance().verifier.budgets.clean()).await.expect("it does not wait");
    drop(change);
    let mut connection = fixture.store.connection().await.unwrap();
    assert!(store::shares(&fixture.store, &mut connection, &[key]).await.unwrap().is_empty());
}

#[tokio::test]
async fn without_the_store_only_what_is_granted_can_be_spent() {
    let fixture = Fixture::new().await;
    let (instance, limit) = (fixture.instance(), tokens(100));
    assert!(instance.call(limit, 60, 0).await);
    fixture.store.set_unavailable(true);
    assert!(instance.call(limit, 60, 10).await);
    assert_eq!(instance.begin(limit, 70).await.err(), Some(ModelRefusal::Unavailable));
    assert_eq!(instance.begin(tokens(100), 1).await.err(), Some(ModelRefusal::Unavailable));
    instance.verifier.return_idle_budgets().await;
    fixture.store.set_unavailable(false);
    assert!(instance.call(limit, 70, 0).await);
    assert_eq!(instance.used(limit).await, (10, 0));
}
