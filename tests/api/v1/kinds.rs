//! Every kind's whole life over the API, as the policy table says it should go. A kind that is added there and not here does not compile,
//! or fails.

use latchkey_types::key_kind::{CredentialKind, Editable, Expiry, KeyKind, Kind, Making, Mask, POLICIES, Policy, Revealed, Unique};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Api, TestServer, text, unix_ms};

/// What makes one of this kind, over the API; `None` where the API makes none.
fn sample(kind: KeyKind, name: &str) -> Option<Value> {
    match kind {
        KeyKind::Platform => Some(json!({ "kind": "platform", "name": name, "duration_days": 30, "scopes": ["verify"] })),
        KeyKind::Client => Some(json!({
            "kind": "client", "name": name, "external_id": "customer-7", "metadata": { "plan": "pro", "seats": 3 }, "scopes": ["read", "write:all"],
        })),
        KeyKind::Corpus => Some(json!({ "kind": "corpus", "name": name, "scopes": ["query"], "corpora": [1] })),
        KeyKind::Agent => Some(json!({ "kind": "agent", "name": name })),
        KeyKind::Project => None,
    }
}

/// What stores one of this kind, over the API, and the secrets in it.
fn credential(kind: CredentialKind, name: &str) -> (Value, Vec<&'static str>) {
    match kind {
        CredentialKind::Storage => (
            json!({
                "kind": "storage", "name": name, "provider": "aws", "key": "AKIAIOSFODNN7EXAMPLE", "secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                "region": "eu-central-1", "duration_days": 30,
            }),
            vec!["AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"],
        ),
        CredentialKind::Llm => (json!({ "kind": "llm", "name": name, "value": "sk-proj-0123456789abcdef" }), vec!["sk-proj-0123456789abcdef"]),
    }
}

#[tokio::test]
async fn every_kind_lives_as_the_table_says() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    assert_eq!(api.post("/corpora", json!({ "name": "manuals" })).await.1["id"], 1);
    for policy in POLICIES {
        match policy.kind {
            Kind::Key(kind) => match sample(kind, "first") {
                Some(_) => life_of_key(&api, kind, policy).await,
                None => assert_eq!(api.post("/keys", json!({ "kind": policy.word, "name": "a" })).await.1["field"], "kind"),
            },
            Kind::Credential(kind) => {
                assert_eq!(api.post("/keys", json!({ "kind": policy.word, "name": "a" })).await.1["field"], "kind");
                life_of_credential(&api, kind, policy).await;
            }
        }
    }
}

