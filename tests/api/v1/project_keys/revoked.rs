//! Taking keys back, also from services that check tokens by themselves.

use std::time::Duration;

use latchkey_program::data_dir::Data;
use latchkey_store::changes;
use latchkey_types::{id::KeyId, time::Timestamp};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use super::Desk;
use crate::support::{
    eventually,
    projects::{issued, revealed},
    unix_ms,
};

const REVOKE: &str = "update api_keys set revoked_at = 1700000000000 where id = $1";

impl Desk {
    /// The list, if the caller does not have it already.
    async fn revoked(&self, if_none_match: Option<&str>) -> (StatusCode, HeaderMap, Value) {
        let request = self.api.request(Method::GET, &format!("/projects/{}/revoked", self.project));
        let response = if_none_match.iter().fold(request, |request, tags| request.header("if-none-match", *tags)).send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        (status, headers, response.json().await.unwrap_or_default())
    }

    async fn revoked_ids(&self) -> Vec<Value> {
        let (status, _, list) = self.revoked(None).await;
        assert_eq!((status, &list["project_id"]), (StatusCode::OK, &json!(self.project)));
        list["revoked"].as_array().unwrap().iter().map(|key| key["jti"].clone()).collect()
    }
}

#[tokio::test]
async fn what_ends_a_key_counts_at_once() {
    let desk = Desk::open().await;
    for (sql, code, refusal) in [
        (REVOKE, "NOT_FOUND", "invalid_api_key"),
        ("update api_keys set deleted_at = 1 where id = $1", "NOT_FOUND", "invalid_api_key"),
        ("update api_keys set disabled_at = 1 where id = $1", "DISABLED", "disabled_api_key"),
        ("update api_keys set expires_at = 1000 where id = $1", "EXPIRED", "expired_api_key"),
    ] {
        let (key, token) = desk.another().await;
        assert_eq!((desk.api.verify(&token).await.as_str(), desk.get_with(&token, "").await.0), ("VALID", 200));
        desk.change(sql, key).await;
        assert_eq!(desk.api.verify(&token).await, code, "{sql}");
        assert_eq!(desk.get_with(&token, "").await, (401, json!(refusal)), "{sql}");
    }
    assert_eq!(desk.api.verify(&desk.token).await, "VALID");
}

#[tokio::test]
async fn a_key_rests_with_its_holder_and_becomes_nobody_elses() {
    let desk = Desk::open().await;
    let member = desk.server.user("member", "acme").await;
    let key = issued(&desk.server, desk.template, "member@acme.test", None).await;
    let token = revealed(&member, key).await;
    let id = |email: &'static str| {
        let server = &desk.server;
        async move {
            let sql = "select id from users where email = $1";
            sqlx::query_scalar::<_, String>(sql).bind(email).fetch_one(&server.database().await).await.unwrap()
        }
    };
    let (holder, receiver) = (id("member@acme.test").await, id("owner@acme.test").await);
    let (status, fault) = desk.owner.call("members/disable", json!({ "id": holder, "receiver": receiver })).await;
    assert_eq!(status, StatusCode::OK, "{fault}");
    assert_eq!(desk.api.verify(&token).await, "DISABLED", "the token names its holder");
    assert_eq!(desk.get_with(&token, "").await, (401, json!("disabled_api_key")));
    assert_eq!(desk.revoked_ids().await, [json!(key)]);
    desk.owner.call("members/enable", json!({ "id": holder })).await;
    assert_eq!(desk.api.verify(&token).await, "VALID");
    assert_eq!(desk.revoked_ids().await, [""; 0]);
}

#[tokio::test]
async fn a_revocation_by_another_process_is_heard_within_a_quarter_of_a_second() {
    let desk = Desk::open().await;
    let beside = Data::open_beside(&desk.server.data_options()).await.unwrap();
    for _ in 0..3 {
        let (key, token) = desk.another().await;
        assert_eq!(desk.api.verify(&token).await, "VALID");
        let revoke = beside.store.write(move |tx| {
            Box::pin(async move {
                let sql = "update api_keys set revoked_at = 1 where id = $1 returning digest";
                let digest: Vec<u8> = sqlx::query_scalar(sql).bind(key.to_string()).fetch_one(&mut *tx).await.map_err(latchkey_store::Error::from)?;
                changes::note(tx, Some(&digest)).await?;
                Ok(())
            })
        });
        revoke.await.unwrap();
        eventually(Duration::from_millis(250), "the revocation is known", async || desk.api.verify(&token).await == "NOT_FOUND").await;
    }
    beside.store.close().await;
}

