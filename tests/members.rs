//! Server functions of members and invitations.

use latchkey_crypto::random_token::TokenPurpose;
use reqwest::{StatusCode, header::SET_COOKIE};
use serde_json::{Value, json};

use crate::support::{BrowserClient, PASSWORD, TestServer, text};

async fn members_page(page: &BrowserClient) -> Value {
    let (status, data) = page.call("members/list", json!({})).await;
    assert_eq!(status, StatusCode::OK, "{data}");
    data
}

fn find_by<'a>(list: &'a Value, field: &str, value: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|item| item[field] == value).unwrap_or_else(|| panic!("no {value} in {list}"))
}

async fn find_role_id(page: &BrowserClient, name: &str) -> String {
    text(&find_by(&members_page(page).await["roles"], "name", name)["id"])
}

async fn find_member_id(page: &BrowserClient, email: &str) -> String {
    text(&find_by(&members_page(page).await["members"], "email", email)["id"])
}

async fn invite(page: &BrowserClient, email: &str, role_name: &str) -> (StatusCode, Value) {
    page.call("invitations/create", json!({ "email": email, "role": find_role_id(page, role_name).await })).await
}

/// Creates an invitation. Returns the token of its link.
async fn invitation_token(page: &BrowserClient, email: &str, role_name: &str) -> String {
    let (status, created) = invite(page, email, role_name).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    link_token(&created)
}

fn link_token(created: &Value) -> String {
    text(&created["link"]).split_once('#').unwrap().1.to_owned()
}

async fn invitation_offer(server: &TestServer, token: &str) -> (StatusCode, Value) {
    server.visitor().call("account/invitation", json!({ "token": token })).await
}

async fn join(server: &TestServer, token: &str, name: &str, password: &str) -> (StatusCode, Value) {
    server.visitor().call("account/join", json!({ "token": token, "name": name, "password": password })).await
}

async fn set_role(page: &BrowserClient, id: &str, role_name: &str) -> (StatusCode, Value) {
    page.call("members/set-role", json!({ "id": id, "role": find_role_id(page, role_name).await })).await
}

async fn disable(page: &BrowserClient, id: &str, receiver: Option<&str>) -> (StatusCode, Value) {
    page.call("members/disable", json!({ "id": id, "receiver": receiver })).await
}

#[tokio::test]
async fn grantors_are_active_members_who_could_change_the_role() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let (admin, member) = (server.user("admin", "acme").await, server.user("member", "acme").await);
    let other = server.user("owner", "other").await;
    let names = async |page: &BrowserClient, permission: &str| page.call("members/grantors", json!({ "permission": permission })).await;
    let of_acme = (StatusCode::OK, json!(["owner of acme"]));
    assert_eq!(names(&admin, "manage_organization").await, of_acme);
    assert_eq!(names(&admin, "view_keys").await, of_acme, "a member does not manage members");
    // An admin lacks a permission of the owner, and so can't change the owner's role.
    assert_eq!(names(&owner, "view_keys").await, (StatusCode::OK, json!([])));
    assert_eq!(names(&other, "view_keys").await, (StatusCode::OK, json!([])));
    assert_eq!(names(&member, "view_billing").await.0, StatusCode::FORBIDDEN);
    assert_eq!(names(&admin, "nonsense").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn invitation_link_can_be_used_once() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let (_, created) = invite(&owner, " Grace@acme.test ", "member").await;
    assert!(text(&created["link"]).starts_with(&format!("{}/join#", server.url)), "{created}");
    let token = link_token(&created);
    let stored: Vec<u8> = sqlx::query_scalar("select digest from invitations").fetch_one(&server.database().await).await.unwrap();
    assert_eq!(stored, server.state.pepper.token_digest(TokenPurpose::Invitation, &token), "the token itself is not stored");

    let (status, offer) = invitation_offer(&server, &token).await;
    assert_eq!((status, offer), (StatusCode::OK, json!({ "organization": "acme", "invited_by": "owner of acme", "email": "Grace@acme.test" })));
    let visitor = server.visitor();
    let call = json!({ "token": token, "name": "Grace", "password": PASSWORD });
    let response = visitor.function("account/join", &call).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let grace = BrowserClient { cookie: Some(cookie), ..visitor };
    let (_, viewer) = grace.call("account/viewer", json!({})).await;
    assert_eq!((&viewer["name"], &viewer["role"], &viewer["organization"]), (&json!("Grace"), &json!("member"), &json!("acme")));
    assert_eq!(members_page(&owner).await["invitations"], json!([]));

    assert_eq!(invitation_offer(&server, &token).await.0, StatusCode::NOT_FOUND);
    assert_eq!(join(&server, &token, "Eve", PASSWORD).await.0, StatusCode::NOT_FOUND);
    let rows: Vec<(String, String)> =
        sqlx::query_as("select action, actor_name from audit_events order by seq desc limit 2").fetch_all(&server.database().await).await.unwrap();
    let event = |action: &str, by: &str| (action.to_owned(), by.to_owned());
    assert_eq!(rows, [event("user.joined", "Grace"), event("invitation.created", "owner of acme")]);
    // The audit log does not contain the token.
    let texts: Vec<String> =
        sqlx::query_scalar("select detail || object_name || object_id from audit_events").fetch_all(&server.database().await).await.unwrap();
    assert!(texts.iter().all(|text| !text.contains(&token)));
}

