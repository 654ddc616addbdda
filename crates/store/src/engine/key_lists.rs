//! Lists of keys: the search index of names, the record of how rows move, and the SQL that lists need of both.

use super::Engine;

/// A search index that does not store the names. Removing one takes the name itself, which the triggers have.
const SQLITE_INDEX: [&str; 6] = [
    "create virtual table if not exists key_names using fts5(name_folded, content = '', tokenize = 'trigram case_sensitive 1')",
    "insert into key_names (rowid, name_folded) select number, name_folded from api_keys \
     where deleted_at is null and not exists (select 1 from key_names_docsize)",
    "create trigger if not exists api_keys_listed after insert on api_keys when new.deleted_at is null begin \
     insert into key_names (rowid, name_folded) values (new.number, new.name_folded); end",
    "create trigger if not exists api_keys_renamed after update of name_folded on api_keys \
     when old.name_folded <> new.name_folded and old.deleted_at is null and new.deleted_at is null begin \
     insert into key_names (key_names, rowid, name_folded) values ('delete', old.number, old.name_folded); \
     insert into key_names (rowid, name_folded) values (new.number, new.name_folded); end",
    "create trigger if not exists api_keys_deleted after update of deleted_at on api_keys \
     when old.deleted_at is null and new.deleted_at is not null begin \
     insert into key_names (key_names, rowid, name_folded) values ('delete', old.number, old.name_folded); end",
    "create trigger if not exists api_keys_restored after update of deleted_at on api_keys \
     when old.deleted_at is not null and new.deleted_at is null begin \
     insert into key_names (rowid, name_folded) values (new.number, new.name_folded); end",
];

/// Not with functions that only newer versions of SQLite have.
const SQLITE_MOVES: [&str; 4] = [
    "create trigger if not exists api_keys_used after update of last_used_at on api_keys \
     when new.last_used_at - new.sorted_use_at >= 300000 begin \
     update list_clock set value = value + 1; \
     update api_keys set sorted_use_at = new.last_used_at, use_moved_in = (select value from list_clock), \
     earlier_use_at = new.sorted_use_at, earlier_use_moved_in = new.use_moved_in where number = new.number; end",
    "create trigger if not exists api_keys_moved after update of name_folded, mask, created_by, expires_at, disabled_at, revoked_at on api_keys \
     when old.deleted_at is null and (old.name_folded <> new.name_folded or old.mask <> new.mask or old.created_by <> new.created_by \
     or old.expires_at is not new.expires_at or old.disabled_at is not new.disabled_at or old.revoked_at is not new.revoked_at) begin \
     update list_clock set value = value + 1; \
     insert into list_moves (organization_id, kind, number, moved_in, at, name_folded, mask, created_by, expires_at, disabled_at, revoked_at) \
     select old.organization_id, old.kind, old.number, value, cast((julianday('now') - 2440587.5) * 86400000 as integer) * 1000, \
     old.name_folded, old.mask, old.created_by, old.expires_at, old.disabled_at, old.revoked_at from list_clock; end",
    "create trigger if not exists credentials_moved after update of name_folded, mask, created_by, expires_at on credentials \
     when old.deleted_at is null and (old.name_folded <> new.name_folded or old.mask <> new.mask or old.created_by <> new.created_by \
     or old.expires_at is not new.expires_at) begin \
     update list_clock set value = value + 1; \
     insert into list_moves (organization_id, kind, number, moved_in, at, name_folded, mask, created_by, expires_at) \
     select old.organization_id, old.kind, old.number, value, cast((julianday('now') - 2440587.5) * 86400000 as integer) * 1000, \
     old.name_folded, old.mask, old.created_by, old.expires_at from list_clock; end",
    "create trigger if not exists users_moved after update of name_folded, disabled_at on users \
     when old.name_folded <> new.name_folded or old.disabled_at is not new.disabled_at begin \
     update list_clock set value = value + 1; \
     insert into list_moves (organization_id, kind, number, moved_in, at, name_folded, mask, created_by, disabled_at) \
     select old.organization_id, 'user', 0, value, cast((julianday('now') - 2440587.5) * 86400000 as integer) * 1000, \
     old.name_folded, '', old.id, old.disabled_at from list_clock; end",
];

/// The owner of a database may create it, because it is a trusted extension.
pub(crate) const TRIGRAM_EXTENSION: &str = "create extension if not exists pg_trgm";

