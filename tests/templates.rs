//! Templates of project keys and their fields, by their server functions.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    Page, TestServer,
    projects::{issued, project, revealed, template as stored_template},
    text,
};

async fn done(page: &Page, function: &str, arguments: Value) -> Value {
    let (status, answer) = page.call(function, arguments).await;
    assert_eq!(status, StatusCode::OK, "{function}: {answer}");
    answer
}

async fn add(page: &Page, project: &str) -> Value {
    done(page, "templates/create", json!({ "project": project })).await
}

async fn desk(page: &Page, project: &str) -> Value {
    done(page, "templates/desk", json!({ "project": project })).await
}

async fn edit(page: &Page, id: &Value, which: &str, before: &str, after: &str) -> (StatusCode, Value) {
    page.call("templates/edit", json!({ "id": id, "edit": { "which": which, "before": before, "after": after } })).await
}

async fn edit_field(page: &Page, id: &Value, which: &str, before: &str, after: &str) -> (StatusCode, Value) {
    page.call("templates/edit-field", json!({ "id": id, "edit": { "which": which, "before": before, "after": after } })).await
}

async fn actions(server: &TestServer) -> Vec<String> {
    let sql = "select action from audit_events where object_kind = 'template' order by seq";
    sqlx::query_scalar(sql).fetch_all(&server.database().await).await.unwrap()
}

fn role_of(desk: &Value, name: &str) -> String {
    text(&desk["roles"].as_array().unwrap().iter().find(|role| role["name"] == name).unwrap()["id"])
}

#[tokio::test]
async fn a_template_is_made_at_once_and_edited_a_value_at_a_time() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = project(&owner, "Apollo").await;
    let made = add(&owner, &project).await;
    assert_eq!((&made["name"], &made["description"], &made["price"]), (&json!("New template"), &json!(""), &json!(0)));
    assert_eq!((&made["duration_days"], &made["fields"], &made["keys"]), (&Value::Null, &json!([]), &json!(0)));
    assert_eq!(add(&owner, &project).await["name"], "New template 2");
    let listed = desk(&owner, &project).await;
    assert_eq!(text(&made["role"]), role_of(&listed, "viewer"), "the least that sees the project");

    let id = &made["id"];
    let member = role_of(&listed, "member");
    for (which, before, after, stored) in [
        ("name", "New template", " Reader ", json!("Reader")),
        ("description", "", "Reads runs.\nNothing else.", json!("Reads runs.\nNothing else.")),
        ("role", &text(&made["role"]), &member, json!(member)),
        ("price", "0", "0,0025", json!(2500)),
        ("price", "0.0025", "0.000001", json!(1)),
        ("duration_days", "", "90 days", json!(90)),
        ("duration_days", "90", "never", Value::Null),
    ] {
        let (status, edited) = edit(&owner, id, which, before, after).await;
        assert_eq!((status, &edited[which]), (StatusCode::OK, &stored), "{which}: {edited}");
    }
    let first = desk(&owner, &project).await["templates"][0].clone();
    assert_eq!((&first["name"], &first["price"]), (&json!("Reader"), &json!(1)));
    let expected = [&["template.created"; 2][..], &["template.changed"; 7]].concat();
    assert_eq!(actions(&server).await, expected);
    // What is so already leaves no row.
    assert_eq!(edit(&owner, id, "name", "Reader", "Reader").await.0, StatusCode::OK);
    assert_eq!(actions(&server).await, expected);
}

