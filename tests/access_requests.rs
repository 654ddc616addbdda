//! Server functions of access requests: create, approve, reject and withdraw.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    BrowserClient, TestServer,
    projects::{create_project, insert_issued_key, insert_template},
    text,
};

struct Fixtures {
    server: TestServer,
    owner: BrowserClient,
    viewer: BrowserClient,
    project: String,
    template: String,
}

/// A project visible to the whole organization, its owner, a viewer, and one key template.
async fn fixtures() -> Fixtures {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let viewer = server.user("viewer", "acme").await;
    let project = create_project(&owner, "Apollo").await;
    let template = insert_template(&server, &project, "Reader", "viewer", 2500).await.to_string();
    Fixtures { server, owner, viewer, project, template }
}

impl Fixtures {
    async fn request_key(&self, page: &BrowserClient) -> (StatusCode, Value) {
        page.call("access-requests/create", json!({ "template": self.template })).await
    }

    /// Creates a request of the viewer. Returns its id.
    async fn create_request(&self) -> String {
        let (status, body) = self.request_key(&self.viewer).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        text(&self.tile().await["pending"]["id"])
    }

    /// The viewer's first tile.
    async fn tile(&self) -> Value {
        let (status, tiles) = self.viewer.call("access-requests/cards", json!({ "project": self.project })).await;
        assert_eq!((status, &tiles["currency"]), (StatusCode::OK, &json!("USD")), "{tiles}");
        tiles["tiles"][0].clone()
    }

    async fn pending_requests(&self) -> Vec<Value> {
        let (status, page) = self.owner.call("templates/page", json!({ "project": self.project })).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert_eq!(page["project"]["waiting"].as_u64(), page["requests"].as_array().map(|all| all.len() as u64));
        page["requests"].as_array().unwrap().clone()
    }

    async fn texts(&self, sql: &'static str) -> Vec<String> {
        sqlx::query_scalar(sql).fetch_all(&self.server.database().await).await.unwrap()
    }

    async fn actions(&self) -> Vec<String> {
        self.texts("select action from audit_events where object_kind = 'request' or action = 'key.issued' order by seq").await
    }

    /// Recipient, event, actor and comment of every notification, in order.
    async fn notifications(&self) -> Vec<String> {
        self.texts(
            "select u.email || ' ' || n.event || ' ' || n.actor_name || ' ' || n.comment from notifications n join users u on u.id = n.user_id order by n.seq",
        )
        .await
    }

    async fn key_count(&self) -> usize {
        self.texts("select id from api_keys where kind = 'project'").await.len()
    }
}

async fn approve(page: &BrowserClient, id: &str) -> (StatusCode, Value) {
    page.call("access-requests/approve", json!({ "id": id })).await
}

async fn reject(page: &BrowserClient, id: &str, comment: &str) -> (StatusCode, Value) {
    page.call("access-requests/reject", json!({ "id": id, "comment": comment })).await
}

async fn withdraw(page: &BrowserClient, id: &str) -> (StatusCode, Value) {
    page.call("access-requests/withdraw", json!({ "id": id })).await
}

#[track_caller]
fn assert_conflict((status, error): (StatusCode, Value), field: &str, expected: &str) {
    assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!(field)), "{error}");
    assert!(text(&error["message"]).contains(expected), "{error} does not contain {expected:?}");
}

