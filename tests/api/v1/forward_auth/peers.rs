//! Debian's Caddy, a newer Caddy and Debian's `HAProxy` with the configurations of docs/proxies, in front of a mock service.

use std::{fs, process::Command};

use reqwest::{Method, StatusCode, header::HeaderValue};
use serde_json::{Value, json};

use super::{
    Fixture, expected, header,
    proxy::{Proxy, bare, outcome, program, received_header, with_replacements},
};
use crate::support::{eventually, repository, services::MockService};

const CADDYFILE: &str = include_str!("../../../../docs/proxies/Caddyfile");
const HAPROXY: &str = include_str!("../../../../docs/proxies/haproxy.cfg");
const HAPROXY_ACTION: &str = include_str!("../../../../docs/proxies/haproxy.lua");

/// Every header that describes a key.
const ATTRIBUTES: [&str; 14] = [
    "x-latchkey-code",
    "x-latchkey-key-id",
    "x-latchkey-name",
    "x-latchkey-kind",
    "x-latchkey-customer-id",
    "x-latchkey-external-id",
    "x-latchkey-metadata",
    "x-latchkey-scopes",
    "x-latchkey-corpora",
    "x-latchkey-project-id",
    "x-latchkey-role",
    "x-latchkey-expires-at",
    "x-latchkey-credits-remaining",
    "x-latchkey-request-id",
];
/// The headers that a key without optional attributes has.
const REQUIRED: [&str; 7] = [
    "x-latchkey-code",
    "x-latchkey-key-id",
    "x-latchkey-name",
    "x-latchkey-kind",
    "x-latchkey-customer-id",
    "x-latchkey-scopes",
    "x-latchkey-request-id",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    DebianCaddy,
    NewerCaddy,
    Haproxy,
}

impl Peer {
    async fn start(self, latchkey: &str, service: &str, caller: &str) -> Proxy {
        let proxy = Proxy::prepare();
        let mut command = match self {
            Self::DebianCaddy => caddy(&proxy, Command::new("/usr/bin/caddy"), latchkey, service),
            Self::NewerCaddy => caddy(&proxy, Command::new(repository().join("target/caddy/bin/caddy")), latchkey, service),
            Self::Haproxy => haproxy(&proxy, latchkey, service, HAPROXY_ACTION),
        };
        command.env("LATCHKEY_CALLER", caller);
        proxy.run(command).await
    }
}

fn caddy(proxy: &Proxy, mut command: Command, latchkey: &str, service: &str) -> Command {
    let replacements = [("api.example.com {", format!("{} {{", proxy.url)), ("127.0.0.1:3000", bare(latchkey)), ("127.0.0.1:8080", bare(service))];
    let file = proxy.folder.path().join("Caddyfile");
    // The admin endpoint has a fixed port.
    fs::write(&file, format!("{{\n\tadmin off\n}}\n\n{}", with_replacements(CADDYFILE, &replacements))).unwrap();
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    for variable in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env(variable, proxy.folder.path());
    }
    command
}

fn haproxy(proxy: &Proxy, latchkey: &str, service: &str, action: &str) -> Command {
    let folder = proxy.folder.path();
    let replacements = [
        ("/etc/haproxy/haproxy.lua", format!("{}/haproxy.lua", proxy.path())),
        ("bind 127.0.0.1:8000", format!("bind {}", bare(&proxy.url))),
        ("127.0.0.1:3000", bare(latchkey)),
        ("127.0.0.1:8080", bare(service)),
    ];
    fs::write(folder.join("haproxy.cfg"), with_replacements(HAPROXY, &replacements)).unwrap();
    fs::write(folder.join("haproxy.lua"), action).unwrap();
    let mut command = program("haproxy");
    // `-db`: in the foreground and in one process, so that killing it stops HAProxy.
    command.arg("-db").arg("-f").arg(folder.join("haproxy.cfg"));
    command
}

async fn setup(peer: Peer) -> (Fixture, MockService, Proxy) {
    let (fixture, service) = (Fixture::start().await, MockService::start().await);
    let proxy = peer.start(&fixture.server.url, &service.url, &fixture.caller).await;
    (fixture, service, proxy)
}

