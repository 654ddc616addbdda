//! Signing keys and the JWKS endpoint.

use std::time::Duration;

use latchkey_core::{accounts, project_keys, public_url::PublicUrl};
use latchkey_program::{config::OutgoingOptions, data_dir::Data};
use latchkey_store::{WriteLock, users};
use latchkey_types::id::{KeyId, OrganizationId};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Fixture;
use crate::support::{
    TestServer, eventually,
    projects::{insert_issued_key, reveal_token},
    text, within,
};

/// The `kid`s of the published keys.
async fn jwks(server: &TestServer) -> Vec<String> {
    let response = server.visitor().get("/.well-known/jwks.json").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    for (name, value) in [
        ("content-type", "application/json"),
        ("cache-control", "public, max-age=300"),
        ("access-control-allow-origin", "*"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    let set: Value = response.json().await.unwrap();
    let keys = set["keys"].as_array().unwrap();
    for key in keys {
        assert_eq!((&key["kty"], &key["crv"], &key["alg"], &key["use"]), (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"), &json!("sig")));
        assert_eq!((text(&key["x"]).len(), text(&key["kid"]).len(), key.as_object().unwrap().len()), (43, 43, 6), "{key}");
    }
    keys.iter().map(|key| text(&key["kid"])).collect()
}

/// The `kid`s of the stored private keys.
async fn private_keys(server: &TestServer) -> Vec<String> {
    let sql = "select name from keyring where name like 'signing %'";
    let names: Vec<String> = sqlx::query_scalar(sql).fetch_all(&server.database().await).await.unwrap();
    names.into_iter().map(|name| name["signing ".len()..].to_owned()).collect()
}

#[tokio::test]
async fn retired_key_is_published_until_its_last_token_expires() {
    let fixture = Fixture::start().await;
    let server = &fixture.server;
    let first = jwks(server).await;
    assert_eq!((first.len(), private_keys(server).await), (1, first.clone()));
    let (other, other_token) = fixture.issue_key().await;
    assert_eq!(jwks(server).await, first, "one key signs many tokens");

    let rotated = server.latchkey(&["admin", "rotate-signing-key"], "");
    assert!(rotated.status.success(), "{rotated:?}");
    server.changes_applied().await;
    let both = jwks(server).await;
    assert_eq!((both.len(), &both[1]), (2, &first[0]), "the new key is first");
    assert!(String::from_utf8(rotated.stdout).unwrap().contains(&both[0]));
    assert_eq!(private_keys(server).await, both[..1], "the old private key is deleted");
    server.state.verifier.invalidate_all();
    assert_eq!(fixture.api.verify(&fixture.token).await, "VALID");
    let (_, later_token) = fixture.issue_key().await;
    assert_eq!(fixture.api.verify(&later_token).await, "VALID");
    let events: i64 = sqlx::query_scalar("select count(*) from audit_events where action = 'signing_key.rotated' and actor_kind = 'console'")
        .fetch_one(&server.database().await)
        .await
        .unwrap();
    assert_eq!(events, 1);

    fixture.change("update api_keys set revoked_at = 1 where id = $1", fixture.key).await;
    assert_eq!((jwks(server).await.len(), fixture.api.verify(&other_token).await.as_str()), (2, "VALID"), "one of its tokens is still valid");
    fixture.change("update api_keys set expires_at = 1000 where id = $1", other).await;
    assert_eq!(jwks(server).await, both[..1]);
    assert_eq!(fixture.api.verify(&other_token).await, "EXPIRED");
    assert_eq!(fixture.api.verify(&later_token).await, "VALID");
}

#[tokio::test]
async fn jwks_is_served_from_memory_until_the_signing_keys_change() {
    let fixture = Fixture::start().await;
    let server = &fixture.server;
    server.changes_applied().await;
    let before = jwks(server).await;
    let kid = "a".repeat(43);
    // Written without publishing a change.
    let sql = "insert into signing_keys (kid, public_key, created_at) values ($1, $2, 1)";
    sqlx::query(sql).bind(&kid).bind(vec![1_u8; 32]).execute(&server.database().await).await.unwrap();
    for _ in 0..20 {
        assert_eq!(jwks(server).await, before);
    }
    fixture.change("update signing_keys set created_at = 2 where kid = $1", &kid).await;
    assert_eq!(jwks(server).await, [before, vec![kid]].concat());
}

#[tokio::test]
async fn signing_key_is_created_on_reveal_and_every_90_days() {
    let server = TestServer::start().await;
    assert_eq!(jwks(&server).await, [""; 0]);
    let fixture = Fixture::with(server).await;
    let first = jwks(&fixture.server).await;
    let day: i64 = 24 * 60 * 60 * 1000;
    let mut keys = 1;
    for (days, created) in [(89, 0), (2, 1), (0, 0)] {
        fixture.change("update signing_keys set created_at = created_at - cast($1 as bigint) where retired_at is null", days * day).await;
        let (_, token) = fixture.issue_key().await;
        keys += created;
        assert_eq!(jwks(&fixture.server).await.len(), keys, "{days} days more");
        assert_eq!(fixture.api.verify(&token).await, "VALID");
    }
    assert_eq!(jwks(&fixture.server).await[1], first[0]);
    assert_eq!(fixture.api.verify(&fixture.token).await, "VALID");
}

#[tokio::test]
async fn a_reveal_does_not_wait_for_changes_of_other_organizations() {
    let fixture = Fixture::start().await;
    let store = &fixture.server.state.store;
    if !store.is_shared() {
        return;
    }
    let key = insert_issued_key(&fixture.server, fixture.template, "owner@acme.test", None).await;
    let other = store.begin_locked(WriteLock::Organization(OrganizationId::new())).await.unwrap();
    let token = timeout(Duration::from_secs(2), reveal_token(&fixture.owner, key)).await.expect("it does not wait");
    drop(other);
    assert_eq!(fixture.api.verify(&token).await, "VALID");
}

#[tokio::test]
async fn signing_key_of_another_process_works_within_250_ms() {
    let fixture = Fixture::start().await;
    let data = Data::open_for_admin(&fixture.server.data_options()).await.unwrap();
    let url = PublicUrl::new(Some(&fixture.server.url), ([127, 0, 0, 1], 1).into()).unwrap();
    let other = data.core(url, OutgoingOptions::default()).unwrap();
    let owner = users::find_user_by_email(&other.store, "owner@acme.test").await.unwrap().unwrap();
    let actor = accounts::console_actor(&owner);
    for _ in 0..3 {
        assert!(fixture.server.latchkey(&["admin", "rotate-signing-key"], "").status.success());
        let key: KeyId = insert_issued_key(&fixture.server, fixture.template, "owner@acme.test", None).await;
        let token = project_keys::reveal(&other, &actor, key).await.unwrap();
        within(Duration::from_millis(250), "the token is valid", async || fixture.api.verify(token.reveal()).await == "VALID").await;
        assert_eq!(fixture.api.verify(&fixture.token).await, "VALID");
    }
    data.store.close().await;
}

#[tokio::test]
async fn master_key_rotation_keeps_signing_key_and_tokens() {
    let fixture = Fixture::start().await;
    let kids = jwks(&fixture.server).await;
    for _ in 0..2 {
        let rotated = fixture.server.latchkey(&["admin", "rotate-master-key"], "");
        assert!(rotated.status.success(), "{rotated:?}");
        let key = insert_issued_key(&fixture.server, fixture.template, "owner@acme.test", None).await;
        let token = reveal_token(&fixture.owner, key).await;
        for token in [&token, &fixture.token] {
            assert_eq!(fixture.api.verify(token).await, "VALID");
        }
    }
    assert_eq!(jwks(&fixture.server).await, kids);
}

#[tokio::test]
async fn jwks_is_unavailable_without_the_database() {
    let fixture = Fixture::start().await;
    sqlx::query("alter table verdict_changes rename to elsewhere").execute(&fixture.server.database().await).await.unwrap();
    let visitor = fixture.server.visitor();
    let get = async || visitor.get("/.well-known/jwks.json").send().await.unwrap();
    eventually("503", async || get().await.status() == StatusCode::SERVICE_UNAVAILABLE).await;
    let problem = get().await;
    assert_eq!(
        (&problem.headers()["content-type"], &problem.headers()["cache-control"]),
        (&"application/problem+json".parse().unwrap(), &"no-store".parse().unwrap())
    );
    assert_eq!(problem.json::<Value>().await.unwrap()["code"], "unavailable");
}
