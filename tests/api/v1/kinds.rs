//! The life cycle of every kind over the API, compared with `KIND_SPECS`. A kind that is missing here does not compile or fails.

use latchkey::routes;
use latchkey_types::{
    key_kind::{CreateAction, CredentialKind, Editable, Expiry, KIND_SPECS, KeyKind, Kind, KindSpec, Mask, SecretReveal, Unique},
    permission::Scope,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{ApiClient, TestServer, text, unix_ms};

/// The request body that creates a key of this kind; `None` if the API cannot create one.
fn sample(kind: KeyKind, name: &str) -> Option<Value> {
    match kind {
        KeyKind::Internal => Some(json!({ "kind": "internal", "name": name, "duration_days": 30, "scopes": ["verify"] })),
        KeyKind::Client => Some(json!({
            "kind": "client", "name": name, "external_id": "customer-7", "metadata": { "plan": "pro", "seats": 3 }, "scopes": ["read", "write:all"],
        })),
        KeyKind::Corpus => Some(json!({ "kind": "corpus", "name": name, "scopes": ["query"], "corpora": [1] })),
        KeyKind::Agent => Some(json!({ "kind": "agent", "name": name })),
        KeyKind::Project => None,
    }
}

/// The request body that creates a credential of this kind, and the secrets in it.
fn credential(kind: CredentialKind, name: &str) -> (Value, Vec<&'static str>) {
    match kind {
        CredentialKind::External => (
            json!({
                "kind": "external", "name": name, "provider": "aws", "key": "AKIAIOSFODNN7EXAMPLE", "secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                "region": "eu-central-1", "duration_days": 30,
            }),
            vec!["AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"],
        ),
        CredentialKind::General => {
            (json!({ "kind": "general", "name": name, "value": "sk-proj-0123456789abcdef" }), vec!["sk-proj-0123456789abcdef"])
        }
    }
}

#[tokio::test]
async fn every_kind_follows_the_kind_table() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    assert_eq!(api.post("/corpora", json!({ "name": "manuals" })).await.1["id"], 1);
    for spec in KIND_SPECS {
        match spec.kind {
            Kind::Key(kind) => match sample(kind, "first") {
                Some(_) => check_key(&api, kind, spec).await,
                None => assert_eq!(api.post("/keys", json!({ "kind": spec.name, "name": "a" })).await.1["field"], "kind"),
            },
            Kind::Credential(kind) => {
                assert_eq!(api.post("/keys", json!({ "kind": spec.name, "name": "a" })).await.1["field"], "kind");
                check_credential(&api, kind, spec).await;
            }
        }
    }
}

