//! Access requests for keys of a template, and the keys that requesters hold.

use sqlx::AssertSqlSafe;

use super::{Connection, StoreError, Tx, columns::Columns};
use latchkey_types::{
    id::{AccessRequestId, KeyId, OrganizationId, ProjectId, TemplateId, UserId},
    key_template::RequestRow,
    money::Money,
    permission::Permissions,
    time::Timestamp,
};

/// Stored states of an access request.
pub mod state {
    /// Pending.
    pub const OPEN: &str = "open";
    /// A key was issued.
    pub const APPROVED: &str = "approved";
    pub const REJECTED: &str = "rejected";
    /// Withdrawn by the requester.
    pub const WITHDRAWN: &str = "withdrawn";
    /// Its template or project was deleted.
    pub const CLOSED: &str = "closed";
}

/// An access request.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AccessRequestRecord {
    pub id: AccessRequestId,
    pub project_id: ProjectId,
    pub template_id: TemplateId,
    /// The template's name.
    pub template: String,
    /// The requester.
    pub user_id: UserId,
    pub user_name: String,
    /// The requester's email address.
    pub email: String,
    pub requested_at: Timestamp,
    /// One of [`state`].
    pub state: String,
    pub decided_at: Option<Timestamp>,
    /// The name of the user who decided.
    pub decider: Option<String>,
    /// The comment of the decision; may be blank.
    pub comment: String,
}

const REQUEST: &str = "select q.id, q.project_id, q.template_id, t.name as template, q.user_id, u.name as user_name, u.email, q.requested_at, q.state, \
     q.decided_at, d.name as decider, q.comment from access_requests q join key_templates t on t.id = q.template_id join projects p on p.id = q.project_id \
     join users u on u.id = q.user_id left join users d on d.id = q.decided_by where p.deleted_at is null";

/// The organization's access request with this id.
pub async fn find(db: &mut Connection, organization: OrganizationId, id: AccessRequestId) -> Result<Option<AccessRequestRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{REQUEST} and p.organization_id = $1 and q.id = $2"));
    Ok(sqlx::query_as(sql).bind(organization).bind(id).fetch_optional(db).await?)
}

/// The pending requests of a project, oldest first.
pub async fn open_of_project(db: &mut Connection, project: ProjectId) -> Result<Vec<AccessRequestRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{REQUEST} and q.project_id = $1 and q.open_by is not null order by q.requested_at, q.id"));
    Ok(sqlx::query_as(sql).bind(project).fetch_all(db).await?)
}

/// The pending requests for a template, oldest first.
pub async fn open_of_template(db: &mut Connection, template: TemplateId) -> Result<Vec<AccessRequestRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{REQUEST} and q.template_id = $1 and q.open_by is not null order by q.requested_at, q.id"));
    Ok(sqlx::query_as(sql).bind(template).fetch_all(db).await?)
}

/// A user's latest request for each template of a project.
pub async fn last_of_user(db: &mut Connection, project: ProjectId, user: UserId) -> Result<Vec<AccessRequestRecord>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "{REQUEST} and q.project_id = $1 and q.user_id = $2 and t.deleted_at is null and not exists (select 1 from access_requests later \
         where later.template_id = q.template_id and later.user_id = q.user_id \
         and (later.requested_at > q.requested_at or (later.requested_at = q.requested_at and later.id > q.id)))"
    ));
    Ok(sqlx::query_as(sql).bind(project).bind(user).fetch_all(db).await?)
}

/// Stores a pending request.
///
/// # Errors
/// [`StoreError::Duplicate`] if the user already has a pending request for this template.
pub async fn insert(tx: &mut Tx, id: AccessRequestId, project: ProjectId, template: TemplateId, user: UserId) -> Result<(), StoreError> {
    Columns::new()
        .set("id", id)
        .set("project_id", project)
        .set("template_id", template)
        .set("user_id", user)
        .set("open_by", user)
        .set("requested_at", Timestamp::now())
        .set("state", state::OPEN)
        .insert(tx, "access_requests")
        .await
}

/// Closes a pending request with a decision.
pub async fn decide(tx: &mut Tx, id: AccessRequestId, state: &'static str, by: UserId, comment: &str, at: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "update access_requests set open_by = null, state = $1, decided_at = $2, decided_by = $3, comment = $4 where id = $5 and open_by is not null",
    )
    .bind(state)
    .bind(at)
    .bind(by)
    .bind(comment)
    .bind(id)
    .execute(tx)
    .await?;
    Ok(())
}

/// A key that was issued to a user.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct HeldKeyRecord {
    pub id: KeyId,
    pub name: String,
    pub template_id: TemplateId,
    /// The template's description, even if the template was deleted.
    pub description: String,
    /// Price of one request.
    pub price: Money,
    /// The role's name.
    pub role: String,
    pub role_permissions: Permissions,
    /// The information fields, as JSON.
    pub fields: String,
    pub created_at: Timestamp,
    pub revealed_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// The keys of a project that a user holds and that are not deleted, newest first.
pub async fn held_keys(db: &mut Connection, project: ProjectId, holder: UserId) -> Result<Vec<HeldKeyRecord>, StoreError> {
    let sql = "select k.id, k.name, i.template_id, t.description, t.price, coalesce(r.name, '') as role, \
         coalesce(r.permissions, '') as role_permissions, i.fields, k.created_at, i.revealed_at, k.expires_at, k.disabled_at, k.revoked_at \
         from issued_keys i join api_keys k on k.id = i.key_id join key_templates t on t.id = i.template_id left join roles r on r.id = i.role_id \
         where i.project_id = $1 and k.created_by = $2 and k.deleted_at is null order by k.created_at desc, k.id desc";
    Ok(sqlx::query_as(sql).bind(project).bind(holder).fetch_all(db).await?)
}

/// When a user made their n-th last request for a template, with 0 for the latest. `None` if there are fewer requests.
pub async fn nth_last_requested_at(db: &mut Connection, template: TemplateId, user: UserId, times_ago: i64) -> Result<Option<Timestamp>, StoreError> {
    let sql = "select requested_at from access_requests where template_id = $1 and user_id = $2 order by requested_at desc limit 1 offset $3";
    Ok(sqlx::query_scalar(sql).bind(template).bind(user).bind(times_ago).fetch_optional(db).await?)
}

/// Whether a user holds a key of a template that is neither revoked, deleted nor expired.
pub async fn has_valid_key(db: &mut Connection, template: TemplateId, holder: UserId) -> Result<bool, StoreError> {
    let sql = "select count(*) from issued_keys i join api_keys k on k.id = i.key_id where i.template_id = $1 and k.created_by = $2 \
         and k.deleted_at is null and k.revoked_at is null and (k.expires_at is null or k.expires_at > $3)";
    let held: i64 = sqlx::query_scalar(sql).bind(template).bind(holder).bind(Timestamp::now()).fetch_one(db).await?;
    Ok(held > 0)
}

impl AccessRequestRecord {
    pub fn row(self) -> RequestRow {
        RequestRow {
            id: self.id,
            requested_at: self.requested_at,
            user: self.user_name,
            email: self.email,
            template_id: self.template_id,
            template: self.template,
        }
    }
}
