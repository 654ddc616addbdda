//! Selection and order of listed keys and credentials. One query serves both tables, because the columns that lists sort by have equal names.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::super::{Store, StoreError, fold, has_number_condition, like_pattern, sql_kinds};
use latchkey_types::{
    id::{OrganizationId, UserId},
    key::ItemId,
    key_kind::{Kind, Status},
    listing::{EXPIRING_DAYS, KeySort, SortBy},
    time::Timestamp,
};

// These two are the expressions of the indexes. Never used sorts before all others, never expiring after all others.
pub(super) const LAST_USE: &str = "coalesce(k.last_used_at, 0)";
pub(super) const EXPIRY: &str = "coalesce(k.expires_at, 9223372036854775807)";

/// Filter and order of a list.
pub struct Selection<'a> {
    pub organization: OrganizationId,
    /// Either only inbound or only outbound kinds.
    pub kinds: &'a [Kind],
    /// Restricts personal kinds to this user's; `None` for all.
    pub personal_of: Option<UserId>,
    /// See [`KeyQuery::search`](latchkey_types::listing::KeyQuery::search).
    pub search: &'a str,
    pub status: Option<Status>,
    /// Only those that expire within [`EXPIRING_DAYS`].
    pub expiring: bool,
    pub external_id: Option<&'a str>,
    pub scope: Option<&'a str>,
    /// Whether `external_id` and `scope` are the beginnings of values instead of whole values.
    pub match_prefixes: bool,
    /// Ties are broken by creation order.
    pub sort: SortBy,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Keys,
    Credentials,
}

/// SQL conditions and the texts that they are compared with.
struct Conditions {
    sql: String,
    texts: Vec<String>,
}

impl Conditions {
    /// Adds a condition; `$?` in it is replaced by the placeholder of `text`.
    fn add(&mut self, condition: &str, text: String) {
        let placeholder = self.bind(text);
        self.require(&condition.replace("$?", &placeholder));
    }

    /// Adds a text and returns its placeholder.
    fn bind(&mut self, text: String) -> String {
        self.texts.push(text);
        format!("${}", self.texts.len())
    }

    fn require(&mut self, condition: &str) {
        self.sql += " and ";
        self.sql += condition;
    }
}

impl Table {
    pub(super) fn of(kinds: &[Kind]) -> Self {
        if kinds.iter().all(|kind| matches!(kind, Kind::Key(_))) { Self::Keys } else { Self::Credentials }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Keys => "api_keys",
            Self::Credentials => "credentials",
        }
    }
}

impl Selection<'_> {
    fn conditions(&self, store: &Store, now: Timestamp) -> Conditions {
        let specs = || self.kinds.iter().copied().map(Kind::spec);
        let kinds = sql_kinds(specs());
        let mut all = Conditions { sql: format!("k.deleted_at is null and k.kind in ({kinds})"), texts: Vec::new() };
        all.add("k.organization_id = $?", self.organization.to_string());
        let personal = sql_kinds(specs().filter(|spec| spec.is_personal));
        if let Some(user) = self.personal_of.filter(|_| !personal.is_empty()) {
            all.add(&format!("(k.created_by = $? or k.kind not in ({personal}))"), user.to_string());
        }
        if !self.search.is_empty() {
            self.add_search(&mut all, store, &kinds);
        }
        if let Some(status) = self.status {
            all.require(&format!("{} = {}", status_rank(Table::of(self.kinds), now), rank(status)));
        }
        if self.expiring {
            all.require(&format!("k.expires_at > {} and k.expires_at <= {}", now.0, now.plus_days(EXPIRING_DAYS).0));
        }
        match self.external_id {
            Some(beginning) if self.match_prefixes => {
                let condition = begins_with(&format!("k.external_id{}", store.bytewise_collation()), beginning, &mut all);
                all.require(&condition);
            }
            Some(external_id) => all.add("k.external_id = $?", external_id.to_owned()),
            None => {}
        }
        if let Some(scope) = self.scope {
            let end = if self.match_prefixes { "" } else { " " };
            all.add(&format!("{}(' ' || k.scopes || ' ', $?) > 0", store.position_function()), format!(" {scope}{end}"));
        }
        all
    }

    /// Only the name is in the indexes that the list is read from. The other matches are looked up in indexes of their own, once.
    fn add_search(&self, all: &mut Conditions, store: &Store, kinds: &str) {
        let table = Table::of(self.kinds);
        let name = all.bind(like_pattern(&fold(self.search)));
        let text = all.bind(self.search.to_owned());
        let mut matches = vec![format!("k.name_folded like {name} escape '\\'")];
        let mut look_up = |condition: &str| matches.push(format!("k.number in (select s.number from {} s where {condition})", table.name()));
        look_up(&format!("s.id = {text}"));
        if table == Table::Keys {
            let listed = format!("s.organization_id = $1 and s.kind in ({kinds}) and s.deleted_at is null");
            let external_id = begins_with(&format!("s.external_id{}", store.bytewise_collation()), self.search, all);
            look_up(&format!("{listed} and {external_id}"));
            if self.search.len() == 4 && self.search.is_ascii() {
                look_up(&format!("{listed} and substr(s.mask, length(s.mask) - 3) = {text}"));
            }
        }
        all.require(&format!("({})", matches.join(" or ")));
    }
}

