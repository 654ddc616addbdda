//! Usage counts and cost of project keys.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use latchkey_store::usage::{self, MinuteUsage, UsageTotals};
use latchkey_types::{
    id::{KeyId, OrganizationId},
    money::{Money, PRICE_MAX},
    time::{DAY_MS, MINUTE_MS, Timestamp},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Fixture;
use crate::support::{TestServer, eventually};

const PRICE: &str = "update key_templates set price = 10000 where id = $1";

impl Fixture {
    /// Requests and cost of the key, asserted to be equal in the minute and day tables.
    async fn usage(&self) -> (i64, i64) {
        self.server.state.verifier.flush().await;
        let database = self.server.database().await;
        let mut sums = Vec::new();
        for table in ["usage_by_minute", "usage_by_day"] {
            let sql =
                format!("select cast(coalesce(sum(requests), 0) as bigint), cast(coalesce(sum(cost), 0) as bigint) from {table} where key_id = $1");
            let sum: (i64, i64) = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(self.key.to_string()).fetch_one(&database).await.unwrap();
            sums.push(sum);
        }
        assert_eq!(sums[0], sums[1]);
        sums[0]
    }

    /// Billing data of this month.
    async fn month(&self) -> Value {
        let (status, month) = self.owner.call("billing/month", json!({ "month": null })).await;
        assert_eq!(status, StatusCode::OK, "{month}");
        month
    }
}

#[tokio::test]
async fn each_response_costs_the_current_price() {
    let fixture = Fixture::start().await;
    for _ in 0..3 {
        assert_eq!(fixture.api.verify(&fixture.token).await, "VALID");
    }
    for path in ["", "/nodes"] {
        assert_eq!(fixture.get_with(&fixture.token, path).await.0, 200);
    }
    assert_eq!(fixture.usage().await, (5, 5 * 2500));

    // Rejected requests cost nothing.
    fixture.api.post("/verify", json!({ "key": fixture.token, "project": "prj_1" })).await;
    fixture.api.post("/verify", json!({ "key": fixture.token, "scope": "manage_projects" })).await;
    fixture.api.with_key(&fixture.token).get("/projects/x").await;
    fixture.api.with_key(&fixture.token).get("/keys").await;
    assert_eq!(fixture.usage().await, (5, 5 * 2500));

    // A price change applies to later requests, also in the same minute and while earlier usage is not yet written.
    fixture.api.verify(&fixture.token).await;
    fixture.change(PRICE, fixture.template).await;
    for _ in 0..2 {
        fixture.api.verify(&fixture.token).await;
    }
    fixture.get_with(&fixture.token, "").await;
    let cost = 6 * 2500 + 3 * 10_000;
    assert_eq!(fixture.usage().await, (9, cost));
    // Deleting the template keeps the price.
    fixture.change("update key_templates set deleted_at = 1, unique_name = null where id = $1", fixture.template).await;
    fixture.api.verify(&fixture.token).await;
    assert_eq!(fixture.usage().await, (10, cost + 10_000));

    let month = fixture.month().await;
    let key_row = month["keys"].as_array().unwrap().iter().find(|key| key["id"] == json!(fixture.key)).unwrap();
    assert_eq!((&key_row["requests"], &key_row["cost"], &key_row["kind"]), (&json!(10), &json!(cost + 10_000), &json!("project")));
    let sum = |field: &str| month[field].as_array().unwrap().iter().filter_map(Value::as_i64).sum::<i64>();
    assert_eq!((sum("costs"), month["costs"].as_array().unwrap().len()), (cost + 10_000, month["days"].as_array().unwrap().len()));
    let others = month["keys"].as_array().unwrap().iter().filter(|key| key["id"] != json!(fixture.key));
    assert!(others.into_iter().all(|key| key["cost"] == 0 && key["requests"].as_i64() > Some(0)), "internal keys cost nothing: {month}");
}

#[tokio::test]
async fn cost_saturates_at_the_maximum() {
    let fixture = Fixture::start().await;
    let organization: String = sqlx::query_scalar("select id from organizations").fetch_one(&fixture.server.database().await).await.unwrap();
    let organization: OrganizationId = organization.parse().unwrap();
    let minute = Timestamp::now().0 / MINUTE_MS;
    let add_usage = async |key: KeyId, minute: i64, cost: Money| {
        let count = MinuteUsage { key, organization, minute, totals: UsageTotals { requests: 1, cost } };
        let store = &fixture.server.state.store;
        let mut tx = store.begin().await?;
        usage::add(store, &mut tx, &[count, MinuteUsage { minute: minute - 1, ..count }]).await?;
        tx.commit().await
    };
    for cost in [Money(i64::MAX - 1), Money(2), Money(i64::MAX), PRICE_MAX] {
        add_usage(fixture.key, minute, cost).await.unwrap();
    }
    let (other, _) = fixture.issue_key().await;
    add_usage(other, minute, Money(i64::MAX)).await.unwrap();
    let stored: Vec<i64> = sqlx::query_scalar("select cost from usage_by_minute").fetch_all(&fixture.server.database().await).await.unwrap();
    assert!(stored.iter().all(|cost| *cost == i64::MAX), "{stored:?}");
    let month = fixture.month().await;
    let day = usize::try_from(Timestamp::now().0 / DAY_MS).unwrap();
    assert!(day > 0 && month["keys"].as_array().unwrap().iter().all(|key| key["cost"] == i64::MAX), "{month}");
    assert!(month["costs"].as_array().unwrap().contains(&json!(i64::MAX)), "{month}");
}

/// Runs 64 callers during ten writes of usage and compares the usage with the number of successful responses.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_response_to_64_callers_is_counted() {
    let (_guard, server) = TestServer::start_exclusive().await;
    let fixture = Arc::new(Fixture::with(server).await);
    let (successes, stop) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(false)));
    let callers = (0..64).map(|caller| {
        let (fixture, successes, stop) = (Arc::clone(&fixture), Arc::clone(&successes), Arc::clone(&stop));
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let is_success = match caller % 4 {
                    0 => fixture.get_with(&fixture.token, "").await.0 == 200,
                    _ => fixture.api.verify(&fixture.token).await == "VALID",
                };
                successes.fetch_add(i64::from(is_success), Ordering::Relaxed);
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    // Usage is written many times during the calls, and the key cache is cleared after each write, as a change does.
    let database = fixture.server.database().await;
    let written = async || {
        let sql = "select cast(coalesce(sum(requests), 0) as bigint) from usage_by_minute";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&database).await.unwrap()
    };
    for _ in 0..10 {
        let before = written().await;
        eventually("usage is written", async || written().await > before).await;
        fixture.server.state.verifier.invalidate_all();
    }
    eventually("more than 1,000 calls", async || successes.load(Ordering::Relaxed) > 1000).await;
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    let successes = successes.load(Ordering::Relaxed);
    assert!(successes > 1000, "{successes}");
    assert_eq!(fixture.usage().await, (successes, successes * 2500));
}
