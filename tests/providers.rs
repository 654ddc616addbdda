//! Providers, models and the keys that they are linked to, as the page manages them.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Page, TestServer};

async fn general(page: &Page, name: &str) -> Value {
    let (status, key) = page.call("credentials/create-general", json!({ "name": name, "value": "sk-0123456789" })).await;
    assert_eq!(status, StatusCode::OK, "{key}");
    key["id"].clone()
}

fn wanted(name: &str, base_url: &str, key: &Value) -> Value {
    json!({ "name": name, "style": "openai", "base_url": base_url, "key": key })
}

async fn provider(page: &Page, wanted: Value) -> Value {
    let (status, made) = page.call("providers/create", json!({ "wanted": wanted })).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    made
}

async fn model(page: &Page, provider: &Value, name: &str, key: &Value) -> Value {
    let (status, made) = page.call("providers/create-model", json!({ "provider": provider["id"], "wanted": { "name": name, "key": key } })).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    made
}

async fn list(page: &Page) -> Value {
    page.call("providers/list", json!({})).await.1
}

async fn linked_to(page: &Page) -> Value {
    let query = json!({ "kind": "llm", "search": "", "status": null, "sort": { "column": "name", "descending": false } });
    page.call("keys/open", json!({ "query": query })).await.1["rows"][0]["row"]["linked_to"].clone()
}

#[tokio::test]
async fn a_key_is_linked_once_and_used_from_then_on() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let key = general(&page, "team").await;
    let made = provider(&page, wanted("OpenAI", " HTTPS://api.openai.com/v1/ ", &key)).await;
    assert_eq!((&made["base_url"], &made["link"]["Key"]["name"]), (&json!("https://api.openai.com/v1"), &json!("team")));
    assert_eq!(made["link"]["Key"]["mask"], "sk-…789");
    model(&page, &made, "gpt", &Value::Null).await;
    let own = model(&page, &made, "embed", &key).await;
    let listed = list(&page).await;
    assert_eq!(listed["providers"][0]["models"][0]["name"], "embed");
    assert_eq!(listed["providers"][0]["models"][1]["link"], "Nothing");
    assert_eq!(listed["keys"], json!([{ "id": key, "name": "team", "mask": "sk-…789" }]));
    assert_eq!(linked_to(&page).await, json!(["OpenAI", "OpenAI / embed"]));

    let (_, edited) = page.call("providers/edit-model", json!({ "id": own["id"], "wanted": { "name": "embed-2", "key": null } })).await;
    assert_eq!((&edited["name"], &edited["link"]), (&json!("embed-2"), &json!("Nothing")));
    assert_eq!(page.call("providers/delete-model", json!({ "id": own["id"] })).await.0, StatusCode::OK);
    assert_eq!(page.call("providers/delete-model", json!({ "id": own["id"] })).await.0, StatusCode::NOT_FOUND);
    assert_eq!(page.call("providers/delete", json!({ "id": made["id"] })).await.0, StatusCode::OK);
    assert_eq!(list(&page).await["providers"], json!([]));
    assert_eq!(linked_to(&page).await, Value::Null, "the key stays");
    assert_eq!(list(&page).await["keys"][0]["id"], key);
}

#[tokio::test]
async fn another_address_takes_the_keys_away_that_were_linked_to_the_one_before() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let key = general(&page, "team").await;
    let made = provider(&page, wanted("OpenAI", "https://api.openai.com/v1", &key)).await;
    model(&page, &made, "gpt", &key).await;
    model(&page, &made, "plain", &Value::Null).await;
    let edit = async |wanted: Value| page.call("providers/edit", json!({ "id": made["id"], "wanted": wanted })).await.1;

    let same = edit(wanted("OpenAI (team)", "https://api.openai.com/v1/", &key)).await;
    assert_eq!((&same["unlinked"], &same["provider"]["link"]["Key"]["id"]), (&json!([]), &key), "the same address in another spelling");
    let moved = edit(wanted("OpenAI (team)", "https://evil.test/v1", &key)).await;
    assert_eq!(moved["unlinked"], json!(["OpenAI (team)", "gpt"]));
    assert_eq!(moved["provider"]["link"], "Moved");
    assert_eq!(moved["provider"]["models"][0]["link"], "Moved");
    assert_eq!(moved["provider"]["models"][1]["link"], "Nothing");
    assert_eq!(linked_to(&page).await, Value::Null);
    let again = edit(wanted("OpenAI (team)", "https://evil.test/v1", &key)).await;
    assert_eq!(again["provider"]["link"]["Key"]["id"], key, "linked on purpose");
    let other = general(&page, "other").await;
    let chosen = edit(wanted("OpenAI (team)", "https://models.test/v1", &other)).await;
    assert_eq!(chosen["provider"]["link"]["Key"]["id"], other, "chosen for the new address");
    let none_before = provider(&page, wanted("Later", "https://later.test/v1", &Value::Null)).await;
    let edited = json!({ "id": none_before["id"], "wanted": wanted("Later", "https://later.test/v2", &key) });
    assert_eq!(page.call("providers/edit", edited).await.1["provider"]["link"]["Key"]["id"], key);
}

