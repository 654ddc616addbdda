//! Lists of which a condition selects few rows: these are read with the index of the condition and sorted here.

use std::collections::HashSet;

use super::{
    super::super::{StoreError, fold, like_pattern},
    EXPIRY, Reader, Table,
    filter::{Access, OtherMatches, Statement, is_substring_search},
    order::{RowKey, RowOrder, SortColumns, columns, parse},
};
use latchkey_types::{
    error::Error,
    id::UserId,
    key_kind::Status,
    listing::{EXACT_TOTAL_MAX, EXPIRING_DAYS},
};

/// Of more rows than this, the index of the order is walked instead. Few in tests, so that they do both.
const CANDIDATES_MAX: usize = if cfg!(test) { 5 } else { EXACT_TOTAL_MAX };

/// The columns of keys that conditions and orders need.
const KEY_COLUMNS: &str = "s.number, s.id, s.organization_id, s.kind, s.deleted_at, s.created_by, s.created_at, s.name_folded, s.mask, \
     s.expires_at, s.disabled_at, s.revoked_at, s.external_id, s.scopes, s.sorted_use_at, s.earlier_use_at, s.use_moved_in, s.earlier_use_moved_in";
/// The same of credentials, whose uses are not recorded.
const CREDENTIAL_COLUMNS: &str = "s.number, s.id, s.organization_id, s.kind, s.deleted_at, s.created_by, s.created_at, s.name_folded, s.mask, \
     s.expires_at, cast(null as bigint) as disabled_at, cast(null as bigint) as revoked_at, coalesce(s.last_used_at, 0) as sorted_use_at, \
     0 as earlier_use_at, 0 as use_moved_in, 0 as earlier_use_moved_in";

/// A condition that may select few rows, and has an index.
pub(super) enum Lookup {
    /// All of them: there are few credentials.
    Credentials,
    ExternalId,
    Search,
    /// The keys of a user.
    Own(UserId),
    Expiring,
    Status(Status),
}

/// What a lookup has found.
pub(super) enum Found {
    /// All rows of the list, in ascending order.
    All(Vec<RowKey>),
    /// Too many to sort them. At least this number of them is in the list.
    Many(usize),
}

