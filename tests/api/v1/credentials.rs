//! `/api/v1/credentials`.

use std::fs;

use latchkey_core::credentials::{OpenError, Secrets, open};
use latchkey_types::id::CredentialId;
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::support::{ApiClient, TestServer, files_below, text};

const AWS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const AWS_SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn aws(label: &str) -> Value {
    json!({ "kind": "external", "label": label, "provider": "aws", "key": AWS_KEY, "secret": AWS_SECRET, "region": "eu-central-1", "duration_days": 30 })
}

fn dnanexus(label: &str) -> Value {
    json!({ "kind": "external", "label": label, "provider": "dnanexus", "key": "dx-token-0123456789", "duration_days": 30 })
}

fn general(name: &str, value: &str) -> Value {
    json!({ "kind": "general", "name": name, "value": value })
}

async fn create_credential(api: &ApiClient, body: Value) -> Value {
    let (status, created) = api.post("/credentials", body).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    created["credential"].clone()
}

fn path(credential: &Value) -> String {
    format!("/credentials/{}", text(&credential["id"]))
}

async fn decrypt(server: &TestServer, credential: &Value) -> Result<Secrets, OpenError> {
    let organization: String = sqlx::query_scalar("select id from organizations").fetch_one(&server.database().await).await.unwrap();
    let id: CredentialId = text(&credential["id"]).parse().unwrap();
    Ok(open(&server.state, organization.parse().unwrap(), id).await?.secrets)
}

async fn value_of(server: &TestServer, credential: &Value) -> String {
    match decrypt(server, credential).await {
        Ok(Secrets::General { value }) => value.expose_secret().to_owned(),
        _ => panic!("not a readable general key"),
    }
}

#[tokio::test]
async fn external_key_never_returns_its_secret() {
    let mut server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let response = api.request(Method::POST, "/credentials").json(&aws("samples")).send().await.unwrap();
    assert_eq!((response.status(), &response.headers()["cache-control"]), (StatusCode::CREATED, &"no-store".parse().unwrap()));
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let credential = response.json::<Value>().await.unwrap()["credential"].clone();
    assert_eq!(location, format!("/api/v1{}", path(&credential)));
    for (field, value) in
        [("kind", "external"), ("name", "samples"), ("provider", "aws"), ("region", "eu-central-1"), ("status", "active"), ("mask", "…")]
    {
        assert_eq!(credential[field], value);
    }
    assert_eq!(credential["readable"], true);
    assert_eq!(api.get(&path(&credential)).await, (StatusCode::OK, credential.clone()));
    let Ok(Secrets::Aws { key, secret, region }) = decrypt(&server, &credential).await else { panic!("the credential cannot be decrypted") };
    assert_eq!((key.expose_secret(), secret.expose_secret(), region.as_str()), (AWS_KEY, AWS_SECRET, "eu-central-1"));

    // One credential per provider and user.
    let (status, problem) = api.post("/credentials", aws("more samples")).await;
    assert_eq!((status, &problem["field"]), (StatusCode::CONFLICT, &json!("provider")));
    create_credential(&api, dnanexus("samples")).await;
    let (_, list) = api.get("/credentials?kind=external&sort=name").await;
    assert_eq!((&list["total"], &list["items"][0]["kind"]), (&json!(2), &json!("external")));

    assert_eq!(api.call(Method::DELETE, &path(&credential), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(api.call(Method::DELETE, &path(&credential), None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(api.get(&path(&credential)).await.0, StatusCode::NOT_FOUND);
    assert!(matches!(decrypt(&server, &credential).await, Err(OpenError::Deleted)));
    let sealed: i64 = sqlx::query_scalar("select count(*) from sealed_secrets").fetch_one(&server.database().await).await.unwrap();
    assert_eq!(sealed, 1, "only the token of the other credential is left");
    create_credential(&api, aws("samples")).await;

    server.stop().await;
    for file in files_below(server.data.path()) {
        let bytes = fs::read(file).unwrap();
        for secret in [AWS_KEY, AWS_SECRET, "dx-token-0123456789"] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret} is in the data folder");
        }
    }
}

#[tokio::test]
async fn general_key_is_masked_unique_and_editable() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let credential = create_credential(&api, general("OpenAI", "  sk-0123456789abc\n")).await;
    assert_eq!((&credential["mask"], &credential["expires_at"]), (&json!("sk-…abc"), &Value::Null));
    assert_eq!(value_of(&server, &credential).await, "sk-0123456789abc");
    assert_eq!(create_credential(&api, general("short", "12345678")).await["mask"], "…", "eight characters are masked completely");
    let (status, problem) = api.post("/credentials", general("openai", "another")).await;
    assert_eq!((status, &problem["field"]), (StatusCode::CONFLICT, &json!("name")));

    let edit = async |call: Value| api.call(Method::PATCH, &path(&credential), Some(call)).await;
    let (status, edited) = edit(json!({ "name": "OpenAI (team)", "value": " " })).await;
    assert_eq!((status, &edited["name"], &edited["mask"]), (StatusCode::OK, &json!("OpenAI (team)"), &json!("sk-…abc")));
    assert_eq!(value_of(&server, &credential).await, "sk-0123456789abc", "a blank value keeps the stored value");
    let (_, edited) = edit(json!({ "value": "sk-zyxwvutsrq" })).await;
    assert_eq!((&edited["name"], &edited["mask"]), (&json!("OpenAI (team)"), &json!("sk-…srq")));
    assert_eq!(value_of(&server, &credential).await, "sk-zyxwvutsrq");
    let (status, problem) = edit(json!({ "name": "SHORT" })).await;
    assert_eq!((status, &problem["field"]), (StatusCode::CONFLICT, &json!("name")));
    for (call, field) in [(json!({ "name": "" }), "name"), (json!({ "value": "a b" }), "value"), (json!({ "key": "a" }), "key")] {
        let (status, problem) = edit(call).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)));
    }
    let external = create_credential(&api, dnanexus("samples")).await;
    let (status, problem) = api.call(Method::PATCH, &path(&external), Some(json!({ "name": "a" }))).await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("kind")));

    // The name of a deleted credential is available again.
    assert_eq!(api.call(Method::DELETE, &path(&credential), None).await.0, StatusCode::NO_CONTENT);
    create_credential(&api, general("openai (TEAM)", "sk-0123456789abc")).await;
    let audit = server.latchkey(&["admin", "verify-audit"], "");
    assert!(audit.status.success(), "{audit:?}");
}

