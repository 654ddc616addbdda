//! Listing, disabling and revoking a project's issued keys.

use latchkey_types::{
    id::{KeyId, TemplateId},
    issued_key::date,
    time::{DAY_MS, MINUTE_MS, Timestamp},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{BrowserClient, TestServer, eventually, projects, text};

/// A project with a key template, and its owner.
struct Fixtures {
    server: TestServer,
    owner: BrowserClient,
    project: String,
    template: TemplateId,
}

impl Fixtures {
    async fn start() -> Self {
        let server = TestServer::start().await;
        let owner = server.user("owner", "acme").await;
        let project = projects::create_project(&owner, "Genomics").await;
        let template = projects::insert_template(&server, &project, "Read access", "viewer", 2500).await;
        Self { server, owner, project, template }
    }

    async fn issue_key(&self, holder: &str) -> KeyId {
        projects::insert_issued_key(&self.server, self.template, holder, None).await
    }

    /// Records usage of a key, `minutes_ago`, in both usage tables.
    async fn record_usage(&self, key: KeyId, minutes_ago: i64, requests: i64, cost: i64) {
        let database = self.server.database().await;
        let minute = Timestamp::now().0 / MINUTE_MS - minutes_ago;
        let sql = "insert into usage_by_minute (key_id, minute, requests, cost) values ($1, $2, $3, $4)";
        sqlx::query(sql).bind(key.to_string()).bind(minute).bind(requests).bind(cost).execute(&database).await.unwrap();
        let sql = "insert into usage_by_day (organization_id, day, key_id, requests, cost) select organization_id, $1, id, $2, $3 from api_keys where id = $4 \
             on conflict (organization_id, day, key_id) do update set requests = usage_by_day.requests + excluded.requests, cost = usage_by_day.cost + excluded.cost";
        let query = sqlx::query(sql).bind(minute / (DAY_MS / MINUTE_MS)).bind(requests).bind(cost).bind(key.to_string());
        query.execute(&database).await.unwrap();
    }

    fn query(&self, period: &str) -> Value {
        json!({ "project": self.project, "period": { "period": period, "from": "", "to": "" }, "sort": "received", "page": 1, "rows": 10 })
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

/// Minutes since the start of the current UTC day.
fn minutes_today() -> i64 {
    Timestamp::now().0.rem_euclid(DAY_MS) / MINUTE_MS
}

const DAY: i64 = DAY_MS / MINUTE_MS;

#[tokio::test]
async fn each_period_counts_its_own_usage() {
    let fixtures = Fixtures::start().await;
    let key = fixtures.issue_key("owner@acme.test").await;
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
        fixtures.record_usage(key, minutes_ago, requests, requests * 2500).await;
    }
    // The calendar month is compared with Billing in the next test.
    for (period, requests, bars) in [("24h", 11, 24), ("7d", 1111, 7), ("30d", 111_111, 30)] {
        let list = fixtures.list(fixtures.query(period)).await;
        let row = &list["rows"][0];
        assert_eq!((&row["requests"], &row["cost"]), (&json!(requests), &json!(requests * 2500)), "{period}");
        assert_eq!((&list["requests"], &list["cost"], &list["count"]), (&json!(requests), &json!(requests * 2500), &json!(1)), "{period}");
        assert_eq!((row["buckets"].as_array().unwrap().len(), sum(&row["buckets"])), (bars, requests), "{period}");
    }
    let hours = fixtures.list(fixtures.query("24h")).await["rows"][0]["buckets"].clone();
    assert_eq!((&hours[23], &hours[0]), (&json!(1), &json!(10)), "{hours}");

    let day = Timestamp::now().0 / DAY_MS;
    let chosen = |from: i64, to: i64| {
        let mut query = fixtures.query("chosen");
        query["period"]["from"] = date(from).into();
        query["period"]["to"] = date(to).into();
        query
    };
    assert_eq!(fixtures.list(chosen(day - 29, day - 29)).await["requests"], 100_000);
    assert_eq!(fixtures.list(chosen(day - 30, day - 7)).await["requests"], 1_110_000);
    assert_eq!(fixtures.list(chosen(day - 6, day - 6)).await["rows"][0]["buckets"], json!([1000]));
}

#[tokio::test]
async fn month_totals_match_billing() {
    let fixtures = Fixtures::start().await;
    let other = projects::create_project(&fixtures.owner, "Proteomics").await;
    let other = projects::insert_template(&fixtures.server, &other, "Read access", "viewer", 1).await;
    let (a, b, other_key) = (
        fixtures.issue_key("owner@acme.test").await,
        fixtures.issue_key("owner@acme.test").await,
        projects::insert_issued_key(&fixtures.server, other, "owner@acme.test", None).await,
    );
    for (key, minutes_ago, requests, cost) in
        [(a, 0, 3, 7500), (a, 3 * DAY, 5, 1), (b, 8 * DAY, 7, 999_999_999), (b, 45 * DAY, 11, 4), (other_key, 0, 2, 2)]
    {
        fixtures.record_usage(key, minutes_ago, requests, cost).await;
    }
    let (_, billing) = fixtures.owner.call("billing/month", json!({ "month": null })).await;
    let list = fixtures.list(fixtures.query("month")).await;
    let billed = billing["keys"].as_array().unwrap();
    for row in list["rows"].as_array().unwrap() {
        let of_key = billed.iter().find(|key| key["id"] == row["id"]);
        let of_key = of_key.map_or((0, 0), |key| (key["requests"].as_i64().unwrap(), key["cost"].as_i64().unwrap()));
        assert_eq!((row["requests"].as_i64().unwrap(), row["cost"].as_i64().unwrap()), of_key, "{row}");
    }
    let total: i64 = billed.iter().filter(|key| key["id"] != other_key.to_string()).map(|key| key["cost"].as_i64().unwrap()).sum();
    assert_eq!(list["cost"], total);
    assert_eq!(sum(&billing["costs"]), total + 2);
}

#[tokio::test]
async fn list_is_searched_and_sorted() {
    let fixtures = Fixtures::start().await;
    for role in ["viewer", "member"] {
        fixtures.server.user(role, "acme").await;
    }
    for (holder, requests) in [("viewer@acme.test", 2), ("owner@acme.test", 3), ("member@acme.test", 1)] {
        let key = fixtures.issue_key(holder).await;
        fixtures.record_usage(key, 0, requests, 10).await;
    }
    let list = async |search: &str, sort: &str, is_reversed: bool| {
        let mut query = fixtures.query("7d");
        (query["search"], query["sort"], query["is_reversed"]) = (search.into(), sort.into(), is_reversed.into());
        fixtures.list(query).await
    };
    let holders = |list: &Value| list["rows"].as_array().unwrap().iter().map(|row| text(&row["holder"])).collect::<Vec<_>>();
    let of_acme = |names: [&str; 3]| names.map(|name| format!("{name} of acme"));
    assert_eq!(holders(&list("", "user", false).await), of_acme(["member", "owner", "viewer"]));
    assert_eq!(holders(&list("", "user", true).await), of_acme(["viewer", "owner", "member"]));
    assert_eq!(holders(&list("", "requests", false).await), of_acme(["owner", "viewer", "member"]));
    assert_eq!(holders(&list("", "received", true).await), of_acme(["viewer", "owner", "member"]));

    let found = list(" OWNER", "received", false).await;
    assert_eq!((holders(&found), &found["count"], &found["requests"]), (vec!["owner of acme".to_owned()], &json!(1), &json!(3)));
    assert_eq!(list("read acc", "received", false).await["count"], 3, "the name of the key");
    assert_eq!(list("%", "received", false).await["count"], 0, "no wildcards");
    let mut query = fixtures.query("7d");
    query["search"] = "a\u{0}b".into();
    let (status, error) = fixtures.owner.call("issued/list", json!({ "query": query })).await;
    assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("search")));
}

