//! Projects: visibility, members, nodes and secrets.

use latchkey_store as store;
use latchkey_types::time::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    BrowserClient, TestServer,
    projects::{create_project, insert_issued_key, insert_template},
    text,
};

async fn create(owner: &BrowserClient, name: &str, visibility: &str) -> String {
    let request = json!({ "request": { "name": name, "description": "Test project", "visibility": visibility } });
    let (status, created) = owner.call("projects/create", request).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    text(&created["id"])
}

async fn call(page: &BrowserClient, function: &str, arguments: Value) -> Value {
    let (status, response) = page.call(function, arguments).await;
    assert_eq!(status, StatusCode::OK, "{function}: {response}");
    response
}

/// Asserts that a call fails with this status and field; the field is empty for other errors. Returns the message.
async fn assert_rejected(page: &BrowserClient, function: &str, arguments: Value, status: u16, field: &str) -> String {
    let (actual, error) = page.call(function, arguments).await;
    assert_eq!((actual.as_u16(), error["field"].as_str().unwrap_or_default()), (status, field), "{function}: {error}");
    error["message"].as_str().unwrap_or_default().to_owned()
}

/// The ids that a manager can choose from: users by email address, roles by name.
async fn choices(manager: &BrowserClient, project: &str) -> (Value, Value) {
    let belongings = call(manager, "projects/resources", json!({ "id": project })).await;
    let index_by =
        |list: &Value, id: &str, name: &str| list.as_array().unwrap().iter().map(|item| (text(&item[name]), item[id].clone())).collect::<Value>();
    (index_by(&belongings["managed"]["candidates"], "user", "email"), index_by(&belongings["managed"]["roles"], "id", "name"))
}

async fn actions(server: &TestServer, object: &str) -> Vec<String> {
    let sql = "select action from audit_events where object_id = $1 order by seq";
    sqlx::query_scalar(sql).bind(object).fetch_all(&server.database().await).await.unwrap()
}

#[tokio::test]
async fn visibility_decides_who_sees_a_project() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let (admin, member, viewer) = (server.user("admin", "acme").await, server.user("member", "acme").await, server.user("viewer", "acme").await);
    let other_organization = server.user("owner", "globex").await;
    let hidden = create(&member, "Hidden", "members").await;
    let open = create(&owner, "Open", "organization").await;
    let names = async |page: &BrowserClient| {
        let list = call(page, "projects/list", json!({})).await;
        list.as_array().unwrap().iter().map(|project| text(&project["name"])).collect::<Vec<_>>()
    };
    assert_eq!(names(&member).await, ["Hidden", "Open"]);
    assert_eq!(names(&viewer).await, ["Open"]);
    assert_eq!(names(&owner).await, ["Hidden", "Open"], "managing members gives access to every project");
    assert_eq!(names(&admin).await, ["Hidden", "Open"]);
    assert!(names(&other_organization).await.is_empty());

    // For others, a members-only project does not exist. The same is true of its page.
    for page in [&viewer, &other_organization] {
        assert_rejected(page, "projects/get", json!({ "id": hidden }), 404, "").await;
        assert_rejected(page, "projects/resources", json!({ "id": hidden }), 404, "").await;
        let response = page.get(&format!("/projects/{hidden}")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert!(response.text().await.unwrap().contains("Project not found"));
    }
    assert_eq!(viewer.get("/projects/none").send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(viewer.get(&format!("/projects/{open}")).send().await.unwrap().status(), StatusCode::OK);

    // Seeing a project or managing another one does not allow changing it.
    let request = json!({ "id": open, "request": { "name": "Mine", "description": "", "visibility": "members" } });
    assert_rejected(&viewer, "projects/edit", request.clone(), 403, "").await;
    assert_rejected(&member, "projects/edit", request.clone(), 403, "").await;
    let belongings = call(&viewer, "projects/resources", json!({ "id": open })).await;
    assert!(belongings["managed"].is_null() && belongings["members"][0]["email"].is_null(), "{belongings}");
    assert_eq!(belongings["members"][0]["name"], "owner of acme");

    // Its manager can change it. An empty or taken name is rejected and changes nothing.
    let with_name = |name: &str| json!({ "id": open, "request": { "name": name, "description": "", "visibility": "members" } });
    assert_rejected(&owner, "projects/edit", with_name(" "), 422, "name").await;
    assert_rejected(&owner, "projects/edit", with_name("HIDDEN"), 409, "name").await;
    assert_eq!(names(&viewer).await, ["Open"]);
    assert_eq!(call(&owner, "projects/edit", request).await["name"], "Mine");
    assert!(names(&viewer).await.is_empty());
    assert_eq!(actions(&server, &open).await, ["project.created", "project.edited"]);
}

#[tokio::test]
async fn edits_of_other_values_do_not_overwrite_each_other() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let id = create(&owner, "Reads", "members").await;
    let values = |name: &str, description: &str, visibility: &str| json!({ "name": name, "description": description, "visibility": visibility });
    let edit = |before: Value, request: Value| json!({ "id": id, "before": before, "request": request });
    // Both editors displayed the same values.
    let displayed = || values("Reads", "Test project", "members");
    call(&owner, "projects/edit", edit(displayed(), values("Sequencer reads", "Test project", "members"))).await;
    let edited = call(&owner, "projects/edit", edit(displayed(), values("Reads", "Daily.", "organization"))).await;
    assert_eq!(
        (&edited["name"], &edited["description"], &edited["visibility"]),
        (&json!("Sequencer reads"), &json!("Daily."), &json!("organization"))
    );
    assert_rejected(&owner, "projects/edit", edit(displayed(), values("Mine", "Test project", "members")), 409, "name").await;
    assert_rejected(&owner, "projects/edit", edit(displayed(), values("Reads", "Weekly.", "members")), 409, "description").await;
    assert_eq!(call(&owner, "projects/get", json!({ "id": id })).await["description"], "Daily.");
}

