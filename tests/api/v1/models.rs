//! `/api/v1/models` and `/api/v1/aliases`.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{ApiClient, TestServer, text};

async fn start() -> (TestServer, ApiClient) {
    let server = TestServer::start().await;
    server.user("owner", "acme").await;
    let api = server.api("owner@acme.test", "");
    (server, api)
}

/// The path of the models of a new provider, at which models are created.
async fn models_of_new_provider(api: &ApiClient, name: &str, base_url: &str) -> String {
    let (status, created) = api.post("/providers", json!({ "name": name, "style": "openai", "base_url": base_url })).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    format!("/providers/{}/models", text(&created["id"]))
}

/// A model of the provider whose models have this path.
async fn create(api: &ApiClient, models: &str, request: Value) -> Value {
    let (status, created) = api.post(models, request).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    created
}

fn path(model: &Value) -> String {
    format!("/models/{}", text(&model["id"]))
}

#[tokio::test]
async fn model_is_created_read_changed_and_deleted() {
    let (_server, api) = start().await;
    let models = models_of_new_provider(&api, "Local", "https://llm.example.com/v1").await;
    let response = api.request(Method::POST, &models).json(&json!({ "name": "fast" })).send().await.unwrap();
    let (location, tag) = (response.headers()["location"].clone(), response.headers()["etag"].clone());
    let created: Value = response.json().await.unwrap();
    assert_eq!(location, format!("/api/v1{}", path(&created)));
    let expected = json!({
        "id": created["id"], "name": "fast", "provider": models.split('/').nth(2), "upstream_name": "fast", "credential": null, "unlinked": null,
        "price": null, "price_source": "unknown", "context_tokens": null, "output_tokens": null, "has_own_limits": false,
        "allow_unpriced": false, "fallbacks": [], "recent": { "calls": 0, "failures": 0, "cost": "0", "unpriced": 0 },
    });
    assert_eq!(created, expected);
    let read = api.request(Method::GET, &path(&created)).send().await.unwrap();
    assert_eq!((&read.headers()["etag"], read.status()), (&tag, StatusCode::OK));
    assert_eq!(read.json::<Value>().await.unwrap(), created);

    let other = create(&api, &models, json!({ "name": "other" })).await;
    let price = json!({ "input": "0.000000001", "cached_input": null, "cache_write": "3.75", "output": "15" });
    let changes = json!({
        "name": "team/fast", "upstream_name": "llama-3.3-70b", "price": price, "context_tokens": 131_072, "output_tokens": 8192,
        "allow_unpriced": true, "fallbacks": [other["id"]],
    });
    for (name, value) in changes.as_object().unwrap() {
        let (status, edited) = api.call(Method::PATCH, &path(&created), Some(json!({ name: value }))).await;
        assert_eq!((status, &edited[name]), (StatusCode::OK, value), "{name}: {edited}");
    }
    let (_, edited) = api.get(&path(&created)).await;
    for (name, value) in changes.as_object().unwrap() {
        assert_eq!(edited[name], *value, "no other change resets it");
    }
    assert_eq!((&edited["price_source"], &edited["has_own_limits"]), (&json!("own"), &json!(true)));
    let cleared = json!({ "price": null, "context_tokens": null, "output_tokens": null, "fallbacks": [] });
    let (_, edited) = api.call(Method::PATCH, &path(&created), Some(cleared)).await;
    assert_eq!((&edited["price_source"], &edited["has_own_limits"], &edited["fallbacks"]), (&json!("unknown"), &json!(false), &json!([])));
    let (_, list) = api.get("/models").await;
    let names: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|model| &model["name"]).collect();
    assert_eq!(names, [&json!("other"), &json!("team/fast")]);
    assert_eq!(text(&list["price_date"]).len(), "2026-11-30".len());

    assert_eq!(api.call(Method::DELETE, &path(&created), None).await.0, StatusCode::NO_CONTENT);
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(api.call(method, &path(&created), None).await.0, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn known_models_have_a_price_and_limits() {
    let (_server, api) = start().await;
    let models = models_of_new_provider(&api, "OpenAI", "https://api.openai.com/v1").await;
    let model = create(&api, &models, json!({ "name": "mini", "upstream_name": "gpt-4o-mini" })).await;
    assert_eq!((&model["price_source"], &model["has_own_limits"]), (&json!("table"), &json!(false)));
    assert_eq!((&model["price"]["input"], &model["price"]["output"]), (&json!("0.15"), &json!("0.6")));
    // A change of something else does not make the table's price the organization's own.
    let (_, edited) = api.call(Method::PATCH, &path(&model), Some(json!({ "name": "small" }))).await;
    assert_eq!(edited["price_source"], "table");
    // Nor does an own limit of the output make the table's context the organization's own.
    for change in [json!({ "output_tokens": 4096 }), json!({ "name": "mini" })] {
        let (_, edited) = api.call(Method::PATCH, &path(&model), Some(change)).await;
        assert_eq!((&edited["context_tokens"], &edited["has_own_limits"]), (&json!(128_000), &json!(false)));
        assert_eq!(edited["output_tokens"], 4096);
    }
}

#[tokio::test]
async fn invalid_field_is_named() {
    let (server, api) = start().await;
    server.user("owner", "globex").await;
    let foreign = server.api("owner@globex.test", "");
    let foreign_models = models_of_new_provider(&foreign, "theirs", "https://llm.example.com/v1").await;
    let foreign_model = create(&foreign, &foreign_models, json!({ "name": "theirs" })).await;
    let models = models_of_new_provider(&api, "ours", "https://llm.example.com/v1").await;
    let price = |field: &str, amount: Value| {
        let mut price = json!({ "input": "1", "output": "1" });
        price[field] = amount;
        json!({ "price": price })
    };
    for (fields, field) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "a b" }), "name"),
        (json!({ "name": "gpt-*" }), "name"),
        (json!({ "name": "a".repeat(101) }), "name"),
        (json!({ "name": "é" }), "name"),
        (json!({ "upstream_name": "a b" }), "upstream_name"),
        (json!({ "upstream_name": "a".repeat(201) }), "upstream_name"),
        (price("input", json!(1)), "price.input"),
        (price("output", json!("-1")), "price.output"),
        (price("output", json!("1e3")), "price.output"),
        (price("cached_input", json!("0.0000000001")), "price.cached_input"),
        (price("cache_write", json!("1000000.1")), "price.cache_write"),
        (json!({ "context_tokens": 0 }), "context_tokens"),
        (json!({ "output_tokens": -1 }), "output_tokens"),
        (json!({ "credential": "crd_00000000000070008000000000000000" }), "credential"),
        (json!({ "fallbacks": ["mdl_00000000000070008000000000000000"] }), "fallbacks"),
        (json!({ "fallbacks": [foreign_model["id"]] }), "fallbacks"),
    ] {
        let mut request = json!({ "name": "valid" });
        for (name, value) in fields.as_object().unwrap() {
            request[name] = value.clone();
        }
        let (status, problem) = api.post(&models, request).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{fields}: {problem}");
    }
    let model = create(&api, &models, json!({ "name": "valid" })).await;
    let (status, problem) = api.post(&models, json!({ "name": "VALID" })).await;
    assert_eq!((status, &problem["field"]), (StatusCode::CONFLICT, &json!("name")));
    let other_models = models_of_new_provider(&api, "second", "https://llm.example.com/v1").await;
    assert_eq!(api.post(&other_models, json!({ "name": "valid" })).await.0, StatusCode::CONFLICT, "unique in the organization");
    let itself = json!({ "fallbacks": [model["id"]] });
    assert_eq!(api.call(Method::PATCH, &path(&model), Some(itself)).await.1["field"], "fallbacks");
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(foreign.call(method, &path(&model), None).await.0, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn alias_is_created_read_changed_and_deleted() {
    let (_server, api) = start().await;
    let models = models_of_new_provider(&api, "Local", "https://llm.example.com/v1").await;
    let (first, second) = (create(&api, &models, json!({ "name": "first" })).await, create(&api, &models, json!({ "name": "second" })).await);
    let target = |model: &Value, priority: u8| json!({ "model": model["id"], "priority": priority, "weight": 10 });
    let request = json!({ "name": "best", "targets": [target(&second, 2), target(&first, 1)] });
    let response = api.request(Method::POST, "/aliases").json(&request).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let created: Value = response.json().await.unwrap();
    assert_eq!(created, json!({ "id": created["id"], "name": "best", "targets": [target(&first, 1), target(&second, 2)] }));
    let alias = location.strip_prefix("/api/v1").unwrap();
    assert_eq!(api.get(alias).await.1, created);
    assert_eq!(api.get("/aliases").await.1["items"], json!([created]));

    // A model that is used is kept; so is its provider.
    let (status, problem) = api.call(Method::DELETE, &path(&first), None).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("conflict")));
    assert!(text(&problem["detail"]).contains("best"), "{problem}");
    let (_, edited) = api.call(Method::PATCH, alias, Some(json!({ "targets": [target(&second, 1)] }))).await;
    assert_eq!((&edited["name"], &edited["targets"]), (&json!("best"), &json!([target(&second, 1)])));
    assert_eq!(api.call(Method::DELETE, &path(&first), None).await.0, StatusCode::NO_CONTENT);

    for targets in [json!([]), json!([target(&first, 1)]), json!([target(&second, 21)]), json!([target(&second, 1), target(&second, 2)])] {
        let (status, problem) = api.post("/aliases", json!({ "name": "other", "targets": targets })).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("targets")), "{targets}");
    }
    for name in ["best", "SECOND"] {
        let (status, problem) = api.post("/aliases", json!({ "name": name, "targets": [target(&second, 1)] })).await;
        assert_eq!((status, &problem["field"]), (StatusCode::CONFLICT, &json!("name")), "{name}");
    }
    assert_eq!(api.post(&models, json!({ "name": "Best" })).await.0, StatusCode::CONFLICT, "models and aliases share their names");
    assert_eq!(api.call(Method::DELETE, alias, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(api.get(alias).await.0, StatusCode::NOT_FOUND);
    create(&api, &models, json!({ "name": "best" })).await;
}
