//! API keys and their secrets, credits and lists.

pub mod credits;
pub mod lists;
pub mod secrets;

use ipnet::IpNet;
use latchkey_types::{
    error::Error,
    key::{CorpusRow, ItemId, KeyRow, Retiring},
    key_kind::{Kind, Lifecycle},
    limits::{Limits, RateLimit},
};
use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::{Store, StoreError, Tx, fold, has_number_condition, placeholders};
use latchkey_types::{
    id::{KeyId, OrganizationId, UserId},
    key_kind::{KeyKind, Unique},
    limits::Credits,
    time::Timestamp,
};

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct KeyRecord {
    pub id: String,
    /// Identifies the row in list snapshots.
    pub number: i64,
    /// A `KeyKind`.
    pub kind: String,
    pub name: String,
    pub mask: String,
    /// Separated by spaces.
    pub scopes: String,
    /// The customer's own id for the holder of the key.
    pub external_id: Option<String>,
    /// A JSON object.
    pub metadata: Option<String>,
    #[sqlx(flatten)]
    pub limits: LimitColumns,
    /// The creator's user id.
    pub created_by: String,
    pub creator: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub last_used_at: Option<i64>,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
    /// Unix milliseconds; set if the key or its creator is disabled.
    pub disabled_at: Option<i64>,
    /// Unix milliseconds.
    pub creator_disabled_at: Option<i64>,
    /// Unix milliseconds.
    pub revoked_at: Option<i64>,
    /// HMAC of the key's SHA-256.
    pub digest: Vec<u8>,
    /// Number and name of the corpora that the key has access to, without deleted ones.
    #[sqlx(skip)]
    pub corpora: Vec<(i64, String)>,
    /// Retired secrets that are still valid.
    #[sqlx(skip)]
    pub retiring: Option<secrets::RetiredSecrets>,
}

/// A key counts as disabled while its creator is disabled.
const COLUMNS: &str = "k.id, k.number, k.kind, k.name, k.mask, k.scopes, k.external_id, k.metadata, k.rate_limits, k.allowed_ips, k.credits_remaining, \
     k.credits_refill, k.credits_amount, k.credits_refilled_at, k.credits_version, k.created_by, u.name as creator, k.created_at, \
     k.last_used_at, k.expires_at, coalesce(k.disabled_at, u.disabled_at) as disabled_at, u.disabled_at as creator_disabled_at, k.revoked_at, k.digest";
const TABLES: &str = "api_keys k join users u on u.id = k.created_by";

/// The limits of a key, as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LimitColumns {
    /// JSON.
    pub rate_limits: Option<String>,
    /// CIDR networks, separated by spaces.
    pub allowed_ips: Option<String>,
    /// Credits that are left and not reserved by an instance.
    pub credits_remaining: Option<i64>,
    /// Refill period: `never`, `daily` or `monthly`.
    pub credits_refill: Option<String>,
    /// The amount that a refill restores.
    pub credits_amount: Option<i64>,
    /// Start of the day or month in which the credits were last set or refilled: Unix milliseconds.
    pub credits_refilled_at: Option<i64>,
    /// Incremented whenever a user sets the credits.
    pub credits_version: Option<i64>,
}

pub struct NewKey {
    pub id: KeyId,
    pub organization: OrganizationId,
    pub kind: KeyKind,
    pub attributes: KeyAttributes,
    pub credits: Option<Credits>,
    /// HMAC of the key's SHA-256.
    pub digest: Vec<u8>,
    pub mask: String,
    /// Numbers of corpora.
    pub corpora: Vec<i64>,
    pub created_by: UserId,
    pub created_at: Timestamp,
}

/// The attributes of a key that can be set on creation and edited later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAttributes {
    pub name: String,
    /// Separated by spaces.
    pub scopes: String,
    pub external_id: Option<String>,
    /// A JSON object.
    pub metadata: Option<String>,
    pub expires_at: Option<Timestamp>,
    /// JSON.
    pub rate_limits: Option<String>,
    /// CIDR networks, separated by spaces.
    pub allowed_ips: Option<String>,
}

