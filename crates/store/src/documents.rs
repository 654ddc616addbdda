//! Documents of corpora, and their full-text indexes.
//!
//! The parts of a document have consecutive numbers, which are never given twice in the corpus. Parts that do not belong to a document, or not yet,
//! are in a range of `hidden_sections`, so that they are not found: those of a large document that is being stored in several transactions, and
//! those of replaced and deleted documents until they are removed.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{Connection, Store, StoreError, Tx, engine::WordIndex};
use latchkey_types::{corpus::DocumentRow, id::OrganizationId, time::Timestamp};

/// Number of rows that [`remove_some`] deletes at once.
const REMOVED_AT_ONCE: i64 = 250;
/// Number of parts that [`remove_hidden`] deletes at once: it can be part of a transaction that also stores documents.
const HIDDEN_REMOVED_AT_ONCE: usize = 100;
/// How long the parts of an incomplete document are kept after the last of them was stored. Longer than a transaction takes, and than the clocks of
/// instances differ.
pub const INCOMPLETE_KEPT: Duration = Duration::from_mins(2);

/// A corpus and the ids of its index.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DocumentCorpus {
    pub organization: OrganizationId,
    pub corpus: i64,
    pub name: String,
    /// The organization's number.
    pub customer_id: i64,
}

impl DocumentCorpus {
    pub(crate) fn word_index(&self, store: &Store) -> WordIndex {
        store.engine.word_index(self.customer_id, self.corpus)
    }
}

const CORPUS: &str = "select c.organization_id as organization, c.id as corpus, c.name, o.customer_id \
     from corpora c join organizations o on o.id = c.organization_id where";

/// The organization's corpus with this number, unless it was deleted.
pub async fn corpus(db: &mut Connection, organization: OrganizationId, corpus: i64) -> Result<Option<DocumentCorpus>, StoreError> {
    let sql = AssertSqlSafe(format!("{CORPUS} c.organization_id = $1 and c.id = $2 and c.deleted_at is null"));
    Ok(sqlx::query_as(sql).bind(organization).bind(corpus).fetch_optional(db).await?)
}

/// A document to be stored.
#[derive(Debug, Clone)]
pub struct NewDocument {
    pub id: String,
    pub title: String,
    /// A JSON object, or empty.
    pub metadata: String,
    /// Size of the text, in bytes.
    pub bytes: i64,
    /// Number of sections.
    pub sections: i64,
    /// At least one.
    pub parts: Vec<Part>,
}

/// A section, or a part of a long one.
#[derive(Debug, Clone)]
pub struct Part {
    /// Position of the section in the document, from 0.
    pub section: i64,
    pub content: String,
    /// Its folded words, separated by spaces; see [`super::words`].
    pub words: String,
}

/// The numbers of the parts of a document.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    first: i64,
    last: i64,
}

/// The numbers that [`reserve`] gave to the parts of a document.
#[derive(Debug)]
pub struct Reservation {
    numbers: Numbers,
    /// The number of the next part to be stored.
    next: i64,
}

#[derive(sqlx::FromRow)]
struct ListedDocument {
    id: String,
    title: String,
    sections: i64,
    bytes: i64,
    updated_at: Timestamp,
}

/// At most `limit` documents whose ids follow `after`, sorted by id.
pub async fn list(db: &mut Connection, organization: OrganizationId, corpus: i64, after: &str, limit: i64) -> Result<Vec<DocumentRow>, StoreError> {
    let sql = "select id, title, sections, bytes, updated_at from documents \
         where organization_id = $1 and corpus_id = $2 and id > $3 order by id limit $4";
    let listed: Vec<ListedDocument> = sqlx::query_as(sql).bind(organization).bind(corpus).bind(after).bind(limit).fetch_all(db).await?;
    let row = |ListedDocument { id, title, sections, bytes, updated_at }| DocumentRow { id, title, sections, bytes, updated_at };
    Ok(listed.into_iter().map(row).collect())
}

/// Stores documents with distinct ids. Replaces those with the same ids, and returns their number: their parts are to be removed with
/// [`remove_hidden`].
pub async fn put(tx: &mut Tx, corpus: &DocumentCorpus, documents: &[NewDocument]) -> Result<usize, StoreError> {
    let parts: Vec<(&str, &Part)> = documents.iter().flat_map(|document| document.parts.iter().map(|part| (document.id.as_str(), part))).collect();
    let Numbers { first, .. } = take_numbers(tx, corpus, parts.len()).await?;
    insert_parts(tx, corpus, first, &parts).await?;
    let mut next = first;
    let mut numbered = Vec::with_capacity(documents.len());
    for document in documents {
        let first = next;
        next += signed(document.parts.len());
        numbered.push((document, Numbers { first, last: next - 1 }));
    }
    put_rows(tx, corpus, &numbered).await
}

