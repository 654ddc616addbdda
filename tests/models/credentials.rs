//! The general keys of providers and models: sent only while they are linked, and reported when a provider refuses them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{CHAT, Fixture, MESSAGES, chat, message, refusal, refusal_text};
use crate::{
    services::{SECRET, code},
    support::{eventually, model_upstream, upstream::Upstream},
};

impl Fixture {
    async fn credential(&self) -> Value {
        self.api.get(&format!("/credentials/{}", self.credential)).await.1
    }

    /// The notifications of the owner that a credential was refused.
    async fn refusals(&self) -> Vec<Value> {
        let (_, list) = self.owner.call("notifications/list", json!({})).await;
        let list = list.as_array().unwrap().iter();
        list.filter(|notification| notification["event"] == "CredentialRefused").cloned().collect()
    }
}

#[tokio::test]
async fn a_refused_key_is_marked_and_its_managers_are_notified() {
    let fixture = Fixture::start().await;
    for status in [401, 403] {
        fixture.upstream.respond(model_upstream::error(status, "the provider's own words"));
        for (path, body, model) in [(CHAT, chat("gpt"), "gpt"), (MESSAGES, message(), "claude")] {
            let response = fixture.post(path, body).await;
            assert_eq!(response.headers()["x-should-retry"], "false");
            let (refused, code, message) = refusal_text(response).await;
            assert_eq!((refused, code.as_str()), (502, "credential_refused"));
            assert!(message.contains(&format!("“{model}”")) && message.contains(&status.to_string()) && !message.contains("words"), "{message}");
        }
    }
    eventually("the key is marked", async || fixture.credential().await["tested"]["outcome"] == "refused").await;
    eventually("the owner is notified", async || !fixture.refusals().await.is_empty()).await;
    let provider = format!("/providers/{}", fixture.openai);
    eventually("the failure is stored", async || fixture.api.get(&provider).await.1["last_error"]["status"] == 401).await;
    let notification = fixture.refusals().await.remove(0);
    assert_eq!((&notification["template"], &notification["link"]), (&json!("Team key"), &json!("/keys/general")));

    // Nothing was used.
    let usage = fixture.usage("model").await;
    assert_eq!(usage.len(), 2);
    for model in &usage {
        assert_eq!((&model["cost"], &model["failures"], &model["calls"]), (&json!("0"), &json!(2), &json!(2)));
    }
    // A new value is effective at once.
    fixture.upstream.respond_with(model_upstream::respond);
    fixture.edit(&format!("/credentials/{}", fixture.credential), json!({ "value": "sk-the-next-one" })).await;
    assert_eq!(fixture.post(CHAT, chat("gpt")).await.status(), StatusCode::OK);
    assert_eq!(fixture.upstream.last_request().header("authorization"), Some("Bearer sk-the-next-one"));
}

#[tokio::test]
async fn a_deleted_key_is_missing_until_another_is_linked() {
    let fixture = Fixture::start().await;
    let own = fixture.general_key("own", "sk-of-the-model-0").await;
    fixture.model("own", json!({ "credential": own })).await;
    let path = format!("/credentials/{}", fixture.credential);
    assert_eq!(fixture.api.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    for (path, body, model) in [(CHAT, chat("gpt"), "gpt"), (MESSAGES, message(), "claude")] {
        let response = fixture.post(path, body).await;
        assert_eq!(response.headers()["x-should-retry"], "false");
        let (status, code, message) = refusal_text(response).await;
        assert_eq!((status, code.as_str()), (502, "credential_missing"));
        for part in [format!("“{model}”").as_str(), "The linked key was deleted.", "Settings → Providers"] {
            assert!(message.contains(part), "{message}");
        }
    }
    assert!(fixture.upstream.requests().is_empty());
    let call = fixture.log().await.remove(0);
    assert_eq!((&call["code"], &call["status"], &call["usage"]), (&json!("credential_missing"), &json!(502), &Value::Null), "{call}");

    // A model's own key is sent instead of the provider's.
    assert_eq!(fixture.post(CHAT, chat("own")).await.status(), StatusCode::OK);
    assert_eq!(fixture.upstream.last_request().header("authorization"), Some("Bearer sk-of-the-model-0"));
    // An alias uses the targets that have a key.
    let owned = fixture.api.get("/models").await.1["items"].as_array().unwrap().iter().find(|model| model["name"] == "own").unwrap()["id"].clone();
    fixture.alias("best", &[(&fixture.gpt, 1, 1), (owned.as_str().unwrap(), 2, 1)]).await;
    assert_eq!(fixture.post(CHAT, chat("best")).await.headers()["x-latchkey-model"], "own");

    fixture.edit(&format!("/providers/{}", fixture.openai), json!({ "credential": own })).await;
    assert_eq!(fixture.post(CHAT, chat("gpt")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn no_key_is_sent_to_another_address() {
    let fixture = Fixture::start().await;
    let provider = format!("/providers/{}", fixture.openai);
    let moved = Upstream::start().await;
    moved.respond_with(model_upstream::respond);
    fixture.edit(&provider, json!({ "base_url": format!("{}/v1", moved.url) })).await;
    let (status, code_of, message) = refusal_text(fixture.post(CHAT, chat("gpt")).await).await;
    assert_eq!((status, code_of.as_str()), (502, "credential_missing"));
    assert!(message.contains("base URL changed"), "{message}");
    assert!(moved.requests().is_empty());
    fixture.edit(&provider, json!({ "credential": fixture.credential })).await;
    assert_eq!(fixture.post(CHAT, chat("gpt")).await.status(), StatusCode::OK);
    assert_eq!(moved.last_request().header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
    // A key that can't be decrypted is not sent either.
    let sql =
        "update sealed_secrets set wrapped_key = (select wrapped_key from sealed_secrets where credential_id <> $1 limit 1) where credential_id = $1";
    let broken = fixture.general_key("broken", "sk-broken-0123456").await;
    sqlx::query(sql).bind(&broken).execute(&fixture.server.database().await).await.unwrap();
    fixture.edit(&provider, json!({ "credential": broken })).await;
    assert_eq!(refusal(fixture.post(CHAT, chat("gpt")).await).await, code(502, "credential_missing"));
}
