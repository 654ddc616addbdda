//! API keys and their secrets, credits and lists.

pub mod counts;
pub mod credits;
pub mod lists;
pub mod locks;
pub mod secrets;

use std::collections::HashMap;

use ipnet::IpNet;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{Connection, Store, StoreError, Tx, columns::Columns, fold, has_number_condition, placeholders, verdict_changes::VerdictChange};
use latchkey_types::{
    budget::ModelAccess,
    error::Error,
    id::{KeyId, OrganizationId, ProjectId, RoleId, UserId},
    key::{CorpusRow, ItemId, KeyRow, Retiring},
    key_kind::{KeyKind, Kind, Lifecycle, Unique},
    limits::{Credits, Limits, RateLimit, Refill},
    money::Money,
    permission::Permissions,
    time::Timestamp,
};

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct KeyRecord {
    pub id: KeyId,
    /// Identifies the row in lists.
    pub number: i64,
    pub kind: KeyKind,
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
    /// JSON: a [`ModelAccess`].
    pub model_access: Option<String>,
    pub created_by: UserId,
    /// The creator's name.
    pub creator: String,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    /// Set if the key or its creator is disabled.
    pub disabled_at: Option<Timestamp>,
    pub creator_disabled_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
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
const COLUMNS: &str = "k.id, k.number, k.kind, k.name, k.mask, k.scopes, k.external_id, k.metadata, k.rate_limits, k.address_rate_limits, \
     k.allowed_ips, k.allowed_origins, k.credits_remaining, k.credits_refill, k.credits_amount, k.credits_refilled_at, k.credits_version, \
     k.model_access, k.created_by, u.name as creator, k.created_at, k.last_used_at, k.expires_at, \
     coalesce(k.disabled_at, u.disabled_at) as disabled_at, u.disabled_at as creator_disabled_at, k.revoked_at, k.digest";
const TABLES: &str = "api_keys k join users u on u.id = k.created_by";

/// The limits of a key, as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LimitColumns {
    /// JSON.
    pub rate_limits: Option<String>,
    /// JSON: limits for each client address.
    pub address_rate_limits: Option<String>,
    /// CIDR networks, separated by spaces.
    pub allowed_ips: Option<String>,
    /// Origins of web pages, separated by spaces.
    pub allowed_origins: Option<String>,
    /// Credits that are left and not reserved by an instance.
    pub credits_remaining: Option<i64>,
    pub credits_refill: Option<Refill>,
    /// The amount that a refill restores.
    pub credits_amount: Option<i64>,
    /// Start of the day or month in which the credits were last set or refilled.
    pub credits_refilled_at: Option<Timestamp>,
    /// Incremented whenever the balance is set, by a user or by a refill.
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
    /// JSON: limits for each client address.
    pub address_rate_limits: Option<String>,
    /// CIDR networks, separated by spaces.
    pub allowed_ips: Option<String>,
    /// Origins of web pages, separated by spaces.
    pub allowed_origins: Option<String>,
    /// JSON: a [`ModelAccess`]; `None` for the defaults of the kind.
    pub model_access: Option<String>,
}

impl KeyRecord {
    /// The current attributes.
    pub fn attributes(&self) -> KeyAttributes {
        KeyAttributes {
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            external_id: self.external_id.clone(),
            metadata: self.metadata.clone(),
            expires_at: self.expires_at,
            rate_limits: self.limits.rate_limits.clone(),
            address_rate_limits: self.limits.address_rate_limits.clone(),
            allowed_ips: self.limits.allowed_ips.clone(),
            allowed_origins: self.limits.allowed_origins.clone(),
            model_access: self.model_access.clone(),
        }
    }
}

impl KeyAttributes {
    /// The columns of the attributes, for an insert or an update.
    fn columns(&self, kind: KeyKind) -> Columns {
        let folded = fold(&self.name);
        Columns::new()
            .set("name", &self.name)
            .set("unique_name", (kind.spec().unique == Unique::Name).then_some(&folded))
            .set("name_folded", &folded)
            .set("scopes", &self.scopes)
            .set("external_id", &self.external_id)
            .set("metadata", &self.metadata)
            .set("expires_at", self.expires_at)
            .set("rate_limits", &self.rate_limits)
            .set("address_rate_limits", &self.address_rate_limits)
            .set("allowed_ips", &self.allowed_ips)
            .set("allowed_origins", &self.allowed_origins)
            .set("model_access", &self.model_access)
    }
}

