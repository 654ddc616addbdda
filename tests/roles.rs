//! Server functions of roles.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{BrowserClient, TestServer, text};

async fn list(page: &BrowserClient) -> Vec<Value> {
    let (status, roles) = page.call("roles/list", json!({})).await;
    assert_eq!(status, StatusCode::OK);
    roles.as_array().unwrap().clone()
}

async fn role_id(page: &BrowserClient, name: &str) -> String {
    let roles = list(page).await;
    text(&roles.iter().find(|role| role["name"] == name).unwrap()["id"])
}

async fn create(page: &BrowserClient, name: &str, permissions: &[&str]) -> (StatusCode, Value) {
    page.call("roles/create", json!({ "name": name, "permissions": permissions })).await
}

async fn create_role(page: &BrowserClient, name: &str, permissions: &[&str]) -> String {
    let (status, role) = create(page, name, permissions).await;
    assert_eq!(status, StatusCode::OK, "{role}");
    text(&role["id"])
}

#[tokio::test]
async fn role_changes_are_recorded_in_the_audit_log() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let id = create_role(&owner, " Auditor ", &["view_keys", "view_audit_log"]).await;
    let roles = list(&owner).await;
    let names: Vec<_> = roles.iter().map(|role| text(&role["name"])).collect();
    assert_eq!(names, ["owner", "admin", "member", "viewer", "Auditor"]);
    assert!(roles.iter().all(|role| role["is_built_in"] == (role["name"] != "Auditor")));
    assert_eq!((&roles[0]["members"], &roles[4]["members"]), (&json!(1), &json!(0)));
    let (_, role) = owner.call("roles/edit", json!({ "id": id, "name": "auditor", "permissions": ["view_audit_log"] })).await;
    assert_eq!((&role["name"], &role["permissions"]), (&json!("auditor"), &json!(["view_audit_log"])));
    assert_eq!(owner.call("roles/delete", json!({ "id": id })).await.0, StatusCode::OK);
    assert_eq!(list(&owner).await.len(), 4);
    for function in ["roles/edit", "roles/delete"] {
        let (status, _) = owner.call(function, json!({ "id": id, "name": "a", "permissions": [] })).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{function}");
    }
    let actions: Vec<String> = sqlx::query_scalar("select action from audit_events where object_kind = 'role' order by seq")
        .fetch_all(&server.database().await)
        .await
        .unwrap();
    assert_eq!(actions, ["role.created", "role.changed", "role.deleted"]);
}

#[tokio::test]
async fn invalid_input_is_rejected_with_its_field() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let id = create_role(&owner, "Straße", &[]).await;
    create_role(&owner, "Other", &[]).await;
    for (name, permissions, status, field) in [
        ("", json!([]), 422, "name"),
        (" \t", json!([]), 422, "name"),
        (&*"a".repeat(101), json!([]), 422, "name"),
        ("a\u{202E}b", json!([]), 422, "name"),
        ("OTHER", json!([]), 409, "name"),
        ("Owner", json!([]), 409, "name"),
        ("a", json!(["fly_to_the_moon"]), 422, "permissions"),
        ("a", json!(["view_keys", ""]), 422, "permissions"),
    ] {
        for (function, call) in [
            ("roles/create", json!({ "name": name, "permissions": permissions })),
            ("roles/edit", json!({ "id": id, "name": name, "permissions": permissions })),
        ] {
            let (actual, error) = owner.call(function, call).await;
            assert_eq!((actual.as_u16(), &error["field"]), (status, &json!(field)), "{function} {name:?} {permissions}");
        }
    }
    for malformed in [json!({ "name": "a" }), json!({ "name": 7, "permissions": [] }), json!({ "name": "a", "permissions": "view_keys" })] {
        assert_eq!(owner.call("roles/create", malformed.clone()).await.0, StatusCode::BAD_REQUEST, "{malformed}");
    }
    assert_eq!(owner.call("roles/delete", json!({ "id": "rol_1" })).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(list(&owner).await.len(), 6);
    assert_eq!(
        owner.call("roles/edit", json!({ "id": id, "name": "STRAßE", "permissions": [] })).await.0,
        StatusCode::OK,
        "a role can keep its own name"
    );
}

#[tokio::test]
async fn concurrent_roles_of_one_name_create_one() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let (first, second) = tokio::join!(create(&owner, "Twin", &[]), create(&owner, "TWIN", &[]));
    let mut statuses = [first.0, second.0];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::CONFLICT]);
}

#[tokio::test]
async fn built_in_roles_cannot_be_changed() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    for role in ["owner", "admin", "member", "viewer"] {
        let id = role_id(&owner, role).await;
        for (function, call) in [("roles/edit", json!({ "id": id, "name": "a", "permissions": [] })), ("roles/delete", json!({ "id": id }))] {
            let (status, error) = owner.call(function, call).await;
            assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("role")), "{function} {role}");
        }
    }
}