#[tokio::test]
async fn concurrent_joins_with_one_link_create_one_account() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let token = invitation_token(&owner, "grace@acme.test", "viewer").await;
    let (first, second) = tokio::join!(join(&server, &token, "Grace", PASSWORD), join(&server, &token, "Eve", PASSWORD));
    let mut statuses = [first.0, second.0];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::NOT_FOUND]);
}

#[tokio::test]
async fn unknown_withdrawn_renewed_or_expired_links_are_invalid() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let database = server.database().await;
    let assert_invalid = async |token: &str| {
        assert_eq!(invitation_offer(&server, token).await.0, StatusCode::NOT_FOUND);
        assert_eq!(join(&server, token, "Eve", PASSWORD).await.0, StatusCode::NOT_FOUND);
    };
    assert_invalid("").await;
    assert_invalid("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await;

    let first = invitation_token(&owner, "grace@acme.test", "viewer").await;
    let id = text(&members_page(&owner).await["invitations"][0]["id"]);
    let (_, renewed) = owner.call("invitations/renew", json!({ "id": id })).await;
    assert_invalid(&first).await;
    let second = link_token(&renewed);
    sqlx::query("update invitations set expires_at = expires_at - 604800001").execute(&database).await.unwrap();
    assert_invalid(&second).await;
    assert_eq!(members_page(&owner).await["invitations"][0]["state"], "expired");
    let (_, renewed) = owner.call("invitations/renew", json!({ "id": id })).await;
    assert_eq!(invitation_offer(&server, &link_token(&renewed)).await.0, StatusCode::OK);
    assert_eq!(owner.call("invitations/withdraw", json!({ "id": id })).await.0, StatusCode::OK);
    assert_invalid(&link_token(&renewed)).await;
    for function in ["invitations/renew", "invitations/withdraw"] {
        assert_eq!(owner.call(function, json!({ "id": id })).await.0, StatusCode::NOT_FOUND, "{function} after the withdrawal");
    }
    // The address can be invited again.
    invitation_token(&owner, "GRACE@acme.test", "viewer").await;
}

#[tokio::test]
async fn invalid_input_is_rejected_with_its_field() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    server.user("owner", "globex").await;
    invitation_token(&owner, "grace@acme.test", "viewer").await;
    for (email, status) in [
        ("", 422),
        ("grace", 422),
        ("a b@acme.test", 422),
        ("a@b\u{202E}", 422),
        (&*format!("{}@acme.test", "a".repeat(250)), 422),
        ("OWNER@acme.test", 409),
        ("Grace@ACME.test", 409),
    ] {
        let (actual, error) = invite(&owner, email, "viewer").await;
        assert_eq!((actual.as_u16(), &error["field"]), (status, &json!("email")), "{email:?}");
    }
    let token = invitation_token(&owner, "ada@acme.test", "viewer").await;
    for (name, password, field) in [
        ("", PASSWORD, "name"),
        ("\u{200B}", PASSWORD, "name"),
        (&*"a".repeat(101), PASSWORD, "name"),
        ("Ada", "short", "password"),
        ("Ada", &*"a".repeat(257), "password"),
    ] {
        let (status, error) = join(&server, &token, name, password).await;
        assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{name:?}");
    }
    // An email address has one account across all organizations.
    let second = invitation_token(&owner, "owner@globex.test", "viewer").await;
    let (status, error) = join(&server, &second, "Ada", PASSWORD).await;
    assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("email")));
    assert_eq!(invitation_offer(&server, &second).await.0, StatusCode::OK, "a rejected join does not use up the link");
}