#[tokio::test]
async fn project_keeps_at_least_one_manager() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let (member, viewer) = (server.user("member", "acme").await, server.user("viewer", "acme").await);
    let id = create(&member, "Reads", "members").await;
    let (users, roles) = choices(&member, &id).await;
    assert!(
        roles.get("member").is_some() && roles.get("viewer").is_some() && roles.get("owner").is_none(),
        "roles above one's own are not offered: {roles}"
    );
    let me = call(&member, "projects/resources", json!({ "id": id })).await["members"][0]["user"].clone();
    assert!(users.get("member@acme.test").is_none(), "a member is not a candidate");

    let last = assert_rejected(&member, "projects/remove-member", json!({ "id": id, "user": me }), 409, "member").await;
    assert!(last.contains("last"), "{last}");
    assert_rejected(&member, "projects/set-member-role", json!({ "id": id, "user": me, "role": roles["viewer"] }), 409, "member").await;

    // A viewer of the organization cannot manage a project, whatever their project role.
    let (viewer_id, owner_id) = (&users["viewer@acme.test"], &users["owner@acme.test"]);
    call(&member, "projects/add-member", json!({ "id": id, "user": viewer_id, "role": roles["member"] })).await;
    assert_rejected(&member, "projects/remove-member", json!({ "id": id, "user": me }), 409, "member").await;
    assert_eq!(call(&viewer, "projects/get", json!({ "id": id })).await["permissions"], json!(["view_project"]));
    assert_rejected(&viewer, "projects/add-member", json!({ "id": id, "user": owner_id, "role": roles["viewer"] }), 403, "").await;
    assert_rejected(&member, "projects/add-member", json!({ "id": id, "user": viewer_id, "role": roles["viewer"] }), 409, "user").await;

    // A member can neither grant nor remove the owner role.
    let (_, all) = choices(&owner, &id).await;
    assert_rejected(&member, "projects/add-member", json!({ "id": id, "user": owner_id, "role": all["owner"] }), 403, "").await;
    call(&owner, "projects/add-member", json!({ "id": id, "user": owner_id, "role": all["owner"] })).await;
    assert_rejected(&member, "projects/remove-member", json!({ "id": id, "user": owner_id }), 403, "").await;
    assert_rejected(&member, "projects/set-member-role", json!({ "id": id, "user": owner_id, "role": roles["viewer"] }), 403, "").await;

    // Once there is another manager, the first can leave.
    call(&member, "projects/remove-member", json!({ "id": id, "user": me })).await;
    assert_rejected(&member, "projects/get", json!({ "id": id }), 404, "").await;
    assert_rejected(&owner, "projects/remove-member", json!({ "id": id, "user": owner_id }), 409, "member").await;
    call(&owner, "projects/remove-member", json!({ "id": id, "user": viewer_id })).await;
    assert_rejected(&owner, "projects/remove-member", json!({ "id": id, "user": viewer_id }), 404, "").await;
}