#[tokio::test]
async fn request_is_created_approved_and_notified() {
    let fixtures = fixtures().await;
    assert_eq!((&fixtures.tile().await["pending"], &fixtures.tile().await["key"]), (&Value::Null, &Value::Null));
    let id = fixtures.create_request().await;
    let pending = fixtures.pending_requests().await;
    assert_eq!(
        (&pending[0]["id"], &pending[0]["user"], &pending[0]["email"], &pending[0]["template"]),
        (&json!(id), &json!("viewer of acme"), &json!("viewer@acme.test"), &json!("Reader"))
    );
    assert_conflict(fixtures.request_key(&fixtures.viewer).await, "template", "already have a pending request");
    let sql = "insert into key_template_fields (id, template_id, position, name, name_folded, description, value) \
         values ('fld_00000000000070008000000000000001', $1, 1, 'Project ID', 'project id', 'Which.', 'prj')";
    sqlx::query(sql).bind(&fixtures.template).execute(&fixtures.server.database().await).await.unwrap();

    assert_eq!(approve(&fixtures.owner, &id).await.0, StatusCode::OK);
    let tile = fixtures.tile().await;
    assert_eq!((&tile["pending"], &tile["key"]["status"], &tile["key"]["revealed_at"]), (&Value::Null, &json!("active"), &Value::Null));
    assert_eq!((&tile["key"]["expires_at"], &tile["permits"]), (&Value::Null, &json!(["view_project"])));
    assert_eq!(tile["fields"], json!([{ "name": "Project ID", "description": "Which.", "value": "prj" }]));
    assert!(fixtures.pending_requests().await.is_empty());
    assert_conflict(fixtures.request_key(&fixtures.viewer).await, "template", "have a key");
    assert_eq!(fixtures.actions().await, ["request.created", "request.approved", "key.issued"]);
    assert_eq!(fixtures.notifications().await, ["owner@acme.test requested viewer of acme ", "viewer@acme.test approved owner of acme "]);
    let (_, notifications) = fixtures.owner.call("notifications/list", json!({})).await;
    assert_eq!((&notifications[0]["request_id"], &notifications[0]["outcome"]), (&json!(id), &json!({ "event": "Approved", "by": "owner of acme" })));

    // The key keeps the fields that its template had at the approval.
    sqlx::query("update key_template_fields set value = 'other'").execute(&fixtures.server.database().await).await.unwrap();
    assert_eq!(fixtures.tile().await["fields"][0]["value"], "prj");
}

#[tokio::test]
async fn key_expiry_follows_its_template_in_whole_seconds() {
    let fixtures = fixtures().await;
    let edit = json!({ "id": fixtures.template, "edit": { "which": "duration_days", "before": "", "after": "30" } });
    assert_eq!(fixtures.owner.call("templates/edit", edit).await.0, StatusCode::OK);
    let id = fixtures.create_request().await;
    assert_eq!(approve(&fixtures.owner, &id).await.0, StatusCode::OK);
    let key = fixtures.tile().await["key"].clone();
    let (received_at, expires_at) = (key["received_at"].as_i64().unwrap(), key["expires_at"].as_i64().unwrap());
    let month = 30 * 86_400_000;
    assert_eq!(expires_at % 1000, 0);
    assert!((received_at + month - 999..=received_at + month).contains(&expires_at));
    // After its expiry the key can be requested again.
    sqlx::query("update api_keys set expires_at = 1000").execute(&fixtures.server.database().await).await.unwrap();
    assert_eq!(fixtures.tile().await["key"]["status"], "expired");
    let id = fixtures.create_request().await;
    assert_eq!(approve(&fixtures.owner, &id).await.0, StatusCode::OK);
    assert_eq!((fixtures.key_count().await, &fixtures.tile().await["key"]["status"]), (2, &json!("active")));
}

#[tokio::test]
async fn approving_twice_issues_one_key() {
    let fixtures = fixtures().await;
    let admin = fixtures.server.user("admin", "acme").await;
    let id = fixtures.create_request().await;
    let (first, second) = tokio::join!(approve(&fixtures.owner, &id), approve(&admin, &id));
    let (accepted, rejected) = if first.0 == StatusCode::OK { (first, second) } else { (second, first) };
    assert_eq!(accepted.0, StatusCode::OK);
    assert_conflict(rejected, "request", "was already approved by");
    assert_conflict(approve(&fixtures.owner, &id).await, "request", "was already approved by");
    assert_conflict(reject(&fixtures.owner, &id, "").await, "request", "was already approved by");
    assert_eq!(fixtures.key_count().await, 1);
    assert_eq!(fixtures.actions().await, ["request.created", "request.approved", "key.issued"]);
}

#[tokio::test]
async fn concurrent_requests_create_one_request() {
    let fixtures = fixtures().await;
    let (first, second) = tokio::join!(fixtures.request_key(&fixtures.viewer), fixtures.request_key(&fixtures.viewer));
    let mut statuses = [first.0, second.0];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::CONFLICT]);
    assert_eq!(fixtures.pending_requests().await.len(), 1);
}