#[tokio::test]
async fn what_cant_be_taken_is_refused_at_its_value() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = project(&owner, "Apollo").await;
    let made = add(&owner, &project).await;
    add(&owner, &project).await;
    let (long, longer) = ("a".repeat(101), "a".repeat(2001));
    let role = text(&made["role"]);
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
        let (answered, fault) = edit(&owner, &made["id"], which, before, after).await;
        assert_eq!((answered.as_u16(), &fault["field"]), (status, &json!(which)), "{which} {after:?}: {fault}");
    }
    let stands = desk(&owner, &project).await["templates"][0].clone();
    assert_eq!(stands, made, "nothing was stored");
    let (status, _) = edit(&owner, &made["id"], "colour", "", "red").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn two_editors_do_not_overwrite_each_other_unseen() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = project(&owner, "Apollo").await;
    let made = add(&owner, &project).await;
    let id = &made["id"];
    assert_eq!(edit(&owner, id, "name", "New template", "Reader").await.0, StatusCode::OK);
    let (status, fault) = edit(&owner, id, "name", "New template", "Writer").await;
    assert_eq!((status, &fault["field"]), (StatusCode::CONFLICT, &json!("name")));
    assert!(text(&fault["message"]).contains("“Reader”"), "{fault}");
    assert_eq!(edit(&owner, id, "name", "New template", "Reader").await.0, StatusCode::OK, "both want the same");
    // The other values are nobody's concern.
    assert_eq!(edit(&owner, id, "price", "0", "1").await.0, StatusCode::OK);
    assert_eq!(edit(&owner, id, "name", "Reader", "Writer").await.0, StatusCode::OK, "seen, it may be changed");

    let (first, second) = tokio::join!(edit(&owner, id, "description", "", "mine"), edit(&owner, id, "description", "", "yours"));
    let mut answers = [first.0, second.0];
    answers.sort();
    assert_eq!(answers, [StatusCode::OK, StatusCode::CONFLICT]);

    let field = done(&owner, "templates/add-field", json!({ "template": id })).await;
    assert_eq!(edit_field(&owner, &field["id"], "value", "", "7").await.0, StatusCode::OK);
    let (status, fault) = edit_field(&owner, &field["id"], "value", "", "8").await;
    assert_eq!((status, &fault["field"]), (StatusCode::CONFLICT, &json!("value")));
    assert!(text(&fault["message"]).contains("“7”"), "{fault}");
}

#[tokio::test]
async fn fields_are_added_edited_and_deleted() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = project(&owner, "Apollo").await;
    let template = add(&owner, &project).await;
    let add_field = async || done(&owner, "templates/add-field", json!({ "template": template["id"] })).await;
    let (first, second) = (add_field().await, add_field().await);
    assert_eq!((&first["name"], &second["name"]), (&json!("New field"), &json!("New field 2")));
    for (which, before, after) in [("name", "New field", "Project ID"), ("description", "", "Which one."), ("value", "", " prj_1\n2 ")] {
        assert_eq!(edit_field(&owner, &first["id"], which, before, after).await.0, StatusCode::OK, "{which}");
    }
    let stored = desk(&owner, &project).await["templates"][0]["fields"].clone();
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
        let (answered, fault) = edit_field(&owner, &second["id"], which, before, after).await;
        assert_eq!((answered.as_u16(), &fault["field"]), (status, &json!(which)), "{which} {after:?}");
    }
    assert_eq!(edit_field(&owner, &second["id"], "value", "", &"ä".repeat(2000)).await.0, StatusCode::OK);
    done(&owner, "templates/delete-field", json!({ "id": first["id"] })).await;
    assert_eq!(owner.call("templates/delete-field", json!({ "id": first["id"] })).await.0, StatusCode::NOT_FOUND);
    assert_eq!(edit_field(&owner, &first["id"], "value", "", "a").await.0, StatusCode::NOT_FOUND);
    for _ in 1..20 {
        add_field().await;
    }
    let (status, fault) = owner.call("templates/add-field", json!({ "template": template["id"] })).await;
    assert_eq!((status, &fault["field"]), (StatusCode::CONFLICT, &json!("template")));
    assert!(actions(&server).await.contains(&"template.field_deleted".to_owned()));
}

#[tokio::test]
async fn a_project_has_fifty_templates_at_most() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = project(&owner, "Apollo").await;
    for n in 0..50 {
        stored_template(&server, &project, &format!("t{n}"), "viewer", 0).await;
    }
    let (status, fault) = owner.call("templates/create", json!({ "project": project })).await;
    assert_eq!((status, &fault["field"]), (StatusCode::CONFLICT, &json!("project")));
    let any = desk(&owner, &project).await["templates"][7]["id"].clone();
    done(&owner, "templates/delete", json!({ "id": any })).await;
    add(&owner, &project).await;
}

#[tokio::test]
async fn nobody_gives_a_key_a_role_above_their_own() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let member = server.user("member", "acme").await;
    let project = project(&member, "Apollo").await;
    let made = add(&member, &project).await;
    let listed = desk(&member, &project).await;
    assert_eq!(text(&made["role"]), role_of(&listed, "viewer"));
    let may_give = |name: &str| listed["roles"].as_array().unwrap().iter().find(|role| role["name"] == name).unwrap()["may_give"].clone();
    assert_eq!(["owner", "admin", "member", "viewer"].map(may_give), [false, false, true, true]);
    let (status, fault) = edit(&member, &made["id"], "role", &text(&made["role"]), &role_of(&listed, "admin")).await;
    assert_eq!((status, &fault["message"]), (StatusCode::FORBIDDEN, &json!("Manage Credentials")));
    assert_eq!(desk(&member, &project).await["templates"][0]["role"], made["role"]);
    // The owner of the organization is in every project, and may.
    assert_eq!(edit(&owner, &made["id"], "role", &text(&made["role"]), &role_of(&listed, "admin")).await.0, StatusCode::OK);
    // What was given stays, and its author's equals may edit the rest.
    assert_eq!(edit(&member, &made["id"], "price", "0", "1").await.0, StatusCode::OK);
}