async fn check_key(api: &ApiClient, kind: KeyKind, spec: &KindSpec) {
    let kind_name = spec.name;
    let post = async |name: &str| api.post("/keys", sample(kind, name).unwrap()).await;

    let (status, created) = post("First").await;
    assert_eq!(status, StatusCode::CREATED, "{kind_name}: {created}");
    let (key, secret) = (&created["key"], text(&created["secret"]));
    let path = format!("/keys/{}", text(&key["id"]));
    assert!(secret.starts_with(spec.prefix.unwrap()), "{kind_name}");
    assert_eq!(text(&key["mask"]), spec.mask.apply(&secret), "{kind_name}");
    assert!(spec.mask == Mask::Hidden || !text(&key["mask"]).contains(&secret[8..40]), "{kind_name}");
    assert_eq!((&key["kind"], &key["status"]), (&json!(kind_name), &json!("active")));
    let days = key["expires_at"].as_str().map(|_| (unix_ms(&key["expires_at"]) - unix_ms(&key["created_at"])) / 86_400_000);
    assert_eq!(days, if let Expiry::Days(days) = spec.expiry { Some(days) } else { (spec.expiry == Expiry::Chosen).then_some(30) }, "{kind_name}");
    assert_eq!(api.verify(&secret).await, "VALID", "{kind_name}");

    // If names are unique, case is ignored.
    let (status, duplicate) = post("FIRST").await;
    assert_eq!(status, if spec.unique == Unique::Name { StatusCode::CONFLICT } else { StatusCode::CREATED }, "{kind_name}: {duplicate}");
    let page = format!("/keys?kind={kind_name}&q=first");
    assert_eq!(api.get(&page).await.1["total"], if spec.unique == Unique::Name { 1 } else { 2 }, "{kind_name}");

    // Editable fields change; for the others the error names the field.
    let renamed = api.call(Method::PATCH, &path, Some(json!({ "name": "Second" }))).await;
    if matches!(spec.editable, Editable::Nothing | Editable::Limits) {
        assert_eq!((renamed.0.as_u16(), &renamed.1["field"]), (422, &json!("name")), "{kind_name}");
    } else {
        assert_eq!((renamed.0, &renamed.1["name"]), (StatusCode::OK, &json!("Second")), "{kind_name}");
    }
    for (field, value) in
        [("scopes", json!(["read"])), ("external_id", json!("customer-8")), ("metadata", json!({ "plan": "free" })), ("duration_days", json!(10))]
    {
        let edited = api.call(Method::PATCH, &path, Some(json!({ field: value }))).await;
        if spec.editable == Editable::All {
            assert_eq!(edited.0, StatusCode::OK, "{kind_name} {field}: {}", edited.1);
            assert!(field == "duration_days" || edited.1[field] == value, "{kind_name} {field}: {}", edited.1);
        } else {
            assert_eq!((edited.0.as_u16(), &edited.1["field"]), (422, &json!(field)), "{kind_name}");
        }
    }

    check_limits(api, &path, spec).await;

    // Disabling and enabling take effect immediately.
    for (action, status, code) in [("disable", "disabled", "DISABLED"), ("disable", "disabled", "DISABLED"), ("enable", "active", "VALID")] {
        let (http_status, key) = api.call(Method::POST, &format!("{path}/{action}"), None).await;
        assert_eq!((http_status, &key["status"]), (StatusCode::OK, &json!(status)), "{kind_name}");
        assert_eq!(api.verify(&secret).await, code, "{kind_name}");
    }

    // Rotation: the previous secret is rejected immediately without a grace period, and valid during one.
    let (status, rotated) = api.post(&format!("{path}/rotate"), json!({ "grace_seconds": 0 })).await;
    assert_eq!((status, &rotated["key"]["retiring"]), (StatusCode::OK, &Value::Null), "{kind_name}: {rotated}");
    let second = text(&rotated["secret"]);
    assert_eq!(text(&rotated["key"]["mask"]), spec.mask.apply(&second));
    assert_eq!((api.verify(&secret).await.as_str(), api.verify(&second).await.as_str()), ("NOT_FOUND", "VALID"), "{kind_name}");
    let third = text(&api.post(&format!("{path}/rotate"), json!({ "grace_seconds": 3600 })).await.1["secret"]);
    assert_eq!((api.verify(&second).await.as_str(), api.verify(&third).await.as_str()), ("VALID", "VALID"), "{kind_name}");
    assert_eq!(api.get(&path).await.1["expires_at"], rotated["key"]["expires_at"], "{kind_name}: rotation does not change the expiry");

    // Deletion invalidates every secret of the key; the name is available again.
    assert_eq!(api.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT, "{kind_name}");
    for deleted in [&secret, &second, &third] {
        assert_eq!(api.verify(deleted).await, "NOT_FOUND", "{kind_name}");
    }
    for (method, path) in [(Method::GET, path.clone()), (Method::DELETE, path.clone()), (Method::POST, format!("{path}/enable"))] {
        assert_eq!(api.call(method, &path, None).await.0, StatusCode::NOT_FOUND, "{kind_name}");
    }
    assert_eq!(post("Second").await.0, StatusCode::CREATED, "{kind_name}");
}

/// Each limit can be set and removed if the kind has it. The secret stays valid: the limits are far from reached.
async fn check_limits(api: &ApiClient, path: &str, spec: &KindSpec) {
    let rates = json!([{ "name": "day", "limit": 1_000_000, "duration_ms": 86_400_000 }]);
    for (field, value, cleared, is_supported) in [
        ("rate_limits", rates.clone(), json!([]), spec.has_limits),
        ("credits", json!({ "remaining": 1_000_000, "refill": "never", "amount": 0 }), Value::Null, spec.has_limits),
        ("allowed_ips", json!(["192.0.2.0/24"]), json!([]), spec.has_limits && !spec.is_public),
        ("address_rate_limits", rates, json!([]), spec.is_public),
        ("allowed_origins", json!(["https://example.com"]), json!([]), spec.is_public),
        ("models", json!(["gpt-*"]), Value::Null, spec.can_call_models),
        ("tokens_per_minute", json!(1000), Value::Null, spec.can_call_models),
        ("max_parallel", json!(10), Value::Null, spec.can_call_models),
        ("log_bodies", json!(true), json!(false), spec.can_call_models),
    ] {
        let edited = api.call(Method::PATCH, path, Some(json!({ field: value }))).await;
        if is_supported {
            assert_eq!((edited.0, &edited.1[field]), (StatusCode::OK, &value), "{} {field}: {}", spec.name, edited.1);
            let (status, removed) = api.call(Method::PATCH, path, Some(json!({ field: cleared }))).await;
            assert_eq!((status, &removed[field]), (StatusCode::OK, &cleared), "{} {field}", spec.name);
        } else {
            assert_eq!((edited.0.as_u16(), &edited.1["field"]), (422, &json!(field)), "{} {field}", spec.name);
        }
    }
}