/// Stores a new key.
///
/// # Errors
/// [`StoreError::Duplicate`] if the name or the digest exists already.
pub async fn insert(tx: &mut Tx, key: &NewKey) -> Result<(), StoreError> {
    let columns = key.attributes.columns(key.kind);
    credits::set_columns(columns, key.credits, key.created_at)
        .set_sql("credits_version", "0")
        .set("id", key.id)
        .set("organization_id", key.organization)
        .set("kind", key.kind)
        .set("digest", &key.digest)
        .set("mask", &key.mask)
        .set("created_by", key.created_by)
        .set("created_at", key.created_at)
        .set_sql("number", tx.next_number("api_keys", "number"))
        .insert(tx, "api_keys")
        .await?;
    for corpus in &key.corpora {
        sqlx::query("insert into key_corpora (key_id, organization_id, corpus_id) values ($1, $2, $3)")
            .bind(key.id)
            .bind(key.organization)
            .bind(*corpus)
            .execute(&mut *tx)
            .await?;
    }
    tx.touch_added(VerdictChange::Key(key.digest.clone()));
    Ok(())
}

/// The organization's key with this id, unless it was deleted.
pub async fn find(db: &mut Connection, organization: OrganizationId, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("select {COLUMNS} from {TABLES} where k.organization_id = $1 and k.id = $2 and k.deleted_at is null"));
    let found: Option<KeyRecord> = sqlx::query_as(sql).bind(organization).bind(id).fetch_optional(&mut *db).await?;
    Ok(complete(db, found.into_iter().collect()).await?.pop())
}

/// Keys that were stored in this transaction, in the order in which they were stored: they have no retired secrets yet.
pub async fn find_new(tx: &mut Tx, ids: &[KeyId]) -> Result<Vec<KeyRecord>, StoreError> {
    let sql = format!("select {COLUMNS} from {TABLES} where k.id in (select value ->> 0 from {}) order by k.number", tx.json_rows());
    let listed: Value = ids.iter().map(|id| json!([id])).collect();
    let mut keys: Vec<KeyRecord> = sqlx::query_as(AssertSqlSafe(sql)).bind(listed.to_string()).fetch_all(&mut *tx).await?;
    add_corpora(tx, &mut keys).await?;
    Ok(keys)
}

/// The organization's keys with these numbers, without deleted ones, in no particular order.
pub async fn find_many(store: &Store, organization: OrganizationId, numbers: &[i64]) -> Result<Vec<KeyRecord>, StoreError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let sql = AssertSqlSafe(format!("select {COLUMNS} from {TABLES} where {} and k.deleted_at is null", has_number_condition(numbers.len())));
    let query = numbers.iter().fold(sqlx::query_as(sql).bind(organization), |query, number| query.bind(*number));
    let mut db = store.connection().await?;
    let found = query.fetch_all(&mut *db).await?;
    complete(&mut db, found).await
}

/// Adds the data from other tables.
async fn complete(db: &mut Connection, mut keys: Vec<KeyRecord>) -> Result<Vec<KeyRecord>, StoreError> {
    if keys.is_empty() {
        return Ok(keys);
    }
    let ids: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
    let mut retiring = secrets::retiring(db, &ids).await?;
    for key in &mut keys {
        key.retiring = retiring.remove(&key.id);
    }
    add_corpora(db, &mut keys).await?;
    Ok(keys)
}

async fn add_corpora(db: &mut Connection, keys: &mut [KeyRecord]) -> Result<(), StoreError> {
    let of_corpora: Vec<KeyId> = keys.iter().filter(|key| key.kind == KeyKind::Corpus).map(|key| key.id).collect();
    let mut corpora = corpora_of(db, &of_corpora).await?;
    for key in keys {
        key.corpora = corpora.remove(&key.id).unwrap_or_default();
    }
    Ok(())
}

