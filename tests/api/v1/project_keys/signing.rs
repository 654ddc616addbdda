//! The keys that sign, and their public halves.

use std::{fs, time::Duration};

use latchkey_core::{accounts, project_keys, public_url::PublicUrl};
use latchkey_program::{config::OutgoingOptions, data_dir::Data};
use latchkey_store::users;
use latchkey_types::id::KeyId;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Desk;
use crate::support::{
    TestServer, eventually,
    projects::{issued, revealed},
    text,
};

/// The public keys' names.
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

async fn private_halves(server: &TestServer) -> Vec<String> {
    let sql = "select name from keyring where name like 'signing %'";
    let names: Vec<String> = sqlx::query_scalar(sql).fetch_all(&server.database().await).await.unwrap();
    names.into_iter().map(|name| name["signing ".len()..].to_owned()).collect()
}

#[tokio::test]
async fn a_retired_key_stays_public_until_its_last_token_ends() {
    let desk = Desk::open().await;
    let server = &desk.server;
    let first = jwks(server).await;
    assert_eq!((first.len(), private_halves(server).await), (1, first.clone()));
    let (other, other_token) = desk.another().await;
    assert_eq!(jwks(server).await, first, "one key signs many tokens");

    let rotated = server.latchkey(&["admin", "rotate-signing-key"], "");
    assert!(rotated.status.success(), "{rotated:?}");
    let both = jwks(server).await;
    assert_eq!((both.len(), &both[1]), (2, &first[0]), "the new one leads");
    assert!(String::from_utf8(rotated.stdout).unwrap().contains(&both[0]));
    assert_eq!(private_halves(server).await, both[..1], "nothing is signed with the old one any more");
    server.state.verifier.forget(None);
    assert_eq!(desk.api.verify(&desk.token).await, "VALID");
    let (_, later_token) = desk.another().await;
    assert_eq!(desk.api.verify(&later_token).await, "VALID");
    let said: i64 = sqlx::query_scalar("select count(*) from audit_events where action = 'signing_key.rotated' and actor_kind = 'console'")
        .fetch_one(&server.database().await)
        .await
        .unwrap();
    assert_eq!(said, 1);

    desk.change("update api_keys set revoked_at = 1 where id = $1", desk.key).await;
    assert_eq!((jwks(server).await.len(), desk.api.verify(&other_token).await.as_str()), (2, "VALID"), "a token of it is left");
    desk.change("update api_keys set expires_at = 1000 where id = $1", other).await;
    assert_eq!(jwks(server).await, both[..1]);
    assert_eq!(desk.api.verify(&other_token).await, "EXPIRED");
    assert_eq!(desk.api.verify(&later_token).await, "VALID");
}

#[tokio::test]
async fn the_first_reveal_makes_a_key_and_one_after_ninety_days_the_next() {
    let server = TestServer::start().await;
    assert_eq!(jwks(&server).await, [""; 0]);
    let desk = Desk::on(server).await;
    let first = jwks(&desk.server).await;
    let day: i64 = 24 * 60 * 60 * 1000;
    let mut keys = 1;
    for (days, made) in [(89, 0), (2, 1), (0, 0)] {
        desk.change("update signing_keys set created_at = created_at - cast($1 as bigint) where retired_at is null", days * day).await;
        let (_, token) = desk.another().await;
        keys += made;
        assert_eq!(jwks(&desk.server).await.len(), keys, "{days} days more");
        assert_eq!(desk.api.verify(&token).await, "VALID");
    }
    assert_eq!(jwks(&desk.server).await[1], first[0]);
    assert_eq!(desk.api.verify(&desk.token).await, "VALID");
}

#[tokio::test]
async fn a_key_that_another_process_signs_with_is_known_within_a_quarter_of_a_second() {
    let desk = Desk::open().await;
    let beside = Data::open_beside(&desk.server.data_options()).await.unwrap();
    let url = PublicUrl::new(Some(&desk.server.url), ([127, 0, 0, 1], 1).into()).unwrap();
    let other = beside.core(url, OutgoingOptions::default()).unwrap();
    let owner = users::user_by_email(&other.store, "owner@acme.test").await.unwrap().unwrap();
    let actor = accounts::console(&owner).unwrap();
    for _ in 0..3 {
        assert!(desk.server.latchkey(&["admin", "rotate-signing-key"], "").status.success());
        let key: KeyId = issued(&desk.server, desk.template, "owner@acme.test", None).await;
        let token = project_keys::reveal(&other, &actor, key).await.unwrap();
        eventually(Duration::from_millis(250), "its tokens are good", async || desk.api.verify(token.reveal()).await == "VALID").await;
        assert_eq!(desk.api.verify(&desk.token).await, "VALID");
    }
    beside.store.close().await;
}

#[tokio::test]
async fn a_rotation_of_the_master_key_changes_no_token_and_the_next_is_signed_as_before() {
    let desk = Desk::open().await;
    let kids = jwks(&desk.server).await;
    for _ in 0..2 {
        let rotated = desk.server.latchkey(&["admin", "rotate-master-key"], "");
        assert!(rotated.status.success(), "{rotated:?}");
        let key = issued(&desk.server, desk.template, "owner@acme.test", None).await;
        let token = revealed(&desk.owner, key).await;
        for token in [&token, &desk.token] {
            assert_eq!(desk.api.verify(token).await, "VALID");
        }
    }
    assert_eq!(jwks(&desk.server).await, kids);
}

#[tokio::test]
async fn without_its_database_it_tells_no_keys() {
    let desk = Desk::open().await;
    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(desk.server.data.path().join(format!("latchkey.db{ending}")));
    }
    let visitor = desk.server.visitor();
    let answer = async || visitor.get("/.well-known/jwks.json").send().await.unwrap();
    eventually(Duration::from_secs(2), "503", async || answer().await.status() == StatusCode::SERVICE_UNAVAILABLE).await;
    let problem = answer().await;
    assert_eq!(
        (&problem.headers()["content-type"], &problem.headers()["cache-control"]),
        (&"application/problem+json".parse().unwrap(), &"no-store".parse().unwrap())
    );
    assert_eq!(problem.json::<Value>().await.unwrap()["code"], "unavailable");
}