/// Reserves numbers for the parts of a document that is stored in several transactions. Its parts are hidden until [`complete`], and are removed
/// if no further one is stored for [`INCOMPLETE_KEPT`].
pub async fn reserve(tx: &mut Tx, corpus: &DocumentCorpus, parts: usize) -> Result<Reservation, StoreError> {
    let numbers = take_numbers(tx, corpus, parts).await?;
    let sql = "insert into hidden_sections (organization_id, corpus_id, first_number, last_number, kept_until) values ($1, $2, $3, $4, $5)";
    let query = sqlx::query(sql).bind(corpus.organization).bind(corpus.corpus).bind(numbers.first).bind(numbers.last);
    query.bind(kept_until()).execute(tx).await?;
    Ok(Reservation { numbers, next: numbers.first })
}

/// Stores the next parts of a document with this id. Returns whether its earlier parts are still kept; if they are not, nothing is stored.
pub async fn put_parts(tx: &mut Tx, corpus: &DocumentCorpus, reservation: &mut Reservation, id: &str, parts: &[Part]) -> Result<bool, StoreError> {
    let sql = "update hidden_sections set kept_until = $1 \
         where organization_id = $2 and corpus_id = $3 and first_number = $4 and kept_until > 0";
    let query = sqlx::query(sql).bind(kept_until()).bind(corpus.organization).bind(corpus.corpus).bind(reservation.numbers.first);
    if query.execute(&mut *tx).await?.rows_affected() == 0 {
        return Ok(false);
    }
    let parts: Vec<(&str, &Part)> = parts.iter().map(|part| (id, part)).collect();
    insert_parts(tx, corpus, reservation.next, &parts).await?;
    reservation.next += signed(parts.len());
    Ok(true)
}

/// Stores a document, with those of its parts that [`put_parts`] has not stored. Returns how many documents it replaces, 0 or 1, as [`put`] does;
/// `None` if its earlier parts are no longer kept.
pub async fn complete(tx: &mut Tx, corpus: &DocumentCorpus, reservation: &Reservation, document: &NewDocument) -> Result<Option<usize>, StoreError> {
    let sql = "delete from hidden_sections where organization_id = $1 and corpus_id = $2 and first_number = $3 and kept_until > 0";
    let query = sqlx::query(sql).bind(corpus.organization).bind(corpus.corpus).bind(reservation.numbers.first);
    if query.execute(&mut *tx).await?.rows_affected() == 0 {
        return Ok(None);
    }
    let parts: Vec<(&str, &Part)> = document.parts.iter().map(|part| (document.id.as_str(), part)).collect();
    insert_parts(tx, corpus, reservation.next, &parts).await?;
    put_rows(tx, corpus, &[(document, reservation.numbers)]).await.map(Some)
}

/// Deletes a document, whose parts are to be removed with [`remove_hidden`]. Returns its title, or `None` if there is no such document.
pub async fn delete(tx: &mut Tx, corpus: &DocumentCorpus, id: &str) -> Result<Option<String>, StoreError> {
    hide(tx, corpus, &json_rows([id])).await?;
    let sql = "delete from documents where organization_id = $1 and corpus_id = $2 and id = $3 returning title";
    Ok(sqlx::query_scalar(sql).bind(corpus.organization).bind(corpus.corpus).bind(id).fetch_optional(tx).await?)
}

/// Removes some of the hidden parts that are no longer kept. Returns whether more are left.
pub async fn remove_hidden(tx: &mut Tx, corpus: &DocumentCorpus) -> Result<bool, StoreError> {
    // An incomplete document that is no longer kept cannot be continued from now on, whatever the clock of another instance says.
    let sql = "update hidden_sections set kept_until = 0 where organization_id = $1 and corpus_id = $2 and kept_until > 0 and kept_until <= $3";
    sqlx::query(sql).bind(corpus.organization).bind(corpus.corpus).bind(Timestamp::now()).execute(&mut *tx).await?;
    let sql = AssertSqlSafe(format!(
        "select s.number from hidden_sections h join document_sections s on s.organization_id = h.organization_id and s.corpus_id = h.corpus_id \
         and s.number between h.first_number and h.last_number \
         where h.organization_id = $1 and h.corpus_id = $2 and h.kept_until = 0 limit {HIDDEN_REMOVED_AT_ONCE}"
    ));
    let numbers: Vec<i64> = sqlx::query_scalar(sql).bind(corpus.organization).bind(corpus.corpus).fetch_all(&mut *tx).await?;
    let is_left = numbers.len() == HIDDEN_REMOVED_AT_ONCE;
    remove_parts(tx, corpus, numbers).await?;
    if !is_left {
        let sql = "delete from hidden_sections where organization_id = $1 and corpus_id = $2 and kept_until = 0";
        sqlx::query(sql).bind(corpus.organization).bind(corpus.corpus).execute(tx).await?;
    }
    Ok(is_left)
}