#[tokio::test]
async fn repeated_requests_are_throttled() {
    let fixtures = fixtures().await;
    for _ in 0..10 {
        let id = fixtures.create_request().await;
        assert_eq!(withdraw(&fixtures.viewer, &id).await.0, StatusCode::OK);
    }
    let (status, error) = fixtures.request_key(&fixtures.viewer).await;
    assert_eq!((status, &error["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("throttled")), "{error}");
    let before = fixtures.notifications().await.len();
    // An hour later, requests are accepted again.
    let sql = "update access_requests set requested_at = requested_at - 3600000";
    sqlx::query(sql).execute(&fixtures.server.database().await).await.unwrap();
    fixtures.create_request().await;
    assert_eq!(fixtures.notifications().await.len(), before + 1);
}

#[tokio::test]
async fn requests_without_a_project_manager_reach_member_managers() {
    let fixtures = fixtures().await;
    let member = fixtures.server.user("member", "acme").await;
    let unmanaged = create_project(&member, "Unmanaged").await;
    let unmanaged_template = insert_template(&fixtures.server, &unmanaged, "Reader", "viewer", 0).await;
    let sql = "update users set disabled_at = 1 where email = 'member@acme.test'";
    sqlx::query(sql).execute(&fixtures.server.database().await).await.unwrap();
    let (status, body) = fixtures.viewer.call("access-requests/create", json!({ "template": unmanaged_template })).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(fixtures.notifications().await, ["owner@acme.test requested viewer of acme "]);
}

#[tokio::test]
async fn rejection_is_notified_and_allows_a_new_request() {
    let fixtures = fixtures().await;
    let id = fixtures.create_request().await;
    let (status, error) = reject(&fixtures.owner, &id, &"a".repeat(501)).await;
    assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("comment")));
    let (status, error) = reject(&fixtures.owner, &id, "a\u{202E}b").await;
    assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("comment")));
    assert_eq!(fixtures.pending_requests().await.len(), 1, "the request is still pending");
    assert_eq!(reject(&fixtures.owner, &id, " Not before May. ").await.0, StatusCode::OK);
    let tile = fixtures.tile().await;
    assert_eq!((&tile["rejected"]["comment"], &tile["rejected"]["by"]), (&json!("Not before May."), &json!("owner of acme")));
    assert_eq!((&tile["key"], &tile["pending"]), (&Value::Null, &Value::Null));
    assert_conflict(approve(&fixtures.owner, &id).await, "request", "was already rejected by owner of acme");
    assert_eq!(fixtures.notifications().await.last().unwrap(), "viewer@acme.test rejected owner of acme Not before May.");
    fixtures.create_request().await;
    assert_eq!(fixtures.tile().await["rejected"], Value::Null, "a new request clears the rejection");
    assert_eq!(fixtures.key_count().await, 0);
}

#[tokio::test]
async fn withdrawn_request_cannot_be_decided() {
    let fixtures = fixtures().await;
    let id = fixtures.create_request().await;
    assert_eq!(withdraw(&fixtures.owner, &id).await.0, StatusCode::NOT_FOUND, "only the requester can withdraw it");
    assert_eq!(withdraw(&fixtures.viewer, &id).await.0, StatusCode::OK);
    assert_conflict(withdraw(&fixtures.viewer, &id).await, "request", "withdrew this request");
    assert_conflict(approve(&fixtures.owner, &id).await, "request", "withdrew this request");
    assert_conflict(reject(&fixtures.owner, &id, "").await, "request", "withdrew this request");
    assert_eq!((fixtures.key_count().await, fixtures.pending_requests().await.len()), (0, 0));
    assert_eq!(fixtures.actions().await, ["request.created", "request.withdrawn"]);
    assert_eq!(fixtures.notifications().await, ["owner@acme.test requested viewer of acme ", "owner@acme.test withdrawn viewer of acme "]);
    let again = fixtures.create_request().await;
    assert_eq!(approve(&fixtures.owner, &again).await.0, StatusCode::OK);
    assert_conflict(withdraw(&fixtures.viewer, &again).await, "request", "was already approved by owner of acme");
}

