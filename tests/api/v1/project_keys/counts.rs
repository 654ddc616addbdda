//! What is counted, and what it costs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use latchkey_store::usage::{self, Count, Tally};
use latchkey_types::{
    id::{KeyId, OrganizationId},
    money::{Money, PRICE_MAX},
    time::{DAY_MS, MINUTE_MS, Timestamp},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Desk;
use crate::support::TestServer;

const PRICE: &str = "update templates set price = 10000 where id = $1";

impl Desk {
    /// Requests and cost of the key, by minute and by day; both must be the same.
    async fn counted(&self) -> (i64, i64) {
        self.server.state.verifier.flush().await;
        let database = self.server.database().await;
        let mut sums = Vec::new();
        for table in ["key_minutes", "key_days"] {
            let sql =
                format!("select cast(coalesce(sum(requests), 0) as bigint), cast(coalesce(sum(cost), 0) as bigint) from {table} where key_id = $1");
            let sum: (i64, i64) = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(self.key.to_string()).fetch_one(&database).await.unwrap();
            sums.push(sum);
        }
        assert_eq!(sums[0], sums[1]);
        sums[0]
    }

    /// What Billing shows of this month.
    async fn month(&self) -> Value {
        let (status, month) = self.owner.call("billing/month", json!({ "month": null })).await;
        assert_eq!(status, StatusCode::OK, "{month}");
        month
    }
}

#[tokio::test]
async fn each_answer_costs_the_price_of_its_moment() {
    let desk = Desk::open().await;
    for _ in 0..3 {
        assert_eq!(desk.api.verify(&desk.token).await, "VALID");
    }
    for path in ["", "/nodes"] {
        assert_eq!(desk.get_with(&desk.token, path).await.0, 200);
    }
    assert_eq!(desk.counted().await, (5, 5 * 2500));

    // What is refused, or no answer of this key's, costs nothing.
    desk.api.post("/verify", json!({ "key": desk.token, "project": "prj_1" })).await;
    desk.api.post("/verify", json!({ "key": desk.token, "scope": "manage_projects" })).await;
    desk.api.with_key(&desk.token).get("/projects/x").await;
    desk.api.with_key(&desk.token).get("/keys").await;
    assert_eq!(desk.counted().await, (5, 5 * 2500));

    // The price changes what comes after it, also within the same minute, and also for calls that are not written yet.
    desk.api.verify(&desk.token).await;
    desk.change(PRICE, desk.template).await;
    for _ in 0..2 {
        desk.api.verify(&desk.token).await;
    }
    desk.get_with(&desk.token, "").await;
    let cost = 6 * 2500 + 3 * 10_000;
    assert_eq!(desk.counted().await, (9, cost));
    // It stays when the template is gone.
    desk.change("update templates set deleted_at = 1, unique_name = null where id = $1", desk.template).await;
    desk.api.verify(&desk.token).await;
    assert_eq!(desk.counted().await, (10, cost + 10_000));

    let month = desk.month().await;
    let of_key = month["keys"].as_array().unwrap().iter().find(|key| key["id"] == json!(desk.key)).unwrap();
    assert_eq!((&of_key["requests"], &of_key["cost"], &of_key["kind"]), (&json!(10), &json!(cost + 10_000), &json!("project")));
    let sum = |field: &str| month[field].as_array().unwrap().iter().filter_map(Value::as_i64).sum::<i64>();
    assert_eq!((sum("costs"), month["costs"].as_array().unwrap().len()), (cost + 10_000, month["days"].as_array().unwrap().len()));
    let others = month["keys"].as_array().unwrap().iter().filter(|key| key["id"] != json!(desk.key));
    assert!(others.into_iter().all(|key| key["cost"] == 0 && key["requests"].as_i64() > Some(0)), "platform keys cost nothing: {month}");
}

#[tokio::test]
async fn a_cost_beyond_all_numbers_stays_at_the_highest() {
    let desk = Desk::open().await;
    let organization: String = sqlx::query_scalar("select id from organizations").fetch_one(&desk.server.database().await).await.unwrap();
    let organization: OrganizationId = organization.parse().unwrap();
    let minute = Timestamp::now().0 / MINUTE_MS;
    let add = async |key: KeyId, minute: i64, cost: Money| {
        let count = Count { key, organization, minute, tally: Tally { requests: 1, cost } };
        let store = desk.server.state.store.clone();
        let own = store.clone();
        store.write(move |tx| Box::pin(async move { Ok(usage::add(&own, tx, &[count, Count { minute: minute - 1, ..count }]).await?) })).await
    };
    for cost in [Money(i64::MAX - 1), Money(2), Money(i64::MAX), PRICE_MAX] {
        add(desk.key, minute, cost).await.unwrap();
    }
    let (other, _) = desk.another().await;
    add(other, minute, Money(i64::MAX)).await.unwrap();
    let stored: Vec<i64> = sqlx::query_scalar("select cost from key_minutes").fetch_all(&desk.server.database().await).await.unwrap();
    assert!(stored.iter().all(|cost| *cost == i64::MAX), "{stored:?}");
    let month = desk.month().await;
    let day = usize::try_from(Timestamp::now().0 / DAY_MS).unwrap();
    assert!(day > 0 && month["keys"].as_array().unwrap().iter().all(|key| key["cost"] == i64::MAX), "{month}");
    assert!(month["costs"].as_array().unwrap().contains(&json!(i64::MAX)), "{month}");
}

/// Sixty-four callers for ten seconds: what is counted is what was answered, no more and no less.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_sixty_four_callers_are_answered_is_counted_to_the_last_call() {
    let (_alone, server) = TestServer::start_alone().await;
    let desk = Arc::new(Desk::on(server).await);
    let (answered, over) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(false)));
    let callers = (0..64).map(|caller| {
        let (desk, answered, over) = (Arc::clone(&desk), Arc::clone(&answered), Arc::clone(&over));
        tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let is_answered = match caller % 4 {
                    0 => desk.get_with(&desk.token, "").await.0 == 200,
                    _ => desk.api.verify(&desk.token).await == "VALID",
                };
                answered.fetch_add(i64::from(is_answered), Ordering::Relaxed);
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    // Meanwhile everything that is known of keys is forgotten now and then, as after a change.
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        desk.server.state.verifier.forget(None);
    }
    over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    let answered = answered.load(Ordering::Relaxed);
    println!("{answered} calls of 64 callers in 10 s");
    assert!(answered > 1000, "{answered}");
    assert_eq!(desk.counted().await, (answered, answered * 2500));
}
