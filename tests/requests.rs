//! Requests for project keys, by their server functions: asking, deciding, and what comes of it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    Page, TestServer,
    projects::{issued, project, template},
    text,
};

struct Desk {
    server: TestServer,
    owner: Page,
    viewer: Page,
    project: String,
    template: String,
}

/// A project that everyone sees, its owner, a viewer, and one template.
async fn desk() -> Desk {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let viewer = server.user("viewer", "acme").await;
    let project = project(&owner, "Apollo").await;
    let template = template(&server, &project, "Reader", "viewer", 2500).await.to_string();
    Desk { server, owner, viewer, project, template }
}

impl Desk {
    async fn ask(&self, page: &Page) -> (StatusCode, Value) {
        page.call("requests/ask", json!({ "template": self.template })).await
    }

    /// Lets the viewer ask. Answers the request.
    async fn asked(&self) -> String {
        let (status, answer) = self.ask(&self.viewer).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        text(&self.tile().await["waiting"]["id"])
    }

    /// The first tile, as the viewer has it.
    async fn tile(&self) -> Value {
        let (status, tiles) = self.viewer.call("requests/tiles", json!({ "project": self.project })).await;
        assert_eq!((status, &tiles["currency"]), (StatusCode::OK, &json!("USD")), "{tiles}");
        tiles["tiles"][0].clone()
    }

    async fn waiting(&self) -> Vec<Value> {
        let (status, desk) = self.owner.call("templates/desk", json!({ "project": self.project })).await;
        assert_eq!(status, StatusCode::OK, "{desk}");
        assert_eq!(desk["project"]["waiting"].as_u64(), desk["requests"].as_array().map(|all| all.len() as u64));
        desk["requests"].as_array().unwrap().clone()
    }

    async fn texts(&self, sql: &'static str) -> Vec<String> {
        sqlx::query_scalar(sql).fetch_all(&self.server.database().await).await.unwrap()
    }

    async fn actions(&self) -> Vec<String> {
        self.texts("select action from audit_events where object_kind = 'request' or action = 'key.issued' order by seq").await
    }

    /// Whom what was told, in order.
    async fn told(&self) -> Vec<String> {
        self.texts(
            "select u.email || ' ' || n.event || ' ' || n.person || ' ' || n.word from notices n join users u on u.id = n.user_id order by n.seq",
        )
        .await
    }

    async fn keys(&self) -> usize {
        self.texts("select id from api_keys where kind = 'project'").await.len()
    }
}

async fn approve(page: &Page, id: &str) -> (StatusCode, Value) {
    page.call("requests/approve", json!({ "id": id })).await
}

async fn reject(page: &Page, id: &str, word: &str) -> (StatusCode, Value) {
    page.call("requests/reject", json!({ "id": id, "word": word })).await
}

async fn withdraw(page: &Page, id: &str) -> (StatusCode, Value) {
    page.call("requests/withdraw", json!({ "id": id })).await
}

#[track_caller]
fn refused((status, fault): (StatusCode, Value), field: &str, says: &str) {
    assert_eq!((status, &fault["field"]), (StatusCode::CONFLICT, &json!(field)), "{fault}");
    assert!(text(&fault["message"]).contains(says), "{fault} does not say {says:?}");
}

