//! Server functions of providers, models and their linked keys.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    BrowserClient, TestServer,
    services::{MockResponse, MockService, allow_loopback},
};

async fn create_general_key(page: &BrowserClient, name: &str) -> Value {
    let (status, key) = page.call("credentials/create-general", json!({ "name": name, "value": "sk-0123456789" })).await;
    assert_eq!(status, StatusCode::OK, "{key}");
    key["id"].clone()
}

fn provider_request(name: &str, base_url: &str, key: &Value) -> Value {
    json!({ "name": name, "style": "openai", "base_url": base_url, "key": key })
}

async fn create_provider(page: &BrowserClient, request: Value) -> Value {
    let (status, created) = page.call("providers/create", json!({ "request": request })).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    created
}

async fn create_model(page: &BrowserClient, provider: &Value, name: &str, key: &Value) -> Value {
    let (status, created) = page.call("providers/create-model", json!({ "provider": provider["id"], "request": { "name": name, "key": key } })).await;
    assert_eq!(status, StatusCode::OK, "{created}");
    created
}

async fn list(page: &BrowserClient) -> Value {
    page.call("providers/list", json!({})).await.1
}

async fn linked_to(page: &BrowserClient) -> Value {
    let query = json!({ "kind": "general", "search": "", "status": null, "sort": { "column": "name", "descending": false } });
    page.call("keys/open", json!({ "query": query })).await.1["rows"][0]["row"]["linked_to"].clone()
}

#[tokio::test]
async fn providers_and_models_are_created_edited_and_deleted() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let key = create_general_key(&page, "team").await;
    let created = create_provider(&page, provider_request("OpenAI", " HTTPS://api.openai.com/v1/ ", &key)).await;
    assert_eq!((&created["base_url"], &created["link"]["Key"]["name"]), (&json!("https://api.openai.com/v1"), &json!("team")));
    assert_eq!(created["link"]["Key"]["mask"], "sk-…789");
    create_model(&page, &created, "gpt", &Value::Null).await;
    let embed = create_model(&page, &created, "embed", &key).await;
    let listed = list(&page).await;
    assert_eq!(listed["providers"][0]["models"][0]["name"], "embed");
    assert_eq!(listed["providers"][0]["models"][1]["link"], "Nothing");
    assert_eq!(listed["keys"], json!([{ "id": key, "name": "team", "mask": "sk-…789" }]));
    assert_eq!(linked_to(&page).await, json!(["OpenAI", "OpenAI / embed"]));

    let (_, edited) = page.call("providers/edit-model", json!({ "id": embed["id"], "request": { "name": "embed-2", "key": null } })).await;
    assert_eq!((&edited["name"], &edited["link"]), (&json!("embed-2"), &json!("Nothing")));
    assert_eq!(page.call("providers/delete-model", json!({ "id": embed["id"] })).await.0, StatusCode::OK);
    assert_eq!(page.call("providers/delete-model", json!({ "id": embed["id"] })).await.0, StatusCode::NOT_FOUND);
    assert_eq!(page.call("providers/delete", json!({ "id": created["id"] })).await.0, StatusCode::OK);
    assert_eq!(list(&page).await["providers"], json!([]));
    assert_eq!(linked_to(&page).await, Value::Null, "the key stays");
    assert_eq!(list(&page).await["keys"][0]["id"], key);
}

#[tokio::test]
async fn changing_the_base_url_unlinks_the_keys() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let key = create_general_key(&page, "team").await;
    let created = create_provider(&page, provider_request("OpenAI", "https://api.openai.com/v1", &key)).await;
    create_model(&page, &created, "gpt", &key).await;
    create_model(&page, &created, "plain", &Value::Null).await;
    let edit = async |request: Value| page.call("providers/edit", json!({ "id": created["id"], "request": request })).await.1;

    let same = edit(provider_request("OpenAI (team)", "https://api.openai.com/v1/", &key)).await;
    assert_eq!((&same["unlinked"], &same["provider"]["link"]["Key"]["id"]), (&json!([]), &key), "the same address in another spelling");
    let moved = edit(provider_request("OpenAI (team)", "https://evil.test/v1", &key)).await;
    assert_eq!(moved["unlinked"], json!(["OpenAI (team)", "gpt"]));
    assert_eq!(moved["provider"]["link"], "AddressChanged");
    assert_eq!(moved["provider"]["models"][0]["link"], "AddressChanged");
    assert_eq!(moved["provider"]["models"][1]["link"], "Nothing");
    assert_eq!(linked_to(&page).await, Value::Null);
    let again = edit(provider_request("OpenAI (team)", "https://evil.test/v1", &key)).await;
    assert_eq!(again["provider"]["link"]["Key"]["id"], key, "linked again explicitly");
    let other = create_general_key(&page, "other").await;
    let chosen = edit(provider_request("OpenAI (team)", "https://models.test/v1", &other)).await;
    assert_eq!(chosen["provider"]["link"]["Key"]["id"], other, "chosen for the new address");
    let none_before = create_provider(&page, provider_request("Later", "https://later.test/v1", &Value::Null)).await;
    let edited = json!({ "id": none_before["id"], "request": provider_request("Later", "https://later.test/v2", &key) });
    assert_eq!(page.call("providers/edit", edited).await.1["provider"]["link"]["Key"]["id"], key);
}

