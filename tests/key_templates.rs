//! Server functions of key templates and their fields.

use latchkey_store::verdict_changes::VerdictChange;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    BrowserClient, TestServer,
    projects::{create_project, insert_issued_key, insert_template, reveal_token},
    text,
};

async fn call(page: &BrowserClient, function: &str, arguments: Value) -> Value {
    let (status, body) = page.call(function, arguments).await;
    assert_eq!(status, StatusCode::OK, "{function}: {body}");
    body
}

async fn create_template(page: &BrowserClient, project: &str) -> Value {
    call(page, "templates/create", json!({ "project": project })).await
}

async fn templates_page(page: &BrowserClient, project: &str) -> Value {
    call(page, "templates/page", json!({ "project": project })).await
}

async fn edit(page: &BrowserClient, id: &Value, which: &str, before: &str, after: &str) -> (StatusCode, Value) {
    page.call("templates/edit", json!({ "id": id, "edit": { "which": which, "before": before, "after": after } })).await
}

async fn edit_field(page: &BrowserClient, id: &Value, which: &str, before: &str, after: &str) -> (StatusCode, Value) {
    page.call("templates/edit-field", json!({ "id": id, "edit": { "which": which, "before": before, "after": after } })).await
}

async fn actions(server: &TestServer) -> Vec<String> {
    let sql = "select action from audit_events where object_kind = 'template' order by seq";
    sqlx::query_scalar(sql).fetch_all(&server.database().await).await.unwrap()
}

fn role_id(page_data: &Value, name: &str) -> String {
    text(&page_data["roles"].as_array().unwrap().iter().find(|role| role["name"] == name).unwrap()["id"])
}

#[tokio::test]
async fn template_is_created_with_defaults_and_edited_by_value() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = create_project(&owner, "Apollo").await;
    let created = create_template(&owner, &project).await;
    assert_eq!((&created["name"], &created["description"], &created["price"]), (&json!("New template"), &json!(""), &json!(0)));
    assert_eq!((&created["duration_days"], &created["fields"], &created["keys"]), (&Value::Null, &json!([]), &json!(0)));
    assert_eq!(create_template(&owner, &project).await["name"], "New template 2");
    let listed = templates_page(&owner, &project).await;
    assert_eq!(text(&created["role"]), role_id(&listed, "viewer"), "the lowest role that sees the project");

    let id = &created["id"];
    let member = role_id(&listed, "member");
    for (which, before, after, stored) in [
        ("name", "New template", " Reader ", json!("Reader")),
        ("description", "", "Reads runs.\nNothing else.", json!("Reads runs.\nNothing else.")),
        ("role", &text(&created["role"]), &member, json!(member)),
        ("price", "0", "0,0025", json!(2500)),
        ("price", "0.0025", "0.000001", json!(1)),
        ("duration_days", "", "90 days", json!(90)),
        ("duration_days", "90", "never", Value::Null),
    ] {
        let (status, edited) = edit(&owner, id, which, before, after).await;
        assert_eq!((status, &edited[which]), (StatusCode::OK, &stored), "{which}: {edited}");
    }
    let first = templates_page(&owner, &project).await["templates"][0].clone();
    assert_eq!((&first["name"], &first["price"]), (&json!("Reader"), &json!(1)));
    let expected = [&["template.created"; 2][..], &["template.changed"; 7]].concat();
    assert_eq!(actions(&server).await, expected);
    // An unchanged value records no audit event.
    assert_eq!(edit(&owner, id, "name", "Reader", "Reader").await.0, StatusCode::OK);
    assert_eq!(actions(&server).await, expected);
}

#[tokio::test]
async fn draft_is_offered_once_its_name_is_saved() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let viewer = server.user("viewer", "acme").await;
    let project = create_project(&owner, "Apollo").await;
    let created = create_template(&owner, &project).await;
    let request = json!({ "template": created["id"] });
    let cards = async |page: &BrowserClient| call(page, "access-requests/cards", json!({ "project": project })).await["tiles"].clone();
    assert_eq!(created["is_draft"], true);
    assert_eq!(edit(&owner, &created["id"], "price", "0", "1").await.1["is_draft"], true, "another value does not publish it");
    assert_eq!((cards(&viewer).await, cards(&owner).await), (json!([]), json!([])));
    assert_eq!(viewer.call("access-requests/create", request.clone()).await.0, StatusCode::NOT_FOUND);

    // The same name counts as well.
    assert_eq!(edit(&owner, &created["id"], "name", "New template", "New template").await.1["is_draft"], false);
    assert_eq!(cards(&viewer).await[0]["name"], "New template");
    assert_eq!(viewer.call("access-requests/create", request).await.0, StatusCode::OK);
    assert_eq!(actions(&server).await, ["template.created", "template.changed", "template.changed"]);
}

