//! Two instances on one PostgreSQL database, as behind a load balancer that sends each request to another one. SQLite has only one instance: the
//! tests are skipped there.

mod limits;

use std::{collections::BTreeSet, fs, time::Duration};

use latchkey_program::config::ServeOptions;
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::{
    credential_check::create_linked_key,
    support::{
        ApiClient, BrowserClient, PASSWORD, TestServer, eventually,
        services::{MockResponse, MockService, allow_loopback},
        text,
    },
};

/// Two servers on one database.
pub struct Pair {
    pub first: TestServer,
    pub second: TestServer,
}

impl Pair {
    /// `None` on SQLite.
    pub async fn start() -> Option<Self> {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl Fn(&mut ServeOptions)) -> Option<Self> {
        let first = TestServer::start_with(&change).await;
        let Some(database) = first.data_options().database else {
            eprintln!("skipped: SQLite has only one instance");
            return None;
        };
        let master_key = first.data.path().join("master.key");
        let second = TestServer::start_with(|options| {
            change(options);
            options.data.database = Some(database);
            fs::copy(&master_key, options.data.data.join("master.key")).unwrap();
        })
        .await;
        Some(Self { first, second })
    }

    /// The same browser at the second instance.
    pub fn at_second(&self, page: &BrowserClient) -> BrowserClient {
        BrowserClient { url: self.second.url.clone(), ..page.clone() }
    }

    /// The same API client at the second instance.
    pub fn api_at_second(&self, api: &ApiClient) -> ApiClient {
        ApiClient { url: self.second.url.clone(), ..api.clone() }
    }
}

#[tokio::test]
async fn failures_on_two_instances_count_together() {
    let Some(pair) = Pair::start().await else { return };
    pair.first.user("owner", "acme").await;
    let clients = [pair.first.visitor(), pair.second.visitor()];
    let sign_in = async |client: &BrowserClient, password: &str| {
        client.call("account/sign-in", json!({ "email": "owner@acme.test", "password": password })).await.0
    };
    for attempt in 0..10 {
        assert_eq!(sign_in(&clients[attempt % 2], PASSWORD).await, StatusCode::OK, "a successful sign-in does not count");
    }
    for attempt in 0..10 {
        assert_eq!(sign_in(&clients[attempt % 2], "wrong horse battery").await, StatusCode::UNAUTHORIZED);
    }
    for client in &clients {
        assert_eq!(sign_in(client, PASSWORD).await, StatusCode::TOO_MANY_REQUESTS);
    }
    let database = pair.first.database().await;
    let throttled = async || {
        let sql = "select count(*) from audit_events where action = 'sign_in.throttled'";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&database).await.unwrap()
    };
    eventually("the first refusal is recorded", async || throttled().await == 1).await;
    let subjects: Vec<Vec<u8>> = sqlx::query_scalar("select subject from sign_in_failures").fetch_all(&database).await.unwrap();
    assert!(!subjects.is_empty() && subjects.iter().all(|subject| subject.len() == 32), "names are not stored");
}

#[tokio::test]
async fn a_test_that_runs_elsewhere_is_refused() {
    let mock = MockService::start().await;
    let Some(pair) = Pair::start_with(allow_loopback).await else { return };
    let page = pair.first.user("owner", "acme").await;
    let elsewhere = pair.at_second(&page);
    let id = create_linked_key(&page, "Slow", "openai", &mock.url).await;
    let models = r#"{ "object": "list", "data": [{ "id": "gpt" }] }"#;
    mock.respond_with(MockResponse { delay: Duration::from_secs(5), ..MockResponse::new(200, models) });
    let test = async |client: &BrowserClient| client.call("credentials/test", json!({ "id": id })).await;
    let second = async {
        eventually("the first test calls the service", async || mock.request_count() == 1).await;
        test(&elsewhere).await
    };
    let (first, (status, error)) = tokio::join!(test(&page), second);
    assert_eq!((first.0, status, &error["code"]), (StatusCode::OK, StatusCode::TOO_MANY_REQUESTS, &json!("throttled")), "{first:?}");
    mock.respond_with(MockResponse::new(200, models));
    for client in [&elsewhere, &page] {
        assert_eq!(test(client).await.0, StatusCode::OK, "the next test may run on any instance");
    }
}

#[tokio::test]
async fn the_set_up_link_works_on_both() {
    let Some(pair) = Pair::start().await else { return };
    let token = pair.first.state.setup_token.expose_secret().to_owned();
    assert_eq!(pair.second.state.setup_token.expose_secret(), token);
    let account = json!({ "token": token, "organization": "Acme", "name": "Ada", "email": "ada@acme.test", "password": PASSWORD });
    assert_eq!(pair.second.visitor().call("account/set-up", account.clone()).await.0, StatusCode::OK);
    for server in [&pair.first, &pair.second] {
        assert_eq!(server.visitor().call("account/set-up", account.clone()).await.0, StatusCode::NOT_FOUND, "it works once");
    }
    assert_eq!(pair.first.visitor().get("/setup").send().await.unwrap().headers()["location"], "/sign-in");
}

#[tokio::test]
async fn a_cursor_works_on_another_instance() {
    let Some(pair) = Pair::start().await else { return };
    let page = pair.first.user("owner", "acme").await;
    let first = pair.first.api("owner@acme.test", "");
    let apis = [pair.api_at_second(&first), first];
    let mut created = Vec::new();
    for n in 0..30 {
        created.push(page.agent_key(&format!("key {n:02}")).await);
    }
    for sort in ["name", "-last_used_at", "expires_at", "-created_at"] {
        let (mut listed, mut cursor) = (Vec::new(), String::new());
        for turn in 0.. {
            let (status, found) = apis[turn % 2].get(&format!("/keys?kind=agent&limit=4&sort={sort}{cursor}")).await;
            assert_eq!(status, StatusCode::OK, "{found}");
            listed.extend(found["items"].as_array().unwrap().iter().map(|key| text(&key["id"])));
            match &found["next_cursor"] {
                Value::Null => break,
                next => cursor = format!("&cursor={}", text(next)),
            }
            let (id, secret) = &created[(turn * 13 + 5) % created.len()];
            apis[turn % 2].verify(secret).await;
            page.call("keys/edit", json!({ "id": id, "patch": { "name": format!("aaa {sort} {turn}") } })).await;
            pair.first.state.verifier.flush().await;
            pair.second.state.verifier.flush().await;
        }
        let distinct: BTreeSet<&String> = listed.iter().collect();
        assert_eq!((listed.len(), distinct.len()), (30, 30), "{sort}");
    }
    let opened =
        page.call("keys/open", json!({ "query": { "kind": "agent", "search": "", "sort": { "column": "name", "descending": false } } })).await.1;
    let counted = pair.at_second(&page).call("keys/count", json!({ "listing": opened["listing"] })).await.1;
    assert_eq!(counted["end"]["index"], 30);
}
