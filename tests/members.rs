//! Members and invitations, by their server functions.

use reqwest::{StatusCode, header::SET_COOKIE};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Page, TestServer, text};

async fn people(page: &Page) -> Value {
    let (status, people) = page.call("members/list", json!({})).await;
    assert_eq!(status, StatusCode::OK, "{people}");
    people
}

fn found<'a>(list: &'a Value, field: &str, value: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|one| one[field] == value).unwrap_or_else(|| panic!("no {value} in {list}"))
}

async fn role(page: &Page, name: &str) -> String {
    text(&found(&people(page).await["roles"], "name", name)["id"])
}

async fn member(page: &Page, email: &str) -> String {
    text(&found(&people(page).await["members"], "email", email)["id"])
}

async fn invite(page: &Page, email: &str, role_name: &str) -> (StatusCode, Value) {
    page.call("invitations/create", json!({ "email": email, "role": role(page, role_name).await })).await
}

/// The token of a new invitation.
async fn invited(page: &Page, email: &str, role_name: &str) -> String {
    let (status, made) = invite(page, email, role_name).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    token(&made)
}

fn token(made: &Value) -> String {
    text(&made["link"]).split_once('#').unwrap().1.to_owned()
}

async fn offer(server: &TestServer, token: &str) -> (StatusCode, Value) {
    server.visitor().call("account/invitation", json!({ "token": token })).await
}

async fn join(server: &TestServer, token: &str, name: &str, password: &str) -> (StatusCode, Value) {
    server.visitor().call("account/join", json!({ "token": token, "name": name, "password": password })).await
}

async fn set_role(page: &Page, id: &str, role_name: &str) -> (StatusCode, Value) {
    page.call("members/set-role", json!({ "id": id, "role": role(page, role_name).await })).await
}

async fn disable(page: &Page, id: &str, receiver: Option<&str>) -> (StatusCode, Value) {
    page.call("members/disable", json!({ "id": id, "receiver": receiver })).await
}

#[tokio::test]
async fn whoever_is_invited_joins_with_the_link_once() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let (_, made) = invite(&owner, " Grace@acme.test ", "member").await;
    assert!(text(&made["link"]).starts_with(&format!("{}/join#", server.url)), "{made}");
    let token = token(&made);
    let stored: Vec<u8> = sqlx::query_scalar("select digest from invitations").fetch_one(&server.database().await).await.unwrap();
    assert_eq!(stored, sha256(&token));

    let (status, offered) = offer(&server, &token).await;
    assert_eq!((status, offered), (StatusCode::OK, json!({ "organization": "acme", "invited_by": "owner of acme", "email": "Grace@acme.test" })));
    let visitor = server.visitor();
    let call = json!({ "token": token, "name": "Grace", "password": PASSWORD });
    let response = visitor.function("account/join", &call).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let grace = Page { cookie: Some(cookie), ..visitor };
    let (_, viewer) = grace.call("account/viewer", json!({})).await;
    assert_eq!((&viewer["name"], &viewer["role"], &viewer["organization"]), (&json!("Grace"), &json!("member"), &json!("acme")));
    assert_eq!(people(&owner).await["invitations"], json!([]));

    assert_eq!(offer(&server, &token).await.0, StatusCode::NOT_FOUND);
    assert_eq!(join(&server, &token, "Eve", PASSWORD).await.0, StatusCode::NOT_FOUND);
    let rows: Vec<(String, String)> =
        sqlx::query_as("select action, actor_name from audit_events order by seq desc limit 2").fetch_all(&server.database().await).await.unwrap();
    let named = |action: &str, by: &str| (action.to_owned(), by.to_owned());
    assert_eq!(rows, [named("user.joined", "Grace"), named("invitation.created", "owner of acme")]);
    // Nothing of the token is in the log.
    let told: Vec<String> =
        sqlx::query_scalar("select detail || object_name || object_id from audit_events").fetch_all(&server.database().await).await.unwrap();
    assert!(told.iter().all(|told| !told.contains(&token)));
}

fn sha256(text: &str) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(text.as_bytes()).to_vec()
}

#[tokio::test]
async fn of_two_who_join_with_one_link_at_once_one_does() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let token = invited(&owner, "grace@acme.test", "viewer").await;
    let (first, second) = tokio::join!(join(&server, &token, "Grace", PASSWORD), join(&server, &token, "Eve", PASSWORD));
    let mut answers = [first.0, second.0];
    answers.sort();
    assert_eq!(answers, [StatusCode::OK, StatusCode::NOT_FOUND]);
}