#[tokio::test]
async fn totals_cover_all_pages_and_pages_do_not_overlap() {
    let fixtures = Fixtures::start().await;
    let mut keys = Vec::new();
    for n in 0..23 {
        let key = fixtures.issue_key("owner@acme.test").await;
        fixtures.record_usage(key, 0, n, n * 1000).await;
        keys.push(key.to_string());
    }
    let page = async |sort: &str, page: i64, rows: i64| {
        let mut query = fixtures.query("7d");
        (query["sort"], query["page"], query["rows"]) = (sort.into(), page.into(), rows.into());
        fixtures.list(query).await
    };
    let ids = |list: &Value| list["rows"].as_array().unwrap().iter().map(|row| text(&row["id"])).collect::<Vec<_>>();
    let mut seen = Vec::new();
    for number in 1..=3 {
        let list = page("received", number, 10).await;
        assert_eq!((&list["count"], &list["requests"], &list["cost"], &list["page"]), (&json!(23), &json!(253), &json!(253_000), &json!(number)));
        seen.extend(ids(&list));
    }
    keys.reverse();
    assert_eq!(seen, keys, "newest first, each once");
    assert_eq!(page("received", 99, 10).await["page"], 3, "a page past the end is the last page");
    assert_eq!(page("received", -5, 100).await["rows"].as_array().unwrap().len(), 23);
    for sort in ["requests", "total"] {
        assert_eq!(page(sort, 1, 20).await["rows"][0]["requests"], 22, "{sort}");
    }
    let mut query = fixtures.query("24h");
    (query["project"], query["sort"]) = (projects::create_project(&fixtures.owner, "Empty").await.into(), "total".into());
    let empty = fixtures.list(query).await;
    assert_eq!((&empty["rows"], &empty["count"], &empty["page"], &empty["cost"]), (&json!([]), &json!(0), &json!(1), &json!(0)));
}