#[tokio::test]
async fn invalid_field_is_named_and_nothing_is_stored() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let with = |mut call: Value, field: &str, value: Value| {
        call[field] = value;
        call
    };
    let without = |mut call: Value, field: &str| {
        call.as_object_mut().unwrap().remove(field);
        call
    };
    for (field, call) in [
        ("label", with(aws("a"), "label", json!("  "))),
        ("kind", with(aws("a"), "kind", json!("agent"))),
        ("provider", with(aws("a"), "provider", json!("azure"))),
        ("provider", without(aws("a"), "provider")),
        ("key", without(aws("a"), "key")),
        ("key", with(aws("a"), "key", json!("akia"))),
        ("secret", without(aws("a"), "secret")),
        ("secret", with(aws("a"), "secret", json!("a\u{0}b"))),
        ("secret", with(aws("a"), "secret", json!("a".repeat(513)))),
        ("region", without(aws("a"), "region")),
        ("region", with(aws("a"), "region", json!("evil.test/"))),
        ("duration_days", without(aws("a"), "duration_days")),
        ("duration_days", with(aws("a"), "duration_days", json!(0))),
        ("duration_days", with(aws("a"), "duration_days", json!(3651))),
        ("value", with(aws("a"), "value", json!("a"))),
        ("secret", with(dnanexus("a"), "secret", json!("a"))),
        ("region", with(dnanexus("a"), "region", json!("eu-central-1"))),
        ("key", with(dnanexus("a"), "key", json!("two words"))),
        ("name", general("", "sk-0123456789")),
        ("value", general("a", " \t ")),
        ("value", general("a", &"a".repeat(4097))),
        ("value", with(general("a", "a"), "value", json!(["a"]))),
        ("key", with(general("a", "a"), "key", json!("a"))),
        ("duration_days", with(general("a", "a"), "duration_days", json!(30))),
        ("mask", with(general("a", "a"), "mask", json!("a"))),
    ] {
        let (status, problem) = api.post("/credentials", call.clone()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{call}: {problem}");
        // `name` and `label` are the same field.
        let field_name = text(&problem["field"]).replace("name", "label");
        assert_eq!(field_name, field.replace("name", "label"), "{call}: {problem}");
        assert!(!problem.to_string().contains(AWS_SECRET));
    }
    let stored: i64 = sqlx::query_scalar("select count(*) from credentials").fetch_one(&server.database().await).await.unwrap();
    assert_eq!(stored, 0);
    let (status, problem) = api.get("/credentials?kind=agent").await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("kind")));

    // Of two concurrent requests one succeeds.
    let (first, second) = tokio::join!(api.post("/credentials", aws("a")), api.post("/credentials", aws("b")));
    let mut statuses = [first.0, second.0];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::CREATED, StatusCode::CONFLICT]);
}

