//! Queries of the built-in index.

use std::time::Duration;

use tokio::{sync::Semaphore, time::timeout};

use super::{find, snippet::snippet};
use crate::{Core, actor::Actor};
use latchkey_store::{
    document_search::{self, FoundSection, Rank},
    words::each_word,
};
use latchkey_types::{
    corpus::{QUERY_MAX, RESULTS_MAX, SearchHit},
    error::Error,
    id::OrganizationId,
    permission::Permission,
};

/// Maximum number of different words of a query. Further words are ignored.
const WORDS_MAX: usize = 16;

/// Maximum number of concurrent queries. Each occupies a database connection for up to tens of milliseconds, and callers can be anonymous.
const CONCURRENT_MAX: usize = 4;
static PERMITS: Semaphore = Semaphore::const_new(CONCURRENT_MAX);
/// Maximum time for which a query waits for others.
const WAIT_LIMIT: Duration = Duration::from_secs(5);

/// The sections of a corpus that match a query best, best first: those with all of its words come first. Does not check permissions: the caller
/// must authorize first.
///
/// # Errors
/// `Invalid` at `query` if it is too long; `NotFound` if there is no such corpus; `Unavailable`.
pub async fn search(core: &Core, organization: OrganizationId, corpus: i64, query: &str, limit: usize) -> Result<Vec<SearchHit>, Error> {
    if query.chars().count() > QUERY_MAX {
        return Err(Error::invalid("query", format!("Use at most {QUERY_MAX} characters.")));
    }
    let words = query_words(query);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let _permit = timeout(WAIT_LIMIT, PERMITS.acquire()).await.ok().and_then(Result::ok).ok_or(Error::Unavailable)?;
    let corpus = find(&mut *core.store.connection().await?, organization, corpus).await?;
    let found = document_search::find(&core.store, &corpus, &words, limit.clamp(1, RESULTS_MAX)).await?;
    Ok(found.into_iter().map(|section| hit(section, &words)).collect())
}

/// Same as [`search`], for a member. Needs *Manage Corpora*.
pub async fn search_as(core: &Core, actor: &Actor, corpus: i64, query: &str, limit: usize) -> Result<Vec<SearchHit>, Error> {
    actor.require(Permission::ManageCorpora)?;
    search(core, actor.organization, corpus, query, limit).await
}

/// The first different words of a query, folded.
fn query_words(query: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    each_word(query, |_, word| {
        if words.len() < WORDS_MAX && !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    });
    words
}

fn hit(section: FoundSection, words: &[&str]) -> SearchHit {
    SearchHit {
        document_id: section.document_id,
        title: section.title,
        metadata: section.metadata,
        section: section.section,
        text: snippet(&section.content, words),
        score: score(section.rank),
    }
}

/// A score from 0 to 1: from 0.5 on for sections with all words.
fn score(rank: Rank) -> f64 {
    let base = if rank.has_all_words { 0.5 } else { 0.0 };
    rank.score.clamp(0.0, 1.0).mul_add(0.5, base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_no_syntax() {
        assert_eq!(query_words("\"Wale\" AND (wale* OR NEAR(a b)) -x title:y"), ["wale", "and", "or", "near", "a", "b", "x", "title", "y"]);
        assert!(query_words(" ?!\u{0} ").is_empty());
        let many: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(query_words(&many.join(" ")), many[..WORDS_MAX]);
    }

    #[test]
    fn sections_with_all_words_have_higher_scores() {
        let score = |has_all_words, score_of_words| score(Rank { has_all_words, score: score_of_words });
        assert!(score(true, 0.0) >= score(false, 1.0) && score(true, 0.9) > score(true, 0.1));
        assert!(score(false, 0.0) >= 0.0 && score(true, 1.0) <= 1.0);
    }
}