#[tokio::test]
async fn link_to_a_deleted_key_is_reported() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let key = create_general_key(&page, "team").await;
    let created = create_provider(&page, provider_request("OpenAI", "https://api.openai.com/v1", &key)).await;
    create_model(&page, &created, "gpt", &key).await;
    let (_, outcome) = page.call("keys/bulk", json!({ "action": "delete", "ids": [key] })).await;
    assert_eq!((&outcome["done"], &outcome["left"]), (&json!(1), &json!(0)));
    let (_, outcome) = page.call("keys/bulk", json!({ "action": "delete", "ids": [key] })).await;
    assert_eq!(outcome, json!({ "done": 0, "left": 1 }));
    let listed = list(&page).await;
    assert_eq!((&listed["providers"][0]["link"], &listed["providers"][0]["models"][0]["link"]), (&json!("Deleted"), &json!("Deleted")));
    assert_eq!(listed["keys"], json!([]));
    // Reported until another key is linked, also after a rename.
    let (_, edited) = page
        .call("providers/edit", json!({ "id": created["id"], "request": provider_request("AI", "https://api.openai.com/v1", &Value::Null) }))
        .await;
    assert_eq!(edited["provider"]["link"], "Deleted");
}

#[tokio::test]
async fn invalid_input_is_rejected_with_its_field() {
    let server = TestServer::start().await;
    let (page, other_organization) = (server.user("owner", "acme").await, server.user("owner", "globex").await);
    let member = server.user("member", "acme").await;
    let (key, other_organization_key) = (create_general_key(&page, "team").await, create_general_key(&other_organization, "theirs").await);
    let (_, storage) = member
        .call("credentials/create-external", json!({ "request": { "label": "a", "provider": "dnanexus", "key": "dx", "expiry": { "Days": 30 } } }))
        .await;
    let valid_url = "https://api.openai.com/v1";
    let created = create_provider(&page, provider_request("OpenAI", valid_url, &key)).await;
    for (field, request) in [
        ("name", provider_request(" ", valid_url, &Value::Null)),
        ("base_url", provider_request("a", "", &Value::Null)),
        ("base_url", provider_request("a", "ftp://a", &Value::Null)),
        ("base_url", provider_request("a", "http://api.openai.com/v1", &Value::Null)),
        ("base_url", provider_request("a", "http://1.1.1.1/v1", &Value::Null)),
        ("base_url", provider_request("a", "https://user:password@a", &Value::Null)),
        ("base_url", provider_request("a", "https://a?key=b", &Value::Null)),
        ("key", provider_request("a", valid_url, &other_organization_key)),
        ("key", provider_request("a", valid_url, &storage["id"])),
        ("key", provider_request("a", valid_url, &json!("crd_00000000000000000000000000000000"))),
    ] {
        for (function, call) in [("create", json!({ "request": request })), ("edit", json!({ "id": created["id"], "request": request }))] {
            let (status, error) = page.call(&format!("providers/{function}"), call).await;
            assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{function} {request}: {error}");
        }
    }
    let (status, error) = page.call("providers/create", json!({ "request": provider_request("OPENAI", valid_url, &Value::Null) })).await;
    assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("name")));
    create_model(&page, &created, "gpt", &Value::Null).await;
    let (status, _) = page.call("providers/create-model", json!({ "provider": created["id"], "request": { "name": "GPT" } })).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (status, error) =
        page.call("providers/create-model", json!({ "provider": created["id"], "request": { "name": "b", "key": other_organization_key } })).await;
    assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("key")));

    let calls = [
        ("list", json!({})),
        ("create", json!({ "request": provider_request("b", valid_url, &Value::Null) })),
        ("edit", json!({ "id": created["id"], "request": provider_request("b", valid_url, &Value::Null) })),
        ("create-model", json!({ "provider": created["id"], "request": { "name": "b" } })),
        ("delete", json!({ "id": created["id"] })),
    ];
    for (function, call) in calls {
        assert_eq!(member.call(&format!("providers/{function}"), call.clone()).await.0, StatusCode::FORBIDDEN, "{function}");
        if !matches!(function, "list" | "create") {
            assert_eq!(other_organization.call(&format!("providers/{function}"), call).await.0, StatusCode::NOT_FOUND, "{function}");
        }
    }
    assert_eq!(list(&other_organization).await["providers"], json!([]));
}

