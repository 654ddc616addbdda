//! Documents of corpora, and their full-text indexes.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{Connection, Store, StoreError, Tx, engine::WordIndex};
use latchkey_types::{corpus::DocumentRow, id::OrganizationId, time::Timestamp};

/// Number of rows that [`remove_some`] deletes at once.
const REMOVED_AT_ONCE: i64 = 250;

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

/// Stores documents with distinct ids. Replaces those with the same ids, and returns their number.
pub async fn put(tx: &mut Tx, corpus: &DocumentCorpus, documents: &[NewDocument]) -> Result<usize, StoreError> {
    let ids = json_rows(documents.iter().map(|document| document.id.as_str()));
    let number = next_number(tx, corpus).await?;
    let sql = format!(
        "select count(*) from documents where organization_id = $2 and corpus_id = $3 and id in (select value ->> 0 from {})",
        tx.json_rows()
    );
    let replaced: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).bind(&ids).bind(corpus.organization).bind(corpus.corpus).fetch_one(&mut *tx).await?;
    if replaced > 0 {
        remove_parts(tx, corpus, &ids).await?;
    }
    insert_rows(tx, corpus, documents).await?;
    let parts: Vec<(&str, &Part)> = documents.iter().flat_map(|document| document.parts.iter().map(|part| (document.id.as_str(), part))).collect();
    insert_parts(tx, corpus, number, &parts).await?;
    Ok(usize::try_from(replaced).unwrap_or_default())
}

/// Stores parts of a document that follow in a later transaction. Until [`adopt`], they belong to `holder`, which is not the id of a document, and
/// are not found.
pub async fn put_parts(tx: &mut Tx, corpus: &DocumentCorpus, holder: &str, parts: &[Part]) -> Result<(), StoreError> {
    let number = next_number(tx, corpus).await?;
    let parts: Vec<(&str, &Part)> = parts.iter().map(|part| (holder, part)).collect();
    insert_parts(tx, corpus, number, &parts).await
}

/// Moves the parts of `holder` to a stored document.
pub async fn adopt(tx: &mut Tx, corpus: &DocumentCorpus, holder: &str, id: &str) -> Result<(), StoreError> {
    let sql = "update document_sections set document_id = $1 where organization_id = $2 and corpus_id = $3 and document_id = $4";
    sqlx::query(sql).bind(id).bind(corpus.organization).bind(corpus.corpus).bind(holder).execute(tx).await?;
    Ok(())
}

/// Deletes a document. Returns its title, or `None` if there is no such document.
pub async fn delete(tx: &mut Tx, corpus: &DocumentCorpus, id: &str) -> Result<Option<String>, StoreError> {
    let sql = "delete from documents where organization_id = $1 and corpus_id = $2 and id = $3 returning title";
    let title: Option<String> = sqlx::query_scalar(sql).bind(corpus.organization).bind(corpus.corpus).bind(id).fetch_optional(&mut *tx).await?;
    if title.is_some() {
        remove_parts(tx, corpus, &json_rows([id])).await?;
    }
    Ok(title)
}

/// Deleted corpora with remaining documents or a remaining index.
pub async fn deleted_corpora(store: &Store) -> Result<Vec<DocumentCorpus>, StoreError> {
    let has_documents = "exists (select 1 from documents d where d.organization_id = c.organization_id and d.corpus_id = c.id)";
    let has_index = store.engine.has_word_index();
    let sql = AssertSqlSafe(format!("{CORPUS} c.deleted_at is not null and ({has_documents} or {has_index})"));
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
    // The documents last, because `deleted_corpora` finds the corpus by them.
    for (table, key) in [("document_sections", "number"), ("documents", "id")] {
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

/// The number of the next part. Call it before removing parts, so that new parts have other numbers.
async fn next_number(tx: &mut Tx, corpus: &DocumentCorpus) -> Result<i64, StoreError> {
    let sql = "select coalesce(max(number), 0) + 1 from document_sections where organization_id = $1 and corpus_id = $2";
    Ok(sqlx::query_scalar(sql).bind(corpus.organization).bind(corpus.corpus).fetch_one(tx).await?)
}

async fn insert_rows(tx: &mut Tx, corpus: &DocumentCorpus, documents: &[NewDocument]) -> Result<(), StoreError> {
    // The condition is needed because SQLite would parse `on conflict` as part of a join.
    let sql = format!(
        "insert into documents (organization_id, corpus_id, id, title, metadata, bytes, sections, updated_at) \
         select $2, $3, value ->> 0, value ->> 1, value ->> 2, cast(value ->> 3 as bigint), cast(value ->> 4 as bigint), $4 from {} where true \
         on conflict (organization_id, corpus_id, id) do update set title = excluded.title, metadata = excluded.metadata, \
         bytes = excluded.bytes, sections = excluded.sections, updated_at = excluded.updated_at",
        tx.json_rows()
    );
    let rows: Value =
        documents.iter().map(|document| json!([document.id, document.title, document.metadata, document.bytes, document.sections])).collect();
    let query = sqlx::query(AssertSqlSafe(sql)).bind(rows.to_string()).bind(corpus.organization).bind(corpus.corpus).bind(Timestamp::now());
    query.execute(tx).await?;
    Ok(())
}

/// Inserts parts, each with the id of its document or holder, and indexes their words.
async fn insert_parts(tx: &mut Tx, corpus: &DocumentCorpus, first_number: i64, parts: &[(&str, &Part)]) -> Result<(), StoreError> {
    let words = tx.word_index(corpus);
    let (mut rows, mut indexed) = (Vec::new(), Vec::new());
    for (number, (holder, part)) in (first_number..).zip(parts) {
        rows.push(json!([number, holder, part.section, part.content]));
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

/// Removes the parts of these holders (a JSON array of rows) and their words.
async fn remove_parts(tx: &mut Tx, corpus: &DocumentCorpus, holders: &str) -> Result<(), StoreError> {
    let sql = format!(
        "select number from document_sections where organization_id = $2 and corpus_id = $3 and document_id in (select value ->> 0 from {})",
        tx.json_rows()
    );
    let numbers: Vec<i64> =
        sqlx::query_scalar(AssertSqlSafe(sql)).bind(holders).bind(corpus.organization).bind(corpus.corpus).fetch_all(&mut *tx).await?;
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
