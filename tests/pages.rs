//! Pages and their server functions.

use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, StatusCode, header::SET_COOKIE};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestServer, send_large, store_keys};

#[tokio::test]
async fn first_account_is_created_once_with_the_printed_token() {
    let server = TestServer::start().await;
    let visitor = server.visitor();
    let setup = |token: &str, email: &str| json!({ "token": token, "organization": "Acme", "name": "Ada", "email": email, "password": PASSWORD });
    let token = server.state.setup_token.expose_secret().to_owned();
    assert_eq!(visitor.get("/").send().await.unwrap().headers()["location"], "/setup");
    assert_eq!(visitor.get("/setup").send().await.unwrap().status(), StatusCode::OK);
    for wrong in ["", "0", &token[1..], &format!("{token}0")] {
        assert_eq!(visitor.call("account/set-up", setup(wrong, "ada@acme.test")).await.0, StatusCode::NOT_FOUND);
    }
    for (field, value) in [("organization", ""), ("name", "a\u{202E}"), ("email", "ada"), ("password", "short")] {
        let mut call = setup(&token, "ada@acme.test");
        call[field] = json!(value);
        let (status, error) = visitor.call("account/set-up", call).await;
        assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)));
    }
    // Two concurrent calls.
    let (first, second) =
        tokio::join!(visitor.call("account/set-up", setup(&token, "ada@acme.test")), visitor.call("account/set-up", setup(&token, "eve@acme.test")));
    let mut statuses = [first.0, second.0];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::NOT_FOUND]);
    assert_eq!(visitor.call("account/set-up", setup(&token, "bob@acme.test")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(visitor.get("/setup").send().await.unwrap().headers()["location"], "/sign-in");
}

#[tokio::test]
async fn pages_require_sign_in_and_permission() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let visitor = server.visitor();
    let redirect = async |path: &str| visitor.get(path).send().await.unwrap().headers().get("location").map(|to| to.to_str().unwrap().to_owned());
    assert_eq!(redirect("/keys/agent?q=a").await.as_deref(), Some("/sign-in?next=%2Fkeys%2Fagent%3Fq%3Da"));
    assert_eq!(redirect("/profile").await.as_deref(), Some("/sign-in?next=%2Fprofile"));
    assert_eq!(redirect("/sign-in").await, None);
    for path in ["/keys/agent", "/profile"] {
        assert_eq!(page.get(path).send().await.unwrap().status(), StatusCode::OK, "{path}");
    }
    assert_eq!(page.get("/nowhere").send().await.unwrap().status(), StatusCode::NOT_FOUND);
    sqlx::query("update roles set permissions = 'view_project'").execute(&server.database().await).await.unwrap();
    let refused = page.get("/keys/agent").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(page.call("keys/create", json!({ "request": { "kind": "agent", "name": "a" } })).await.0, StatusCode::FORBIDDEN);
    let query = json!({ "query": { "kind": "agent", "search": "", "status": null, "sort": { "column": "name", "descending": false } } });
    assert_eq!(page.call("keys/open", query).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn server_functions_require_a_session() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let visitor = server.visitor();
    let id = "key_00000000000070008000000000000000";
    let query = json!({ "kind": null, "search": "", "status": null, "sort": { "column": "name", "descending": false } });
    for (name, arguments) in [
        ("account/viewer", json!({})),
        ("account/sign-out", json!({})),
        ("account/sign-out-everywhere", json!({})),
        ("keys/open", json!({ "query": query })),
        ("keys/rows", json!({ "request": { "anchor": { "index": 0, "cursor": "a" }, "first": 0, "limit": 1 } })),
        ("keys/create", json!({ "request": { "kind": "agent", "name": "a" } })),
        ("keys/edit", json!({ "id": id, "patch": { "name": "a" } })),
        ("keys/bulk", json!({ "action": "delete", "ids": [id] })),
    ] {
        let (status, error) = visitor.call(name, arguments).await;
        assert_eq!((status, &error["code"]), (StatusCode::UNAUTHORIZED, &json!("signed_out")), "{name}");
    }
}

#[tokio::test]
async fn pages_and_lists_are_compressed_but_secrets_are_not() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    store_keys(&server.database().await, 100).await;
    let api = server.api("owner@acme.test", "keys:read,keys:write,verify");
    let encoding = async |request: RequestBuilder| {
        let response = request.header("accept-encoding", "br, gzip").send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.url());
        response.headers().get("content-encoding").map(|encoding| encoding.to_str().unwrap().to_owned())
    };
    let query = json!({ "kind": "agent", "search": "", "status": null, "sort": { "column": "name", "descending": false } });
    for request in
        [page.get("/keys/agent"), page.function("keys/open", &json!({ "query": query })), api.request(Method::GET, "/keys?kind=agent&limit=100")]
    {
        assert_eq!(encoding(request).await.as_deref(), Some("gzip"));
    }
    // The metadata are repeated in the response, next to the secret.
    let metadata = json!({ "note": "a".repeat(2000) });
    let create = page.function("keys/create", &json!({ "request": { "kind": "client", "name": "shop", "metadata": metadata.to_string() } }));
    let post = api.request(Method::POST, "/keys").json(&json!({ "kind": "client", "name": "shop", "metadata": metadata }));
    for request in [create, post, page.get("/events")] {
        assert_eq!(encoding(request).await, None);
    }
    // Without the header, as from a client that cannot decompress.
    let plain = page.get("/keys/agent").send().await.unwrap();
    assert!(!plain.headers().contains_key("content-encoding"));
    assert_eq!(plain.headers()["vary"], "accept-encoding");
}