#[tokio::test]
async fn names_of_models_and_aliases_are_unique_in_the_organization() {
    let server = TestServer::start().await;
    let (page, other_organization) = (server.user("owner", "acme").await, server.user("owner", "globex").await);
    let first = create_provider(&page, provider_request("OpenAI", "https://api.openai.com/v1", &Value::Null)).await;
    let second = create_provider(&page, provider_request("Azure", "https://acme.openai.azure.com/openai/v1", &Value::Null)).await;
    let gpt = create_model(&page, &first, "gpt", &Value::Null).await;
    let embed = create_model(&page, &second, "embed", &Value::Null).await;
    let target = |model: &Value, priority: u8| json!({ "model": model["id"], "priority": priority, "weight": 10 });
    let alias = |name: &str, targets: Value| json!({ "request": { "name": name, "targets": targets } });
    let (status, fast) = page.call("providers/create-alias", alias("fast", json!([target(&embed, 2), target(&gpt, 1)]))).await;
    assert_eq!((status, &fast["targets"]), (StatusCode::OK, &json!([target(&gpt, 1), target(&embed, 2)])), "sorted by priority");

    let taken = async |function: &str, arguments: Value| {
        let (status, error) = page.call(&format!("providers/{function}"), arguments).await;
        assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("name")), "{function}: {error}");
    };
    taken("create-model", json!({ "provider": second["id"], "request": { "name": "GPT" } })).await;
    taken("create-model", json!({ "provider": second["id"], "request": { "name": "Fast" } })).await;
    taken("edit-model", json!({ "id": embed["id"], "request": { "name": "fast" } })).await;
    taken("create-alias", alias("EMBED", json!([target(&gpt, 1)]))).await;
    taken("edit-alias", json!({ "id": fast["id"], "request": { "name": "gpt", "targets": [target(&gpt, 1)] } })).await;
    for targets in [
        json!([]),
        json!([target(&gpt, 1), target(&gpt, 2)]),
        json!([target(&gpt, 0)]),
        json!([target(&json!({ "id": "mdl_00000000000000000000000000000000" }), 1)]),
    ] {
        let (status, error) = page.call("providers/create-alias", alias("other", targets)).await;
        assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("targets")), "{error}");
    }

    // What is used by others is not deleted.
    let with_fallback = json!({ "id": embed["id"], "request": { "name": "embed", "fallbacks": [gpt["id"]] } });
    assert_eq!(page.call("providers/edit-model", with_fallback).await.1["fallbacks"], json!([gpt["id"]]));
    let (status, error) = page.call("providers/delete-model", json!({ "id": gpt["id"] })).await;
    let message = "“gpt” is used by alias fast, model embed. Remove it there first.";
    assert_eq!((status, &error["message"]), (StatusCode::CONFLICT, &json!(message)));
    assert_eq!(page.call("providers/delete", json!({ "id": first["id"] })).await.0, StatusCode::CONFLICT);

    let edited = json!({ "id": fast["id"], "request": { "name": "Quick", "targets": [target(&embed, 1)] } });
    assert_eq!(page.call("providers/edit-alias", edited.clone()).await.1["name"], "Quick");
    assert_eq!(list(&page).await["aliases"], json!([{ "id": fast["id"], "name": "Quick", "targets": [target(&embed, 1)] }]));
    assert_eq!(other_organization.call("providers/edit-alias", edited).await.0, StatusCode::NOT_FOUND);
    assert_eq!(other_organization.call("providers/delete-alias", json!({ "id": fast["id"] })).await.0, StatusCode::NOT_FOUND);
    let member = server.user("member", "acme").await;
    assert_eq!(member.call("providers/delete-alias", json!({ "id": fast["id"] })).await.0, StatusCode::FORBIDDEN);
    assert_eq!(page.call("providers/delete-alias", json!({ "id": fast["id"] })).await.0, StatusCode::OK);
    assert_eq!(page.call("providers/delete", json!({ "id": second["id"] })).await.0, StatusCode::OK);
    assert_eq!(page.call("providers/delete-model", json!({ "id": gpt["id"] })).await.0, StatusCode::OK, "nothing uses it any more");
    create_model(&page, &first, "quick", &Value::Null).await;
}