#[tokio::test]
async fn ended_keys_are_listed_while_recent_or_used() {
    let fixtures = Fixtures::start().await;
    let database = fixtures.server.database().await;
    let mut keys = Vec::new();
    for _ in 0..5 {
        keys.push(fixtures.issue_key("owner@acme.test").await);
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
    fixtures.record_usage(used, 3 * DAY, 1, 1).await;
    let list = fixtures.list(fixtures.query("7d")).await;
    let rows: Vec<_> = list["rows"].as_array().unwrap().iter().map(|row| (text(&row["id"]), text(&row["status"]))).collect();
    let expected = [(fresh, "revoked"), (used, "revoked"), (live, "active")].map(|(key, status)| (key.to_string(), status.to_owned()));
    assert_eq!(rows, expected);
    assert_eq!(list["count"], 3);
}

#[tokio::test]
async fn invalid_periods_are_rejected() {
    let fixtures = Fixtures::start().await;
    for (from, to, field) in
        [("2026-11-22", "2026-11-21", "from"), ("x", "2026-11-21", "from"), ("2026-11-21", "2026-02-30", "to"), ("2020-01-01", "2026-01-01", "from")]
    {
        let mut query = fixtures.query("chosen");
        query["period"]["from"] = from.into();
        query["period"]["to"] = to.into();
        let (status, error) = fixtures.owner.call("issued/list", json!({ "query": query })).await;
        assert_eq!((status, &error["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)), "{from} {to}: {error}");
    }
    let mut query = fixtures.query("7d");
    query["rows"] = 1_000_000.into();
    assert_eq!(fixtures.owner.call("issued/list", json!({ "query": query })).await.1["field"], "rows");
    assert_eq!(fixtures.owner.call("issued/list", json!({ "query": fixtures.query("yesterday") })).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn revoked_key_fails_immediately_and_its_holder_is_notified() {
    let fixtures = Fixtures::start().await;
    let holder = fixtures.server.user("member", "acme").await;
    let api = fixtures.server.api("owner@acme.test", "");
    let key = fixtures.issue_key("member@acme.test").await;
    let token = projects::reveal_token(&holder, key).await;
    assert_eq!(api.verify(&token).await, "VALID");
    let set_disabled = async |disabled: bool| fixtures.owner.call("issued/set-disabled", json!({ "id": key, "disabled": disabled })).await;
    assert_eq!(set_disabled(true).await.0, StatusCode::OK);
    assert_eq!(api.verify(&token).await, "DISABLED");
    assert_eq!(fixtures.list(fixtures.query("24h")).await["rows"][0]["status"], "disabled");
    assert_eq!(set_disabled(false).await.0, StatusCode::OK);
    assert_eq!(api.verify(&token).await, "VALID");

    let revoke = async || fixtures.owner.call("issued/revoke", json!({ "id": key })).await.0;
    assert_eq!((revoke().await, revoke().await), (StatusCode::OK, StatusCode::OK), "revoking twice succeeds");
    assert_eq!(api.verify(&token).await, "NOT_FOUND");
    assert_eq!(set_disabled(false).await.0, StatusCode::CONFLICT, "a revoked key cannot be enabled");
    let (_, notifications) = holder.call("notifications/list", json!({})).await;
    assert_eq!(
        (notifications.as_array().unwrap().len(), &notifications[0]["event"], &notifications[0]["actor_name"]),
        (1, &json!("Revoked"), &json!("owner of acme"))
    );
    let sql = "select count(*) from audit_events where action = 'key.revoked'";
    let events: i64 = sqlx::query_scalar(sql).fetch_one(&fixtures.server.database().await).await.unwrap();
    assert_eq!(events, 1);
    assert_eq!(fixtures.list(fixtures.query("24h")).await["rows"][0]["status"], "revoked");
}

#[tokio::test]
async fn keys_of_a_disabled_holder_stay_disabled() {
    let fixtures = Fixtures::start().await;
    let holder = fixtures.server.user("member", "acme").await;
    let key = fixtures.issue_key("member@acme.test").await;
    let token = projects::reveal_token(&holder, key).await;
    let api = fixtures.server.api("owner@acme.test", "");
    let row = async || fixtures.list(fixtures.query("24h")).await["rows"][0].clone();
    assert_eq!((&row().await["status"], &row().await["is_holder_disabled"]), (&json!("active"), &json!(false)));
    sqlx::query("update users set disabled_at = 1 where email = 'member@acme.test'").execute(&fixtures.server.database().await).await.unwrap();
    // The list agrees with verify.
    assert_eq!(api.verify(&token).await, "DISABLED");
    assert_eq!((&row().await["status"], &row().await["is_holder_disabled"]), (&json!("disabled"), &json!(true)));
    let (status, error) = fixtures.owner.call("issued/set-disabled", json!({ "id": key, "disabled": false })).await;
    assert_eq!((status, &error["field"]), (StatusCode::CONFLICT, &json!("id")), "{error}");
}

#[tokio::test]
async fn only_project_managers_can_list_and_revoke_its_keys() {
    let fixtures = Fixtures::start().await;
    let key = fixtures.issue_key("owner@acme.test").await;
    let (other_organization, viewer) = (fixtures.server.user("owner", "globex").await, fixtures.server.user("viewer", "acme").await);
    let admin = fixtures.server.user("admin", "acme").await;
    for (page, status) in [(&other_organization, StatusCode::NOT_FOUND), (&viewer, StatusCode::FORBIDDEN)] {
        for (function, arguments) in [
            ("issued/list", json!({ "query": fixtures.query("24h") })),
            ("issued/revoke", json!({ "id": key })),
            ("issued/set-disabled", json!({ "id": key, "disabled": true })),
        ] {
            assert_eq!(page.call(function, arguments).await.0, status, "{function}");
        }
    }
    // Managing members gives access to every project.
    assert_eq!(admin.call("issued/list", json!({ "query": fixtures.query("24h") })).await.1["count"], 1);
    let agent = fixtures.owner.agent_key("no project key").await.0;
    assert_eq!(fixtures.owner.call("issued/revoke", json!({ "id": agent })).await.0, StatusCode::NOT_FOUND);
    assert_eq!(fixtures.list(fixtures.query("24h")).await["rows"][0]["status"], "active");
}

#[tokio::test]
async fn verifications_are_counted_and_priced_in_the_list() {
    let fixtures = Fixtures::start().await;
    let holder = fixtures.server.user("member", "acme").await;
    let api = fixtures.server.api("owner@acme.test", "");
    let key = fixtures.issue_key("member@acme.test").await;
    let token = projects::reveal_token(&holder, key).await;
    for _ in 0..3 {
        assert_eq!(api.verify(&token).await, "VALID");
    }
    eventually("the verifications are counted", async || fixtures.list(fixtures.query("24h")).await["requests"] == 3).await;
    let list = fixtures.list(fixtures.query("24h")).await;
    assert_eq!((&list["cost"], &list["rows"][0]["buckets"][23]), (&json!(7500), &json!(3)));
}
