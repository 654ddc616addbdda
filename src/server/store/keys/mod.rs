//! API keys.

pub mod credits;
pub mod lists;
pub mod secrets;

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::{Error, Store, Tx, are_numbered, fold, places};
use crate::model::{
    id::{KeyId, OrganizationId, UserId},
    limits::Credits,
    policy::{KeyKind, Unique},
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
    /// Whose it is, in the words of the API that it is for.
    pub external_id: Option<String>,
    /// What that API notes of it, as a JSON object.
    pub metadata: Option<String>,
    /// What limits it.
    #[sqlx(flatten)]
    pub limits: LimitColumns,
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
    /// When its creator was shut out: Unix milliseconds.
    pub creator_disabled_at: Option<i64>,
    /// Unix milliseconds.
    pub revoked_at: Option<i64>,
    /// HMAC of its digest.
    pub digest: Vec<u8>,
    /// The corpora that it opens, by number and name, without deleted ones.
    #[sqlx(skip)]
    pub corpora: Vec<(i64, String)>,
    /// Its earlier secrets, while they are good.
    #[sqlx(skip)]
    pub retiring: Option<secrets::RetiringRow>,
}

/// A key is at rest while it or its creator is.
const COLUMNS: &str = "k.id, k.number, k.kind, k.name, k.mask, k.scopes, k.external_id, k.metadata, k.rate_limits, k.allowed_ips, k.credits_remaining, \
     k.credits_refill, k.credits_amount, k.credits_refilled_at, k.credits_version, k.created_by, u.name as creator, k.created_at, \
     k.last_used_at, k.expires_at, coalesce(k.disabled_at, u.disabled_at) as disabled_at, u.disabled_at as creator_disabled_at, k.revoked_at, k.digest";
const TABLES: &str = "api_keys k join users u on u.id = k.created_by";

/// What limits a key, as it is stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LimitColumns {
    /// JSON.
    pub rate_limits: Option<String>,
    /// Networks, separated by blanks.
    pub allowed_ips: Option<String>,
    /// What is left and reserved by no process.
    pub credits_remaining: Option<i64>,
    /// When they are filled up again.
    pub credits_refill: Option<String>,
    /// To what.
    pub credits_amount: Option<i64>,
    /// The beginning of the day or month in which they were set or filled up last: Unix milliseconds.
    pub credits_refilled_at: Option<i64>,
    /// Counted up whenever somebody sets them.
    pub credits_version: Option<i64>,
}

/// A key to be stored.
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its kind.
    pub kind: KeyKind,
    /// What can be chosen of it.
    pub traits: Traits,
    /// What it may spend.
    pub credits: Option<Credits>,
    /// HMAC of its digest.
    pub digest: Vec<u8>,
    /// What may be shown of its secret.
    pub mask: String,
    /// The numbers of the corpora that it opens.
    pub corpora: Vec<i64>,
    /// Who makes it.
    pub created_by: UserId,
    /// When it is made.
    pub created_at: Timestamp,
}

/// What can be chosen of a key, when it is made or later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traits {
    /// Its name.
    pub name: String,
    /// Words, separated by blanks.
    pub scopes: String,
    /// Whose it is.
    pub external_id: Option<String>,
    /// What is noted of it, as a JSON object.
    pub metadata: Option<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// How often it may be used, as JSON.
    pub rate_limits: Option<String>,
    /// From which networks, separated by blanks.
    pub allowed_ips: Option<String>,
}

impl KeyRecord {
    /// What can be chosen of it, as it is now.
    pub fn traits(&self) -> Traits {
        Traits {
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            external_id: self.external_id.clone(),
            metadata: self.metadata.clone(),
            expires_at: self.expires_at.map(Timestamp),
            rate_limits: self.limits.rate_limits.clone(),
            allowed_ips: self.limits.allowed_ips.clone(),
        }
    }
}

/// The folded name, for the kinds whose names are unique.
fn unique_name(kind: KeyKind, name: &str) -> Option<String> {
    (kind.policy().unique == Unique::Name).then(|| fold(name))
}