/// Corpora with hidden parts that are no longer kept.
pub async fn corpora_with_leftovers(store: &Store) -> Result<Vec<DocumentCorpus>, StoreError> {
    let has_leftovers = "exists (select 1 from hidden_sections h where h.organization_id = c.organization_id and h.corpus_id = c.id \
         and h.kept_until <= $1)";
    let sql = AssertSqlSafe(format!("{CORPUS} c.deleted_at is null and {has_leftovers}"));
    Ok(sqlx::query_as(sql).bind(Timestamp::now()).fetch_all(store.read()?).await?)
}

/// Deleted corpora with remaining documents, remaining hidden parts or a remaining index.
pub async fn deleted_corpora(store: &Store) -> Result<Vec<DocumentCorpus>, StoreError> {
    let has_rows = |table: &str| format!("exists (select 1 from {table} d where d.organization_id = c.organization_id and d.corpus_id = c.id)");
    let (has_documents, has_hidden, has_index) = (has_rows("documents"), has_rows("hidden_sections"), store.engine.has_word_index());
    let sql = AssertSqlSafe(format!("{CORPUS} c.deleted_at is not null and ({has_documents} or {has_hidden} or {has_index})"));
    Ok(sqlx::query_as(sql).fetch_all(store.read()?).await?)
}

