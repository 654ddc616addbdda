//! Revocation, and the list for services that verify tokens offline.

use std::time::Duration;

use latchkey_program::data_dir::Data;
use latchkey_store::verdict_changes::VerdictChange;
use latchkey_types::{id::KeyId, time::Timestamp};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use super::Fixture;
use crate::support::{
    projects::{insert_issued_key, reveal_token},
    unix_ms, within,
};

const REVOKE: &str = "update api_keys set revoked_at = 1700000000000 where id = $1";

impl Fixture {
    /// Requests the list of revoked tokens.
    async fn get_revoked(&self, if_none_match: Option<&str>) -> (StatusCode, HeaderMap, Value) {
        let request = self.api.request(Method::GET, &format!("/projects/{}/revoked", self.project));
        let response = if_none_match.iter().fold(request, |request, tags| request.header("if-none-match", *tags)).send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        (status, headers, response.json().await.unwrap_or_default())
    }

    async fn revoked_ids(&self) -> Vec<Value> {
        let (status, _, list) = self.get_revoked(None).await;
        assert_eq!((status, &list["project_id"]), (StatusCode::OK, &json!(self.project)));
        list["revoked"].as_array().unwrap().iter().map(|key| key["jti"].clone()).collect()
    }
}

#[tokio::test]
async fn invalidation_takes_effect_immediately() {
    let fixture = Fixture::start().await;
    for (sql, code, error) in [
        (REVOKE, "NOT_FOUND", "invalid_api_key"),
        ("update api_keys set deleted_at = 1 where id = $1", "NOT_FOUND", "invalid_api_key"),
        ("update api_keys set disabled_at = 1 where id = $1", "DISABLED", "disabled_api_key"),
        ("update api_keys set expires_at = 1000 where id = $1", "EXPIRED", "expired_api_key"),
    ] {
        let (key, token) = fixture.issue_key().await;
        assert_eq!((fixture.api.verify(&token).await.as_str(), fixture.get_with(&token, "").await.0), ("VALID", 200));
        fixture.change(sql, key).await;
        assert_eq!(fixture.api.verify(&token).await, code, "{sql}");
        assert_eq!(fixture.get_with(&token, "").await, (401, json!(error)), "{sql}");
    }
    assert_eq!(fixture.api.verify(&fixture.token).await, "VALID");
}

#[tokio::test]
async fn key_of_a_disabled_holder_is_disabled_not_transferred() {
    let fixture = Fixture::start().await;
    let member = fixture.server.user("member", "acme").await;
    let key = insert_issued_key(&fixture.server, fixture.template, "member@acme.test", None).await;
    let token = reveal_token(&member, key).await;
    let id = |email: &'static str| {
        let server = &fixture.server;
        async move {
            let sql = "select id from users where email = $1";
            sqlx::query_scalar::<_, String>(sql).bind(email).fetch_one(&server.database().await).await.unwrap()
        }
    };
    let (holder, receiver) = (id("member@acme.test").await, id("owner@acme.test").await);
    let (status, body) = fixture.owner.call("members/disable", json!({ "id": holder, "receiver": receiver })).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(fixture.api.verify(&token).await, "DISABLED", "the token is for this holder");
    assert_eq!(fixture.get_with(&token, "").await, (401, json!("disabled_api_key")));
    assert_eq!(fixture.revoked_ids().await, [json!(key)]);
    fixture.owner.call("members/enable", json!({ "id": holder })).await;
    assert_eq!(fixture.api.verify(&token).await, "VALID");
    assert_eq!(fixture.revoked_ids().await, [""; 0]);
}

#[tokio::test]
async fn revocation_by_another_process_applies_within_250_ms() {
    let fixture = Fixture::start().await;
    let data = Data::open_for_admin(&fixture.server.data_options()).await.unwrap();
    for _ in 0..3 {
        let (key, token) = fixture.issue_key().await;
        assert_eq!(fixture.api.verify(&token).await, "VALID");
        let mut tx = data.store.begin().await.unwrap();
        let sql = "update api_keys set revoked_at = 1 where id = $1 returning digest";
        let digest: Vec<u8> = sqlx::query_scalar(sql).bind(key).fetch_one(&mut tx).await.unwrap();
        tx.touch(VerdictChange::Key(digest));
        tx.commit().await.unwrap();
        within(Duration::from_millis(250), "the revocation takes effect", async || fixture.api.verify(&token).await == "NOT_FOUND").await;
    }
    data.store.close().await;
}

