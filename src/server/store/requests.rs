//! Requests for a key by a template, and what their makers hold.

use sqlx::AssertSqlSafe;

use super::{Error, Tx};
use crate::model::{
    id::{KeyRequestId, OrganizationId, ProjectId, TemplateId, UserId},
    time::Timestamp,
};

/// What became of a request, as it is stored.
pub mod state {
    /// It waits.
    pub const OPEN: &str = "open";
    /// A key was issued.
    pub const APPROVED: &str = "approved";
    /// It was turned down.
    pub const REJECTED: &str = "rejected";
    /// Its maker took it back.
    pub const WITHDRAWN: &str = "withdrawn";
    /// Its template is gone.
    pub const CLOSED: &str = "closed";
}

/// A request.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RequestRecord {
    /// Its id.
    pub id: String,
    /// Its project.
    pub project_id: String,
    /// Its template.
    pub template_id: String,
    /// That template's name.
    pub template: String,
    /// Who asks.
    pub user_id: String,
    /// Their name.
    pub user_name: String,
    /// What they sign in with.
    pub email: String,
    /// Unix milliseconds.
    pub requested_at: i64,
    /// What became of it: a word of [`state`].
    pub state: String,
    /// Unix milliseconds.
    pub decided_at: Option<i64>,
    /// The name of who decided.
    pub decider: Option<String>,
    /// What was said with the decision.
    pub word: String,
}

const REQUEST: &str = "select q.id, q.project_id, q.template_id, t.name as template, q.user_id, u.name as user_name, u.email, q.requested_at, q.state, \
     q.decided_at, d.name as decider, q.word from key_requests q join templates t on t.id = q.template_id join projects p on p.id = q.project_id \
     join users u on u.id = q.user_id left join users d on d.id = q.decided_by where p.deleted_at is null";

/// The organization's request with this id.
///
/// # Errors
/// What the database says.
pub async fn find(db: &mut Tx, organization: OrganizationId, id: KeyRequestId) -> Result<Option<RequestRecord>, Error> {
    let sql = AssertSqlSafe(format!("{REQUEST} and p.organization_id = $1 and q.id = $2"));
    Ok(sqlx::query_as(sql).bind(organization.to_string()).bind(id.to_string()).fetch_optional(db).await?)
}

/// The requests of a project that wait, the oldest first.
///
/// # Errors
/// What the database says.
pub async fn open_of_project(db: &mut Tx, project: ProjectId) -> Result<Vec<RequestRecord>, Error> {
    let sql = AssertSqlSafe(format!("{REQUEST} and q.project_id = $1 and q.open_by is not null order by q.requested_at, q.id"));
    Ok(sqlx::query_as(sql).bind(project.to_string()).fetch_all(db).await?)
}

/// The requests for keys by a template that wait, the oldest first.
///
/// # Errors
/// What the database says.
pub async fn open_of_template(db: &mut Tx, template: TemplateId) -> Result<Vec<RequestRecord>, Error> {
    let sql = AssertSqlSafe(format!("{REQUEST} and q.template_id = $1 and q.open_by is not null order by q.requested_at, q.id"));
    Ok(sqlx::query_as(sql).bind(template.to_string()).fetch_all(db).await?)
}

/// Somebody's last request by each template of a project.
///
/// # Errors
/// What the database says.
pub async fn last_of_user(db: &mut Tx, project: ProjectId, user: UserId) -> Result<Vec<RequestRecord>, Error> {
    let sql = AssertSqlSafe(format!(
        "{REQUEST} and q.project_id = $1 and q.user_id = $2 and t.deleted_at is null and not exists (select 1 from key_requests later \
         where later.template_id = q.template_id and later.user_id = q.user_id \
         and (later.requested_at > q.requested_at or (later.requested_at = q.requested_at and later.id > q.id)))"
    ));
    Ok(sqlx::query_as(sql).bind(project.to_string()).bind(user.to_string()).fetch_all(db).await?)
}