/// The corpora of these keys, by key id, ordered by number.
async fn corpora_of(db: &mut Connection, keys: &[KeyId]) -> Result<HashMap<KeyId, Vec<(i64, String)>>, StoreError> {
    let mut of_key = HashMap::<KeyId, Vec<(i64, String)>>::new();
    if keys.is_empty() {
        return Ok(of_key);
    }
    let sql = AssertSqlSafe(format!(
        "select o.key_id, c.id, c.name from key_corpora o join corpora c on c.organization_id = o.organization_id and c.id = o.corpus_id \
         where o.key_id in ({}) and c.deleted_at is null order by c.id",
        placeholders(1, keys.len())
    ));
    let rows: Vec<(KeyId, i64, String)> = keys.iter().fold(sqlx::query_as(sql), |query, key| query.bind(*key)).fetch_all(db).await?;
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
    pub organization_id: OrganizationId,
    /// The organization's number.
    pub customer_id: i64,
    /// The creator's role.
    #[sqlx(rename = "creator_role_id")]
    pub role_id: RoleId,
    /// The permissions of the creator's role.
    pub permissions: Permissions,
    /// Restrictions that a version must know to judge the key, separated by spaces.
    pub requires: Option<String>,
    #[sqlx(flatten)]
    pub issued: IssuedColumns,
    /// When the presented secret expires, if it is a retired one.
    #[sqlx(skip)]
    pub secret_expires_at: Option<Timestamp>,
}

/// The data of a project key; all `None` for other kinds.
#[derive(Debug, sqlx::FromRow)]
pub struct IssuedColumns {
    /// `None` if the project was deleted.
    pub project_id: Option<ProjectId>,
    /// When the token was signed.
    pub revealed_at: Option<Timestamp>,
    /// The key's role, even if the role was deleted.
    #[sqlx(rename = "issued_role_id")]
    pub role_id: Option<RoleId>,
    /// The role's name; `None` if the role was deleted.
    pub role: Option<String>,
    pub role_permissions: Option<Permissions>,
    /// Price of one request by its template, even if the template was deleted.
    pub price: Option<Money>,
}

/// The key with this digest, or with a retired secret of this digest that is still valid; unless the key was deleted.
pub async fn find_by_digest(db: &mut Connection, digest: &[u8]) -> Result<Option<VerifyRecord>, StoreError> {
    let found = match find_by_current_digest(db, digest).await? {
        Some(found) => Some(found),
        None => match secrets::retired(db, digest).await? {
            Some(old) => {
                let found = find_by_current_digest(db, &old.current_digest).await?;
                found.map(|found| VerifyRecord { secret_expires_at: Some(old.expires_at), ..found })
            }
            None => None,
        },
    };
    let Some(mut found) = found else { return Ok(None) };
    if found.key.kind == KeyKind::Corpus {
        found.key.corpora = corpora_of(db, &[found.key.id]).await?.remove(&found.key.id).unwrap_or_default();
    }
    Ok(Some(found))
}

async fn find_by_current_digest(db: &mut Connection, digest: &[u8]) -> Result<Option<VerifyRecord>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "select {COLUMNS}, k.requires, k.organization_id, o.customer_id, u.role_id as creator_role_id, r.permissions, p.id as project_id, \
         i.revealed_at, i.role_id as issued_role_id, g.name as role, g.permissions as role_permissions, t.price from {TABLES} \
         join organizations o on o.id = k.organization_id join roles r on r.id = u.role_id left join issued_keys i on i.key_id = k.id \
         left join projects p on p.id = i.project_id and p.organization_id = k.organization_id and p.deleted_at is null \
         left join roles g on g.id = i.role_id and g.organization_id = k.organization_id left join key_templates t on t.id = i.template_id \
         where k.digest = $1 and k.deleted_at is null"
    ));
    Ok(sqlx::query_as(sql).bind(digest).fetch_optional(db).await?)
}

/// Replaces the attributes of a key.
///
/// # Errors
/// [`StoreError::Duplicate`] if the name is taken.
pub async fn set_attributes(tx: &mut Tx, id: KeyId, kind: KeyKind, attributes: &KeyAttributes) -> Result<(), StoreError> {
    attributes.columns(kind).update(tx, "api_keys", "id", id).await?;
    secrets::touch(tx, id).await
}

