//! Refusals: their codes, their order, and that one foreign corpus refuses the whole call.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{Fixture, refusal};
use crate::support::{eventually, send_large};

async fn refused(request: RequestBuilder) -> (u16, String) {
    refusal(request.send().await.unwrap()).await
}

fn expected(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn each_refusal_has_its_code() {
    let fixture = Fixture::start().await;
    let (own, other) = (fixture.corpus("own").await, fixture.corpus("other").await);
    let (id, key) = fixture.key_with(json!({ "corpora": [own] })).await;
    let (_, agent) = fixture.page.agent_key("agent").await;
    let body = fixture.query_body("alpha", &[own]);
    let query = |key: &str| fixture.post("/v1/query", key).json(&body);
    let bare = || fixture.server.visitor().client.post(format!("{}/v1/query", fixture.server.url)).json(&body);
    let customer = fixture.customer_id;
    let unknown = format!("{}{}", &key[..key.len() - 1], if key.ends_with('A') { 'B' } else { 'A' });
    for (request, status, code) in [
        (bare().header("customer-id", customer), 401, "INVALID_API_KEY"),
        (query("nonsense"), 401, "INVALID_API_KEY"),
        (query(&unknown), 401, "INVALID_API_KEY"),
        (query(&agent), 401, "INVALID_API_KEY"),
        (query(&fixture.api.key), 401, "INVALID_API_KEY"),
        (query(&key).bearer_auth(&agent), 400, "MALFORMED"),
        (bare().header("x-api-key", &key), 403, "INVALID_CUSTOMER_ID"),
        (bare().header("x-api-key", &key).header("customer-id", customer + 1), 403, "INVALID_CUSTOMER_ID"),
        (bare().header("x-api-key", &key).header("customer-id", "a"), 403, "INVALID_CUSTOMER_ID"),
        (query(&key).header("customer-id", customer + 1), 403, "INVALID_CUSTOMER_ID"),
        (fixture.post("/v1/query", &key).body(body.to_string().replace(&customer.to_string(), "1")), 403, "INVALID_CUSTOMER_ID"),
        (fixture.post("/v1/query", &key).json(&fixture.query_body("alpha", &[other])), 403, "INVALID_CORPUS_ID"),
        (fixture.post("/v1/query", &key).json(&fixture.query_body("alpha", &[99])), 403, "INVALID_CORPUS_ID"),
        (fixture.post("/v1/query", &key).json(&fixture.query_body("alpha", &[])), 403, "INVALID_CORPUS_ID"),
    ] {
        assert_eq!(refused(request).await, expected(status, code));
    }
    assert!(query(&key).send().await.unwrap().status().is_success());

    // Refused at once, and served again as fast.
    for (action, refusal) in [("disable", Some("DISABLED_API_KEY")), ("enable", None)] {
        assert_eq!(fixture.api.post(&format!("/keys/{id}/{action}"), json!({})).await.0, StatusCode::OK);
        match refusal {
            Some(code) => assert_eq!(refused(query(&key)).await, expected(403, code)),
            None => assert_eq!(query(&key).send().await.unwrap().status(), StatusCode::OK),
        }
    }
    assert_eq!(fixture.api.call(Method::DELETE, &format!("/corpora/{own}"), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(refused(query(&key)).await, expected(403, "INVALID_CORPUS_ID"), "a deleted corpus");
    assert_eq!(fixture.api.call(Method::DELETE, &format!("/keys/{id}"), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(refused(query(&key)).await, expected(401, "INVALID_API_KEY"));
}

#[tokio::test]
async fn checks_have_an_order() {
    let fixture = Fixture::start().await;
    let (own, other) = (fixture.corpus("own").await, fixture.corpus("other").await);
    let fields = json!({ "scopes": ["query"], "corpora": [own], "allowed_origins": ["https://app.test"] });
    let (id, key) = fixture.key_with(fields).await;
    let index = |corpus: i64| fixture.post("/v1/index", &key).json(&fixture.index_body(corpus, "a", "alpha"));
    let elsewhere = |request: RequestBuilder| request.header("origin", "https://evil.test");
    assert_eq!(refused(elsewhere(fixture.post("/v1/index", "nonsense").body("{"))).await, expected(400, "MALFORMED"));
    assert_eq!(refused(elsewhere(index(other)).header("customer-id", 1)).await, expected(403, "FORBIDDEN_ORIGIN"));
    assert_eq!(refused(index(other).header("customer-id", 1)).await, expected(403, "INVALID_CUSTOMER_ID"));
    assert_eq!(refused(index(other)).await, expected(403, "INVALID_CORPUS_ID"));
    assert_eq!(refused(index(own)).await, expected(403, "INSUFFICIENT_PERMISSIONS"));
    assert_eq!(fixture.api.post(&format!("/keys/{id}/disable"), json!({})).await.0, StatusCode::OK);
    assert_eq!(refused(elsewhere(index(other))).await, expected(403, "DISABLED_API_KEY"));
    let database = fixture.server.database().await;
    sqlx::query("update api_keys set expires_at = 1 where id = $1").bind(&id).execute(&database).await.unwrap();
    fixture.server.state.verifier.invalidate_all();
    assert_eq!(refused(index(own)).await, expected(403, "EXPIRED_API_KEY"));
    assert_eq!(fixture.counted(&id).await, 0);
}

#[tokio::test]
async fn one_foreign_corpus_refuses_the_whole_call() {
    let fixture = Fixture::start().await;
    let (own, other) = (fixture.corpus("own").await, fixture.corpus("other").await);
    let (id, key) = fixture.key_with(json!({ "corpora": [own] })).await;
    let customer = fixture.customer_id;
    let ids = |corpus: i64| format!(r#"{{"customer_id":{customer},"corpus_id":{corpus}}}"#);
    let (good, bad) = (ids(own), ids(other));
    for body in [
        format!(r#"{{"query":[{{"query":"a","corpus_key":[{good}]}},{{"query":"a","corpus_key":[{good},{bad}]}}]}}"#),
        format!(r#"{{"query":[{{"query":"a","corpus_key":[{bad}],"corpus_key":[{good}]}}]}}"#),
        format!(r#"{{"query":[{{"query":"a","corpus_key":[{good}],"corpus_key":[{bad}]}}]}}"#),
        format!(r#"{{"query":[{{"query":"a","corpus_key":[{good}],"corpusKey":[{bad}]}}]}}"#),
        format!(r#"{{"query":[{{"query":"a","corpusKey":[{bad}],"corpus_key":[{good}]}}]}}"#),
        format!(r#"{{"query":[{{"query":"a","corpus_key":[{good}],"corpus\u005fkey":[{bad}]}}]}}"#),
        format!(r#"{{"query":[{{"query":"a","corpus_key":[{{"customer_id":{customer},"corpus_id":{own},"corpus_id":{other}}}]}}]}}"#),
        format!(r#"{{"query":[{{"query":"a","corpus_key":[{{"customer_id":{customer},"corpus_id":{other},"corpusId":{own}}}]}}]}}"#),
        format!(r#"{{"query":[{{"query":"a","corpus_key":[{{"customer_id":{customer},"corpusId":"{other}","corpus_id":"{own}"}}]}}]}}"#),
        format!(r#"{{"query":[{{"query":"a","corpus_key":[{bad}]}}],"query":[{{"query":"a","corpus_key":[{good}]}}]}}"#),
        format!(r#"{{"query":[{{"query":"a","corpus_key":[{good}]}}],"query":[{{"query":"a","corpus_key":[{bad}]}}]}}"#),
        format!(r#"{{"query":[{{"query":"a","corpus_key":[{good}]}},{{"query":"a"}}]}}"#),
        format!(r#"{{"query":[{{"query":"a","corpus_key":[{good},{{"customer_id":{customer}}}]}}]}}"#),
    ] {
        let response = fixture.post("/v1/query", &key).body(body.clone()).send().await.unwrap();
        assert_eq!(refusal(response).await, expected(403, "INVALID_CORPUS_ID"), "{body}");
    }
    let foreign_customer = format!(r#"{{"query":[{{"query":"a","corpus_key":[{{"customer_id":{customer},"customerId":1,"corpus_id":{own}}}]}}]}}"#);
    assert_eq!(refused(fixture.post("/v1/query", &key).body(foreign_customer)).await, expected(403, "INVALID_CUSTOMER_ID"));
    assert_eq!(fixture.counted(&id).await, 0);
}

#[tokio::test]
async fn a_malformed_call_is_refused() {
    let fixture = Fixture::start().await;
    let own = fixture.corpus("own").await;
    let key = fixture.key(&[own]).await;
    let keys = json!([{ "customer_id": fixture.customer_id, "corpus_id": own }]);
    let deep = format!("{}1{}", "[".repeat(30_000), "]".repeat(30_000));
    for body in ["", "{", "[]", "null", "{}", r#"{"query":[]}"#, r#"{"query":[1]}"#, "{\"query\":[{}]} x", deep.as_str()] {
        assert_eq!(refused(fixture.post("/v1/query", &key).body(body.to_owned())).await, expected(400, "MALFORMED"), "{body:.100}");
    }
    assert_eq!(refused(fixture.post("/v1/query", &key).body(vec![b'{', 0xFF, b'}'])).await, expected(400, "MALFORMED"));
    let large = json!({ "query": [{ "query": "a".repeat(64 * 1024), "corpus_key": keys }] }).to_string();
    assert_eq!(refusal(send_large(fixture.post("/v1/query", &key).body(large)).await).await, expected(413, "TOO_LARGE"));
    let call = |fields: Value| {
        let mut query = json!({ "query": "a", "corpus_key": keys });
        query.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        fixture.post("/v1/query", &key).json(&json!({ "query": [query] }))
    };
    for (fields, code) in [
        (json!({ "num_results": 1.5 }), "MALFORMED"),
        (json!({ "num_results": -1 }), "INVALID_ARGUMENT"),
        (json!({ "num_results": 101 }), "INVALID_ARGUMENT"),
        (json!({ "start": 95, "num_results": 6 }), "INVALID_ARGUMENT"),
        (json!({ "query": "a".repeat(1001) }), "INVALID_ARGUMENT"),
        (json!({ "corpus_key": [{ "customer_id": fixture.customer_id, "corpus_id": own, "metadata_filter": "doc.a = 1" }] }), "UNIMPLEMENTED"),
    ] {
        assert_eq!(refused(call(fields)).await, expected(400, code));
    }
    let filter = json!({ "corpus_key": [{ "customer_id": fixture.customer_id, "corpus_id": own, "metadataFilter": "" }] });
    assert_eq!(call(filter).send().await.unwrap().status(), StatusCode::OK, "an empty filter selects everything");
}

#[tokio::test]
async fn limits_refuse_with_the_time_to_wait() {
    let fixture = Fixture::start().await;
    let own = fixture.corpus("own").await;
    let rate = |name: &str, limit: i64| json!([{ "name": name, "limit": limit, "duration_ms": 60_000 }]);
    for (limits, allowed, code) in [
        (json!({ "rate_limits": rate("all", 2) }), 2, "RATE_LIMITED"),
        (json!({ "address_rate_limits": rate("each", 1) }), 1, "RATE_LIMITED"),
        (json!({ "credits": { "remaining": 1, "refill": "daily", "amount": 1 } }), 1, "USAGE_EXCEEDED"),
    ] {
        let mut fields = json!({ "corpora": [own] });
        fields.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        let (id, key) = fixture.key_with(fields).await;
        let body = fixture.query_body("alpha", &[own]);
        for _ in 0..allowed {
            assert_eq!(fixture.query(&key, &body).await.0, StatusCode::OK, "{limits}");
        }
        let response = fixture.post("/v1/query", &key).json(&body).send().await.unwrap();
        let retry_after: i64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=24 * 60 * 60).contains(&retry_after), "{retry_after}");
        assert_eq!(refusal(response).await, expected(429, code), "{limits}");
        assert_eq!(fixture.counted(&id).await, allowed, "{limits}");
    }
}

#[tokio::test]
async fn a_refused_call_consumes_no_limit() {
    let fixture = Fixture::start().await;
    let (own, other) = (fixture.corpus("own").await, fixture.corpus("other").await);
    let (_, key) = fixture.key_with(json!({ "corpora": [own], "rate_limits": [{ "name": "all", "limit": 1, "duration_ms": 60_000 }] })).await;
    for _ in 0..3 {
        assert_eq!(refused(fixture.post("/v1/query", &key).json(&fixture.query_body("a", &[own, other]))).await, expected(403, "INVALID_CORPUS_ID"));
    }
    let response = fixture.post("/v1/query", &key).json(&fixture.query_body("a", &[own])).send().await.unwrap();
    assert_eq!((response.status(), response.headers()["ratelimit-policy"].to_str().unwrap()), (StatusCode::OK, "\"all\";q=1;w=60"));
}

#[tokio::test]
async fn a_lost_database_is_unavailable() {
    let fixture = Fixture::start().await;
    let own = fixture.corpus("own").await;
    let key = fixture.key(&[own]).await;
    let query = || fixture.post("/v1/query", &key).json(&fixture.query_body("a", &[own]));
    assert_eq!(query().send().await.unwrap().status(), StatusCode::OK);
    let database = fixture.server.database().await;
    sqlx::query("alter table verdict_changes rename to elsewhere").execute(&database).await.unwrap();
    eventually("503", async || query().send().await.unwrap().status() == StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(refused(query()).await, expected(503, "UNAVAILABLE"));
}

#[tokio::test]
async fn administration_with_a_corpus_key_is_refused() {
    let fixture = Fixture::start().await;
    let own = fixture.corpus("own").await;
    let api = fixture.api.with_key(&fixture.key(&[own]).await);
    for (method, path, body) in [
        (Method::GET, "/corpora".to_owned(), None),
        (Method::POST, "/corpora".to_owned(), Some(json!({ "name": "x" }))),
        (Method::DELETE, format!("/corpora/{own}"), None),
        (Method::GET, format!("/corpora/{own}/documents"), None),
        (Method::POST, format!("/corpora/{own}/documents"), Some(json!({ "documents": [{ "id": "a", "sections": ["a"] }] }))),
        (Method::POST, format!("/corpora/{own}/search"), Some(json!({ "query": "a" }))),
        (Method::DELETE, format!("/corpora/{own}/upstream"), None),
    ] {
        let (status, problem) = api.call(method.clone(), &path, body).await;
        assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("wrong_kind")), "{method} {path}");
    }
}