#[tokio::test]
async fn concurrent_invitations_of_one_address_create_one() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let (first, second) = tokio::join!(invite(&owner, "grace@acme.test", "viewer"), invite(&owner, "GRACE@acme.test", "viewer"));
    let mut statuses = [first.0, second.0];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::CONFLICT]);
}

#[tokio::test]
async fn invitation_depends_on_its_senders_permissions() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let admin = server.user("admin", "acme").await;
    let token = invitation_token(&admin, "grace@acme.test", "member").await;
    let id = find_member_id(&owner, "admin@acme.test").await;
    assert_eq!(invitation_offer(&server, &token).await.0, StatusCode::OK);
    assert_eq!(set_role(&owner, &id, "viewer").await.0, StatusCode::OK);
    assert_eq!(join(&server, &token, "Grace", PASSWORD).await.0, StatusCode::NOT_FOUND);
    assert_eq!(set_role(&owner, &id, "admin").await.0, StatusCode::OK);
    assert_eq!(disable(&owner, &id, None).await.0, StatusCode::OK);
    assert_eq!(join(&server, &token, "Grace", PASSWORD).await.0, StatusCode::NOT_FOUND);
    let open = &members_page(&owner).await["invitations"];
    assert_eq!(open[0]["state"], "void");
    // The user who renews the link becomes its sender.
    let (_, renewed) = owner.call("invitations/renew", json!({ "id": open[0]["id"] })).await;
    assert_eq!(join(&server, &link_token(&renewed), "Grace", PASSWORD).await.0, StatusCode::OK);
}

