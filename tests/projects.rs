//! Projects: who sees them, who belongs to them, and what they keep.

use latchkey_store as store;
use latchkey_types::time::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    Page, TestServer,
    projects::{issued, project, template},
    text,
};

async fn make(owner: &Page, name: &str, visibility: &str) -> String {
    let wanted = json!({ "wanted": { "name": name, "description": "what for", "visibility": visibility } });
    let (status, made) = owner.call("projects/create", wanted).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    text(&made["id"])
}

async fn done(page: &Page, function: &str, arguments: Value) -> Value {
    let (status, answer) = page.call(function, arguments).await;
    assert_eq!(status, StatusCode::OK, "{function}: {answer}");
    answer
}

/// Calls what must be refused with this status and code, at this field if it is about one.
async fn refused(page: &Page, function: &str, arguments: Value, status: u16, field: &str) -> String {
    let (answered, fault) = page.call(function, arguments).await;
    assert_eq!((answered.as_u16(), fault["field"].as_str().unwrap_or_default()), (status, field), "{function}: {fault}");
    fault["message"].as_str().unwrap_or_default().to_owned()
}

/// The ids of the people and the roles that a manager can choose from, by name or address.
async fn choices(manager: &Page, project: &str) -> (Value, Value) {
    let belongings = done(manager, "projects/belongings", json!({ "id": project })).await;
    let by = |list: &Value, id: &str, name: &str| list.as_array().unwrap().iter().map(|one| (text(&one[name]), one[id].clone())).collect::<Value>();
    (by(&belongings["managed"]["candidates"], "user", "email"), by(&belongings["managed"]["roles"], "id", "name"))
}

async fn actions(server: &TestServer, object: &str) -> Vec<String> {
    let sql = "select action from audit_events where object_id = $1 order by seq";
    sqlx::query_scalar(sql).bind(object).fetch_all(&server.database().await).await.unwrap()
}

