//! Lists compared with a model, while rows change between pages.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{WriteLock, fold, testing::open_store};
use latchkey_test_db::is_on_postgresql;
use latchkey_types::key_kind::{KeyKind, Lifecycle};

const KINDS: [Kind; 2] = [Kind::Key(KeyKind::Agent), Kind::Key(KeyKind::Client)];
const SORTS: [KeySort; 7] =
    [KeySort::Name, KeySort::Status, KeySort::Mask, KeySort::CreatedAt, KeySort::LastUsedAt, KeySort::CreatedBy, KeySort::ExpiresAt];
const SEARCHES: [&str; 6] = ["", "", "na", "ame", "name 1", "a\"b"];
/// A time of use. Each use is far enough from the others to move the key.
const USE_MS: i64 = 1_000_000_000;

/// A key as the model has it.
#[derive(Debug, Clone)]
struct Key {
    number: i64,
    name: String,
    mask: String,
    creator: usize,
    used_at: i64,
    lifecycle: Lifecycle,
    is_deleted: bool,
}

/// What happens between two pages.
#[derive(Debug, Clone)]
enum Change {
    Create(u8),
    Rename(usize, u8),
    Rotate(usize, u8),
    SetExpiry(usize, Option<i8>),
    SetDisabled(usize, bool),
    Transfer(usize, usize),
    Use(usize),
    Delete(usize),
    RenameUser(usize, u8),
    DisableUser(usize, bool),
}

fn change() -> impl Strategy<Value = Change> {
    let key = 0..24_usize;
    let user = 0..3_usize;
    prop_oneof![
        any::<u8>().prop_map(Change::Create),
        (key.clone(), any::<u8>()).prop_map(|(key, name)| Change::Rename(key, name)),
        (key.clone(), any::<u8>()).prop_map(|(key, mask)| Change::Rotate(key, mask)),
        (key.clone(), any::<Option<i8>>()).prop_map(|(key, days)| Change::SetExpiry(key, days)),
        (key.clone(), any::<bool>()).prop_map(|(key, is_disabled)| Change::SetDisabled(key, is_disabled)),
        (key.clone(), user.clone()).prop_map(|(key, user)| Change::Transfer(key, user)),
        key.clone().prop_map(Change::Use),
        key.prop_map(Change::Delete),
        (user.clone(), any::<u8>()).prop_map(|(user, name)| Change::RenameUser(user, name)),
        (user, any::<bool>()).prop_map(|(user, is_disabled)| Change::DisableUser(user, is_disabled)),
    ]
}

/// An organization with keys, in the database and in the model.
struct Model {
    store: Store,
    organization: OrganizationId,
    users: Vec<(UserId, String, bool)>,
    keys: Vec<Key>,
    /// The numbers of the keys that have had another name.
    renamed: BTreeSet<i64>,
    now: Timestamp,
    uses: i64,
}

/// Names with which searches find some keys, and few different ones, so that there are equal names.
fn name(seed: u8) -> String {
    format!("{} {}", ["name", "NAME", "x", "a\"b c", "é"][usize::from(seed % 5)], seed % 7)
}

impl Model {
    async fn new(store: &Store) -> Self {
        let organization = OrganizationId::new();
        let mut model = Self {
            store: store.clone(),
            organization,
            users: Vec::new(),
            keys: Vec::new(),
            renamed: BTreeSet::new(),
            now: Timestamp::now(),
            uses: 0,
        };
        model
            .execute("insert into organizations (id, customer_id, name, name_folded, created_at) values ($1, $2, $3, $3, 0)", |query| {
                query.bind(organization).bind(model_number(organization)).bind(organization.to_string())
            })
            .await;
        let role = format!("rol_{organization}");
        model
            .execute(
                "insert into roles (id, organization_id, name, name_folded, permissions, created_at) values ($1, $2, 'owner', 'owner', '', 0)",
                |query| query.bind(role.clone()).bind(organization),
            )
            .await;
        for number in 0..3_u8 {
            let user = UserId::new();
            model
                .execute(
                    "insert into users (id, organization_id, role_id, name, name_folded, email, email_folded, password_hash, created_at) \
                     values ($1, $2, $3, $4, $4, $1, $1, '', 0)",
                    |query| query.bind(user).bind(organization).bind(role.clone()).bind(fold(&name(number))),
                )
                .await;
            model.users.push((user, fold(&name(number)), false));
        }
        model
    }