#[tokio::test]
async fn link_guesses_are_throttled() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    for n in 0..50 {
        assert_eq!(invitation_offer(&server, &format!("guess {n}")).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(invitation_offer(&server, "another").await.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(join(&server, "another", "Eve", PASSWORD).await.0, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn disabled_member_loses_sessions_and_keys_immediately() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let page = server.user("member", "acme").await;
    let (api, verifier) = (server.api("member@acme.test", ""), server.api("owner@acme.test", "verify"));
    let (_, secret) = page.agent_key("a").await;
    let id = find_member_id(&owner, "member@acme.test").await;
    let listed = find_by(&members_page(&owner).await["members"], "id", &id).clone();
    assert_eq!((&listed["keys"], listed["last_seen_at"].is_i64()), (&json!(2), true), "{listed}");
    assert_eq!(disable(&owner, &id, None).await.0, StatusCode::OK);
    assert_eq!(page.call("account/viewer", json!({})).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(verifier.verify(&secret).await, "DISABLED");
    assert_eq!(api.get("/keys").await.1["code"], "disabled_api_key");
    let sign_in = json!({ "email": "member@acme.test", "password": PASSWORD });
    assert_eq!(server.visitor().call("account/sign-in", sign_in).await.0, StatusCode::UNAUTHORIZED);

    assert_eq!(owner.call("members/enable", json!({ "id": id })).await.0, StatusCode::OK);
    assert_eq!(verifier.verify(&secret).await, "VALID");
    assert_eq!(page.call("account/viewer", json!({})).await.0, StatusCode::UNAUTHORIZED, "enabling a member does not restore sessions");
    server.visitor().sign_in("member@acme.test", PASSWORD).await;
    let rows: Vec<String> = sqlx::query_scalar("select action from audit_events where object_id = $1 and actor_name = 'owner of acme' order by seq")
        .bind(&id)
        .fetch_all(&server.database().await)
        .await
        .unwrap();
    assert_eq!(rows, ["user.disabled", "user.enabled"]);
}

#[tokio::test]
async fn enabling_an_internal_key_needs_everything_it_may_do() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let admin = server.user("admin", "acme").await;
    let (all_scopes, few_scopes) = (server.api("owner@acme.test", ""), server.api("owner@acme.test", "keys:read,keys:write"));
    let (_, whoami) = all_scopes.get("/whoami").await;
    let key = text(&whoami["key"]["id"]);
    let enable_in_bulk = async |page: &BrowserClient, ids: &[&str]| page.call("keys/bulk", json!({ "action": "enable", "ids": ids })).await;

    assert_eq!(few_scopes.post(&format!("/keys/{key}/disable"), Value::Null).await.0, StatusCode::OK);
    let (status, problem) = few_scopes.post(&format!("/keys/{key}/enable"), Value::Null).await;
    assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("insufficient_scope")), "the key has more scopes");
    let (other, _) = owner.agent_key("a").await;
    for ids in [&[key.as_str()][..], &[other.as_str(), &key]] {
        assert_eq!(enable_in_bulk(&admin, ids).await.0, StatusCode::FORBIDDEN, "the key's owner has more permissions");
    }
    assert_eq!(all_scopes.get("/whoami").await.1["code"], "disabled_api_key");
    assert_eq!(enable_in_bulk(&owner, &[&key]).await.1, json!({ "done": 1, "left": 0 }));
    assert_eq!(all_scopes.get("/whoami").await.0, StatusCode::OK);
    // Keys of other kinds need no more than before.
    assert_eq!(enable_in_bulk(&admin, &[&other]).await.1, json!({ "done": 1, "left": 0 }));
}

#[tokio::test]
async fn transferred_keys_keep_working_under_their_new_holder() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let page = server.user("member", "acme").await;
    server.user("admin", "acme").await;
    let verifier = server.api("owner@acme.test", "verify");
    let (id, secret) = page.agent_key("a").await;
    // An internal key has its creator's permissions, so it is not transferred: the disabled member would gain the receiver's permissions.
    let internal = server.api("member@acme.test", "");
    let database = server.database().await;
    let (from, to) = (find_member_id(&owner, "member@acme.test").await, find_member_id(&owner, "admin@acme.test").await);
    // Two external credentials, one of a provider that the receiver already has a credential for, and one general key.
    let sql = "insert into credentials (id, number, organization_id, kind, name, name_folded, unique_name, provider, mask, created_by, created_at, \
         updated_at) select $1, $2, organization_id, $3, 'n', 'n', $4, $5, '', id, 0, 0 from users where id = $6";
    for (n, (kind, unique, provider, creator)) in [
        ("external", format!("aws {from}"), Some("aws"), &from),
        ("external", format!("dnanexus {from}"), Some("dnanexus"), &from),
        ("external", format!("aws {to}"), Some("aws"), &to),
        ("general", "openai".to_owned(), None, &from),
    ]
    .into_iter()
    .enumerate()
    {
        let number = i64::try_from(n).unwrap() + 1;
        sqlx::query(sql).bind(format!("crd_{n}")).bind(number).bind(kind).bind(unique).bind(provider).bind(creator).execute(&database).await.unwrap();
    }
    assert_eq!(disable(&owner, &from, Some(&to)).await.0, StatusCode::OK);
    assert_eq!((verifier.verify(&secret).await.as_str(), verifier.verify(&internal.key).await.as_str()), ("VALID", "DISABLED"));
    assert_eq!(internal.get("/keys").await.1["code"], "disabled_api_key");
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("select id, created_by, unique_name from credentials order by id").fetch_all(&database).await.unwrap();
    let held: Vec<_> = rows.iter().map(|(_, by, unique)| (by == &to, unique.as_str())).collect();
    assert_eq!(held, [(false, &*format!("aws {from}")), (true, &*format!("dnanexus {to}")), (true, &*format!("aws {to}")), (true, "openai")]);
    let detail: String =
        sqlx::query_scalar("select detail from audit_events where action = 'user.disabled'").fetch_one(&server.database().await).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&detail).unwrap(), json!({ "keys": 3, "keys_handed_to": "admin of acme", "sessions": 1 }));
    // The keys now depend on their new holder.
    assert_eq!(disable(&owner, &to, None).await.0, StatusCode::OK);
    assert_eq!(verifier.verify(&secret).await, "DISABLED");
    // The key is disabled because its holder is, so it cannot be enabled separately.
    let (status, error) = server.api("owner@acme.test", "").post(&format!("/keys/{id}/enable"), Value::Null).await;
    assert_eq!((status, &error["code"]), (StatusCode::CONFLICT, &json!("conflict")), "{error}");
    let (other, _) = owner.agent_key("b").await;
    assert_eq!(owner.call("keys/bulk", json!({ "action": "enable", "ids": [id] })).await.0, StatusCode::CONFLICT);
    assert_eq!(owner.call("keys/bulk", json!({ "action": "enable", "ids": [id, other] })).await.1, json!({ "done": 1, "left": 1 }));
}