#[tokio::test]
async fn a_request_is_made_approved_and_told_of() {
    let desk = desk().await;
    assert_eq!((&desk.tile().await["waiting"], &desk.tile().await["key"]), (&Value::Null, &Value::Null));
    let id = desk.asked().await;
    let waiting = desk.waiting().await;
    assert_eq!(
        (&waiting[0]["id"], &waiting[0]["user"], &waiting[0]["email"], &waiting[0]["template"]),
        (&json!(id), &json!("viewer of acme"), &json!("viewer@acme.test"), &json!("Reader"))
    );
    refused(desk.ask(&desk.viewer).await, "template", "already have a pending request");
    let sql = "insert into template_fields (id, template_id, position, name, name_folded, description, value) \
         values ('fld_00000000000070008000000000000001', $1, 1, 'Project ID', 'project id', 'Which.', 'prj')";
    sqlx::query(sql).bind(&desk.template).execute(&desk.server.database().await).await.unwrap();

    assert_eq!(approve(&desk.owner, &id).await.0, StatusCode::OK);
    let tile = desk.tile().await;
    assert_eq!((&tile["waiting"], &tile["key"]["status"], &tile["key"]["revealed_at"]), (&Value::Null, &json!("active"), &Value::Null));
    assert_eq!((&tile["key"]["expires_at"], &tile["permits"]), (&Value::Null, &json!(["view_project"])));
    assert_eq!(tile["fields"], json!([{ "name": "Project ID", "description": "Which.", "value": "prj" }]));
    assert!(desk.waiting().await.is_empty());
    refused(desk.ask(&desk.viewer).await, "template", "have a key");
    assert_eq!(desk.actions().await, ["request.created", "request.approved", "key.issued"]);
    assert_eq!(desk.told().await, ["owner@acme.test requested viewer of acme ", "viewer@acme.test approved owner of acme "]);

    // The key keeps the fields that it was granted with.
    sqlx::query("update template_fields set value = 'other'").execute(&desk.server.database().await).await.unwrap();
    assert_eq!(desk.tile().await["fields"][0]["value"], "prj");
}

#[tokio::test]
async fn a_key_ends_when_its_template_says_at_a_whole_second() {
    let desk = desk().await;
    let edit = json!({ "id": desk.template, "edit": { "which": "duration_days", "before": "", "after": "30" } });
    assert_eq!(desk.owner.call("templates/edit", edit).await.0, StatusCode::OK);
    let id = desk.asked().await;
    assert_eq!(approve(&desk.owner, &id).await.0, StatusCode::OK);
    let key = desk.tile().await["key"].clone();
    let (received, ends) = (key["received_at"].as_i64().unwrap(), key["expires_at"].as_i64().unwrap());
    let month = 30 * 86_400_000;
    assert_eq!(ends % 1000, 0);
    assert!((received + month - 999..=received + month).contains(&ends));
    // Past its end one may ask again.
    sqlx::query("update api_keys set expires_at = 1000").execute(&desk.server.database().await).await.unwrap();
    assert_eq!(desk.tile().await["key"]["status"], "expired");
    let id = desk.asked().await;
    assert_eq!(approve(&desk.owner, &id).await.0, StatusCode::OK);
    assert_eq!((desk.keys().await, &desk.tile().await["key"]["status"]), (2, &json!("active")));
}

#[tokio::test]
async fn approving_twice_issues_one_key() {
    let desk = desk().await;
    let admin = desk.server.user("admin", "acme").await;
    let id = desk.asked().await;
    let (first, second) = tokio::join!(approve(&desk.owner, &id), approve(&admin, &id));
    let (won, lost) = if first.0 == StatusCode::OK { (first, second) } else { (second, first) };
    assert_eq!(won.0, StatusCode::OK);
    refused(lost, "request", "was already approved by");
    refused(approve(&desk.owner, &id).await, "request", "was already approved by");
    refused(reject(&desk.owner, &id, "").await, "request", "was already approved by");
    assert_eq!(desk.keys().await, 1);
    assert_eq!(desk.actions().await, ["request.created", "request.approved", "key.issued"]);
}

#[tokio::test]
async fn asking_twice_at_once_makes_one_request() {
    let desk = desk().await;
    let (first, second) = tokio::join!(desk.ask(&desk.viewer), desk.ask(&desk.viewer));
    let mut answers = [first.0, second.0];
    answers.sort();
    assert_eq!(answers, [StatusCode::OK, StatusCode::CONFLICT]);
    assert_eq!(desk.waiting().await.len(), 1);
}

