//! API keys.

use sqlx::{AssertSqlSafe, Executor};

use super::{Error, Store, Tx, fold, like_pattern};
use crate::model::{
    id::{KeyId, OrganizationId, UserId},
    listing::{KeySort, SortBy},
    policy::{KeyKind, Status, Unique},
    time::Timestamp,
};

/// A key as the rules and the lists need it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct KeyRecord {
    /// Its id.
    pub id: String,
    /// By which opened lists know it.
    pub number: i64,
    /// Its kind's word.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What may be shown of its secret.
    pub mask: String,
    /// Words, separated by blanks.
    pub scopes: String,
    /// Who made it.
    pub created_by: String,
    /// Their name.
    pub creator: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub last_used_at: Option<i64>,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
    /// Unix milliseconds; also when its creator was shut out.
    pub disabled_at: Option<i64>,
    /// Unix milliseconds.
    pub revoked_at: Option<i64>,
    /// HMAC of its digest.
    pub digest: Vec<u8>,
}

/// What verify needs of a key.
#[derive(Debug, sqlx::FromRow)]
pub struct VerifyRecord {
    /// The key.
    #[sqlx(flatten)]
    pub key: KeyRecord,
    /// Whose it is.
    pub organization_id: String,
    /// The number of that organization.
    pub customer_id: i64,
    /// What its creator may do, as words.
    pub permissions: String,
}

/// A key is at rest while it or its creator is.
const COLUMNS: &str = "k.id, k.number, k.kind, k.name, k.mask, k.scopes, k.created_by, u.name as creator, k.created_at, k.last_used_at, k.expires_at, \
     coalesce(k.disabled_at, u.disabled_at) as disabled_at, k.revoked_at, k.digest";
const TABLES: &str = "api_keys k join users u on u.id = k.created_by";

/// A key to be stored.
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its kind.
    pub kind: KeyKind,
    /// Its name.
    pub name: String,
    /// HMAC of its digest.
    pub digest: Vec<u8>,
    /// What may be shown of its secret.
    pub mask: String,
    /// Words, separated by blanks.
    pub scopes: String,
    /// Who makes it.
    pub created_by: UserId,
    /// When it is made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// The folded name, for the kinds whose names are unique.
fn unique_name(kind: KeyKind, name: &str) -> Option<String> {
    (kind.policy().unique == Unique::Name).then(|| fold(name))
}

/// Stores a key.
///
/// # Errors
/// [`Error::Duplicate`] when its name is taken.
pub async fn insert(tx: &mut Tx, key: &NewKey) -> Result<(), Error> {
    sqlx::query(
        // Writers come one at a time, so the next number is free.
        "insert into api_keys (id, organization_id, kind, name, name_folded, unique_name, digest, mask, scopes, created_by, created_at, expires_at, number) \
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, coalesce(max(number), 0) + 1 from api_keys",
    )
    .bind(key.id.to_string())
    .bind(key.organization.to_string())
    .bind(key.kind.word())
    .bind(&key.name)
    .bind(fold(&key.name))
    .bind(unique_name(key.kind, &key.name))
    .bind(&key.digest)
    .bind(&key.mask)
    .bind(&key.scopes)
    .bind(key.created_by.to_string())
    .bind(key.created_at.0)
    .bind(key.expires_at.map(|at| at.0))
    .execute(tx)
    .await?;
    Ok(())
}

/// The organization's key with this id, unless it was deleted.
///
/// # Errors
/// What the database says.
pub async fn find(db: impl Executor<'_, Database = sqlx::Any>, organization: OrganizationId, id: KeyId) -> Result<Option<KeyRecord>, Error> {
    let sql = AssertSqlSafe(format!("select {COLUMNS} from {TABLES} where k.organization_id = $1 and k.id = $2 and k.deleted_at is null"));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(id.to_string()).fetch_optional(db).await?)
}

/// Those of the organization's keys with these numbers that still stand, in no order.
///
/// # Errors
/// What the database says.
pub async fn find_many(store: &Store, organization: OrganizationId, numbers: &[i64]) -> Result<Vec<KeyRecord>, Error> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let places = (2..numbers.len() + 2).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
    let sql =
        AssertSqlSafe(format!("select {COLUMNS} from {TABLES} where k.organization_id = $1 and k.number in ({places}) and k.deleted_at is null"));
    let query = numbers.iter().fold(sqlx::query_as(sql).bind(organization.to_string()), |query, number| query.bind(*number));
    Ok(query.fetch_all(store.read()?).await?)
}

/// The key with this digest, with what verify needs to judge it, unless it was deleted.
///
/// # Errors
/// What the database says.
pub async fn find_by_digest(store: &Store, digest: &[u8]) -> Result<Option<VerifyRecord>, Error> {
    let sql = AssertSqlSafe(format!(
        "select {COLUMNS}, k.organization_id, o.customer_id, r.permissions from {TABLES} \
         join organizations o on o.id = k.organization_id join roles r on r.id = u.role_id where k.digest = $1 and k.deleted_at is null"
    ));
    Ok(sqlx::query_as(sql).bind(digest).fetch_optional(store.read()?).await?)
}

