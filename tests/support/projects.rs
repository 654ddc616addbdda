//! Projects and what belongs to them, put into the store as the rules would: for tests of something else.

use latchkey_store::{self as store, issued_keys::NewIssued};
use latchkey_types::{
    id::{KeyId, KeyRequestId, TemplateId},
    time::Timestamp,
};
use reqwest::StatusCode;
use serde_json::json;

use super::{Page, TestServer, text};

/// Makes a project that everyone in the organization sees. Answers its id.
pub async fn project(owner: &Page, name: &str) -> String {
    let wanted = json!({ "wanted": { "name": name, "description": "", "visibility": "organization" } });
    let (status, made) = owner.call("projects/create", wanted).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    text(&made["id"])
}

/// A template as it is stored: its keys have this role of the organization, and a request costs so many millionths.
pub async fn template(server: &TestServer, project: &str, name: &str, role: &str, price: i64) -> TemplateId {
    let id = TemplateId::new();
    let sql = "insert into templates (id, project_id, name, name_folded, unique_name, description, role_id, price, created_by, created_at) \
         select $1, p.id, $2, $2, $2, '', r.id, $3, p.created_by, 0 from projects p join roles r on r.organization_id = p.organization_id \
         where p.id = $4 and r.name = $5";
    let database = server.database().await;
    let done = sqlx::query(sql).bind(id.to_string()).bind(name).bind(price).bind(project).bind(role).execute(&database).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    id
}

/// A key by a template, for the user with this address, not revealed yet. Answers its id.
pub async fn issued(server: &TestServer, template: TemplateId, holder: &str, expires_at: Option<Timestamp>) -> KeyId {
    let database = server.database().await;
    let (key, request) = (KeyId::new(), KeyRequestId::new());
    let sql = "insert into key_requests (id, project_id, template_id, user_id, requested_at, state, decided_at) \
         select $1, t.project_id, t.id, u.id, 0, 'approved', 0 from templates t, users u where t.id = $2 and u.email = $3";
    sqlx::query(sql).bind(request.to_string()).bind(template.to_string()).bind(holder).execute(&database).await.unwrap();
    let sql =
        "select t.project_id, t.name, t.role_id, u.id, u.organization_id, t.created_by from templates t, users u where t.id = $1 and u.email = $2";
    let row: (String, String, String, String, String, String) =
        sqlx::query_as(sql).bind(template.to_string()).bind(holder).fetch_one(&database).await.unwrap();
    let new = NewIssued {
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
    server.state.store.write(move |tx| Box::pin(async move { Ok(store::issued_keys::insert(tx, &new).await?) })).await.unwrap();
    key
}

/// The key's token, as its holder gets it this once.
pub async fn revealed(holder: &Page, key: KeyId) -> String {
    let (status, token) = holder.call("issued/reveal", json!({ "id": key })).await;
    assert_eq!(status, StatusCode::OK, "{token}");
    text(&token)
}