impl KeyRecord {
    /// The current attributes.
    pub fn attributes(&self) -> KeyAttributes {
        KeyAttributes {
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

/// The folded name, for kinds with unique names.
fn unique_name(kind: KeyKind, name: &str) -> Option<String> {
    (kind.spec().unique == Unique::Name).then(|| fold(name))
}

/// [`StoreError::Duplicate`] if the name or the digest exists already.
pub async fn insert(tx: &mut Tx, key: &NewKey) -> Result<(), StoreError> {
    let KeyAttributes { name, scopes, external_id, metadata, expires_at, rate_limits, allowed_ips } = &key.attributes;
    let refilled_at = key.credits.map(|credits| credits.refill.period_start(key.created_at).0);
    sqlx::query(
        // Write transactions are serialized, so the next number is free.
        "insert into api_keys (id, organization_id, kind, name, name_folded, unique_name, digest, mask, scopes, external_id, metadata, created_by, \
         created_at, expires_at, rate_limits, allowed_ips, credits_remaining, credits_refill, credits_amount, credits_refilled_at, credits_version, number) \
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, 0, coalesce(max(number), 0) + 1 from api_keys",
    )
    .bind(key.id.to_string())
    .bind(key.organization.to_string())
    .bind(key.kind.as_str())
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
    .bind(key.credits.map(|credits| credits.refill.as_str()))
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
pub async fn find(db: &mut Tx, organization: OrganizationId, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("select {COLUMNS} from {TABLES} where k.organization_id = $1 and k.id = $2 and k.deleted_at is null"));
    let found: Option<KeyRecord> = sqlx::query_as(sql).bind(organization.to_string()).bind(id.to_string()).fetch_optional(&mut *db).await?;
    Ok(complete(db, found.into_iter().collect()).await?.pop())
}

/// The organization's keys with these numbers, without deleted ones, in no particular order.
pub async fn find_many(store: &Store, organization: OrganizationId, numbers: &[i64]) -> Result<Vec<KeyRecord>, StoreError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let sql = AssertSqlSafe(format!("select {COLUMNS} from {TABLES} where {} and k.deleted_at is null", has_number_condition(numbers.len())));
    let query = numbers.iter().fold(sqlx::query_as(sql).bind(organization.to_string()), |query, number| query.bind(*number));
    let mut db = store.read()?.acquire().await?;
    let found = query.fetch_all(&mut *db).await?;
    complete(&mut db, found).await
}

/// Adds the data from other tables.
async fn complete(db: &mut Tx, mut keys: Vec<KeyRecord>) -> Result<Vec<KeyRecord>, StoreError> {
    if keys.is_empty() {
        return Ok(keys);
    }
    let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    let mut retiring = secrets::retiring(db, &ids).await?;
    let of_corpora: Vec<&str> = keys.iter().filter(|key| key.kind == KeyKind::Corpus.as_str()).map(|key| key.id.as_str()).collect();
    let mut corpora = corpora_of(db, &of_corpora).await?;
    for key in &mut keys {
        key.retiring = retiring.remove(&key.id);
        key.corpora = corpora.remove(&key.id).unwrap_or_default();
    }
    Ok(keys)
}

/// The corpora of these keys, by key id, ordered by number.
async fn corpora_of(db: &mut Tx, keys: &[&str]) -> Result<HashMap<String, Vec<(i64, String)>>, StoreError> {
    let mut of_key = HashMap::<String, Vec<(i64, String)>>::new();
    if keys.is_empty() {
        return Ok(of_key);
    }
    let sql = AssertSqlSafe(format!(
        "select o.key_id, c.id, c.name from key_corpora o join corpora c on c.organization_id = o.organization_id and c.id = o.corpus_id \
         where o.key_id in ({}) and c.deleted_at is null order by c.id",
        placeholders(1, keys.len())
    ));
    let rows: Vec<(String, i64, String)> = keys.iter().fold(sqlx::query_as(sql), |query, key| query.bind(*key)).fetch_all(db).await?;
    for (key, id, name) in rows {
        of_key.entry(key).or_default().push((id, name));
    }
    Ok(of_key)
}

/// A key with everything that verification needs.
#[derive(Debug, sqlx::FromRow)]
pub struct VerifyRecord {
    #[sqlx(flatten)]
    pub key: KeyRecord,
    pub organization_id: String,
    /// The organization's number.
    pub customer_id: i64,
    /// The creator's permissions, separated by spaces.
    pub permissions: String,
    #[sqlx(flatten)]
    pub issued: IssuedColumns,
    /// When the presented secret expires, if it is a retired one: Unix milliseconds.
    #[sqlx(skip)]
    pub secret_expires_at: Option<i64>,
}

/// The data of a project key; all `None` for other kinds.
#[derive(Debug, sqlx::FromRow)]
pub struct IssuedColumns {
    /// `None` if the project was deleted.
    pub project_id: Option<String>,
    /// When the token was signed: Unix milliseconds.
    pub revealed_at: Option<i64>,
    /// The role's name; `None` if the role was deleted.
    pub role: Option<String>,
    /// The role's permissions, separated by spaces.
    pub role_permissions: Option<String>,
    /// Price of one request by its template, even if the template was deleted.
    pub price: Option<i64>,
}

/// The key with this digest, or with a retired secret of this digest that is still valid; unless the key was deleted.
pub async fn find_by_digest(store: &Store, digest: &[u8]) -> Result<Option<VerifyRecord>, StoreError> {
    let mut db = store.read()?.acquire().await?;
    let found = match for_verify(&mut db, "k.digest = $1", Arg::Bytes(digest)).await? {
        Some(found) => Some(found),
        None => match secrets::retired(&mut db, digest).await? {
            Some(old) => for_verify(&mut db, "k.id = $1", Arg::Text(&old.key_id))
                .await?
                .map(|found| VerifyRecord { secret_expires_at: Some(old.expires_at), ..found }),
            None => None,
        },
    };
    let Some(mut found) = found else { return Ok(None) };
    if found.key.kind == KeyKind::Corpus.as_str() {
        found.key.corpora = corpora_of(&mut db, &[&found.key.id]).await?.remove(&found.key.id).unwrap_or_default();
    }
    Ok(Some(found))
}

enum Arg<'a> {
    Bytes(&'a [u8]),
    Text(&'a str),
}

async fn for_verify(db: &mut Tx, condition: &'static str, arg: Arg<'_>) -> Result<Option<VerifyRecord>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "select {COLUMNS}, k.organization_id, o.customer_id, r.permissions, p.id as project_id, i.revealed_at, g.name as role, \
         g.permissions as role_permissions, t.price from {TABLES} join organizations o on o.id = k.organization_id \
         join roles r on r.id = u.role_id left join issued_keys i on i.key_id = k.id \
         left join projects p on p.id = i.project_id and p.organization_id = k.organization_id and p.deleted_at is null \
         left join roles g on g.id = i.role_id and g.organization_id = k.organization_id left join key_templates t on t.id = i.template_id \
         where {condition} and k.deleted_at is null"
    ));
    let query = match arg {
        Arg::Bytes(bytes) => sqlx::query_as(sql).bind(bytes),
        Arg::Text(text) => sqlx::query_as(sql).bind(text),
    };
    Ok(query.fetch_optional(db).await?)
}