async fn check_credential(api: &ApiClient, kind: CredentialKind, spec: &KindSpec) {
    let kind_name = spec.name;
    let store = async |name: &str| api.post("/credentials", credential(kind, name).0).await;
    let secrets = credential(kind, "").1;
    let mut responses = Vec::new();

    let (status, created) = store("First").await;
    assert_eq!(status, StatusCode::CREATED, "{kind_name}: {created}");
    let stored = created["credential"].clone();
    let path = format!("/credentials/{}", text(&stored["id"]));
    assert_eq!((&stored["kind"], &stored["status"], &stored["readable"]), (&json!(kind_name), &json!("active"), &json!(true)));
    assert_eq!(text(&stored["mask"]), spec.mask.apply(secrets[secrets.len() - 1]), "{kind_name}");
    assert_eq!(stored["expires_at"].is_string(), spec.expiry == Expiry::Chosen, "{kind_name}");

    // A duplicate is rejected, because names or providers are unique.
    let (status, duplicate) = store("FIRST").await;
    assert!(spec.unique != Unique::Nothing && status == StatusCode::CONFLICT, "{kind_name}: {duplicate}");
    let (_, page) = api.get(&format!("/credentials?kind={kind_name}&q=FIRST")).await;
    assert_eq!(page["total"], 1, "{kind_name}");
    assert_eq!(page["items"][0]["id"], stored["id"]);
    responses.extend([created, duplicate, page, api.get(&path).await.1]);

    let renamed = api.call(Method::PATCH, &path, Some(json!({ "name": "Second" }))).await;
    match spec.editable {
        Editable::Nothing => assert_eq!(renamed.0.as_u16(), 422, "{kind_name}"),
        _ => assert_eq!((renamed.0, &renamed.1["name"], &renamed.1["mask"]), (StatusCode::OK, &json!("Second"), &stored["mask"]), "{kind_name}"),
    }
    let changed = api.call(Method::PATCH, &path, Some(json!({ "value": "another-value-9876" }))).await;
    match spec.editable {
        Editable::NameAndValue => assert_eq!(text(&changed.1["mask"]), spec.mask.apply("another-value-9876"), "{kind_name}"),
        _ => assert_eq!(changed.0.as_u16(), 422, "{kind_name}"),
    }
    responses.extend([renamed.1, changed.1]);

    assert_eq!(api.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT, "{kind_name}");
    assert_eq!(api.get(&path).await.0, StatusCode::NOT_FOUND, "{kind_name}");
    assert_eq!(api.call(Method::DELETE, &path, None).await.0, StatusCode::NOT_FOUND, "{kind_name}");
    let (status, once_more) = store("First").await;
    assert_eq!(status, StatusCode::CREATED, "{kind_name}: the unique value is available again");
    responses.push(once_more);
    for (secret, response) in secrets.iter().flat_map(|secret| responses.iter().map(move |response| (secret, response))) {
        assert!(!response.to_string().contains(secret), "{kind_name}: a secret in a response: {response}");
    }
}

#[tokio::test]
async fn credentials_of_every_visible_kind_are_listed_by_default() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    server.user("member", "acme").await;
    let (owner, member) = (server.api("owner@acme.test", ""), server.api("member@acme.test", ""));
    for kind in [CredentialKind::External, CredentialKind::General] {
        assert_eq!(owner.post("/credentials", credential(kind, "a").0).await.0, StatusCode::CREATED);
    }
    assert_eq!(owner.get("/credentials").await.1["total"], 2);
    // A member sees their own external keys and no general keys.
    assert_eq!(member.get("/credentials").await.1["total"], 0);
    assert_eq!(member.get("/credentials?kind=general").await.0, StatusCode::FORBIDDEN);
    assert_eq!(member.post("/credentials", credential(CredentialKind::External, "a").0).await.0, StatusCode::CREATED, "one for each user");
    assert_eq!((&member.get("/credentials").await.1["total"], &owner.get("/credentials").await.1["total"]), (&json!(1), &json!(3)));
    assert_eq!(owner.get("/credentials?kind=agent").await.1["field"], "kind");
}

