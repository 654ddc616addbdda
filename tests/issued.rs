//! What those who manage a project see of its keys, and do with them.

use std::time::Duration;

use latchkey_types::{
    id::{KeyId, TemplateId},
    issued_key::date,
    time::{DAY_MS, MINUTE_MS, Timestamp},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Page, TestServer, eventually, projects, text};

/// A project with a template, and who manages it.
struct Desk {
    server: TestServer,
    owner: Page,
    project: String,
    template: TemplateId,
}

impl Desk {
    async fn start() -> Self {
        let server = TestServer::start().await;
        let owner = server.user("owner", "acme").await;
        let project = projects::project(&owner, "Genomics").await;
        let template = projects::template(&server, &project, "Read access", "viewer", 2500).await;
        Self { server, owner, project, template }
    }

    async fn issued(&self, holder: &str) -> KeyId {
        projects::issued(&self.server, self.template, holder, None).await
    }

    /// Counts requests of a key, so many minutes ago, as the counter does.
    async fn count(&self, key: KeyId, minutes_ago: i64, requests: i64, cost: i64) {
        let database = self.server.database().await;
        let minute = Timestamp::now().0 / MINUTE_MS - minutes_ago;
        let sql = "insert into key_minutes (key_id, minute, requests, cost) values ($1, $2, $3, $4)";
        sqlx::query(sql).bind(key.to_string()).bind(minute).bind(requests).bind(cost).execute(&database).await.unwrap();
        let sql = "insert into key_days (organization_id, day, key_id, requests, cost) select organization_id, $1, id, $2, $3 from api_keys where id = $4 \
             on conflict (organization_id, day, key_id) do update set requests = key_days.requests + excluded.requests, cost = key_days.cost + excluded.cost";
        let query = sqlx::query(sql).bind(minute / (DAY_MS / MINUTE_MS)).bind(requests).bind(cost).bind(key.to_string());
        query.execute(&database).await.unwrap();
    }

    fn query(&self, period: &str) -> Value {
        json!({ "project": self.project, "wanted": { "period": period, "from": "", "to": "" }, "sort": "received", "page": 1, "rows": 10 })
    }

    async fn list(&self, query: Value) -> Value {
        let (status, list) = self.owner.call("issued/list", json!({ "query": query })).await;
        assert_eq!(status, StatusCode::OK, "{list}");
        list
    }
}

fn sum(buckets: &Value) -> i64 {
    buckets.as_array().unwrap().iter().map(|bucket| bucket.as_i64().unwrap()).sum()
}

/// So many minutes into this UTC day.
fn minutes_today() -> i64 {
    Timestamp::now().0.rem_euclid(DAY_MS) / MINUTE_MS
}

const DAY: i64 = DAY_MS / MINUTE_MS;

#[tokio::test]
async fn each_period_counts_what_is_in_it() {
    let desk = Desk::start().await;
    let key = desk.issued("owner@acme.test").await;
    let today = minutes_today();
    for (minutes_ago, requests) in [
        (0, 1),
        (23 * 60, 10),
        (DAY + 1, 100),
        (today + 6 * DAY, 1000),
        (today + 6 * DAY + 1, 10_000),
        (today + 29 * DAY, 100_000),
        (today + 29 * DAY + 1, 1_000_000),
    ] {
        desk.count(key, minutes_ago, requests, requests * 2500).await;
    }
    // What is before the month is whatever it is: Billing says so, below.
    for (period, requests, bars) in [("24h", 11, 24), ("7d", 1111, 7), ("30d", 111_111, 30)] {
        let list = desk.list(desk.query(period)).await;
        let row = &list["rows"][0];
        assert_eq!((&row["requests"], &row["cost"]), (&json!(requests), &json!(requests * 2500)), "{period}");
        assert_eq!((&list["requests"], &list["cost"], &list["count"]), (&json!(requests), &json!(requests * 2500), &json!(1)), "{period}");
        assert_eq!((row["buckets"].as_array().unwrap().len(), sum(&row["buckets"])), (bars, requests), "{period}");
    }
    let hours = desk.list(desk.query("24h")).await["rows"][0]["buckets"].clone();
    assert_eq!((&hours[23], &hours[0]), (&json!(1), &json!(10)), "{hours}");

    let day = Timestamp::now().0 / DAY_MS;
    let chosen = |from: i64, to: i64| {
        let mut query = desk.query("chosen");
        query["wanted"]["from"] = date(from).into();
        query["wanted"]["to"] = date(to).into();
        query
    };
    assert_eq!(desk.list(chosen(day - 29, day - 29)).await["requests"], 100_000);
    assert_eq!(desk.list(chosen(day - 30, day - 7)).await["requests"], 1_110_000);
    assert_eq!(desk.list(chosen(day - 6, day - 6)).await["rows"][0]["buckets"], json!([1000]));
}