#[tokio::test]
async fn a_link_that_is_unknown_withdrawn_renewed_or_expired_is_good_for_nothing() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let database = server.database().await;
    let gone = async |token: &str| {
        assert_eq!(offer(&server, token).await.0, StatusCode::NOT_FOUND);
        assert_eq!(join(&server, token, "Eve", PASSWORD).await.0, StatusCode::NOT_FOUND);
    };
    gone("").await;
    gone("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await;

    let first = invited(&owner, "grace@acme.test", "viewer").await;
    let id = text(&people(&owner).await["invitations"][0]["id"]);
    let (_, renewed) = owner.call("invitations/renew", json!({ "id": id })).await;
    gone(&first).await;
    let second = token(&renewed);
    sqlx::query("update invitations set expires_at = expires_at - 604800001").execute(&database).await.unwrap();
    gone(&second).await;
    assert_eq!(people(&owner).await["invitations"][0]["state"], "expired");
    let (_, renewed) = owner.call("invitations/renew", json!({ "id": id })).await;
    assert_eq!(offer(&server, &token(&renewed)).await.0, StatusCode::OK);
    assert_eq!(owner.call("invitations/withdraw", json!({ "id": id })).await.0, StatusCode::OK);
    gone(&token(&renewed)).await;
    for function in ["invitations/renew", "invitations/withdraw"] {
        assert_eq!(owner.call(function, json!({ "id": id })).await.0, StatusCode::NOT_FOUND, "{function}, once it was withdrawn");
    }
    // The address is free for another one.
    invited(&owner, "GRACE@acme.test", "viewer").await;
}

#[tokio::test]
async fn what_cant_be_taken_is_refused_at_its_field() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    server.user("owner", "globex").await;
    invited(&owner, "grace@acme.test", "viewer").await;
    for (email, status) in [
        ("", 422),
        ("grace", 422),
        ("a b@acme.test", 422),
        ("a@b\u{202E}", 422),
        (&*format!("{}@acme.test", "a".repeat(250)), 422),
        ("OWNER@acme.test", 409),
        ("Grace@ACME.test", 409),
    ] {
        let (answered, fault) = invite(&owner, email, "viewer").await;
        assert_eq!((answered.as_u16(), &fault["field"]), (status, &json!("email")), "{email:?}");
    }
    let token = invited(&owner, "ada@acme.test", "viewer").await;
    for (name, password, field) in [
        ("", PASSWORD, "name"),
        ("\u{200B}", PASSWORD, "name"),
        (&*"a".repeat(101), PASSWORD, "name"),
        ("Ada", "short", "password"),
        ("Ada", &*"a".repeat(257), "password"),
    ] {
        let (status, fault) = join(&server, &token, name, password).await;
        assert_eq!((status, &fault["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{name:?}");
    }
    // Wherever it is, an address signs in to one account.
    let second = invited(&owner, "owner@globex.test", "viewer").await;
    let (status, fault) = join(&server, &second, "Ada", PASSWORD).await;
    assert_eq!((status, &fault["field"]), (StatusCode::CONFLICT, &json!("email")));
    assert_eq!(offer(&server, &second).await.0, StatusCode::OK, "a refusal uses nothing up");
}

#[tokio::test]
async fn of_two_invitations_of_one_address_at_once_one_is_made() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let (first, second) = tokio::join!(invite(&owner, "grace@acme.test", "viewer"), invite(&owner, "GRACE@acme.test", "viewer"));
    let mut answers = [first.0, second.0];
    answers.sort();
    assert_eq!(answers, [StatusCode::OK, StatusCode::CONFLICT]);
}

#[tokio::test]
async fn an_invitation_is_worth_no_more_than_who_sent_it() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let admin = server.user("admin", "acme").await;
    let token = invited(&admin, "grace@acme.test", "member").await;
    let id = member(&owner, "admin@acme.test").await;
    assert_eq!(offer(&server, &token).await.0, StatusCode::OK);
    assert_eq!(set_role(&owner, &id, "viewer").await.0, StatusCode::OK);
    assert_eq!(join(&server, &token, "Grace", PASSWORD).await.0, StatusCode::NOT_FOUND);
    assert_eq!(set_role(&owner, &id, "admin").await.0, StatusCode::OK);
    assert_eq!(disable(&owner, &id, None).await.0, StatusCode::OK);
    assert_eq!(join(&server, &token, "Grace", PASSWORD).await.0, StatusCode::NOT_FOUND);
    let open = &people(&owner).await["invitations"];
    assert_eq!(open[0]["state"], "void");
    // Whoever makes a new link answers for it.
    let (_, renewed) = owner.call("invitations/renew", json!({ "id": open[0]["id"] })).await;
    assert_eq!(join(&server, &self::token(&renewed), "Grace", PASSWORD).await.0, StatusCode::OK);
}