#[tokio::test]
async fn standard_fields_are_added_once() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = create_project(&owner, "Apollo").await;
    let template = create_template(&owner, &project).await;
    let add = async |field: &str| owner.call("templates/add-field", json!({ "template": template["id"], "standard": field })).await;
    for (field, name, value) in
        [("project_id", "Project ID", project.as_str()), ("input_node_id", "Input Node ID", ""), ("output_node_id", "Output Node ID", "")]
    {
        let (status, added) = add(field).await;
        assert_eq!((status, &added["name"], &added["value"]), (StatusCode::OK, &json!(name), &json!(value)));
        let (status, error) = add(field).await;
        assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("name")));
    }
    assert_eq!(add("colour").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn invalid_values_are_rejected_with_their_field() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = create_project(&owner, "Apollo").await;
    let created = create_template(&owner, &project).await;
    create_template(&owner, &project).await;
    let (long, longer) = ("a".repeat(101), "a".repeat(2001));
    let role = text(&created["role"]);
    for (which, before, after, status) in [
        ("name", "New template", "", 422),
        ("name", "New template", long.as_str(), 422),
        ("name", "New template", "a\u{202E}b", 422),
        ("name", "New template", "NEW TEMPLATE 2", 409),
        ("description", "", longer.as_str(), 422),
        ("price", "0", "-1", 422),
        ("price", "0", "-0.5", 422),
        ("price", "0", "0.0000001", 422),
        ("price", "0", "1e3", 422),
        ("price", "0", "", 422),
        ("price", "0", "1000.000001", 422),
        ("duration_days", "", "0", 422),
        ("duration_days", "", "-1", 422),
        ("duration_days", "", "1.5", 422),
        ("duration_days", "", "3651", 422),
        ("role", &role, "rol_00000000000070008000000000000000", 422),
        ("role", &role, "owner", 422),
    ] {
        let (actual, error) = edit(&owner, &created["id"], which, before, after).await;
        assert_eq!((actual.as_u16(), &error["field"]), (status, &json!(which)), "{which} {after:?}: {error}");
    }
    let stored = templates_page(&owner, &project).await["templates"][0].clone();
    assert_eq!(stored, created, "nothing was stored");
    let (status, _) = edit(&owner, &created["id"], "colour", "", "red").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn concurrent_edits_do_not_overwrite_each_other() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = create_project(&owner, "Apollo").await;
    let created = create_template(&owner, &project).await;
    let id = &created["id"];
    assert_eq!(edit(&owner, id, "name", "New template", "Reader").await.0, StatusCode::OK);
    let (status, error) = edit(&owner, id, "name", "New template", "Writer").await;
    assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("name")));
    assert!(text(&error["message"]).contains("“Reader”"), "{error}");
    assert_eq!(edit(&owner, id, "name", "New template", "Reader").await.0, StatusCode::OK, "the same edit twice is no conflict");
    // Other values are not affected.
    assert_eq!(edit(&owner, id, "price", "0", "1").await.0, StatusCode::OK);
    assert_eq!(edit(&owner, id, "name", "Reader", "Writer").await.0, StatusCode::OK, "an edit of the current value succeeds");

    let (first, second) = tokio::join!(edit(&owner, id, "description", "", "mine"), edit(&owner, id, "description", "", "yours"));
    let mut statuses = [first.0, second.0];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::CONFLICT]);

    let field = call(&owner, "templates/add-field", json!({ "template": id })).await;
    assert_eq!(edit_field(&owner, &field["id"], "value", "", "7").await.0, StatusCode::OK);
    let (status, error) = edit_field(&owner, &field["id"], "value", "", "8").await;
    assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("value")));
    assert!(text(&error["message"]).contains("“7”"), "{error}");
}