async fn check_headers_of_the_service(peer: Peer) {
    let (fixture, service, proxy) = setup(peer).await;
    let (_, plain) = fixture.create_key(json!({ "scopes": ["write"] })).await;
    // An external id may look like a placeholder of Caddy.
    let note = "ä".repeat(1900);
    let fields = json!({
        "scopes": ["read", "write"], "duration_days": 30, "external_id": "{http.host}", "metadata": { "note": note }, "credits": { "remaining": 10 },
    });
    let (id, full) = fixture.create_key(fields).await;
    for key in [&plain, &full] {
        let mut request = proxy.request(Method::POST, "/items?x=1").header("x-api-key", key).header("x_latchkey_role", "owner");
        for name in ATTRIBUTES.into_iter().chain(["x-latchkey-caller", "x-latchkey-other"]) {
            request = request.header(name, "forged");
        }
        // These would otherwise lower the required scope.
        request = request.header("x-forwarded-method", "GET").header("x-original-method", "GET").header("x-original-uri", "/?api_key=forged");
        let response = request.body("body").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{peer:?}");
    }
    let calls = service.take_requests();
    let [plain, full] = &calls[..] else { panic!("{peer:?}: {calls:?}") };
    for call in [plain, full] {
        assert_eq!((call.request_line.as_str(), call.body.as_str()), ("POST /items?x=1", "body"));
        for (name, value) in &call.headers {
            let value = value.to_str().unwrap();
            assert!(!value.contains("http.reverse_proxy") && value != "forged", "{peer:?}: {name}: {value}");
        }
        for name in ["x-latchkey-caller", "x-latchkey-other", "x_latchkey_role", "x-latchkey-role", "x-latchkey-project-id", "x-latchkey-corpora"] {
            assert_eq!(received_header(call, name), None, "{peer:?}: {name}");
        }
    }
    let names = ATTRIBUTES.into_iter().filter(|name| plain.headers.contains_key(*name)).collect::<Vec<_>>();
    assert_eq!(names, REQUIRED, "{peer:?}");
    for (name, value) in [
        ("x-latchkey-code", "VALID"),
        ("x-latchkey-key-id", id.as_str()),
        ("x-latchkey-kind", "client"),
        ("x-latchkey-external-id", "{http.host}"),
        ("x-latchkey-scopes", "read,write"),
        ("x-latchkey-credits-remaining", "9"),
    ] {
        assert_eq!(received_header(full, name), Some(value), "{peer:?}: {name}");
    }
    let metadata: Value = serde_json::from_str(received_header(full, "x-latchkey-metadata").unwrap()).unwrap();
    assert_eq!(metadata, json!({ "note": note }));
}

async fn check_rejections(peer: Peer) {
    let (mut fixture, service, proxy) = setup(peer).await;
    let missing = proxy.get("/").send().await.unwrap();
    assert_eq!((outcome(&missing), header(&missing, "www-authenticate")), (expected(401, "MISSING_KEY"), Some("Bearer")), "{peer:?}");
    let get = async |key: &str| proxy.get("/").header("x-api-key", key).send().await.unwrap();
    assert_eq!(outcome(&get("lkc_x").await), expected(401, "NOT_FOUND"));
    // Clients cannot change their address with headers.
    let (_, blocked) = fixture.create_key(json!({ "scopes": ["read"], "allowed_ips": ["192.0.2.0/24"] })).await;
    let forged = HeaderValue::from_bytes("é, 192.0.2.1".as_bytes()).unwrap();
    let moved = proxy.get("/").header("x-api-key", &blocked).header("x-forwarded-for", forged).header("x-real-ip", "192.0.2.1");
    assert_eq!(outcome(&moved.send().await.unwrap()), expected(403, "FORBIDDEN"), "{peer:?}");
    let (_, reader) = fixture.create_key(json!({ "scopes": ["read"], "allowed_ips": ["127.0.0.0/8"] })).await;
    let written = proxy.request(Method::DELETE, "/").header("x-api-key", &reader).send().await.unwrap();
    assert_eq!(outcome(&written), expected(403, "INSUFFICIENT_PERMISSIONS"));
    let two = proxy.get("/").bearer_auth("other").header("x-api-key", &reader).send().await.unwrap();
    assert_eq!(outcome(&two), expected(400, "MALFORMED"), "{peer:?}");
    let (_, limited) = fixture.create_key(json!({ "scopes": ["read"], "rate_limits": [{ "name": "one", "limit": 1, "duration_ms": 60_000 }] })).await;
    assert_eq!(service.take_requests().len(), 0);
    assert_eq!(get(&limited).await.status(), StatusCode::OK);
    let late = get(&limited).await;
    assert_eq!(outcome(&late), expected(429, "RATE_LIMITED"), "{peer:?}");
    assert!((1..=60).contains(&header(&late, "retry-after").unwrap().parse::<u64>().unwrap()));
    assert_eq!(late.json::<Value>().await.unwrap()["code"], "rate_limited");
    assert_eq!(proxy.get(&format!("/?api_key={reader}")).send().await.unwrap().status(), StatusCode::OK, "{peer:?}");
    assert_eq!(service.take_requests().len(), 2);
    let other = peer.start(&fixture.server.url, &service.url, "lki_wrong").await;
    assert!(!other.get("/").header("x-api-key", &reader).send().await.unwrap().status().is_success(), "{peer:?}");
    fixture.server.stop().await;
    eventually("Latchkey is unreachable", async || get(&reader).await.status().is_server_error()).await;
    service.take_requests();
    assert!(get(&reader).await.status().is_server_error(), "{peer:?}");
    assert_eq!(service.take_requests().len(), 0);
}