    async fn execute(&self, sql: &'static str, bind: impl FnOnce(AnyQuery) -> AnyQuery) {
        let mut tx = self.store.begin().await.unwrap();
        bind(sqlx::query(sql)).execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn apply(&mut self, change: &Change) {
        match change {
            Change::Create(seed) => self.create(*seed).await,
            Change::RenameUser(user, seed) => {
                let (id, folded) = (self.users[*user].0, fold(&name(*seed)));
                self.users[*user].1.clone_from(&folded);
                self.execute("update users set name_folded = $1 where id = $2", |query| query.bind(folded).bind(id)).await;
            }
            Change::DisableUser(user, is_disabled) => {
                let (id, at) = (self.users[*user].0, is_disabled.then_some(self.now));
                self.users[*user].2 = *is_disabled;
                self.execute("update users set disabled_at = $1 where id = $2", |query| query.bind(at).bind(id)).await;
            }
            Change::Rename(key, _)
            | Change::Rotate(key, _)
            | Change::SetExpiry(key, _)
            | Change::SetDisabled(key, _)
            | Change::Transfer(key, _)
            | Change::Use(key)
            | Change::Delete(key) => {
                if let Some(index) = (!self.keys.is_empty()).then(|| key % self.keys.len()).filter(|index| !self.keys[*index].is_deleted) {
                    self.change_key(index, change).await;
                }
            }
        }
    }

    async fn create(&mut self, seed: u8) {
        let mut tx = self.store.begin().await.unwrap();
        let number: i64 = sqlx::query_scalar("select coalesce(max(number), 0) + 1 from api_keys").fetch_one(&mut tx).await.unwrap();
        self.insert(&mut tx, number, seed).await;
        tx.commit().await.unwrap();
    }

    async fn insert(&mut self, tx: &mut Tx, number: i64, seed: u8) {
        let creator = usize::from(seed % 3);
        let key = Key {
            number,
            name: fold(&name(seed)),
            mask: format!("lka_…{}", seed % 4),
            creator,
            used_at: 0,
            // Not now, when the list is opened.
            lifecycle: Lifecycle {
                expires_at: (!seed.is_multiple_of(3)).then(|| self.now.plus_days(i64::from(seed % 5) * 2 - 3)),
                ..Lifecycle::default()
            },
            is_deleted: false,
        };
        let sql = "insert into api_keys (id, number, organization_id, kind, name, name_folded, digest, mask, scopes, created_by, created_at, expires_at) \
                   values ($1, $2, $3, $4, $5, $5, $6, $7, '', $8, $9, $10)";
        sqlx::query(sql)
            .bind(format!("key_{number:032x}"))
            .bind(number)
            .bind(self.organization)
            .bind(KINDS[usize::from(seed % 2)])
            .bind(key.name.clone())
            .bind(number.to_be_bytes().to_vec())
            .bind(key.mask.clone())
            .bind(self.users[creator].0)
            .bind(self.now.plus_ms(number))
            .bind(key.lifecycle.expires_at)
            .execute(tx)
            .await
            .unwrap();
        self.keys.push(key);
    }

    async fn change_key(&mut self, index: usize, change: &Change) {
        let (now, number) = (self.now, self.keys[index].number);
        match change {
            Change::Rename(_, seed) => {
                let folded = fold(&name(*seed));
                self.keys[index].name.clone_from(&folded);
                self.renamed.insert(number);
                self.execute("update api_keys set name_folded = $1 where number = $2", |query| query.bind(folded).bind(number)).await;
            }
            Change::Rotate(_, seed) => {
                let mask = format!("lka_…{}", seed % 4);
                self.keys[index].mask.clone_from(&mask);
                self.execute("update api_keys set mask = $1 where number = $2", |query| query.bind(mask).bind(number)).await;
            }
            Change::SetExpiry(_, days) => {
                let at = days.map(|days| now.plus_days(i64::from(days) * 2 + 1));
                self.keys[index].lifecycle.expires_at = at;
                self.execute("update api_keys set expires_at = $1 where number = $2", |query| query.bind(at).bind(number)).await;
            }
            Change::SetDisabled(_, is_disabled) => {
                let at = is_disabled.then_some(now);
                self.keys[index].lifecycle.disabled_at = at;
                self.execute("update api_keys set disabled_at = $1 where number = $2", |query| query.bind(at).bind(number)).await;
            }
            Change::Transfer(_, user) => {
                let id = self.users[*user].0;
                self.keys[index].creator = *user;
                self.execute("update api_keys set created_by = $1 where number = $2", |query| query.bind(id).bind(number)).await;
            }
            Change::Use(_) => {
                self.uses += 1;
                let at = self.uses * USE_MS;
                self.keys[index].used_at = at;
                self.execute("update api_keys set last_used_at = $1 where number = $2", |query| query.bind(at).bind(number)).await;
            }
            _ => {
                self.keys[index].is_deleted = true;
                self.execute("update api_keys set deleted_at = $1 where number = $2", |query| query.bind(now).bind(number)).await;
            }
        }
    }

    fn matches(key: &Key, search: &str) -> bool {
        let folded = fold(search);
        if folded.chars().count() < 3 { key.name.starts_with(&folded) } else { key.name.contains(&folded) }
    }

    /// The numbers of the keys that match, in the order of the list.
    fn listed(&self, search: &str, sort: SortBy) -> Vec<i64> {
        let mut keys: Vec<&Key> = self.keys.iter().filter(|key| !key.is_deleted && Self::matches(key, search)).collect();
        keys.sort_by_key(|key| (self.position(key, sort.column), key.number));
        if sort.descending {
            keys.reverse();
        }
        keys.into_iter().map(|key| key.number).collect()
    }

    fn position(&self, key: &Key, sort: KeySort) -> (String, i64) {
        let expiry = key.lifecycle.expires_at.map_or(i64::MAX, |at| at.0);
        match sort {
            KeySort::Name => (key.name.clone(), 0),
            KeySort::Mask => (key.mask.clone(), 0),
            KeySort::CreatedAt => (String::new(), key.number),
            KeySort::LastUsedAt => (String::new(), key.used_at),
            KeySort::ExpiresAt => (String::new(), expiry),
            KeySort::CreatedBy => {
                let (id, name, _) = &self.users[key.creator];
                (format!("{name}\u{1}{id}"), 0)
            }
            KeySort::Status => {
                let disabled_at = key.lifecycle.disabled_at.or(self.users[key.creator].2.then_some(self.now));
                let status = Lifecycle { disabled_at, ..key.lifecycle }.status(self.now);
                let has_expiry = matches!(status, Status::Active | Status::Expired);
                ((status as u8).to_string(), if has_expiry { expiry } else { 0 })
            }
        }
    }
}

type AnyQuery = sqlx::query::Query<'static, sqlx::Any, sqlx::any::AnyArguments>;

/// A number that no other organization has.
fn model_number(organization: OrganizationId) -> i64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    organization.hash(&mut hasher);
    i64::try_from(hasher.finish() >> 1).unwrap()
}

