//! The full-text index of a corpus. On SQLite it is a separate table, so that scores do not depend on other corpora; it does not store the texts.
//! On PostgreSQL all corpora share a table, and each word has a prefix for its corpus, so that an index lookup finds no other corpora.
//!
//! A section is indexed by its folded words, separated by spaces. Words are alphanumeric, so that quoted words contain no query syntax.

use super::Engine;

/// The largest number of sections that a query ranks.
pub(crate) const RANKED_MAX: i64 = 4000;

/// Pages that SQLite merges per transaction, and for each KiB that it added: fewer would leave more segments each time, until there are too many.
/// Its automatic merges would now and then take a hundred milliseconds.
const MERGED_PAGES: usize = 32;
const MERGED_PAGES_PER_KIB: usize = 1;

/// The table of PostgreSQL. Rows of usual size are stored inline and uncompressed, because ranking reads thousands of them. The index has no list of
/// pending changes, which each query would have to read.
pub(super) const POSTGRESQL_TABLE: &[&str] = &[
    "create table if not exists section_words (customer_id bigint not null, corpus_id bigint not null, number bigint not null, \
     words tsvector not null, primary key (customer_id, corpus_id, number)) with (toast_tuple_target = 8160)",
    "create index if not exists section_words_of_word on section_words using gin (words) with (fastupdate = off)",
];

/// The SQL for the index of one corpus. Lists are bound as JSON arrays to `$1`.
pub(crate) struct WordIndex {
    is_sqlite: bool,
    customer_id: i64,
    corpus: i64,
}

impl Engine {
    /// The index of the corpus with this number in the organization with this customer id.
    pub(crate) const fn word_index(&self, customer_id: i64, corpus: i64) -> WordIndex {
        WordIndex { is_sqlite: self.file.is_some(), customer_id, corpus }
    }

    /// Whether the corpus `c` of the organization `o` has an index.
    pub(crate) const fn has_word_index(&self) -> &'static str {
        if self.file.is_some() {
            // SQLite lists the names once, while it would search `sqlite_master`, which has no index, for each corpus.
            "'corpus_words_' || o.customer_id || '_' || c.id in (select t.name from sqlite_master t)"
        } else {
            "exists (select 1 from section_words t where t.customer_id = o.customer_id and t.corpus_id = c.id)"
        }
    }
}

impl WordIndex {
    /// SQLite's table.
    fn table(&self) -> String {
        format!("corpus_words_{}_{}", self.customer_id, self.corpus)
    }

    /// PostgreSQL's rows.
    fn rows(&self) -> String {
        format!("customer_id = {} and corpus_id = {}", self.customer_id, self.corpus)
    }

    /// The prefix of each word on PostgreSQL.
    fn prefix(&self) -> String {
        format!("{:x}.{}.", self.customer_id, self.corpus)
    }

    /// Counts the table; `None` if it always exists.
    pub(crate) fn count_tables(&self) -> Option<String> {
        self.is_sqlite.then(|| format!("select count(*) from sqlite_master where name = '{}'", self.table()))
    }

    /// Creates the table. Automatic merges are disabled in favor of [`Self::merge`]; the threshold for forced ones is the highest.
    pub(crate) fn create_table(&self) -> Vec<String> {
        let table = self.table();
        vec![
            format!("create virtual table {table} using fts5(words, content = '', contentless_delete = 1, tokenize = 'ascii')"),
            format!("insert into {table} ({table}, rank) values ('automerge', 0)"),
            format!("insert into {table} ({table}, rank) values ('crisismerge', 1999)"),
        ]
    }

    /// Adds the rows `[number, words]`, the words in the form of [`Self::value`].
    pub(crate) fn insert(&self, json_rows: &str) -> String {
        if self.is_sqlite {
            return format!("insert into {} (rowid, words) select cast(value ->> 0 as bigint), value ->> 1 from {json_rows}", self.table());
        }
        format!(
            "insert into section_words (customer_id, corpus_id, number, words) \
             select {}, {}, cast(value ->> 0 as bigint), cast(value ->> 1 as tsvector) from {json_rows}",
            self.customer_id, self.corpus
        )
    }

    /// Words as a value for [`Self::insert`].
    pub(crate) fn value(&self, words: &str) -> String {
        if self.is_sqlite {
            return words.to_owned();
        }
        let prefix = self.prefix();
        let numbered = words.split(' ').filter(|word| !word.is_empty()).enumerate();
        // With positions, so that several occurrences count more than one.
        numbered.map(|(index, word)| format!("'{prefix}{word}':{}", index + 1)).collect::<Vec<_>>().join(" ")
    }

    /// Removes the rows `[number]`.
    pub(crate) fn delete(&self, json_rows: &str) -> String {
        let numbers = format!("(select cast(value ->> 0 as bigint) from {json_rows})");
        if self.is_sqlite {
            format!("delete from {} where rowid in {numbers}", self.table())
        } else {
            format!("delete from section_words where {} and number in {numbers}", self.rows())
        }
    }

    /// Merges a part of the index after this many bytes were added, so that queries read few segments; `None` if the database needs no such statement.
    pub(crate) fn merge(&self, added: usize) -> Option<String> {
        let (table, pages) = (self.table(), MERGED_PAGES + added / 1024 * MERGED_PAGES_PER_KIB);
        self.is_sqlite.then(|| format!("insert into {table} ({table}, rank) values ('merge', {pages})"))
    }

    /// Counts the sections that match the expression `$1`, up to one more than [`RANKED_MAX`].
    pub(crate) fn count(&self) -> String {
        let (table, matches) = self.matches();
        format!("select count(*) from (select 1 from {table} where {matches} limit {}) as matched", RANKED_MAX + 1)
    }