async fn life_of_key(api: &Api, kind: KeyKind, policy: &Policy) {
    let word = policy.word;
    let post = async |name: &str| api.post("/keys", sample(kind, name).unwrap()).await;

    let (status, made) = post("First").await;
    assert_eq!(status, StatusCode::CREATED, "{word}: {made}");
    let (key, secret) = (&made["key"], text(&made["secret"]));
    let path = format!("/keys/{}", text(&key["id"]));
    assert!(secret.starts_with(policy.prefix.unwrap()), "{word}");
    assert_eq!(text(&key["mask"]), policy.mask.apply(&secret), "{word}");
    assert!(policy.mask == Mask::Hidden || !text(&key["mask"]).contains(&secret[8..40]), "{word}");
    assert_eq!((&key["kind"], &key["status"]), (&json!(word), &json!("active")));
    let days = key["expires_at"].as_str().map(|_| (unix_ms(&key["expires_at"]) - unix_ms(&key["created_at"])) / 86_400_000);
    assert_eq!(days, if let Expiry::Days(days) = policy.expiry { Some(days) } else { (policy.expiry == Expiry::Chosen).then_some(30) }, "{word}");
    assert_eq!(api.verify(&secret).await, "VALID", "{word}");

    // Names are unique where the table says so, whatever their case.
    let (status, again) = post("FIRST").await;
    assert_eq!(status, if policy.unique == Unique::Name { StatusCode::CONFLICT } else { StatusCode::CREATED }, "{word}: {again}");
    let page = format!("/keys?kind={word}&q=first");
    assert_eq!(api.get(&page).await.1["total"], if policy.unique == Unique::Name { 1 } else { 2 }, "{word}");

    // What can be edited is edited, and the rest is refused at its field.
    let renamed = api.call(Method::PATCH, &path, Some(json!({ "name": "Second" }))).await;
    if policy.editable == Editable::Nothing {
        assert_eq!((renamed.0.as_u16(), &renamed.1["field"]), (422, &json!("name")), "{word}");
    } else {
        assert_eq!((renamed.0, &renamed.1["name"]), (StatusCode::OK, &json!("Second")), "{word}");
    }
    for (field, value) in
        [("scopes", json!(["read"])), ("external_id", json!("customer-8")), ("metadata", json!({ "plan": "free" })), ("duration_days", json!(10))]
    {
        let edited = api.call(Method::PATCH, &path, Some(json!({ field: value }))).await;
        if policy.editable == Editable::All {
            assert_eq!(edited.0, StatusCode::OK, "{word} {field}: {}", edited.1);
            assert!(field == "duration_days" || edited.1[field] == value, "{word} {field}: {}", edited.1);
        } else {
            assert_eq!((edited.0.as_u16(), &edited.1["field"]), (422, &json!(field)), "{word}");
        }
    }

    // Resting and waking count at once.
    for (action, status, code) in [("disable", "disabled", "DISABLED"), ("disable", "disabled", "DISABLED"), ("enable", "active", "VALID")] {
        let (answered, key) = api.call(Method::POST, &format!("{path}/{action}"), None).await;
        assert_eq!((answered, &key["status"]), (StatusCode::OK, &json!(status)), "{word}");
        assert_eq!(api.verify(&secret).await, code, "{word}");
    }

    // Another secret: the one before is refused at once without a grace, and good with one.
    let (status, rotated) = api.post(&format!("{path}/rotate"), json!({ "grace_seconds": 0 })).await;
    assert_eq!((status, &rotated["key"]["retiring"]), (StatusCode::OK, &Value::Null), "{word}: {rotated}");
    let second = text(&rotated["secret"]);
    assert_eq!(text(&rotated["key"]["mask"]), policy.mask.apply(&second));
    assert_eq!((api.verify(&secret).await.as_str(), api.verify(&second).await.as_str()), ("NOT_FOUND", "VALID"), "{word}");
    let third = text(&api.post(&format!("{path}/rotate"), json!({ "grace_seconds": 3600 })).await.1["secret"]);
    assert_eq!((api.verify(&second).await.as_str(), api.verify(&third).await.as_str()), ("VALID", "VALID"), "{word}");
    assert_eq!(api.get(&path).await.1["expires_at"], rotated["key"]["expires_at"], "{word}: its end stays");

    // Gone for good, with every secret that it had; its name is free.
    assert_eq!(api.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT, "{word}");
    for gone in [&secret, &second, &third] {
        assert_eq!(api.verify(gone).await, "NOT_FOUND", "{word}");
    }
    for (method, path) in [(Method::GET, path.clone()), (Method::DELETE, path.clone()), (Method::POST, format!("{path}/enable"))] {
        assert_eq!(api.call(method, &path, None).await.0, StatusCode::NOT_FOUND, "{word}");
    }
    assert_eq!(post("Second").await.0, StatusCode::CREATED, "{word}");
}

async fn life_of_credential(api: &Api, kind: CredentialKind, policy: &Policy) {
    let word = policy.word;
    let store = async |name: &str| api.post("/credentials", credential(kind, name).0).await;
    let secrets = credential(kind, "").1;
    let mut told = Vec::new();

    let (status, made) = store("First").await;
    assert_eq!(status, StatusCode::CREATED, "{word}: {made}");
    let stored = made["credential"].clone();
    let path = format!("/credentials/{}", text(&stored["id"]));
    assert_eq!((&stored["kind"], &stored["status"], &stored["readable"]), (&json!(word), &json!("active"), &json!(true)));
    assert_eq!(text(&stored["mask"]), policy.mask.apply(secrets[secrets.len() - 1]), "{word}");
    assert_eq!(stored["expires_at"].is_string(), policy.expiry == Expiry::Chosen, "{word}");

    // Twice is refused, since nothing of the kind may stand twice.
    let (status, again) = store("FIRST").await;
    assert!(policy.unique != Unique::Nothing && status == StatusCode::CONFLICT, "{word}: {again}");
    let (_, page) = api.get(&format!("/credentials?kind={word}&q=FIRST")).await;
    assert_eq!(page["total"], 1, "{word}");
    assert_eq!(page["items"][0]["id"], stored["id"]);
    told.extend([made, again, page, api.get(&path).await.1]);

    let renamed = api.call(Method::PATCH, &path, Some(json!({ "name": "Second" }))).await;
    match policy.editable {
        Editable::Nothing => assert_eq!(renamed.0.as_u16(), 422, "{word}"),
        _ => assert_eq!((renamed.0, &renamed.1["name"], &renamed.1["mask"]), (StatusCode::OK, &json!("Second"), &stored["mask"]), "{word}"),
    }
    let changed = api.call(Method::PATCH, &path, Some(json!({ "value": "another-value-9876" }))).await;
    match policy.editable {
        Editable::NameAndValue => assert_eq!(text(&changed.1["mask"]), policy.mask.apply("another-value-9876"), "{word}"),
        _ => assert_eq!(changed.0.as_u16(), 422, "{word}"),
    }
    told.extend([renamed.1, changed.1]);

    assert_eq!(api.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT, "{word}");
    assert_eq!(api.get(&path).await.0, StatusCode::NOT_FOUND, "{word}");
    assert_eq!(api.call(Method::DELETE, &path, None).await.0, StatusCode::NOT_FOUND, "{word}");
    let (status, once_more) = store("First").await;
    assert_eq!(status, StatusCode::CREATED, "{word}: what was unique is free");
    told.push(once_more);
    for (secret, answer) in secrets.iter().flat_map(|secret| told.iter().map(move |answer| (secret, answer))) {
        assert!(!answer.to_string().contains(secret), "{word}: a secret came back: {answer}");
    }
}