/// Disables a key, or enables it with `None`.
pub async fn set_disabled(tx: &mut Tx, id: KeyId, at: Option<Timestamp>) -> Result<(), StoreError> {
    sqlx::query("update api_keys set disabled_at = $1 where id = $2").bind(at).bind(id).execute(&mut *tx).await?;
    if at.is_some() { secrets::touch(tx, id).await } else { secrets::touch_added(tx, id).await }
}

/// Marks a key as deleted and frees its name. The row is kept for the audit log.
pub async fn delete(tx: &mut Tx, id: KeyId) -> Result<(), StoreError> {
    let sql = "update api_keys set deleted_at = $1, unique_name = null where id = $2";
    sqlx::query(sql).bind(Timestamp::now()).bind(id).execute(&mut *tx).await?;
    secrets::touch(tx, id).await
}

impl KeyRecord {
    /// The times that determine the status.
    pub fn lifecycle(&self) -> Lifecycle {
        Lifecycle { expires_at: self.expires_at, disabled_at: self.disabled_at, revoked_at: self.revoked_at, deleted_at: None }
    }

    pub fn scopes(&self) -> Vec<String> {
        self.scopes.split_whitespace().map(ToOwned::to_owned).collect()
    }

    /// The key as lists show it.
    pub fn row(&self) -> Result<KeyRow, Error> {
        let (id, kind) = (ItemId::Key(self.id), Kind::Key(self.kind));
        Ok(KeyRow {
            status: self.lifecycle().status(Timestamp::now()),
            created_by: self.creator.clone(),
            last_used_at: self.last_used_at,
            expires_at: self.expires_at,
            scopes: self.scopes(),
            corpora: self.corpora.iter().map(|(id, name)| CorpusRow { id: *id, name: name.clone() }).collect(),
            external_id: self.external_id.clone(),
            metadata: self.metadata.clone(),
            limits: self.limits()?,
            model_access: self.model_access()?,
            retiring: self.retiring.as_ref().map(|old| Retiring { until: old.expires_at, uses: old.uses, last_used_at: old.last_used_at }),
            ..KeyRow::new(id, kind, self.name.clone(), self.mask.clone(), self.created_by, self.created_at)
        })
    }

    /// The limits as stored: credits that instances have reserved count as spent.
    pub fn limits(&self) -> Result<Limits, Error> {
        let stored = &self.limits;
        let rate_limits = |json: Option<&str>| parse_rate_limits(json).ok_or_else(|| self.unreadable());
        Ok(Limits {
            rate_limits: rate_limits(stored.rate_limits.as_deref())?,
            address_rate_limits: rate_limits(stored.address_rate_limits.as_deref())?,
            credits: stored.credit_balance().map(|account| account.at(Timestamp::now()).credits),
            allowed_ips: words(stored.allowed_ips.as_deref()),
            allowed_origins: words(stored.allowed_origins.as_deref()),
        })
    }

    /// What the key may do with language models.
    ///
    /// # Errors
    /// `Internal` if the stored value cannot be read.
    pub fn model_access(&self) -> Result<ModelAccess, Error> {
        parse_model_access(self.model_access.as_deref()).ok_or_else(|| self.unreadable())
    }

    fn unreadable(&self) -> Error {
        tracing::error!(key = %self.id, "stored key has an invalid value");
        Error::Internal
    }
}

/// Reads stored rate limits; `None` if the value cannot be read.
pub fn parse_rate_limits(json: Option<&str>) -> Option<Vec<RateLimit>> {
    json.map_or(Some(Vec::new()), |json| serde_json::from_str(json).ok())
}

/// Reads what a key may do with language models; `None` if the value cannot be read.
pub fn parse_model_access(json: Option<&str>) -> Option<ModelAccess> {
    json.map_or_else(|| Some(ModelAccess::default()), |json| serde_json::from_str(json).ok())
}

fn words(stored: Option<&str>) -> Vec<String> {
    stored.unwrap_or_default().split_whitespace().map(ToOwned::to_owned).collect()
}

impl LimitColumns {
    /// The allowed networks; `None` if the stored value cannot be read.
    pub fn networks(&self) -> Option<Vec<IpNet>> {
        self.allowed_ips.as_deref().unwrap_or_default().split_whitespace().map(|network| network.parse().ok()).collect()
    }
}
