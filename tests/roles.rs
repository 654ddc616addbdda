//! Roles, by their server functions.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Page, TestServer, text};

async fn list(page: &Page) -> Vec<Value> {
    let (status, roles) = page.call("roles/list", json!({})).await;
    assert_eq!(status, StatusCode::OK);
    roles.as_array().unwrap().clone()
}

/// The id of the role with this name.
async fn id_of(page: &Page, name: &str) -> String {
    let roles = list(page).await;
    text(&roles.iter().find(|role| role["name"] == name).unwrap()["id"])
}

async fn create(page: &Page, name: &str, permissions: &[&str]) -> (StatusCode, Value) {
    page.call("roles/create", json!({ "name": name, "permissions": permissions })).await
}

async fn created(page: &Page, name: &str, permissions: &[&str]) -> String {
    let (status, role) = create(page, name, permissions).await;
    assert_eq!(status, StatusCode::OK, "{role}");
    text(&role["id"])
}

#[tokio::test]
async fn a_role_is_made_changed_and_deleted_and_the_log_tells_of_it() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let id = created(&owner, " Auditor ", &["view_keys", "view_audit_log"]).await;
    let roles = list(&owner).await;
    let names: Vec<_> = roles.iter().map(|role| text(&role["name"])).collect();
    assert_eq!(names, ["owner", "admin", "member", "viewer", "Auditor"]);
    assert!(roles.iter().all(|role| role["is_built_in"] == (role["name"] != "Auditor")));
    assert_eq!((&roles[0]["members"], &roles[4]["members"]), (&json!(1), &json!(0)));
    let (_, role) = owner.call("roles/edit", json!({ "id": id, "name": "auditor", "permissions": ["view_audit_log"] })).await;
    assert_eq!((&role["name"], &role["permissions"]), (&json!("auditor"), &json!(["view_audit_log"])));
    assert_eq!(owner.call("roles/delete", json!({ "id": id })).await.0, StatusCode::OK);
    assert_eq!(list(&owner).await.len(), 4);
    for gone in ["roles/edit", "roles/delete"] {
        let (status, _) = owner.call(gone, json!({ "id": id, "name": "a", "permissions": [] })).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{gone}");
    }
    let actions: Vec<String> = sqlx::query_scalar("select action from audit_events where object_kind = 'role' order by seq")
        .fetch_all(&server.database().await)
        .await
        .unwrap();
    assert_eq!(actions, ["role.created", "role.changed", "role.deleted"]);
}

#[tokio::test]
async fn what_cant_be_taken_is_refused_at_its_field() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let id = created(&owner, "Straße", &[]).await;
    created(&owner, "Other", &[]).await;
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
            let (answered, fault) = owner.call(function, call).await;
            assert_eq!((answered.as_u16(), &fault["field"]), (status, &json!(field)), "{function} {name:?} {permissions}");
        }
    }
    for malformed in [json!({ "name": "a" }), json!({ "name": 7, "permissions": [] }), json!({ "name": "a", "permissions": "view_keys" })] {
        assert_eq!(owner.call("roles/create", malformed.clone()).await.0, StatusCode::BAD_REQUEST, "{malformed}");
    }
    assert_eq!(owner.call("roles/delete", json!({ "id": "rol_1" })).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(list(&owner).await.len(), 6);
    assert_eq!(owner.call("roles/edit", json!({ "id": id, "name": "STRAßE", "permissions": [] })).await.0, StatusCode::OK, "its own name");
}

#[tokio::test]
async fn of_two_roles_of_one_name_at_once_one_is_made() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let (first, second) = tokio::join!(create(&owner, "Twin", &[]), create(&owner, "TWIN", &[]));
    let mut answers = [first.0, second.0];
    answers.sort();
    assert_eq!(answers, [StatusCode::OK, StatusCode::CONFLICT]);
}

#[tokio::test]
async fn the_built_in_roles_stay_as_they_are() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    for role in ["owner", "admin", "member", "viewer"] {
        let id = id_of(&owner, role).await;
        for (function, call) in [("roles/edit", json!({ "id": id, "name": "a", "permissions": [] })), ("roles/delete", json!({ "id": id }))] {
            let (status, fault) = owner.call(function, call).await;
            assert_eq!((status, &fault["field"]), (StatusCode::CONFLICT, &json!("role")), "{function} {role}");
        }
    }
}