/// Stores an open request.
///
/// # Errors
/// [`Error::Duplicate`] when this person has one by this template already.
pub async fn insert(tx: &mut Tx, id: KeyRequestId, project: ProjectId, template: TemplateId, user: UserId) -> Result<(), Error> {
    sqlx::query("insert into key_requests (id, project_id, template_id, user_id, open_by, requested_at, state) values ($1, $2, $3, $4, $4, $5, $6)")
        .bind(id.to_string())
        .bind(project.to_string())
        .bind(template.to_string())
        .bind(user.to_string())
        .bind(Timestamp::now().0)
        .bind(state::OPEN)
        .execute(tx)
        .await?;
    Ok(())
}

/// Ends an open request.
///
/// # Errors
/// What the database says.
pub async fn decide(tx: &mut Tx, id: &str, state: &'static str, by: UserId, word: &str, at: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "update key_requests set open_by = null, state = $1, decided_at = $2, decided_by = $3, word = $4 where id = $5 and open_by is not null",
    )
    .bind(state)
    .bind(at.0)
    .bind(by.to_string())
    .bind(word)
    .bind(id)
    .execute(tx)
    .await?;
    Ok(())
}

/// A key that somebody was granted.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct HeldRecord {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its template.
    pub template_id: String,
    /// What the template is for, also if it is gone.
    pub description: String,
    /// Of one request, in millionths.
    pub price: i64,
    /// Its role's name.
    pub role: String,
    /// Its role's permissions, as words.
    pub role_permissions: String,
    /// Its information fields, as JSON.
    pub fields: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub revealed_at: Option<i64>,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
    /// Unix milliseconds.
    pub disabled_at: Option<i64>,
    /// Unix milliseconds.
    pub revoked_at: Option<i64>,
}

/// The keys of a project that somebody was granted and that are not deleted, the newest first.
///
/// # Errors
/// What the database says.
pub async fn held(db: &mut Tx, project: ProjectId, holder: UserId) -> Result<Vec<HeldRecord>, Error> {
    let sql = "select k.id, k.name, i.template_id, t.description, t.price, coalesce(r.name, '') as role, \
         coalesce(r.permissions, '') as role_permissions, i.fields, k.created_at, i.revealed_at, k.expires_at, k.disabled_at, k.revoked_at \
         from issued_keys i join api_keys k on k.id = i.key_id join templates t on t.id = i.template_id left join roles r on r.id = i.role_id \
         where i.project_id = $1 and k.created_by = $2 and k.deleted_at is null order by k.created_at desc, k.id desc";
    Ok(sqlx::query_as(sql).bind(project.to_string()).bind(holder.to_string()).fetch_all(db).await?)
}

/// When somebody asked by a template, so many times ago: 0 for the last time. `None` when they did not ask as often.
///
/// # Errors
/// What the database says.
pub async fn asked_at(tx: &mut Tx, template: TemplateId, user: UserId, times_ago: i64) -> Result<Option<Timestamp>, Error> {
    let sql = "select requested_at from key_requests where template_id = $1 and user_id = $2 order by requested_at desc limit 1 offset $3";
    let at: Option<i64> = sqlx::query_scalar(sql).bind(template.to_string()).bind(user.to_string()).bind(times_ago).fetch_optional(tx).await?;
    Ok(at.map(Timestamp))
}

/// Whether somebody holds a key by a template that is neither revoked, deleted nor expired.
///
/// # Errors
/// What the database says.
pub async fn holds(db: &mut Tx, template: TemplateId, holder: UserId) -> Result<bool, Error> {
    let sql = "select count(*) from issued_keys i join api_keys k on k.id = i.key_id where i.template_id = $1 and k.created_by = $2 \
         and k.deleted_at is null and k.revoked_at is null and (k.expires_at is null or k.expires_at > $3)";
    let held: i64 = sqlx::query_scalar(sql).bind(template.to_string()).bind(holder.to_string()).bind(Timestamp::now().0).fetch_one(db).await?;
    Ok(held > 0)
}