#[tokio::test]
async fn this_month_is_what_billing_says() {
    let desk = Desk::start().await;
    let other = projects::project(&desk.owner, "Proteomics").await;
    let other = projects::template(&desk.server, &other, "Read access", "viewer", 1).await;
    let (a, b, elsewhere) = (
        desk.issued("owner@acme.test").await,
        desk.issued("owner@acme.test").await,
        projects::issued(&desk.server, other, "owner@acme.test", None).await,
    );
    for (key, minutes_ago, requests, cost) in
        [(a, 0, 3, 7500), (a, 3 * DAY, 5, 1), (b, 8 * DAY, 7, 999_999_999), (b, 45 * DAY, 11, 4), (elsewhere, 0, 2, 2)]
    {
        desk.count(key, minutes_ago, requests, cost).await;
    }
    let (_, billing) = desk.owner.call("billing/month", json!({ "month": null })).await;
    let list = desk.list(desk.query("month")).await;
    let billed = billing["keys"].as_array().unwrap();
    for row in list["rows"].as_array().unwrap() {
        let of_key = billed.iter().find(|key| key["id"] == row["id"]);
        let of_key = of_key.map_or((0, 0), |key| (key["requests"].as_i64().unwrap(), key["cost"].as_i64().unwrap()));
        assert_eq!((row["requests"].as_i64().unwrap(), row["cost"].as_i64().unwrap()), of_key, "{row}");
    }
    let total: i64 = billed.iter().filter(|key| key["id"] != elsewhere.to_string()).map(|key| key["cost"].as_i64().unwrap()).sum();
    assert_eq!(list["cost"], total);
    assert_eq!(sum(&billing["costs"]), total + 2);
}

#[tokio::test]
async fn totals_are_of_all_pages_and_pages_do_not_overlap() {
    let desk = Desk::start().await;
    let mut keys = Vec::new();
    for n in 0..23 {
        let key = desk.issued("owner@acme.test").await;
        desk.count(key, 0, n, n * 1000).await;
        keys.push(key.to_string());
    }
    let page = async |sort: &str, page: i64, rows: i64| {
        let mut query = desk.query("7d");
        (query["sort"], query["page"], query["rows"]) = (sort.into(), page.into(), rows.into());
        desk.list(query).await
    };
    let ids = |list: &Value| list["rows"].as_array().unwrap().iter().map(|row| text(&row["id"])).collect::<Vec<_>>();
    let mut seen = Vec::new();
    for number in 1..=3 {
        let list = page("received", number, 10).await;
        assert_eq!((&list["count"], &list["requests"], &list["cost"], &list["page"]), (&json!(23), &json!(253), &json!(253_000), &json!(number)));
        seen.extend(ids(&list));
    }
    keys.reverse();
    assert_eq!(seen, keys, "the newest first, each once");
    assert_eq!(page("received", 99, 10).await["page"], 3, "past the end is the end");
    assert_eq!(page("received", -5, 100).await["rows"].as_array().unwrap().len(), 23);
    for sort in ["requests", "total"] {
        assert_eq!(page(sort, 1, 20).await["rows"][0]["requests"], 22, "{sort}");
    }
    let empty = desk.list(json!({ "project": projects::project(&desk.owner, "Empty").await, "wanted": { "period": "24h", "from": "", "to": "" }, "sort": "total", "page": 1, "rows": 10 })).await;
    assert_eq!((&empty["rows"], &empty["count"], &empty["page"], &empty["cost"]), (&json!([]), &json!(0), &json!(1), &json!(0)));
}