impl Reader<'_> {
    /// The lookups for this list, the one that probably finds the fewest rows first.
    pub(super) fn lookups(&self) -> Vec<Lookup> {
        let selection = self.selection;
        if self.table == Table::Credentials {
            return vec![Lookup::Credentials];
        }
        let is_personal = selection.kinds.iter().all(|kind| kind.spec().is_personal);
        [
            selection.external_id.map(|_| Lookup::ExternalId),
            (!selection.search.is_empty()).then_some(Lookup::Search),
            selection.personal_of.filter(|_| is_personal).map(Lookup::Own),
            selection.expiring.then_some(Lookup::Expiring),
            selection.status.filter(|status| *status != Status::Active).map(Lookup::Status),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Reads the rows of the list that a lookup finds.
    pub(super) async fn find_candidates(&mut self, lookup: &Lookup, order: &RowOrder) -> Result<Found, Error> {
        let mut statement = self.statement();
        let sources = self.sources(lookup, &mut statement);
        let conditions = self.conditions(&mut statement, Access::Candidates);
        let listed = format!("{conditions} and k.kind in ({})", self.kinds());
        let columns = self.store.engine.json_arrays(columns(self.selection.sort.column), &listed);
        let parts: Vec<String> = sources.iter().enumerate().map(|(index, source)| format!("select * from ({source}) as source_{index}")).collect();
        let sql = format!("select count(*), {columns} from ({}) as k", parts.join(" union all "));
        let (count, rows): (i64, String) = statement.fetch_one(&mut self.db, sql).await?;
        let rows: Vec<SortColumns> = parse(&rows)?;
        if self.table == Table::Keys && usize::try_from(count).is_ok_and(|count| count > CANDIDATES_MAX) {
            return Ok(Found::Many(rows.iter().map(SortColumns::number).collect::<HashSet<_>>().len()));
        }
        let mut rows = rows.iter().map(|row| order.key(row)).collect::<Result<Vec<_>, _>>()?;
        rows.sort_unstable();
        // Several lookups may have found the same row.
        rows.dedup();
        Ok(Found::All(rows))
    }

    /// Queries for the rows that may be in the list, each of one row more than can be sorted.
    fn sources(&self, lookup: &Lookup, statement: &mut Statement<'_>) -> Vec<String> {
        let selection = self.selection;
        let opened_at = self.mark.opened_at;
        if let Lookup::Own(user) = lookup {
            // With the index of the creator.
            let condition = format!("s.created_by = {} and s.kind in ({}) and s.deleted_at is null", statement.bind(*user), self.kinds());
            return vec![source("api_keys s", &condition)];
        }
        let listed = self.listed(statement);
        let expiry = EXPIRY.replace("k.", "s.");
        match lookup {
            Lookup::Own(_) => Vec::new(),
            Lookup::Credentials => vec![format!("select {CREDENTIAL_COLUMNS} from credentials s where {listed}")],
            Lookup::ExternalId => {
                let external_id = selection.external_id.unwrap_or_default();
                let condition = if selection.match_prefixes {
                    statement.begins_with("s.external_id", external_id)
                } else {
                    format!("s.external_id{} = {}", statement.store.bytewise_collation(), statement.bind(external_id.to_owned()))
                };
                vec![source("api_keys s", &format!("{listed} and {condition}"))]
            }
            Lookup::Search => self.search_sources(statement, &listed),
            Lookup::Expiring => {
                let (from, to) = (statement.bind(opened_at), statement.bind(opened_at.plus_days(EXPIRING_DAYS)));
                vec![source("api_keys s", &format!("{listed} and {expiry} > {from} and {expiry} <= {to}"))]
            }
            Lookup::Status(Status::Expired) => {
                let now = statement.bind(opened_at);
                vec![source("api_keys s", &format!("{listed} and {expiry} <= {now}"))]
            }
            Lookup::Status(Status::Disabled) => {
                let organization = statement.bind(selection.organization);
                let kinds = self.kinds();
                // The keys of disabled users are disabled too.
                vec![
                    source("api_keys s", &format!("{listed} and s.disabled_at is not null")),
                    source(
                        "users u cross join api_keys s",
                        &format!(
                            "u.organization_id = {organization} and u.disabled_at is not null and s.created_by = u.id and s.kind in ({kinds}) \
                             and s.deleted_at is null"
                        ),
                    ),
                ]
            }
            Lookup::Status(_) => vec![source("api_keys s", &format!("{listed} and s.revoked_at is not null"))],
        }
    }

    fn search_sources(&self, statement: &mut Statement<'_>, listed: &str) -> Vec<String> {
        let search = self.selection.search;
        let folded = fold(search);
        let mut sources = Vec::new();
        if is_substring_search(search) {
            let names = statement.store.engine.name_search(&folded, &like_pattern(&folded), listed, CANDIDATES_MAX + 1);
            let text = statement.bind(names.text);
            sources.push(source(&names.from.replace("$?", &text), &names.condition.replace("$?", &text)));
        } else {
            let condition = statement.begins_with("s.name_folded", &folded);
            sources.push(source("api_keys s", &format!("{listed} and {condition}")));
        }
        let others = self.other_matches(statement);
        sources.extend(others.iter().map(|condition| source("api_keys s", &format!("{listed} and {condition}"))));
        sources
    }

    /// What the search finds by something else than the name.
    pub(super) async fn count_other_matches(&mut self) -> Result<OtherMatches, StoreError> {
        if self.selection.search.is_empty() {
            return Ok(OtherMatches::None);
        }
        let mut statement = self.statement();
        let conditions = self.other_matches(&mut statement);
        let listed = self.listed(&mut statement);
        let (table, limit) = (self.table.name(), CANDIDATES_MAX + 1);
        let counts: Vec<String> = conditions
            .iter()
            .map(|condition| format!("select count(*) from (select 1 from {table} s where {listed} and {condition} limit {limit}) as counted"))
            .collect();
        let counts: Vec<(i64,)> = statement.fetch_all(&mut self.db, counts.join(" union all ")).await?;
        Ok(match counts.into_iter().map(|(count,)| count).max() {
            None | Some(0) => OtherMatches::None,
            Some(count) if usize::try_from(count).is_ok_and(|count| count > CANDIDATES_MAX) => OtherMatches::ManyExternalIds,
            Some(_) => OtherMatches::Few,
        })
    }
}

fn source(from: &str, condition: &str) -> String {
    format!("select {KEY_COLUMNS} from {from} where {condition} limit {}", CANDIDATES_MAX + 1)
}
