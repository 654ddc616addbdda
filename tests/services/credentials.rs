//! Which credentials a service can have, and when it loses them: no change sends a credential to a URL that it was not linked to.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Fixture, SECRET, code, refusal};
use crate::support::{ApiClient, text, upstream::Upstream};

impl Fixture {
    /// Asserts that calls of the service `api` are refused without a credential, and the reason why it lost it.
    async fn assert_unlinked(&self, reason: &str) {
        let count = self.upstream.requests().len();
        let (_, service) = self.api.get(&format!("/services/{}", self.service)).await;
        assert_eq!((&service["credential"], &service["unlinked"]), (&Value::Null, &json!(reason)), "{service}");
        let response = self.get("/api/a").await;
        assert_eq!(refusal(response).await, code(503, "no_credential"), "{reason}");
        assert_eq!(self.upstream.requests().len(), count);
    }
}

async fn external_key(api: &ApiClient, fields: Value) -> String {
    let request = super::with(json!({ "kind": "external", "label": "mine", "duration_days": 30 }), &fields);
    let (status, created) = api.post("/credentials", request).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    text(&created["credential"]["id"])
}

fn dnanexus() -> Value {
    json!({ "provider": "dnanexus", "key": "dx-token-0123456789" })
}

#[tokio::test]
async fn changing_the_base_url_unlinks_the_credential() {
    let (fixture, moved) = (Fixture::start().await, Upstream::start().await);
    let (_, service) = fixture.api.get(&format!("/services/{}", fixture.service)).await;
    let credential = service["credential"].clone();
    let same = fixture.edit_service(json!({ "base_url": format!(" {}/ ", fixture.upstream.url) })).await;
    assert_eq!(same["credential"], credential, "the same address in another spelling");
    // Also with the credential in the same request: it was linked to the old address.
    for fields in [json!({ "base_url": moved.url }), json!({ "base_url": fixture.upstream.url, "credential": credential })] {
        fixture.edit_service(fields).await;
        fixture.assert_unlinked("address_changed").await;
        fixture.edit_service(json!({ "timeout_seconds": 30 })).await;
        fixture.assert_unlinked("address_changed").await;
        fixture.edit_service(json!({ "credential": credential })).await;
        assert_eq!(fixture.get("/api/a").await.status(), StatusCode::OK, "linked again explicitly");
    }
    assert_eq!(moved.requests().len(), 1);
    // Another credential was chosen for the new address.
    let other = fixture.general_key("other", "sk-another-secret").await;
    let edited = fixture.edit_service(json!({ "base_url": moved.url, "credential": other })).await;
    assert_eq!((&edited["credential"], &edited["unlinked"]), (&json!(other), &Value::Null));
    assert_eq!(fixture.get("/api/a").await.status(), StatusCode::OK);
    assert_eq!(moved.last_request().header("authorization"), Some("Bearer sk-another-secret"));
}

#[tokio::test]
async fn change_of_a_credential_is_effective_at_once() {
    let fixture = Fixture::start().await;
    let (_, service) = fixture.api.get(&format!("/services/{}", fixture.service)).await;
    let path = format!("/credentials/{}", text(&service["credential"]));
    assert_eq!(fixture.api.get(&path).await.1["linked_to"], json!(["api"]));
    assert_eq!(fixture.get("/api/a").await.status(), StatusCode::OK);
    let (status, _) = fixture.api.call(Method::PATCH, &path, Some(json!({ "value": "sk-the-next-one" }))).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(fixture.get("/api/a").await.status(), StatusCode::OK);
    assert_eq!(fixture.upstream.last_request().header("authorization"), Some("Bearer sk-the-next-one"));
    assert_eq!(fixture.api.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    fixture.assert_unlinked("credential_deleted").await;
    // Forwarded without a credential only if a service never had one.
    fixture.edit_service(json!({ "credential": null })).await;
    fixture.assert_unlinked("credential_deleted").await;
}

#[tokio::test]
async fn expired_or_unreadable_credential_is_not_sent() {
    let fixture = Fixture::start().await;
    let database = fixture.server.database().await;
    let external = external_key(&fixture.api, dnanexus()).await;
    fixture.create_service(json!({ "name": "expired", "credential": external })).await;
    sqlx::query("update credentials set expires_at = 1 where id = $1").bind(&external).execute(&database).await.unwrap();
    assert_eq!(refusal(fixture.get("/expired/a").await).await, code(503, "credential_expired"));
    let general = fixture.general_key("broken", "sk-broken").await;
    fixture.create_service(json!({ "name": "unreadable", "credential": general })).await;
    let sql =
        "update sealed_secrets set wrapped_key = (select wrapped_key from sealed_secrets where credential_id <> $1 limit 1) where credential_id = $1";
    sqlx::query(sql).bind(&general).execute(&database).await.unwrap();
    assert_eq!(refusal(fixture.get("/unreadable/a").await).await, code(503, "credential_unreadable"));
    assert!(fixture.upstream.requests().is_empty());
}

#[tokio::test]
async fn external_key_is_linked_only_by_its_holder() {
    let fixture = Fixture::start().await;
    fixture.server.user("admin", "acme").await;
    let admin = fixture.server.api("admin@acme.test", "");
    let external = external_key(&admin, dnanexus()).await;
    let path = format!("/services/{}", fixture.service);
    let link = json!({ "credential": external });
    // The owner can see it, but not link it.
    assert_eq!(fixture.api.get(&format!("/credentials/{external}")).await.0, StatusCode::OK);
    let (status, problem) = fixture.api.call(Method::PATCH, &path, Some(link.clone())).await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("credential")), "{problem}");
    assert_eq!(admin.call(Method::PATCH, &path, Some(link.clone())).await.0, StatusCode::OK);
    assert_eq!(fixture.get("/api/a").await.status(), StatusCode::OK);
    assert_eq!(fixture.upstream.last_request().header("authorization"), Some("Bearer dx-token-0123456789"));
    // A request that changes nothing unlinks nothing.
    fixture.edit_service(json!({ "timeout_seconds": 60 })).await;
    assert_eq!(fixture.get("/api/a").await.status(), StatusCode::OK);
    // Otherwise another user could allow more requests that use it.
    fixture.edit_service(json!({ "callers": [{ "kind": "agent" }, { "kind": "client" }] })).await;
    fixture.assert_unlinked("changed_by_another").await;
    assert_eq!(admin.call(Method::PATCH, &path, Some(link.clone())).await.0, StatusCode::OK);

    // It is unlinked when its holder is disabled, even if their keys are transferred.
    let id = text(&admin.get("/whoami").await.1["user"]["id"]);
    let (status, outcome) = fixture.owner.call("members/disable", json!({ "id": id, "receiver": null })).await;
    assert_eq!(status, StatusCode::OK, "{outcome}");
    fixture.assert_unlinked("holder_disabled").await;
}