#[tokio::test]
async fn guesses_of_links_are_counted() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    for n in 0..50 {
        assert_eq!(offer(&server, &format!("guess {n}")).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(offer(&server, "another").await.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(join(&server, "another", "Eve", PASSWORD).await.0, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_member_who_is_disabled_is_out_at_once_and_their_keys_rest() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let page = server.user("member", "acme").await;
    let (api, judge) = (server.api("member@acme.test", ""), server.api("owner@acme.test", "verify"));
    let (_, secret) = page.agent_key("a").await;
    let id = member(&owner, "member@acme.test").await;
    let listed = found(&people(&owner).await["members"], "id", &id).clone();
    assert_eq!((&listed["keys"], listed["last_seen_at"].is_i64()), (&json!(2), true), "{listed}");
    assert_eq!(disable(&owner, &id, None).await.0, StatusCode::OK);
    assert_eq!(page.call("account/viewer", json!({})).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(judge.verify(&secret).await, "DISABLED");
    assert_eq!(api.get("/keys").await.1["code"], "disabled_api_key");
    let sign_in = json!({ "email": "member@acme.test", "password": PASSWORD });
    assert_eq!(server.visitor().call("account/sign-in", sign_in).await.0, StatusCode::UNAUTHORIZED);

    assert_eq!(owner.call("members/enable", json!({ "id": id })).await.0, StatusCode::OK);
    assert_eq!(judge.verify(&secret).await, "VALID");
    assert_eq!(page.call("account/viewer", json!({})).await.0, StatusCode::UNAUTHORIZED, "the sessions are gone for good");
    server.visitor().sign_in("member@acme.test", PASSWORD).await;
    let rows: Vec<String> = sqlx::query_scalar("select action from audit_events where object_id = $1 and actor_name = 'owner of acme' order by seq")
        .bind(&id)
        .fetch_all(&server.database().await)
        .await
        .unwrap();
    assert_eq!(rows, ["user.disabled", "user.enabled"]);
}

#[tokio::test]
async fn keys_that_are_handed_over_go_on_and_do_what_their_new_holder_may() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let page = server.user("member", "acme").await;
    server.user("admin", "acme").await;
    let judge = server.api("owner@acme.test", "verify");
    let (id, secret) = page.agent_key("a").await;
    // An internal key does what its maker may: in the hands of whoever leaves it must not do what the receiver may.
    let internal = server.api("member@acme.test", "");
    let database = server.database().await;
    let (from, to) = (member(&owner, "member@acme.test").await, member(&owner, "admin@acme.test").await);
    // Two storage credentials, of which the receiver has one of the same provider already, and one for a language model.
    let sql = "insert into credentials (id, number, organization_id, kind, name, name_folded, unique_name, provider, mask, created_by, created_at, \
         updated_at) select $1, $2, organization_id, $3, 'n', 'n', $4, $5, '', id, 0, 0 from users where id = $6";
    for (n, (kind, unique, provider, whose)) in [
        ("storage", format!("aws {from}"), Some("aws"), &from),
        ("storage", format!("dnanexus {from}"), Some("dnanexus"), &from),
        ("storage", format!("aws {to}"), Some("aws"), &to),
        ("llm", "openai".to_owned(), None, &from),
    ]
    .into_iter()
    .enumerate()
    {
        let number = i64::try_from(n).unwrap() + 1;
        sqlx::query(sql).bind(format!("crd_{n}")).bind(number).bind(kind).bind(unique).bind(provider).bind(whose).execute(&database).await.unwrap();
    }
    assert_eq!(disable(&owner, &from, Some(&to)).await.0, StatusCode::OK);
    assert_eq!((judge.verify(&secret).await.as_str(), judge.verify(&internal.key).await.as_str()), ("VALID", "DISABLED"));
    assert_eq!(internal.get("/keys").await.1["code"], "disabled_api_key");
    let holders: Vec<(String, String, String)> =
        sqlx::query_as("select id, created_by, unique_name from credentials order by id").fetch_all(&database).await.unwrap();
    let held: Vec<_> = holders.iter().map(|(_, by, unique)| (by == &to, unique.as_str())).collect();
    assert_eq!(held, [(false, &*format!("aws {from}")), (true, &*format!("dnanexus {to}")), (true, &*format!("aws {to}")), (true, "openai")]);
    let detail: String = sqlx::query_scalar("select detail from audit_events where action = 'user.disabled'").fetch_one(&database).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&detail).unwrap(), json!({ "keys": 3, "keys_handed_to": "admin of acme", "sessions": 1 }));
    // The keys go with their new holder now.
    assert_eq!(disable(&owner, &to, None).await.0, StatusCode::OK);
    assert_eq!(judge.verify(&secret).await, "DISABLED");
    // It rests because of them, so nobody can wake it alone.
    let (status, fault) = server.api("owner@acme.test", "").post(&format!("/keys/{id}/enable"), Value::Null).await;
    assert_eq!((status, &fault["code"]), (StatusCode::CONFLICT, &json!("conflict")), "{fault}");
    let (other, _) = owner.agent_key("b").await;
    assert_eq!(owner.call("keys/act", json!({ "action": "enable", "ids": [id] })).await.0, StatusCode::CONFLICT);
    assert_eq!(owner.call("keys/act", json!({ "action": "enable", "ids": [id, other] })).await.1, json!({ "done": 1, "left": 1 }));
}

#[tokio::test]
async fn keys_are_handed_only_to_those_who_may_hold_them() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let admin = server.user("admin", "acme").await;
    for role in ["member", "viewer"] {
        server.user(role, "acme").await;
    }
    let foreign = server.user("owner", "globex").await;
    let id = async |role: &str| member(&owner, &format!("{role}@acme.test")).await;
    let (member_id, viewer_id) = (id("member").await, id("viewer").await);
    for (receiver, status) in [(&viewer_id, StatusCode::UNPROCESSABLE_ENTITY), (&member_id, StatusCode::UNPROCESSABLE_ENTITY)] {
        let (answered, fault) = disable(&owner, &member_id, Some(receiver)).await;
        assert_eq!((answered, &fault["field"]), (status, &json!("receiver")), "{fault}");
    }
    let stranger = member(&foreign, "owner@globex.test").await;
    assert_eq!(disable(&owner, &member_id, Some(&stranger)).await.0, StatusCode::NOT_FOUND);
    // A key does what its holder may do: an admin would give away what only owners may.
    assert_eq!(disable(&admin, &member_id, Some(&id("owner").await)).await.0, StatusCode::FORBIDDEN);
    assert_eq!(disable(&owner, &viewer_id, None).await.0, StatusCode::OK);
    assert_eq!(disable(&owner, &member_id, Some(&viewer_id)).await.1["field"], "receiver");
    assert!(found(&people(&owner).await["members"], "id", &member_id)["disabled_at"].is_null(), "what was refused changed nothing");
}