/// The condition that a text begins so. A range, because `like` does not use an index on both databases.
fn begins_with(column: &str, beginning: &str, all: &mut Conditions) -> String {
    let (from, to) = (all.bind(beginning.to_owned()), all.bind(format!("{beginning}{}", char::MAX)));
    format!("{column} >= {from} and {column} < {to}")
}

/// The numbers of a list's rows, in its order, at this moment.
pub async fn select_numbers(store: &Store, selection: &Selection<'_>) -> Result<Vec<i64>, StoreError> {
    let now = Timestamp::now();
    let table = Table::of(selection.kinds);
    // The creator is joined only if needed: for 100,000 keys the join doubles the time.
    let by_creator = selection.status.is_some() || matches!(selection.sort.column, KeySort::Status | KeySort::CreatedBy);
    let from = table.name();
    let creator = if by_creator { "join users u on u.id = k.created_by" } else { "" };
    let Conditions { sql: conditions, texts } = selection.conditions(store, now);
    let order = order_by(store, table, selection.sort, now);
    let direction = if selection.sort.descending { "desc" } else { "asc" };
    // One long text instead of one row per number: the driver needs longer to return 100,000 rows than SQLite to find them.
    let sql = AssertSqlSafe(format!(
        "select coalesce(string_agg(cast(number as text), ','), '') from (select k.number from {from} k {creator} where {conditions} \
         order by {order} {direction}, k.number {direction}) as found"
    ));
    let _permit = store.list_permit().await?;
    let numbers: String = texts.iter().fold(sqlx::query_scalar(sql), sqlx::query::QueryScalar::bind).fetch_one(store.read()?).await?;
    Ok(numbers.split(',').filter_map(|number| number.parse().ok()).collect())
}

/// The ids of a list snapshot's rows, in order, including deleted ones.
pub async fn ids_of(store: &Store, organization: OrganizationId, kinds: &[Kind], numbers: &[i64]) -> Result<Vec<ItemId>, StoreError> {
    let table = Table::of(kinds).name();
    let mut ids = HashMap::new();
    for chunk in numbers.chunks(500) {
        let sql = AssertSqlSafe(format!("select k.number, k.id from {table} k where {}", has_number_condition(chunk.len())));
        let query = chunk.iter().fold(sqlx::query_as::<_, (i64, String)>(sql).bind(organization), |query, number| query.bind(*number));
        for (number, id) in query.fetch_all(store.read()?).await? {
            ids.insert(number, id.parse::<ItemId>().map_err(|error| sqlx::Error::Decode(error.into()))?);
        }
    }
    Ok(numbers.iter().filter_map(|number| ids.remove(number)).collect())
}

/// The sort expression of a column. Must match the expressions of the indexes.
fn order_by(store: &Store, table: Table, sort: SortBy, now: Timestamp) -> String {
    let bytewise_collation = store.bytewise_collation();
    match sort.column {
        KeySort::Name => format!("k.name_folded{bytewise_collation}"),
        KeySort::Mask => format!("k.mask{bytewise_collation}"),
        KeySort::Status => status_rank(table, now),
        KeySort::CreatedAt => "k.created_at".to_owned(),
        KeySort::CreatedBy => format!("u.name_folded{bytewise_collation}"),
        KeySort::LastUsedAt => LAST_USE.to_owned(),
        KeySort::ExpiresAt => EXPIRY.to_owned(),
    }
}

/// [`latchkey_types::key_kind::Lifecycle::status`] in SQL, for filtering and sorting; a test checks that both agree.
fn status_rank(table: Table, now: Timestamp) -> String {
    let (expired, active, now) = (rank(Status::Expired), rank(Status::Active), now.0);
    match table {
        Table::Keys => format!(
            "case when k.revoked_at is not null then {} when k.expires_at <= {now} then {expired} \
             when coalesce(k.disabled_at, u.disabled_at) is not null then {} else {active} end",
            rank(Status::Revoked),
            rank(Status::Disabled),
        ),
        // Credentials cannot be disabled.
        Table::Credentials => format!("case when k.expires_at <= {now} then {expired} else {active} end"),
    }
}

const fn rank(status: Status) -> u8 {
    status as u8
}