fn selection(model: &Model, search: &'static str, sort: SortBy) -> Selection<'static> {
    Selection {
        organization: model.organization,
        kinds: &KINDS,
        personal_of: None,
        search,
        status: None,
        expiring: false,
        external_id: None,
        scope: None,
        match_prefixes: false,
        sort,
    }
}

/// Reads a whole list in pages, in one of both directions, while keys change. Returns the numbers in order; `None` if the list has expired.
async fn read_all(model: &mut Model, selection: &Selection<'_>, mark: &ListMark, steps: &[(u8, Change)], backwards: bool) -> Option<Vec<i64>> {
    let store = model.store.clone();
    let mut steps = steps.iter();
    let (mut position, mut numbers) = (if backwards { Position::End } else { Position::Start }, Vec::new());
    loop {
        let (size, change) = steps.next().cloned().unwrap_or((200, Change::Create(0)));
        let slice = Slice { from: &position, backwards, skip: 0, limit: usize::from(size % 5) + 1 };
        let rows = match page(&store, selection, mark, slice).await {
            Ok(page) => page.rows,
            Err(Error::ListingGone) => return None,
            Err(error) => panic!("{error:?}"),
        };
        let Some(edge) = (if backwards { rows.first() } else { rows.last() }) else { break };
        position = if backwards { Position::Before(edge.clone()) } else { Position::After(edge.clone()) };
        let read = rows.iter().map(RowKey::number);
        if backwards {
            numbers.splice(0..0, read);
        } else {
            numbers.extend(read);
        }
        model.apply(&change).await;
    }
    Some(numbers)
}

/// Checks one list: opens it, and reads it while keys change.
async fn check(store: &Store, created: &[u8], search: &'static str, sort: SortBy, steps: &[(u8, Change)], backwards: bool) {
    let mut model = Model::new(store).await;
    for seed in created {
        model.create(*seed).await;
    }
    let expected = model.listed(search, sort);
    let selection = selection(&model, search, sort);
    let (mark, first, total) = open(store, &selection, 100).await.unwrap();
    assert_eq!(first.rows.iter().map(RowKey::number).collect::<Vec<_>>(), expected);
    assert_eq!(total, Total { count: expected.len(), is_exact: true });
    assert_eq!(count(store, &selection, &mark).await.unwrap(), expected.len());
    for (skip, limit) in [(0, 3), (2, 4), (5, 100)] {
        let slice = Slice { from: &Position::Start, backwards: false, skip, limit };
        let numbers: Vec<i64> = page(store, &selection, &mark, slice).await.unwrap().rows.iter().map(RowKey::number).collect();
        assert_eq!(numbers, expected.iter().copied().skip(skip).take(limit).collect::<Vec<_>>());
        let slice = Slice { from: &Position::End, backwards: true, skip, limit };
        let numbers: Vec<i64> = page(store, &selection, &mark, slice).await.unwrap().rows.iter().map(RowKey::number).collect();
        let (end, start) = (expected.len().saturating_sub(skip), expected.len().saturating_sub(skip + limit));
        assert_eq!(numbers, expected[start..end]);
    }
    let used_before = model.uses;
    let Some(numbers) = read_all(&mut model, &selection, &mark, steps, backwards).await else {
        assert_eq!(sort.column, KeySort::LastUsedAt, "only uses make a list expire");
        assert!(model.uses > used_before + 1);
        return;
    };
    let seen: BTreeSet<i64> = numbers.iter().copied().collect();
    assert_eq!(seen.len(), numbers.len(), "no row is repeated: {numbers:?} of {expected:?}");
    for key in model.keys.iter().filter(|key| expected.contains(&key.number) && !key.is_deleted) {
        // A key that was renamed may not have matched for some time.
        if search.is_empty() || !model.renamed.contains(&key.number) {
            assert!(seen.contains(&key.number), "no row is skipped: {} is not in {numbers:?} of {expected:?}", key.number);
        }
    }
    // A key that was renamed may have begun to match.
    let in_order: Vec<i64> = numbers.into_iter().filter(|number| expected.contains(number)).collect();
    let kept: Vec<i64> = expected.into_iter().filter(|number| in_order.contains(number)).collect();
    assert_eq!(in_order, kept, "the order is that of the opening");
}

#[test]
fn lists_match_the_model() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (store, _folder) = runtime.block_on(open_store());
    let sorts = (0..SORTS.len(), any::<bool>()).prop_map(|(column, descending)| SortBy { column: SORTS[column], descending });
    let cases = (
        proptest::collection::vec(any::<u8>(), 0..16),
        0..SEARCHES.len(),
        sorts,
        proptest::collection::vec((any::<u8>(), change()), 0..20),
        any::<bool>(),
    );
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |((created, search, sort, steps, backwards) in cases)| {
        runtime.block_on(check(&store, &created, SEARCHES[search], sort, &steps, backwards));
    });
}