#[tokio::test]
async fn joining_a_project_never_reduces_access() {
    let server = TestServer::start().await;
    let (owner, member) = (server.user("owner", "acme").await, server.user("member", "acme").await);
    let viewer = server.user("viewer", "acme").await;
    let (hidden, open) = (create(&member, "Hidden", "members").await, create(&member, "Open", "organization").await);
    let blind = call(&owner, "roles/create", json!({ "name": "blind", "permissions": [] })).await["id"].clone();
    let (users, roles) = choices(&member, &hidden).await;
    call(&member, "projects/add-member", json!({ "id": hidden, "user": users["owner@acme.test"], "role": roles["viewer"] })).await;
    let request = json!({ "name": "Hidden", "description": "by the owner", "visibility": "members" });
    call(&owner, "projects/edit", json!({ "id": hidden, "request": request })).await;
    call(&member, "projects/add-member", json!({ "id": open, "user": users["viewer@acme.test"], "role": blind })).await;
    assert_eq!(call(&viewer, "projects/get", json!({ "id": open })).await["permissions"], json!(["view_project"]));
}

#[tokio::test]
async fn node_numbers_are_never_reused() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let (id, other) = (create_project(&owner, "Reads").await, create_project(&owner, "Other").await);
    let add = async |project: &str, name: &str| call(&owner, "projects/create-node", json!({ "id": project, "name": name })).await["id"].clone();
    assert_eq!((add(&id, "Input").await, add(&id, "Output").await, add(&other, "Input").await), (json!(1), json!(2), json!(1)));
    assert_rejected(&owner, "projects/create-node", json!({ "id": id, "name": "INPUT" }), 409, "name").await;
    assert_rejected(&owner, "projects/create-node", json!({ "id": id, "name": "" }), 422, "name").await;
    assert_rejected(&owner, "projects/rename-node", json!({ "id": id, "node": 1, "name": "output" }), 409, "name").await;
    call(&owner, "projects/rename-node", json!({ "id": id, "node": 1, "name": "input" })).await;
    call(&owner, "projects/delete-node", json!({ "id": id, "node": 2 })).await;
    assert_eq!(add(&id, "Output").await, 3);
    assert_rejected(&owner, "projects/delete-node", json!({ "id": id, "node": 2 }), 404, "").await;
    assert_rejected(&owner, "projects/rename-node", json!({ "id": other, "node": 3, "name": "x" }), 404, "").await;
    let nodes = call(&owner, "projects/resources", json!({ "id": id })).await["nodes"].clone();
    let listed: Vec<_> = nodes.as_array().unwrap().iter().map(|node| (node["id"].as_i64().unwrap(), text(&node["name"]))).collect();
    assert_eq!(listed, [(1, "input".to_owned()), (3, "Output".to_owned())]);
}

