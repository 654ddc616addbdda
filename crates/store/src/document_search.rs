//! Finds sections by their words. Only a bounded number of matches is ranked: those with all words, and those with the rarest words.

use std::collections::HashMap;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{
    Connection, Store, StoreError,
    documents::{DocumentCorpus, has_table},
    engine::{RANKED_MAX, WordIndex},
};

/// A section, or a part of a long one, that was found.
#[derive(Debug, Clone)]
pub struct FoundSection {
    pub document_id: String,
    pub title: String,
    /// A JSON object, or empty.
    pub metadata: String,
    /// Position of the section in the document, from 0.
    pub section: i64,
    pub content: String,
    pub rank: Rank,
}

/// How well a section matches; greater is better.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rank {
    pub has_all_words: bool,
    /// From 0 to 1. It increases with the frequency of the words in the section and with their rarity.
    pub score: f64,
}

#[derive(sqlx::FromRow)]
struct RankedRow {
    number: i64,
    score: f64,
}

#[derive(sqlx::FromRow)]
struct SectionRow {
    number: i64,
    document_id: String,
    title: String,
    metadata: String,
    position: i64,
    content: String,
}

/// The best `limit` sections with any of these distinct, folded words, best first: those with all words come first. Its reads must see the same state
/// of the database: see [`Store::begin_read`].
pub async fn find(
    db: &mut Connection,
    store: &Store,
    corpus: &DocumentCorpus,
    words: &[&str],
    limit: usize,
) -> Result<Vec<FoundSection>, StoreError> {
    let index = corpus.word_index(store);
    if words.is_empty() || !has_table(db, &index).await? {
        return Ok(Vec::new());
    }
    let mut ranks = HashMap::new();
    let search = Search { corpus, ranking: index.ranking(words), index, limit: i64::try_from(limit).unwrap_or(i64::MAX) };
    search.rank(db, &search.index.all(words), true, &mut ranks).await?;
    if ranks.len() < limit && words.len() > 1 {
        for expression in search.expressions(db, words).await? {
            search.rank(db, &expression, false, &mut ranks).await?;
        }
    }
    read(db, store, corpus, &best(ranks, limit)).await
}

/// A search in one index.
struct Search<'a> {
    corpus: &'a DocumentCorpus,
    index: WordIndex,
    /// See [`WordIndex::ranking`].
    ranking: Option<String>,
    limit: i64,
}

impl Search<'_> {
    /// Adds the best matches of an expression. A section that was already added keeps its better rank.
    async fn rank(&self, db: &mut Connection, expression: &str, has_all_words: bool, ranks: &mut HashMap<i64, Rank>) -> Result<(), StoreError> {
        let query = sqlx::query_as(AssertSqlSafe(self.index.ranked())).bind(expression).bind(self.limit);
        let query = query.bind(self.corpus.organization).bind(self.corpus.corpus);
        let query = self.ranking.iter().fold(query, |query, ranking| query.bind(ranking.as_str()));
        let rows: Vec<RankedRow> = query.fetch_all(db).await?;
        for RankedRow { number, score } in rows {
            let rank = Rank { has_all_words, score };
            let best = ranks.entry(number).or_insert(rank);
            if *best < rank {
                *best = rank;
            }
        }
        Ok(())
    }

    /// The expressions that find sections with any of the rarest words.
    async fn expressions(&self, db: &mut Connection, words: &[&str]) -> Result<Vec<String>, StoreError> {
        let sql = self.index.count();
        let mut counts = Vec::with_capacity(words.len());
        for word in words {
            let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql.clone())).bind(self.index.all(&[*word])).fetch_one(&mut *db).await?;
            counts.push((count, *word));
        }
        let (rare, others) = split_by_frequency(counts);
        Ok(if rare.is_empty() { Vec::new() } else { self.index.candidates(&rare, &others) })
    }
}