#[tokio::test]
async fn nobody_hands_out_or_touches_what_they_may_not_do_themselves() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let admin = server.user("admin", "acme").await;
    let above = created(&owner, "Above", &["view_keys", "manage_organization"]).await;
    let below = created(&owner, "Below", &["view_keys"]).await;
    let beyond = json!(["view_keys", "manage_organization"]);
    for (function, call) in [
        ("roles/create", json!({ "name": "Mine", "permissions": beyond })),
        ("roles/edit", json!({ "id": below, "name": "Below", "permissions": beyond })),
        ("roles/edit", json!({ "id": above, "name": "Above", "permissions": [] })),
        ("roles/delete", json!({ "id": above })),
    ] {
        let (status, fault) = admin.call(function, call.clone()).await;
        assert_eq!((status, &fault["message"]), (StatusCode::FORBIDDEN, &json!("Manage Organization")), "{function} {call}");
    }
    assert_eq!(list(&owner).await.len(), 6);
    assert_eq!(admin.call("roles/edit", json!({ "id": below, "name": "Low", "permissions": ["view_billing"] })).await.0, StatusCode::OK);
    assert_eq!(admin.call("roles/delete", json!({ "id": below })).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_role_in_use_is_not_deleted_and_says_by_whom() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    server.user("viewer", "acme").await;
    let role = created(&owner, "Guest", &[]).await;
    let viewer: String =
        sqlx::query_scalar("select id from users where email = 'viewer@acme.test'").fetch_one(&server.database().await).await.unwrap();
    let refused = async |says: &str| {
        let (status, fault) = owner.call("roles/delete", json!({ "id": role })).await;
        assert_eq!((status, &fault["field"]), (StatusCode::CONFLICT, &json!("role")));
        assert!(text(&fault["message"]).contains(says), "{fault}");
    };
    assert_eq!(owner.call("members/set-role", json!({ "id": viewer, "role": role })).await.0, StatusCode::OK);
    refused("A member has this role").await;
    // Somebody who is shut out still has it.
    assert_eq!(owner.call("members/disable", json!({ "id": viewer, "receiver": null })).await.0, StatusCode::OK);
    refused("A member has this role").await;
    let other = id_of(&owner, "viewer").await;
    assert_eq!(owner.call("members/set-role", json!({ "id": viewer, "role": other })).await.0, StatusCode::OK);
    assert_eq!(owner.call("invitations/create", json!({ "email": "new@acme.test", "role": role })).await.0, StatusCode::OK);
    refused("An open invitation uses this role").await;
    let (_, people) = owner.call("members/list", json!({})).await;
    assert_eq!(owner.call("invitations/withdraw", json!({ "id": people["invitations"][0]["id"] })).await.0, StatusCode::OK);
    assert_eq!(owner.call("roles/delete", json!({ "id": role })).await.0, StatusCode::OK, "an invitation that was withdrawn is in nobody's way");
}

#[tokio::test]
async fn a_changed_role_counts_at_once_for_sessions_and_keys() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let member = server.user("member", "acme").await;
    let api = server.api("member@acme.test", "");
    let role = created(&owner, "Builder", &["view_keys", "manage_api_keys"]).await;
    let id: String = sqlx::query_scalar("select id from users where email = 'member@acme.test'").fetch_one(&server.database().await).await.unwrap();
    assert_eq!(owner.call("members/set-role", json!({ "id": id, "role": role })).await.0, StatusCode::OK);
    let make = json!({ "kind": "agent", "name": "a" });
    assert_eq!(api.post("/keys", make.clone()).await.0, StatusCode::CREATED);
    assert_eq!(owner.call("roles/edit", json!({ "id": role, "name": "Builder", "permissions": ["view_keys"] })).await.0, StatusCode::OK);
    assert_eq!(api.post("/keys", make).await.0, StatusCode::FORBIDDEN, "by the next call");
    assert_eq!(api.get("/keys").await.0, StatusCode::OK);
    let (_, viewer) = member.call("account/viewer", json!({})).await;
    assert_eq!(viewer["permissions"], json!(["view_keys"]));
}

#[tokio::test]
async fn the_roles_of_another_organization_are_not_there() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let foreign = server.user("owner", "globex").await;
    let role = created(&owner, "Guest", &[]).await;
    for (function, call) in [
        ("roles/edit", json!({ "id": role, "name": "a", "permissions": [] })),
        ("roles/delete", json!({ "id": role })),
        ("invitations/create", json!({ "email": "a@b", "role": role })),
    ] {
        assert_eq!(foreign.call(function, call).await.0, StatusCode::NOT_FOUND, "{function}");
    }
    assert_eq!(list(&foreign).await.len(), 4);
    // The same name may stand in both.
    assert_eq!(create(&foreign, "Guest", &[]).await.0, StatusCode::OK);
}