#[tokio::test]
async fn a_model_has_its_own_price_and_limits() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let request = json!({ "name": "Local", "style": "openai", "base_url": "http://localhost:11434/v1", "credential_header": "Api-Key" });
    let created = create_provider(&page, request).await;
    assert_eq!((&created["credential_header"], &created["last_error"], &created["recent"]["calls"]), (&json!("api-key"), &Value::Null, &json!(0)));
    let model = async |request: Value| page.call("providers/create-model", json!({ "provider": created["id"], "request": request })).await;
    let price = json!({ "input": 150_000_000, "cached_input": null, "cache_write": null, "output": 600_000_000 });
    let (status, own) =
        model(json!({ "name": "small", "upstream_name": "qwen3:8b", "price": price, "context_tokens": 32_768, "output_tokens": 4096 })).await;
    assert_eq!((status, &own["price"]["Own"], &own["upstream_name"]), (StatusCode::OK, &price, &json!("qwen3:8b")));
    assert_eq!((&own["context_tokens"], &own["output_tokens"], &own["has_own_limits"]), (&json!(32_768), &json!(4096), &json!(true)));
    let (_, unpriced) = model(json!({ "name": "no-such-model-anywhere", "allow_unpriced": true })).await;
    assert_eq!((&unpriced["price"], &unpriced["allow_unpriced"]), (&json!("Unknown"), &json!(true)), "it is not free");
    for (field, request) in [
        ("name", json!({ "name": "a b" })),
        ("name", json!({ "name": "gpt-*" })),
        ("upstream_name", json!({ "name": "a", "upstream_name": "a\"b" })),
        ("price.output", json!({ "name": "a", "price": { "input": 1, "output": -1 } })),
        ("price", json!({ "name": "a", "price": { "input": 1, "output": 1, "long": { "above": 0, "input": -1, "output": -1 } } })),
        ("context_tokens", json!({ "name": "a", "context_tokens": 0 })),
        ("fallbacks", json!({ "name": "a", "fallbacks": [own["id"], own["id"]] })),
        ("fallbacks", json!({ "name": "a", "fallbacks": ["mdl_00000000000000000000000000000000"] })),
    ] {
        let (status, error) = model(request).await;
        assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{error}");
    }
    let itself = json!({ "id": own["id"], "request": { "name": "small", "fallbacks": [own["id"]] } });
    assert_eq!(page.call("providers/edit-model", itself).await.1["field"], "fallbacks");
    let header = json!({ "name": "b", "style": "openai", "base_url": "https://a.test", "credential_header": "Host" });
    assert_eq!(page.call("providers/create", json!({ "request": header })).await.1["field"], "credential_header");
}

#[tokio::test]
async fn the_models_of_a_provider_are_offered() {
    let mock = MockService::start().await;
    let server = TestServer::start_with(allow_loopback).await;
    let (page, other_organization) = (server.user("owner", "acme").await, server.user("owner", "globex").await);
    let key = create_general_key(&page, "team").await;
    let request = json!({ "name": "Local", "style": "openai", "base_url": mock.url, "credential_header": "Api-Key", "key": key });
    let openai = create_provider(&page, request).await;
    let request = json!({ "name": "Claude", "style": "anthropic", "base_url": mock.url, "credential_header": "authorization", "key": key });
    let anthropic = create_provider(&page, request).await;
    let offered = async |provider: &Value| page.call("providers/offered-models", json!({ "provider": provider["id"] })).await;
    let last_error = async || list(&page).await["providers"][1]["last_error"].clone();

    mock.respond_with(MockResponse::new(
        200,
        r#"{ "data": [{ "id": "small", "object": "model" }, { "id": "a b" }, { "id": "large" }, { "id": "small" }] }"#,
    ));
    let (status, models) = offered(&openai).await;
    assert_eq!(
        (status, &models[0]["name"], &models[1]["name"], models.as_array().unwrap().len()),
        (StatusCode::OK, &json!("large"), &json!("small"), 2)
    );
    assert_eq!(offered(&anthropic).await.0, StatusCode::OK);
    let [first, second] = &mock.take_requests()[..] else { panic!("two calls") };
    assert_eq!((first.request_line.as_str(), &first.headers["api-key"]), ("GET /models", &"sk-0123456789".parse().unwrap()));
    assert!(!first.headers.contains_key("authorization"));
    assert_eq!(
        (second.request_line.as_str(), &second.headers["authorization"]),
        ("GET /v1/models?limit=1000", &"Bearer sk-0123456789".parse().unwrap())
    );

    mock.respond_with(MockResponse::new(401, ""));
    let (status, error) = offered(&openai).await;
    assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("provider")));
    assert_eq!(last_error().await["message"], error["message"], "the page shows it until a call succeeds");
    mock.respond_with(MockResponse::new(200, r#"{ "data": [] }"#));
    assert_eq!(offered(&openai).await.1, json!([]));
    assert_eq!(last_error().await, Value::Null);
    assert_eq!(other_organization.call("providers/offered-models", json!({ "provider": openai["id"] })).await.0, StatusCode::NOT_FOUND);
    page.call("keys/bulk", json!({ "action": "delete", "ids": [key] })).await;
    assert_eq!(offered(&openai).await.1["message"], "The key of Local was deleted or unlinked. Link another one.");
}