/// Stores a key.
///
/// # Errors
/// [`Error::Duplicate`] when its name, or its secret, stands already.
pub async fn insert(tx: &mut Tx, key: &NewKey) -> Result<(), Error> {
    let Traits { name, scopes, external_id, metadata, expires_at, rate_limits, allowed_ips } = &key.traits;
    let refilled_at = key.credits.map(|credits| credits.refill.period_start(key.created_at).0);
    sqlx::query(
        // Writers come one at a time, so the next number is free.
        "insert into api_keys (id, organization_id, kind, name, name_folded, unique_name, digest, mask, scopes, external_id, metadata, created_by, \
         created_at, expires_at, rate_limits, allowed_ips, credits_remaining, credits_refill, credits_amount, credits_refilled_at, credits_version, number) \
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, 0, coalesce(max(number), 0) + 1 from api_keys",
    )
    .bind(key.id.to_string())
    .bind(key.organization.to_string())
    .bind(key.kind.word())
    .bind(name)
    .bind(fold(name))
    .bind(unique_name(key.kind, name))
    .bind(&key.digest)
    .bind(&key.mask)
    .bind(scopes)
    .bind(external_id)
    .bind(metadata)
    .bind(key.created_by.to_string())
    .bind(key.created_at.0)
    .bind(expires_at.map(|at| at.0))
    .bind(rate_limits)
    .bind(allowed_ips)
    .bind(key.credits.map(|credits| credits.remaining))
    .bind(key.credits.map(|credits| credits.refill.word()))
    .bind(key.credits.map(|credits| credits.amount))
    .bind(refilled_at)
    .execute(&mut *tx)
    .await?;
    for corpus in &key.corpora {
        sqlx::query("insert into key_corpora (key_id, organization_id, corpus_id) values ($1, $2, $3)")
            .bind(key.id.to_string())
            .bind(key.organization.to_string())
            .bind(*corpus)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// The organization's key with this id, unless it was deleted.
///
/// # Errors
/// What the database says.
pub async fn find(db: &mut Tx, organization: OrganizationId, id: KeyId) -> Result<Option<KeyRecord>, Error> {
    let sql = AssertSqlSafe(format!("select {COLUMNS} from {TABLES} where k.organization_id = $1 and k.id = $2 and k.deleted_at is null"));
    let found: Option<KeyRecord> = sqlx::query_as(sql).bind(organization.to_string()).bind(id.to_string()).fetch_optional(&mut *db).await?;
    Ok(complete(db, found.into_iter().collect()).await?.pop())
}

/// Those of the organization's keys with these numbers that still stand, in no order.
///
/// # Errors
/// What the database says.
pub async fn find_many(store: &Store, organization: OrganizationId, numbers: &[i64]) -> Result<Vec<KeyRecord>, Error> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let sql = AssertSqlSafe(format!("select {COLUMNS} from {TABLES} where {} and k.deleted_at is null", are_numbered(numbers.len())));
    let query = numbers.iter().fold(sqlx::query_as(sql).bind(organization.to_string()), |query, number| query.bind(*number));
    let mut db = store.read()?.acquire().await?;
    let found = query.fetch_all(&mut *db).await?;
    complete(&mut db, found).await
}

/// Adds what stands in other tables.
async fn complete(db: &mut Tx, mut keys: Vec<KeyRecord>) -> Result<Vec<KeyRecord>, Error> {
    if keys.is_empty() {
        return Ok(keys);
    }
    let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    let mut retiring = secrets::retiring(db, &ids).await?;
    let of_corpora: Vec<&str> = keys.iter().filter(|key| key.kind == KeyKind::Corpus.word()).map(|key| key.id.as_str()).collect();
    let mut corpora = corpora_of(db, &of_corpora).await?;
    for key in &mut keys {
        key.retiring = retiring.remove(&key.id);
        key.corpora = corpora.remove(&key.id).unwrap_or_default();
    }
    Ok(keys)
}

/// The corpora that these keys open, by key, in the order of their numbers.
async fn corpora_of(db: &mut Tx, keys: &[&str]) -> Result<HashMap<String, Vec<(i64, String)>>, Error> {
    let mut of_key = HashMap::<String, Vec<(i64, String)>>::new();
    if keys.is_empty() {
        return Ok(of_key);
    }
    let sql = AssertSqlSafe(format!(
        "select o.key_id, c.id, c.name from key_corpora o join corpora c on c.organization_id = o.organization_id and c.id = o.corpus_id \
         where o.key_id in ({}) and c.deleted_at is null order by c.id",
        places(1, keys.len())
    ));
    let rows: Vec<(String, i64, String)> = keys.iter().fold(sqlx::query_as(sql), |query, key| query.bind(*key)).fetch_all(db).await?;
    for (key, id, name) in rows {
        of_key.entry(key).or_default().push((id, name));
    }
    Ok(of_key)
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
    /// What a project key is beside an API key.
    #[sqlx(flatten)]
    pub issued: IssuedColumns,
    /// Until when the secret that was presented is good, if it was replaced.
    #[sqlx(skip)]
    pub retires_at: Option<i64>,
}

/// What a project key is beside an API key; other kinds have none of it.
#[derive(Debug, sqlx::FromRow)]
pub struct IssuedColumns {
    /// Its project, unless that was deleted.
    pub project_id: Option<String>,
    /// When its token was signed: Unix milliseconds.
    pub revealed_at: Option<i64>,
    /// The name of its role, unless that is gone.
    pub role: Option<String>,
    /// What that role permits, as words.
    pub role_permissions: Option<String>,
    /// What a request costs by its template, also by a deleted one.
    pub price: Option<i64>,
}

/// The key with this digest, or that had it and lets it be good for a while, with what verify needs to judge it; unless it was deleted.
///
/// # Errors
/// What the database says.
pub async fn find_by_digest(store: &Store, digest: &[u8]) -> Result<Option<VerifyRecord>, Error> {
    let mut db = store.read()?.acquire().await?;
    let found = match for_verify(&mut db, "k.digest = $1", Arg::Bytes(digest)).await? {
        Some(found) => Some(found),
        None => match secrets::retired(&mut db, digest).await? {
            Some(old) => {
                for_verify(&mut db, "k.id = $1", Arg::Text(&old.key_id)).await?.map(|found| VerifyRecord { retires_at: Some(old.ends_at), ..found })
            }
            None => None,
        },
    };
    let Some(mut found) = found else { return Ok(None) };
    if found.key.kind == KeyKind::Corpus.word() {
        found.key.corpora = corpora_of(&mut db, &[&found.key.id]).await?.remove(&found.key.id).unwrap_or_default();
    }
    Ok(Some(found))
}

enum Arg<'a> {
    Bytes(&'a [u8]),
    Text(&'a str),
}

async fn for_verify(db: &mut Tx, condition: &'static str, arg: Arg<'_>) -> Result<Option<VerifyRecord>, Error> {
    let sql = AssertSqlSafe(format!(
        "select {COLUMNS}, k.organization_id, o.customer_id, r.permissions, p.id as project_id, i.revealed_at, g.name as role, \
         g.permissions as role_permissions, t.price from {TABLES} join organizations o on o.id = k.organization_id \
         join roles r on r.id = u.role_id left join issued_keys i on i.key_id = k.id \
         left join projects p on p.id = i.project_id and p.organization_id = k.organization_id and p.deleted_at is null \
         left join roles g on g.id = i.role_id and g.organization_id = k.organization_id left join templates t on t.id = i.template_id \
         where {condition} and k.deleted_at is null"
    ));
    let query = match arg {
        Arg::Bytes(bytes) => sqlx::query_as(sql).bind(bytes),
        Arg::Text(text) => sqlx::query_as(sql).bind(text),
    };
    Ok(query.fetch_optional(db).await?)
}

/// Changes what was chosen of a key.
///
/// # Errors
/// [`Error::Duplicate`] when the name is taken.
pub async fn set_traits(tx: &mut Tx, id: KeyId, kind: KeyKind, traits: &Traits) -> Result<(), Error> {
    sqlx::query(
        "update api_keys set name = $1, name_folded = $2, unique_name = $3, scopes = $4, external_id = $5, metadata = $6, expires_at = $7, \
         rate_limits = $8, allowed_ips = $9 where id = $10",
    )
    .bind(&traits.name)
    .bind(fold(&traits.name))
    .bind(unique_name(kind, &traits.name))
    .bind(&traits.scopes)
    .bind(&traits.external_id)
    .bind(&traits.metadata)
    .bind(traits.expires_at.map(|at| at.0))
    .bind(&traits.rate_limits)
    .bind(&traits.allowed_ips)
    .bind(id.to_string())
    .execute(tx)
    .await?;
    Ok(())
}

/// Puts a key to rest, or wakes it.
///
/// # Errors
/// What the database says.
pub async fn set_disabled(tx: &mut Tx, id: KeyId, at: Option<Timestamp>) -> Result<(), Error> {
    sqlx::query("update api_keys set disabled_at = $1 where id = $2").bind(at.map(|at| at.0)).bind(id.to_string()).execute(tx).await?;
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