#[tokio::test]
async fn keys_are_transferred_only_to_eligible_members() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let admin = server.user("admin", "acme").await;
    for role in ["member", "viewer"] {
        server.user(role, "acme").await;
    }
    let other_organization = server.user("owner", "globex").await;
    let id = async |role: &str| find_member_id(&owner, &format!("{role}@acme.test")).await;
    let (member_id, viewer_id) = (id("member").await, id("viewer").await);
    for (receiver, status) in [(&viewer_id, StatusCode::UNPROCESSABLE_ENTITY), (&member_id, StatusCode::UNPROCESSABLE_ENTITY)] {
        let (actual, error) = disable(&owner, &member_id, Some(receiver)).await;
        assert_eq!((actual, &error["field"]), (status, &json!("receiver")), "{error}");
    }
    let other_organization_id = find_member_id(&other_organization, "owner@globex.test").await;
    assert_eq!(disable(&owner, &member_id, Some(&other_organization_id)).await.0, StatusCode::NOT_FOUND);
    // A key has its holder's permissions, so an admin cannot transfer keys to an owner.
    assert_eq!(disable(&admin, &member_id, Some(&id("owner").await)).await.0, StatusCode::FORBIDDEN);
    assert_eq!(disable(&owner, &viewer_id, None).await.0, StatusCode::OK);
    assert_eq!(disable(&owner, &member_id, Some(&viewer_id)).await.1["field"], "receiver");
    assert!(find_by(&members_page(&owner).await["members"], "id", &member_id)["disabled_at"].is_null(), "a rejected call changes nothing");
}

#[tokio::test]
async fn members_cannot_change_themselves_or_higher_roles() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let admin = server.user("admin", "acme").await;
    server.user("viewer", "acme").await;
    let id = async |role: &str| find_member_id(&owner, &format!("{role}@acme.test")).await;
    let (owner_id, admin_id, viewer_id) = (id("owner").await, id("admin").await, id("viewer").await);
    for (page, own) in [(&owner, &owner_id), (&admin, &admin_id)] {
        let (status, error) = disable(page, own, None).await;
        assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("member")));
        let (status, error) = set_role(page, own, "viewer").await;
        assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("role")));
    }
    assert_eq!(disable(&admin, &owner_id, None).await.0, StatusCode::FORBIDDEN);
    assert_eq!(admin.call("members/enable", json!({ "id": owner_id })).await.0, StatusCode::FORBIDDEN);
    assert_eq!(set_role(&admin, &owner_id, "viewer").await.0, StatusCode::FORBIDDEN);
    assert_eq!(set_role(&admin, &viewer_id, "owner").await.0, StatusCode::FORBIDDEN, "nor can they grant permissions that they lack");
    assert_eq!(invite(&admin, "new@acme.test", "owner").await.0, StatusCode::FORBIDDEN);
    invitation_token(&owner, "new@acme.test", "owner").await;
    let invitation = text(&members_page(&owner).await["invitations"][0]["id"]);
    for function in ["invitations/renew", "invitations/withdraw"] {
        assert_eq!(admin.call(function, json!({ "id": invitation })).await.0, StatusCode::FORBIDDEN, "{function}");
    }
    assert_eq!(set_role(&admin, &viewer_id, "admin").await.0, StatusCode::OK);
    assert_eq!(admin.call("account/viewer", json!({})).await.0, StatusCode::OK);
}