#[tokio::test]
async fn moved_rows_are_placed_beyond_many_that_are_skipped() {
    let (store, _folder) = open_store().await;
    let mut model = Model::new(&store).await;
    for seed in 0..40 {
        model.create(seed).await;
    }
    let sort = SortBy { column: KeySort::Name, descending: true };
    let expected = model.listed("", sort);
    let selection = selection(&model, "", sort);
    let (mark, _, _) = open(&store, &selection, 1).await.unwrap();
    for key in [0, 3, 17, 39] {
        model.apply(&Change::Rename(key, 4)).await;
    }
    for skip in 0..40 {
        let slice = Slice { from: &Position::Start, backwards: false, skip, limit: 5 };
        let numbers: Vec<i64> = page(&store, &selection, &mark, slice).await.unwrap().rows.iter().map(RowKey::number).collect();
        assert_eq!(numbers, expected.iter().copied().skip(skip).take(5).collect::<Vec<_>>(), "{skip}");
    }
}

#[tokio::test]
async fn names_of_others_do_not_make_a_search_slow() {
    if !is_on_postgresql() {
        return;
    }
    let (store, _folder) = open_store().await;
    let (mut own, mut other) = (Model::new(&store).await, Model::new(&store).await);
    for (model, count) in [(&mut other, 20), (&mut own, 3)] {
        for _ in 0..count {
            // `name 0`
            model.create(0).await;
        }
    }
    let selection = selection(&own, "name", SortBy { column: KeySort::Name, descending: false });
    let (mark, _, _) = open(&store, &selection, 1).await.unwrap();
    let mut reader = Reader::begin(&store, &selection, &mark).await.unwrap();
    let order = RowOrder::read(&mut reader).await.unwrap();
    let candidates::Found::All(rows) = reader.find_candidates(&candidates::Lookup::Search, &order).await.unwrap() else {
        panic!("the index of names is walked");
    };
    assert_eq!(rows.iter().map(RowKey::number).collect::<Vec<_>>(), own.listed("name", selection.sort));
}