#[tokio::test]
async fn what_uses_a_deleted_key_says_so() {
    let server = TestServer::start().await;
    let page = server.user("owner", "acme").await;
    let key = general(&page, "team").await;
    let made = provider(&page, wanted("OpenAI", "https://api.openai.com/v1", &key)).await;
    model(&page, &made, "gpt", &key).await;
    let (_, outcome) = page.call("keys/act", json!({ "action": "delete", "ids": [key] })).await;
    assert_eq!(outcome, json!({ "done": 1, "left": 0 }));
    let (_, outcome) = page.call("keys/act", json!({ "action": "delete", "ids": [key] })).await;
    assert_eq!(outcome, json!({ "done": 0, "left": 1 }));
    let listed = list(&page).await;
    assert_eq!((&listed["providers"][0]["link"], &listed["providers"][0]["models"][0]["link"]), (&json!("Deleted"), &json!("Deleted")));
    assert_eq!(listed["keys"], json!([]));
    // Said until somebody links another, through changes of the name too.
    let (_, edited) =
        page.call("providers/edit", json!({ "id": made["id"], "wanted": wanted("AI", "https://api.openai.com/v1", &Value::Null) })).await;
    assert_eq!(edited["provider"]["link"], "Deleted");
}

#[tokio::test]
async fn what_cant_be_taken_is_refused_at_its_field() {
    let server = TestServer::start().await;
    let (page, stranger) = (server.user("owner", "acme").await, server.user("owner", "globex").await);
    let member = server.user("member", "acme").await;
    let (key, foreign) = (general(&page, "team").await, general(&stranger, "theirs").await);
    let (_, storage) = member
        .call("credentials/create-storage", json!({ "wanted": { "label": "a", "provider": "dnanexus", "key": "dx", "ends": { "Days": 30 } } }))
        .await;
    let good = "https://api.openai.com/v1";
    let made = provider(&page, wanted("OpenAI", good, &key)).await;
    for (field, wanted) in [
        ("name", wanted(" ", good, &Value::Null)),
        ("base_url", wanted("a", "", &Value::Null)),
        ("base_url", wanted("a", "ftp://a", &Value::Null)),
        ("base_url", wanted("a", "https://user:password@a", &Value::Null)),
        ("base_url", wanted("a", "https://a?key=b", &Value::Null)),
        ("key", wanted("a", good, &foreign)),
        ("key", wanted("a", good, &storage["id"])),
        ("key", wanted("a", good, &json!("crd_00000000000000000000000000000000"))),
    ] {
        for (function, call) in [("create", json!({ "wanted": wanted })), ("edit", json!({ "id": made["id"], "wanted": wanted }))] {
            let (status, fault) = page.call(&format!("providers/{function}"), call).await;
            assert_eq!((status, &fault["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{function} {wanted}: {fault}");
        }
    }
    let (status, fault) = page.call("providers/create", json!({ "wanted": wanted("OPENAI", good, &Value::Null) })).await;
    assert_eq!((status, &fault["field"]), (StatusCode::CONFLICT, &json!("name")));
    model(&page, &made, "gpt", &Value::Null).await;
    let (status, _) = page.call("providers/create-model", json!({ "provider": made["id"], "wanted": { "name": "GPT" } })).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (status, fault) = page.call("providers/create-model", json!({ "provider": made["id"], "wanted": { "name": "b", "key": foreign } })).await;
    assert_eq!((status, &fault["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("key")));

    let calls = [
        ("list", json!({})),
        ("create", json!({ "wanted": wanted("b", good, &Value::Null) })),
        ("edit", json!({ "id": made["id"], "wanted": wanted("b", good, &Value::Null) })),
        ("create-model", json!({ "provider": made["id"], "wanted": { "name": "b" } })),
        ("delete", json!({ "id": made["id"] })),
    ];
    for (function, call) in calls {
        assert_eq!(member.call(&format!("providers/{function}"), call.clone()).await.0, StatusCode::FORBIDDEN, "{function}");
        if !matches!(function, "list" | "create") {
            assert_eq!(stranger.call(&format!("providers/{function}"), call).await.0, StatusCode::NOT_FOUND, "{function}");
        }
    }
    assert_eq!(list(&stranger).await["providers"], json!([]));
}
