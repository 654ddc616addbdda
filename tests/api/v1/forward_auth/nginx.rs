//! Debian's nginx with the configuration of docs/proxies/nginx.conf, in front of a small service.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header::HeaderValue};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Desk, header, is};
use crate::support::{
    eventually,
    services::{Neighbour, Seen},
};

const SITE: &str = include_str!("../../../../docs/proxies/nginx.conf");
const README: &str = include_str!("../../../../README.md");

/// nginx between a client and a service.
struct Nginx {
    url: String,
    folder: TempDir,
    program: Option<Child>,
}

impl Nginx {
    /// With the site that is shown, but for its addresses and files.
    async fn start(latchkey: &str, service: &str, caller: &str) -> Self {
        let nginx = Self::prepare();
        let place = nginx.place();
        let site = changed(
            SITE,
            &[
                ("server 127.0.0.1:3000", format!("server {}", bare(latchkey))),
                ("server 127.0.0.1:8080", format!("server {}", bare(service))),
                ("listen 127.0.0.1:8000", format!("listen {}", bare(&nginx.url))),
                ("/var/log/nginx/service.log", format!("{place}/access.log")),
                ("/etc/nginx/latchkey-caller", format!("{place}/latchkey-caller")),
            ],
        );
        fs::write(nginx.folder.path().join("latchkey-caller"), format!("proxy_set_header X-Latchkey-Caller \"{caller}\";\n")).unwrap();
        nginx.run(&site).await
    }

    fn prepare() -> Self {
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { url: format!("http://{listen}"), folder: TempDir::new().unwrap(), program: None }
    }

    fn place(&self) -> String {
        self.folder.path().to_str().unwrap().to_owned()
    }

    async fn run(mut self, site: &str) -> Self {
        let place = self.place();
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary: String = kinds.map(|kind| format!("{kind}_temp_path {place}/{kind};\n")).concat();
        // One process, which ends with the test.
        let whole = format!("daemon off; master_process off; pid {place}/pid; events {{}} http {{ {temporary} include {place}/site.conf; }}");
        let folder = self.folder.path();
        fs::write(folder.join("site.conf"), site).unwrap();
        fs::write(folder.join("nginx.conf"), whole).unwrap();
        self.program = Some(Self::command(folder).spawn().expect("nginx is installed: `cargo xtask setup` does it"));
        let listen = bare(&self.url);
        eventually(Duration::from_secs(5), "nginx listens", async || tokio::net::TcpStream::connect(&listen).await.is_ok()).await;
        self
    }

    fn command(folder: &Path) -> Command {
        let mut command = Command::new("nginx");
        // An ordinary user's path may lack the place where Debian puts it.
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
        command.env("PATH", path).arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf")).arg("-e").arg(folder.join("error.log"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        Client::new().request(method, format!("{}{path}", self.url))
    }

