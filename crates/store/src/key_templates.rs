//! Key templates and their information fields.

use sqlx::AssertSqlSafe;

use super::{Connection, StoreError, Tx, columns::Columns, fold, issued_keys, verdict_changes::VerdictChange};
use latchkey_types::{
    id::{FieldId, OrganizationId, ProjectId, RoleId, TemplateId, UserId},
    key_template::{FieldRow, TemplateRow},
    money::Money,
    permission::Permissions,
    time::Timestamp,
};

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct TemplateRecord {
    pub id: TemplateId,
    pub project_id: ProjectId,
    pub name: String,
    pub description: String,
    /// The role that its keys get.
    pub role_id: RoleId,
    /// The role's name.
    pub role: String,
    pub role_permissions: Permissions,
    /// Price of one request.
    pub price: Money,
    /// Validity of its keys in days; `None` for unlimited.
    pub duration_days: Option<i64>,
    /// When it was created, until its name is saved. A draft can't be requested.
    pub draft_since: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
    /// Number of its keys that are neither revoked, deleted nor expired.
    pub keys: i64,
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct FieldRecord {
    pub id: FieldId,
    pub template_id: TemplateId,
    pub name: String,
    pub description: String,
    pub value: String,
}

/// `$1` is the current time.
const TEMPLATE: &str = "select t.id, t.project_id, t.name, t.description, t.role_id, coalesce(r.name, '') as role, \
     coalesce(r.permissions, '') as role_permissions, t.price, t.duration_days, t.draft_since, t.deleted_at, \
     (select count(*) from issued_keys i join api_keys k on k.id = i.key_id where i.template_id = t.id and k.deleted_at is null \
     and k.revoked_at is null and (k.expires_at is null or k.expires_at > $1)) as keys \
     from key_templates t join projects p on p.id = t.project_id left join roles r on r.id = t.role_id where p.deleted_at is null";

const FIELD: &str =
    "select f.id, f.template_id, f.name, f.description, f.value from key_template_fields f join key_templates t on t.id = f.template_id";

/// The organization's template with this id, even if it was deleted.
pub async fn find(db: &mut Connection, organization: OrganizationId, id: TemplateId) -> Result<Option<TemplateRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{TEMPLATE} and p.organization_id = $2 and t.id = $3"));
    Ok(sqlx::query_as(sql).bind(Timestamp::now()).bind(organization).bind(id).fetch_optional(db).await?)
}

/// A project's templates, oldest first.
pub async fn of_project(db: &mut Connection, project: ProjectId) -> Result<Vec<TemplateRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{TEMPLATE} and t.project_id = $2 and t.deleted_at is null order by t.created_at, t.id"));
    Ok(sqlx::query_as(sql).bind(Timestamp::now()).bind(project).fetch_all(db).await?)
}

/// Stores a draft of a template with an empty description, price 0 and no expiry.
///
/// # Errors
/// [`StoreError::Duplicate`] if the name is taken.
pub async fn insert(tx: &mut Tx, id: TemplateId, project: ProjectId, name: &str, role: RoleId, created_by: UserId) -> Result<(), StoreError> {
    let now = Timestamp::now();
    Columns::new()
        .set("id", id)
        .set("project_id", project)
        .set("name", name)
        .set("name_folded", fold(name))
        .set("unique_name", fold(name))
        .set("description", "")
        .set("role_id", role)
        .set("price", Money::default())
        .set("created_by", created_by)
        .set("created_at", now)
        .set("draft_since", now)
        .insert(tx, "key_templates")
        .await
}