/// Removes a part of what remains of a deleted corpus. Returns whether there was anything left.
pub async fn remove_some(tx: &mut Tx, corpus: &DocumentCorpus) -> Result<bool, StoreError> {
    let words = tx.word_index(corpus);
    if has_table(tx, &words).await? {
        let mut removed = 0;
        for sql in words.remove_some() {
            removed += sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?.rows_affected();
        }
        if removed == 0
            && let Some(sql) = words.drop_table()
        {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?;
            removed = 1;
        }
        if removed > 0 {
            return Ok(true);
        }
    }
    // The sections first, because `deleted_corpora` finds the corpus by the others.
    for (table, key) in [("document_sections", "number"), ("documents", "id"), ("hidden_sections", "first_number")] {
        let sql = AssertSqlSafe(format!(
            "delete from {table} where organization_id = $1 and corpus_id = $2 and {key} in \
             (select {key} from {table} where organization_id = $1 and corpus_id = $2 limit {REMOVED_AT_ONCE})"
        ));
        let removed = sqlx::query(sql).bind(corpus.organization).bind(corpus.corpus).execute(&mut *tx).await?.rows_affected();
        if removed > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes this many numbers for parts.
async fn take_numbers(tx: &mut Tx, corpus: &DocumentCorpus, count: usize) -> Result<Numbers, StoreError> {
    let sql =
        "update corpora set last_section_number = last_section_number + $1 where organization_id = $2 and id = $3 returning last_section_number";
    let count = signed(count);
    let last: i64 = sqlx::query_scalar(sql).bind(count).bind(corpus.organization).bind(corpus.corpus).fetch_one(tx).await?;
    Ok(Numbers { first: last - count + 1, last })
}

/// Hides the parts of these documents (a JSON array of rows with an id), which are about to be replaced or deleted. Returns the number of documents.
async fn hide(tx: &mut Tx, corpus: &DocumentCorpus, ids: &str) -> Result<usize, StoreError> {
    let sql = format!(
        "insert into hidden_sections (organization_id, corpus_id, first_number, last_number, kept_until) \
         select organization_id, corpus_id, first_number, last_number, 0 from documents \
         where organization_id = $2 and corpus_id = $3 and id in (select value ->> 0 from {})",
        tx.json_rows()
    );
    let hidden = sqlx::query(AssertSqlSafe(sql)).bind(ids).bind(corpus.organization).bind(corpus.corpus).execute(tx).await?;
    Ok(usize::try_from(hidden.rows_affected()).unwrap_or(usize::MAX))
}

/// Inserts or replaces the rows of documents whose parts have these numbers. Hides the parts of those that are replaced, and returns their number.
async fn put_rows(tx: &mut Tx, corpus: &DocumentCorpus, documents: &[(&NewDocument, Numbers)]) -> Result<usize, StoreError> {
    let replaced = hide(tx, corpus, &json_rows(documents.iter().map(|(document, _)| document.id.as_str()))).await?;
    // The condition is needed because SQLite would parse `on conflict` as part of a join.
    let sql = format!(
        "insert into documents (organization_id, corpus_id, id, title, metadata, bytes, sections, first_number, last_number, updated_at) \
         select $2, $3, value ->> 0, value ->> 1, value ->> 2, cast(value ->> 3 as bigint), cast(value ->> 4 as bigint), \
         cast(value ->> 5 as bigint), cast(value ->> 6 as bigint), $4 from {} where true \
         on conflict (organization_id, corpus_id, id) do update set title = excluded.title, metadata = excluded.metadata, \
         bytes = excluded.bytes, sections = excluded.sections, first_number = excluded.first_number, last_number = excluded.last_number, \
         updated_at = excluded.updated_at",
        tx.json_rows()
    );
    let row = |(document, numbers): &(&NewDocument, Numbers)| {
        let NewDocument { id, title, metadata, bytes, sections, .. } = document;
        json!([id, title, metadata, bytes, sections, numbers.first, numbers.last])
    };
    let rows: Value = documents.iter().map(row).collect();
    let query = sqlx::query(AssertSqlSafe(sql)).bind(rows.to_string()).bind(corpus.organization).bind(corpus.corpus).bind(Timestamp::now());
    query.execute(tx).await?;
    Ok(replaced)
}

/// Inserts parts, each with the id of its document, and indexes their words.
async fn insert_parts(tx: &mut Tx, corpus: &DocumentCorpus, first_number: i64, parts: &[(&str, &Part)]) -> Result<(), StoreError> {
    let words = tx.word_index(corpus);
    let (mut rows, mut indexed) = (Vec::new(), Vec::new());
    for (number, (id, part)) in (first_number..).zip(parts) {
        rows.push(json!([number, id, part.section, part.content]));
        indexed.push(json!([number, words.value(&part.words)]));
    }
    if rows.is_empty() {
        return Ok(());
    }
    if !has_table(tx, &words).await? {
        for sql in words.create_table() {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?;
        }
    }
    let sql = format!(
        "insert into document_sections (organization_id, corpus_id, number, document_id, position, content) \
         select $2, $3, cast(value ->> 0 as bigint), value ->> 1, cast(value ->> 2 as bigint), value ->> 3 from {}",
        tx.json_rows()
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(Value::from(rows).to_string()).bind(corpus.organization).bind(corpus.corpus);
    query.execute(&mut *tx).await?;
    let sql = words.insert(tx.json_rows());
    sqlx::query(AssertSqlSafe(sql)).bind(Value::from(indexed).to_string()).execute(&mut *tx).await?;
    merge(tx, &words, parts.iter().map(|(_, part)| part.words.len()).sum()).await
}

/// Removes the parts with these numbers, and their words.
async fn remove_parts(tx: &mut Tx, corpus: &DocumentCorpus, numbers: Vec<i64>) -> Result<(), StoreError> {
    if numbers.is_empty() {
        return Ok(());
    }
    let (words, numbers) = (tx.word_index(corpus), json_rows(numbers));
    let sql = words.delete(tx.json_rows());
    sqlx::query(AssertSqlSafe(sql)).bind(&numbers).execute(&mut *tx).await?;
    let sql = format!(
        "delete from document_sections where organization_id = $2 and corpus_id = $3 \
         and number in (select cast(value ->> 0 as bigint) from {})",
        tx.json_rows()
    );
    sqlx::query(AssertSqlSafe(sql)).bind(&numbers).bind(corpus.organization).bind(corpus.corpus).execute(&mut *tx).await?;
    merge(tx, &words, 0).await
}

async fn merge(tx: &mut Tx, words: &WordIndex, added: usize) -> Result<(), StoreError> {
    if let Some(sql) = words.merge(added) {
        sqlx::query(AssertSqlSafe(sql)).execute(tx).await?;
    }
    Ok(())
}

/// Whether the table of an index exists. A corpus without documents has none.
pub(crate) async fn has_table(db: &mut Connection, words: &WordIndex) -> Result<bool, StoreError> {
    let Some(sql) = words.count_tables() else { return Ok(true) };
    Ok(sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).fetch_one(db).await? > 0)
}

/// A JSON array with a row of one column for each value.
fn json_rows<T: Into<Value>>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| Value::Array(vec![value.into()])).collect::<Value>().to_string()
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Until when an incomplete document is kept of which a part is stored now.
fn kept_until() -> Timestamp {
    Timestamp::now().plus_ms(i64::try_from(INCOMPLETE_KEPT.as_millis()).unwrap_or(i64::MAX))
}