#[tokio::test]
async fn external_keys_are_personal_general_keys_need_a_permission() {
    let server = TestServer::start().await;
    for (role, organization) in [("owner", "acme"), ("member", "acme"), ("viewer", "acme"), ("owner", "globex")] {
        server.user(role, organization).await;
    }
    let scopes = "credentials:read,credentials:write";
    let (owner, member) = (server.api("owner@acme.test", scopes), server.api("member@acme.test", scopes));
    let other_organization = server.api("owner@globex.test", scopes);
    let (owners, members) = (create_credential(&owner, aws("a")).await, create_credential(&member, aws("a")).await);
    let shared = create_credential(&owner, general("a", "sk-0123456789")).await;

    assert_eq!(member.post("/credentials", general("b", "sk-0123456789")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(member.get("/credentials?kind=general").await.0, StatusCode::FORBIDDEN);
    assert_eq!(member.get("/credentials?kind=external").await.1["total"], 1);
    assert_eq!(owner.get("/credentials?kind=external").await.1["total"], 2);
    assert_eq!(other_organization.get("/credentials?kind=external").await.1["total"], 0);
    for (api, credential) in [(&member, &owners), (&member, &shared), (&other_organization, &owners), (&other_organization, &shared)] {
        assert_eq!(api.get(&path(credential)).await.0, StatusCode::NOT_FOUND);
        assert_eq!(api.post(&format!("{}/test", path(credential)), json!({})).await.0, StatusCode::NOT_FOUND);
        assert_eq!(api.call(Method::DELETE, &path(credential), None).await.0, StatusCode::NOT_FOUND);
    }
    let rename = Some(json!({ "name": "mine" }));
    assert_eq!(member.call(Method::PATCH, &path(&shared), rename.clone()).await.0, StatusCode::FORBIDDEN);
    assert_eq!(other_organization.call(Method::PATCH, &path(&shared), rename).await.0, StatusCode::NOT_FOUND);
    assert_eq!(owner.get(&path(&members)).await.0, StatusCode::OK, "owners can view every credential");
    assert_eq!(owner.get("/credentials/key_00000000000000000000000000000000").await.0, StatusCode::NOT_FOUND);

    let read_only = server.api("owner@acme.test", "credentials:read");
    assert_eq!(read_only.get(&path(&shared)).await.0, StatusCode::OK);
    for (status, _) in [
        read_only.post("/credentials", general("b", "sk-0123456789")).await,
        read_only.post(&format!("{}/test", path(&shared)), json!({})).await,
        read_only.call(Method::DELETE, &path(&shared), None).await,
    ] {
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    // Without permission for credentials the status is 403 for every id.
    sqlx::query("update roles set permissions = 'view_keys' where name = 'owner'").execute(&server.database().await).await.unwrap();
    server.state.verifier.invalidate_all();
    assert_eq!(owner.get(&path(&shared)).await.0, StatusCode::FORBIDDEN);
    assert_eq!(owner.get("/credentials/nothing").await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn expired_credential_is_rejected_and_still_counts() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let credential = create_credential(&api, aws("a")).await;
    sqlx::query("update credentials set expires_at = 1").execute(&server.database().await).await.unwrap();
    assert_eq!(api.get(&path(&credential)).await.1["status"], "expired");
    assert_eq!(api.get("/credentials?kind=external&status=expired").await.1["total"], 1);
    assert!(matches!(decrypt(&server, &credential).await, Err(OpenError::Expired)));
    let (status, tested) = api.post(&format!("{}/test", path(&credential)), json!({})).await;
    assert_eq!((status, &tested["outcome"]), (StatusCode::OK, &json!("refused")));
    assert!(text(&tested["detail"]).contains("expired"), "{tested}");
    assert_eq!(api.post("/credentials", aws("b")).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn altered_or_moved_secret_cannot_be_decrypted() {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    let database = server.database().await;
    let changes = [
        "update sealed_secrets set ciphertext = (select ciphertext from sealed_secrets where field = 'secret') where field = 'key'",
        "update sealed_secrets set wrapped_key = (select wrapped_key from sealed_secrets where field = 'value'), \
         ciphertext = (select ciphertext from sealed_secrets where field = 'value') where field = 'secret'",
        "delete from sealed_secrets where field = 'secret'",
        "update credentials set provider = 'dnanexus' where kind = 'external'",
    ];
    create_credential(&api, general("a", "sk-0123456789")).await;
    for sql in changes {
        let credential = create_credential(&api, aws("a")).await;
        assert_eq!(api.get(&path(&credential)).await.1["readable"], true);
        sqlx::raw_sql(sql).execute(&database).await.unwrap();
        assert_eq!(api.get(&path(&credential)).await.1["readable"], false, "{sql}");
        assert!(matches!(decrypt(&server, &credential).await, Err(OpenError::Unreadable)), "{sql}");
        let (_, tested) = api.post(&format!("{}/test", path(&credential)), json!({})).await;
        assert_eq!(tested["outcome"], "unchecked");
        assert_eq!(api.call(Method::DELETE, &path(&credential), None).await.0, StatusCode::NO_CONTENT);
    }
}
