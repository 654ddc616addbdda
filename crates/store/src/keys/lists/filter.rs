//! The conditions of lists in SQL.

use sqlx::{
    Any, Arguments, AssertSqlSafe, Encode, FromRow, Type,
    any::{AnyArguments, AnyRow},
    error::BoxDynError,
};

use super::{
    super::super::{Connection, Store, StoreError, fold, like_pattern, sql_kinds},
    Reader, Table,
};
use latchkey_types::{
    key_kind::{Kind, Status},
    listing::{EXPIRING_DAYS, SUBSTRING_MIN},
};

/// The values of a statement.
pub(super) struct Statement<'a> {
    pub(super) store: &'a Store,
    arguments: AnyArguments,
    error: Option<BoxDynError>,
}

impl<'a> Statement<'a> {
    pub(super) fn new(store: &'a Store) -> Self {
        Self { store, arguments: AnyArguments::default(), error: None }
    }

    /// Adds a value and returns its placeholder.
    pub(super) fn bind<'q, T: Encode<'q, Any> + Type<Any>>(&mut self, value: T) -> String {
        if let Err(error) = self.arguments.add(value) {
            self.error = Some(error);
        }
        format!("${}", self.arguments.len())
    }

    pub(super) async fn fetch_one<Row>(self, db: &mut Connection, sql: String) -> Result<Row, StoreError>
    where
        Row: for<'r> FromRow<'r, AnyRow> + Send + Unpin,
    {
        if let Some(error) = self.error {
            return Err(sqlx::Error::Encode(error).into());
        }
        Ok(sqlx::query_as_with(AssertSqlSafe(sql), self.arguments).fetch_one(db).await?)
    }

    pub(super) async fn fetch_all<Row>(self, db: &mut Connection, sql: String) -> Result<Vec<Row>, StoreError>
    where
        Row: for<'r> FromRow<'r, AnyRow> + Send + Unpin,
    {
        if let Some(error) = self.error {
            return Err(sqlx::Error::Encode(error).into());
        }
        Ok(sqlx::query_as_with(AssertSqlSafe(sql), self.arguments).fetch_all(db).await?)
    }

    /// The condition that a text begins so. A range, because `like` does not use an index on both databases.
    pub(super) fn begins_with(&mut self, column: &str, beginning: &str) -> String {
        let collation = self.store.bytewise_collation();
        let (from, to) = (self.bind(beginning.to_owned()), self.bind(format!("{beginning}{}", char::MAX)));
        format!("{column}{collation} >= {from} and {column}{collation} < {to}")
    }
}

/// How the rows are read whose conditions are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// By one of the conditions.
    Candidates,
    /// In an order, or all of them. No condition must look as if it were better to read another index and sort the rows.
    Walk {
        /// Whether the index by name may be used.
        uses_names: bool,
        /// Whether the rows are those of one user, in the index of the creator, which has no organization.
        is_of_creator: bool,
        others: OtherMatches,
    },
}

/// What a search finds by something else than the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OtherMatches {
    None,
    Few,
    /// More keys than can be sorted have an external id that begins so.
    ManyExternalIds,
}

/// Whether a search finds a text anywhere in a name.
pub(super) fn is_substring_search(search: &str) -> bool {
    fold(search).chars().count() >= SUBSTRING_MIN
}

/// Whether a search can be the last four characters of a key.
const fn is_mask_end(search: &str) -> bool {
    search.len() == 4 && search.is_ascii()
}

const MASK_END: &str = "substr(s.mask, length(s.mask) - 3)";

/// A condition on a row `s` as one on the row `k`.
fn of_listed(condition: &str) -> String {
    format!("({})", condition.replace("s.", "k."))
}