/// Gives a key another name.
///
/// # Errors
/// [`Error::Duplicate`] when the name is taken.
pub async fn rename(tx: &mut Tx, id: KeyId, kind: KeyKind, name: &str) -> Result<(), Error> {
    sqlx::query("update api_keys set name = $1, name_folded = $2, unique_name = $3 where id = $4")
        .bind(name)
        .bind(fold(name))
        .bind(unique_name(kind, name))
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Deletes a key: its row stays for the log, its name is free.
///
/// # Errors
/// What the database says.
pub async fn delete(tx: &mut Tx, id: KeyId) -> Result<(), Error> {
    sqlx::query("update api_keys set deleted_at = $1, unique_name = null where id = $2")
        .bind(Timestamp::now().0)
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Notes when keys were last used, in one statement.
///
/// # Errors
/// What the database says.
pub async fn set_last_used(tx: &mut Tx, uses: &[(KeyId, Timestamp)]) -> Result<(), Error> {
    let rows = (0..uses.len()).map(|row| format!("(${}, ${})", 2 * row + 1, 2 * row + 2)).collect::<Vec<_>>().join(", ");
    // The columns of `values` have these names in both engines. A use that was noted earlier by another process stays if it is newer.
    let sql = AssertSqlSafe(format!(
        "update api_keys set last_used_at = used.column2 from (values {rows}) as used \
         where api_keys.id = used.column1 and coalesce(api_keys.last_used_at, 0) < used.column2"
    ));
    uses.iter().fold(sqlx::query(sql), |query, (id, at)| query.bind(id.to_string()).bind(at.0)).execute(tx).await?;
    Ok(())
}

/// Which keys a list holds, and in which order.
pub struct Selection<'a> {
    /// Whose keys.
    pub organization: OrganizationId,
    /// Of which kinds.
    pub kinds: &'a [KeyKind],
    /// Platform keys of this user only; `None` for everybody's.
    pub platform_of: Option<UserId>,
    /// What the name holds, whatever the case; blank for all.
    pub search: &'a str,
    /// What the key is now.
    pub status: Option<Status>,
    /// The order; ties go by age.
    pub sort: SortBy,
}

/// The numbers of a list's keys, in its order, as they stand at this moment.
///
/// # Errors
/// What the database says.
pub async fn select_numbers(store: &Store, selection: &Selection<'_>) -> Result<Vec<i64>, Error> {
    let kinds = selection.kinds.iter().map(|kind| format!("'{}'", kind.word())).collect::<Vec<_>>().join(", ");
    let now = Timestamp::now();
    let status = selection.status.map_or(String::new(), |status| format!("and {} = {}", status_rank(now), rank(status)));
    // The creator is looked up only where they count: for each of a hundred thousand keys it doubles the time.
    let by_creator = selection.status.is_some() || matches!(selection.sort.column, KeySort::Status | KeySort::CreatedBy);
    let tables = if by_creator { TABLES } else { "api_keys k" };
    let order = order_by(store, selection.sort, now);
    let direction = if selection.sort.descending { "desc" } else { "asc" };
    // One long text instead of a row a number: the driver takes longer to hand on a hundred thousand rows than SQLite to find them.
    let sql = AssertSqlSafe(format!(
        "select coalesce(string_agg(cast(number as text), ','), '') from (select k.number from {tables} \
         where k.organization_id = $1 and k.kind in ({kinds}) and k.deleted_at is null and ($2 = '' or k.created_by = $2 or k.kind <> 'platform') \
         and ($3 = '' or k.name_folded like $4 escape '\\') {status} order by {order} {direction}, k.number {direction}) as found"
    ));
    let search = fold(selection.search);
    let _turn = store.lists.acquire().await.map_err(|_| Error::Lost)?;
    let numbers: String = sqlx::query_scalar(sql)
        .bind(selection.organization.to_string())
        .bind(selection.platform_of.map(|user| user.to_string()).unwrap_or_default())
        .bind(&search)
        .bind(like_pattern(&search))
        .fetch_one(store.read()?)
        .await?;
    Ok(numbers.split(',').filter_map(|number| number.parse().ok()).collect())
}

/// What a column sorts by. Those of the indexes are written as they are there.
fn order_by(store: &Store, sort: SortBy, now: Timestamp) -> String {
    let bytewise = store.bytewise();
    match sort.column {
        KeySort::Name => format!("k.name_folded{bytewise}"),
        KeySort::Mask => format!("k.mask{bytewise}"),
        KeySort::Status => status_rank(now),
        KeySort::CreatedAt => "k.created_at".to_owned(),
        KeySort::CreatedBy => format!("u.name_folded{bytewise}"),
        // Never used comes before all; never expiring after all.
        KeySort::LastUsedAt => "coalesce(k.last_used_at, 0)".to_owned(),
        KeySort::ExpiresAt => format!("coalesce(k.expires_at, {})", i64::MAX),
    }
}

/// [`crate::model::policy::Lifecycle::status`] in SQL, for choosing and sorting; a test holds the two together.
fn status_rank(now: Timestamp) -> String {
    format!(
        "case when k.revoked_at is not null then {} when k.expires_at <= {} then {} when coalesce(k.disabled_at, u.disabled_at) is not null then {} else {} end",
        rank(Status::Revoked),
        now.0,
        rank(Status::Expired),
        rank(Status::Disabled),
        rank(Status::Active),
    )
}

const fn rank(status: Status) -> u8 {
    status as u8
}