/// The rarest words, which together have at most [`RANKED_MAX`] matches, but at least one word; and the other words. Words without a match are in
/// neither.
fn split_by_frequency(mut counts: Vec<(i64, &str)>) -> (Vec<&str>, Vec<&str>) {
    counts.retain(|(count, _)| *count > 0);
    counts.sort_unstable();
    let mut sum = 0;
    let rare = counts.iter().take_while(|(count, _)| {
        let is_first = sum == 0;
        sum += count;
        is_first || sum <= RANKED_MAX
    });
    let rare_count = rare.count();
    let words: Vec<&str> = counts.into_iter().map(|(_, word)| word).collect();
    let (rare, others) = words.split_at(rare_count);
    (rare.to_vec(), others.to_vec())
}

/// The best `limit` of these, best first. Equal ones are in the order in which they were stored.
fn best(ranks: HashMap<i64, Rank>, limit: usize) -> Vec<(i64, Rank)> {
    let mut sorted: Vec<(i64, Rank)> = ranks.into_iter().collect();
    sorted.sort_by(|(number, rank), (other_number, other)| {
        let by_rank = other.has_all_words.cmp(&rank.has_all_words).then(other.score.total_cmp(&rank.score));
        by_rank.then(number.cmp(other_number))
    });
    sorted.truncate(limit);
    sorted
}

