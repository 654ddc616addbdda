//! Organizations, roles and users.

use sqlx::AssertSqlSafe;

use super::{Connection, Store, StoreError, Tx, fold, roles};
use latchkey_types::{
    id::{OrganizationId, RoleId, UserId},
    permission::{BUILT_IN_ROLES, Permissions},
    time::Timestamp,
};

/// A user with organization and role.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct UserRow {
    pub id: UserId,
    pub name: String,
    pub email: String,
    /// Argon2id, in the PHC string format.
    pub password_hash: String,
    pub disabled_at: Option<Timestamp>,
    pub organization_id: OrganizationId,
    pub organization: String,
    /// ISO 4217.
    pub currency: String,
    /// The organization's number.
    pub customer_id: i64,
    pub role: String,
    /// The role's permissions.
    pub permissions: Permissions,
}

const USER: &str = "select u.id, u.name, u.email, u.password_hash, u.disabled_at, u.organization_id, o.name as organization, o.currency, o.customer_id, \
     r.name as role, r.permissions from users u join organizations o on o.id = u.organization_id join roles r on r.id = u.role_id";

/// Whether there is any user.
pub async fn has_users(store: &Store) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar::<_, i64>("select count(*) from (select 1 from users limit 1) as one").fetch_one(store.read()?).await? > 0)
}

/// The user with this email address, ignoring case.
pub async fn find_user_by_email(store: &Store, email: &str) -> Result<Option<UserRow>, StoreError> {
    Ok(sqlx::query_as(user_where("u.email_folded = $1")).bind(fold(email)).fetch_optional(store.read()?).await?)
}

pub async fn find_user(db: &mut Connection, id: UserId) -> Result<Option<UserRow>, StoreError> {
    Ok(sqlx::query_as(user_where("u.id = $1")).bind(id).fetch_optional(db).await?)
}

/// The earliest created owner who is not disabled.
pub async fn first_owner(store: &Store) -> Result<Option<UserRow>, StoreError> {
    let sql = user_where("r.name = $1 and u.disabled_at is null order by u.created_at limit 1");
    Ok(sqlx::query_as(sql).bind(BUILT_IN_ROLES[0].name).fetch_optional(store.read()?).await?)
}

fn user_where(condition: &'static str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("{USER} where {condition}"))
}

/// Id and name of every organization.
pub async fn list_organizations(store: &Store) -> Result<Vec<(OrganizationId, String)>, StoreError> {
    Ok(sqlx::query_as("select id, name from organizations order by created_at, id").fetch_all(store.read()?).await?)
}

/// Creates an organization with its built-in roles.
///
/// # Errors
/// [`StoreError::Duplicate`] if the name or the number is taken.
pub async fn insert_organization(tx: &mut Tx, id: OrganizationId, name: &str, customer_id: i64) -> Result<(), StoreError> {
    sqlx::query("insert into organizations (id, customer_id, name, name_folded, created_at) values ($1, $2, $3, $4, $5)")
        .bind(id)
        .bind(customer_id)
        .bind(name)
        .bind(fold(name))
        .bind(Timestamp::now())
        .execute(&mut *tx)
        .await?;
    for role in BUILT_IN_ROLES {
        roles::insert(tx, RoleId::new(), id, role.name, Permissions::of(role.permissions)).await?;
    }
    Ok(())
}

pub struct NewUser {
    pub id: UserId,
    pub organization: OrganizationId,
    /// The name of a role of the organization.
    pub role: String,
    pub name: String,
    pub email: String,
    /// Argon2id, in the PHC string format.
    pub password_hash: String,
}

/// [`StoreError::Duplicate`] if the email address is taken in any organization.
pub async fn insert_user(tx: &mut Tx, user: &NewUser) -> Result<(), StoreError> {
    let inserted = sqlx::query(
        "insert into users (id, organization_id, role_id, name, name_folded, email, email_folded, password_hash, created_at) \
         select $1, r.organization_id, r.id, $4, $5, $6, $7, $8, $9 from roles r where r.organization_id = $2 and r.name = $3",
    )
    .bind(user.id)
    .bind(user.organization)
    .bind(&user.role)
    .bind(&user.name)
    .bind(fold(&user.name))
    .bind(&user.email)
    .bind(fold(&user.email))
    .bind(&user.password_hash)
    .bind(Timestamp::now())
    .execute(tx)
    .await?;
    // No row is inserted if the role does not exist.
    if inserted.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound.into()) }
}

pub async fn set_name(tx: &mut Tx, id: UserId, name: &str) -> Result<(), StoreError> {
    let sql = "update users set name = $1, name_folded = $2 where id = $3";
    sqlx::query(sql).bind(name).bind(fold(name)).bind(id).execute(tx).await?;
    Ok(())
}

/// Replaces a user's password hash if it is still `before`. Returns whether it was.
pub async fn replace_password(tx: &mut Tx, id: UserId, before: &str, hash: &str) -> Result<bool, StoreError> {
    let sql = "update users set password_hash = $1 where id = $2 and password_hash = $3";
    Ok(sqlx::query(sql).bind(hash).bind(id).bind(before).execute(tx).await?.rows_affected() == 1)
}

pub async fn set_password(tx: &mut Tx, id: UserId, hash: &str) -> Result<(), StoreError> {
    sqlx::query("update users set password_hash = $1 where id = $2").bind(hash).bind(id).execute(tx).await?;
    Ok(())
}