#[tokio::test]
async fn organization_keeps_an_enabled_owner() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    // A role with all of the owner's permissions.
    let (_, roles) = owner.call("roles/list", json!({})).await;
    let everything = &find_by(&roles, "name", "owner")["permissions"];
    let (_, deputy) = owner.call("roles/create", json!({ "name": "Deputy", "permissions": everything })).await;
    let page = server.user("admin", "acme").await;
    let (owner_id, admin_id) = (find_member_id(&owner, "owner@acme.test").await, find_member_id(&owner, "admin@acme.test").await);
    assert_eq!(owner.call("members/set-role", json!({ "id": admin_id, "role": deputy["id"] })).await.0, StatusCode::OK);
    let (status, error) = disable(&page, &owner_id, None).await;
    assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("member")));
    let (status, error) = set_role(&page, &owner_id, "viewer").await;
    assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("role")));
    assert_eq!(owner.call("account/viewer", json!({})).await.1["role"], "owner", "a rejected call changes nothing");
    assert_eq!(set_role(&owner, &admin_id, "owner").await.0, StatusCode::OK);
    assert_eq!(set_role(&page, &owner_id, "viewer").await.0, StatusCode::OK, "there is another owner now");
}

#[tokio::test]
async fn one_owner_remains_when_two_disable_each_other() {
    let server = TestServer::start().await;
    let ada = server.user("owner", "acme").await;
    let bob = server.user("admin", "acme").await;
    let (ada_id, bob_id) = (find_member_id(&ada, "owner@acme.test").await, find_member_id(&ada, "admin@acme.test").await);
    assert_eq!(set_role(&ada, &bob_id, "owner").await.0, StatusCode::OK);
    let (first, second) = tokio::join!(disable(&ada, &bob_id, None), disable(&bob, &ada_id, None));
    let done = [first.0, second.0].iter().filter(|status| **status == StatusCode::OK).count();
    assert_eq!(done, 1, "{first:?} {second:?}");
    let active: i64 = sqlx::query_scalar("select count(*) from users where disabled_at is null").fetch_one(&server.database().await).await.unwrap();
    assert_eq!(active, 1);
}

#[tokio::test]
async fn role_change_applies_immediately() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let page = server.user("member", "acme").await;
    let api = server.api("member@acme.test", "");
    assert_eq!(api.get("/keys").await.0, StatusCode::OK);
    let id = find_member_id(&owner, "member@acme.test").await;
    assert_eq!(set_role(&owner, &id, "viewer").await.0, StatusCode::OK);
    assert_eq!(api.post("/keys", json!({ "kind": "agent", "name": "a" })).await.0, StatusCode::FORBIDDEN);
    assert_eq!(page.call("account/viewer", json!({})).await.1["role"], "viewer");
}

#[tokio::test]
async fn members_of_another_organization_are_not_found() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    server.user("viewer", "acme").await;
    let other_organization = server.user("owner", "globex").await;
    let viewer_id = find_member_id(&owner, "viewer@acme.test").await;
    invitation_token(&owner, "grace@acme.test", "viewer").await;
    let invitation = members_page(&owner).await["invitations"][0]["id"].clone();
    assert_eq!(disable(&other_organization, &viewer_id, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(other_organization.call("members/enable", json!({ "id": viewer_id })).await.0, StatusCode::NOT_FOUND);
    assert_eq!(set_role(&other_organization, &viewer_id, "viewer").await.0, StatusCode::NOT_FOUND);
    let other_organization_role = find_role_id(&other_organization, "viewer").await;
    assert_eq!(owner.call("members/set-role", json!({ "id": viewer_id, "role": other_organization_role })).await.0, StatusCode::NOT_FOUND);
    for function in ["invitations/renew", "invitations/withdraw"] {
        assert_eq!(other_organization.call(function, json!({ "id": invitation })).await.0, StatusCode::NOT_FOUND, "{function}");
    }
    let data = members_page(&other_organization).await;
    assert_eq!((data["members"].as_array().unwrap().len(), &data["invitations"]), (1, &json!([])));
    // The same address can be invited to both organizations.
    invitation_token(&other_organization, "grace@acme.test", "viewer").await;
}