#[tokio::test]
async fn keys_that_have_ended_are_there_while_they_matter() {
    let desk = Desk::start().await;
    let database = desk.server.database().await;
    let mut keys = Vec::new();
    for _ in 0..5 {
        keys.push(desk.issued("owner@acme.test").await);
    }
    let [live, used, fresh, old, expired] = keys[..] else { unreachable!() };
    let now = Timestamp::now();
    for (key, column, at) in [
        (used, "revoked_at", now.plus_days(-20)),
        (fresh, "revoked_at", now.plus_days(-1)),
        (old, "revoked_at", now.plus_days(-20)),
        (expired, "expires_at", now.plus_days(-1)),
    ] {
        let sql = sqlx::AssertSqlSafe(format!("update api_keys set {column} = $1 where id = $2"));
        sqlx::query(sql).bind(at.0).bind(key.to_string()).execute(&database).await.unwrap();
    }
    desk.count(used, 3 * DAY, 1, 1).await;
    let list = desk.list(desk.query("7d")).await;
    let told: Vec<_> = list["rows"].as_array().unwrap().iter().map(|row| (text(&row["id"]), text(&row["status"]))).collect();
    let expect = [(fresh, "revoked"), (used, "revoked"), (live, "active")].map(|(key, status)| (key.to_string(), status.to_owned()));
    assert_eq!(told, expect);
    assert_eq!(list["count"], 3);
}