    /// The best `$2` of the first [`RANKED_MAX`] sections that match the expression `$1` and are not hidden in corpus `$4` of organization `$3`:
    /// `number` and a `score` from 0 to 1. On PostgreSQL they are ranked by the expression `$5`: see [`Self::ranking`].
    pub(crate) fn ranked(&self) -> String {
        let (table, matches) = self.matches();
        if self.is_sqlite {
            // `bm25` is negative; it is 10 for good matches. SQLite lists the hidden numbers once, while it would search the ranges for each match.
            return format!(
                "select number, relevance / (relevance + 5.0) as score from \
                 (select rowid as number, -bm25({table}) as relevance from {table} where {matches} and rowid not in \
                 (select s.number from hidden_sections h join document_sections s on s.organization_id = h.organization_id \
                 and s.corpus_id = h.corpus_id and s.number between h.first_number and h.last_number \
                 where h.organization_id = $3 and h.corpus_id = $4) limit {RANKED_MAX}) as matched \
                 order by relevance desc, number limit $2"
            );
        }
        // PostgreSQL has no estimate for the numbers in the ranges, and would search a list that it expects to be large for each match.
        format!(
            "select number, relevance / (relevance + 0.1) as score from \
             (select number, cast(ts_rank(words, cast($5 as tsquery), 1) as double precision) as relevance from {table} where {matches} \
             and not exists (select 1 from hidden_sections h where h.organization_id = $3 and h.corpus_id = $4 \
             and {table}.number between h.first_number and h.last_number) limit {RANKED_MAX}) as matched \
             order by relevance desc, number limit $2"
        )
    }

    fn matches(&self) -> (String, String) {
        if self.is_sqlite {
            let table = self.table();
            let matches = format!("{table} match $1");
            (table, matches)
        } else {
            ("section_words".to_owned(), "words @@ cast($1 as tsquery)".to_owned())
        }
    }

    /// The expression by which matches are ranked, if it is bound separately. SQLite ranks by the words of the matching expression.
    pub(crate) fn ranking(&self, words: &[&str]) -> Option<String> {
        (!self.is_sqlite).then(|| self.any(words))
    }

    /// Matches sections with all of these words.
    pub(crate) fn all(&self, words: &[&str]) -> String {
        self.joined(words, if self.is_sqlite { " AND " } else { " & " })
    }

    /// Matches sections with any of these words.
    pub(crate) fn any(&self, words: &[&str]) -> String {
        self.joined(words, if self.is_sqlite { " OR " } else { " | " })
    }

    /// The expressions that find sections with any of the `rare` words. SQLite scores only by the words of the expression, so it needs a second
    /// one that contains the other words too.
    pub(crate) fn candidates(&self, rare: &[&str], others: &[&str]) -> Vec<String> {
        let any_rare = self.any(rare);
        if !self.is_sqlite || others.is_empty() {
            return vec![any_rare];
        }
        let with_others = format!("({any_rare}) AND ({})", self.any(others));
        vec![any_rare, with_others]
    }

    fn joined(&self, words: &[&str], operator: &str) -> String {
        let prefix = self.prefix();
        let quote = |word: &&str| if self.is_sqlite { format!("\"{word}\"") } else { format!("'{prefix}{word}'") };
        words.iter().map(quote).collect::<Vec<_>>().join(operator)
    }

    /// Statements that each remove a part of the index of a deleted corpus, to be repeated until they find nothing. On SQLite they empty the
    /// index's internal tables, because dropping a large index at once takes long.
    pub(crate) fn remove_some(&self) -> Vec<String> {
        if self.is_sqlite {
            let table = self.table();
            // Lower ids are those of the statistics and the structure, without which the table cannot be dropped.
            return vec![
                format!("delete from {table}_data where id in (select id from {table}_data where id > 10 limit 150)"),
                format!("delete from {table}_docsize where id in (select id from {table}_docsize limit 1500)"),
            ];
        }
        let rows = self.rows();
        vec![format!("delete from section_words where {rows} and number in (select number from section_words where {rows} limit 500)")]
    }

    /// Drops the table; `None` if it is shared with other corpora.
    pub(crate) fn drop_table(&self) -> Option<String> {
        self.is_sqlite.then(|| format!("drop table {}", self.table()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn word_index(url: Option<&str>) -> WordIndex {
        Engine::of(url, Path::new("/data")).unwrap().word_index(7, 3)
    }

    #[test]
    fn words_are_quoted() {
        let (sqlite, postgresql) = (word_index(None), word_index(Some("postgres://localhost/latchkey")));
        let words = &["or", "near"][..];
        assert_eq!((sqlite.all(words), sqlite.any(words)), (r#""or" AND "near""#.to_owned(), r#""or" OR "near""#.to_owned()));
        assert_eq!((postgresql.all(words), postgresql.any(words)), ("'7.3.or' & '7.3.near'".to_owned(), "'7.3.or' | '7.3.near'".to_owned()));
        assert_eq!(sqlite.candidates(&["a"], &["b", "c"]), [r#""a""#, r#"("a") AND ("b" OR "c")"#]);
        assert_eq!(postgresql.candidates(&["a"], &["b", "c"]), ["'7.3.a'"]);
    }

    #[test]
    fn words_have_positions_only_on_postgresql() {
        assert_eq!(word_index(None).value("a b a"), "a b a");
        assert_eq!(word_index(Some("postgres://localhost/latchkey")).value("a b a"), "'7.3.a':1 '7.3.b':2 '7.3.a':3");
    }
}