#[tokio::test]
async fn fields_are_added_edited_and_deleted() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = create_project(&owner, "Apollo").await;
    let template = create_template(&owner, &project).await;
    let add_field = async || call(&owner, "templates/add-field", json!({ "template": template["id"] })).await;
    let (first, second) = (add_field().await, add_field().await);
    assert_eq!((&first["name"], &second["name"]), (&json!("New field"), &json!("New field 2")));
    for (which, before, after) in [("name", "New field", "Project ID"), ("description", "", "Which one."), ("value", "", " prj_1\n2 ")] {
        assert_eq!(edit_field(&owner, &first["id"], which, before, after).await.0, StatusCode::OK, "{which}");
    }
    let stored = templates_page(&owner, &project).await["templates"][0]["fields"].clone();
    assert_eq!(
        (&stored[0]["name"], &stored[0]["description"], &stored[0]["value"]),
        (&json!("Project ID"), &json!("Which one."), &json!("prj_1\n2"))
    );
    let longer = "a".repeat(2001);
    for (which, after, status) in [
        ("name", "", 422),
        ("name", "PROJECT id", 409),
        ("name", "a\nb", 422),
        ("description", &longer, 422),
        ("value", &longer, 422),
        ("value", "\u{0}", 422),
    ] {
        let before = if which == "name" { "New field 2" } else { "" };
        let (actual, error) = edit_field(&owner, &second["id"], which, before, after).await;
        assert_eq!((actual.as_u16(), &error["field"]), (status, &json!(which)), "{which} {after:?}");
    }
    assert_eq!(edit_field(&owner, &second["id"], "value", "", &"ä".repeat(2000)).await.0, StatusCode::OK);
    call(&owner, "templates/delete-field", json!({ "id": first["id"] })).await;
    assert_eq!(owner.call("templates/delete-field", json!({ "id": first["id"] })).await.0, StatusCode::NOT_FOUND);
    assert_eq!(edit_field(&owner, &first["id"], "value", "", "a").await.0, StatusCode::NOT_FOUND);
    for _ in 1..20 {
        add_field().await;
    }
    let (status, error) = owner.call("templates/add-field", json!({ "template": template["id"] })).await;
    assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("template")));
    assert!(actions(&server).await.contains(&"template.field_deleted".to_owned()));
}

#[tokio::test]
async fn project_has_at_most_fifty_templates() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = create_project(&owner, "Apollo").await;
    for n in 0..50 {
        insert_template(&server, &project, &format!("t{n}"), "viewer", 0).await;
    }
    let (status, error) = owner.call("templates/create", json!({ "project": project })).await;
    assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("project")));
    let any = templates_page(&owner, &project).await["templates"][7]["id"].clone();
    call(&owner, "templates/delete", json!({ "id": any })).await;
    create_template(&owner, &project).await;
}

#[tokio::test]
async fn template_role_cannot_exceed_ones_own() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let member = server.user("member", "acme").await;
    let project = create_project(&member, "Apollo").await;
    let created = create_template(&member, &project).await;
    let listed = templates_page(&member, &project).await;
    assert_eq!(text(&created["role"]), role_id(&listed, "viewer"));
    let can_grant = |name: &str| listed["roles"].as_array().unwrap().iter().find(|role| role["name"] == name).unwrap()["can_grant"].clone();
    assert_eq!(["owner", "admin", "member", "viewer"].map(can_grant), [false, false, true, true]);
    let (status, error) = edit(&member, &created["id"], "role", &text(&created["role"]), &role_id(&listed, "admin")).await;
    assert_eq!((status, &error["message"]), (StatusCode::FORBIDDEN, &json!("Manage Credentials")));
    assert_eq!(templates_page(&member, &project).await["templates"][0]["role"], created["role"]);
    // The owner of the organization has access to every project and can grant this role.
    assert_eq!(edit(&owner, &created["id"], "role", &text(&created["role"]), &role_id(&listed, "admin")).await.0, StatusCode::OK);
    // The granted role stays, and a member can still edit the other values.
    assert_eq!(edit(&member, &created["id"], "price", "0", "1").await.0, StatusCode::OK);
}