/// The table in the format that end2end/policies.spec.ts reads.
fn table() -> Value {
    let row = |spec: &KindSpec| {
        let (button, menu) = match spec.create_action {
            CreateAction::Button(words) => (Some(words), None),
            CreateAction::Menu(words) => (None, Some(words)),
            CreateAction::FromTemplate => (None, None),
        };
        let page = spec.is_listed().then(|| routes::page_of(spec.kind).path);
        json!({
            "kind": spec.name, "label": spec.label, "page": page, "button": button, "menu": menu, "prefix": spec.prefix,
            "mask": if let Mask::Ends(front, end) = spec.mask { Some([front, end]) } else { None },
            "revealed": match spec.reveal {
                SecretReveal::InRow => "row",
                SecretReveal::InPopUp => "pop-up",
                SecretReveal::OnProjectPage => "holder",
                SecretReveal::Never => "never",
            },
            "limited": spec.has_limits,
            "public": spec.is_public,
            "expires": spec.expiry != Expiry::Never,
            "unique": match spec.unique {
                Unique::Nothing => "nothing",
                Unique::Name => "name",
                Unique::Provider => "provider",
            },
            "edited": match spec.editable {
                Editable::Nothing => &[][..],
                Editable::NameAndValue => &["name", "value"],
                Editable::NameAndLimits => &["name", "limits", "models"],
                Editable::Limits => &["limits"],
                Editable::All => &["name", "external id", "metadata", "scopes", "limits", "models", "expiry"],
            },
        })
    };
    KIND_SPECS.iter().map(row).collect()
}

#[test]
fn browser_tests_use_the_same_table() {
    let file = std::fs::read_to_string(crate::support::repository().join("end2end/policies.json")).unwrap();
    let table = table();
    assert!(
        serde_json::from_str::<Value>(&file).unwrap() == table,
        "end2end/policies.json differs from `KIND_SPECS`. Replace it with this and update policies.spec.ts:\n{table:#}"
    );
}