#[tokio::test]
async fn project_secrets_are_readable_only_through_the_api() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    server.user("member", "acme").await;
    server.user("viewer", "acme").await;
    let id = create(&owner, "Reads", "organization").await;
    let store = |name: &str, value: &str| json!({ "id": id, "name": name, "value": value });
    let created = call(&owner, "projects/create-secret", store("API_TOKEN", " s3cr\u{e9}t with blanks ")).await;
    assert_rejected(&owner, "projects/create-secret", store("api_token", "other"), 409, "name").await;
    for invalid in ["", "9a", "a-b", "a b", "é", &"a".repeat(101)] {
        assert_rejected(&owner, "projects/create-secret", store(invalid, "value"), 422, "name").await;
    }
    for invalid in ["", " ", "a\0b", &"a".repeat(8193)] {
        assert_rejected(&owner, "projects/create-secret", store("other", invalid), 422, "value").await;
    }
    for page in ["projects/resources", "projects/get"] {
        let response = owner.function(page, &json!({ "id": id })).send().await.unwrap().text().await.unwrap();
        assert!(!response.contains("s3cr"), "{response}");
    }
    let html = owner.get(&format!("/projects/{id}")).send().await.unwrap().text().await.unwrap();
    assert!(html.contains("API_TOKEN") && !html.contains("s3cr"));

    let api = server.api("owner@acme.test", "secrets:read");
    let (status, names) = api.get(&format!("/projects/{id}/secrets")).await;
    assert_eq!((status, &names["items"][0]["name"], names["items"][0].get("value")), (StatusCode::OK, &json!("API_TOKEN"), None));
    let response = api.request(Method::GET, &format!("/projects/{id}/secrets/api_token")).send().await.unwrap();
    assert_eq!((response.status(), response.headers()["cache-control"].to_str().unwrap()), (StatusCode::OK, "no-store"));
    assert_eq!(response.json::<Value>().await.unwrap(), json!({ "name": "API_TOKEN", "value": "s3cr\u{e9}t with blanks" }));
    assert_eq!(api.get(&format!("/projects/{id}/secrets/none")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(api.get(&format!("/projects/{id}/secrets/%00")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(api.get("/projects/none/secrets").await.0, StatusCode::NOT_FOUND);

    // Seeing the project is not enough, and neither is another scope.
    let member_api = server.api("member@acme.test", "secrets:read");
    for path in [format!("/projects/{id}/secrets"), format!("/projects/{id}/secrets/API_TOKEN")] {
        assert_eq!(member_api.get(&path).await.0, StatusCode::FORBIDDEN);
        assert_eq!(server.api("owner@acme.test", "keys:read,credentials:read").get(&path).await.1["code"], "insufficient_scope");
    }

    let secret = &created["id"];
    assert_rejected(&owner, "projects/replace-secret", json!({ "id": id, "secret": secret, "value": "" }), 422, "value").await;
    call(&owner, "projects/replace-secret", json!({ "id": id, "secret": secret, "value": "another" })).await;
    assert_eq!(api.get(&format!("/projects/{id}/secrets/API_TOKEN")).await.1["value"], "another");
    let other = create_project(&owner, "Other").await;
    assert_rejected(&owner, "projects/delete-secret", json!({ "id": other, "secret": secret }), 404, "").await;
    call(&owner, "projects/delete-secret", json!({ "id": id, "secret": secret })).await;
    assert_eq!(api.get(&format!("/projects/{id}/secrets/API_TOKEN")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(actions(&server, &text(secret)).await, ["secret.created", "secret.read", "secret.replaced", "secret.read", "secret.deleted"]);
}

/// Stores this token and these fields for a key, as a reveal does.
async fn reveal(server: &TestServer, key: &str, token: &str, fields: &Value) {
    let database = server.database().await;
    let digest = server.state.pepper.digest(token);
    sqlx::query("update api_keys set digest = $1 where id = $2").bind(&digest.as_bytes()[..]).bind(key).execute(&database).await.unwrap();
    let sql = "update issued_keys set revealed_at = 1, fields = $1 where key_id = $2";
    sqlx::query(sql).bind(fields.to_string()).bind(key).execute(&database).await.unwrap();
}

#[tokio::test]
async fn key_import_is_atomic_and_limited_to_its_holder() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let holder = server.user("member", "acme").await;
    server.user("viewer", "acme").await;
    let source = create_project(&owner, "Source").await;
    let target = create(&holder, "Target", "members").await;
    let template = insert_template(&server, &source, "Reader", "viewer", 0).await;
    let key = insert_issued_key(&server, template, "member@acme.test", None).await.to_string();
    let viewer_key = insert_issued_key(&server, template, "viewer@acme.test", None).await.to_string();
    let fields = json!([
        { "name": "Project ID", "description": "", "value": source },
        { "name": "project-id", "description": "", "value": "2" },
        { "name": "Token", "description": "", "value": "" },
    ]);
    let import = |key: &str, token: &str, prefix: &str| json!({ "key": key, "token": token, "project": target, "prefix": prefix });
    assert_rejected(&holder, "projects/import", import(&key, "eyJ.a.b", "src"), 422, "token").await;
    reveal(&server, &key, "eyJ.a.b", &fields).await;
    reveal(&server, &viewer_key, "eyJ.c.d", &fields).await;

    // A rejected import stores nothing.
    for prefix in ["", "9", "a b", "a-b", &"a".repeat(31)] {
        assert_rejected(&holder, "projects/import", import(&key, "eyJ.a.b", prefix), 422, "prefix").await;
        assert_rejected(&holder, "projects/import-preview", json!({ "key": key, "project": target, "prefix": prefix }), 422, "prefix").await;
    }
    assert_rejected(&holder, "projects/import", import(&key, "eyJ.c.d", "src"), 422, "token").await;
    assert_rejected(&holder, "projects/import", import(&viewer_key, "eyJ.c.d", "src"), 404, "").await;
    assert_rejected(&owner, "projects/import", import(&key, "eyJ.a.b", "src"), 404, "").await;
    let elsewhere = json!({ "key": key, "token": "eyJ.a.b", "project": source, "prefix": "src" });
    assert_rejected(&holder, "projects/import", elsewhere, 403, "").await;
    call(&holder, "projects/create-secret", json!({ "id": target, "name": "SRC_Project_ID_2", "value": "mine" })).await;
    let preview = call(&holder, "projects/import-preview", json!({ "key": key, "project": target, "prefix": "src" })).await;
    let names = [("src_token", false), ("src_project_id", false), ("src_project_id_2", true), ("src_token_2", false)];
    assert_eq!(preview, names.iter().map(|(name, is_taken)| json!({ "name": name, "is_taken": is_taken })).collect::<Value>());
    let message = assert_rejected(&holder, "projects/import", import(&key, "eyJ.a.b", "src"), 409, "prefix").await;
    assert!(message.contains("src_project_id_2") && !message.contains("src_token"), "{message}");
    let kept = call(&holder, "projects/resources", json!({ "id": target })).await["managed"]["secrets"].clone();
    assert_eq!(kept.as_array().unwrap().len(), 1, "{kept}");

    let stored = call(&holder, "projects/import", import(&key, " eyJ.a.b\n", "other")).await;
    assert_eq!(stored.as_array().unwrap().len(), 4);
    assert!(stored.as_array().unwrap().iter().all(|secret| secret["imported_from"] == "Reader"), "{stored}");
    let api = server.api("member@acme.test", "secrets:read");
    let read = async |name: &str| api.get(&format!("/projects/{target}/secrets/{name}")).await.1["value"].clone();
    assert_eq!(
        (read("other_token").await, read("other_project_id").await, read("other_project_id_2").await, read("other_token_2").await),
        (json!("eyJ.a.b"), json!(source), json!("2"), json!(""))
    );
    assert_eq!(actions(&server, &key).await, ["secret.imported"]);

    // A revoked or expired key cannot be imported.
    let database = server.database().await;
    sqlx::query("update api_keys set revoked_at = 1 where id = $1").bind(&key).execute(&database).await.unwrap();
    assert_rejected(&holder, "projects/import", import(&key, "eyJ.a.b", "third"), 409, "key").await;
    sqlx::query("update api_keys set revoked_at = null, expires_at = 1 where id = $1").bind(&key).execute(&database).await.unwrap();
    assert_rejected(&holder, "projects/import", import(&key, "eyJ.a.b", "third"), 409, "key").await;
}

#[tokio::test]
async fn deleting_a_project_ends_its_keys_requests_and_secrets() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let requester = server.user("viewer", "acme").await;
    let id = create_project(&owner, "Reads").await;
    let template = insert_template(&server, &id, "Reader", "viewer", 0).await;
    let key = insert_issued_key(&server, template, "viewer@acme.test", None).await;
    call(&owner, "projects/create-secret", json!({ "id": id, "name": "token", "value": "a" })).await;
    let database = server.database().await;
    let insert_request = "insert into access_requests (id, project_id, template_id, user_id, open_by, requested_at, state) \
         select 'ask_1', $1, $2, u.id, u.id, 0, 'open' from users u where u.email = 'viewer@acme.test'";
    sqlx::query(insert_request).bind(&id).bind(template.to_string()).execute(&database).await.unwrap();
    assert_eq!(call(&owner, "projects/get", json!({ "id": id })).await["waiting"], 1);
    assert_eq!(call(&requester, "projects/get", json!({ "id": id })).await["waiting"], 0, "only approvers see the number");
    let before = store::verdict_changes::newest(&server.state.store).await.unwrap();

    assert_rejected(&requester, "projects/delete", json!({ "id": id }), 403, "").await;
    call(&owner, "projects/delete", json!({ "id": id })).await;
    assert_rejected(&owner, "projects/delete", json!({ "id": id }), 404, "").await;
    assert_rejected(&requester, "projects/get", json!({ "id": id }), 404, "").await;
    let revoked: i64 = sqlx::query_scalar("select revoked_at from api_keys where id = $1").bind(key.to_string()).fetch_one(&database).await.unwrap();
    assert!((revoked - Timestamp::now().0).abs() < 60_000);
    assert!(store::verdict_changes::newest(&server.state.store).await.unwrap() > before, "other instances are notified");
    let request: (String, Option<String>, Option<String>) =
        sqlx::query_as("select r.state, r.open_by, u.email from access_requests r join users u on u.id = r.decided_by where r.id = 'ask_1'")
            .fetch_one(&database)
            .await
            .unwrap();
    assert_eq!(request, ("closed".to_owned(), None, Some("owner@acme.test".to_owned())));
    let notifications: Vec<(String, String, String, String)> = sqlx::query_as(
        "select n.event, n.project, n.template, n.actor_name from notifications n join users u on u.id = n.user_id where u.email = 'viewer@acme.test' order by n.seq",
    )
    .fetch_all(&database)
    .await
    .unwrap();
    let notification = |event: &str| (event.to_owned(), "Reads".to_owned(), "Reader".to_owned(), "owner of acme".to_owned());
    assert_eq!(notifications, [notification("closed"), notification("revoked")], "for the request and for the key");
    // The revocation list stays available to services that verify tokens offline.
    let api = server.api("owner@acme.test", "verify,keys:read");
    assert_eq!(api.get(&format!("/projects/{id}/revoked")).await.0, StatusCode::OK);
    assert_eq!(api.get(&format!("/projects/{id}")).await.0, StatusCode::NOT_FOUND);
    let kept: i64 = sqlx::query_scalar("select count(*) from project_secrets").fetch_one(&database).await.unwrap();
    assert_eq!(kept, 0);
    // Its name can be used again.
    create_project(&owner, "READS").await;
}

#[tokio::test]
async fn role_used_in_a_project_cannot_be_deleted() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    server.user("viewer", "acme").await;
    let id = create_project(&owner, "Reads").await;
    let role = call(&owner, "roles/create", json!({ "name": "reader", "permissions": ["view_project"] })).await["id"].clone();
    let refused_with = async |words: &str| {
        let message = assert_rejected(&owner, "roles/delete", json!({ "id": role }), 409, "role").await;
        assert!(message.contains(words), "{message}");
    };
    let (users, _) = choices(&owner, &id).await;
    let user = &users["viewer@acme.test"];
    call(&owner, "projects/add-member", json!({ "id": id, "user": user, "role": role })).await;
    refused_with("A project member has").await;
    call(&owner, "projects/remove-member", json!({ "id": id, "user": user })).await;
    let template = insert_template(&server, &id, "Reader", "reader", 0).await;
    refused_with("A key template uses").await;
    let key = insert_issued_key(&server, template, "viewer@acme.test", None).await.to_string();
    let database = server.database().await;
    sqlx::query("update key_templates set deleted_at = 1 where id = $1").bind(template.to_string()).execute(&database).await.unwrap();
    refused_with("A valid project key has").await;
    sqlx::query("update api_keys set revoked_at = 1 where id = $1").bind(&key).execute(&database).await.unwrap();
    call(&owner, "roles/delete", json!({ "id": role })).await;
}

#[tokio::test]
async fn project_keys_stay_with_their_disabled_holder() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let member = server.user("member", "acme").await;
    let id = create_project(&owner, "Reads").await;
    let template = insert_template(&server, &id, "Reader", "viewer", 0).await;
    let key = insert_issued_key(&server, template, "member@acme.test", None).await.to_string();
    let (agent, _) = member.agent_key("robot").await;
    let members = call(&owner, "members/list", json!({})).await;
    let id_of = |email: &str| members["members"].as_array().unwrap().iter().find(|member| member["email"] == email).unwrap()["id"].clone();
    call(&owner, "members/disable", json!({ "id": id_of("member@acme.test"), "receiver": id_of("owner@acme.test") })).await;
    let database = server.database().await;
    let holder = async |key: &str| -> String {
        let sql = "select u.email from api_keys k join users u on u.id = k.created_by where k.id = $1";
        sqlx::query_scalar(sql).bind(key).fetch_one(&database).await.unwrap()
    };
    assert_eq!((holder(&key).await.as_str(), holder(&agent).await.as_str()), ("member@acme.test", "owner@acme.test"));
}

#[tokio::test]
async fn organization_has_a_name_and_a_currency() {
    let server = TestServer::start().await;
    let (owner, admin) = (server.user("owner", "acme").await, server.user("admin", "acme").await);
    server.user("owner", "globex").await;
    let settings = call(&owner, "organization/get", json!({})).await;
    assert_eq!((&settings["name"], &settings["currency"]), (&json!("acme"), &json!("USD")));
    assert!(settings["currencies"].as_array().unwrap().contains(&json!(["JPY", "Japanese yen"])), "{settings}");
    assert_eq!(call(&admin, "account/viewer", json!({})).await["currency"], "USD");
    assert_rejected(&admin, "organization/edit", json!({ "name": "acme", "currency": "EUR" }), 403, "").await;
    for invalid in ["", "eur", "XXX", "XAU", "BTC", "USD; drop"] {
        assert_rejected(&owner, "organization/edit", json!({ "name": "acme", "currency": invalid }), 422, "currency").await;
    }
    assert_rejected(&owner, "organization/edit", json!({ "name": "", "currency": "EUR" }), 422, "name").await;
    assert_rejected(&owner, "organization/edit", json!({ "name": "Globex", "currency": "EUR" }), 409, "name").await;
    assert_eq!(call(&admin, "account/viewer", json!({})).await["currency"], "USD", "rejected changes are not stored");
    call(&owner, "organization/edit", json!({ "name": "Acme Inc", "currency": "EUR" })).await;
    let viewer = call(&admin, "account/viewer", json!({})).await;
    assert_eq!((&viewer["currency"], &viewer["organization"]), (&json!("EUR"), &json!("Acme Inc")));
}