/// [`StoreError::Duplicate`] if the name is taken.
pub async fn set_attributes(tx: &mut Tx, id: KeyId, kind: KeyKind, attributes: &KeyAttributes) -> Result<(), StoreError> {
    sqlx::query(
        "update api_keys set name = $1, name_folded = $2, unique_name = $3, scopes = $4, external_id = $5, metadata = $6, expires_at = $7, \
         rate_limits = $8, allowed_ips = $9 where id = $10",
    )
    .bind(&attributes.name)
    .bind(fold(&attributes.name))
    .bind(unique_name(kind, &attributes.name))
    .bind(&attributes.scopes)
    .bind(&attributes.external_id)
    .bind(&attributes.metadata)
    .bind(attributes.expires_at.map(|at| at.0))
    .bind(&attributes.rate_limits)
    .bind(&attributes.allowed_ips)
    .bind(id.to_string())
    .execute(tx)
    .await?;
    Ok(())
}

/// Disables a key, or enables it with `None`.
pub async fn set_disabled(tx: &mut Tx, id: KeyId, at: Option<Timestamp>) -> Result<(), StoreError> {
    sqlx::query("update api_keys set disabled_at = $1 where id = $2").bind(at.map(|at| at.0)).bind(id.to_string()).execute(tx).await?;
    Ok(())
}