/// The ranked sections in their order.
async fn read(db: &mut Connection, store: &Store, corpus: &DocumentCorpus, ranked: &[(i64, Rank)]) -> Result<Vec<FoundSection>, StoreError> {
    if ranked.is_empty() {
        return Ok(Vec::new());
    }
    let sql = AssertSqlSafe(format!(
        "select s.number, s.document_id, d.title, d.metadata, s.position, s.content from document_sections s \
         join documents d on d.organization_id = s.organization_id and d.corpus_id = s.corpus_id and d.id = s.document_id \
         where s.organization_id = $2 and s.corpus_id = $3 and s.number in (select cast(value ->> 0 as bigint) from {})",
        store.json_rows()
    ));
    let numbers: Value = ranked.iter().map(|(number, _)| json!([number])).collect();
    let rows: Vec<SectionRow> = sqlx::query_as(sql).bind(numbers.to_string()).bind(corpus.organization).bind(corpus.corpus).fetch_all(db).await?;
    let mut by_number: HashMap<i64, SectionRow> = rows.into_iter().map(|row| (row.number, row)).collect();
    let section = |(number, rank): &(i64, Rank)| {
        let SectionRow { document_id, title, metadata, position, content, .. } = by_number.remove(number)?;
        Some(FoundSection { document_id, title, metadata, section: position, content, rank: *rank })
    };
    Ok(ranked.iter().filter_map(section).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use latchkey_test_db::is_on_postgresql;

    use super::*;
    use crate::{
        Tx,
        documents::{self, NewDocument, Part, Reservation},
        testing::open_store,
        users::{self, NewUser},
        words::joined_words,
    };
    use latchkey_types::id::{OrganizationId, UserId};

    /// A corpus in a new organization.
    async fn new_corpus(tx: &mut Tx, customer_id: i64) -> DocumentCorpus {
        let (organization, user) = (OrganizationId::new(), UserId::new());
        users::insert_organization(tx, organization, &format!("org {customer_id}"), customer_id).await.unwrap();
        let owner = NewUser {
            id: user,
            organization,
            role: "owner".to_owned(),
            name: "Ada".to_owned(),
            email: format!("ada@{customer_id}.test"),
            password_hash: String::new(),
        };
        users::insert_user(tx, &owner).await.unwrap();
        let number = crate::corpora::insert(tx, organization, "manuals", user).await.unwrap();
        documents::corpus(tx, organization, number).await.unwrap().unwrap()
    }

    fn document(id: &str, sections: &[&str]) -> NewDocument {
        let part = |(section, content): (i64, &&str)| Part { section, content: (*content).to_owned(), words: joined_words(content) };
        NewDocument {
            id: id.to_owned(),
            title: format!("Title of {id}"),
            metadata: String::new(),
            bytes: 0,
            sections: i64::try_from(sections.len()).unwrap(),
            parts: (0..).zip(sections).map(part).collect(),
        }
    }

    async fn put(store: &Store, corpus: &DocumentCorpus, documents: &[NewDocument]) -> usize {
        let mut tx = store.begin().await.unwrap();
        let replaced = documents::put(&mut tx, corpus, documents).await.unwrap();
        tx.commit().await.unwrap();
        replaced
    }

    async fn search(store: &Store, corpus: &DocumentCorpus, words: &[&str], limit: usize) -> Vec<FoundSection> {
        find(&mut store.begin_read().await.unwrap(), store, corpus, words, limit).await.unwrap()
    }

    /// The ids of the documents of the sections that were found.
    async fn ids(store: &Store, corpus: &DocumentCorpus, words: &[&str], limit: usize) -> Vec<String> {
        search(store, corpus, words, limit).await.into_iter().map(|found| found.document_id).collect()
    }

    /// The texts that were found, sorted.
    async fn texts(store: &Store, corpus: &DocumentCorpus, word: &str, limit: usize) -> Vec<String> {
        let mut texts: Vec<String> = search(store, corpus, &[word], limit).await.into_iter().map(|found| found.content).collect();
        texts.sort();
        texts
    }

    /// Stores these sections as the first ones of a document that has one more.
    async fn put_first(store: &Store, corpus: &DocumentCorpus, id: &str, sections: &[&str]) -> Reservation {
        let mut tx = store.begin().await.unwrap();
        let mut reservation = documents::reserve(&mut tx, corpus, sections.len() + 1).await.unwrap();
        assert!(documents::put_parts(&mut tx, corpus, &mut reservation, id, &document(id, sections).parts).await.unwrap());
        tx.commit().await.unwrap();
        reservation
    }

    /// The number of indexed sections of an organization with one corpus.
    async fn count_words(store: &Store, customer_id: i64) -> i64 {
        if is_on_postgresql() {
            count(store, &format!("section_words where customer_id = {customer_id}")).await
        } else {
            count(store, &format!("corpus_words_{customer_id}_1_docsize")).await
        }
    }

    async fn count(store: &Store, table: &str) -> i64 {
        let sql = AssertSqlSafe(format!("select count(*) from {table}"));
        sqlx::query_scalar(sql).fetch_one(store.read().unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn sections_with_all_words_come_first_then_those_with_rare_ones() {
        let (store, _folder) = open_store().await;
        let mut tx = store.begin().await.unwrap();
        let (corpus, other) = (new_corpus(&mut tx, 7).await, new_corpus(&mut tx, 8).await);
        tx.commit().await.unwrap();
        assert_eq!(ids(&store, &corpus, &["whale"], 10).await, [""; 0], "there is no table yet");
        let mut all: Vec<NewDocument> = (0..50).map(|number| document(&format!("filler {number}"), &["the sea is deep"])).collect();
        all.push(document("whale", &["a white whale", "nothing here"]));
        all.push(document("both", &["far away", "the white whale of the sea and a lot of other words that make this one longer"]));
        assert_eq!(put(&store, &corpus, &all).await, 0);
        put(&store, &other, &[document("foreign", &["a white whale in the sea"])]).await;
        assert_eq!(ids(&store, &corpus, &["sea", "whale"], 3).await, ["both", "whale", "filler 0"]);
        assert_eq!(ids(&store, &corpus, &["whale", "missing"], 10).await, ["whale", "both"]);
        assert_eq!(ids(&store, &other, &["whale"], 10).await, ["foreign"], "each corpus has its own index");
        let found = search(&store, &corpus, &["sea", "whale"], 3).await;
        assert_eq!((found[0].section, found[0].title.as_str(), found[0].rank.has_all_words), (1, "Title of both", true));
        assert!(!found[1].rank.has_all_words && found[1].rank.score > found[2].rank.score);
        assert!(found.iter().all(|found| (0.0..1.0).contains(&found.rank.score)));
    }

    #[tokio::test]
    async fn a_document_is_replaced_with_its_words() {
        let (store, _folder) = open_store().await;
        let mut tx = store.begin().await.unwrap();
        let corpus = new_corpus(&mut tx, 7).await;
        tx.commit().await.unwrap();
        put(&store, &corpus, &[document("a", &["apple", "shared"]), document("b", &["pear"])]).await;
        assert_eq!(put(&store, &corpus, &[document("a", &["cherry"]), document("c", &["shared"])]).await, 1);
        assert_eq!(ids(&store, &corpus, &["apple"], 10).await, [""; 0]);
        assert_eq!(ids(&store, &corpus, &["cherry"], 10).await, ["a"]);
        assert_eq!(ids(&store, &corpus, &["shared"], 10).await, ["c"]);
        let mut tx = store.begin().await.unwrap();
        assert_eq!(documents::delete(&mut tx, &corpus, "b").await.unwrap().as_deref(), Some("Title of b"));
        assert_eq!(documents::delete(&mut tx, &corpus, "b").await.unwrap(), None);
        tx.commit().await.unwrap();
        assert_eq!(ids(&store, &corpus, &["pear"], 10).await, [""; 0]);
    }

    #[tokio::test]
    async fn parts_are_found_once_their_document_is_complete() {
        let (store, _folder) = open_store().await;
        let mut tx = store.begin().await.unwrap();
        let corpus = new_corpus(&mut tx, 7).await;
        tx.commit().await.unwrap();
        put(&store, &corpus, &[document("large", &["an old part of it"])]).await;
        let reservation = put_first(&store, &corpus, "large", &["part", "part part"]).await;
        put(&store, &corpus, &[document("small", &["a small part of it"])]).await;
        assert_eq!(texts(&store, &corpus, "part", 1).await, ["an old part of it"], "the others match better, but take no place");
        assert_eq!(texts(&store, &corpus, "part", 10).await, ["a small part of it", "an old part of it"]);
        let mut tx = store.begin().await.unwrap();
        let rest = document("large", &["the last part"]);
        assert_eq!(documents::complete(&mut tx, &corpus, &reservation, &rest).await.unwrap(), Some(1));
        tx.commit().await.unwrap();
        let complete = ["a small part of it", "part", "part part", "the last part"];
        assert_eq!(texts(&store, &corpus, "part", 10).await, complete);
        let mut tx = store.begin().await.unwrap();
        assert!(!documents::remove_hidden(&mut tx, &corpus).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(texts(&store, &corpus, "part", 10).await, complete);
        assert_eq!((count(&store, "document_sections").await, count(&store, "hidden_sections").await), (4, 0));
    }

    #[tokio::test]
    async fn an_interrupted_document_is_removed_and_cannot_be_completed() {
        let (store, _folder) = open_store().await;
        let mut tx = store.begin().await.unwrap();
        let corpus = new_corpus(&mut tx, 7).await;
        tx.commit().await.unwrap();
        let mut reservation = put_first(&store, &corpus, "large", &["part", "part"]).await;
        assert!(documents::corpora_with_leftovers(&store).await.unwrap().is_empty(), "it may still be completed");
        let mut tx = store.begin().await.unwrap();
        assert!(!documents::remove_hidden(&mut tx, &corpus).await.unwrap());
        sqlx::query("update hidden_sections set kept_until = 1").execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(count(&store, "document_sections").await, 2);
        assert_eq!(documents::corpora_with_leftovers(&store).await.unwrap().len(), 1);
        let mut tx = store.begin().await.unwrap();
        assert!(!documents::remove_hidden(&mut tx, &corpus).await.unwrap());
        let rest = document("large", &["the last part"]);
        assert!(!documents::put_parts(&mut tx, &corpus, &mut reservation, "large", &rest.parts).await.unwrap());
        assert_eq!(documents::complete(&mut tx, &corpus, &reservation, &rest).await.unwrap(), None);
        tx.commit().await.unwrap();
        for table in ["documents", "document_sections", "hidden_sections"] {
            assert_eq!(count(&store, table).await, 0, "{table}");
        }
        assert_eq!(count_words(&store, 7).await, 0);
    }

    #[tokio::test]
    async fn a_search_sees_one_state_of_the_database() {
        let (store, _folder) = open_store().await;
        let mut tx = store.begin().await.unwrap();
        let corpus = new_corpus(&mut tx, 7).await;
        tx.commit().await.unwrap();
        put(&store, &corpus, &[document("a", &["apple"])]).await;
        let mut db = store.begin_read().await.unwrap();
        assert!(documents::corpus(&mut db, corpus.organization, corpus.corpus).await.unwrap().is_some());
        assert_eq!(put(&store, &corpus, &[document("a", &["apple pie"]), document("b", &["apple"])]).await, 1);
        let found = find(&mut db, &store, &corpus, &["apple"], 10).await.unwrap();
        assert_eq!(found.iter().map(|found| found.content.as_str()).collect::<Vec<_>>(), ["apple"]);
        drop(db);
        assert_eq!(texts(&store, &corpus, "apple", 10).await, ["apple", "apple pie"]);
    }

    #[tokio::test]
    async fn a_large_replaced_document_is_removed_in_steps() {
        let (store, _folder) = open_store().await;
        let mut tx = store.begin().await.unwrap();
        let corpus = new_corpus(&mut tx, 7).await;
        tx.commit().await.unwrap();
        put(&store, &corpus, &[document("a", &["apple"; 150]), document("b", &["apple pie"])]).await;
        assert_eq!(put(&store, &corpus, &[document("a", &["cherry"])]).await, 1);
        for (is_left, remaining) in [(true, 52), (false, 2)] {
            assert_eq!(texts(&store, &corpus, "apple", 100).await, ["apple pie"]);
            let mut tx = store.begin().await.unwrap();
            assert_eq!(documents::remove_hidden(&mut tx, &corpus).await.unwrap(), is_left);
            tx.commit().await.unwrap();
            assert_eq!(count(&store, "document_sections").await, remaining);
        }
        assert_eq!((count(&store, "hidden_sections").await, count_words(&store, 7).await), (0, 2));
    }

    #[tokio::test]
    async fn nothing_remains_of_a_deleted_corpus() {
        let (store, _folder) = open_store().await;
        let mut tx = store.begin().await.unwrap();
        let (full, kept, incomplete) = (new_corpus(&mut tx, 7).await, new_corpus(&mut tx, 8).await, new_corpus(&mut tx, 9).await);
        tx.commit().await.unwrap();
        for corpus in [&full, &kept] {
            put(&store, corpus, &[document("a", &["apple"]), document("b", &["pear"])]).await;
        }
        put_first(&store, &incomplete, "a", &["apple"]).await;
        let mut tx = store.begin().await.unwrap();
        for corpus in [&full, &incomplete] {
            crate::corpora::delete(&mut tx, corpus.organization, corpus.corpus).await.unwrap();
        }
        // As after an interruption: the index is gone, and the hidden parts are not.
        let drop_index = if is_on_postgresql() { "delete from section_words where customer_id = 9" } else { "drop table corpus_words_9_1" };
        sqlx::query(drop_index).execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        let deleted = documents::deleted_corpora(&store).await.unwrap();
        assert_eq!(deleted.iter().map(|deleted| deleted.customer_id).collect::<BTreeSet<_>>(), BTreeSet::from([7, 9]));
        let mut tx = store.begin().await.unwrap();
        for corpus in &deleted {
            while documents::remove_some(&mut tx, corpus).await.unwrap() {}
        }
        tx.commit().await.unwrap();
        assert!(documents::deleted_corpora(&store).await.unwrap().is_empty());
        let indexes = if is_on_postgresql() {
            "section_words where customer_id in (7, 9)"
        } else {
            "sqlite_master where name like 'corpus_words_7%' or name like 'corpus_words_9%'"
        };
        let remaining = count(&store, indexes).await;
        let counts = (count(&store, "documents").await, count(&store, "document_sections").await, count(&store, "hidden_sections").await);
        assert_eq!((counts, remaining), ((2, 2, 0), 0));
        assert_eq!(ids(&store, &kept, &["pear"], 10).await, ["b"]);
    }

    #[test]
    fn rare_words_have_few_matches_together() {
        let split = |counts: &[(i64, &'static str)]| split_by_frequency(counts.to_vec());
        assert_eq!(split(&[(4001, "the"), (10, "whale"), (0, "x"), (3990, "sea")]), (vec!["whale", "sea"], vec!["the"]));
        assert_eq!(split(&[(4001, "the"), (4001, "a")]), (vec!["a"], vec!["the"]));
        assert_eq!(split(&[(0, "x")]), (vec![], vec![]));
    }
}