#[tokio::test]
async fn a_project_is_seen_by_its_members_or_by_everyone() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let (admin, member, viewer) = (server.user("admin", "acme").await, server.user("member", "acme").await, server.user("viewer", "acme").await);
    let foreigner = server.user("owner", "globex").await;
    let hidden = make(&member, "Hidden", "members").await;
    let open = make(&owner, "Open", "organization").await;
    let names = async |page: &Page| {
        let list = done(page, "projects/list", json!({})).await;
        list.as_array().unwrap().iter().map(|project| text(&project["name"])).collect::<Vec<_>>()
    };
    assert_eq!(names(&member).await, ["Hidden", "Open"]);
    assert_eq!(names(&viewer).await, ["Open"]);
    assert_eq!(names(&owner).await, ["Hidden", "Open"], "those who manage members are in every project");
    assert_eq!(names(&admin).await, ["Hidden", "Open"]);
    assert!(names(&foreigner).await.is_empty());

    // Seen by its members alone it is not there for others, in the page too.
    for page in [&viewer, &foreigner] {
        refused(page, "projects/get", json!({ "id": hidden }), 404, "").await;
        refused(page, "projects/belongings", json!({ "id": hidden }), 404, "").await;
        let answer = page.get(&format!("/projects/{hidden}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        assert!(answer.text().await.unwrap().contains("Project not found"));
    }
    assert_eq!(viewer.get("/projects/none").send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(viewer.get(&format!("/projects/{open}")).send().await.unwrap().status(), StatusCode::OK);

    // Who sees it without managing it is told so; who manages others all the same has no say here.
    let wanted = json!({ "id": open, "wanted": { "name": "Mine", "description": "", "visibility": "members" } });
    refused(&viewer, "projects/edit", wanted.clone(), 403, "").await;
    refused(&member, "projects/edit", wanted.clone(), 403, "").await;
    let belongings = done(&viewer, "projects/belongings", json!({ "id": open })).await;
    assert!(belongings["managed"].is_null() && belongings["members"][0]["email"].is_null(), "{belongings}");
    assert_eq!(belongings["members"][0]["name"], "owner of acme");

    // Changed by who manages it; a name that is taken, or none, is refused at its field and changes nothing.
    let bad = |name: &str| json!({ "id": open, "wanted": { "name": name, "description": "", "visibility": "members" } });
    refused(&owner, "projects/edit", bad(" "), 422, "name").await;
    refused(&owner, "projects/edit", bad("HIDDEN"), 409, "name").await;
    assert_eq!(names(&viewer).await, ["Open"]);
    assert_eq!(done(&owner, "projects/edit", wanted).await["name"], "Mine");
    assert!(names(&viewer).await.is_empty());
    assert_eq!(actions(&server, &open).await, ["project.created", "project.edited"]);
}

#[tokio::test]
async fn a_project_keeps_somebody_who_manages_it() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let (member, viewer) = (server.user("member", "acme").await, server.user("viewer", "acme").await);
    let id = make(&member, "Reads", "members").await;
    let (people, roles) = choices(&member, &id).await;
    assert!(
        roles.get("member").is_some() && roles.get("viewer").is_some() && roles.get("owner").is_none(),
        "nobody gives more than they may do: {roles}"
    );
    let me = done(&member, "projects/belongings", json!({ "id": id })).await["members"][0]["user"].clone();
    assert!(people.get("member@acme.test").is_none(), "who is in it is no candidate");

    let last = refused(&member, "projects/remove-member", json!({ "id": id, "user": me }), 409, "member").await;
    assert!(last.contains("last"), "{last}");
    refused(&member, "projects/set-member-role", json!({ "id": id, "user": me, "role": roles["viewer"] }), 409, "member").await;

    // A viewer of the organization manages no project, whatever their role in it.
    let (reader, boss) = (&people["viewer@acme.test"], &people["owner@acme.test"]);
    done(&member, "projects/add-member", json!({ "id": id, "user": reader, "role": roles["member"] })).await;
    refused(&member, "projects/remove-member", json!({ "id": id, "user": me }), 409, "member").await;
    assert_eq!(done(&viewer, "projects/get", json!({ "id": id })).await["permissions"], json!(["view_project"]));
    refused(&viewer, "projects/add-member", json!({ "id": id, "user": boss, "role": roles["viewer"] }), 403, "").await;
    refused(&member, "projects/add-member", json!({ "id": id, "user": reader, "role": roles["viewer"] }), 409, "user").await;

    // The owner's own role is more than a member may give, and more than one may take.
    let (_, all) = choices(&owner, &id).await;
    refused(&member, "projects/add-member", json!({ "id": id, "user": boss, "role": all["owner"] }), 403, "").await;
    done(&owner, "projects/add-member", json!({ "id": id, "user": boss, "role": all["owner"] })).await;
    refused(&member, "projects/remove-member", json!({ "id": id, "user": boss }), 403, "").await;
    refused(&member, "projects/set-member-role", json!({ "id": id, "user": boss, "role": roles["viewer"] }), 403, "").await;

    // With another who manages it, the first may go.
    done(&member, "projects/remove-member", json!({ "id": id, "user": me })).await;
    refused(&member, "projects/get", json!({ "id": id }), 404, "").await;
    refused(&owner, "projects/remove-member", json!({ "id": id, "user": boss }), 409, "member").await;
    done(&owner, "projects/remove-member", json!({ "id": id, "user": reader })).await;
    refused(&owner, "projects/remove-member", json!({ "id": id, "user": reader }), 404, "").await;
}

#[tokio::test]
async fn nobody_is_made_less_by_being_made_a_member() {
    let server = TestServer::start().await;
    let (owner, member) = (server.user("owner", "acme").await, server.user("member", "acme").await);
    let viewer = server.user("viewer", "acme").await;
    let (hidden, open) = (make(&member, "Hidden", "members").await, make(&member, "Open", "organization").await);
    let blind = done(&owner, "roles/create", json!({ "name": "blind", "permissions": [] })).await["id"].clone();
    let (people, roles) = choices(&member, &hidden).await;
    done(&member, "projects/add-member", json!({ "id": hidden, "user": people["owner@acme.test"], "role": roles["viewer"] })).await;
    let wanted = json!({ "name": "Hidden", "description": "by the owner", "visibility": "members" });
    done(&owner, "projects/edit", json!({ "id": hidden, "wanted": wanted })).await;
    done(&member, "projects/add-member", json!({ "id": open, "user": people["viewer@acme.test"], "role": blind })).await;
    assert_eq!(done(&viewer, "projects/get", json!({ "id": open })).await["permissions"], json!(["view_project"]));
}

#[tokio::test]
async fn a_node_has_a_number_that_is_never_used_again() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let (id, other) = (project(&owner, "Reads").await, project(&owner, "Other").await);
    let add = async |project: &str, name: &str| done(&owner, "projects/create-node", json!({ "id": project, "name": name })).await["id"].clone();
    assert_eq!((add(&id, "Input").await, add(&id, "Output").await, add(&other, "Input").await), (json!(1), json!(2), json!(1)));
    refused(&owner, "projects/create-node", json!({ "id": id, "name": "INPUT" }), 409, "name").await;
    refused(&owner, "projects/create-node", json!({ "id": id, "name": "" }), 422, "name").await;
    refused(&owner, "projects/rename-node", json!({ "id": id, "node": 1, "name": "output" }), 409, "name").await;
    done(&owner, "projects/rename-node", json!({ "id": id, "node": 1, "name": "input" })).await;
    done(&owner, "projects/delete-node", json!({ "id": id, "node": 2 })).await;
    assert_eq!(add(&id, "Output").await, 3);
    refused(&owner, "projects/delete-node", json!({ "id": id, "node": 2 }), 404, "").await;
    refused(&owner, "projects/rename-node", json!({ "id": other, "node": 3, "name": "x" }), 404, "").await;
    let nodes = done(&owner, "projects/belongings", json!({ "id": id })).await["nodes"].clone();
    let shown: Vec<_> = nodes.as_array().unwrap().iter().map(|node| (node["id"].as_i64().unwrap(), text(&node["name"]))).collect();
    assert_eq!(shown, [(1, "input".to_owned()), (3, "Output".to_owned())]);
}