#[tokio::test]
async fn asking_again_and_again_has_an_end() {
    let desk = desk().await;
    for _ in 0..10 {
        let id = desk.asked().await;
        assert_eq!(withdraw(&desk.viewer, &id).await.0, StatusCode::OK);
    }
    let (status, fault) = desk.ask(&desk.viewer).await;
    assert_eq!((status, &fault["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("throttled")), "{fault}");
    let told = desk.told().await.len();
    // An hour later, or for another template, it is a request like any other.
    let sql = "update key_requests set requested_at = requested_at - 3600000";
    sqlx::query(sql).execute(&desk.server.database().await).await.unwrap();
    desk.asked().await;
    assert_eq!(desk.told().await.len(), told + 1);
}

#[tokio::test]
async fn requests_reach_those_who_manage_members_when_nobody_manages_the_project() {
    let desk = desk().await;
    let member = desk.server.user("member", "acme").await;
    let lonely = project(&member, "Lonely").await;
    let by = template(&desk.server, &lonely, "Reader", "viewer", 0).await;
    let sql = "update users set disabled_at = 1 where email = 'member@acme.test'";
    sqlx::query(sql).execute(&desk.server.database().await).await.unwrap();
    let (status, answer) = desk.viewer.call("requests/ask", json!({ "template": by })).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(desk.told().await, ["owner@acme.test requested viewer of acme "]);
}

#[tokio::test]
async fn a_rejection_is_told_with_its_word_and_one_may_ask_again() {
    let desk = desk().await;
    let id = desk.asked().await;
    let (status, fault) = reject(&desk.owner, &id, &"a".repeat(501)).await;
    assert_eq!((status, &fault["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("word")));
    let (status, fault) = reject(&desk.owner, &id, "a\u{202E}b").await;
    assert_eq!((status, &fault["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("word")));
    assert_eq!(desk.waiting().await.len(), 1, "nothing was decided");
    assert_eq!(reject(&desk.owner, &id, " Not before May. ").await.0, StatusCode::OK);
    let tile = desk.tile().await;
    assert_eq!((&tile["rejected"]["word"], &tile["rejected"]["by"]), (&json!("Not before May."), &json!("owner of acme")));
    assert_eq!((&tile["key"], &tile["waiting"]), (&Value::Null, &Value::Null));
    refused(approve(&desk.owner, &id).await, "request", "was already rejected by owner of acme");
    assert_eq!(desk.told().await.last().unwrap(), "viewer@acme.test rejected owner of acme Not before May.");
    desk.asked().await;
    assert_eq!(desk.tile().await["rejected"], Value::Null, "what was said before is over");
    assert_eq!(desk.keys().await, 0);
}

#[tokio::test]
async fn a_request_that_was_withdrawn_is_not_decided() {
    let desk = desk().await;
    let id = desk.asked().await;
    assert_eq!(withdraw(&desk.owner, &id).await.0, StatusCode::NOT_FOUND, "it is another's");
    assert_eq!(withdraw(&desk.viewer, &id).await.0, StatusCode::OK);
    refused(withdraw(&desk.viewer, &id).await, "request", "withdrew this request");
    refused(approve(&desk.owner, &id).await, "request", "withdrew this request");
    refused(reject(&desk.owner, &id, "").await, "request", "withdrew this request");
    assert_eq!((desk.keys().await, desk.waiting().await.len()), (0, 0));
    assert_eq!(desk.actions().await, ["request.created", "request.withdrawn"]);
    assert_eq!(desk.told().await, ["owner@acme.test requested viewer of acme ", "owner@acme.test withdrawn viewer of acme "]);
    let again = desk.asked().await;
    assert_eq!(approve(&desk.owner, &again).await.0, StatusCode::OK);
    refused(withdraw(&desk.viewer, &again).await, "request", "was already approved by owner of acme");
}

#[tokio::test]
async fn a_template_that_is_gone_closes_what_was_asked_for() {
    let desk = desk().await;
    let id = desk.asked().await;
    assert_eq!(desk.owner.call("templates/delete", json!({ "id": desk.template })).await.0, StatusCode::OK);
    refused(approve(&desk.owner, &id).await, "request", "template was deleted");
    refused(withdraw(&desk.viewer, &id).await, "request", "template was deleted");
    refused(desk.ask(&desk.viewer).await, "template", "was deleted");
    assert_eq!(desk.texts("select state from key_requests where open_by is null").await, ["closed"]);
    assert_eq!(desk.actions().await, ["request.created", "request.closed"]);
    assert_eq!(desk.told().await.last().unwrap(), "viewer@acme.test closed owner of acme ");
    assert_eq!(desk.keys().await, 0);
    let unknown = json!({ "template": "tpl_00000000000070008000000000000000" });
    assert_eq!(desk.viewer.call("requests/ask", unknown).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nobody_is_given_a_key_who_may_not_come_in_or_see_the_project() {
    let desk = desk().await;
    let id = desk.asked().await;
    let database = desk.server.database().await;
    sqlx::query("update users set disabled_at = 1 where email = 'viewer@acme.test'").execute(&database).await.unwrap();
    refused(approve(&desk.owner, &id).await, "request", "can no longer sign in");
    sqlx::query("update users set disabled_at = null").execute(&database).await.unwrap();
    sqlx::query("update projects set visibility = 'members'").execute(&database).await.unwrap();
    refused(approve(&desk.owner, &id).await, "request", "no longer has access to this project");
    sqlx::query("update projects set visibility = 'organization'").execute(&database).await.unwrap();
    issued(&desk.server, desk.template.parse().unwrap(), "viewer@acme.test", None).await;
    refused(approve(&desk.owner, &id).await, "request", "already has a key from this template");
    assert_eq!(desk.waiting().await.len(), 1, "it still waits");
    sqlx::query("update api_keys set revoked_at = 1 where kind = 'project'").execute(&database).await.unwrap();
    assert_eq!(approve(&desk.owner, &id).await.0, StatusCode::OK);
}

#[tokio::test]
async fn nobody_grants_what_they_may_not_do_themselves() {
    let desk = desk().await;
    let member = desk.server.user("member", "acme").await;
    let project = project(&member, "Gemini").await;
    let above = template(&desk.server, &project, "Above", "admin", 0).await;
    assert_eq!(desk.viewer.call("requests/ask", json!({ "template": above })).await.0, StatusCode::OK);
    let (_, told) = member.call("templates/desk", json!({ "project": project })).await;
    let id = text(&told["requests"][0]["id"]);
    let (status, fault) = approve(&member, &id).await;
    assert_eq!((status, &fault["message"]), (StatusCode::FORBIDDEN, &json!("Manage Credentials")));
    assert_eq!(desk.keys().await, 0);
    assert_eq!(approve(&desk.owner, &id).await.0, StatusCode::OK);
}

#[tokio::test]
async fn those_who_decide_are_who_manages_the_project() {
    let desk = desk().await;
    let member = desk.server.user("member", "acme").await;
    let foreign = desk.server.user("owner", "globex").await;
    let id = desk.asked().await;
    for (page, status) in [(&desk.viewer, 403), (&member, 403), (&foreign, 404), (&desk.server.visitor(), 401)] {
        assert_eq!(approve(page, &id).await.0.as_u16(), status);
        assert_eq!(reject(page, &id, "").await.0.as_u16(), status);
    }
    for (function, arguments) in [("requests/ask", json!({ "template": desk.template })), ("requests/tiles", json!({ "project": desk.project }))] {
        assert_eq!(foreign.call(function, arguments).await.0, StatusCode::NOT_FOUND, "{function}");
    }
    // A project of its members' alone is not there for others, nor are its templates.
    sqlx::query("update projects set visibility = 'members'").execute(&desk.server.database().await).await.unwrap();
    assert_eq!(desk.ask(&member).await.0, StatusCode::NOT_FOUND);
    assert_eq!(desk.keys().await, 0);
}

#[tokio::test]
async fn an_owner_may_ask_and_grant_themselves_and_is_told_nothing() {
    let desk = desk().await;
    assert_eq!(desk.ask(&desk.owner).await.0, StatusCode::OK);
    let id = text(&desk.waiting().await[0]["id"]);
    assert_eq!(approve(&desk.owner, &id).await.0, StatusCode::OK);
    assert!(desk.told().await.is_empty());
    assert_eq!(desk.keys().await, 1);
}