/// Marks a key as deleted and frees its name. The row is kept for the audit log.
pub async fn delete(tx: &mut Tx, id: KeyId) -> Result<(), StoreError> {
    sqlx::query("update api_keys set deleted_at = $1, unique_name = null where id = $2")
        .bind(Timestamp::now().0)
        .bind(id.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

impl KeyRecord {
    /// The times that determine the status.
    pub fn lifecycle(&self) -> Lifecycle {
        Lifecycle {
            expires_at: self.expires_at.map(Timestamp),
            disabled_at: self.disabled_at.map(Timestamp),
            revoked_at: self.revoked_at.map(Timestamp),
            deleted_at: None,
        }
    }

    pub fn scopes(&self) -> Vec<String> {
        self.scopes.split_whitespace().map(ToOwned::to_owned).collect()
    }

    pub fn kind(&self) -> Result<KeyKind, Error> {
        self.kind.parse().map_err(|_| self.unreadable())
    }

    /// The key as lists show it.
    pub fn row(&self) -> Result<KeyRow, Error> {
        Ok(KeyRow {
            id: ItemId::Key(self.id.parse().map_err(|_| self.unreadable())?),
            kind: Kind::Key(self.kind()?),
            name: self.name.clone(),
            mask: self.mask.clone(),
            status: self.lifecycle().status(Timestamp::now()),
            created_at: Timestamp(self.created_at),
            created_by: self.creator.clone(),
            creator: self.created_by.parse().map_err(|_| self.unreadable())?,
            last_used_at: self.last_used_at.map(Timestamp),
            expires_at: self.expires_at.map(Timestamp),
            scopes: self.scopes(),
            corpora: self.corpora.iter().map(|(id, name)| CorpusRow { id: *id, name: name.clone() }).collect(),
            external_id: self.external_id.clone(),
            metadata: self.metadata.clone(),
            limits: self.limits()?,
            retiring: self.retiring.as_ref().map(|old| Retiring {
                until: Timestamp(old.expires_at),
                uses: old.uses,
                last_used_at: old.last_used_at.map(Timestamp),
            }),
            secret_since: None,
            provider: None,
            region: None,
            linked_to: Vec::new(),
            tested: None,
            is_unreadable: false,
        })
    }

    pub fn unreadable(&self) -> Error {
        tracing::error!(key = self.id, "stored key has an invalid value");
        Error::Internal
    }
}

impl LimitColumns {
    /// `None` if the stored value cannot be read.
    pub fn rate_limits(&self) -> Option<Vec<RateLimit>> {
        self.rate_limits.as_deref().map_or(Some(Vec::new()), |json| serde_json::from_str(json).ok())
    }

    /// The allowed networks; `None` if the stored value cannot be read.
    pub fn networks(&self) -> Option<Vec<IpNet>> {
        self.allowed_ips.as_deref().unwrap_or_default().split_whitespace().map(|network| network.parse().ok()).collect()
    }
}

impl KeyRecord {
    /// The limits as stored: credits that instances have reserved count as spent.
    pub fn limits(&self) -> Result<Limits, Error> {
        Ok(Limits {
            rate_limits: self.limits.rate_limits().ok_or_else(|| self.unreadable())?,
            credits: self.limits.credit_balance().map(|account| account.at(Timestamp::now()).credits),
            allowed_ips: self.limits.allowed_ips.as_deref().unwrap_or_default().split_whitespace().map(ToOwned::to_owned).collect(),
        })
    }
}