const POSTGRESQL_FUNCTIONS: [&str; 4] = [
    "create or replace function latchkey_key_used() returns trigger language plpgsql as $$ begin \
     new.earlier_use_at := new.sorted_use_at; new.earlier_use_moved_in := new.use_moved_in; \
     new.use_moved_in := cast(cast(pg_current_xact_id() as text) as bigint); \
     new.sorted_use_at := new.last_used_at; return new; end $$",
    "create or replace function latchkey_key_moved() returns trigger language plpgsql as $$ begin \
     insert into list_moves (organization_id, kind, number, moved_in, at, name_folded, mask, created_by, expires_at, disabled_at, revoked_at) \
     values (old.organization_id, old.kind, old.number, cast(cast(pg_current_xact_id() as text) as bigint), \
     cast(extract(epoch from clock_timestamp()) * 1000000 as bigint), old.name_folded, old.mask, old.created_by, old.expires_at, old.disabled_at, \
     old.revoked_at); return null; end $$",
    "create or replace function latchkey_credential_moved() returns trigger language plpgsql as $$ begin \
     insert into list_moves (organization_id, kind, number, moved_in, at, name_folded, mask, created_by, expires_at) \
     values (old.organization_id, old.kind, old.number, cast(cast(pg_current_xact_id() as text) as bigint), \
     cast(extract(epoch from clock_timestamp()) * 1000000 as bigint), old.name_folded, old.mask, old.created_by, old.expires_at); \
     return null; end $$",
    "create or replace function latchkey_user_moved() returns trigger language plpgsql as $$ begin \
     insert into list_moves (organization_id, kind, number, moved_in, at, name_folded, mask, created_by, disabled_at) \
     values (old.organization_id, 'user', 0, cast(cast(pg_current_xact_id() as text) as bigint), \
     cast(extract(epoch from clock_timestamp()) * 1000000 as bigint), old.name_folded, '', old.id, old.disabled_at); return null; end $$",
];

/// Names of triggers and their tables, and the rest of their definitions. One whose definition changes needs another name.
const POSTGRESQL_TRIGGERS: [(&str, &str, &str); 4] = [
    (
        "api_keys_used",
        "api_keys",
        "before update of last_used_at on api_keys \
         for each row when (new.last_used_at - new.sorted_use_at >= 300000) execute function latchkey_key_used()",
    ),
    (
        "api_keys_moved",
        "api_keys",
        "after update of name_folded, mask, created_by, expires_at, disabled_at, revoked_at on api_keys \
         for each row when (old.deleted_at is null and (old.name_folded, old.mask, old.created_by, old.expires_at, old.disabled_at, old.revoked_at) \
         is distinct from (new.name_folded, new.mask, new.created_by, new.expires_at, new.disabled_at, new.revoked_at)) \
         execute function latchkey_key_moved()",
    ),
    (
        "credentials_moved",
        "credentials",
        "after update of name_folded, mask, created_by, expires_at on credentials \
         for each row when (old.deleted_at is null and (old.name_folded, old.mask, old.created_by, old.expires_at) \
         is distinct from (new.name_folded, new.mask, new.created_by, new.expires_at)) execute function latchkey_credential_moved()",
    ),
    (
        "users_moved",
        "users",
        "after update of name_folded, disabled_at on users \
         for each row when ((old.name_folded, old.disabled_at) is distinct from (new.name_folded, new.disabled_at)) \
         execute function latchkey_user_moved()",
    ),
];

/// Numbers of transactions begin again in another installation, as after a restore from a dump. All moves count as old ones then. Otherwise nothing
/// is read. `list_clock` has the installation's id, and 0 before there are moves.
const POSTGRESQL_RESTORE: [&str; 3] = [
    "update api_keys set use_moved_in = 0, earlier_use_moved_in = 0 where use_moved_in > 0 \
     and (select value from list_clock where id = 1) not in (0, (select system_identifier from pg_control_system()))",
    "delete from list_moves where (select value from list_clock where id = 1) <> (select system_identifier from pg_control_system())",
    "update list_clock set value = i.system_identifier from pg_control_system() i where list_clock.id = 1 and value <> i.system_identifier",
];

/// The keys whose name contains a text.
pub(crate) struct NameSearch {
    /// Tables, of which `s` is that of keys. `$?` stands for the placeholder of `text` here and in the condition.
    pub(crate) from: String,
    pub(crate) condition: &'static str,
    pub(crate) text: String,
}

impl Engine {
    /// Statements that create what lists need besides indexes, unless it exists.
    pub(super) fn key_list_tables(&self) -> Vec<String> {
        if self.file.is_some() {
            return [&SQLITE_INDEX[..], &SQLITE_MOVES].concat().into_iter().map(ToOwned::to_owned).collect();
        }
        let triggers = POSTGRESQL_TRIGGERS.into_iter().map(|(name, table, definition)| {
            // `create or replace` would wait until an index of the table is created.
            format!(
                "do $$ begin if not exists (select 1 from pg_trigger where tgrelid = cast('{table}' as regclass) and tgname = '{name}') \
                 then create trigger {name} {definition}; end if; end $$"
            )
        });
        let before = ["set local statement_timeout = 0", TRIGRAM_EXTENSION].into_iter().chain(POSTGRESQL_FUNCTIONS).map(ToOwned::to_owned);
        before.chain(triggers).chain(POSTGRESQL_RESTORE.map(ToOwned::to_owned)).collect()
    }