#[tokio::test]
async fn credentials_of_every_kind_are_listed_together_where_none_is_named() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    server.user("member", "acme").await;
    let (owner, member) = (server.api("owner@acme.test", ""), server.api("member@acme.test", ""));
    for kind in [CredentialKind::Storage, CredentialKind::Llm] {
        assert_eq!(owner.post("/credentials", credential(kind, "a").0).await.0, StatusCode::CREATED);
    }
    assert_eq!(owner.get("/credentials").await.1["total"], 2);
    // A member sees storage keys of their own, and no general key.
    assert_eq!(member.get("/credentials").await.1["total"], 0);
    assert_eq!(member.get("/credentials?kind=llm").await.0, StatusCode::FORBIDDEN);
    assert_eq!(member.post("/credentials", credential(CredentialKind::Storage, "a").0).await.0, StatusCode::CREATED, "one for each user");
    assert_eq!((&member.get("/credentials").await.1["total"], &owner.get("/credentials").await.1["total"]), (&json!(1), &json!(3)));
    assert_eq!(owner.get("/credentials?kind=agent").await.1["field"], "kind");
}

/// The table as end2end/policies.spec.ts reads it.
fn table() -> Value {
    let row = |policy: &Policy| {
        let (button, menu) = match policy.making {
            Making::Button(words) => (Some(words), None),
            Making::Menu(words) => (None, Some(words)),
            Making::ByProject => (None, None),
        };
        json!({
            "kind": policy.word, "label": policy.label, "page": policy.page, "button": button, "menu": menu, "prefix": policy.prefix,
            "mask": if let Mask::Ends(front, end) = policy.mask { Some([front, end]) } else { None },
            "revealed": match policy.revealed {
                Revealed::InRow => "row",
                Revealed::InPopUp => "pop-up",
                Revealed::ToHolder => "holder",
                Revealed::Never => "never",
            },
            "limited": policy.limited,
            "expires": policy.expiry != Expiry::Never,
            "unique": match policy.unique {
                Unique::Nothing => "nothing",
                Unique::Name => "name",
                Unique::Provider => "provider",
            },
            "edited": match policy.editable {
                Editable::Nothing => &[][..],
                Editable::Name => &["name"],
                Editable::NameAndValue => &["name", "value"],
                Editable::All => &["name", "external id", "metadata", "scopes", "limits", "expiry"],
            },
        })
    };
    POLICIES.iter().map(row).collect()
}

#[test]
fn the_browser_walks_the_same_table() {
    let read = std::fs::read_to_string("end2end/policies.json").unwrap();
    let table = table();
    assert!(
        serde_json::from_str::<Value>(&read).unwrap() == table,
        "end2end/policies.json is not the policy table any more. Put this there, and teach policies.spec.ts what is new:\n{table:#}"
    );
}

#[tokio::test]
async fn what_a_kind_lacks_or_cant_take_is_refused_at_its_field_and_nothing_is_stored() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    api.post("/corpora", json!({ "name": "manuals" })).await;
    let long = "x".repeat(5000);
    for (body, field) in [
        (json!({ "kind": "platform", "name": "a" }), "duration_days"),
        (json!({ "kind": "platform", "name": "a", "duration_days": 0 }), "duration_days"),
        (json!({ "kind": "platform", "name": "a", "duration_days": 3651 }), "duration_days"),
        (json!({ "kind": "platform", "name": "a", "duration_days": i64::MAX }), "duration_days"),
        (json!({ "kind": "platform", "name": "a", "duration_days": "30" }), "duration_days"),
        (json!({ "kind": "platform", "name": "a", "duration_days": 30, "scopes": [] }), "scopes"),
        (json!({ "kind": "platform", "name": "a", "duration_days": 30, "scopes": ["fly"] }), "scopes"),
        (json!({ "kind": "platform", "name": "a", "duration_days": 30, "external_id": "a" }), "external_id"),
        (json!({ "kind": "platform", "name": "a", "duration_days": 30, "corpora": [1] }), "corpora"),
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
        (json!({ "kind": "agent", "name": "a", "rate_limits": [{ "name": "a", "limit": 1, "duration_ms": 1000 }] }), "rate_limits"),
    ] {
        let (status, problem) = api.post("/keys", body.clone()).await;
        assert_eq!((status.as_u16(), &problem["field"]), (422, &json!(field)), "{body}: {problem}");
    }
    for kind in ["client", "corpus", "agent"] {
        assert_eq!(api.get(&format!("/keys?kind={kind}")).await.1["total"], 0);
    }
}