impl Reader<'_> {
    /// The kinds, for `in (…)`.
    pub(super) fn kinds(&self) -> String {
        sql_kinds(self.selection.kinds.iter().copied().map(Kind::spec))
    }

    /// The condition that a row `k` is in the list, without that on its kind.
    pub(super) fn conditions(&self, statement: &mut Statement<'_>, access: Access) -> String {
        let selection = self.selection;
        // Without an index: nearly all rows fulfill it.
        let mut all = vec![format!("k.deleted_at is null and k.number + 0 <= {}", statement.bind(self.mark.max_number))];
        let absent = self.mark.absent_numbers();
        if !absent.is_empty() {
            let numbers = statement.bind(serde_json::json!(absent).to_string());
            all.push(format!("k.number not in {}", statement.store.engine.json_numbers(&numbers)));
        }
        if !matches!(access, Access::Walk { is_of_creator: true, .. }) {
            all.push(format!("k.organization_id = {}", statement.bind(selection.organization)));
        }
        let personal = sql_kinds(selection.kinds.iter().copied().map(Kind::spec).filter(|spec| spec.is_personal));
        if let Some(user) = selection.personal_of.filter(|_| !personal.is_empty()) {
            all.push(format!("(coalesce(k.created_by, '') = {} or k.kind not in ({personal}))", statement.bind(user)));
        }
        if !selection.search.is_empty() {
            all.push(self.search_condition(statement, access));
        }
        if let Some(status) = selection.status {
            all.push(format!("{} = {}", self.status_rank(statement), status as u8));
        }
        if selection.expiring {
            let opened_at = self.mark.opened_at;
            let (from, to) = (statement.bind(opened_at), statement.bind(opened_at.plus_days(EXPIRING_DAYS)));
            all.push(format!("k.expires_at > {from} and k.expires_at <= {to}"));
        }
        if let Some(external_id) = selection.external_id {
            all.push(if selection.match_prefixes {
                statement.begins_with("coalesce(k.external_id, '')", external_id)
            } else {
                format!("coalesce(k.external_id, '') = {}", statement.bind(external_id.to_owned()))
            });
        }
        if let Some(scope) = selection.scope {
            let end = if selection.match_prefixes { "" } else { " " };
            let position = statement.store.position_function();
            all.push(format!("{position}(' ' || k.scopes || ' ', {}) > 0", statement.bind(format!(" {scope}{end}"))));
        }
        all.join(" and ")
    }

    /// While all rows are read, only the name is in the index. What matches otherwise is looked up in indexes of its own, once.
    fn search_condition(&self, statement: &mut Statement<'_>, access: Access) -> String {
        let folded = fold(self.selection.search);
        let uses_names = access == Access::Candidates || matches!(access, Access::Walk { uses_names: true, .. });
        let mut matches = vec![if is_substring_search(self.selection.search) {
            format!("k.name_folded like {} escape '\\'", statement.bind(like_pattern(&folded)))
        } else if uses_names {
            format!("({})", statement.begins_with("k.name_folded", &folded))
        } else {
            format!("substr(k.name_folded, 1, {}) = {}", folded.chars().count(), statement.bind(folded.clone()))
        }];
        match access {
            Access::Candidates => matches.extend(self.other_matches(statement).iter().map(|condition| of_listed(condition))),
            Access::Walk { others: OtherMatches::None, .. } => {}
            Access::Walk { others, .. } => {
                let conditions = self.other_matches(statement);
                let listed = self.listed(statement);
                let table = self.table.name();
                matches.extend(conditions.into_iter().map(|condition| {
                    if others == OtherMatches::ManyExternalIds && condition.contains("external_id") {
                        of_listed(&condition.replace("s.external_id", "coalesce(s.external_id, '')"))
                    } else {
                        format!("k.number in (select s.number from {table} s where {listed} and {condition})")
                    }
                }));
            }
        }
        // Makes the database prefer the index by name to another one that has no names.
        let prefers_names = if matches!(access, Access::Walk { uses_names: true, .. }) {
            format!(" and k.name_folded{} >= ''", statement.store.bytewise_collation())
        } else {
            String::new()
        };
        format!("({}){prefers_names}", matches.join(" or "))
    }

    /// The conditions that a row `s` matches the search by something else than the name.
    pub(super) fn other_matches(&self, statement: &mut Statement<'_>) -> Vec<String> {
        let search = self.selection.search;
        let mut conditions = vec![format!("s.id = {}", statement.bind(search.to_owned()))];
        if self.table == Table::Keys {
            conditions.push(statement.begins_with("s.external_id", search));
            if is_mask_end(search) {
                conditions.push(format!("{MASK_END} = {}", statement.bind(search.to_owned())));
            }
        }
        conditions
    }

    /// The condition that a row `s` is of the organization and of one of the kinds, for an index.
    pub(super) fn listed(&self, statement: &mut Statement<'_>) -> String {
        let organization = statement.bind(self.selection.organization);
        format!("s.organization_id = {organization} and s.kind in ({}) and s.deleted_at is null", self.kinds())
    }

    /// [`latchkey_types::key_kind::Lifecycle::status`] in SQL, when the list was opened; a test checks that both agree.
    fn status_rank(&self, statement: &mut Statement<'_>) -> String {
        let (expired, active) = (Status::Expired as u8, Status::Active as u8);
        let now = statement.bind(self.mark.opened_at);
        match self.table {
            Table::Keys => format!(
                "case when k.revoked_at is not null then {} when k.expires_at <= {now} then {expired} when k.disabled_at is not null \
                 or k.created_by in (select u.id from users u where u.organization_id = {} and u.disabled_at is not null) \
                 then {} else {active} end",
                Status::Revoked as u8,
                statement.bind(self.selection.organization),
                Status::Disabled as u8,
            ),
            // Credentials cannot be disabled.
            Table::Credentials => format!("case when k.expires_at <= {now} then {expired} else {active} end"),
        }
    }
}