    /// The keys to search for a folded text of at least three characters, whose pattern for `like` is known. On PostgreSQL only those rows `s` that
    /// fulfill the condition `listed`, up to `limit`.
    pub(crate) fn name_search(&self, folded: &str, pattern: &str, listed: &str, limit: usize) -> NameSearch {
        if self.file.is_some() {
            // The index has no organizations: those of others are few, because reading it ends at the limit.
            let from = "key_names f cross join api_keys s on s.number = f.rowid".to_owned();
            return NameSearch { from, condition: "f.key_names match $?", text: phrase(folded) };
        }
        // Only the numbers at first: PostgreSQL reads them from the index by name if the text is frequent, also if it is so in names of others.
        let from = format!(
            "(select s.number from api_keys s where {listed} and s.name_folded like $? escape '\\' limit {limit}) f \
             join api_keys s on s.number = f.number"
        );
        NameSearch { from, condition: "true", text: pattern.to_owned() }
    }

    /// A statement at the beginning of the transaction that reads a list. Its last column is the time of the database in Unix milliseconds. On
    /// PostgreSQL it sets that each statement is planned for its values and not compiled, and that indexes are used: lists stop after a few rows,
    /// or read one index, and plans for unknown values expect otherwise.
    pub(crate) const fn begin_list(&self) -> &'static str {
        if self.file.is_some() {
            "select '', '', '', cast(unixepoch('now', 'subsec') * 1000 as integer)"
        } else {
            "select set_config('jit', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true), \
             set_config('enable_seqscan', 'off', true), cast(extract(epoch from clock_timestamp()) * 1000 as bigint)"
        }
    }

    /// What has moved before, as the text of a [`Snapshot`](super::super::Snapshot).
    pub(crate) const fn list_snapshot(&self) -> &'static str {
        if self.file.is_some() {
            "(select (value + 1) || ':' || (value + 1) || ':' from list_clock where id = 1)"
        } else {
            "cast(pg_current_snapshot() as text)"
        }
    }

    /// An expression for the ranges of numbers without a row among the last `count` ones of a table, as JSON arrays in one. Such a row may be created by
    /// a transaction that has not ended; SQLite has none beside its readers.
    pub(crate) fn missing_numbers(&self, table: &str, count: i64) -> String {
        if self.file.is_some() {
            return "'[]'".to_owned();
        }
        let before = format!("(select greatest(max(number) - {count}, 0) from {table})");
        format!(
            "(select cast(coalesce(json_agg(json_build_array(number + 1, next - 1)), '[]') as text) from \
             (select number, lead(number) over (order by number) as next from (select number from {table} where number > {before} \
             union all select {before}) as numbers) as neighbors where next > number + 1)"
        )
    }

    /// The condition that a move with the number in a column is not in a snapshot, given the placeholders of the snapshot's oldest number and of
    /// its text.
    pub(crate) fn moved_after(&self, column: &str, oldest: &str, snapshot: &str) -> String {
        if self.file.is_some() {
            // The second one only uses the placeholder.
            format!("({column} >= {oldest} and {snapshot} is not null)")
        } else {
            let is_in_snapshot = format!("pg_visible_in_snapshot(cast(cast({column} as text) as xid8), cast({snapshot} as pg_snapshot))");
            format!("({column} >= {oldest} and not {is_in_snapshot})")
        }
    }

    /// A JSON array of columns.
    pub(crate) fn json_array(&self, columns: &str) -> String {
        if self.file.is_some() { format!("json_array({columns})") } else { format!("cast(json_build_array({columns}) as text)") }
    }

    /// A JSON array of one array per row that fulfills a condition. One text, because drivers need longer to return many rows than databases to
    /// find them.
    pub(crate) fn json_arrays(&self, columns: &str, condition: &str) -> String {
        if self.file.is_some() {
            format!("json_group_array(json_array({columns})) filter (where {condition})")
        } else {
            format!("cast(coalesce(json_agg(json_build_array({columns})) filter (where {condition}), '[]') as text)")
        }
    }

    /// The numbers in a JSON array.
    pub(crate) fn json_numbers(&self, placeholder: &str) -> String {
        if self.file.is_some() {
            format!("(select value from json_each({placeholder}))")
        } else {
            format!("(select cast(value as bigint) from json_array_elements_text(cast({placeholder} as json)) as listed(value))")
        }
    }

    /// The texts in a JSON array.
    pub(crate) fn json_texts(&self, placeholder: &str) -> String {
        if self.file.is_some() {
            format!("(select value from json_each({placeholder}))")
        } else {
            format!("(select value from json_array_elements_text(cast({placeholder} as json)) as listed(value))")
        }
    }
}

/// A text as an expression of the search index.
fn phrase(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_a_search_are_literal() {
        assert_eq!(phrase(r#"a" or"#), r#""a"" or""#);
    }
}
