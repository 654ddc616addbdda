//! Debian's nginx with the configuration of docs/proxies/nginx.conf, in front of a mock service.

use std::fs;

use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderValue};
use serde_json::{Value, json};

use super::{
    Fixture, expected, header,
    proxy::{Proxy, bare, outcome, program, received_header, with_replacements},
};
use crate::support::{eventually, services::MockService};

const SITE: &str = include_str!("../../../../docs/proxies/nginx.conf");
const README: &str = include_str!("../../../../README.md");

/// nginx between a client and a service.
async fn start(latchkey: &str, service: &str, caller: &str) -> Proxy {
    let nginx = Proxy::prepare();
    let path = nginx.path();
    let site = with_replacements(
        SITE,
        &[
            ("server 127.0.0.1:3000", format!("server {}", bare(latchkey))),
            ("server 127.0.0.1:8080", format!("server {}", bare(service))),
            ("listen 127.0.0.1:8000", format!("listen {}", bare(&nginx.url))),
            ("/var/log/nginx/service.log", format!("{path}/access.log")),
            ("/etc/nginx/latchkey-caller", format!("{path}/latchkey-caller")),
        ],
    );
    fs::write(nginx.folder.path().join("latchkey-caller"), format!("proxy_set_header X-Latchkey-Caller \"{caller}\";\n")).unwrap();
    run(nginx, &site).await
}

async fn run(nginx: Proxy, site: &str) -> Proxy {
    let path = nginx.path();
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = kinds.map(|kind| format!("{kind}_temp_path {path}/{kind};\n")).concat();
    // A single process, so that killing it stops nginx.
    let config = format!("daemon off; master_process off; pid {path}/pid; events {{}} http {{ {temporary} include {path}/site.conf; }}");
    let folder = nginx.folder.path();
    fs::write(folder.join("site.conf"), site).unwrap();
    fs::write(folder.join("nginx.conf"), config).unwrap();
    let mut command = program("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf")).arg("-e").arg(folder.join("error.log"));
    nginx.run(command).await
}

fn access_log(nginx: &Proxy) -> String {
    fs::read_to_string(nginx.folder.path().join("access.log")).unwrap()
}

async fn setup() -> (Fixture, MockService, Proxy) {
    let (fixture, service) = (Fixture::start().await, MockService::start().await);
    let nginx = start(&fixture.server.url, &service.url, &fixture.caller).await;
    (fixture, service, nginx)
}

#[tokio::test]
async fn service_receives_the_verdict_and_no_forged_headers() {
    let (fixture, service, nginx) = setup().await;
    let note = "ä".repeat(1900);
    let fields = json!({
        "name": "Größe", "scopes": ["read", "write"], "external_id": "cus_1", "metadata": { "note": note },
        "rate_limits": [{ "name": "burst", "limit": 9, "duration_ms": 60_000 }], "credits": { "remaining": 10 },
    });
    let (id, secret) = fixture.create_key(fields).await;
    let customer = fixture.customer_id().await;
    let forged = [
        ("x-latchkey-caller", "lki_x"),
        ("x-latchkey-key-id", "key_forged"),
        ("x-latchkey-role", "owner"),
        ("x-latchkey-project-id", "prj_forged"),
        ("x-latchkey-corpora", "1"),
        ("x_latchkey_role", "owner"),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/?api_key=forged"),
        ("x-original-uri", "/other"),
    ];
    let request = forged.into_iter().fold(nginx.request(Method::POST, "/items?x=1"), |request, (name, value)| request.header(name, value));
    let response = request.header("x-api-key", &secret).body("body").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "ratelimit"), Some(r#""burst";r=8;t=60"#));
    let [call] = &service.take_requests()[..] else { panic!() };
    assert_eq!((call.request_line.as_str(), call.body.as_str()), ("POST /items?x=1", "body"));
    for (name, value) in [
        ("x-latchkey-code", "VALID"),
        ("x-latchkey-key-id", id.as_str()),
        ("x-latchkey-name", "Gr%C3%B6%C3%9Fe"),
        ("x-latchkey-kind", "client"),
        ("x-latchkey-customer-id", &customer),
        ("x-latchkey-external-id", "cus_1"),
        ("x-latchkey-scopes", "read,write"),
        ("x-latchkey-credits-remaining", "9"),
    ] {
        assert_eq!(received_header(call, name), Some(value), "{name}");
    }
    let metadata: Value = serde_json::from_str(received_header(call, "x-latchkey-metadata").unwrap()).unwrap();
    assert_eq!(metadata, json!({ "note": note }));
    assert!(received_header(call, "x-latchkey-request-id").unwrap().starts_with("req_"));
    for name in ["x-latchkey-caller", "x-latchkey-role", "x-latchkey-project-id", "x-latchkey-corpora", "x_latchkey_role"] {
        assert_eq!(received_header(call, name), None, "{name}");
    }
}

