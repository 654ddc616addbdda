//! Documents of corpora, and the built-in index that answers queries.

mod parse;
mod prepare;
pub mod purge;
mod search;
mod snippet;
mod write;

pub use search::{search, search_as};
pub use write::{index_with_key, upload, upload_file};

use super::{Core, actor::Actor};
use latchkey_store::{self as store, Connection, documents::DocumentCorpus};
use latchkey_types::{
    corpus::{DOCUMENT_ID_MAX, DocumentList},
    error::Error,
    id::OrganizationId,
    listing::ROWS_MAX,
    permission::Permission,
};

/// At most `limit` documents of a corpus, sorted by id, that follow the id `after` if it is given. Needs *Manage Corpora*.
///
/// # Errors
/// `Invalid` at `after`; `NotFound` if there is no such corpus.
pub async fn list(core: &Core, actor: &Actor, corpus: i64, after: Option<&str>, limit: usize) -> Result<DocumentList, Error> {
    actor.require(Permission::ManageCorpora)?;
    let after = after.unwrap_or_default();
    if after.chars().count() > DOCUMENT_ID_MAX || after.chars().any(char::is_control) {
        return Err(Error::invalid("after", "This is not the ID of a document."));
    }
    let mut db = core.store.connection().await?;
    find(&mut db, actor.organization, corpus).await?;
    let limit = limit.clamp(1, ROWS_MAX);
    let with_next = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let mut documents = store::documents::list(&mut db, actor.organization, corpus, after, with_next).await?;
    let has_next = documents.len() > limit;
    documents.truncate(limit);
    let next = documents.last().filter(|_| has_next).map(|document| document.id.clone());
    Ok(DocumentList { documents, next })
}

/// Deletes a document permanently. Needs *Manage Corpora*.
pub async fn delete(core: &Core, actor: &Actor, corpus: i64, id: &str) -> Result<(), Error> {
    let mut change = core.begin(actor, &[Permission::ManageCorpora]).await?;
    let corpus = find(&mut change.tx, change.actor.organization, corpus).await?;
    // The database rejects such an id.
    prepare::document_id("id", id).map_err(|_| Error::NotFound)?;
    let title = store::documents::delete(&mut change.tx, &corpus, id).await?.ok_or(Error::NotFound)?;
    let is_left = store::documents::remove_hidden(&mut change.tx, &corpus).await?;
    let name = if title.is_empty() { id } else { title.as_str() };
    let event = change.event("document.deleted", "document", id, name).with("corpus", corpus.name.as_str());
    change.commit([event]).await?;
    if is_left {
        purge::remove_hidden(&core.store, &corpus).await;
    }
    Ok(())
}

async fn find(db: &mut Connection, organization: OrganizationId, corpus: i64) -> Result<DocumentCorpus, Error> {
    store::documents::corpus(db, organization, corpus).await?.ok_or(Error::NotFound)
}