/// Stores the values of a template that can be edited. Its keys are charged at the template's current price, so a new price touches them.
///
/// # Errors
/// [`StoreError::Duplicate`] if the name is taken.
pub async fn update(tx: &mut Tx, template: &TemplateRecord) -> Result<(), StoreError> {
    let price_before: Money = sqlx::query_scalar("select price from key_templates where id = $1").bind(template.id).fetch_one(&mut *tx).await?;
    Columns::new()
        .set("name", &template.name)
        .set("name_folded", fold(&template.name))
        .set("unique_name", fold(&template.name))
        .set("description", &template.description)
        .set("role_id", template.role_id)
        .set("price", template.price)
        .set("duration_days", template.duration_days)
        .set("draft_since", template.draft_since)
        .update(tx, "key_templates", "id", template.id)
        .await?;
    if template.price != price_before {
        for digest in issued_keys::digests_of_template(tx, template.id).await? {
            tx.touch(VerdictChange::Key(digest));
        }
    }
    Ok(())
}

/// Marks a template as deleted and frees its name. Its price remains in effect for its keys.
pub async fn delete(tx: &mut Tx, id: TemplateId) -> Result<(), StoreError> {
    let sql = "update key_templates set deleted_at = $1, unique_name = null where id = $2";
    sqlx::query(sql).bind(Timestamp::now()).bind(id).execute(tx).await?;
    Ok(())
}

/// The fields of a project's templates, ordered within each template.
pub async fn fields_of_project(db: &mut Connection, project: ProjectId) -> Result<Vec<FieldRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{FIELD} where t.project_id = $1 and t.deleted_at is null order by f.template_id, f.position, f.id"));
    Ok(sqlx::query_as(sql).bind(project).fetch_all(db).await?)
}

/// The fields of a template, in order.
pub async fn fields(db: &mut Connection, template: TemplateId) -> Result<Vec<FieldRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{FIELD} where f.template_id = $1 order by f.position, f.id"));
    Ok(sqlx::query_as(sql).bind(template).fetch_all(db).await?)
}

/// The field with this id, in any organization. The caller must check the organization of its template.
pub async fn find_field(db: &mut Connection, id: FieldId) -> Result<Option<FieldRecord>, StoreError> {
    Ok(sqlx::query_as(AssertSqlSafe(format!("{FIELD} where f.id = $1"))).bind(id).fetch_optional(db).await?)
}

/// Stores a field with an empty description, after the existing ones.
///
/// # Errors
/// [`StoreError::Duplicate`] if the name is taken.
pub async fn insert_field(tx: &mut Tx, id: FieldId, template: TemplateId, name: &str, value: &str) -> Result<(), StoreError> {
    sqlx::query(
        "insert into key_template_fields (id, template_id, position, name, name_folded, description, value) \
         select $1, $2, coalesce(max(position), 0) + 1, $3, $4, '', $5 from key_template_fields where template_id = $2",
    )
    .bind(id)
    .bind(template)
    .bind(name)
    .bind(fold(name))
    .bind(value)
    .execute(tx)
    .await?;
    Ok(())
}

/// Stores the values of a field.
///
/// # Errors
/// [`StoreError::Duplicate`] if the name is taken.
pub async fn update_field(tx: &mut Tx, field: &FieldRecord) -> Result<(), StoreError> {
    sqlx::query("update key_template_fields set name = $1, name_folded = $2, description = $3, value = $4 where id = $5")
        .bind(&field.name)
        .bind(fold(&field.name))
        .bind(&field.description)
        .bind(&field.value)
        .bind(field.id)
        .execute(tx)
        .await?;
    Ok(())
}

pub async fn delete_field(tx: &mut Tx, id: FieldId) -> Result<(), StoreError> {
    sqlx::query("delete from key_template_fields where id = $1").bind(id).execute(tx).await?;
    Ok(())
}

impl TemplateRecord {
    pub fn row(self, fields: Vec<FieldRow>) -> TemplateRow {
        TemplateRow {
            id: self.id,
            name: self.name,
            description: self.description,
            role: self.role_id,
            price: self.price,
            duration_days: self.duration_days,
            is_draft: self.draft_since.is_some(),
            fields,
            keys: self.keys,
        }
    }
}

impl FieldRecord {
    pub fn row(self) -> FieldRow {
        FieldRow { id: self.id, name: self.name, description: self.description, value: self.value }
    }
}