#[tokio::test]
async fn each_rejection_reaches_the_client_with_its_status() {
    let (fixture, service, nginx) = setup().await;
    let send = async |request: RequestBuilder, key: &str| request.header("x-api-key", key).send().await.unwrap();
    let get = async |key: &str| outcome(&send(nginx.get("/"), key).await);

    let missing = nginx.get("/").send().await.unwrap();
    assert_eq!((outcome(&missing), header(&missing, "www-authenticate")), (expected(401, "MISSING_KEY"), Some("Bearer")));
    assert_eq!(get("lkc_x").await, expected(401, "NOT_FOUND"));
    let (id, disabled) = fixture.create_key(json!({ "scopes": ["read"] })).await;
    assert_eq!(get(&disabled).await, expected(200, ""));
    assert_eq!(fixture.api.post(&format!("/keys/{id}/disable"), json!({})).await.0, StatusCode::OK);
    assert_eq!(get(&disabled).await, expected(401, "DISABLED"));

    let (_, reader) = fixture.create_key(json!({ "scopes": ["read"] })).await;
    assert_eq!(outcome(&send(nginx.request(Method::DELETE, "/"), &reader).await), expected(403, "INSUFFICIENT_PERMISSIONS"));
    // Clients cannot change their address with headers.
    let (_, blocked) = fixture.create_key(json!({ "scopes": ["read"], "allowed_ips": ["192.0.2.0/24"] })).await;
    assert_eq!(
        outcome(&send(nginx.get("/").header("x-forwarded-for", "192.0.2.1").header("x-real-ip", "192.0.2.1"), &blocked).await),
        expected(403, "FORBIDDEN")
    );
    let (_, here) = fixture.create_key(json!({ "scopes": ["read"], "allowed_ips": ["127.0.0.0/8"] })).await;
    assert_eq!(get(&here).await.0, 200);

    let (_, limited) = fixture.create_key(json!({ "scopes": ["read"], "rate_limits": [{ "name": "one", "limit": 1, "duration_ms": 60_000 }] })).await;
    assert_eq!(get(&limited).await.0, 200);
    let response = send(nginx.get("/"), &limited).await;
    assert_eq!((outcome(&response), header(&response, "ratelimit-policy")), (expected(429, "RATE_LIMITED"), Some(r#""one";q=1;w=60"#)));
    assert!((1..=60).contains(&header(&response, "retry-after").unwrap().parse::<u64>().unwrap()));
    assert_eq!(header(&response, "content-type"), Some("application/problem+json"));
    let problem: Value = response.json().await.unwrap();
    assert_eq!((&problem["status"], &problem["code"]), (&json!(429), &json!("RATE_LIMITED")));
    let (_, spent) = fixture.create_key(json!({ "scopes": ["read"], "credits": { "remaining": 0 } })).await;
    assert_eq!(get(&spent).await, expected(429, "USAGE_EXCEEDED"));

    assert_eq!(outcome(&send(nginx.get("/").bearer_auth("other"), &reader).await), expected(400, "MALFORMED"));
    assert_eq!(
        outcome(&nginx.get("/").header("x-api-key", HeaderValue::from_bytes(b"\xff").unwrap()).send().await.unwrap()),
        expected(400, "MALFORMED")
    );
    assert_eq!(service.take_requests().len(), 3);
}

#[tokio::test]
async fn key_in_the_query_is_accepted_and_not_logged() {
    let (fixture, service, nginx) = setup().await;
    let (id, secret) = fixture.create_key(json!({ "scopes": ["read"] })).await;
    assert_eq!(nginx.get(&format!("/a?b=c&api_key={secret}")).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(nginx.get("/a?api_key=lkc_x").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let two = nginx.get(&format!("/a?api_key={secret}")).header("x-api-key", "other").send().await.unwrap();
    assert_eq!(outcome(&two), expected(400, "MALFORMED"));
    assert_eq!(service.take_requests().len(), 1);
    // Clients cannot call the internal location.
    assert_eq!(nginx.get("/latchkey").header("x-api-key", &secret).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    eventually("the log is written", async || access_log(&nginx).lines().count() >= 4).await;
    let log = access_log(&nginx);
    assert!(log.contains(&id) && log.contains("\"GET /a\" 200") && !log.contains(&secret), "{log}");
}

#[tokio::test]
async fn requests_are_rejected_while_latchkey_is_unavailable() {
    let (mut fixture, service, nginx) = setup().await;
    let (_, secret) = fixture.create_key(json!({ "scopes": ["read"] })).await;
    let get = async |nginx: &Proxy| outcome(&nginx.get("/").header("x-api-key", &secret).send().await.unwrap());
    assert_eq!(get(&nginx).await.0, 200);
    let other = start(&fixture.server.url, &service.url, "lki_wrong").await;
    assert_eq!(get(&other).await, expected(503, "CALLER_REFUSED"));
    let database = fixture.server.database().await;
    sqlx::query("alter table verdict_changes rename to elsewhere").execute(&database).await.unwrap();
    eventually("503", async || get(&nginx).await == expected(503, "UNAVAILABLE")).await;
    fixture.server.stop().await;
    assert_eq!(get(&nginx).await, expected(503, ""));
    service.take_requests();
    assert_eq!(get(&nginx).await.0, 503);
    assert_eq!(service.take_requests().len(), 0);
}

/// Debian's nginx passes only the first `X-Api-Key` to Latchkey, and rejects a second `Authorization` itself.
#[tokio::test]
async fn service_receives_only_the_key_that_was_checked() {
    let (fixture, service, nginx) = setup().await;
    let (_, secret) = fixture.create_key(json!({ "scopes": ["read"] })).await;
    let send = async |name: &str, first: &str, second: &str| {
        let request = nginx.get("/").header(name, first).header(name, second);
        request.send().await.unwrap().status()
    };
    assert_eq!(send("authorization", &format!("Bearer {secret}"), "Bearer other").await, StatusCode::BAD_REQUEST);
    assert_eq!(send("x-api-key", "other", &secret).await, StatusCode::UNAUTHORIZED);
    assert_eq!(service.take_requests().len(), 0);
    assert_eq!(send("x-api-key", &secret, "other").await, StatusCode::OK);
    let [call] = &service.take_requests()[..] else { panic!() };
    assert_eq!(received_header(call, "x-api-key"), Some(secret.as_str()));
}

#[tokio::test]
async fn readme_configuration_protects_a_service() {
    let (fixture, service) = (Fixture::start().await, MockService::start().await);
    let lines = README.split_once("```nginx\n").unwrap().1.split_once("```").unwrap().0;
    let replacements = [("127.0.0.1:3000", bare(&fixture.server.url)), ("127.0.0.1:8080", bare(&service.url)), ("lki_…", fixture.caller.clone())];
    let nginx = Proxy::prepare();
    let site = format!("access_log off; server {{ listen {}; {} }}", bare(&nginx.url), with_replacements(lines, &replacements));
    let nginx = run(nginx, &site).await;
    let (_, secret) =
        fixture.create_key(json!({ "allowed_ips": ["127.0.0.0/8"], "rate_limits": [{ "name": "two", "limit": 2, "duration_ms": 60_000 }] })).await;
    let (_, blocked) = fixture.create_key(json!({ "allowed_ips": ["192.0.2.0/24"] })).await;
    let send = async |request: RequestBuilder, key: &str| request.bearer_auth(key).send().await.unwrap().status().as_u16();
    assert_eq!(nginx.get("/").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(send(nginx.get("/"), "lkc_x").await, 401);
    assert_eq!(send(nginx.get("/").header("x-forwarded-for", "192.0.2.1"), &blocked).await, 403);
    let (_, agent) = fixture.owner.agent_key("agent").await;
    assert_eq!(send(nginx.get("/"), &agent).await, 403);
    assert_eq!(service.take_requests().len(), 0);
    assert_eq!(send(nginx.get("/"), &secret).await, 200);
    let forged = nginx.request(Method::POST, "/").header("x-latchkey-role", "owner").header("x-latchkey-caller", "x");
    assert_eq!(send(forged.body("body"), &secret).await, 200);
    let calls = service.take_requests();
    let call = calls.last().unwrap();
    assert_eq!((call.body.as_str(), received_header(call, "x-latchkey-role"), received_header(call, "x-latchkey-caller")), ("body", None, None));
    assert_eq!(send(nginx.get("/latchkey"), &secret).await, 404);
    assert_eq!(send(nginx.get("/"), &secret).await, 403);
}