#[tokio::test]
async fn fields_outside_of_the_kind_are_rejected_by_name() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    api.post("/corpora", json!({ "name": "manuals" })).await;
    let long = "x".repeat(5000);
    for (body, field) in [
        (json!({ "kind": "internal", "name": "a" }), "duration_days"),
        (json!({ "kind": "internal", "name": "a", "duration_days": 0 }), "duration_days"),
        (json!({ "kind": "internal", "name": "a", "duration_days": 3651 }), "duration_days"),
        (json!({ "kind": "internal", "name": "a", "duration_days": i64::MAX }), "duration_days"),
        (json!({ "kind": "internal", "name": "a", "duration_days": "30" }), "duration_days"),
        (json!({ "kind": "internal", "name": "a", "duration_days": 30, "scopes": [] }), "scopes"),
        (json!({ "kind": "internal", "name": "a", "duration_days": 30, "scopes": ["fly"] }), "scopes"),
        (json!({ "kind": "internal", "name": "a", "duration_days": 30, "external_id": "a" }), "external_id"),
        (json!({ "kind": "internal", "name": "a", "duration_days": 30, "corpora": [1] }), "corpora"),
        (json!({ "kind": "client", "name": "a", "metadata": { "a": {} } }), "metadata"),
        (json!({ "kind": "client", "name": "a", "metadata": { "a": [] } }), "metadata"),
        (json!({ "kind": "client", "name": "a", "metadata": "{}" }), "metadata"),
        (json!({ "kind": "client", "name": "a", "metadata": { "a": long } }), "metadata"),
        (json!({ "kind": "client", "name": "a", "external_id": long }), "external_id"),
        (json!({ "kind": "client", "name": "a", "external_id": "a\u{202E}b" }), "external_id"),
        (json!({ "kind": "client", "name": "a", "scopes": ["a b"] }), "scopes"),
        (json!({ "kind": "client", "name": "a", "scopes": ["a\n"] }), "scopes"),
        (json!({ "kind": "client", "name": "a", "scopes": (0..101).map(|n| n.to_string()).collect::<Vec<_>>() }), "scopes"),
        (json!({ "kind": "client", "name": "a", "duration_days": -1 }), "duration_days"),
        (json!({ "kind": "corpus", "name": "a", "scopes": ["query"] }), "corpora"),
        (json!({ "kind": "corpus", "name": "a", "corpora": [1, 7] }), "corpora"),
        (json!({ "kind": "corpus", "name": "a", "corpora": ["1"] }), "corpora[0]"),
        (json!({ "kind": "corpus", "name": "a", "scopes": ["index"], "corpora": [1] }), "scopes"),
        (json!({ "kind": "corpus", "name": "a", "scopes": ["query", "admin"], "corpora": [1] }), "scopes"),
        (json!({ "kind": "corpus", "name": "a", "corpora": [1], "duration_days": 30 }), "duration_days"),
        (json!({ "kind": "agent", "name": "a", "metadata": { "a": 1 } }), "metadata"),
        (json!({ "kind": "internal", "name": "a", "duration_days": 30, "credits": { "remaining": 1 } }), "credits"),
        (json!({ "kind": "internal", "name": "a", "duration_days": 30, "models": [] }), "models"),
        (json!({ "kind": "corpus", "name": "a", "corpora": [1], "budget": { "limit": "1" } }), "budget"),
        (json!({ "kind": "corpus", "name": "a", "corpora": [1], "tokens_per_minute": 1 }), "tokens_per_minute"),
        (json!({ "kind": "corpus", "name": "a", "corpora": [1], "max_parallel": 1 }), "max_parallel"),
        (json!({ "kind": "agent", "name": "a", "address_rate_limits": [{ "name": "a", "limit": 1, "duration_ms": 1000 }] }), "address_rate_limits"),
        (json!({ "kind": "client", "name": "a", "address_rate_limits": [{ "name": "a", "limit": 1, "duration_ms": 1000 }] }), "address_rate_limits"),
        (json!({ "kind": "client", "name": "a", "allowed_origins": ["https://example.com"] }), "allowed_origins"),
        (json!({ "kind": "corpus", "name": "a", "corpora": [1], "allowed_ips": ["192.0.2.0/24"] }), "allowed_ips"),
    ] {
        let (status, problem) = api.post("/keys", body.clone()).await;
        assert_eq!((status.as_u16(), &problem["field"]), (422, &json!(field)), "{body}: {problem}");
    }
    for kind in ["client", "corpus", "agent"] {
        assert_eq!(api.get(&format!("/keys?kind={kind}")).await.1["total"], 0);
    }
}

#[tokio::test]
async fn new_key_cannot_exceed_the_scopes_of_its_creator() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    server.user("member", "acme").await;
    let narrow = server.api("owner@acme.test", "keys:write");
    let internal = |scopes: Value| json!({ "kind": "internal", "name": "a", "duration_days": 1, "scopes": scopes });
    let (status, problem) = narrow.post("/keys", internal(json!(["keys:write", "verify"]))).await;
    assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("insufficient_scope")));
    let (status, created) = narrow.post("/keys", json!({ "kind": "internal", "name": "a", "duration_days": 1 })).await;
    assert_eq!((status, &created["key"]["scopes"]), (StatusCode::CREATED, &json!(["keys:write"])), "by default the new key has the same scopes");

    // Members can neither manage general keys nor view the billing, but `credentials:*` also covers their own external keys.
    let member = server.api("member@acme.test", "");
    let (_, created) = member.post("/keys", json!({ "kind": "internal", "name": "a", "duration_days": 1 })).await;
    let of_members =
        Scope::ALL.iter().filter(|scope| !matches!(scope, Scope::GatewayRead | Scope::GatewayWrite | Scope::UsageRead | Scope::BodiesRead));
    let expected: Vec<&str> = of_members.map(|scope| scope.as_str()).collect();
    assert_eq!(created["key"]["scopes"], json!(expected), "members cannot manage services and models");
    // Removing permissions from the role limits the key immediately.
    sqlx::query("update roles set permissions = 'view_keys' where name = 'member'").execute(&server.database().await).await.unwrap();
    server.state.verifier.invalidate_all();
    assert_eq!(member.post("/keys", json!({ "kind": "agent", "name": "a" })).await.1["code"], "forbidden");
    assert_eq!(member.get("/keys?kind=agent").await.0, StatusCode::OK);
    assert_eq!(member.get("/keys?kind=internal").await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn rotation_requires_every_scope_of_the_key() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let admin = server.user("admin", "acme").await;
    let api = server.api("owner@acme.test", "");
    let strong = text(&api.post("/keys", json!({ "kind": "internal", "name": "strong", "duration_days": 1 })).await.1["key"]["id"]);
    let rotate = json!({ "grace_seconds": 0 });
    // A key with fewer scopes, and a user whose role has fewer permissions than the creator's.
    let narrow = server.api("owner@acme.test", "keys:write");
    assert_eq!(narrow.post(&format!("/keys/{strong}/rotate"), rotate.clone()).await.1["code"], "insufficient_scope");
    assert_eq!(admin.call("keys/rotate", json!({ "id": strong, "grace_seconds": 0 })).await.0, StatusCode::FORBIDDEN);
    assert_eq!(api.post(&format!("/keys/{strong}/rotate"), rotate.clone()).await.0, StatusCode::OK);
    assert_eq!(owner.call("keys/rotate", json!({ "id": strong, "grace_seconds": 300 })).await.0, StatusCode::OK);
    // A key with the same scopes can rotate it.
    let same =
        text(&api.post("/keys", json!({ "kind": "internal", "name": "same", "duration_days": 1, "scopes": ["keys:write"] })).await.1["key"]["id"]);
    assert_eq!(narrow.post(&format!("/keys/{same}/rotate"), rotate).await.0, StatusCode::OK);
}