    fn access_log(&self) -> String {
        fs::read_to_string(self.folder.path().join("access.log")).unwrap()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if let Some(program) = &mut self.program {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

fn bare(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

/// What is shown, with the addresses and files of a test.
fn changed(shown: &str, changes: &[(&str, String)]) -> String {
    changes.iter().fold(shown.to_owned(), |site, (shown, here)| {
        assert_eq!(site.matches(shown).count(), 1, "{shown}");
        site.replace(shown, here)
    })
}

/// The status that the client sees, and the code in the header.
fn told(response: &Response) -> (u16, String) {
    (response.status().as_u16(), header(response, "x-latchkey-code").unwrap_or_default().to_owned())
}

async fn all() -> (Desk, Neighbour, Nginx) {
    let (desk, service) = (Desk::open().await, Neighbour::start().await);
    let nginx = Nginx::start(&desk.server.url, &service.url, &desk.caller).await;
    (desk, service, nginx)
}

fn seen<'a>(call: &'a Seen, name: &str) -> Option<&'a str> {
    assert!(call.headers.get_all(name).iter().count() <= 1, "{name}");
    call.headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn the_service_sees_the_verdict_and_nothing_that_a_client_made_up() {
    let (desk, service, nginx) = all().await;
    let note = "ä".repeat(1900);
    let wanted = json!({
        "name": "Größe", "scopes": ["read", "write"], "external_id": "cus_1", "metadata": { "note": note },
        "rate_limits": [{ "name": "burst", "limit": 9, "duration_ms": 60_000 }], "credits": { "remaining": 10 },
    });
    let (id, secret) = desk.key(wanted).await;
    let customer = desk.customer().await;
    let forged = [
        ("x-latchkey-caller", "lkp_x"),
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
    let [call] = &service.seen()[..] else { panic!() };
    assert_eq!((call.line.as_str(), call.body.as_str()), ("POST /items?x=1", "body"));
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
        assert_eq!(seen(call, name), Some(value), "{name}");
    }
    let metadata: Value = serde_json::from_str(seen(call, "x-latchkey-metadata").unwrap()).unwrap();
    assert_eq!(metadata, json!({ "note": note }));
    assert!(seen(call, "x-latchkey-request-id").unwrap().starts_with("req_"));
    for none in ["x-latchkey-caller", "x-latchkey-role", "x-latchkey-project-id", "x-latchkey-corpora", "x_latchkey_role"] {
        assert_eq!(seen(call, none), None, "{none}");
    }
}

#[tokio::test]
async fn each_refusal_reaches_the_client_as_what_it_is() {
    let (desk, service, nginx) = all().await;
    let send = async |request: RequestBuilder, key: &str| request.header("x-api-key", key).send().await.unwrap();
    let get = async |key: &str| told(&send(nginx.get("/"), key).await);

    let missing = nginx.get("/").send().await.unwrap();
    assert_eq!((told(&missing), header(&missing, "www-authenticate")), (is(401, "MISSING_KEY"), Some("Bearer")));
    assert_eq!(get("lkc_x").await, is(401, "NOT_FOUND"));
    let (id, disabled) = desk.key(json!({ "scopes": ["read"] })).await;
    assert_eq!(get(&disabled).await, is(200, ""));
    assert_eq!(desk.api.post(&format!("/keys/{id}/disable"), json!({})).await.0, StatusCode::OK);
    assert_eq!(get(&disabled).await, is(401, "DISABLED"));

    let (_, reader) = desk.key(json!({ "scopes": ["read"] })).await;
    assert_eq!(told(&send(nginx.request(Method::DELETE, "/"), &reader).await), is(403, "INSUFFICIENT_PERMISSIONS"));
    // Nobody moves themselves by saying where they are.
    let (_, elsewhere) = desk.key(json!({ "scopes": ["read"], "allowed_ips": ["192.0.2.0/24"] })).await;
    assert_eq!(
        told(&send(nginx.get("/").header("x-forwarded-for", "192.0.2.1").header("x-real-ip", "192.0.2.1"), &elsewhere).await),
        is(403, "FORBIDDEN")
    );
    let (_, here) = desk.key(json!({ "scopes": ["read"], "allowed_ips": ["127.0.0.0/8"] })).await;
    assert_eq!(get(&here).await.0, 200);

    let (_, limited) = desk.key(json!({ "scopes": ["read"], "rate_limits": [{ "name": "one", "limit": 1, "duration_ms": 60_000 }] })).await;
    assert_eq!(get(&limited).await.0, 200);
    let response = send(nginx.get("/"), &limited).await;
    assert_eq!((told(&response), header(&response, "ratelimit-policy")), (is(429, "RATE_LIMITED"), Some(r#""one";q=1;w=60"#)));
    assert!((1..=60).contains(&header(&response, "retry-after").unwrap().parse::<u64>().unwrap()));
    assert_eq!(header(&response, "content-type"), Some("application/problem+json"));
    let problem: Value = response.json().await.unwrap();
    assert_eq!((&problem["status"], &problem["code"]), (&json!(429), &json!("RATE_LIMITED")));
    let (_, spent) = desk.key(json!({ "scopes": ["read"], "credits": { "remaining": 0 } })).await;
    assert_eq!(get(&spent).await, is(429, "USAGE_EXCEEDED"));

    assert_eq!(told(&send(nginx.get("/").bearer_auth("other"), &reader).await), is(400, "MALFORMED"));
    assert_eq!(told(&nginx.get("/").header("x-api-key", HeaderValue::from_bytes(b"\xff").unwrap()).send().await.unwrap()), is(400, "MALFORMED"));
    assert_eq!(service.seen().len(), 3);
}

#[tokio::test]
async fn a_key_in_the_query_is_taken_and_stays_out_of_the_log() {
    let (desk, service, nginx) = all().await;
    let (id, secret) = desk.key(json!({ "scopes": ["read"] })).await;
    assert_eq!(nginx.get(&format!("/a?b=c&api_key={secret}")).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(nginx.get("/a?api_key=lkc_x").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let two = nginx.get(&format!("/a?api_key={secret}")).header("x-api-key", "other").send().await.unwrap();
    assert_eq!(told(&two), is(400, "MALFORMED"));
    assert_eq!(service.seen().len(), 1);
    // What nginx calls by itself can't be called by a client.
    assert_eq!(nginx.get("/latchkey").header("x-api-key", &secret).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    eventually(Duration::from_secs(2), "the log is written", async || nginx.access_log().lines().count() >= 4).await;
    let log = nginx.access_log();
    assert!(log.contains(&id) && log.contains("\"GET /a\" 200") && !log.contains(&secret), "{log}");
}

#[tokio::test]
async fn nobody_gets_in_while_latchkey_cant_say() {
    let (mut desk, service, nginx) = all().await;
    let (_, secret) = desk.key(json!({ "scopes": ["read"] })).await;
    let get = async |nginx: &Nginx| told(&nginx.get("/").header("x-api-key", &secret).send().await.unwrap());
    assert_eq!(get(&nginx).await.0, 200);
    let other = Nginx::start(&desk.server.url, &service.url, "lkp_wrong").await;
    assert_eq!(get(&other).await, is(503, "CALLER_REFUSED"));
    let database = desk.server.database().await;
    sqlx::query("alter table changes rename to elsewhere").execute(&database).await.unwrap();
    eventually(Duration::from_secs(3), "503", async || get(&nginx).await == is(503, "UNAVAILABLE")).await;
    desk.server.stop().await;
    assert_eq!(get(&nginx).await, is(503, ""));
    service.seen();
    assert_eq!(get(&nginx).await.0, 503);
    assert_eq!(service.seen().len(), 0);
}

#[tokio::test]
async fn readme_configuration_protects_a_service() {
    let (desk, service) = (Desk::open().await, Neighbour::start().await);
    let lines = README.split_once("```nginx\n").unwrap().1.split_once("```").unwrap().0;
    let changes = [("127.0.0.1:3000", bare(&desk.server.url)), ("127.0.0.1:8080", bare(&service.url)), ("lki_…", desk.caller.clone())];
    let nginx = Nginx::prepare();
    let site = format!("access_log off; server {{ listen {}; {} }}", bare(&nginx.url), changed(lines, &changes));
    let nginx = nginx.run(&site).await;
    let (_, secret) =
        desk.key(json!({ "allowed_ips": ["127.0.0.0/8"], "rate_limits": [{ "name": "two", "limit": 2, "duration_ms": 60_000 }] })).await;
    let (_, elsewhere) = desk.key(json!({ "allowed_ips": ["192.0.2.0/24"] })).await;
    let send = async |request: RequestBuilder, key: &str| request.bearer_auth(key).send().await.unwrap().status().as_u16();
    assert_eq!(nginx.get("/").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(send(nginx.get("/"), "lkc_x").await, 401);
    assert_eq!(send(nginx.get("/").header("x-forwarded-for", "192.0.2.1"), &elsewhere).await, 403);
    assert_eq!(service.seen().len(), 0);
    assert_eq!(send(nginx.get("/"), &secret).await, 200);
    let forged = nginx.request(Method::POST, "/").header("x-latchkey-role", "owner").header("x-latchkey-caller", "x");
    assert_eq!(send(forged.body("body"), &secret).await, 200);
    let calls = service.seen();
    let call = calls.last().unwrap();
    assert_eq!((call.body.as_str(), seen(call, "x-latchkey-role"), seen(call, "x-latchkey-caller")), ("body", None, None));
    assert_eq!(send(nginx.get("/latchkey"), &secret).await, 404);
    assert_eq!(send(nginx.get("/"), &secret).await, 403);
}