#[tokio::test]
async fn only_who_manages_the_project_reaches_its_templates() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let viewer = server.user("viewer", "acme").await;
    let member = server.user("member", "acme").await;
    let foreign = server.user("owner", "globex").await;
    let project = project(&owner, "Apollo").await;
    let template = add(&owner, &project).await;
    let field = done(&owner, "templates/add-field", json!({ "template": template["id"] })).await;
    for (function, arguments) in [
        ("templates/desk", json!({ "project": project })),
        ("templates/create", json!({ "project": project })),
        ("templates/edit", json!({ "id": template["id"], "edit": { "which": "name", "before": "New template", "after": "a" } })),
        ("templates/add-field", json!({ "template": template["id"] })),
        ("templates/edit-field", json!({ "id": field["id"], "edit": { "which": "value", "before": "", "after": "a" } })),
        ("templates/delete-field", json!({ "id": field["id"] })),
        ("templates/delete", json!({ "id": template["id"] })),
    ] {
        // A member of the organization sees the project, but manages it not.
        for (page, status) in [(&viewer, 403), (&member, 403), (&foreign, 404), (&server.visitor(), 401)] {
            assert_eq!(page.call(function, arguments.clone()).await.0.as_u16(), status, "{function}");
        }
    }
}

#[tokio::test]
async fn a_deleted_template_leaves_its_keys_alone_and_its_name_free() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let viewer = server.user("viewer", "acme").await;
    let project = project(&owner, "Apollo").await;
    let template = stored_template(&server, &project, "New template", "viewer", 2500).await;
    let key = issued(&server, template, "viewer@acme.test", None).await;
    assert_eq!(desk(&owner, &project).await["templates"][0]["keys"], 1);
    done(&owner, "templates/delete", json!({ "id": template })).await;
    for (function, arguments) in [
        ("templates/delete", json!({ "id": template })),
        ("templates/add-field", json!({ "template": template })),
        ("templates/edit", json!({ "id": template, "edit": { "which": "price", "before": "0.0025", "after": "1" } })),
    ] {
        assert_eq!(owner.call(function, arguments).await.0, StatusCode::NOT_FOUND, "{function}");
    }
    let tiles = done(&viewer, "requests/tiles", json!({ "project": project })).await;
    let tile = &tiles["tiles"][0];
    assert_eq!((&tile["is_deleted"], &tile["key"]["id"], &tile["key"]["status"]), (&json!(true), &json!(key), &json!("active")));
    assert_eq!((&tile["name"], &tile["price"], &tile["role"]), (&json!("New template"), &json!(2500), &json!("viewer")));
    assert_eq!(done(&owner, "requests/tiles", json!({ "project": project })).await["tiles"], json!([]), "to its holder alone");
    assert_eq!(add(&owner, &project).await["name"], "New template");
    assert_eq!(actions(&server).await, ["template.deleted", "template.created"]);
}

#[tokio::test]
async fn a_price_is_told_to_whoever_judges_the_keys_that_it_is_for() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let project = project(&owner, "Apollo").await;
    let template = add(&owner, &project).await;
    let database = server.database().await;
    let key = issued(&server, text(&template["id"]).parse().unwrap(), "owner@acme.test", None).await;
    revealed(&owner, key).await;
    let sql = "select count(*) from changes c join api_keys k on k.digest = c.digest where k.kind = 'project'";
    let changes = async || sqlx::query_scalar::<_, i64>(sql).fetch_one(&database).await.unwrap();
    let before = changes().await;
    assert_eq!(edit(&owner, &template["id"], "name", "New template", "Reader").await.0, StatusCode::OK);
    assert_eq!(changes().await, before, "a name judges nobody");
    assert_eq!(edit(&owner, &template["id"], "price", "0", "0.5").await.0, StatusCode::OK);
    assert_eq!(changes().await, before + 1);
    assert_eq!(edit(&owner, &template["id"], "price", "0.5", "0.50").await.0, StatusCode::OK);
    assert_eq!(changes().await, before + 1, "the same price is no change");
}