#[tokio::test]
async fn a_period_that_is_none_is_refused() {
    let desk = Desk::start().await;
    for (from, to, field) in
        [("2026-11-22", "2026-11-21", "from"), ("x", "2026-11-21", "from"), ("2026-11-21", "2026-02-30", "to"), ("2020-01-01", "2026-01-01", "from")]
    {
        let mut query = desk.query("chosen");
        query["wanted"]["from"] = from.into();
        query["wanted"]["to"] = to.into();
        let (status, fault) = desk.owner.call("issued/list", json!({ "query": query })).await;
        assert_eq!((status, &fault["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{from} {to}: {fault}");
    }
    let mut query = desk.query("7d");
    query["rows"] = 1_000_000.into();
    assert_eq!(desk.owner.call("issued/list", json!({ "query": query })).await.1["field"], "rows");
    assert_eq!(desk.owner.call("issued/list", json!({ "query": desk.query("yesterday") })).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_key_that_is_taken_back_is_refused_at_once_and_its_holder_is_told() {
    let desk = Desk::start().await;
    let holder = desk.server.user("member", "acme").await;
    let api = desk.server.api("owner@acme.test", "");
    let key = desk.issued("member@acme.test").await;
    let token = projects::revealed(&holder, key).await;
    assert_eq!(api.verify(&token).await, "VALID");
    let rest = async |disabled: bool| desk.owner.call("issued/set-disabled", json!({ "id": key, "disabled": disabled })).await;
    assert_eq!(rest(true).await.0, StatusCode::OK);
    assert_eq!(api.verify(&token).await, "DISABLED");
    assert_eq!(desk.list(desk.query("24h")).await["rows"][0]["status"], "disabled");
    assert_eq!(rest(false).await.0, StatusCode::OK);
    assert_eq!(api.verify(&token).await, "VALID");

    let revoke = async || desk.owner.call("issued/revoke", json!({ "id": key })).await.0;
    assert_eq!((revoke().await, revoke().await), (StatusCode::OK, StatusCode::OK), "what was wanted is so");
    assert_eq!(api.verify(&token).await, "NOT_FOUND");
    assert_eq!(rest(false).await.0, StatusCode::CONFLICT, "nothing wakes it");
    let (_, told) = holder.call("notices/list", json!({})).await;
    assert_eq!((told.as_array().unwrap().len(), &told[0]["event"], &told[0]["person"]), (1, &json!("Revoked"), &json!("owner of acme")));
    let sql = "select count(*) from audit_events where action = 'key.revoked'";
    let written: i64 = sqlx::query_scalar(sql).fetch_one(&desk.server.database().await).await.unwrap();
    assert_eq!(written, 1);
    assert_eq!(desk.list(desk.query("24h")).await["rows"][0]["status"], "revoked");
}

#[tokio::test]
async fn a_holder_who_is_disabled_keeps_the_key_at_rest() {
    let desk = Desk::start().await;
    let holder = desk.server.user("member", "acme").await;
    let key = desk.issued("member@acme.test").await;
    let token = projects::revealed(&holder, key).await;
    let api = desk.server.api("owner@acme.test", "");
    let row = async || desk.list(desk.query("24h")).await["rows"][0].clone();
    assert_eq!((&row().await["status"], &row().await["is_holder_disabled"]), (&json!("active"), &json!(false)));
    sqlx::query("update users set disabled_at = 1 where email = 'member@acme.test'").execute(&desk.server.database().await).await.unwrap();
    // The list says what verify says.
    assert_eq!(api.verify(&token).await, "DISABLED");
    assert_eq!((&row().await["status"], &row().await["is_holder_disabled"]), (&json!("disabled"), &json!(true)));
    let (status, fault) = desk.owner.call("issued/set-disabled", json!({ "id": key, "disabled": false })).await;
    assert_eq!((status, &fault["field"]), (StatusCode::CONFLICT, &json!("id")), "{fault}");
}

#[tokio::test]
async fn only_those_who_manage_the_project_see_and_end_its_keys() {
    let desk = Desk::start().await;
    let key = desk.issued("owner@acme.test").await;
    let (foreign, viewer) = (desk.server.user("owner", "globex").await, desk.server.user("viewer", "acme").await);
    let admin = desk.server.user("admin", "acme").await;
    for (page, status) in [(&foreign, StatusCode::NOT_FOUND), (&viewer, StatusCode::FORBIDDEN)] {
        for (function, arguments) in [
            ("issued/list", json!({ "query": desk.query("24h") })),
            ("issued/revoke", json!({ "id": key })),
            ("issued/set-disabled", json!({ "id": key, "disabled": true })),
        ] {
            assert_eq!(page.call(function, arguments).await.0, status, "{function}");
        }
    }
    // One who manages members is in every project, without being told so.
    assert_eq!(admin.call("issued/list", json!({ "query": desk.query("24h") })).await.1["count"], 1);
    let agent = desk.owner.agent_key("no project key").await.0;
    assert_eq!(desk.owner.call("issued/revoke", json!({ "id": agent })).await.0, StatusCode::NOT_FOUND);
    assert_eq!(desk.list(desk.query("24h")).await["rows"][0]["status"], "active");
}

#[tokio::test]
async fn a_call_is_counted_and_priced_in_the_list() {
    let desk = Desk::start().await;
    let holder = desk.server.user("member", "acme").await;
    let api = desk.server.api("owner@acme.test", "");
    let key = desk.issued("member@acme.test").await;
    let token = projects::revealed(&holder, key).await;
    for _ in 0..3 {
        assert_eq!(api.verify(&token).await, "VALID");
    }
    eventually(Duration::from_secs(5), "they are counted", async || desk.list(desk.query("24h")).await["requests"] == 3).await;
    let list = desk.list(desk.query("24h")).await;
    assert_eq!((&list["cost"], &list["rows"][0]["buckets"][23]), (&json!(7500), &json!(3)));
}
