//! Projects, templates and issued keys as test data: templates and keys are written directly to the database.

use latchkey_store::{self as store, issued_keys::NewIssuedKey};
use latchkey_types::{
    id::{AccessRequestId, KeyId, TemplateId},
    time::Timestamp,
};
use reqwest::StatusCode;
use serde_json::json;

use super::{BrowserClient, TestServer, text};

/// Creates a project that is visible to the whole organization. Returns its id.
pub async fn create_project(owner: &BrowserClient, name: &str) -> String {
    let arguments = json!({ "request": { "name": name, "description": "", "visibility": "organization" } });
    let (status, created) = owner.call("projects/create", arguments).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    text(&created["id"])
}

/// Inserts a template whose keys get this role of the organization. `price` is the price per call in millionths of the currency.
pub async fn insert_template(server: &TestServer, project: &str, name: &str, role: &str, price: i64) -> TemplateId {
    let id = TemplateId::new();
    let sql = "insert into key_templates (id, project_id, name, name_folded, unique_name, description, role_id, price, created_by, created_at) \
         select $1, p.id, $2, $2, $2, '', r.id, $3, p.created_by, 0 from projects p join roles r on r.organization_id = p.organization_id \
         where p.id = $4 and r.name = $5";
    let database = server.database().await;
    let result = sqlx::query(sql).bind(id.to_string()).bind(name).bind(price).bind(project).bind(role).execute(&database).await.unwrap();
    assert_eq!(result.rows_affected(), 1);
    id
}

/// Inserts an issued key from a template for the user with this e-mail address, not yet revealed. Returns its id.
pub async fn insert_issued_key(server: &TestServer, template: TemplateId, holder: &str, expires_at: Option<Timestamp>) -> KeyId {
    let database = server.database().await;
    let (key, request) = (KeyId::new(), AccessRequestId::new());
    let sql = "insert into access_requests (id, project_id, template_id, user_id, requested_at, state, decided_at) \
         select $1, t.project_id, t.id, u.id, 0, 'approved', 0 from key_templates t, users u where t.id = $2 and u.email = $3";
    sqlx::query(sql).bind(request.to_string()).bind(template.to_string()).bind(holder).execute(&database).await.unwrap();
    let sql = "select t.project_id, t.name, t.role_id, u.id, u.organization_id, t.created_by from key_templates t, users u where t.id = $1 and u.email = $2";
    let row: (String, String, String, String, String, String) =
        sqlx::query_as(sql).bind(template.to_string()).bind(holder).fetch_one(&database).await.unwrap();
    let new = NewIssuedKey {
        id: key,
        organization: row.4.parse().unwrap(),
        project: row.0.parse().unwrap(),
        template,
        request,
        name: row.1,
        role: row.2.parse().unwrap(),
        fields: "[]".to_owned(),
        holder: row.3.parse().unwrap(),
        approved_by: row.5.parse().unwrap(),
        created_at: Timestamp::now(),
        expires_at,
    };
    let mut tx = server.state.store.begin().await.unwrap();
    store::issued_keys::insert(&mut tx, &new).await.unwrap();
    tx.commit().await.unwrap();
    key
}

/// Reveals the key's token to its holder, which works only once.
pub async fn reveal_token(holder: &BrowserClient, key: KeyId) -> String {
    let (status, token) = holder.call("issued/reveal", json!({ "id": key })).await;
    assert_eq!(status, StatusCode::OK, "{token}");
    text(&token)
}