#[tokio::test]
async fn transferred_external_key_is_unlinked() {
    let fixture = Fixture::start().await;
    fixture.server.user("admin", "acme").await;
    let admin = fixture.server.api("admin@acme.test", "");
    let external = external_key(&admin, dnanexus()).await;
    let path = format!("/services/{}", fixture.service);
    assert_eq!(admin.call(Method::PATCH, &path, Some(json!({ "credential": external }))).await.0, StatusCode::OK);
    assert_eq!(fixture.get("/api/a").await.status(), StatusCode::OK);
    let admin_id = text(&admin.get("/whoami").await.1["user"]["id"]);
    let owner_id = text(&fixture.api.get("/whoami").await.1["user"]["id"]);
    let (status, outcome) = fixture.owner.call("members/disable", json!({ "id": admin_id, "receiver": owner_id })).await;
    assert_eq!(status, StatusCode::OK, "{outcome}");
    fixture.assert_unlinked("holder_disabled").await;
}

#[tokio::test]
async fn credential_must_fit_the_service() {
    let fixture = Fixture::start().await;
    fixture.server.user("owner", "globex").await;
    let foreign = fixture.server.api("owner@globex.test", "");
    let (_, theirs) = foreign.post("/credentials", json!({ "kind": "general", "name": "theirs", "value": SECRET })).await;
    let general = fixture.general_key("own", "sk-0987654321").await;
    let token = external_key(&fixture.api, dnanexus()).await;
    let aws = json!({ "provider": "aws", "key": "AKIAIOSFODNN7EXAMPLE", "secret": "wJalrXUtnFEMI", "region": "us-east-1" });
    let aws = external_key(&fixture.api, aws).await;
    let (bearer, signed) = (json!({ "type": "bearer" }), json!({ "type": "sigv4", "service": "s3", "region": "us-east-1" }));
    for (injection, credential, fits) in [
        (&bearer, json!(general), true),
        (&bearer, json!(token), true),
        (&bearer, json!(aws), false),
        (&signed, json!(aws), true),
        (&signed, json!(general), false),
        (&signed, json!(token), false),
        (&bearer, theirs["credential"]["id"].clone(), false),
        (&bearer, json!("crd_00000000000070008000000000000000"), false),
    ] {
        let fields = json!({ "name": "other", "injection": injection, "credential": credential, "body_max": 1024 });
        let (status, response) = fixture.api.post("/services", fixture.service(&fields)).await;
        if fits {
            assert_eq!(status, StatusCode::CREATED, "{fields}: {response}");
            fixture.api.call(Method::DELETE, &format!("/services/{}", text(&response["id"])), None).await;
        } else {
            assert_eq!((status, &response["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("credential")), "{fields}: {response}");
        }
    }
}

#[tokio::test]
async fn linking_needs_the_permission_and_the_scope_for_credentials() {
    let fixture = Fixture::start().await;
    let (_, role) = fixture.owner.call("roles/create", json!({ "name": "operators", "permissions": ["manage_services"] })).await;
    fixture.server.user("viewer", "acme").await;
    let sql = "update users set role_id = $1 where email = 'viewer@acme.test'";
    sqlx::query(sql).bind(text(&role["id"])).execute(&fixture.server.database().await).await.unwrap();
    let operator = fixture.server.api("viewer@acme.test", "gateway:read,gateway:write");
    let unscoped = fixture.server.api("owner@acme.test", "gateway:read,gateway:write");
    let general = fixture.general_key("own", "sk-0987654321").await;
    let path = format!("/services/{}", fixture.service);
    for api in [&operator, &unscoped] {
        for body in [json!({ "credential": general }), json!({ "injection": { "type": "header", "name": "X-Token" } })] {
            let (status, problem) = api.call(Method::PATCH, &path, Some(body.clone())).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{body}: {problem}");
        }
        let linked = super::with(fixture.service(&json!({ "name": "other" })), &json!({ "credential": general }));
        assert_eq!(api.post("/services", linked).await.0, StatusCode::FORBIDDEN);
        // Everything else can be changed, and the link stays.
        let (status, edited) = api.call(Method::PATCH, &path, Some(json!({ "allow": [{ "method": "GET", "path": "/a" }] }))).await;
        assert!(status == StatusCode::OK && edited["credential"].is_string(), "{edited}");
        let (status, created) = api.post("/services", fixture.service(&json!({ "name": "open" }))).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        let created = format!("/services/{}", text(&created["id"]));
        assert_eq!(api.call(Method::DELETE, &created, None).await.0, StatusCode::NO_CONTENT);
    }
    assert_eq!(fixture.get("/api/a").await.status(), StatusCode::OK);
}