#[tokio::test]
async fn only_files_may_be_large() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let (_, corpus) = page.call("corpora/create", json!({ "name": "handbook" })).await;
    let content = format!("{}\n\n", "About cats. ".repeat(200)).repeat(80);
    let upload = json!({ "id": corpus["id"], "name": "cats.txt", "content": content });
    assert_eq!(page.call("corpora/upload", upload.clone()).await, (StatusCode::OK, json!({ "added": 1, "replaced": 0 })));
    assert_eq!(page.call("corpora/upload", upload.clone()).await.1, json!({ "added": 0, "replaced": 1 }));
    assert_eq!(server.visitor().call("corpora/upload", upload).await.0, StatusCode::PAYLOAD_TOO_LARGE, "without a session");
    assert_eq!(page.call("corpora/create", json!({ "name": content })).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let (status, error) = page.call("corpora/upload", json!({ "id": corpus["id"], "name": "cats.pdf", "content": "" })).await;
    assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("name")));
}

#[tokio::test]
async fn changes_require_a_same_origin_request() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    let from = async |origin: Option<&str>| {
        let request = page.client.post(format!("{}/fn/keys/create", page.url)).header("cookie", page.cookie.as_ref().unwrap());
        let request = origin.iter().fold(request, |request, origin| request.header("origin", *origin));
        request.json(&json!({ "request": { "kind": "agent", "name": format!("from {origin:?}") } })).send().await.unwrap().status()
    };
    for other_origin in [None, Some("null"), Some("https://evil.test"), Some("http://127.0.0.1:1"), Some(&*format!("https://127.0.0.1:{port}"))] {
        assert_eq!(from(other_origin).await, StatusCode::FORBIDDEN, "{other_origin:?}");
    }
    assert_eq!(from(Some(&format!("http://localhost:{port}"))).await, StatusCode::OK);
    let total: i64 = sqlx::query_scalar("select count(*) from api_keys").fetch_one(&server.database().await).await.unwrap();
    assert_eq!(total, 1);
}