#[tokio::test]
async fn the_list_tells_of_each_token_that_would_be_taken_for_good() {
    let desk = Desk::open().await;
    let end = Some(Timestamp(Timestamp::now().0 / 1000 * 1000 + 3_600_000));
    let mut keys: Vec<KeyId> = Vec::new();
    for (sql, is_told) in [
        (REVOKE, true),
        ("update api_keys set deleted_at = 1700000000000 where id = $1", true),
        ("update api_keys set disabled_at = 1700000000000 where id = $1", true),
        ("update api_keys set disabled_at = 1800000000000, revoked_at = 1700000000000, deleted_at = 1790000000000 where id = $1", true),
        ("update api_keys set revoked_at = 1, expires_at = 1000 where id = $1", false),
        ("update api_keys set name = 'untouched' where id = $1", false),
    ] {
        let key = issued(&desk.server, desk.template, "owner@acme.test", end).await;
        revealed(&desk.owner, key).await;
        desk.change(sql, key).await;
        keys.extend(is_told.then_some(key));
    }
    // Not revealed, so nobody has a token of it; and one of another project.
    desk.change(REVOKE, issued(&desk.server, desk.template, "owner@acme.test", None).await).await;
    let elsewhere = crate::support::projects::project(&desk.owner, "Elsewhere").await;
    let template = crate::support::projects::template(&desk.server, &elsewhere, "reader", "viewer", 0).await;
    let other = issued(&desk.server, template, "owner@acme.test", None).await;
    revealed(&desk.owner, other).await;
    desk.change(REVOKE, other).await;

    let (_, _, list) = desk.revoked(None).await;
    let told: Vec<_> = list["revoked"].as_array().unwrap().iter().map(|key| (key["jti"].clone(), unix_ms(&key["at"]))).collect();
    assert_eq!(told, keys.iter().map(|key| (json!(key), 1_700_000_000_000)).collect::<Vec<_>>());
    // The project's own keys do not tell it.
    assert_eq!(desk.get_with(&desk.token, "/revoked").await, (403, json!("wrong_kind")));
}

#[tokio::test]
async fn the_list_has_a_tag_that_changes_with_it() {
    let desk = Desk::open().await;
    let (status, headers, list) = desk.revoked(None).await;
    assert_eq!((status, &list["revoked"]), (StatusCode::OK, &json!([])));
    assert_eq!(headers["cache-control"], "no-cache");
    let tag = headers["etag"].to_str().unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "a strong one: {tag}");
    for tags in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let (status, headers, body) = desk.revoked(Some(&tags)).await;
        assert_eq!((status, headers["etag"].to_str().unwrap(), body), (StatusCode::NOT_MODIFIED, tag.as_str(), Value::Null), "{tags}");
        assert_eq!(headers["cache-control"], "no-cache");
    }
    assert_eq!(desk.revoked(Some("\"x\"")).await.0, StatusCode::OK);

    desk.change(REVOKE, desk.key).await;
    let (status, headers, list) = desk.revoked(Some(&tag)).await;
    assert_eq!((status, list["revoked"][0]["jti"].clone()), (StatusCode::OK, json!(desk.key)));
    assert_ne!(headers["etag"], tag.as_str());
    assert_eq!(desk.revoked(Some(headers["etag"].to_str().unwrap())).await.0, StatusCode::NOT_MODIFIED);
    // Nobody is told that it did not change who may not have it.
    let path = format!("/projects/{}/revoked", desk.project);
    let refused = desk.server.api("owner@acme.test", "keys:read").request(Method::GET, &path).header("if-none-match", "*").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
}