#[tokio::test]
async fn a_secret_goes_in_by_the_page_and_comes_out_by_the_api_alone() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    server.user("member", "acme").await;
    server.user("viewer", "acme").await;
    let id = make(&owner, "Reads", "organization").await;
    let store = |name: &str, value: &str| json!({ "id": id, "name": name, "value": value });
    let made = done(&owner, "projects/create-secret", store("API_TOKEN", " s3cr\u{e9}t with blanks ")).await;
    refused(&owner, "projects/create-secret", store("api_token", "other"), 409, "name").await;
    for bad in ["", "9a", "a-b", "a b", "é", &"a".repeat(101)] {
        refused(&owner, "projects/create-secret", store(bad, "value"), 422, "name").await;
    }
    for bad in ["", " ", "a\0b", &"a".repeat(8193)] {
        refused(&owner, "projects/create-secret", store("other", bad), 422, "value").await;
    }
    for page in ["projects/belongings", "projects/get"] {
        let answer = owner.function(page, &json!({ "id": id })).send().await.unwrap().text().await.unwrap();
        assert!(!answer.contains("s3cr"), "{answer}");
    }
    let html = owner.get(&format!("/projects/{id}")).send().await.unwrap().text().await.unwrap();
    assert!(html.contains("API_TOKEN") && !html.contains("s3cr"));

    let api = server.api("owner@acme.test", "secrets:read");
    let (status, names) = api.get(&format!("/projects/{id}/secrets")).await;
    assert_eq!((status, &names["items"][0]["name"], names["items"][0].get("value")), (StatusCode::OK, &json!("API_TOKEN"), None));
    let answer = api.request(Method::GET, &format!("/projects/{id}/secrets/api_token")).send().await.unwrap();
    assert_eq!((answer.status(), answer.headers()["cache-control"].to_str().unwrap()), (StatusCode::OK, "no-store"));
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "name": "API_TOKEN", "value": "s3cr\u{e9}t with blanks" }));
    assert_eq!(api.get(&format!("/projects/{id}/secrets/none")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(api.get(&format!("/projects/{id}/secrets/%00")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(api.get("/projects/none/secrets").await.0, StatusCode::NOT_FOUND);

    // Seeing the project is not enough, nor is another scope.
    let seen = server.api("member@acme.test", "secrets:read");
    for path in [format!("/projects/{id}/secrets"), format!("/projects/{id}/secrets/API_TOKEN")] {
        assert_eq!(seen.get(&path).await.0, StatusCode::FORBIDDEN);
        assert_eq!(server.api("owner@acme.test", "keys:read,credentials:read").get(&path).await.1["code"], "insufficient_scope");
    }

    let secret = &made["id"];
    refused(&owner, "projects/replace-secret", json!({ "id": id, "secret": secret, "value": "" }), 422, "value").await;
    done(&owner, "projects/replace-secret", json!({ "id": id, "secret": secret, "value": "another" })).await;
    assert_eq!(api.get(&format!("/projects/{id}/secrets/API_TOKEN")).await.1["value"], "another");
    let other = project(&owner, "Other").await;
    refused(&owner, "projects/delete-secret", json!({ "id": other, "secret": secret }), 404, "").await;
    done(&owner, "projects/delete-secret", json!({ "id": id, "secret": secret })).await;
    assert_eq!(api.get(&format!("/projects/{id}/secrets/API_TOKEN")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(actions(&server, &text(secret)).await, ["secret.created", "secret.read", "secret.replaced", "secret.read", "secret.deleted"]);
}

/// Makes a token a key's own, as its reveal does.
async fn reveal(server: &TestServer, key: &str, token: &str, fields: &Value) {
    let database = server.database().await;
    let digest = server.state.pepper.digest(token);
    sqlx::query("update api_keys set digest = $1 where id = $2").bind(&digest.as_bytes()[..]).bind(key).execute(&database).await.unwrap();
    let sql = "update issued_keys set revealed_at = 1, fields = $1 where key_id = $2";
    sqlx::query(sql).bind(fields.to_string()).bind(key).execute(&database).await.unwrap();
}

#[tokio::test]
async fn a_key_is_imported_whole_by_its_holder_or_not_at_all() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let holder = server.user("member", "acme").await;
    server.user("viewer", "acme").await;
    let source = project(&owner, "Source").await;
    let target = make(&holder, "Target", "members").await;
    let by = template(&server, &source, "Reader", "viewer", 0).await;
    let key = issued(&server, by, "member@acme.test", None).await.to_string();
    let foreign = issued(&server, by, "viewer@acme.test", None).await.to_string();
    let fields = json!([
        { "name": "Project ID", "description": "", "value": source },
        { "name": "project-id", "description": "", "value": "2" },
        { "name": "Token", "description": "", "value": "" },
    ]);
    let wanted = |key: &str, token: &str, prefix: &str| json!({ "key": key, "token": token, "project": target, "prefix": prefix });
    refused(&holder, "projects/import", wanted(&key, "eyJ.a.b", "src"), 422, "token").await;
    reveal(&server, &key, "eyJ.a.b", &fields).await;
    reveal(&server, &foreign, "eyJ.c.d", &fields).await;

    // What is wrong stores nothing.
    for prefix in ["", "9", "a b", "a-b", &"a".repeat(31)] {
        refused(&holder, "projects/import", wanted(&key, "eyJ.a.b", prefix), 422, "prefix").await;
        refused(&holder, "projects/import-preview", json!({ "key": key, "project": target, "prefix": prefix }), 422, "prefix").await;
    }
    refused(&holder, "projects/import", wanted(&key, "eyJ.c.d", "src"), 422, "token").await;
    refused(&holder, "projects/import", wanted(&foreign, "eyJ.c.d", "src"), 404, "").await;
    refused(&owner, "projects/import", wanted(&key, "eyJ.a.b", "src"), 404, "").await;
    let elsewhere = json!({ "key": key, "token": "eyJ.a.b", "project": source, "prefix": "src" });
    refused(&holder, "projects/import", elsewhere, 403, "").await;
    done(&holder, "projects/create-secret", json!({ "id": target, "name": "SRC_Project_ID_2", "value": "mine" })).await;
    let preview = done(&holder, "projects/import-preview", json!({ "key": key, "project": target, "prefix": "src" })).await;
    let names = [("src_token", false), ("src_project_id", false), ("src_project_id_2", true), ("src_token_2", false)];
    assert_eq!(preview, names.iter().map(|(name, is_taken)| json!({ "name": name, "is_taken": is_taken })).collect::<Value>());
    let message = refused(&holder, "projects/import", wanted(&key, "eyJ.a.b", "src"), 409, "prefix").await;
    assert!(message.contains("src_project_id_2") && !message.contains("src_token"), "{message}");
    let kept = done(&holder, "projects/belongings", json!({ "id": target })).await["managed"]["secrets"].clone();
    assert_eq!(kept.as_array().unwrap().len(), 1, "{kept}");

    let stored = done(&holder, "projects/import", wanted(&key, " eyJ.a.b\n", "other")).await;
    assert_eq!(stored.as_array().unwrap().len(), 4);
    assert!(stored.as_array().unwrap().iter().all(|secret| secret["imported_from"] == "Reader"), "{stored}");
    let api = server.api("member@acme.test", "secrets:read");
    let read = async |name: &str| api.get(&format!("/projects/{target}/secrets/{name}")).await.1["value"].clone();
    assert_eq!(
        (read("other_token").await, read("other_project_id").await, read("other_project_id_2").await, read("other_token_2").await),
        (json!("eyJ.a.b"), json!(source), json!("2"), json!(""))
    );
    assert_eq!(actions(&server, &key).await, ["secret.imported"]);

    // A key that is no longer good is not taken over.
    let database = server.database().await;
    sqlx::query("update api_keys set revoked_at = 1 where id = $1").bind(&key).execute(&database).await.unwrap();
    refused(&holder, "projects/import", wanted(&key, "eyJ.a.b", "third"), 409, "key").await;
    sqlx::query("update api_keys set revoked_at = null, expires_at = 1 where id = $1").bind(&key).execute(&database).await.unwrap();
    refused(&holder, "projects/import", wanted(&key, "eyJ.a.b", "third"), 409, "key").await;
}

#[tokio::test]
async fn a_project_that_is_deleted_takes_its_keys_requests_and_secrets_with_it() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let asker = server.user("viewer", "acme").await;
    let id = project(&owner, "Reads").await;
    let by = template(&server, &id, "Reader", "viewer", 0).await;
    let key = issued(&server, by, "viewer@acme.test", None).await;
    done(&owner, "projects/create-secret", json!({ "id": id, "name": "token", "value": "a" })).await;
    let database = server.database().await;
    let ask = "insert into key_requests (id, project_id, template_id, user_id, open_by, requested_at, state) \
         select 'ask_1', $1, $2, u.id, u.id, 0, 'open' from users u where u.email = 'viewer@acme.test'";
    sqlx::query(ask).bind(&id).bind(by.to_string()).execute(&database).await.unwrap();
    assert_eq!(done(&owner, "projects/get", json!({ "id": id })).await["waiting"], 1);
    assert_eq!(done(&asker, "projects/get", json!({ "id": id })).await["waiting"], 0, "only those who decide are told");
    let before = store::changes::newest(&server.state.store).await.unwrap();

    refused(&asker, "projects/delete", json!({ "id": id }), 403, "").await;
    done(&owner, "projects/delete", json!({ "id": id })).await;
    refused(&owner, "projects/delete", json!({ "id": id }), 404, "").await;
    refused(&asker, "projects/get", json!({ "id": id }), 404, "").await;
    let revoked: i64 = sqlx::query_scalar("select revoked_at from api_keys where id = $1").bind(key.to_string()).fetch_one(&database).await.unwrap();
    assert!((revoked - Timestamp::now().0).abs() < 60_000);
    assert!(store::changes::newest(&server.state.store).await.unwrap() > before, "other processes hear of it");
    let request: (String, Option<String>, Option<String>) =
        sqlx::query_as("select r.state, r.open_by, u.email from key_requests r join users u on u.id = r.decided_by where r.id = 'ask_1'")
            .fetch_one(&database)
            .await
            .unwrap();
    assert_eq!(request, ("closed".to_owned(), None, Some("owner@acme.test".to_owned())));
    let told: Vec<(String, String, String, String)> = sqlx::query_as(
        "select n.event, n.project, n.template, n.person from notices n join users u on u.id = n.user_id where u.email = 'viewer@acme.test' order by n.seq",
    )
    .fetch_all(&database)
    .await
    .unwrap();
    let of = |event: &str| (event.to_owned(), "Reads".to_owned(), "Reader".to_owned(), "owner of acme".to_owned());
    assert_eq!(told, [of("closed"), of("revoked")], "who asked, and who held a key");
    // Services that check tokens by themselves still learn which are good no longer.
    let api = server.api("owner@acme.test", "verify,keys:read");
    assert_eq!(api.get(&format!("/projects/{id}/revoked")).await.0, StatusCode::OK);
    assert_eq!(api.get(&format!("/projects/{id}")).await.0, StatusCode::NOT_FOUND);
    let kept: i64 = sqlx::query_scalar("select count(*) from project_secrets").fetch_one(&database).await.unwrap();
    assert_eq!(kept, 0);
    // Its name is free.
    project(&owner, "READS").await;
}

#[tokio::test]
async fn a_role_stays_while_something_in_a_project_has_it() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    server.user("viewer", "acme").await;
    let id = project(&owner, "Reads").await;
    let role = done(&owner, "roles/create", json!({ "name": "reader", "permissions": ["view_project"] })).await["id"].clone();
    let refused_with = async |words: &str| {
        let message = refused(&owner, "roles/delete", json!({ "id": role }), 409, "role").await;
        assert!(message.contains(words), "{message}");
    };
    let (people, _) = choices(&owner, &id).await;
    let user = &people["viewer@acme.test"];
    done(&owner, "projects/add-member", json!({ "id": id, "user": user, "role": role })).await;
    refused_with("A project member has").await;
    done(&owner, "projects/remove-member", json!({ "id": id, "user": user })).await;
    let by = template(&server, &id, "Reader", "reader", 0).await;
    refused_with("A key template uses").await;
    let key = issued(&server, by, "viewer@acme.test", None).await.to_string();
    let database = server.database().await;
    sqlx::query("update templates set deleted_at = 1 where id = $1").bind(by.to_string()).execute(&database).await.unwrap();
    refused_with("A valid project key has").await;
    sqlx::query("update api_keys set revoked_at = 1 where id = $1").bind(&key).execute(&database).await.unwrap();
    done(&owner, "roles/delete", json!({ "id": role })).await;
}

#[tokio::test]
async fn project_keys_rest_with_their_holder_who_is_disabled() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let member = server.user("member", "acme").await;
    let id = project(&owner, "Reads").await;
    let by = template(&server, &id, "Reader", "viewer", 0).await;
    let key = issued(&server, by, "member@acme.test", None).await.to_string();
    let (agent, _) = member.agent_key("robot").await;
    let people = done(&owner, "members/list", json!({})).await;
    let id_of = |email: &str| people["members"].as_array().unwrap().iter().find(|member| member["email"] == email).unwrap()["id"].clone();
    done(&owner, "members/disable", json!({ "id": id_of("member@acme.test"), "receiver": id_of("owner@acme.test") })).await;
    let database = server.database().await;
    let holder = async |key: &str| -> String {
        let sql = "select u.email from api_keys k join users u on u.id = k.created_by where k.id = $1";
        sqlx::query_scalar(sql).bind(key).fetch_one(&database).await.unwrap()
    };
    assert_eq!((holder(&key).await.as_str(), holder(&agent).await.as_str()), ("member@acme.test", "owner@acme.test"));
}

#[tokio::test]
async fn an_organization_has_a_name_and_a_currency() {
    let server = TestServer::start().await;
    let (owner, admin) = (server.user("owner", "acme").await, server.user("admin", "acme").await);
    server.user("owner", "globex").await;
    let settings = done(&owner, "organization/get", json!({})).await;
    assert_eq!((&settings["name"], &settings["currency"]), (&json!("acme"), &json!("USD")));
    assert!(settings["currencies"].as_array().unwrap().contains(&json!(["JPY", "Japanese yen"])), "{settings}");
    assert_eq!(done(&admin, "account/viewer", json!({})).await["currency"], "USD");
    refused(&admin, "organization/edit", json!({ "name": "acme", "currency": "EUR" }), 403, "").await;
    for bad in ["", "eur", "XXX", "XAU", "BTC", "USD; drop"] {
        refused(&owner, "organization/edit", json!({ "name": "acme", "currency": bad }), 422, "currency").await;
    }
    refused(&owner, "organization/edit", json!({ "name": "", "currency": "EUR" }), 422, "name").await;
    refused(&owner, "organization/edit", json!({ "name": "Globex", "currency": "EUR" }), 409, "name").await;
    assert_eq!(done(&admin, "account/viewer", json!({})).await["currency"], "USD", "nothing of what was refused was stored");
    done(&owner, "organization/edit", json!({ "name": "Acme Inc", "currency": "EUR" })).await;
    let viewer = done(&admin, "account/viewer", json!({})).await;
    assert_eq!((&viewer["currency"], &viewer["organization"]), (&json!("EUR"), &json!("Acme Inc")));
}