#[tokio::test]
async fn wrong_password_and_unknown_account_look_the_same() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let visitor = server.visitor();
    let attempt = async |email: &str| {
        let started = Instant::now();
        let response = visitor.call("account/sign-in", json!({ "email": email, "password": "wrong horse battery" })).await;
        (response, started.elapsed())
    };
    let (mut existing, mut unknown) = (Vec::new(), Vec::new());
    for n in 0..5 {
        let (first, elapsed) = attempt("owner@acme.test").await;
        existing.push(elapsed);
        let (second, elapsed) = attempt(&format!("unknown{n}@acme.test")).await;
        unknown.push(elapsed);
        assert_eq!(first, second);
        assert_eq!((first.0, &first.1["code"]), (StatusCode::UNAUTHORIZED, &json!("wrong_credentials")));
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    };
    let ratio = median(&mut existing) / median(&mut unknown);
    assert!((0.4..2.5).contains(&ratio), "both hash a password: {ratio}");
}

#[tokio::test]
async fn account_is_locked_after_ten_failed_sign_ins() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    server.user("admin", "acme").await;
    let visitor = server.visitor();
    let sign_in = async |email: &str, password: &str| visitor.call("account/sign-in", json!({ "email": email, "password": password })).await;
    for _ in 0..10 {
        assert_eq!(sign_in("OWNER@acme.test", "wrong").await.0, StatusCode::UNAUTHORIZED);
    }
    let (status, error) = sign_in("owner@acme.test", PASSWORD).await;
    assert_eq!((status, &error["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("throttled")));
    assert!(error["seconds"].as_u64().unwrap() > 0);
    assert_eq!(sign_in("admin@acme.test", PASSWORD).await.0, StatusCode::OK);
    // An impossible address fails like any unknown address.
    for email in ["", "a\u{0}@b", &"a@".repeat(20_000)] {
        assert_eq!(sign_in(email, PASSWORD).await.0, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn sign_in_creates_a_session_that_ends_here_or_everywhere() {
    let server = TestServer::start().await;
    let here = server.user("owner", "acme").await;
    let there = server.visitor().sign_in("owner@acme.test", PASSWORD).await;
    assert_ne!(here.cookie, there.cookie);
    assert_eq!(here.call("account/viewer", json!({})).await.1["sessions"], 2);

    // A cookie set by an attacker is not adopted.
    let mut planted = server.visitor();
    planted.cookie = Some("latchkey=planted".to_owned());
    let again = planted.sign_in("owner@acme.test", PASSWORD).await;
    assert_ne!(again.cookie.as_deref(), Some("latchkey=planted"));

    let response = again.function("account/sign-out", &json!({})).send().await.unwrap();
    assert!(response.headers()[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    let signed_in = async |page: &crate::support::BrowserClient| page.call("account/viewer", json!({})).await.0 == StatusCode::OK;
    assert!(!signed_in(&again).await && signed_in(&here).await && signed_in(&there).await);
    assert_eq!(here.call("account/sign-out-everywhere", json!({})).await.0, StatusCode::OK);
    assert!(!signed_in(&here).await && !signed_in(&there).await);
}

#[tokio::test]
async fn session_ends_when_idle_old_or_its_user_is_disabled() {
    let server = TestServer::start().await;
    let database = server.database().await;
    for (user, sql) in [
        ("owner", "update sessions set last_seen_at = last_seen_at - 86400001"),
        ("admin", "update sessions set created_at = created_at - 1209600001"),
        ("member", "update users set disabled_at = 1"),
    ] {
        let page = server.user(user, "acme").await;
        assert_eq!(page.call("account/viewer", json!({})).await.0, StatusCode::OK);
        sqlx::query(sql).execute(&database).await.unwrap();
        assert_eq!(page.call("account/viewer", json!({})).await.0, StatusCode::UNAUTHORIZED, "{sql}");
    }
}

#[tokio::test]
async fn cookies_are_http_only_and_host_bound_over_https() {
    let plain = TestServer::start().await;
    let secure = TestServer::start_with(|options| options.public_url = Some("https://keys.example.test".to_owned())).await;
    for (server, origin, prefix, attributes) in [
        (&plain, plain.url.clone(), "latchkey=", "; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax"),
        (&secure, "https://keys.example.test".to_owned(), "__Host-latchkey=", "; HttpOnly; SameSite=Lax; Secure"),
    ] {
        let created = server.latchkey(
            &["admin", "create-user", "--email", "a@b", "--name", "A", "--role", "owner", "--organization", "B", "--password-stdin"],
            PASSWORD,
        );
        assert!(created.status.success(), "{created:?}");
        let call = json!({ "email": "a@b", "password": PASSWORD });
        let response =
            plain.visitor().client.post(format!("{}/fn/account/sign-in", server.url)).header("origin", &origin).json(&call).send().await.unwrap();
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        assert!(cookie.starts_with(prefix) && cookie.contains(attributes), "{cookie}");
        assert_eq!(response.headers().contains_key("strict-transport-security"), prefix.starts_with("__Host-"));
    }
}

#[tokio::test]
async fn pages_send_security_headers() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let (first, second) = (page.get("/keys/agent").send().await.unwrap(), page.get("/keys/agent").send().await.unwrap());
    let policy = first.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe-inline"), "{policy}");
    assert_ne!(first.headers()["content-security-policy"], second.headers()["content-security-policy"], "a nonce is used once");
    for (name, value) in
        [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("cache-control", "no-store"), ("referrer-policy", "same-origin")]
    {
        assert_eq!(first.headers()[name], value);
    }
    let html = first.text().await.unwrap();
    assert!(html.matches("<script").count() > 0);
    for script in html.split("<script").skip(1) {
        assert!(script.split('>').next().unwrap().contains(&format!("nonce=\"{nonce}\"")), "{script:.80}");
    }
    assert!(!html.contains(" style=\""), "the policy forbids inline styles");
}

#[tokio::test]
async fn error_responses_contain_no_internal_text() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    for (name, body, status) in [
        ("keys/create", "{", 400),
        ("keys/create", r#"{"request":{"kind":"agent","name":{"s3cret":1}}}"#, 400),
        ("keys/create", r#"{"request":{"kind":"s3cret","name":"a"}}"#, 400),
        ("keys/edit", r#"{"id":"s3cret","patch":{"name":"a"}}"#, 400),
    ] {
        let response = page.function(name, &Value::Null).header("content-type", "application/json").body(body).send().await.unwrap();
        let (actual, text) = (response.status().as_u16(), response.text().await.unwrap());
        assert_eq!(actual, status, "{name} {body}: {text}");
        assert!(!text.contains("s3cret") && !text.to_lowercase().contains("serde") && !text.contains("line 1"), "{text}");
    }
    let large = send_large(page.function("keys/create", &json!({ "request": { "kind": "agent", "name": "a".repeat(100_000) } }))).await;
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(large.headers()["content-type"], "application/problem+json");
    sqlx::query("drop table verdict_changes").execute(&server.database().await).await.unwrap();
    let (status, error) = page.call("keys/create", json!({ "request": { "kind": "agent", "name": "a" } })).await;
    assert!([StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE].contains(&status));
    assert!(!error.to_string().contains("changes"), "{error}");
}

#[tokio::test]
async fn page_actions_are_recorded_in_the_audit_log() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let (id, _) = page.agent_key("a").await;
    page.call("keys/edit", json!({ "id": id, "patch": { "name": "b" } })).await;
    page.call("keys/bulk", json!({ "action": "delete", "ids": [id] })).await;
    // Rejected calls are not recorded.
    page.call("keys/create", json!({ "request": { "kind": "agent", "name": "" } })).await;
    page.call("account/sign-out", json!({})).await;
    let rows: Vec<(String, String, String, String)> =
        sqlx::query_as("select action, actor_name, object_name, address from audit_events order by seq")
            .fetch_all(&server.database().await)
            .await
            .unwrap();
    let actions: Vec<_> = rows.iter().map(|row| row.0.as_str()).collect();
    assert_eq!(actions, ["organization.created", "user.created", "session.begun", "key.created", "key.edited", "key.deleted", "session.ended"]);
    assert_eq!(rows[3], ("key.created".into(), "owner of acme".into(), "a".into(), "127.0.0.1".into()));
}
