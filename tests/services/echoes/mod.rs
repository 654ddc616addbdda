//! Upstreams that send back the credential that they received, on purpose or by accident: no recognized form of it reaches the caller.

mod body;
mod head;

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Fixture, SECRET};
use crate::support::{
    eventually, text,
    upstream::{ReceivedRequest, Script, head},
};

/// A secret with characters that encodings change.
const SPECIAL: &str = r#"sk-"A/b+c=\d<e>&f'0?1%2"#;

/// The mask for a secret of this length.
fn stars(secret: &str) -> String {
    "*".repeat(secret.len())
}

/// Percent-encoded, with upper-case digits: every byte for which the function returns false.
fn percent_encoded(secret: &str, is_kept: fn(u8) -> bool) -> String {
    let encoded = |byte: u8| if is_kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    secret.bytes().map(encoded).collect()
}

/// RFC 3986's unreserved characters.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

impl Fixture {
    /// Creates a service with a general key of the same name and this value. Returns its id.
    async fn service_with_secret(&self, name: &str, secret: &str, injection: Value) -> String {
        let credential = self.general_key(name, secret).await;
        self.create_service(json!({ "name": name, "injection": injection, "credential": credential })).await
    }

    /// The events that record an echo of this service: kind and id of the actor, name of the service, and details.
    async fn recorded_echoes(&self, service: &str) -> Vec<(String, String, String, String)> {
        let sql = "select actor_kind, actor_id, object_name, detail from audit_events \
            where action = 'service.secret_echoed' and object_kind = 'service' and object_id = $1";
        sqlx::query_as(sql).bind(service).fetch_all(&self.server.database().await).await.unwrap()
    }
}