#[tokio::test]
async fn keys_that_are_committed_later_are_not_listed() {
    if !is_on_postgresql() {
        return;
    }
    let (store, _folder) = open_store().await;
    let mut model = Model::new(&store).await;
    for _ in 0..3 {
        model.create(0).await;
    }
    let mut late = store.begin_locked(WriteLock::Nothing).await.unwrap();
    let expected = [1, 2, 3, 5];
    model.insert(&mut late, 4, 0).await;
    let mut tx = store.begin_locked(WriteLock::Nothing).await.unwrap();
    model.insert(&mut tx, 5, 0).await;
    tx.commit().await.unwrap();
    let numbers = |page: Page| page.rows.iter().map(RowKey::number).collect::<Vec<_>>();
    let lists = [("", KeySort::CreatedAt), ("", KeySort::CreatedBy), ("name", KeySort::Name)];
    let lists = lists.map(|(search, column)| selection(&model, search, SortBy { column, descending: false }));
    let mut marks = Vec::new();
    for selection in &lists {
        let (mark, page, _) = open(&store, selection, 10).await.unwrap();
        assert_eq!(numbers(page), expected);
        marks.push(mark);
    }
    late.commit().await.unwrap();
    let slice = Slice { from: &Position::Start, backwards: false, skip: 0, limit: 10 };
    for (selection, mark) in lists.iter().zip(&marks) {
        assert_eq!(numbers(page(&store, selection, mark, slice).await.unwrap()), expected);
        assert_eq!(count(&store, selection, mark).await.unwrap(), expected.len());
        assert_eq!(numbers(open(&store, selection, 10).await.unwrap().1), [1, 2, 3, 4, 5]);
    }
}

#[test]
fn a_mark_has_the_numbers_that_were_missing() {
    let mark = |missing: &[(i64, i64)]| ListMark::new(String::new(), 5000, Timestamp(0), missing);
    assert_eq!(serde_json::to_value(mark(&[])).unwrap().get("absent"), None);
    assert_eq!(mark(&[]).absent_numbers(), [0_i64; 0]);
    assert_eq!(mark(&[(4936, 4936), (4998, 4999)]).absent_numbers(), [4999, 4998, 4936]);
    let whole = mark(&[(5000 - LATE_NUMBERS + 1, 4999)]);
    assert_eq!((whole.absent_numbers().len(), whole.absent.len()), (1999, 32));
}

#[tokio::test]
async fn moves_are_deleted_when_no_list_needs_them() {
    let (store, _folder) = open_store().await;
    let mut model = Model::new(&store).await;
    model.create(1).await;
    let selection = selection(&model, "", SortBy { column: KeySort::Name, descending: false });
    let (mut mark, _, _) = open(&store, &selection, 1).await.unwrap();
    for seed in 2..4 {
        model.apply(&Change::Rename(0, seed)).await;
    }
    model.execute("update list_moves set at = at - 7201000000 where moved_in = (select min(moved_in) from list_moves)", |query| query).await;
    let mut tx = store.begin().await.unwrap();
    delete_old_moves(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let left: i64 = sqlx::query_scalar("select count(*) from list_moves").fetch_one(store.read().unwrap()).await.unwrap();
    assert_eq!(left, 1);
    mark.opened_at = mark.opened_at.plus_ms(-LIFETIME_MS - 1000);
    let slice = Slice { from: &Position::Start, backwards: false, skip: 0, limit: 1 };
    assert_eq!(page(&store, &selection, &mark, slice).await.unwrap_err(), Error::ListingGone);
    let by_creation = Selection { sort: SortBy::default(), ..selection };
    assert_eq!(page(&store, &by_creation, &mark, slice).await.unwrap().rows.len(), 1, "rows do not move in this order");
}

#[tokio::test]
async fn few_moves_are_written_for_many_uses() {
    let (store, _folder) = open_store().await;
    let mut model = Model::new(&store).await;
    model.create(1).await;
    let used_at = async |at: i64| {
        model.execute("update api_keys set last_used_at = $1", |query| query.bind(at)).await;
        let sql = "select sorted_use_at, earlier_use_at from api_keys";
        sqlx::query_as::<_, (i64, i64)>(sql).fetch_one(store.read().unwrap()).await.unwrap()
    };
    assert_eq!(used_at(USE_MS).await, (USE_MS, 0));
    assert_eq!(used_at(USE_MS + USE_STEP_MS - 1).await, (USE_MS, 0));
    assert_eq!(used_at(USE_MS + USE_STEP_MS).await, (USE_MS + USE_STEP_MS, USE_MS));
}