#[tokio::test]
async fn nobody_changes_themselves_or_those_who_may_more() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let admin = server.user("admin", "acme").await;
    server.user("viewer", "acme").await;
    let id = async |role: &str| member(&owner, &format!("{role}@acme.test")).await;
    let (owner_id, admin_id, viewer_id) = (id("owner").await, id("admin").await, id("viewer").await);
    for (page, own) in [(&owner, &owner_id), (&admin, &admin_id)] {
        let (status, fault) = disable(page, own, None).await;
        assert_eq!((status, &fault["field"]), (StatusCode::CONFLICT, &json!("member")));
        let (status, fault) = set_role(page, own, "viewer").await;
        assert_eq!((status, &fault["field"]), (StatusCode::CONFLICT, &json!("role")));
    }
    assert_eq!(disable(&admin, &owner_id, None).await.0, StatusCode::FORBIDDEN);
    assert_eq!(admin.call("members/enable", json!({ "id": owner_id })).await.0, StatusCode::FORBIDDEN);
    assert_eq!(set_role(&admin, &owner_id, "viewer").await.0, StatusCode::FORBIDDEN);
    assert_eq!(set_role(&admin, &viewer_id, "owner").await.0, StatusCode::FORBIDDEN, "nor gives what they lack");
    assert_eq!(invite(&admin, "new@acme.test", "owner").await.0, StatusCode::FORBIDDEN);
    invited(&owner, "new@acme.test", "owner").await;
    let invitation = text(&people(&owner).await["invitations"][0]["id"]);
    for function in ["invitations/renew", "invitations/withdraw"] {
        assert_eq!(admin.call(function, json!({ "id": invitation })).await.0, StatusCode::FORBIDDEN, "{function}");
    }
    assert_eq!(set_role(&admin, &viewer_id, "admin").await.0, StatusCode::OK);
    assert_eq!(admin.call("account/viewer", json!({})).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_organization_keeps_an_owner_who_can_sign_in() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    // Somebody who may as much and is no owner.
    let (_, roles) = owner.call("roles/list", json!({})).await;
    let everything = &found(&roles, "name", "owner")["permissions"];
    let (_, deputy) = owner.call("roles/create", json!({ "name": "Deputy", "permissions": everything })).await;
    let page = server.user("admin", "acme").await;
    let (owner_id, admin_id) = (member(&owner, "owner@acme.test").await, member(&owner, "admin@acme.test").await);
    assert_eq!(owner.call("members/set-role", json!({ "id": admin_id, "role": deputy["id"] })).await.0, StatusCode::OK);
    let (status, fault) = disable(&page, &owner_id, None).await;
    assert_eq!((status, &fault["field"]), (StatusCode::CONFLICT, &json!("member")));
    let (status, fault) = set_role(&page, &owner_id, "viewer").await;
    assert_eq!((status, &fault["field"]), (StatusCode::CONFLICT, &json!("role")));
    assert_eq!(owner.call("account/viewer", json!({})).await.1["role"], "owner", "what was refused changed nothing");
    assert_eq!(set_role(&owner, &admin_id, "owner").await.0, StatusCode::OK);
    assert_eq!(set_role(&page, &owner_id, "viewer").await.0, StatusCode::OK, "there is another one now");
}