#[tokio::test]
async fn deleting_a_template_closes_its_requests() {
    let fixtures = fixtures().await;
    let id = fixtures.create_request().await;
    assert_eq!(fixtures.owner.call("templates/delete", json!({ "id": fixtures.template })).await.0, StatusCode::OK);
    assert_conflict(approve(&fixtures.owner, &id).await, "request", "template was deleted");
    assert_conflict(withdraw(&fixtures.viewer, &id).await, "request", "template was deleted");
    assert_conflict(fixtures.request_key(&fixtures.viewer).await, "template", "was deleted");
    assert_eq!(fixtures.texts("select state from access_requests where open_by is null").await, ["closed"]);
    assert_eq!(fixtures.actions().await, ["request.created", "request.closed"]);
    assert_eq!(fixtures.notifications().await.last().unwrap(), "viewer@acme.test closed owner of acme ");
    assert_eq!(fixtures.key_count().await, 0);
    let unknown = json!({ "template": "tpl_00000000000070008000000000000000" });
    assert_eq!(fixtures.viewer.call("access-requests/create", unknown).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn approval_requires_a_requester_with_access() {
    let fixtures = fixtures().await;
    let id = fixtures.create_request().await;
    let database = fixtures.server.database().await;
    sqlx::query("update users set disabled_at = 1 where email = 'viewer@acme.test'").execute(&database).await.unwrap();
    assert_conflict(approve(&fixtures.owner, &id).await, "request", "can no longer sign in");
    sqlx::query("update users set disabled_at = null").execute(&database).await.unwrap();
    sqlx::query("update projects set visibility = 'members'").execute(&database).await.unwrap();
    assert_conflict(approve(&fixtures.owner, &id).await, "request", "no longer has access to this project");
    sqlx::query("update projects set visibility = 'organization'").execute(&database).await.unwrap();
    insert_issued_key(&fixtures.server, fixtures.template.parse().unwrap(), "viewer@acme.test", None).await;
    assert_conflict(approve(&fixtures.owner, &id).await, "request", "already has a key from this template");
    assert_eq!(fixtures.pending_requests().await.len(), 1, "the request is still pending");
    sqlx::query("update api_keys set revoked_at = 1 where kind = 'project'").execute(&database).await.unwrap();
    assert_eq!(approve(&fixtures.owner, &id).await.0, StatusCode::OK);
}

#[tokio::test]
async fn approvers_cannot_grant_permissions_they_lack() {
    let fixtures = fixtures().await;
    let member = fixtures.server.user("member", "acme").await;
    let project = create_project(&member, "Gemini").await;
    let above = insert_template(&fixtures.server, &project, "Above", "admin", 0).await;
    assert_eq!(fixtures.viewer.call("access-requests/create", json!({ "template": above })).await.0, StatusCode::OK);
    let (_, page) = member.call("templates/page", json!({ "project": project })).await;
    let id = text(&page["requests"][0]["id"]);
    let (status, error) = approve(&member, &id).await;
    assert_eq!((status, &error["message"]), (StatusCode::FORBIDDEN, &json!("Manage Credentials")));
    assert_eq!(fixtures.key_count().await, 0);
    assert_eq!(approve(&fixtures.owner, &id).await.0, StatusCode::OK);
}

#[tokio::test]
async fn only_project_managers_decide_requests() {
    let fixtures = fixtures().await;
    let member = fixtures.server.user("member", "acme").await;
    let other_organization = fixtures.server.user("owner", "globex").await;
    let id = fixtures.create_request().await;
    for (page, status) in [(&fixtures.viewer, 403), (&member, 403), (&other_organization, 404), (&fixtures.server.visitor(), 401)] {
        assert_eq!(approve(page, &id).await.0.as_u16(), status);
        assert_eq!(reject(page, &id, "").await.0.as_u16(), status);
    }
    for (function, arguments) in
        [("access-requests/create", json!({ "template": fixtures.template })), ("access-requests/cards", json!({ "project": fixtures.project }))]
    {
        assert_eq!(other_organization.call(function, arguments).await.0, StatusCode::NOT_FOUND, "{function}");
    }
    // For others, a members-only project and its templates do not exist.
    sqlx::query("update projects set visibility = 'members'").execute(&fixtures.server.database().await).await.unwrap();
    assert_eq!(fixtures.request_key(&member).await.0, StatusCode::NOT_FOUND);
    assert_eq!(fixtures.key_count().await, 0);
}

#[tokio::test]
async fn owner_can_approve_own_request_without_notification() {
    let fixtures = fixtures().await;
    assert_eq!(fixtures.request_key(&fixtures.owner).await.0, StatusCode::OK);
    let id = text(&fixtures.pending_requests().await[0]["id"]);
    assert_eq!(approve(&fixtures.owner, &id).await.0, StatusCode::OK);
    assert!(fixtures.notifications().await.is_empty());
    assert_eq!(fixtures.key_count().await, 1);
}
