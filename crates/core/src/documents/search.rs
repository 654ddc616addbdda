//! Queries of the built-in index.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit},
    time::timeout,
};

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
/// Maximum number of concurrent queries of one organization, so that they cannot occupy all permits.
const CONCURRENT_OF_ORGANIZATION_MAX: usize = 2;
/// The permits of each organization with a query that runs or waits.
static ORGANIZATION_PERMITS: LazyLock<Mutex<HashMap<OrganizationId, Arc<Semaphore>>>> = LazyLock::new(Mutex::default);
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
    let _permits = permits(organization).await?;
    let mut db = core.store.begin_read().await?;
    let corpus = find(&mut db, organization, corpus).await?;
    let found = document_search::find(&mut db, &core.store, &corpus, &words, limit.clamp(1, RESULTS_MAX)).await?;
    drop(db);
    Ok(found.into_iter().map(|section| hit(section, &words)).collect())
}

/// Same as [`search`], for a member. Needs *Manage Corpora*.
pub async fn search_as(core: &Core, actor: &Actor, corpus: i64, query: &str, limit: usize) -> Result<Vec<SearchHit>, Error> {
    actor.require(Permission::ManageCorpora)?;
    search(core, actor.organization, corpus, query, limit).await
}

/// Waits until a query of the organization may run. It waits for the organization's other queries first, so that at most two of them are in the
/// queue of all.
async fn permits(organization: OrganizationId) -> Result<(OwnedSemaphorePermit, SemaphorePermit<'static>), Error> {
    let own = organization_permits(organization);
    let wait = async { Ok::<_, AcquireError>((own.acquire_owned().await?, PERMITS.acquire().await?)) };
    timeout(WAIT_LIMIT, wait).await.ok().and_then(Result::ok).ok_or(Error::Unavailable)
}

fn organization_permits(organization: OrganizationId) -> Arc<Semaphore> {
    let mut all = ORGANIZATION_PERMITS.lock().unwrap_or_else(PoisonError::into_inner);
    // Permits and waiting queries hold a reference.
    all.retain(|_, permits| Arc::strong_count(permits) > 1);
    Arc::clone(all.entry(organization).or_insert_with(|| Arc::new(Semaphore::new(CONCURRENT_OF_ORGANIZATION_MAX))))
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
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn queries_of_one_organization_leave_permits_for_others() {
        let (one, other) = (OrganizationId::new(), OrganizationId::new());
        let first = permits(one).await.unwrap();
        let _second = permits(one).await.unwrap();
        assert!(permits(one).now_or_never().is_none());
        assert!(permits(other).now_or_never().is_some_and(|permits| permits.is_ok()));
        drop(first);
        assert!(permits(one).now_or_never().is_some_and(|permits| permits.is_ok()));
        organization_permits(OrganizationId::new());
        let all = ORGANIZATION_PERMITS.lock().unwrap();
        assert!(all.contains_key(&one) && !all.contains_key(&other), "only organizations with queries are kept");
    }

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