#[tokio::test]
async fn roles_above_ones_own_cannot_be_granted_or_changed() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let admin = server.user("admin", "acme").await;
    let above = create_role(&owner, "Above", &["view_keys", "manage_organization"]).await;
    let below = create_role(&owner, "Below", &["view_keys"]).await;
    let permissions = json!(["view_keys", "manage_organization"]);
    for (function, call) in [
        ("roles/create", json!({ "name": "Mine", "permissions": permissions })),
        ("roles/edit", json!({ "id": below, "name": "Below", "permissions": permissions })),
        ("roles/edit", json!({ "id": above, "name": "Above", "permissions": [] })),
        ("roles/delete", json!({ "id": above })),
    ] {
        let (status, error) = admin.call(function, call.clone()).await;
        assert_eq!((status, &error["message"]), (StatusCode::FORBIDDEN, &json!("Manage Organization")), "{function} {call}");
    }
    assert_eq!(list(&owner).await.len(), 6);
    assert_eq!(admin.call("roles/edit", json!({ "id": below, "name": "Low", "permissions": ["view_billing"] })).await.0, StatusCode::OK);
    assert_eq!(admin.call("roles/delete", json!({ "id": below })).await.0, StatusCode::OK);
}

#[tokio::test]
async fn role_in_use_cannot_be_deleted() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    server.user("viewer", "acme").await;
    let role = create_role(&owner, "Guest", &[]).await;
    let viewer: String =
        sqlx::query_scalar("select id from users where email = 'viewer@acme.test'").fetch_one(&server.database().await).await.unwrap();
    let assert_in_use = async |expected: &str| {
        let (status, error) = owner.call("roles/delete", json!({ "id": role })).await;
        assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("role")));
        assert!(text(&error["message"]).contains(expected), "{error}");
    };
    assert_eq!(owner.call("members/set-role", json!({ "id": viewer, "role": role })).await.0, StatusCode::OK);
    assert_in_use("A member has this role").await;
    // A disabled member still has the role.
    assert_eq!(owner.call("members/disable", json!({ "id": viewer, "receiver": null })).await.0, StatusCode::OK);
    assert_in_use("A member has this role").await;
    let other = role_id(&owner, "viewer").await;
    assert_eq!(owner.call("members/set-role", json!({ "id": viewer, "role": other })).await.0, StatusCode::OK);
    assert_eq!(owner.call("invitations/create", json!({ "email": "new@acme.test", "role": role })).await.0, StatusCode::OK);
    assert_in_use("An open invitation uses this role").await;
    let (_, members) = owner.call("members/list", json!({})).await;
    assert_eq!(owner.call("invitations/withdraw", json!({ "id": members["invitations"][0]["id"] })).await.0, StatusCode::OK);
    assert_eq!(owner.call("roles/delete", json!({ "id": role })).await.0, StatusCode::OK, "a withdrawn invitation does not count");
}

#[tokio::test]
async fn role_change_applies_to_sessions_and_keys_immediately() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let member = server.user("member", "acme").await;
    let api = server.api("member@acme.test", "");
    let role = create_role(&owner, "Builder", &["view_keys", "manage_api_keys"]).await;
    let id: String = sqlx::query_scalar("select id from users where email = 'member@acme.test'").fetch_one(&server.database().await).await.unwrap();
    assert_eq!(owner.call("members/set-role", json!({ "id": id, "role": role })).await.0, StatusCode::OK);
    let request = json!({ "kind": "agent", "name": "a" });
    assert_eq!(api.post("/keys", request.clone()).await.0, StatusCode::CREATED);
    assert_eq!(owner.call("roles/edit", json!({ "id": role, "name": "Builder", "permissions": ["view_keys"] })).await.0, StatusCode::OK);
    assert_eq!(api.post("/keys", request).await.0, StatusCode::FORBIDDEN, "from the next call on");
    assert_eq!(api.get("/keys").await.0, StatusCode::OK);
    let (_, viewer) = member.call("account/viewer", json!({})).await;
    assert_eq!(viewer["permissions"], json!(["view_keys"]));
}

#[tokio::test]
async fn roles_of_another_organization_are_not_found() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let other_organization = server.user("owner", "globex").await;
    let role = create_role(&owner, "Guest", &[]).await;
    for (function, call) in [
        ("roles/edit", json!({ "id": role, "name": "a", "permissions": [] })),
        ("roles/delete", json!({ "id": role })),
        ("invitations/create", json!({ "email": "a@b", "role": role })),
    ] {
        assert_eq!(other_organization.call(function, call).await.0, StatusCode::NOT_FOUND, "{function}");
    }
    assert_eq!(list(&other_organization).await.len(), 4);
    // Both organizations can have a role of the same name.
    assert_eq!(create(&other_organization, "Guest", &[]).await.0, StatusCode::OK);
}