/// The line and the headers of a request, each on a line.
fn received(request: &ReceivedRequest) -> String {
    let mut lines = vec![request.line.clone()];
    lines.extend(request.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    lines.join("\n")
}

/// Sends the request back, as it arrived and decoded.
fn reflect(request: &ReceivedRequest) -> Script {
    let body = format!("{}\ndecoded: {SPECIAL} ada:{SPECIAL}", received(request));
    let authorization = request.header("authorization").unwrap_or_default();
    Script::response(200, &[("x-line", request.line.as_str()), ("x-authorization", authorization)], body)
}

#[tokio::test]
async fn every_injection_is_masked() {
    let fixture = Fixture::start().await;
    let credential = fixture.general_key("special", SPECIAL).await;
    fixture.upstream.respond_with(reflect);
    let pair = BASE64_STANDARD.encode(format!("ada:{SPECIAL}"));
    let encoded = percent_encoded(SPECIAL, is_unreserved);
    for (injection, before, sent) in [
        (json!({ "type": "bearer" }), "authorization: Bearer ", SPECIAL),
        (json!({ "type": "header", "name": "X-Token" }), "x-token: ", SPECIAL),
        (json!({ "type": "basic", "username": "ada" }), "authorization: Basic ", pair.as_str()),
        (json!({ "type": "query", "name": "token" }), "GET /a?q=1&token=", encoded.as_str()),
    ] {
        fixture.edit_service(json!({ "injection": injection, "credential": credential })).await;
        let response = fixture.get("/api/a?q=1").await;
        assert_eq!(response.status(), StatusCode::OK, "{injection}");
        let headers = format!("{:?}", response.headers());
        let body = response.text().await.unwrap();
        assert!(received(&fixture.upstream.last_request()).contains(&format!("{before}{sent}")), "{injection}");
        assert!(body.contains(&format!("{before}{}", stars(sent))), "{injection}: {body}");
        assert!(body.ends_with(&format!("decoded: {0} ada:{0}", stars(SPECIAL))), "{injection}: {body}");
        for secret in [SPECIAL, &pair, &encoded] {
            assert!(!headers.contains(secret) && !body.contains(secret), "{injection}: {headers} {body}");
        }
    }
}

#[tokio::test]
async fn signature_is_masked() {
    const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
    const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let fixture = Fixture::start().await;
    let credential = json!({
        "kind": "external", "name": "aws", "provider": "aws", "key": ACCESS_KEY, "secret": SECRET_KEY, "region": "us-east-1", "duration_days": 30,
    });
    let (status, created) = fixture.api.post("/credentials", credential).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    let injection = json!({ "type": "sigv4", "service": "s3", "region": "us-east-1" });
    let fields = json!({ "name": "aws", "injection": injection, "credential": created["credential"]["id"], "body_max": 1024 });
    fixture.create_service(fields).await;
    // AWS explains a wrong signature like this.
    fixture.upstream.respond_with(|request| {
        let authorization = request.header("authorization").unwrap();
        let signature = authorization.split_once("Signature=").unwrap().1;
        let body = format!("{authorization}\n<SignatureProvided>{signature}</SignatureProvided>");
        Script::response(403, &[("x-authorization", authorization)], body)
    });
    for body in ["", "first", "second"] {
        let response = fixture.request(Method::POST, "/aws/a").body(body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        let sent = fixture.upstream.last_request().header("authorization").unwrap().to_owned();
        assert!(sent.contains(ACCESS_KEY), "{sent}");
        let signature = sent.split_once("Signature=").unwrap().1;
        assert_eq!(signature.len(), 64);
        let masked = sent.replace(signature, &stars(signature));
        assert_eq!(response.headers()["x-authorization"], masked);
        let signature = format!("<SignatureProvided>{}</SignatureProvided>", stars(signature));
        assert_eq!(response.text().await.unwrap(), format!("{masked}\n{signature}"));
    }
}

#[tokio::test]
async fn mask_follows_the_credential() {
    let fixture = Fixture::start().await;
    let both = format!("{SECRET} sk-the-next-one");
    fixture.upstream.respond(Script::response(200, &[], &both));
    let (_, service) = fixture.api.get(&format!("/services/{}", fixture.service)).await;
    assert_eq!(fixture.get("/api/a").await.text().await.unwrap(), format!("{} sk-the-next-one", stars(SECRET)));
    let path = format!("/credentials/{}", text(&service["credential"]));
    let (status, _) = fixture.api.call(Method::PATCH, &path, Some(json!({ "value": "sk-the-next-one" }))).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(fixture.get("/api/a").await.text().await.unwrap(), format!("{SECRET} {}", stars("sk-the-next-one")));
    // Without a credential, there is nothing to hide.
    fixture.create_service(json!({ "name": "open" })).await;
    assert_eq!(fixture.get("/open/a").await.text().await.unwrap(), both);
}

#[tokio::test]
async fn echo_is_audited_once_a_minute() {
    let fixture = Fixture::start().await;
    let (id, key) = fixture.key("client", json!({})).await;
    let (in_head, left) = (
        fixture.service_with_secret("in-head", SECRET, json!({ "type": "bearer" })).await,
        fixture.service_with_secret("left", SECRET, json!({ "type": "bearer" })).await,
    );
    let quiet = fixture.create_service(json!({ "name": "quiet" })).await;
    let expect = async |service: &str, name: &str| {
        eventually("the echo is recorded", async || !fixture.recorded_echoes(service).await.is_empty()).await;
        let recorded = fixture.recorded_echoes(service).await;
        let [(actor_kind, actor, object, detail)] = &recorded[..] else { panic!("{recorded:?}") };
        assert_eq!((actor_kind.as_str(), actor, object.as_str()), ("key", &id, name));
        assert!(detail.contains("count") && !detail.contains(SECRET), "{detail}");
    };

    fixture.upstream.respond(Script::response(401, &[], format!("wrong key: {SECRET}")));
    for _ in 0..3 {
        fixture.get_with(&key, "/api/a").await.text().await.unwrap();
    }
    fixture.get_with(&key, "/quiet/a").await.text().await.unwrap();
    expect(&fixture.service, "api").await;

    fixture.upstream.respond(Script::new().send(head(200, &[("content-length", "19"), ("x-echo", SECRET)])));
    fixture.request_with(&key, Method::HEAD, "/in-head/a").send().await.unwrap();
    expect(&in_head, "in-head").await;

    // The caller disconnects before the end of the response.
    let script = Script::new().send(head(200, &[("transfer-encoding", "chunked")]));
    fixture.upstream.respond(script.chunk(format!("{SECRET}\n").as_bytes()).hang());
    let mut response = fixture.get_with(&key, "/left/a").await;
    assert_eq!(response.chunk().await.unwrap().unwrap(), format!("{}\n", stars(SECRET)));
    drop(response);
    expect(&left, "left").await;

    // All echoes of the first service happened before those of the others.
    assert_eq!(fixture.recorded_echoes(&fixture.service).await.len(), 1);
    assert!(fixture.recorded_echoes(&quiet).await.is_empty());
    let audit = fixture.server.latchkey(&["admin", "verify-audit"], "");
    assert!(audit.status.success(), "{audit:?}");
}