#[tokio::test]
async fn only_project_managers_access_its_templates() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let viewer = server.user("viewer", "acme").await;
    let member = server.user("member", "acme").await;
    let other_organization = server.user("owner", "globex").await;
    let project = create_project(&owner, "Apollo").await;
    let template = create_template(&owner, &project).await;
    let field = call(&owner, "templates/add-field", json!({ "template": template["id"] })).await;
    for (function, arguments) in [
        ("templates/page", json!({ "project": project })),
        ("templates/create", json!({ "project": project })),
        ("templates/edit", json!({ "id": template["id"], "edit": { "which": "name", "before": "New template", "after": "a" } })),
        ("templates/add-field", json!({ "template": template["id"] })),
        ("templates/edit-field", json!({ "id": field["id"], "edit": { "which": "value", "before": "", "after": "a" } })),
        ("templates/delete-field", json!({ "id": field["id"] })),
        ("templates/delete", json!({ "id": template["id"] })),
    ] {
        // A member of the organization sees the project but cannot manage it.
        for (page, status) in [(&viewer, 403), (&member, 403), (&other_organization, 404), (&server.visitor(), 401)] {
            assert_eq!(page.call(function, arguments.clone()).await.0.as_u16(), status, "{function}");
        }
    }
}

#[tokio::test]
async fn deleted_template_keeps_its_keys_and_frees_its_name() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let viewer = server.user("viewer", "acme").await;
    let project = create_project(&owner, "Apollo").await;
    let template = insert_template(&server, &project, "New template", "viewer", 2500).await;
    let key = insert_issued_key(&server, template, "viewer@acme.test", None).await;
    assert_eq!(templates_page(&owner, &project).await["templates"][0]["keys"], 1);
    call(&owner, "templates/delete", json!({ "id": template })).await;
    for (function, arguments) in [
        ("templates/delete", json!({ "id": template })),
        ("templates/add-field", json!({ "template": template })),
        ("templates/edit", json!({ "id": template, "edit": { "which": "price", "before": "0.0025", "after": "1" } })),
    ] {
        assert_eq!(owner.call(function, arguments).await.0, StatusCode::NOT_FOUND, "{function}");
    }
    let tiles = call(&viewer, "access-requests/cards", json!({ "project": project })).await;
    let tile = &tiles["tiles"][0];
    assert_eq!((&tile["is_deleted"], &tile["key"]["id"], &tile["key"]["status"]), (&json!(true), &json!(key), &json!("active")));
    assert_eq!((&tile["name"], &tile["price"], &tile["role"]), (&json!("New template"), &json!(2500), &json!("viewer")));
    assert_eq!(call(&owner, "access-requests/cards", json!({ "project": project })).await["tiles"], json!([]), "shown only to its holder");
    assert_eq!(create_template(&owner, &project).await["name"], "New template");
    assert_eq!(actions(&server).await, ["template.deleted", "template.created"]);
}

#[tokio::test]
async fn price_change_invalidates_cached_keys() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = create_project(&owner, "Apollo").await;
    let template = create_template(&owner, &project).await;
    let database = server.database().await;
    let key = insert_issued_key(&server, text(&template["id"]).parse().unwrap(), "owner@acme.test", None).await;
    reveal_token(&owner, key).await;
    let digest: Vec<u8> = sqlx::query_scalar("select digest from api_keys where kind = 'project'").fetch_one(&database).await.unwrap();
    let change = VerdictChange::Key(digest).to_string();
    let sql = "select count(*) from verdict_changes where change = $1";
    let changes = async || sqlx::query_scalar::<_, i64>(sql).bind(&change).fetch_one(&database).await.unwrap();
    let before = changes().await;
    assert_eq!(edit(&owner, &template["id"], "name", "New template", "Reader").await.0, StatusCode::OK);
    assert_eq!(changes().await, before, "a name does not affect verdicts");
    assert_eq!(edit(&owner, &template["id"], "price", "0", "0.5").await.0, StatusCode::OK);
    assert_eq!(changes().await, before + 1);
    assert_eq!(edit(&owner, &template["id"], "price", "0.5", "0.50").await.0, StatusCode::OK);
    assert_eq!(changes().await, before + 1, "the same price is no change");
}