#[tokio::test]
async fn of_two_owners_who_disable_each_other_at_once_one_stays() {
    let server = TestServer::start().await;
    let ada = server.user("owner", "acme").await;
    let bob = server.user("admin", "acme").await;
    let (ada_id, bob_id) = (member(&ada, "owner@acme.test").await, member(&ada, "admin@acme.test").await);
    assert_eq!(set_role(&ada, &bob_id, "owner").await.0, StatusCode::OK);
    let (first, second) = tokio::join!(disable(&ada, &bob_id, None), disable(&bob, &ada_id, None));
    let done = [first.0, second.0].iter().filter(|status| **status == StatusCode::OK).count();
    assert_eq!(done, 1, "{first:?} {second:?}");
    let active: i64 = sqlx::query_scalar("select count(*) from users where disabled_at is null").fetch_one(&server.database().await).await.unwrap();
    assert_eq!(active, 1);
}

#[tokio::test]
async fn a_changed_role_counts_at_once() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let page = server.user("member", "acme").await;
    let api = server.api("member@acme.test", "");
    assert_eq!(api.get("/keys").await.0, StatusCode::OK);
    let id = member(&owner, "member@acme.test").await;
    assert_eq!(set_role(&owner, &id, "viewer").await.0, StatusCode::OK);
    assert_eq!(api.post("/keys", json!({ "kind": "agent", "name": "a" })).await.0, StatusCode::FORBIDDEN);
    assert_eq!(page.call("account/viewer", json!({})).await.1["role"], "viewer");
}

#[tokio::test]
async fn the_people_of_another_organization_are_not_there() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    server.user("viewer", "acme").await;
    let foreign = server.user("owner", "globex").await;
    let viewer_id = member(&owner, "viewer@acme.test").await;
    invited(&owner, "grace@acme.test", "viewer").await;
    let invitation = people(&owner).await["invitations"][0]["id"].clone();
    assert_eq!(disable(&foreign, &viewer_id, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(foreign.call("members/enable", json!({ "id": viewer_id })).await.0, StatusCode::NOT_FOUND);
    assert_eq!(set_role(&foreign, &viewer_id, "viewer").await.0, StatusCode::NOT_FOUND);
    let foreign_role = role(&foreign, "viewer").await;
    assert_eq!(owner.call("members/set-role", json!({ "id": viewer_id, "role": foreign_role })).await.0, StatusCode::NOT_FOUND);
    for function in ["invitations/renew", "invitations/withdraw"] {
        assert_eq!(foreign.call(function, json!({ "id": invitation })).await.0, StatusCode::NOT_FOUND, "{function}");
    }
    let seen = people(&foreign).await;
    assert_eq!((seen["members"].as_array().unwrap().len(), &seen["invitations"]), (1, &json!([])));
    // The same address may be invited to both.
    invited(&foreign, "grace@acme.test", "viewer").await;
}