#[tokio::test]
async fn scope_requires_the_current_permission_of_the_creator() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    server.user("member", "acme").await;
    let (verifier, member) = (server.api("owner@acme.test", "verify"), server.api("member@acme.test", ""));
    let code = async |scope: &str| text(&verifier.post("/verify", json!({ "key": member.key, "scope": scope })).await.1["code"]);
    assert_eq!(code("keys:write").await, "VALID");
    sqlx::query("update roles set permissions = 'view_keys' where name = 'member'").execute(&server.database().await).await.unwrap();
    server.state.verifier.invalidate_all();
    assert_eq!((code("keys:write").await.as_str(), code("keys:read").await.as_str()), ("INSUFFICIENT_PERMISSIONS", "VALID"));
}

#[tokio::test]
async fn cursor_is_valid_only_for_its_list() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    for n in 0..3 {
        api.post("/keys", json!({ "kind": "client", "name": format!("{n}") })).await;
        api.post("/credentials", json!({ "kind": "general", "name": format!("{n}"), "value": "sk-0123456789" })).await;
    }
    let cursor = async |path: &str| text(&api.get(path).await.1["next_cursor"]);
    let (keys, credentials) = (cursor("/keys?kind=client&limit=1").await, cursor("/credentials?limit=1").await);
    assert_eq!(api.get(&format!("/keys?limit=1&cursor={keys}")).await.0, StatusCode::OK);
    assert_eq!(api.get(&format!("/credentials?limit=1&cursor={credentials}")).await.0, StatusCode::OK);
    for path in [format!("/keys?cursor={credentials}"), format!("/credentials?cursor={keys}"), format!("/keys?kind=agent&cursor={keys}")] {
        assert_eq!(api.get(&path).await.1["field"], "cursor", "{path}");
    }
}

#[tokio::test]
async fn lists_are_filtered_by_external_id_scope_and_expiry() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    for (name, external_id, scopes, days) in
        [("a", "one", vec!["read"], Some(3)), ("b", "one", vec!["read", "write"], Some(15)), ("c", "two", vec!["reader", "100%"], None)]
    {
        let body = json!({ "kind": "client", "name": name, "external_id": external_id, "scopes": scopes, "duration_days": days });
        assert_eq!(api.post("/keys", body).await.0, StatusCode::CREATED);
    }
    let names = async |query: &str| {
        let (status, page) = api.get(&format!("/keys?kind=client&sort=name{query}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        page["items"].as_array().unwrap().iter().map(|key| text(&key["name"])).collect::<String>()
    };
    for (query, found) in [
        ("", "abc"),
        ("&external_id=one", "ab"),
        ("&external_id=ON", ""),
        ("&scope=read", "ab"),
        ("&scope=write", "b"),
        ("&scope=WRITE", ""),
        ("&scope=100%25", "c"),
        ("&scope=%25", ""),
        ("&external_id=one&scope=write&q=B", "b"),
        ("&expiring=true", "a"),
        ("&status=expired", ""),
    ] {
        assert_eq!(names(query).await, found, "{query}");
    }
    assert_eq!(api.get("/keys?kind=robot").await.1["field"], "kind");
    assert_eq!(api.get("/keys?kind=external").await.1["field"], "kind");
}