#[tokio::test]
async fn a_key_gives_no_more_than_it_has_and_a_person_no_more_than_they_may() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    server.user("member", "acme").await;
    let narrow = server.api("owner@acme.test", "keys:write");
    let platform = |scopes: Value| json!({ "kind": "platform", "name": "a", "duration_days": 1, "scopes": scopes });
    let (status, problem) = narrow.post("/keys", platform(json!(["keys:write", "verify"]))).await;
    assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("insufficient_scope")));
    let (status, made) = narrow.post("/keys", json!({ "kind": "platform", "name": "a", "duration_days": 1 })).await;
    assert_eq!((status, &made["key"]["scopes"]), (StatusCode::CREATED, &json!(["keys:write"])), "by default it gives what it has");

    // A member may not manage what `credentials:*` of general keys needs, but has storage keys of their own.
    let member = server.api("member@acme.test", "");
    let (_, made) = member.post("/keys", json!({ "kind": "platform", "name": "a", "duration_days": 1 })).await;
    assert_eq!(made["key"]["scopes"].as_array().unwrap().len(), 6, "{made}");
    // Once the role shrinks, so does the key, at once.
    sqlx::query("update roles set permissions = 'view_keys' where name = 'member'").execute(&server.database().await).await.unwrap();
    server.state.verifier.forget(None);
    assert_eq!(member.post("/keys", json!({ "kind": "agent", "name": "a" })).await.1["code"], "forbidden");
    assert_eq!(member.get("/keys?kind=agent").await.0, StatusCode::OK);
    assert_eq!(member.get("/keys?kind=platform").await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_new_secret_is_told_only_to_those_who_may_do_what_its_key_may() {
    let server = TestServer::start().await;
    let owner = server.user("owner", "acme").await;
    let admin = server.user("admin", "acme").await;
    let api = server.api("owner@acme.test", "");
    let strong = text(&api.post("/keys", json!({ "kind": "platform", "name": "strong", "duration_days": 1 })).await.1["key"]["id"]);
    let rotate = json!({ "grace_seconds": 0 });
    // A key of fewer scopes, and somebody whose role allows less than the maker's.
    let narrow = server.api("owner@acme.test", "keys:write");
    assert_eq!(narrow.post(&format!("/keys/{strong}/rotate"), rotate.clone()).await.1["code"], "insufficient_scope");
    assert_eq!(admin.call("keys/rotate", json!({ "id": strong, "grace_seconds": 0 })).await.0, StatusCode::FORBIDDEN);
    assert_eq!(api.post(&format!("/keys/{strong}/rotate"), rotate.clone()).await.0, StatusCode::OK);
    assert_eq!(owner.call("keys/rotate", json!({ "id": strong, "grace_seconds": 300 })).await.0, StatusCode::OK);
    // A key of the same scopes may be.
    let same =
        text(&api.post("/keys", json!({ "kind": "platform", "name": "same", "duration_days": 1, "scopes": ["keys:write"] })).await.1["key"]["id"]);
    assert_eq!(narrow.post(&format!("/keys/{same}/rotate"), rotate).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_scope_counts_while_whoever_made_the_key_may_do_what_it_is_for() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    server.user("member", "acme").await;
    let (judge, member) = (server.api("owner@acme.test", "verify"), server.api("member@acme.test", ""));
    let asked = async |scope: &str| text(&judge.post("/verify", json!({ "key": member.key, "scope": scope })).await.1["code"]);
    assert_eq!(asked("keys:write").await, "VALID");
    sqlx::query("update roles set permissions = 'view_keys' where name = 'member'").execute(&server.database().await).await.unwrap();
    server.state.verifier.forget(None);
    assert_eq!((asked("keys:write").await.as_str(), asked("keys:read").await.as_str()), ("INSUFFICIENT_PERMISSIONS", "VALID"));
}

#[tokio::test]
async fn a_cursor_is_for_its_own_list() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    for n in 0..3 {
        api.post("/keys", json!({ "kind": "client", "name": format!("{n}") })).await;
        api.post("/credentials", json!({ "kind": "llm", "name": format!("{n}"), "value": "sk-0123456789" })).await;
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
async fn lists_are_filtered_by_external_id_scope_and_by_what_ends_soon() {
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
    assert_eq!(api.get("/keys?kind=storage").await.1["field"], "kind");
}