#[tokio::test]
async fn list_contains_every_unexpired_invalid_token() {
    let fixture = Fixture::start().await;
    let expires_at = Some(Timestamp(Timestamp::now().0 / 1000 * 1000 + 3_600_000));
    let mut keys: Vec<KeyId> = Vec::new();
    for (sql, is_listed) in [
        (REVOKE, true),
        ("update api_keys set deleted_at = 1700000000000 where id = $1", true),
        ("update api_keys set disabled_at = 1700000000000 where id = $1", true),
        ("update api_keys set disabled_at = 1800000000000, revoked_at = 1700000000000, deleted_at = 1790000000000 where id = $1", true),
        ("update api_keys set revoked_at = 1, expires_at = 1000 where id = $1", false),
        ("update api_keys set name = 'untouched' where id = $1", false),
    ] {
        let key = insert_issued_key(&fixture.server, fixture.template, "owner@acme.test", expires_at).await;
        reveal_token(&fixture.owner, key).await;
        fixture.change(sql, key).await;
        keys.extend(is_listed.then_some(key));
    }
    // A key that was never revealed has no token; a key of another project is in the list of that project.
    fixture.change(REVOKE, insert_issued_key(&fixture.server, fixture.template, "owner@acme.test", None).await).await;
    let elsewhere = crate::support::projects::create_project(&fixture.owner, "Elsewhere").await;
    let template = crate::support::projects::insert_template(&fixture.server, &elsewhere, "reader", "viewer", 0).await;
    let other = insert_issued_key(&fixture.server, template, "owner@acme.test", None).await;
    reveal_token(&fixture.owner, other).await;
    fixture.change(REVOKE, other).await;

    let (_, _, list) = fixture.get_revoked(None).await;
    let listed: Vec<_> = list["revoked"].as_array().unwrap().iter().map(|key| (key["jti"].clone(), unix_ms(&key["at"]))).collect();
    assert_eq!(listed, keys.iter().map(|key| (json!(key), 1_700_000_000_000)).collect::<Vec<_>>());
    // Keys of the project cannot read the list.
    assert_eq!(fixture.get_with(&fixture.token, "/revoked").await, (403, json!("wrong_kind")));
}

#[tokio::test]
async fn list_has_an_etag_that_changes_with_it() {
    let fixture = Fixture::start().await;
    let (status, headers, list) = fixture.get_revoked(None).await;
    assert_eq!((status, &list["revoked"]), (StatusCode::OK, &json!([])));
    assert_eq!(headers["cache-control"], "no-cache");
    let etag = headers["etag"].to_str().unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "not a strong ETag: {etag}");
    for tags in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
        let (status, headers, body) = fixture.get_revoked(Some(&tags)).await;
        assert_eq!((status, headers["etag"].to_str().unwrap(), body), (StatusCode::NOT_MODIFIED, etag.as_str(), Value::Null), "{tags}");
        assert_eq!(headers["cache-control"], "no-cache");
    }
    assert_eq!(fixture.get_revoked(Some("\"x\"")).await.0, StatusCode::OK);

    fixture.change(REVOKE, fixture.key).await;
    let (status, headers, list) = fixture.get_revoked(Some(&etag)).await;
    assert_eq!((status, list["revoked"][0]["jti"].clone()), (StatusCode::OK, json!(fixture.key)));
    assert_ne!(headers["etag"], etag.as_str());
    assert_eq!(fixture.get_revoked(Some(headers["etag"].to_str().unwrap())).await.0, StatusCode::NOT_MODIFIED);
    // Without the scope the status is 403, not 304.
    let path = format!("/projects/{}/revoked", fixture.project);
    let response = fixture.server.api("owner@acme.test", "keys:read").request(Method::GET, &path).header("if-none-match", "*").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}