#[tokio::test]
async fn debian_caddy_sends_only_headers_with_a_value() {
    check_headers_of_the_service(Peer::DebianCaddy).await;
}

#[tokio::test]
async fn newer_caddy_sends_only_headers_with_a_value() {
    check_headers_of_the_service(Peer::NewerCaddy).await;
}

#[tokio::test]
async fn haproxy_sends_only_headers_with_a_value() {
    check_headers_of_the_service(Peer::Haproxy).await;
}

#[tokio::test]
async fn debian_caddy_passes_rejections_on() {
    check_rejections(Peer::DebianCaddy).await;
}

#[tokio::test]
async fn newer_caddy_passes_rejections_on() {
    check_rejections(Peer::NewerCaddy).await;
}

#[tokio::test]
async fn haproxy_passes_rejections_on() {
    check_rejections(Peer::Haproxy).await;
}

#[tokio::test]
async fn haproxy_survives_many_lines_of_a_key_header() {
    let (fixture, service, proxy) = setup(Peer::Haproxy).await;
    let (_, secret) = fixture.create_key(json!({ "scopes": ["read"] })).await;
    for name in ["x-api-key", "authorization"] {
        let flood = (0..98).fold(proxy.get("/"), |request, _| request.header(name, "other"));
        assert_eq!(flood.send().await.unwrap().status(), StatusCode::BAD_REQUEST, "{name}");
        assert_eq!(proxy.get("/").header("x-api-key", &secret).send().await.unwrap().status(), StatusCode::OK, "{name}");
    }
    assert_eq!(service.take_requests().len(), 2);
}

#[tokio::test]
async fn haproxy_refuses_requests_after_an_error_in_the_action() {
    let (fixture, service, proxy) = (Fixture::start().await, MockService::start().await, Proxy::prepare());
    let broken = with_replacements(HAPROXY_ACTION, &[("local response = call_latchkey(txn, url)", "error('broken')".to_owned())]);
    let mut command = haproxy(&proxy, &fixture.server.url, &service.url, &broken);
    command.env("LATCHKEY_CALLER", &fixture.caller);
    let proxy = proxy.run(command).await;
    let (_, secret) = fixture.create_key(json!({ "scopes": ["read"] })).await;
    let forged = proxy.get("/").header("x-api-key", &secret).header("x-latchkey-code", "VALID");
    assert_eq!(forged.send().await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(service.take_requests().len(), 0);
}

#[tokio::test]
async fn haproxy_refuses_requests_without_room_for_the_verdict() {
    let (fixture, service, proxy) = setup(Peer::Haproxy).await;
    let (_, secret) = fixture.create_key(json!({ "scopes": ["read"], "metadata": { "note": "ä".repeat(1900) } })).await;
    let get = async |filler: usize| proxy.get("/").header("x-filler", "a".repeat(filler)).header("x-api-key", &secret).send().await.unwrap().status();
    assert_eq!(get(1000).await, StatusCode::OK);
    assert_eq!(get(40_000).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(service.take_requests().len(), 1);
}
